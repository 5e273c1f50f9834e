//! `completions/` and `man/` equal what the parser says. `MCPAUTH_BLESS=1 cargo test --test generated` rewrites them. And
//! where a document holds what a run has written, that is there and whole.

#![expect(clippy::unwrap_used, reason = "a file that cannot be read or written has failed the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use clap::ValueEnum as _;
use clap_complete::{Generator as _, Shell};
use mcpauth::commands;

/// Names of files and what is in them.
type Files = BTreeMap<String, String>;

#[test]
fn the_completions_are_those_of_the_parser() {
    let scripts: Files = Shell::value_variants()
        .iter()
        .map(|shell| (shell.file_name("mcpauth"), commands::completion_script(*shell)))
        .collect();
    assert_eq!(
        scripts.keys().collect::<Vec<_>>(),
        ["_mcpauth", "_mcpauth.ps1", "mcpauth.bash", "mcpauth.elv", "mcpauth.fish"]
    );
    stands_in("completions", &scripts);
}

#[test]
fn the_manual_pages_are_those_of_the_parser() {
    let pages: Files = commands::man_pages().into_iter().collect();
    let mut wanted = Vec::new();
    name_pages(&commands::command(), "mcpauth", &mut wanted);
    wanted.sort();
    assert_eq!(pages.keys().cloned().collect::<Vec<_>>(), wanted, "one page for each command");
    stands_in("man", &pages);
}

#[test]
fn what_runs_write_into_documents_is_there() {
    let matrix = include_str!("../docs/matrix.md");
    for mark in ["<!-- matrix -->", "<!-- hosts_table -->"] {
        let rows = rows_between(matrix, mark, "<!-- end -->");
        assert!(rows.len() > 1, "no rows in {mark}\nhint: run `tests/peers/run --report`");
        assert!(rows.iter().all(|row| !row.contains("not reached") && !row.contains("**no**")), "{rows:#?}");
    }
}

#[test]
fn every_scenario_of_the_proof_has_its_figures_and_its_words() {
    let document = include_str!("../docs/proof.md");
    let source = include_str!("proof/main.rs").split("Scenario { name: \"").skip(1);
    let scenarios: Vec<&str> = source.filter_map(|rest| rest.split('"').next()).collect();
    assert!(scenarios.contains(&"bridges"), "{scenarios:?}");
    let rows =
        rows_between(document, "<!-- figures: written by the proof -->", "<!-- end of the figures -->");
    let cells = rows.iter().map(|row| row.split(" | ").take(2).collect::<Vec<_>>());
    let wanted: Vec<String> = scenarios.iter().map(|name| format!("| {name}")).collect();
    assert_eq!(
        cells.collect::<Vec<_>>(),
        wanted.iter().map(|name| vec![name.as_str(), "holds"]).collect::<Vec<_>>(),
        "hint: cargo test --test proof -- SCENARIO --long --report docs/proof.md"
    );
    let told = rows_between(document, "## What is played", "## Figures");
    let told = told.iter().filter_map(|row| row.strip_prefix("| `")?.split('`').next());
    assert_eq!(told.collect::<Vec<_>>(), scenarios);
}

/// The rows of the table between two marks, without its head.
fn rows_between<'a>(text: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    let (_, rest) = text.split_once(begin).unwrap();
    let (table, _) = rest.split_once(end).unwrap();
    table.lines().filter(|line| line.starts_with("| ")).skip(1).collect()
}

/// The page of a command that people see, and of each below it.
fn name_pages(command: &clap::Command, name: &str, pages: &mut Vec<String>) {
    pages.push(format!("{name}.1"));
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        name_pages(subcommand, &format!("{name}-{}", subcommand.get_name()), pages);
    }
}

/// Fails unless the folder holds exactly these files.
fn stands_in(folder: &str, wanted: &Files) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    if std::env::var_os("MCPAUTH_BLESS").is_some() {
        bless(&path, wanted);
    }
    let found = read(&path);
    let differing: BTreeSet<&String> =
        wanted.keys().chain(found.keys()).filter(|name| wanted.get(*name) != found.get(*name)).collect();
    assert!(
        differing.is_empty(),
        "{folder}/ is not what the parser says: {differing:?}\nhint: run `MCPAUTH_BLESS=1 cargo test --test generated`"
    );
}

fn read(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.map(|file| (name_of(&file), fs::read_to_string(&file).unwrap())).collect()
}

fn bless(folder: &Path, wanted: &Files) {
    fs::create_dir_all(folder).unwrap();
    for stale in read(folder).keys().filter(|name| !wanted.contains_key(*name)) {
        fs::remove_file(folder.join(stale)).unwrap();
    }
    for (name, text) in wanted {
        fs::write(folder.join(name), text).unwrap();
    }
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap().to_str().unwrap().to_owned()
}
