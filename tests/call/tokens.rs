//! A server that refuses the token.

use std::process::Stdio;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};

use crate::peer::{self, ACCESS, Peer, REFRESH, Said, answer, json_answer};
use crate::support::{World, finish};
use crate::{call_tool, peer_that, signed_in_at};

/// MCP 67.
#[test]
fn a_refused_token_costs_one_refresh_and_the_request_is_sent_once_more() {
    let world = World::signed_in(SandboxOptions::default());
    let before = world.token(&[]);
    world.sandbox.expire_access_tokens();
    let from = world.sandbox.books().requests.len();
    let ran = call_tool(&world, "echo", r#"{"text":"again"}"#, &[]);
    // Whole, the second time as well.
    assert_eq!(ran.succeeded().json()["result"]["content"][0]["text"], "again");
    assert_eq!(ran.stderr, "");
    let books = world.sandbox.books();
    assert_eq!(books.requests[from..], ["POST /mcp", "POST /token", "POST /mcp"]);
    assert_eq!((books.refreshes, books.tool_calls), (1, 1));
    assert_ne!(world.token(&[]), before);
}

#[test]
fn whoever_finds_that_somebody_else_has_a_new_token_asks_for_none() {
    let newer = "canary-access-newer";
    let (arrived, arrival) = channel();
    let (bring, pieces) = channel::<Vec<u8>>();
    let pieces = Mutex::new(Some(pieces));
    let peer = Peer::start(Box::new(move |seen| {
        let shown = seen.header("authorization");
        if seen.path() == "/token" && seen.body.contains(REFRESH) {
            let mut tokens = peer::tokens();
            tokens["access_token"] = newer.into();
            return Some(json_answer(200, &tokens));
        }
        if shown.ends_with(ACCESS) {
            arrived.send(()).unwrap();
            return pieces.lock().unwrap().take().map(Said::AsBrought);
        }
        shown.ends_with(newer).then(|| answer(200, "", b"welcome"))
    }));
    let world = signed_in_at(&peer);
    let mut command = world.command(&["call", "other"]);
    let call = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // While the old token is on its way, another process refreshes the login.
    arrival.recv().unwrap();
    world.run(&["refresh", "other"]).succeeded();
    bring.send(b"HTTP/1.1 401 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".into()).unwrap();
    drop(bring);
    assert_eq!(finish(call, String::new()).succeeded().stdout, "welcome");
    assert_eq!(peer.seen().iter().filter(|seen| seen.body.contains(REFRESH)).count(), 1);
}

/// MCP 67.
#[test]
fn a_server_that_refuses_the_new_token_too_is_not_asked_again() {
    let why = format!("no {ACCESS}");
    let refusal =
        format!("www-authenticate: Bearer error=\"invalid_token\", error_description=\"{why}\"\r\n");
    let (world, peer) = peer_that(move |_| answer(401, &refusal, b"{}"));
    let ran = world.run(&["call", "other", "-d", "{}"]);
    ran.failed_with(3, "other refuses every access token, also a new one (no [redacted])");
    assert_eq!((ran.advice(), ran.stdout.as_str()), ("mcpauth login other", ""));
    let seen = peer.seen();
    let what: Vec<_> = seen.iter().rev().take(3).map(peer::Seen::what).collect();
    assert_eq!(what, ["POST /mcp", "POST /token", "POST /mcp"]);
}

/// MCP 67.
#[test]
fn where_nothing_can_be_refreshed_a_refused_token_needs_a_person() {
    let options = SandboxOptions { issue_refresh_token: false, ..SandboxOptions::default() };
    let world = World::signed_in(options);
    world.sandbox.expire_access_tokens();
    let ran = call_tool(&world, "echo", "{}", &[]);
    ran.failed_with(
        3,
        "box refuses the access token (the token is unknown, has expired or was revoked), and there",
    );
    assert_eq!(ran.advice(), "mcpauth login box");
    assert_eq!(world.sandbox.books().refresh_attempts, 0);
}

#[test]
fn an_issuer_in_trouble_is_no_reason_to_sign_in_again() {
    let world = World::signed_in(SandboxOptions::default());
    world.sandbox.expire_access_tokens();
    world.sandbox.change(|options| {
        options.faults =
            vec![Fault::Status { endpoint: Endpoint::Token, status: 503, times: 9, retry_after: None }];
    });
    call_tool(&world, "echo", "{}", &[]).failed_with(6, "503");
}

#[test]
fn an_ended_login_is_told_as_one() {
    let world = World::signed_in(SandboxOptions::default());
    world.sandbox.revoke_everything();
    let ran = call_tool(&world, "echo", "{}", &[]);
    ran.failed_with(3, "the issuer ended this login (invalid_grant");
    assert_eq!(ran.advice(), "mcpauth login box");
}
