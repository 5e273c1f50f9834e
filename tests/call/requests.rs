//! What a request looks like to the server.

use std::fs;

use mcpauth::sandbox::SandboxOptions;
use serde_json::json;

use crate::peer::answer;
use crate::support::World;
use crate::{call_tool, peer_that, tool};

#[test]
fn a_tool_is_called_with_the_token_and_nothing_else_is_printed() {
    let world = World::signed_in(SandboxOptions::default());
    let token = world.token(&[]);
    let ran = call_tool(&world, "echo", r#"{"text":"hello"}"#, &[]);
    assert_eq!(ran.succeeded().json()["result"]["content"][0]["text"], "hello");
    assert_eq!(ran.stderr, "");
    let headers = world.sandbox.books().last_mcp_headers;
    assert_eq!(headers["authorization"], format!("Bearer {token}"));
    assert_eq!(headers["accept"], "application/json, text/event-stream");
    assert_eq!(headers["content-type"], "application/json");
}

/// MCP 59.
#[test]
fn a_session_is_opened_and_used_with_headers_of_ones_own() {
    let world = World::signed_in(SandboxOptions::default());
    let greeting = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": mcpauth::mcp::initialize_params() });
    let ran = world.run(&["call", "box", "--json", "-d", &greeting.to_string()]);
    let opened = ran.succeeded().json();
    assert_eq!((&opened["schema"], &opened["status"]), (&json!(1), &json!(200)));
    assert_eq!(opened["body"]["result"]["protocolVersion"], "2025-11-25");
    let session = format!("Mcp-Session-Id: {}", opened["headers"]["mcp-session-id"].as_str().unwrap());
    let list = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;
    let version = "MCP-Protocol-Version: 2025-11-25";
    let ran = world.run(&["call", "box", "POST", "-d", list, "-H", &session, "-H", version]);
    assert_eq!(ran.succeeded().json()["result"]["tools"][0]["name"], "echo");
    let ran = world.run(&["call", "box", "DELETE", "-H", &session, "-H", version]);
    assert_eq!((ran.succeeded().stdout.as_str(), ran.stderr.as_str()), ("", ""));
}

#[test]
fn a_body_comes_from_a_file_or_from_standard_input_as_it_is() {
    let (world, peer) = peer_that(|seen| answer(200, "", seen.body.as_bytes()));
    let file = world.home().join("body");
    fs::write(&file, "one\ntwo\n").unwrap();
    let from = format!("@{}", file.display());
    assert_eq!(world.run(&["call", "other", "-d", &from]).succeeded().stdout, "one\ntwo\n");
    let ran =
        world.run_with_input(&["call", "other", "-d", "@-", "-H", "content-type: text/plain"], "three\n");
    assert_eq!(ran.succeeded().stdout, "three\n");
    assert_eq!(world.run(&["call", "other", "put", "/x?y=1", "-d", "-4"]).succeeded().stdout, "-4");
    let seen = peer.seen();
    let [.., first, second, third] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((first.what(), first.header("content-type")), ("POST /mcp", "application/json".to_owned()));
    assert_eq!((second.what(), second.header("content-type")), ("POST /mcp", "text/plain".to_owned()));
    assert_eq!((third.what(), third.parameter("y").as_str()), ("PUT /x", "1"));
}

#[test]
fn a_token_near_its_end_is_refreshed_before_anything_is_sent() {
    let world = World::expired();
    let from = world.sandbox.books().requests.len();
    call_tool(&world, "whoami", "{}", &[]).succeeded();
    assert_eq!(world.sandbox.books().requests[from..], ["POST /token", "POST /mcp"]);
}

#[test]
fn nothing_is_sent_for_somebody_who_is_not_signed_in() {
    let world = World::signed_in(SandboxOptions::default());
    let from = world.sandbox.books().requests.len();
    let ran = world.run(&["call", "box", "--account", "other", "-d", &tool("echo", "{}")]);
    ran.failed_with(3, "not signed in to box as account other");
    assert_eq!(world.sandbox.books().requests.len(), from);
}
