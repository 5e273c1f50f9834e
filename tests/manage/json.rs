//! `--json`: one object on one line, with its schema number first and names that stay.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use mcpauth::sandbox::SandboxOptions;
use serde_json::Value;

use crate::support::World;
use crate::support::steps::run;

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn every_command_answers_with_one_object_of_stable_names() {
    let world = World::signed_in(SandboxOptions::default());
    let other = World::new();
    let add = format!("server add {} --name other", other.url());
    for (line, expected) in [
        ("token box", "access_token token_type expires_at scope server account url"),
        ("token box --header", "field value"),
        ("token box --field scope", "field value"),
        ("status", "store logins"),
        ("list", "logins"),
        ("refresh box", "refreshed"),
        ("discover box", "steps found"),
        ("doctor", "ok findings"),
        ("audit verify", "lines first last breaks"),
        (add.as_str(), "server issuer"),
        ("server set other --env OTHER", "server issuer"),
        ("server show other", "name url env"),
        ("server list", "servers default"),
        ("server test box", "ok findings"),
        ("server remove other", "removed"),
        ("completions bash", "shell script"),
        ("man token", "page text"),
        ("man --out .", "pages"),
        ("demo --auto-consent", "answer"),
        ("logout --all", "logouts"),
    ] {
        let args: Vec<&str> = line.split(' ').chain(["--json"]).collect();
        let mut command = world.command(&args);
        command.current_dir(world.home());
        let ran = run(command);
        let answer = ran.succeeded().json();
        assert_eq!(ran.stdout.matches('\n').count(), 1, "{line}: {ran:?}");
        let expected: Vec<&str> = std::iter::once("schema").chain(expected.split(' ')).collect();
        assert_eq!((names(&answer), &answer["schema"]), (expected, &1.into()), "{line}");
    }
}

#[test]
fn a_login_is_told_in_the_same_words_everywhere() {
    let world = World::signed_in(SandboxOptions::default());
    let listed = world.run(&["list", "--json"]).json()["logins"][0].clone();
    assert_eq!(names(&listed), ["login", "client", "tokens", "status"]);
    let status = world.run(&["status", "--json"]).json()["logins"][0].clone();
    assert_eq!(names(&status), ["login", "client", "tokens", "status", "expires_in", "overrides"]);
    for part in ["login", "client", "tokens"] {
        assert_eq!(status[part], listed[part]);
    }
    assert_eq!((&status["status"], &listed["status"]), (&"active".into(), &"active".into()));
    let refreshed = world.run(&["refresh", "box", "--json"]).json()["refreshed"][0].clone();
    assert_eq!(
        (names(&refreshed), &refreshed["login"]["refresh_count"]),
        (vec!["login", "client", "tokens"], &1.into())
    );
}

#[test]
fn where_nothing_is_there_the_answer_is_an_empty_list() {
    let world = World::new();
    assert_eq!(world.run(&["list", "--json"]).succeeded().stdout, "{\"schema\":1,\"logins\":[]}\n");
    let servers = world.run(&["server", "list", "--json"]);
    assert_eq!(servers.succeeded().stdout, "{\"schema\":1,\"servers\":[],\"default\":null}\n");
    let status = world.run(&["status", "--json"]);
    assert_eq!((status.exit, status.json()["logins"].as_array().unwrap().len()), (3, 0));
}

#[test]
fn a_sandbox_says_where_it_is() {
    let world = World::new();
    let mut sandbox =
        world.command(&["sandbox", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(sandbox.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    sandbox.kill().unwrap();
    sandbox.wait().unwrap();
    let answer: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(names(&answer), ["schema", "url", "sse_url", "websocket_url", "issuer", "imitates"]);
    assert_eq!(answer["url"], format!("{}/mcp", answer["issuer"].as_str().unwrap()));
}

#[test]
fn quiet_leaves_the_answer_and_nothing_else() {
    let world = World::signed_in(SandboxOptions::default());
    for (line, answers) in [
        ("token box", true),
        ("status", true),
        ("list", true),
        ("discover box", true),
        ("audit", true),
        ("server list", true),
        ("server test box", true),
        ("refresh box", false),
        ("server set box --env BOX", false),
        ("logout box", false),
        ("list", false),
        ("server remove box", false),
        ("server list", false),
    ] {
        for quiet in ["-q", "--quiet"].iter().take(if answers { 2 } else { 1 }) {
            let ran = world.run(&line.split(' ').chain([*quiet]).collect::<Vec<_>>());
            assert_eq!((ran.succeeded().stderr.as_str(), !ran.stdout.is_empty()), ("", answers), "{line}");
        }
    }
    let missing = world.run(&["token", "https://mcp.example.com/mcp", "-q"]);
    missing.failed_with(3, "not signed in");
}
