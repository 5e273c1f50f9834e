//! `bridge` to servers of Streamable HTTP: what a host sees, and what a server does.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;

mod endings;
mod hygiene;
mod renewal;
mod sessions;

use mcpauth::sandbox::SandboxOptions;
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
