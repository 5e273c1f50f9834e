//! `proxy`: programs that see no token use a server through the real binary, judged by what the server got.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

mod client;
#[expect(dead_code, reason = "these stories use their own part of the peer")]
#[path = "../hostile/peer.rs"]
mod peer;
#[path = "../support/mod.rs"]
mod support;
#[expect(dead_code, reason = "these stories show their own part of the certificates")]
#[path = "../hostile/tls.rs"]
mod tls;
mod upstream;

mod admission;
mod crowd;
mod logins;
mod mounts;
mod passage;
mod place;
mod rules;
mod streams;

use client::Proxy;
use peer::{ACCESS, Peer, Said, Seen, by_the_rules};
use support::World;

/// A server that says this to whoever shows the token, a world that is signed in there as `other`, and a proxy to it.
fn peer_that(says: impl Fn(&Seen) -> Said + Send + 'static, args: &[&str]) -> (Proxy, World, Peer) {
    let bearer = format!("Bearer {ACCESS}");
    let peer = Peer::start(Box::new(move |seen| {
        Some(if seen.header("authorization") == bearer { says(seen) } else { by_the_rules(seen) })
    }));
    let world = World::new();
    sign_in(&world, &peer.url(), "other");
    let proxy = Proxy::start(&world, &[&["other"], args].concat());
    (proxy, world, peer)
}

fn sign_in(world: &World, url: &str, name: &str) {
    let login = world.command(&["login", url, "--name", name, "--no-browser", "--store", "file"]);
    world.login_as(login).succeeded();
}

/// The requests with the token.
fn authorized(peer: &Peer) -> Vec<Seen> {
    peer.seen().into_iter().filter(|seen| seen.holds(ACCESS) && seen.path() != "/token").collect()
}

/// A request of the revision without sessions.
fn message(method: &str, params: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{{{params}"_meta":{{
        "io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    )
}

/// A tool call, with the headers that belong to it.
fn call(tool: &str) -> (String, String) {
    let body = message("tools/call", &format!(r#""name":"{tool}","arguments":{{"text":"hello"}},"#));
    (format!("{}Mcp-Name: {tool}\r\n", headers("tools/call")), body)
}

fn headers(method: &str) -> String {
    format!(
        "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\n"
    )
}
