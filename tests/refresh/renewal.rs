//! Refreshing when all is well.

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use serde_json::json;

use crate::support::steps::run;
use crate::support::{World, call};

/// The refresh token that the last refresh spent.
fn spent(world: &World) -> String {
    world.sandbox.books().last_token_request.unwrap()["refresh_token"].clone()
}

#[test]
fn an_ended_token_costs_one_refresh_and_then_none() {
    let world = World::expired();
    let requests = world.sandbox.books().requests.len();
    let token = world.token(&[]);
    assert_eq!(world.sandbox.books().requests[requests..], ["POST /token"]);
    assert_eq!(world.token(&[]), token);
    assert_eq!(world.sandbox.books().requests.len(), requests + 1);
    assert_eq!(call(&world.url(), &token), 200);
}

#[test]
fn a_token_is_renewed_in_the_second_half_of_a_short_life_and_not_before() {
    // Half of eighty seconds are left for this test to ask.
    let world = World::signed_in(SandboxOptions { access_lifetime: 80, ..SandboxOptions::default() });
    let token = world.token(&[]);
    assert_eq!((world.token(&[]), world.sandbox.books().refreshes), (token.clone(), 0));
    assert_ne!(world.token(&["--min-ttl", "81"]), token);
    assert_eq!(world.sandbox.books().refreshes, 1);
}

/// MCP 29.
#[test]
fn a_refresh_asks_for_the_same_resource_and_no_scope() {
    let world = World::expired();
    world.token(&[]);
    let sent = world.sandbox.books().last_token_request.unwrap();
    let mut names: Vec<&str> = sent.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["client_id", "grant_type", "refresh_token", "resource"]);
    assert_eq!(sent["resource"], world.url());
}

/// An issuer that says no once, in this word.
fn refusal(error: &str, times: u32) -> Vec<Fault> {
    let body = json!({ "error": error }).to_string();
    let (endpoint, content_type) = (Endpoint::Token, "application/json".into());
    vec![Fault::Body { endpoint, status: 400, content_type, body, times }]
}

/// MCP 32.
#[test]
fn an_issuer_that_takes_no_resource_at_a_refresh_is_asked_without_and_remembered() {
    for word in ["invalid_target", "invalid_request"] {
        let world = World::signed_in(SandboxOptions { require_resource: false, ..SandboxOptions::default() });
        world.sandbox.change(|options| options.faults = refusal(word, 1));
        world.run(&["refresh", "box"]).succeeded();
        let books = world.sandbox.books();
        assert!(!books.last_token_request.unwrap().contains_key("resource"));
        let asked = books.requests.len();
        world.run(&["refresh", "box"]).succeeded();
        let books = world.sandbox.books();
        assert_eq!((books.requests.len(), books.reuses), (asked + 1, 0));
        assert!(!books.last_token_request.unwrap().contains_key("resource"));
    }
}

/// MCP 32.
#[test]
fn a_refusal_that_has_nothing_to_do_with_the_resource_changes_nothing() {
    let world = World::signed_in(SandboxOptions { require_resource: false, ..SandboxOptions::default() });
    let before = world.record();
    world.sandbox.change(|options| options.faults = refusal("invalid_request", 2));
    world.run(&["refresh", "box"]).failed_with(3, "invalid_request");
    assert_eq!(world.record(), before);
    world.after_a_while().run(&["refresh", "box"]).succeeded();
    assert_eq!(world.sandbox.books().last_token_request.unwrap()["resource"], world.url());
}

/// MCP 40.
#[test]
fn each_refresh_token_is_spent_once() {
    let world = World::expired();
    let mut seen = Vec::new();
    for _ in 0..4 {
        world.run(&["refresh", "box"]).succeeded();
        seen.push(spent(&world));
    }
    seen.sort_unstable();
    seen.dedup();
    let books = world.sandbox.books();
    assert_eq!((seen.len(), books.reuses, books.families[0].refreshes), (4, 0, 4));
    assert!(books.families[0].alive);
    assert_eq!(books.violations, Vec::<String>::new());
}

/// MCP 40.
#[test]
fn an_answer_without_a_refresh_token_keeps_the_old_one() {
    let world = World::signed_in(SandboxOptions { rotation: false, ..SandboxOptions::default() });
    world.run(&["refresh", "box"]).succeeded();
    let first = spent(&world);
    world.run(&["refresh", "box"]).succeeded();
    assert_eq!(spent(&world), first);
    let status = world.run(&["status", "--json"]).json();
    assert_eq!(status["logins"][0]["tokens"]["refreshable"], true);
    assert_eq!(status["logins"][0]["login"]["refresh_count"], 2);
}

#[test]
fn every_login_is_refreshed_with_all() {
    let world = World::expired();
    world.login(&["--account", "work"]).succeeded();
    let ran = world.run(&["refresh", "--all", "--json"]);
    let refreshed = ran.succeeded().json()["refreshed"].clone();
    let accounts: Vec<_> = refreshed.as_array().unwrap().iter().map(|one| &one["login"]["account"]).collect();
    assert_eq!(accounts, [&json!("default"), &json!("work")]);
    assert_eq!(world.sandbox.books().refreshes, 2);
}

#[test]
fn one_login_in_trouble_keeps_nobody_from_the_others() {
    let world = World::expired();
    world.sandbox.revoke_everything();
    world.login(&["--account", "work"]).succeeded();
    let ran = world.run(&["refresh", "--all"]);
    assert_eq!(ran.exit, 3, "{ran:?}");
    assert!(ran.stderr.contains("error: box: the issuer ended this login"), "{ran:?}");
    assert!(ran.stderr.contains("✓ refreshed box") && ran.stderr.contains("1 of 2 failed"), "{ran:?}");
    assert_eq!(world.sandbox.books().refreshes, 1);
}

/// MCP 40.
#[test]
fn a_login_without_a_refresh_token_lives_as_long_as_it_lives() {
    let options = SandboxOptions { issue_refresh_token: false, ..SandboxOptions::default() };
    let world = World::with(options);
    assert!(world.login(&[]).succeeded().stderr.contains("warning: the issuer gave no refresh token"));
    let ran = world.run(&["token", "box"]);
    assert_eq!((ran.exit, ran.stderr.as_str()), (0, ""));
    let ran = world.run(&["token", "box", "--min-ttl", "2h"]);
    assert!(ran.succeeded().stderr.contains("using the token that is still valid"), "{ran:?}");
    world.run(&["refresh", "box"]).failed_with(3, "there is no refresh token");

    world.sandbox.change(|options| options.access_lifetime = 0);
    world.login(&[]).succeeded();
    world.run(&["token", "box"]).failed_with(3, "there is no refresh token");
    assert_eq!(world.sandbox.books().refresh_attempts, 0);
}

#[test]
fn a_change_of_the_default_home_is_no_second_login() {
    let world = World::expired();
    // Two ways to the same directories share the lock, so they share the refresh.
    let mut moved = world.command(&["token", "box"]);
    moved.env("XDG_DATA_HOME", world.home().join(".local/share"));
    let token = run(moved).succeeded().stdout.clone();
    assert_eq!(world.run(&["token", "box"]).stdout, token);
    assert_eq!(world.sandbox.books().refreshes, 1);
}
