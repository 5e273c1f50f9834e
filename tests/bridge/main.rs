//! `bridge`: hosts and servers of every era, through the real binary and real HTTP.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

#[expect(dead_code, reason = "these stories use their own part of the peer")]
#[path = "../hostile/peer.rs"]
mod peer;
#[path = "../support/mod.rs"]
mod support;

mod crowd;
mod endings;
mod eras;
mod hostile;
mod hygiene;
mod renewal;
mod sessions;
mod translate;

use mcpauth::sandbox::{SandboxOptions, Speaks};
use serde_json::{Value, json};
use support::World;
use support::talk::Talk;

/// A bridge in a world where somebody is signed in, which has greeted the server in this revision.
fn greeted(world: &World, revision: &str) -> Talk {
    Talk::greeted(world.command(&["bridge", "box", "--login", "never"]), revision)
}

fn signed_in(options: SandboxOptions) -> (World, Talk) {
    let world = World::signed_in(options);
    let talk = greeted(&world, "2025-11-25");
    // From then on nothing but what the story does happens.
    assert!(world.sandbox.until(|books| books.streams_opened == 1));
    (world, talk)
}

/// What the tool `echo` says to something.
fn echo(talk: &mut Talk, text: &str) -> Value {
    talk.tool("echo", &json!({ "text": text }))["content"][0]["text"].clone()
}

/// The revision without sessions.
const REVISION: &str = "2026-07-28";

/// A world whose server speaks so, where somebody has signed in.
fn world(speaks: Speaks) -> World {
    let world = World::with(SandboxOptions { speaks, misnamed_tool: true, ..SandboxOptions::default() });
    world.login(&["--scope", "mcp:basic"]).succeeded();
    world
}

/// A bridge to the server of this world, and nobody has said anything.
fn bridge(world: &World, flags: &[&str]) -> Talk {
    Talk::start(world.command(&[&["bridge", "box"], flags].concat()))
}

/// What a host of 2026-07-28 sends.
fn modern(mut params: Value) -> Value {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = REVISION.into();
    params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({ "name": "host", "version": "1" });
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({ "elicitation": {}, "roots": {} });
    params
}

/// What a host of the old era greets with.
fn greeting() -> Value {
    json!({
        "protocolVersion": "2025-06-18", "capabilities": { "elicitation": {}, "roots": { "listChanged": true } },
        "clientInfo": { "name": "host", "version": "1" },
    })
}

/// The names in a list of tools.
fn names(answer: &Value) -> Vec<String> {
    let tools = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("no tools: {answer}"));
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

/// What a tool said.
#[track_caller]
fn said(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("nothing was said: {answer}"))
}

/// Reads on until a message with this method comes.
fn await_method(talk: &mut Talk, method: &str) -> Value {
    loop {
        let message = talk.next().unwrap();
        if message["method"] == method {
            return message;
        }
    }
}
