//! A server that wants more scope than the login has.

use mcpauth::sandbox::SandboxOptions;

use crate::peer::answer;
use crate::support::World;
use crate::{call_tool, peer_that};

/// MCP 35.
#[test]
fn a_missing_scope_is_named_with_the_command_that_asks_for_it() {
    let world = World::signed_in(SandboxOptions::default());
    let ran = call_tool(&world, "admin", "{}", &[]);
    ran.failed_with(3, "box asks for scope that the login does not have: mcp:admin");
    assert_eq!((ran.advice(), ran.stdout.as_str()), ("mcpauth login box --add-scope mcp:admin", ""));
    // A new token would lack it, too.
    assert_eq!(world.sandbox.books().refresh_attempts, 0);
}

/// MCP 35.
/// Doing as told keeps what the login had: a refresh could not widen it, so a person consents to all of it.
#[test]
fn what_is_added_is_asked_for_beside_what_was_there() {
    let world = World::signed_in(SandboxOptions::default());
    world.login(&["--add-scope", "mcp:admin"]).succeeded();
    let books = world.sandbox.books();
    assert_eq!(books.last_authorize.unwrap()["scope"], "mcp:basic mcp:admin");
    assert_eq!((books.refresh_attempts, books.codes_redeemed), (0, 2));
    call_tool(&world, "admin", "{}", &[]).succeeded();
}

/// MCP 35.
#[test]
fn only_what_is_missing_is_asked_for_and_no_shell_takes_it_for_a_command() {
    let challenge = r#"www-authenticate: Bearer error="insufficient_scope", scope="mcp:basic a;b $(c) d""#;
    let (world, _peer) = peer_that(move |_| answer(403, &format!("{challenge}\r\n"), b"{}"));
    let ran = world.run(&["call", "other"]);
    ran.failed_with(3, "a;b $(c) d");
    assert_eq!(ran.advice(), "mcpauth login other --add-scope 'a;b $(c) d'");
}

/// MCP 35.
#[test]
fn nobody_is_sent_round_for_a_scope_that_was_granted() {
    let challenge = "www-authenticate: Bearer error=\"insufficient_scope\", scope=\"mcp:basic\"\r\n";
    let (world, peer) = peer_that(move |_| answer(403, challenge, b"{}"));
    let ran = world.run(&["call", "other"]);
    ran.failed_with(8, "other asks for scopes that the login already has: mcp:basic");
    assert!(!ran.stderr.contains("mcpauth login"), "{ran:?}");
    assert_eq!(peer.seen().last().unwrap().what(), "GET /mcp");
}

#[test]
fn a_scope_without_a_name_is_asked_about() {
    let (world, _peer) =
        peer_that(|_| answer(403, "www-authenticate: Bearer error=\"insufficient_scope\"\r\n", b"{}"));
    let ran = world.run(&["call", "other"]);
    ran.failed_with(3, "other asks for more scope than the login has, without naming it");
}

/// MCP 36.
#[test]
fn another_403_is_the_answer_of_the_server() {
    // The words alone are no challenge: only those of a Bearer challenge's `error` are.
    let challenge = "www-authenticate: Basic realm=\"x, Bearer error=insufficient_scope, scope=a\"\r\n";
    let (world, _peer) = peer_that(move |_| answer(403, challenge, b"not for you"));
    let ran = world.run(&["call", "other"]);
    ran.failed_with(1, "the server answered with status 403");
    assert_eq!(ran.stdout, "not for you");
}
