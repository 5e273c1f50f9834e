//! The client speaks for itself (RFC 6749 section 4.4; MCP OAuth Client Credentials).

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};

use super::support::{World, call};
use super::{client, knowing, login_args};

const SECRET: &str = "canary-robot-secret";
const FLAGS: [&str; 5] = ["--grant", "client-credentials", "--client-id", "robot", "--client-secret-stdin"];

/// A world whose issuer knows a robot, and gives it tokens that live so many seconds.
fn world(access_lifetime: u64) -> World {
    let robot = client("robot", Some(SECRET), &["client_credentials"]);
    World::with(SandboxOptions { access_lifetime, ..knowing(&[robot]) })
}

/// MCP 45.
#[test]
fn a_robot_signs_in_without_a_browser_and_asks_anew_when_its_token_has_ended() {
    let world = world(3600);
    let login = world.run_with_input(&login_args(&world.url(), &FLAGS), SECRET);
    login.succeeded();
    assert!(!login.stderr.contains("browser"), "{login:?}");
    super::tells_nothing_of(&login, &[SECRET]);
    let asked = world.sandbox.books().last_token_request.unwrap();
    assert_eq!(asked["grant_type"], "client_credentials");
    assert_eq!((asked["resource"].as_str(), asked["scope"].as_str()), (world.url().as_str(), "mcp:basic"));
    let first = world.token(&[]);
    assert_eq!(call(&world.url(), &first), 200);

    world.sandbox.expire_access_tokens();
    let second = world.run(&["token", "box", "--force-refresh"]).succeeded().stdout.trim().to_owned();
    assert_ne!(first, second);
    assert_eq!(call(&world.url(), &second), 200);
    let books = world.sandbox.books();
    assert_eq!((books.refresh_attempts, books.codes_issued, books.registrations), (0, 0, 0));
    let status = world.run(&["status", "box", "--json"]).json();
    assert_eq!(status["logins"][0]["login"]["grant"]["kind"], "client_credentials");
    world.run(&["exec", "--", "sh", "-c", "test -n \"$MCP_ACCESS_TOKEN\""]).succeeded();
    world.run(&["logout", "box"]).succeeded();
    assert_eq!(call(&world.url(), &second), 401);
}

/// MCP 45.
#[test]
fn each_start_of_a_short_life_asks_once_however_many_ask_at_once() {
    let world = world(1);
    world.run_with_input(&login_args(&world.url(), &FLAGS), SECRET).succeeded();
    world.after_a_while();
    world.sandbox.change(|options| options.access_lifetime = 3600);
    let asked = || world.sandbox.books().grants_asked["client_credentials"];
    let before = asked();
    let children: Vec<_> = (0..8)
        .map(|_| {
            world.command(&["token", "box", "--min-ttl", "60"]).stdout(std::process::Stdio::piped()).spawn()
        })
        .collect();
    for child in children {
        assert!(child.unwrap().wait_with_output().unwrap().status.success());
    }
    assert_eq!(asked() - before, 1);
}

/// MCP 45.
#[test]
fn a_robot_needs_a_client_that_can_prove_itself() {
    let world = world(3600);
    let flags = ["--grant", "client-credentials", "--client-id", "robot"];
    world.run(&login_args(&world.url(), &flags)).failed_with(2, "a client with a secret or a key");
    let wrong = world.run_with_input(&login_args(&world.url(), &FLAGS), "wrong");
    wrong.failed_with(4, "invalid_client");
    assert!(wrong.stderr.contains("check the --client-id") && !wrong.stderr.contains("anew"), "{wrong:?}");
    assert!(world.records().is_empty());
}

#[test]
fn an_issuer_in_trouble_is_asked_again_and_one_that_refuses_is_not() {
    let world = world(3600);
    world.run_with_input(&login_args(&world.url(), &FLAGS), SECRET).succeeded();
    let status =
        |status, times| Fault::Status { endpoint: Endpoint::Token, status, times, retry_after: None };
    world.sandbox.change(|options| options.faults = vec![status(503, 1)]);
    world.run(&["refresh", "box"]).succeeded();
    world.sandbox.forget_clients();
    let before = world.sandbox.books().grants_asked["client_credentials"];
    world.run(&["refresh", "box"]).failed_with(3, "invalid_client");
    // The other way to show a secret is tried once.
    assert!(world.sandbox.books().grants_asked["client_credentials"] - before <= 2);
    // The token that there is still works, and the login is kept.
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
}
