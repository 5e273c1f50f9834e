//! Who is not let in learns nothing of what the server speaks.

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions, Speaks};
use serde_json::{Value, json};

use crate::support::desk::Desk;
use crate::support::talk::Talk;
use crate::support::{World, follow};

const REVISION: &str = "2026-07-28";

/// The first words of a host of the old era, and of one of the new.
const FIRST_WORDS: [&str; 2] = ["initialize", "server/discover"];

fn params_of(method: &str) -> Value {
    match method {
        "initialize" => json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "host", "version": "1" },
        }),
        _ => json!({ "_meta": {
            "io.modelcontextprotocol/protocolVersion": REVISION,
            "io.modelcontextprotocol/clientInfo": { "name": "host", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        } }),
    }
}

/// What a host of this era gets to know of the server that lets it in.
#[track_caller]
fn is_understood(method: &str, answer: &Value) {
    match method {
        "initialize" => assert_eq!(answer["result"]["protocolVersion"], "2025-11-25", "{answer}"),
        _ => assert_eq!(answer["result"]["supportedVersions"][0], REVISION, "{answer}"),
    }
}

/// Everything that the sandbox was asked for at its MCP server.
fn asked(world: &World) -> Vec<String> {
    let requests = world.sandbox.books().requests;
    requests.into_iter().filter(|request| request.ends_with(" /mcp")).collect()
}

fn desk(speaks: Speaks) -> Desk {
    let world = World::signed_in(SandboxOptions { speaks, ..SandboxOptions::default() });
    world.run(&["logout", "box"]).succeeded();
    Desk::of(world)
}

/// MCP 60, 61.
#[test]
fn whoever_has_to_sign_in_first_finds_the_era_of_the_server_afterwards() {
    for (speaks, first) in [
        (Speaks::OnlyStateless, FIRST_WORDS[0]),
        (Speaks::OnlySessions(400), FIRST_WORDS[0]),
        (Speaks::OnlySessions(400), FIRST_WORDS[1]),
        (Speaks::OnlyStateless, FIRST_WORDS[1]),
    ] {
        let desk = desk(speaks);
        let mut host = Talk::start(desk.command(&["bridge", "box", "--translate"]));
        let id = host.begin(first, &params_of(first));
        follow(&desk.page(1));
        is_understood(first, &host.answer(id));
        assert!(asked(&desk.world).iter().all(|asked| asked == "POST /mcp"), "{:?}", asked(&desk.world));
        let sessions = u64::from(speaks != Speaks::OnlyStateless);
        assert_eq!(desk.world.sandbox.books().sessions_opened, sessions, "{speaks:?} {first}");
    }
}

/// MCP 60, 61.
#[test]
fn whoever_is_turned_away_takes_the_server_for_nothing_and_asks_the_same_again() {
    for (first, status) in
        [(0, 401), (0, 403), (1, 401), (1, 403)].map(|(first, status)| (FIRST_WORDS[first], status))
    {
        let asked = [&[][..], &["--translate"]].map(|flags| turned_away(first, status, flags));
        // Not a word in the other era, and no look for an older transport.
        assert_eq!(asked[0], asked[1], "{first} {status}");
        assert!(asked[0].iter().all(|asked| asked == "POST /mcp"), "{asked:?}");
    }
}

/// What a server is asked for that lets nobody in for a while; it speaks everything, and afterwards it is spoken to as if
/// nothing had been.
fn turned_away(first: &str, status: u16, flags: &[&str]) -> Vec<String> {
    let world = World::signed_in(SandboxOptions::default());
    let before = asked(&world).len();
    let fault = Fault::Status { endpoint: Endpoint::Mcp, status, times: 1000, retry_after: None };
    world.sandbox.change(|options| options.faults = vec![fault]);
    let command = world.command(&[&["bridge", "box", "--login", "never"], flags].concat());
    let mut host = Talk::start(command);
    let refused = host.ask(first, &params_of(first));
    assert!(refused["error"].is_object(), "{refused}");
    let asked = asked(&world).split_off(before);
    world.sandbox.change(|options| options.faults.clear());
    world.login_as(world.command(&["login", "box", "--no-browser"])).succeeded();
    is_understood(first, &host.ask(first, &params_of(first)));
    let sessions = u64::from(first == "initialize");
    assert_eq!(world.sandbox.books().sessions_opened, sessions, "{first} {status} {flags:?}");
    asked
}
