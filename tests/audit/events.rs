//! What is written down, and what is not.

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use serde_json::{Value, json};

use crate::support::World;
use crate::support::steps::run;
use crate::{events, lines};

fn last(world: &World) -> Value {
    lines(world).pop().unwrap()
}

fn names(line: &Value) -> Vec<&str> {
    line.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_life_of_a_login_is_one_line_for_each_event() {
    let world = World::signed_in(SandboxOptions::default());
    world.token(&[]);
    world.run(&["refresh", "box"]).succeeded();
    let down = Fault::Status { endpoint: Endpoint::Token, status: 503, times: 99, retry_after: None };
    world.sandbox.change(|options| options.faults.push(down));
    world.run(&["refresh", "box"]).failed(6);
    world.run(&["logout", "box", "--reason", "done for today"]).succeeded();
    let abandoned = world.run(&["login", &world.url(), "--name", "box", "--no-browser", "--timeout", "0"]);
    abandoned.failed(4);
    assert_eq!(
        events(&world),
        [
            "login_started",
            "client_registered",
            "login_completed",
            "handed_out",
            "refreshed",
            "refresh_failed",
            "revoked",
            "login_started",
            "login_failed",
        ]
    );
    for line in lines(&world) {
        assert_eq!(
            (&line["schema"], &line["server"], &line["account"]),
            (&1.into(), &"box".into(), &"default".into())
        );
        assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
    }
    let commands: Vec<_> = lines(&world).iter().map(|line| line["command"].clone()).collect();
    let expected = ["login", "login", "login", "token", "refresh", "refresh", "logout", "login", "login"];
    assert_eq!(commands, expected);
    world.run(&["audit", "verify"]).succeeded();
}

#[test]
fn a_line_says_who_got_what() {
    let world = World::signed_in(SandboxOptions::default());
    let through_a_shell = run(world.shell("\"$0\" token box --account default; true", &[]));
    through_a_shell.succeeded();
    let line = last(&world);
    assert_eq!(
        names(&line),
        [
            "schema", "seq", "time", "event", "server", "account", "command", "process", "parents", "user",
            "to", "scope", "token", "result", "exit", "prev"
        ]
    );
    assert_eq!(
        (&line["scope"], &line["result"], &line["exit"]),
        (&"mcp:basic".into(), &"ok".into(), &0.into())
    );
    assert_eq!(line["process"]["program"], "mcpauth");
    assert_eq!(line["token"].as_str().unwrap().len(), 16);
    if cfg!(target_os = "linux") {
        assert_eq!(line["parents"][0]["program"], "sh");
        assert_eq!(line["parents"][1]["pid"], std::process::id());
        assert_eq!(line["parents"][1]["program"], line["to"]);
    }
}

#[test]
fn a_token_has_one_fingerprint_as_long_as_it_lives() {
    let world = World::signed_in(SandboxOptions::default());
    let token = world.token(&[]);
    world.run(&["headers", "box"]).succeeded();
    world.run(&["exec", "--", "true"]).succeeded();
    world.run(&["refresh", "box"]).succeeded();
    assert_ne!(world.token(&[]), token);
    let told: Vec<_> = lines(&world).iter().map(|line| line["token"].clone()).collect();
    let [_, _, completed, first, second, third, refreshed, new] = told.as_slice() else { panic!("{told:?}") };
    assert!(completed.is_string() && refreshed.is_string());
    assert_eq!([first, second, third], [completed; 3]);
    assert_eq!(new, refreshed);
    assert_ne!(refreshed, completed);
    let status = world.run(&["status", "--json"]).json();
    assert_eq!(&status["logins"][0]["tokens"]["fingerprint"], refreshed);
}

#[test]
fn what_a_command_gets_is_written_down_before_it_starts() {
    let world = World::signed_in(SandboxOptions::default());
    let log = crate::file(&world, 0);
    let ran =
        run(world.shell("\"$0\" exec -e A=box -e B=box:scope -- tail -n 1 \"$1\"", &[log.to_str().unwrap()]));
    let line: Value = serde_json::from_str(&ran.succeeded().stdout).unwrap();
    assert_eq!((&line["event"], &line["command"]), (&"handed_out".into(), &"exec".into()));
    assert_eq!(line["to"], "tail");
    assert_eq!(lines(&world).len(), 4, "one line for one token");
}

#[test]
fn what_gives_nobody_access_is_not_written_down() {
    let world = World::signed_in(SandboxOptions::default());
    let before = events(&world);
    for field in ["url", "scope", "expires_at"] {
        world.token(&["--field", field]);
    }
    world.run(&["exec", "-e", "BOX_URL=box:url", "--", "true"]).succeeded();
    for args in [&["status"][..], &["list"], &["audit"], &["server", "test", "box"]] {
        world.run(args).succeeded();
    }
    world.run(&["token", "other"]).failed(2);
    assert_eq!(events(&world), before);
    world.token(&["--header"]);
    assert_eq!(events(&world).len(), before.len() + 1);
}

#[test]
fn a_refresh_that_fails_says_how_and_the_old_token_still_counts_as_handed_out() {
    let world = World::signed_in(SandboxOptions::default());
    world.sandbox.revoke_everything();
    world.token(&["--min-ttl", "2h"]);
    let lines = lines(&world);
    let [.., failed, given] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&failed["event"], &failed["result"]), (&"refresh_failed".into(), &"login_needed".into()));
    assert_eq!(failed["exit"], 3);
    assert!(failed["reason"].as_str().unwrap().contains("invalid_grant"), "{failed}");
    assert_eq!((&given["event"], &given["result"]), (&"handed_out".into(), &"ok".into()));
}

#[test]
fn a_logout_says_what_was_ended_and_why() {
    let world = World::signed_in(SandboxOptions::default());
    world.run(&["logout", "box", "--reason", "left\nthe\u{1b}[2J team"]).succeeded();
    let line = last(&world);
    let expected = json!({ "access_token": "done", "client": "not_asked", "refresh_token": "done" });
    assert_eq!((&line["event"], &line["ended"]), (&"revoked".into(), &expected));
    assert_eq!(line["reason"], r"left\u{a}the\u{1b}[2J team");
    assert!(line["token"].is_string());
}

#[test]
fn a_client_that_is_known_is_not_registered_again() {
    let world = World::signed_in(SandboxOptions::default());
    let client = lines(&world)[1]["client"].clone();
    assert!(client.is_string());
    world.login(&[]).succeeded();
    assert_eq!(events(&world)[3..], ["login_started", "login_completed"]);
    assert_eq!(last(&world)["client"], client);
}

#[test]
fn what_an_issuer_says_cannot_add_a_line() {
    let world = World::with(SandboxOptions::default());
    let scope = "x\"},\n{\"event\":\"handed_out\"";
    // Refused or not: every line of the log is one event, and none has that name.
    world.login(&["--scope", scope]);
    for line in lines(&world) {
        assert!(
            line["event"].as_str().unwrap().starts_with("login_") || line["event"] == "client_registered"
        );
    }
    world.run(&["audit", "verify"]).succeeded();
}
