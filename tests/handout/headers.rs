//! `headers`: what a client's header helper gets, and when a repeated question means that a token was refused.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use serde_json::{Value, json};

use crate::support::World;
use crate::support::steps::run;

/// A shell under another name: a client, and not one of the helpers that are looked through.
fn client(world: &World, name: &str, script: &str) -> Command {
    let path = world.home().join(name);
    if !path.exists() {
        let shell = which::which("sh").unwrap();
        symlink(shell, &path).unwrap();
    }
    let shell = world.shell(script, &[]);
    let mut client = Command::new(path);
    client.args(shell.get_args()).env_clear().stdin(Stdio::null());
    client.envs(shell.get_envs().map(|(name, value)| (name, value.unwrap())));
    client
}

fn refreshes(world: &World) -> u64 {
    world.sandbox.books().refreshes
}

#[test]
fn the_answer_is_one_flat_object_of_names_and_texts() {
    let world = World::signed_in(SandboxOptions::default());
    let token = world.token(&[]);
    let ran = world.run(&["headers", "box"]);
    assert_eq!(ran.succeeded().json(), json!({ "Authorization": format!("Bearer {token}") }));
    assert_eq!((ran.stderr.as_str(), ran.stdout.lines().count()), ("", 1));
}

#[test]
fn standard_input_is_not_waited_for() {
    let world = World::signed_in(SandboxOptions::default());
    let mut command = world.command(&["headers", "box"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let open = child.stdin.take();
    crate::support::finish(child, String::new()).succeeded();
    drop(open);
}

#[test]
fn where_a_login_is_needed_a_placeholder_names_the_helper_instead_of_failing() {
    let world = World::expired();
    world.sandbox.revoke_everything();
    let ran = world.run(&["headers", "box"]);
    ran.failed_with(3, "the issuer ended this login");
    assert_eq!(ran.stdout, "");

    let ran = world.run(&["headers", "box", "--placeholder"]);
    assert_eq!(ran.succeeded().json(), json!({ "Authorization": "Bearer login-needed" }));
    assert!(ran.stderr.contains("hint: run `mcpauth login box`"), "{ran:?}");
    let ran = world.run(&["headers", "stranger", "--placeholder"]);
    assert_eq!(ran.succeeded().json(), json!({ "Authorization": "Bearer login-needed" }));
}

#[test]
fn a_client_that_asks_again_gets_another_token_once_a_minute() {
    let world = World::signed_in(SandboxOptions::default());
    let ask = r#""$0" headers box && "$0" headers box && "$0" headers box"#;
    let ran = run(client(&world, "client", ask));
    let answers: Vec<&str> = ran.succeeded().stdout.lines().collect();
    assert_ne!(answers[0], answers[1]);
    assert_eq!(answers[1], answers[2]);
    assert_eq!(refreshes(&world), 1);

    // The minute is over.
    let file = world.home().join(".local/state/mcpauth/handouts/default@box.json");
    let mut handouts: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    handouts["renewed_at"] = (handouts["renewed_at"].as_i64().unwrap() - 60).into();
    fs::write(&file, handouts.to_string()).unwrap();
    run(client(&world, "client", ask)).succeeded();
    assert_eq!(refreshes(&world), 2);
}

#[test]
fn another_client_that_asks_first_causes_no_refresh() {
    let world = World::signed_in(SandboxOptions::default());
    let token = world.run(&["headers", "box"]).succeeded().stdout.clone();
    for name in ["client", "rival", "client"] {
        // Each of them is a new process, so nobody asks for the second time.
        assert_eq!(run(client(&world, name, r#""$0" headers box; :"#)).succeeded().stdout, token);
    }
    assert_eq!(refreshes(&world), 0);

    // Whoever got an older token gets the newer one, and no other for it.
    run(client(&world, "rival", r#""$0" headers box && "$0" headers box"#)).succeeded();
    assert_eq!(refreshes(&world), 1);
    let ran = world.run(&["headers", "box"]);
    assert_ne!(ran.succeeded().stdout, token);
    assert_eq!(refreshes(&world), 1);
}

#[test]
fn helper_shells_between_the_client_and_this_program_are_looked_through() {
    let world = World::signed_in(SandboxOptions::default());
    // Two shells, each in its own process, and one client behind both: this test.
    for _ in 0..2 {
        run(world.shell(r#"env sh -c '"$0" headers box; :' "$0"; :"#, &[])).succeeded();
    }
    assert_eq!(refreshes(&world), 1);
}

#[test]
fn a_token_that_cannot_be_renewed_for_a_repeated_question_is_given_again() {
    let world = World::signed_in(SandboxOptions::default());
    let token = Endpoint::Token;
    world.sandbox.change(|options| {
        options.faults.push(Fault::Status { endpoint: token, status: 503, times: 9, retry_after: None });
    });
    let ran = run(client(&world, "client", r#""$0" headers box && "$0" headers box"#));
    let answers: Vec<&str> = ran.succeeded().stdout.lines().collect();
    assert_eq!(answers[0], answers[1]);
    assert!(ran.stderr.contains("using the token that is still valid"), "{ran:?}");
}

#[test]
fn a_silent_issuer_is_given_up_on_before_the_client_gives_up() {
    let world = World::expired();
    world.sandbox.change(|options| options.faults.push(Fault::Silence { endpoint: Endpoint::Token }));
    let ran = world.run(&["headers", "box"]);
    // Whoever waits for the issuer goes on without the client.
    ran.failed_with(6, "the issuer has not answered yet; process ");
    assert_eq!(world.sandbox.books().refresh_attempts, 1);
}
