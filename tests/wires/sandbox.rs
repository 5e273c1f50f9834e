//! The same at a server that judges its visitors: tokens end, are bound to keys, and connections break.

use mcpauth::sandbox::{Dpop, SandboxOptions, Speaks, WebSocketEnd};
use serde_json::{Value, json};

use crate::support::World;
use crate::support::talk::Talk;

/// A host in a world that is signed in at this place of the sandbox, and has met the server.
fn greeted(options: SandboxOptions, place: &str) -> (World, Talk) {
    let world = World::with(options);
    let url = world.url().replace("/mcp", place);
    let url = if place == "/ws" { url.replace("http://", "ws://") } else { url };
    let login = world.command(&["login", &url, "--name", "box", "--no-browser", "--store", "file"]);
    world.login_as(login).succeeded();
    let talk = Talk::greeted(world.command(&["bridge", "box", "--login", "never"]), "2024-11-05");
    (world, talk)
}

/// What the tool `echo` says to something.
fn echo(talk: &mut Talk, text: &str) -> Value {
    talk.tool("echo", &json!({ "text": text }))["content"][0]["text"].clone()
}

fn old(speaks: Speaks) -> SandboxOptions {
    SandboxOptions { speaks, ..SandboxOptions::default() }
}

/// MCP 67.
#[test]
fn a_token_that_ends_is_renewed_wherever_it_is_shown() {
    for (options, place) in [
        (old(Speaks::OnlyLegacy(405)), "/mcp"),
        (old(Speaks::OnlyLegacy(404)), "/mcp"),
        (old(Speaks::Everything), "/sse"),
    ] {
        let (world, mut talk) = greeted(options, place);
        assert_eq!(echo(&mut talk, "before"), "before", "{place}");
        // Each message shows it.
        world.sandbox.expire_access_tokens();
        assert_eq!(echo(&mut talk, "after"), "after", "{place}");
        assert_eq!(world.sandbox.books().refreshes, 1, "{place}");
    }
    // Only the handshake shows it.
    let world = World::with(SandboxOptions::default());
    let url = world.url().replace("http://", "ws://").replace("/mcp", "/ws");
    let login = world.command(&["login", &url, "--name", "box", "--no-browser", "--store", "file"]);
    world.login_as(login).succeeded();
    world.sandbox.expire_access_tokens();
    let mut talk = Talk::greeted(world.command(&["bridge", "box", "--login", "never"]), "2024-11-05");
    assert_eq!(echo(&mut talk, "x"), "x");
    assert_eq!(world.sandbox.books().refreshes, 1);
}

#[test]
fn a_handshake_proves_the_key_that_the_token_is_bound_to() {
    for place in ["/ws", "/sse"] {
        let options = SandboxOptions { dpop: Dpop::Required, ..SandboxOptions::default() };
        let (_world, mut talk) = greeted(options, place);
        assert_eq!(echo(&mut talk, "x"), "x", "{place}");
    }
}

#[test]
fn a_websocket_that_is_dropped_again_and_again_answers_everything() {
    let end = WebSocketEnd { after: 3, code: None };
    let (_world, mut talk) =
        greeted(SandboxOptions { websocket_end: Some(end), ..SandboxOptions::default() }, "/ws");
    // Each connection lasts for the greeting and a little more; whoever gets no answer gets an error.
    let answers =
        (0..6).map(|_| talk.ask("tools/call", &json!({ "name": "echo", "arguments": { "text": "x" } })));
    let (well, ill): (Vec<_>, Vec<_>) = answers.partition(|answer| answer["result"].is_object());
    assert!(well.len() >= 2 && ill.iter().all(|answer| answer["error"]["message"].is_string()), "{ill:?}");
}

/// B-14: what such a server says to a POST is not all that there is to say.
#[test]
fn whoever_has_to_sign_in_first_is_told_what_to_type() {
    for place in ["/sse", "/ws"] {
        let world = World::with(SandboxOptions::default());
        let url = world.url().replace("/mcp", place);
        let url = if place == "/ws" { url.replace("http://", "ws://") } else { url };
        let mut talk = Talk::start(world.command(&["bridge", &url, "--login", "never"]));
        let told = talk.ask("initialize", &json!({ "protocolVersion": "2024-11-05" }));
        let message = told["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(&format!("mcpauth login {url}")), "{told}");
    }
}
