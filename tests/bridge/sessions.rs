//! Sessions, streams and what the server says first (Streamable HTTP).

use mcpauth::sandbox::{BreakOff, SandboxOptions};
use serde_json::json;

use crate::support::World;
use crate::{echo, greeted, signed_in};

/// MCP 59, 65.
#[test]
fn every_revision_with_sessions_gets_its_headers_and_a_farewell() {
    for revision in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        for event_streams in [false, true] {
            let world = World::signed_in(SandboxOptions { event_streams, ..SandboxOptions::default() });
            let mut talk = greeted(&world, revision);
            assert_eq!(echo(&mut talk, "é \u{2028} \"x\""), "é \u{2028} \"x\"");
            let seen = world.sandbox.books().last_mcp_headers;
            let version = (revision != "2025-03-26").then(|| revision.to_owned());
            assert_eq!(seen.get("mcp-protocol-version").cloned(), version, "{seen:?}");
            assert!(seen["authorization"].starts_with("Bearer ") && seen.contains_key("mcp-session-id"));
            let (exit, errors, _) = talk.end();
            assert_eq!((exit, errors.as_str()), (0, ""));
            let books = world.sandbox.books();
            assert_eq!((books.sessions_opened, books.sessions_closed), (1, 1));
            assert_eq!(books.violations, [""; 0]);
        }
    }
}

#[test]
fn a_server_may_speak_first_and_ask() {
    let (world, mut talk) = signed_in(SandboxOptions::default());
    assert!(world.sandbox.until(|books| books.streams_opened == 1));
    world.sandbox.announce("notifications/tools/list_changed", &json!({}));
    assert_eq!(talk.next().unwrap()["method"], "notifications/tools/list_changed");
    world.sandbox.ask("ping", &json!({}));
    let question = talk.next().unwrap();
    assert_eq!(question["method"], "ping");
    talk.write(
        json!({ "jsonrpc": "2.0", "id": question["id"], "result": { "x": 1 } }).to_string().as_bytes(),
    );
    assert!(world.sandbox.until(|books| !books.answers.is_empty()));
    assert_eq!(world.sandbox.books().answers[0]["result"]["x"], 1);
}

/// MCP 65.
#[test]
fn a_server_that_has_forgotten_the_session_is_greeted_once_more_and_the_host_notices_nothing() {
    let (world, mut talk) = signed_in(SandboxOptions::default());
    world.sandbox.forget_sessions();
    assert_eq!(echo(&mut talk, "again"), "again");
    assert_eq!(world.sandbox.books().sessions_opened, 2);
    // Also for many at once.
    world.sandbox.forget_sessions();
    let asked: Vec<u64> = (0..8)
        .map(|_| talk.begin("tools/call", &json!({ "name": "echo", "arguments": { "text": "x" } })))
        .collect();
    let mut answered: Vec<u64> = (0..8)
        .map(|_| talk.next().unwrap())
        .filter_map(|answer| answer["result"].is_object().then(|| answer["id"].as_u64().unwrap()))
        .collect();
    answered.sort_unstable();
    assert_eq!(answered, asked);
    assert_eq!(world.sandbox.books().sessions_opened, 3);
}

#[test]
fn a_stream_that_broke_is_taken_up_where_it_ended_and_nothing_is_told_twice() {
    for break_off in [BreakOff::after(2), BreakOff::cleanly_after(2)] {
        let (world, mut talk) = signed_in(SandboxOptions { retry: Some(10), ..SandboxOptions::default() });
        world.sandbox.change(|options| options.break_off = Some(break_off));
        let asked = json!({
            "name": "stream", "arguments": { "events": 5, "every_ms": 1 }, "_meta": { "progressToken": "p" },
        });
        let id = talk.begin("tools/call", &asked);
        let mut steps = Vec::new();
        let answer = loop {
            let message = talk.next().unwrap();
            if message["id"] == id {
                break message;
            }
            steps.push(message["params"]["progress"].as_u64().unwrap());
        };
        assert!(answer["result"].is_object(), "{answer}");
        let in_order: Vec<u64> = (steps[0]..).take(5).collect();
        assert_eq!(steps, in_order);
        assert!(!world.sandbox.books().last_event_ids.is_empty());
        assert_eq!(world.sandbox.books().tool_calls, 1);
    }
}

#[test]
fn one_slow_call_keeps_no_other_waiting() {
    let (world, mut talk) = signed_in(SandboxOptions::default());
    let held: Vec<u64> =
        (0..64).map(|_| talk.begin("tools/call", &json!({ "name": "hold", "arguments": {} }))).collect();
    assert_eq!(echo(&mut talk, "meanwhile"), "meanwhile");
    assert!(world.sandbox.until(|books| books.in_flight >= 64));
    world.sandbox.release(64);
    for id in held {
        assert!(
            talk.said.iter().any(|line| line.contains(&format!("\"id\":{id},")))
                || talk.answer(id)["result"].is_object()
        );
    }
}

#[test]
fn a_batch_of_the_oldest_revision_passes_as_it_is() {
    let world = World::signed_in(SandboxOptions::default());
    let mut talk = greeted(&world, "2025-03-26");
    talk.write(
        br#"[{"jsonrpc":"2.0","id":"a","method":"ping"},{"jsonrpc":"2.0","id":"b","method":"tools/list"}]"#,
    );
    let mut answered = Vec::new();
    while answered.len() < 2 {
        let answer = talk.next().unwrap();
        let parts = answer.as_array().cloned().unwrap_or_else(|| vec![answer.clone()]);
        answered.extend(parts.iter().map(|part| part["id"].as_str().unwrap().to_owned()));
    }
    answered.sort_unstable();
    assert_eq!(answered, ["a", "b"]);
}

#[test]
fn tools_that_are_not_allowed_are_neither_shown_nor_called() {
    let world = World::signed_in(SandboxOptions::default());
    let command = world.command(&["bridge", "box", "--allow", "*o*", "--deny", "who*"]);
    let mut talk = crate::support::talk::Talk::greeted(command, "2025-11-25");
    let listed = talk.ask("tools/list", &json!({}));
    let names: Vec<&str> = listed["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"echo") && names.iter().all(|name| name.contains('o') && !name.starts_with("who")),
        "{names:?}"
    );
    let refused = talk.ask("tools/call", &json!({ "name": "whoami", "arguments": {} }));
    assert!(refused["error"]["message"].as_str().unwrap().contains("whoami"), "{refused}");
    let twice =
        br#"{"jsonrpc":"2.0","id":99,"method":"tools/call","params":{"name":"echo","name":"whoami"}}"#;
    talk.write(twice);
    assert!(talk.answer(99)["error"].is_object());
    assert_eq!(world.sandbox.books().tool_calls, 0);
}
