//! What the README shows is true of the program: every command line parses, every configuration is read, the tables
//! are those of the code.

#![expect(clippy::unwrap_used, reason = "a README that cannot be read so has failed the test")]

use std::path::Path;

use mcpauth::commands;
use mcpauth::config::Settings;
use mcpauth::error::EXIT_CODES;

const README: &str = include_str!("../README.md");

#[test]
fn every_command_line_is_one_that_the_program_takes() {
    let mut lines = Vec::new();
    for (language, text) in blocks() {
        match language {
            "sh" => lines.extend(shell_commands(text)),
            "json" => lines.extend(configured(&serde_json::from_str(text).unwrap())),
            "toml" => lines.extend(helpers(text)),
            other => panic!("a block in `{other}` that no test reads"),
        }
    }
    let ours: Vec<_> = lines.iter().filter_map(|words| arguments(words)).collect();
    for words in &ours {
        let parsed = commands::command().try_get_matches_from(words);
        assert!(parsed.is_ok(), "{words:?}: {}", parsed.unwrap_err());
    }
    let shown = |name: &str| ours.iter().any(|words| words.get(1).is_some_and(|word| word == name));
    for name in ["login", "logout", "token", "headers", "exec", "call", "status", "list", "sandbox", "demo"] {
        assert!(shown(name), "no example of {name}");
    }
}

#[test]
fn the_configuration_is_one_that_the_program_reads() {
    let texts: Vec<_> =
        blocks().filter(|(language, text)| *language == "toml" && !text.contains("mcp_servers")).collect();
    assert_eq!(texts.len(), 1);
    let settings: Settings = toml::from_str(texts[0].1).unwrap();
    let written = toml::Table::try_from(&settings).unwrap();
    assert_eq!(written, texts[0].1.parse::<toml::Table>().unwrap(), "nothing is lost on the way");
}

#[test]
fn the_table_of_exit_codes_is_that_of_the_code() {
    let expected = EXIT_CODES.map(|(code, meaning)| vec![code.to_owned(), meaning.to_owned()]);
    assert_eq!(table("exit code"), expected);
}

#[test]
fn the_table_of_commands_is_that_of_the_parser() {
    let named: Vec<String> = table("command").into_iter().map(|mut row| row.swap_remove(0)).collect();
    let command = commands::command();
    let all = command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set());
    assert_eq!(named, all.map(|subcommand| format!("`{}`", subcommand.get_name())).collect::<Vec<_>>());
}

#[test]
fn every_variable_is_the_twin_of_a_flag() {
    let mut twins = vec!["MCPAUTH_SERVER".to_owned()];
    collect_twins(&commands::command(), &mut twins);
    let is_part = |c: char| c.is_ascii_uppercase() || c == '_';
    let variables: Vec<&str> =
        README.split(|c| !is_part(c)).filter(|word| word.len() > 8 && word.starts_with("MCPAUTH_")).collect();
    assert!(variables.len() > 3);
    for variable in variables {
        assert!(twins.iter().any(|twin| twin == variable), "{variable}");
    }
}

fn collect_twins(command: &clap::Command, twins: &mut Vec<String>) {
    let variables = command.get_arguments().filter_map(clap::Arg::get_env);
    twins.extend(variables.map(|variable| variable.to_str().unwrap().to_owned()));
    command.get_subcommands().for_each(|subcommand| collect_twins(subcommand, twins));
}

#[test]
fn hints_and_comments_name_only_commands_that_exist() {
    let command = commands::command();
    let mut named = Vec::new();
    collect_named(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut named);
    assert!(named.len() > 20, "{named:?}");
    for name in named {
        let exists = command.get_subcommands().any(|subcommand| subcommand.get_name() == name);
        assert!(exists || name == "help", "`mcpauth {name}` is named, and there is none");
    }
}

/// The first word of every command line of ours that stands in backticks in the sources below a folder.
fn collect_named(folder: &Path, named: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            collect_named(&entry.path(), named);
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let rests = text.split("`mcpauth ").skip(1);
            let words = rests.filter_map(|rest| rest.split(|c: char| !c.is_ascii_lowercase()).next());
            named.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
        }
    }
}

/// The fenced blocks: language and text.
fn blocks() -> impl Iterator<Item = (&'static str, &'static str)> {
    README.split("\n```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap())
}

/// The rows of the table whose first column is headed so.
fn table(heading: &str) -> Vec<Vec<String>> {
    let start = README.find(&format!("\n| {heading} |")).unwrap() + 1;
    let rows = README[start..].lines().take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// What a client's configuration starts.
fn configured(document: &serde_json::Value) -> Vec<Vec<String>> {
    let servers = document["mcpServers"].as_object().into_iter().flatten();
    let line = |server: &serde_json::Value| {
        if let Some(helper) = server["headersHelper"].as_str() {
            return helper.split(' ').map(str::to_owned).collect();
        }
        let arguments = server["args"].as_array().unwrap().iter();
        let words = std::iter::once(&server["command"]).chain(arguments);
        words.map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    servers.map(|(_, server)| line(server)).collect()
}

/// The header helpers in a configuration of Codex.
fn helpers(text: &str) -> Vec<Vec<String>> {
    let document: toml::Table = text.parse().unwrap();
    let servers = document.get("mcp_servers").and_then(toml::Value::as_table).into_iter().flatten();
    let helper = |server: &toml::Value| server["http_headers_helper"].as_str().unwrap().to_owned();
    servers.map(|(_, server)| helper(server).split(' ').map(str::to_owned).collect()).collect()
}

/// The words for the parser, if it is our program that is called.
fn arguments(words: &[String]) -> Option<Vec<String>> {
    let start = words.iter().position(|word| !word.contains('='))?;
    let program = words[start].rsplit('/').next()?;
    match program {
        "mcpauth" => Some(words[start..].to_vec()),
        "cargo" if words[start + 1] == "run" => {
            let end = words.iter().position(|word| word == "--")?;
            Some(std::iter::once("mcpauth".to_owned()).chain(words[end + 1..].iter().cloned()).collect())
        }
        _ => None,
    }
}

/// The commands of a script, in words; as much of a shell as the README needs.
fn shell_commands(script: &str) -> Vec<Vec<String>> {
    let mut script = script.replace("\\\n", " ");
    let mut commands = Vec::new();
    while let Some((before, rest)) = script.split_once("$(") {
        let (inner, after) = rest.split_once(')').unwrap();
        commands.extend(shell_commands(inner));
        script = format!("{before}substituted{after}");
    }
    for line in script.lines() {
        let words = shell_words(line);
        commands.extend(words.split(|word| ["|", "||", "&&", ";"].contains(&word.as_str())).map(redirected));
    }
    commands
}

/// The words of a line, without their quotes.
fn shell_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in line.chars().chain([' ']) {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, ' ') if word.is_empty() => {}
            (None, ' ') => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    assert_eq!(quote, None, "{line}");
    words
}

/// A command without its redirections: `> FILE` and `3< FILE`.
fn redirected(words: &[String]) -> Vec<String> {
    let end = words.iter().position(|word| word.ends_with(['<', '>'])).unwrap_or(words.len());
    assert!(words.len() - end == 0 || words.len() - end == 2, "{words:?}");
    words[..end].to_vec()
}
