//! Signing out: what ends at the issuer, what ends here, and what is said of both.

use std::process::Stdio;

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use serde_json::json;

use crate::support::steps::{eventually, run};
use crate::support::{World, call};

fn signed_in() -> World {
    World::signed_in(SandboxOptions::default())
}

/// MCP 43.
#[test]
fn a_logout_ends_both_tokens_at_the_issuer_and_the_login_here() {
    let world = signed_in();
    let token = world.token(&[]);
    let ran = world.run(&["logout", "box"]);
    assert_eq!((ran.succeeded().stdout.as_str(), world.sandbox.books().revocations), ("", 2));
    for words in [
        "signed out of box",
        "refresh token at the issuer: done",
        "access token at the issuer: done",
        "login here: deleted",
    ] {
        assert!(ran.stderr.contains(words), "no `{words}` in {ran:?}");
    }
    assert_eq!(call(&world.url(), &token), 401);
    assert!(!world.sandbox.books().families[0].alive);
    assert!(world.records().is_empty());
    world.run(&["token", "box"]).failed_with(3, "not signed in to box");
    world.run(&["logout", "box"]).failed_with(3, "not signed in to box");

    // The server stays known, and its client with it.
    world.login_as(world.command(&["login", "box", "--no-browser"])).succeeded();
    assert_eq!(world.sandbox.books().registrations, 1);
}

/// MCP 43.
#[test]
fn the_refresh_token_is_ended_first() {
    let world = signed_in();
    let once = Fault::Status { endpoint: Endpoint::Revocation, status: 503, times: 1, retry_after: None };
    world.sandbox.change(|options| options.faults.push(once));
    let ran = world.run(&["logout", "box", "--json"]);
    let answer = ran.succeeded().json();
    let outcome = &answer["logouts"][0];
    assert_eq!(outcome["refresh_token"]["result"], "failed");
    assert_eq!(outcome["access_token"]["result"], "done");
    assert_eq!((&outcome["client"]["result"], &outcome["deleted_here"]), (&json!("not_asked"), &json!(true)));
    assert!(ran.stderr.contains("warning: refresh token at the issuer: failed"), "{ran:?}");
}

/// The MCP Python SDK's revocation route wants a secret from everybody; the sandbox wants it once.
#[test]
fn a_public_client_shows_an_empty_secret_to_an_issuer_that_insists_on_one() {
    let world = signed_in();
    let body = json!({ "error": "invalid_request", "error_description": "client_secret: Field required" });
    let insisting = |code| Fault::Body {
        endpoint: Endpoint::Revocation,
        status: 400,
        content_type: "application/json".into(),
        body: body.to_string().replace("invalid_request", code),
        times: 1,
    };
    world.sandbox.change(|options| options.faults.push(insisting("invalid_request")));
    let ran = world.run(&["logout", "box", "--json"]);
    let answer = ran.succeeded().json();
    assert_eq!(answer["logouts"][0]["refresh_token"]["result"], "done");
    assert_eq!(world.sandbox.books().revocations, 2);

    // Any other refusal stands.
    world.login(&[]).succeeded();
    world.sandbox.change(|options| options.faults.push(insisting("invalid_client")));
    let ran = world.run(&["logout", "box", "--json"]);
    assert_eq!(ran.succeeded().json()["logouts"][0]["refresh_token"]["result"], "failed");
}

#[test]
fn a_local_logout_asks_nobody() {
    let world = signed_in();
    let token = world.token(&[]);
    let requests = world.sandbox.books().requests.len();
    let ran = world.run(&["logout", "box", "--local-only"]);
    assert!(ran.succeeded().stderr.contains("nothing was revoked: the issuer was not asked"), "{ran:?}");
    assert_eq!(world.sandbox.books().requests.len(), requests);
    assert_eq!(call(&world.url(), &token), 200);
    assert!(world.records().is_empty());
}

/// MCP 43.
#[test]
fn a_client_that_is_to_be_forgotten_is_deleted_at_the_issuer_and_here() {
    let world = signed_in();
    let ran = world.run(&["logout", "box", "--forget-client"]);
    assert!(ran.succeeded().stderr.contains("client at the issuer: done"), "{ran:?}");
    assert_eq!(world.sandbox.books().deletions, 1);
    world.login(&[]).succeeded();
    assert_eq!(world.sandbox.books().registrations, 2);
    assert_eq!(world.sandbox.books().violations, Vec::<String>::new());
}

#[test]
fn a_client_that_the_user_brought_is_his() {
    let world = World::with(SandboxOptions { any_loopback_port: true, ..SandboxOptions::default() });
    world.sandbox.add_client("brought", None, &["http://127.0.0.1/callback"]);
    world.login(&["--client-id", "brought"]).succeeded();
    let ran = world.run(&["logout", "box", "--forget-client"]);
    assert!(ran.succeeded().stderr.contains("client at the issuer: the issuer offers no way"), "{ran:?}");
    assert_eq!(world.sandbox.books().deletions, 0);
}

#[test]
fn every_login_is_ended_with_all() {
    let world = signed_in();
    world.login(&["--account", "work"]).succeeded();
    let answer = world.run(&["logout", "--all", "--json", "--reason", "laptop sold"]).succeeded().json();
    assert_eq!((answer["logouts"].as_array().unwrap().len(), &answer["reason"]), (2, &json!("laptop sold")));
    assert_eq!(world.sandbox.books().revocations, 4);
    assert!(world.records().is_empty());
    assert!(world.sandbox.books().families.iter().all(|family| !family.alive));
    world.run(&["logout", "--all"]).succeeded();
}

#[test]
fn an_issuer_that_is_gone_keeps_nobody_signed_in_here() {
    let mut world = signed_in();
    world.cut_off();
    let ran = world.run(&["logout", "box", "--forget-client"]);
    assert!(
        ran.succeeded().stderr.contains("warning: refresh token at the issuer: failed, it may live on there")
    );
    assert!(ran.stderr.contains("login here: deleted"), "{ran:?}");
    assert!(world.records().is_empty());
}

#[test]
fn a_silent_issuer_is_not_waited_for_long() {
    let world = signed_in();
    world.sandbox.change(|options| options.faults.push(Fault::Silence { endpoint: Endpoint::Revocation }));
    let ran = world.run(&["logout", "box"]);
    assert_eq!(ran.succeeded().stderr.matches("no answer within 5 s").count(), 2, "{ran:?}");
    assert!(world.records().is_empty());
}

/// MCP 43.
#[test]
fn an_issuer_that_revokes_nothing_is_said_to() {
    let options =
        SandboxOptions { resource_metadata: false, issuer_metadata: false, ..SandboxOptions::default() };
    let world = World::signed_in(options);
    let ran = world.run(&["logout", "box"]);
    let said = &ran.succeeded().stderr;
    assert_eq!(said.matches("at the issuer: the issuer offers no way").count(), 2, "{ran:?}");
    assert!(world.records().is_empty());
}

#[test]
fn a_login_that_cannot_be_read_keeps_nobody_signed_in_elsewhere() {
    let world = signed_in();
    let damaged = world.records().remove(0);
    world.login(&["--account", "work"]).succeeded();
    std::fs::write(&damaged, "nothing that was ever stored").unwrap();
    let ran = world.run(&["logout", "--all"]);
    ran.failed_with(7, "a stored login is damaged");
    assert!(ran.stderr.contains("error: 1 of 2 failed"), "{ran:?}");
    assert_eq!(world.sandbox.books().revocations, 2);
}

#[test]
fn a_client_that_could_not_be_forgotten_in_time_is_told_of() {
    let world = signed_in();
    world.sandbox.change(|options| options.faults.push(Fault::Silence { endpoint: Endpoint::Revocation }));
    let ran = world.run(&["logout", "box", "--forget-client"]);
    assert!(ran.succeeded().stderr.contains("warning: client at the issuer: failed"), "{ran:?}");
}

/// Starts a logout whose issuer stays silent, and kills it when the issuer has been asked.
fn killed_while_the_issuer_is_silent(world: &World, args: &[&str]) {
    world.sandbox.change(|options| options.faults.push(Fault::Silence { endpoint: Endpoint::Revocation }));
    let mut logout = world.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually(|| world.sandbox.books().requests.iter().any(|request| request == "POST /revoke"));
    logout.kill().unwrap();
    logout.wait().unwrap();
    world.sandbox.change(|options| options.faults.clear());
}

#[test]
fn a_logout_that_was_killed_is_seen_and_finished_by_the_next() {
    let world = signed_in();
    killed_while_the_issuer_is_silent(&world, &["logout", "box"]);
    assert_eq!(world.sandbox.books().revocations, 0);

    let status = world.run(&["status", "--json"]);
    assert_eq!((status.exit, &status.json()["logins"][0]["status"]), (3, &json!("revocation_pending")));
    let status = world.run(&["status"]);
    assert!(status.stdout.contains("type     mcpauth logout box"), "{status:?}");
    assert!(world.run(&["list"]).succeeded().stdout.contains("signing out"));

    // Its token still lives, and is handed out to nobody.
    for command in ["token", "headers", "refresh"] {
        let ran = world.run(&[command, "box"]);
        ran.failed_with(3, "signing out of box was begun at ");
        assert_eq!((ran.advice(), ran.stdout.as_str()), ("mcpauth logout box", ""));
    }
    assert_eq!(world.sandbox.books().refresh_attempts, 0);

    let ran = world.run(&["logout", "box"]);
    assert!(ran.succeeded().stderr.contains("refresh token at the issuer: done"), "{ran:?}");
    assert!(!world.sandbox.books().families[0].alive);
    assert!(world.records().is_empty());
}

#[test]
fn a_new_login_takes_the_place_of_one_that_was_being_ended() {
    let world = signed_in();
    killed_while_the_issuer_is_silent(&world, &["logout", "--all"]);
    world.login(&[]).succeeded();
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
    world.run(&["status"]).succeeded();
}

#[test]
fn a_local_logout_finishes_what_another_began() {
    let world = signed_in();
    killed_while_the_issuer_is_silent(&world, &["logout", "box"]);
    let ran = world.run(&["logout", "box", "--local-only"]);
    assert!(ran.succeeded().stderr.contains("nothing was revoked"), "{ran:?}");
    assert!(world.records().is_empty());
}

#[cfg(unix)]
#[test]
fn a_full_disk_keeps_nobody_signed_in() {
    let world = signed_in();
    let ran = run(world.shell("ulimit -f 0; exec \"$0\" logout box", &[]));
    assert!(ran.succeeded().stderr.contains("signing out of box all the same"), "{ran:?}");
    assert!(ran.stderr.contains("refresh token at the issuer: done"), "{ran:?}");
    assert!(!world.sandbox.books().families[0].alive);
    assert!(world.records().is_empty());
}
