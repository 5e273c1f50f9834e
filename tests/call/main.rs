//! `call`: one authorized request through the real binary, judged by what the server got.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

#[expect(dead_code, reason = "these stories use their own part of the peer")]
#[path = "../hostile/peer.rs"]
mod peer;
#[path = "../support/mod.rs"]
mod support;

mod answers;
mod bound;
mod confinement;
mod own;
mod requests;
mod scope;
mod tokens;

use peer::{ACCESS, Peer, Said, Seen, by_the_rules};
use support::World;

/// A server that says this to whoever shows the token, and a world that is signed in there as `other`.
fn peer_that(says: impl Fn(&Seen) -> Said + Send + 'static) -> (World, Peer) {
    let bearer = format!("Bearer {ACCESS}");
    let peer = Peer::start(Box::new(move |seen| {
        Some(if seen.header("authorization") == bearer { says(seen) } else { by_the_rules(seen) })
    }));
    (signed_in_at(&peer), peer)
}

/// A world that is signed in at a peer as `other`.
fn signed_in_at(peer: &Peer) -> World {
    let world = World::new();
    let url = peer.url();
    let login = world.command(&["login", &url, "--name", "other", "--no-browser", "--store", "file"]);
    world.login_as(login).succeeded();
    world
}

/// A tool call of the revision without sessions.
fn tool(name: &str, arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"{name}","arguments":{arguments},"_meta":{{
        "io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    )
}

/// Calls a tool at `box`, with further arguments of `call`.
fn call_tool(world: &World, name: &str, arguments: &str, further: &[&str]) -> support::Ran {
    let body = tool(name, arguments);
    let named = format!("Mcp-Name: {name}");
    let args = ["call", "box", "-d", &body, "-H", &named, "-H", "Mcp-Method: tools/call"];
    world.run(&[&args, &["-H", "MCP-Protocol-Version: 2026-07-28"][..], further].concat())
}
