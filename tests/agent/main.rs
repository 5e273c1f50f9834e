//! `mcp`: what an agent can have done, through the real binary and real HTTP.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

#[expect(dead_code, reason = "these stories use their own part of the peer")]
#[path = "../hostile/peer.rs"]
mod peer;
#[path = "../support/mod.rs"]
mod support;

mod hostile;
mod protocol;
mod requests;
mod sign_ins;

use serde_json::{Value, json};
use support::World;
use support::talk::Talk;

const NEWEST: &str = "2025-11-25";

/// An agent that has introduced itself.
fn agent(world: &World) -> Talk {
    Talk::greeted(world.command(&["mcp", "--store", "file"]), NEWEST)
}

/// What a tool told, which the text and the structure say alike.
#[track_caller]
fn told(result: &Value) -> &Value {
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(text, result["structuredContent"]);
    &result["structuredContent"]
}

/// What a tool told that did what it was to do.
#[track_caller]
fn done(result: &Value) -> &Value {
    assert_eq!(result["isError"], false, "{result}");
    told(result)
}

/// What a tool told that did not.
#[track_caller]
fn refused(result: &Value) -> &Value {
    assert_eq!(result["isError"], true, "{result}");
    let told = told(result);
    assert!(told["error_description"].is_string(), "{told}");
    told
}

/// A message for `whoami` at the sandbox.
fn whoami() -> Value {
    json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "whoami", "arguments": {}, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        } },
    })
}

/// What `api_call` is asked to send that message.
fn call_of_whoami(server: &str) -> Value {
    json!({ "server": server, "path": "/mcp", "body": whoami(), "headers": {
        "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "whoami",
    } })
}
