//! `token`: which token, in which form, how fresh.

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use serde_json::json;

use crate::answered_with;
use crate::support::World;
use crate::support::steps::run;

/// What `token` says in a world, with variables and flags.
fn told(world: &World, variables: &[(&str, &str)], flags: &[&str]) -> String {
    let mut command = world.command(&[&["token", "box"], flags].concat());
    command.envs(variables.iter().copied());
    let ran = run(command);
    assert_eq!(ran.exit, 0, "{variables:?} {flags:?}: {ran:?}");
    ran.stdout
}

#[test]
fn a_token_comes_in_every_form_that_a_script_wants() {
    let world = World::signed_in(SandboxOptions::default());
    let token = world.token(&[]);
    let expires_at: i64 = world.token(&["--field", "expires_at"]).parse().unwrap();

    assert_eq!(world.token(&["--header"]), format!("Authorization: Bearer {token}"));
    assert_eq!(world.token(&["--field", "token"]), token);
    assert_eq!(world.token(&["--field", "header"]), format!("Bearer {token}"));
    assert_eq!(world.token(&["--field", "url"]), world.url());
    assert_eq!(world.token(&["--field", "scope"]), "mcp:basic");
    assert_eq!(
        world.run(&["token", "box", "--json"]).json(),
        json!({ "schema": 1, "access_token": token, "token_type": "Bearer", "expires_at": expires_at,
            "scope": "mcp:basic", "server": "box", "account": "default", "url": world.url() })
    );
}

/// MCP 40.
#[test]
fn a_member_of_the_issuers_answer_is_a_field_but_the_refresh_token_is_none() {
    let body = json!({ "access_token": "at", "refresh_token": "rt", "token_type": "bearer", "expires_in": 3600,
        "team": { "id": 7 }, "instance_url": "https://eu.example" });
    let world = answered_with(&body);
    assert_eq!(world.token(&["--field", "instance_url"]), "https://eu.example");
    assert_eq!(world.token(&["--field", "team"]), r#"{"id":7}"#);
    for field in ["refresh_token", "id_token", "client_secret", ""] {
        let ran = world.run(&["token", "box", "--field", field]);
        ran.failed_with(2, &format!("the login at box has no field {field}"));
        assert_eq!(ran.stdout, "");
    }
    // What the answer to a refresh leaves out stays as it was.
    let body = json!({ "access_token": "at-2", "team": { "id": 8 } });
    let (status, content_type) = (200, "application/json".into());
    let fault =
        Fault::Body { endpoint: Endpoint::Token, status, content_type, body: body.to_string(), times: 1 };
    world.sandbox.change(|options| options.faults = vec![fault]);
    world.run(&["refresh", "box"]).succeeded();
    assert_eq!(world.token(&[]), "at-2");
    assert_eq!(world.token(&["--field", "instance_url"]), "https://eu.example");
    assert_eq!(world.token(&["--field", "team"]), r#"{"id":8}"#);
}

/// MCP 42.
#[test]
fn a_token_that_does_not_live_long_enough_is_renewed() {
    let world = World::signed_in(SandboxOptions::default());
    let first = world.token(&["--min-ttl", "50m"]);
    let refreshes = || world.sandbox.books().refreshes;
    assert_eq!(refreshes(), 0);

    let ran = world.run(&["token", "box", "--min-ttl", "2h"]);
    let second = ran.succeeded().stdout.trim_end().to_owned();
    assert!(ran.stderr.contains("even a new token lives shorter than what was asked for"), "{ran:?}");
    assert_eq!((second != first, refreshes()), (true, 1));
    let third = world.token(&["--force-refresh"]);
    assert_eq!((third != second, refreshes()), (true, 2));
    assert_eq!((world.token(&[]), refreshes()), (third, 2));
}

#[test]
fn where_refreshing_is_ruled_out_an_ended_token_is_not_handed_out() {
    let world = World::expired();
    let ran = world.run(&["token", "box", "--no-refresh"]);
    ran.failed_with(3, "refreshing was ruled out");
    assert_eq!((ran.stdout.as_str(), world.sandbox.books().refresh_attempts), ("", 0));
    world.run(&["token", "box", "--no-refresh", "--force-refresh"]).failed(2);
}

#[test]
fn a_flag_comes_before_its_variable_and_the_variable_before_the_default() {
    let world = World::signed_in(SandboxOptions::default());
    let token = told(&world, &[], &[]);
    let refreshes = || world.sandbox.books().refreshes;

    assert_eq!(told(&world, &[("MCPAUTH_MIN_TTL", "2h")], &["--min-ttl", "1m"]), token);
    assert_eq!(refreshes(), 0);
    assert_ne!(told(&world, &[("MCPAUTH_MIN_TTL", "2h")], &[]), token);
    assert_eq!(refreshes(), 1);
    told(&world, &[("MCPAUTH_FORCE_REFRESH", "1")], &[]);
    assert_eq!(refreshes(), 2);
    for off in ["0", "false", ""] {
        told(&world, &[("MCPAUTH_FORCE_REFRESH", off)], &[]);
    }
    assert_eq!(refreshes(), 2);

    let token = told(&world, &[], &[]);
    assert_eq!(told(&world, &[("MCPAUTH_HEADER", "true")], &[]), format!("Authorization: Bearer {token}"));
    assert_eq!(told(&world, &[("MCPAUTH_FIELD", "scope")], &[]), "mcp:basic\n");
    assert_eq!(told(&world, &[("MCPAUTH_FIELD", "scope")], &["--field", "token"]), token);
    assert!(told(&world, &[("MCPAUTH_JSON", "1")], &[]).starts_with("{\"schema\":1"));
    assert_eq!(told(&world, &[("MCPAUTH_STORE", "file"), ("MCPAUTH_VERBOSE", "1")], &[]), token);

    let mut elsewhere = world.command(&["token", "box"]);
    elsewhere.env("MCPAUTH_CONFIG", world.home().join("elsewhere"));
    run(elsewhere).failed_with(2, "no server is named box");
    let mut account = world.command(&["token", "box"]);
    account.env("MCPAUTH_ACCOUNT", "work");
    run(account).failed_with(3, "not signed in to box as account work");
}

#[test]
fn a_flag_comes_before_the_variable_of_a_flag_that_it_rules_out() {
    let world = World::signed_in(SandboxOptions::default());
    let (name, value) = ("MCPAUTH_NO_REFRESH", "1");
    let renewed = told(&world, &[(name, value)], &["--force-refresh"]);
    assert_eq!(world.sandbox.books().refreshes, 1);
    assert_eq!(told(&world, &[("MCPAUTH_FORCE_REFRESH", "1")], &["--no-refresh"]), renewed);
    assert_eq!(world.sandbox.books().refreshes, 1);
    assert!(told(&world, &[("MCPAUTH_FIELD", "url")], &["--header"]).starts_with("Authorization: "));
    assert_eq!(told(&world, &[("MCPAUTH_HEADER", "1")], &["--field", "url"]).trim_end(), world.url());

    // Whoever says no, or nothing, has not said anything that could be contradicted.
    let quiet = [(name, "0"), ("MCPAUTH_ACCOUNT", ""), ("MCPAUTH_MIN_TTL", ""), ("MCPAUTH_STORE", "")];
    assert_ne!(told(&world, &quiet, &["--force-refresh"]), renewed);

    // Two variables, like two flags, contradict each other.
    let mut both = world.command(&["token", "box"]);
    both.env(name, value).env("MCPAUTH_FORCE_REFRESH", "1");
    run(both).failed_with(2, "cannot be used with");
    let mut manual = world.command(&["man", "token"]);
    manual.env("MCPAUTH_OUT", "/nonexistent");
    assert!(run(manual).succeeded().stdout.contains("mcpauth-token"));
}

#[test]
fn the_server_is_the_named_one_else_the_variables_else_the_default_else_the_only_one() {
    let world = World::new();
    world.run(&["token"]).failed_with(2, "no server named");
    world.login(&[]).succeeded();
    let first = world.run(&["token"]).succeeded().stdout.clone();

    let other = World::new();
    let args = ["login", &other.url(), "--name", "second", "--no-browser"];
    world.login_as(world.command(&args)).succeeded();
    let second = world.run(&["token", "second"]).succeeded().stdout.clone();
    assert_ne!(first, second);
    let ran = world.run(&["token"]);
    ran.failed_with(2, "no server named; there are box, second");
    assert_eq!(ran.stdout, "");

    let with_variable = |args: &[&str], server: &str| {
        let mut command = world.command(args);
        command.env("MCPAUTH_SERVER", server);
        run(command)
    };
    assert_eq!(with_variable(&["token"], "second").stdout, second);
    assert_eq!(with_variable(&["token"], &world.url()).stdout, first);
    assert_eq!(with_variable(&["token", "box"], "second").stdout, first);
    with_variable(&["token"], "third").failed_with(2, "no server is named third");

    world.run(&["server", "set", "second", "--default"]).succeeded();
    assert_eq!(world.run(&["token"]).stdout, second);
    assert_eq!(with_variable(&["token"], "box").stdout, first);
}

#[test]
fn a_valid_token_is_handed_out_without_a_request_or_a_word() {
    let world = World::signed_in(SandboxOptions::default());
    let requests = world.sandbox.books().requests.len();
    let ran = world.run(&["token", "box"]);
    assert_eq!((ran.exit, ran.stderr.as_str()), (0, ""));
    world.run(&["headers", "box"]).succeeded();
    world.run(&["status"]).succeeded();
    world.run(&["list"]).succeeded();
    assert_eq!(world.sandbox.books().requests.len(), requests);
}

#[test]
fn a_lifetime_that_the_issuer_does_not_state_is_not_guessed() {
    let unknown = Fault::Lifetime(json!(null));
    let world = World::signed_in(SandboxOptions { faults: vec![unknown], ..SandboxOptions::default() });
    world.token(&["--min-ttl", "10d"]);
    assert_eq!(world.sandbox.books().refresh_attempts, 0);
    world.run(&["token", "box", "--field", "expires_at"]).failed_with(2, "no field expires_at");
    assert_eq!(world.run(&["token", "box", "--json"]).json()["expires_at"], json!(null));
}

#[cfg(target_os = "linux")]
#[test]
fn a_token_that_got_lost_on_a_full_disk_was_not_given() {
    let world = World::signed_in(SandboxOptions::default());
    for args in [&["token", "box"][..], &["headers", "box"], &["status"]] {
        let ran = run(world.shell(r#"exec "$0" "$@" >/dev/full"#, args));
        ran.failed_with(1, "the answer could not be written");
    }
}
