//! Several logins at once: which one is meant, and what becomes of the others when one of them is in trouble.

use std::fs;

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use serde_json::json;

use crate::support::World;
use crate::support::steps::run;

/// A home with logins at `box`, which is damaged afterwards, and at `second`.
fn with_one_damaged() -> (World, World) {
    let world = World::signed_in(SandboxOptions::default());
    let [record] = world.records().try_into().unwrap();
    let other = World::new();
    let args = ["login", &other.url(), "--name", "second", "--no-browser"];
    world.login_as(world.command(&args)).succeeded();
    fs::write(record, "no record").unwrap();
    (world, other)
}

#[test]
fn the_only_login_is_meant_where_several_servers_are_known() {
    let world = World::new();
    let other = World::new();
    world.run(&["server", "add", &other.url(), "--name", "second"]).succeeded();
    world.login(&[]).succeeded();
    let token = world.token(&[]);
    assert_eq!(world.run(&["token"]).succeeded().stdout.trim_end(), token);
    let ran = world.run(&["exec", "--", "sh", "-c", "printf %s \"$MCP_ACCESS_TOKEN\""]);
    assert_eq!(ran.succeeded().stdout, token);

    // Two accounts at it are still one server.
    world.login(&["--account", "work"]).succeeded();
    world.run(&["token", "--account", "work"]).succeeded();
    world.run(&["logout", "--all"]).succeeded();
    world.run(&["token"]).failed_with(2, "no server named; there are box, second");
}

#[test]
fn a_damaged_login_keeps_nobody_from_being_signed_out_of_the_others() {
    let (world, other) = with_one_damaged();
    let ran = world.run(&["logout", "--all"]);
    assert!(ran.stderr.contains("signed out of second"), "{ran:?}");
    ran.failed_with(7, "a stored login is damaged").failed_with(7, "1 of 2 failed");
    assert!(!other.sandbox.books().families[0].alive);
    world.run(&["logout", "--all"]).succeeded();
}

#[test]
fn a_damaged_login_is_not_passed_over_in_silence() {
    let (world, other) = with_one_damaged();
    let ran = world.run(&["refresh", "--all"]);
    assert!(ran.stderr.contains("refreshed second"), "{ran:?}");
    ran.failed_with(7, "a stored login is damaged");
    assert_eq!(other.sandbox.books().refreshes, 1);

    let (world, _other) = with_one_damaged();
    let ran = world.run(&["list"]);
    assert!(ran.succeeded().stderr.contains("warning: a stored login is damaged"), "{ran:?}");
    assert!(ran.stdout.starts_with("second "), "{ran:?}");
}

#[test]
fn a_damaged_login_does_not_look_like_none() {
    for command in ["list", "status"] {
        let world = World::signed_in(SandboxOptions::default());
        fs::write(&world.records()[0], "no record").unwrap();
        let ran = world.run(&[command]);
        ran.failed_with(7, "a stored login is damaged");
        assert!(!ran.stderr.contains("not signed in"), "{ran:?}");
    }
}

#[test]
fn an_issuer_that_is_down_keeps_nobody_signed_in_anywhere() {
    let world = World::signed_in(SandboxOptions::default());
    let mut other = World::new();
    let args = ["login", &other.url(), "--name", "second", "--no-browser"];
    world.login_as(world.command(&args)).succeeded();
    other.cut_off();
    let ran = world.run(&["logout", "--all"]);
    assert_eq!(ran.succeeded().stderr.matches("login here: deleted").count(), 2, "{ran:?}");
    assert!(ran.stderr.contains("warning: refresh token at the issuer: failed"), "{ran:?}");
    assert!(!world.sandbox.books().families[0].alive);
    assert!(world.records().is_empty());
}

#[test]
fn status_asks_nobody_unless_told_to_and_then_tells_what_was_seen() {
    let world = World::signed_in(SandboxOptions::default());
    let requests = world.sandbox.books().requests.len();
    world.run(&["status"]).succeeded();
    assert_eq!(world.sandbox.books().requests.len(), requests);
    let checked = world.run(&["status", "box", "--check"]);
    for seen in ["ok      discovery", "ok      PKCE", "ok      token at the server: accepted"] {
        assert!(checked.succeeded().stdout.contains(seen), "no {seen} in {checked:?}");
    }
    world.sandbox.revoke_everything();
    let checked = world.run(&["status", "box", "--check"]);
    assert!(checked.stdout.contains("FAIL    token at the server: refused (401)"), "{checked:?}");
    checked.failed_with(3, "sign-in needed at box");
}

#[test]
fn all_of_nothing_is_said_to_be_nothing() {
    let world = World::new();
    for (command, told) in
        [("refresh", "no login has a refresh token\n"), ("logout", "not signed in anywhere\n")]
    {
        let ran = world.run(&[command, "--all"]);
        assert_eq!((ran.succeeded().stdout.as_str(), ran.stderr.as_str()), ("", told));
        assert_eq!(world.run(&[command, "--all", "-q"]).succeeded().stderr, "");
    }
}

#[test]
fn status_of_an_account_is_that_of_no_other() {
    let world = World::signed_in(SandboxOptions::default());
    world.login(&["--account", "work"]).succeeded();
    let accounts = |args: &[&str]| {
        let answer = world.run(&[&["status", "--json"], args].concat()).json();
        let logins = answer["logins"].as_array().unwrap().clone();
        logins.iter().map(|login| login["login"]["account"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(accounts(&[]), ["default", "work"]);
    assert_eq!(accounts(&["--account", "WORK"]), ["work"]);
    assert_eq!(accounts(&["box"]), ["default"]);
    world.run(&["status", "--account", "home"]).failed_with(3, "not signed in anywhere as account home");
}

#[test]
fn status_fails_early_for_a_login_that_will_need_a_person() {
    let renewable = World::signed_in(SandboxOptions::default());
    renewable.run(&["status", "--within", "24h"]).succeeded();

    let options = SandboxOptions { issue_refresh_token: false, ..SandboxOptions::default() };
    let world = World::signed_in(options);
    world.run(&["status", "--within", "30m"]).succeeded();
    let ran = world.run(&["status", "--within", "24h"]);
    assert_eq!(ran.failed_with(3, "sign-in needed at box").advice(), "mcpauth login box");
    let mut by_variable = world.command(&["status"]);
    by_variable.env("MCPAUTH_WITHIN", "1d");
    run(by_variable).failed_with(3, "sign-in needed at box");
}

#[test]
fn a_token_too_long_for_a_helper_is_not_half_an_answer() {
    // With the rest of the header these are one byte too many, and just few enough.
    for (length, exit) in [(64 * 1024 - 28, 2), (64 * 1024 - 29, 0)] {
        let token = "x".repeat(length);
        let fault = Fault::Body {
            endpoint: Endpoint::Token,
            status: 200,
            content_type: "application/json".into(),
            body: json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600 }).to_string(),
            times: 1,
        };
        let world = World::signed_in(SandboxOptions { faults: vec![fault], ..SandboxOptions::default() });
        assert_eq!(world.token(&[]), token);
        let headers = world.run(&["headers", "box"]);
        assert_eq!((headers.exit, headers.stdout.len()), (exit, if exit == 0 { 64 * 1024 - 1 } else { 0 }));
        let child = world.run(&["exec", "--", "sh", "-c", "printf %s ${#MCP_ACCESS_TOKEN}"]);
        assert_eq!(child.succeeded().stdout, length.to_string());
    }
}

#[test]
fn a_directory_of_logins_that_is_lost_looks_like_no_logout() {
    let world = World::signed_in(SandboxOptions::default());
    let (data, elsewhere) = (world.home().join(".local/share/mcpauth"), world.home().join("elsewhere"));
    // As when the disk that holds it is not mounted.
    fs::rename(&data, &elsewhere).unwrap();
    for args in [
        &["token", "box"][..],
        &["refresh", "box"],
        &["status", "box"],
        &["status"],
        &["list"],
        &["logout", "box"],
    ] {
        world.run(args).failed_with(7, "is gone, and with it the logins that were there");
    }
    // Where nobody ever signed in nothing is lost.
    World::new().run(&["status"]).failed_with(3, "not signed in anywhere");
    fs::rename(&elsewhere, &data).unwrap();
    assert!(!world.token(&[]).is_empty());
    fs::remove_dir_all(&data).unwrap();
    world.login(&[]).succeeded();
}
