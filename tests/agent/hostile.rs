//! A host that does not keep to the protocol.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::agent;
use crate::support::World;
use crate::support::talk::Talk;

#[test]
fn whatever_is_no_message_is_refused_and_the_next_one_is_served() {
    let world = World::new();
    let mut agent = agent(&world);
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    for (line, code) in [
        (&b"nonsense"[..], -32700),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", -32700),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1", -32700),
        (b"[]", -32600),
        (b"7", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", -32600),
    ] {
        agent.write(line);
        let answer = agent.next().unwrap();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(null), &json!(code)), "{answer}");
    }
    // Where it can be seen who waits for an answer, he gets it.
    for line in [&b"{\"id\":1,\"method\":\"ping\"}"[..], deep.as_bytes()] {
        agent.write(line);
        let answer = agent.next().unwrap();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(1), &json!(-32600)), "{answer}");
    }
    assert_eq!(agent.ask("ping", &json!({}))["result"], json!({}));
}

/// Within the depth that a message may have, and beyond what a tool's arguments can be read to.
#[test]
fn arguments_that_are_nested_deeply_are_refused() {
    let world = World::new();
    let mut agent = agent(&world);
    let nested = "[".repeat(300) + &"]".repeat(300);
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":"deep","method":"tools/call","params":{{"name":"api_call","arguments":{{"server":"x","path":"/","body":{nested}}}}}}}"#
    );
    agent.write(call.as_bytes());
    let answer = agent.next().unwrap();
    assert!(answer["error"].is_object() || answer["result"]["isError"] == true, "{answer}");
    assert_eq!(agent.ask("ping", &json!({}))["result"], json!({}));
}

#[test]
fn a_line_without_end_is_passed_over() {
    let world = World::new();
    let mut agent = agent(&world);
    agent.write(&vec![b'x'; 65 * 1024 * 1024]);
    let answer = agent.next().unwrap();
    assert_eq!(answer["error"]["code"], -32600, "{answer}");
    assert_eq!(agent.ask("ping", &json!({}))["result"], json!({}));
}

#[test]
fn answers_and_notifications_that_nobody_waits_for_are_passed_over() {
    let world = World::new();
    let mut agent = agent(&world);
    agent.write(br#"{"jsonrpc":"2.0","id":99,"result":{}}"#);
    agent.write(br#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"x"}}"#);
    agent.tell("notifications/cancelled", &json!({ "requestId": 99 }));
    agent.tell("notifications/cancelled", &json!({ "requestId": {} }));
    agent.tell("notifications/cancelled", &json!([]));
    agent.tell("notifications/nothing", &json!({}));
    let pong = agent.begin("ping", &json!({}));
    assert_eq!(agent.next().unwrap()["id"], pong);
}

#[test]
fn the_end_of_the_host_is_the_end_also_in_the_middle_of_a_line() {
    let world = World::new();
    let mut agent = agent(&world);
    agent.tool("auth_login", &json!({ "server": world.url() }));
    agent.write(br#"{"jsonrpc":"2.0","id":1,"method":"pi"#);
    let (exit, errors, _) = agent.end();
    assert_eq!(exit, 0, "{errors}");
}

#[test]
fn a_signal_ends_it_politely() {
    let world = World::new();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut agent = Talk::greeted(world.command(&["mcp"]), "2025-06-18");
        kill(Pid::from_raw(agent.id().try_into().unwrap()), signal).unwrap();
        while agent.next().is_some() {}
        let (exit, errors, _) = agent.end();
        assert_eq!((exit, errors.as_str()), (0, ""), "{signal}");
    }
}
