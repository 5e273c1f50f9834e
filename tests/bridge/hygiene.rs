//! Nothing but messages on standard output, no secret in them, and no more memory than it takes.

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use serde_json::json;

use crate::support::World;
use crate::support::steps::eventually;
use crate::support::talk::Talk;
use crate::{echo, signed_in};

/// MCP 66.
/// B-01: `Talk` fails at the first line that is no JSON.
#[test]
fn however_much_there_is_to_tell_standard_output_is_for_messages() {
    let world = World::signed_in(SandboxOptions::default());
    let mut talk = Talk::greeted(world.command(&["bridge", "box", "-vvv"]), "2025-11-25");
    assert_eq!(echo(&mut talk, "x"), "x");
    let (_, errors, said) = talk.end();
    assert!(errors.contains("POST") && said.iter().all(|line| line.contains("\"jsonrpc\":\"2.0\"")));
    for (what, secret) in world.sandbox.secrets() {
        assert!(!errors.contains(&secret), "{what} in {errors}");
    }
}

/// B-05.
#[test]
fn what_no_server_should_see_is_refused_and_the_next_message_passes() {
    let (world, mut talk) = signed_in(SandboxOptions::default());
    let calls = world.sandbox.books().mcp_calls;
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{}{}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let long =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":["{}"]}}"#, "x".repeat(65 * 1024 * 1024));
    // Whoever waits for an answer gets it, as far as it can be seen who that is.
    for (line, id, code) in [
        (deep.as_bytes(), json!(1), -32600),
        (long.as_bytes(), json!(1), -32600),
        (b"{", json!(null), -32700),
        (b"\xff\xfe{}", json!(null), -32700),
    ] {
        talk.write(line);
        let answer = talk.next().unwrap();
        assert_eq!((&answer["id"], answer["error"]["code"].as_i64()), (&id, Some(code)), "{answer}");
    }
    assert_eq!(world.sandbox.books().mcp_calls, calls);
    assert_eq!(echo(&mut talk, "x"), "x");
    assert!(peak(talk.id()) < 200 * 1024, "{} KiB", peak(talk.id()));
}

/// B-11.
#[test]
fn a_host_that_does_not_read_is_waited_for_and_memory_stays_bounded() {
    let (world, mut talk) = signed_in(SandboxOptions::default());
    talk.pause();
    let call = json!({ "name": "large", "arguments": { "bytes": 1024 * 1024 } });
    let asked: Vec<u64> = (0..100).map(|_| talk.begin("tools/call", &call)).collect();
    assert!(world.sandbox.until(|books| books.tool_calls == 100));
    takes_no_more(talk.id());
    talk.go_on();
    for _ in &asked {
        assert!(talk.next().unwrap()["result"].is_object());
    }
    assert!(peak(talk.id()) < 80 * 1024, "{} KiB", peak(talk.id()));
}

/// B-11: the same for what nobody has asked for.
#[test]
fn a_server_that_floods_its_stream_waits_for_a_host_that_does_not_read() {
    let (world, mut talk) = signed_in(SandboxOptions::default());
    talk.pause();
    for number in 0..200 {
        let news = json!({ "number": number, "data": "x".repeat(512 * 1024) });
        world.sandbox.announce("notifications/message", &news);
    }
    takes_no_more(talk.id());
    talk.go_on();
    for number in 0..200 {
        assert_eq!(talk.next().unwrap()["params"]["number"], number);
    }
    assert!(peak(talk.id()) < 50 * 1024, "{} KiB", peak(talk.id()));
}

/// B-12.
#[test]
fn a_server_that_repeats_the_token_in_an_error_does_not_show_it_to_the_host() {
    let (world, mut talk) = signed_in(SandboxOptions::default());
    let token = world.token(&[]);
    let json =
        json!({ "jsonrpc": "2.0", "id": 0, "error": { "code": -1, "message": format!("bad {token}") } });
    for (status, body) in
        [(500, format!("what is {token}?")), (400, json.to_string()), (200, json.to_string())]
    {
        let content_type = if body.starts_with('{') { "application/json" } else { "text/plain" }.to_owned();
        let fault = Fault::Body { endpoint: Endpoint::Mcp, status, content_type, body, times: 1 };
        world.sandbox.change(|options| options.faults.push(fault));
        let id = talk.begin("tools/call", &json!({ "name": "echo", "arguments": { "text": "x" } }));
        let answer = loop {
            let message = talk.next().unwrap();
            if status == 200 || message["id"] == id {
                break message;
            }
        };
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }
    assert!(talk.said.iter().all(|line| !line.contains(&token)), "{:?}", talk.said);
}

/// B-12: also where nobody has greeted yet.
#[test]
fn a_server_that_greets_with_the_token_does_not_show_it_to_the_host() {
    let world = World::signed_in(SandboxOptions::default());
    let token = world.token(&[]);
    let json =
        json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": -1, "message": format!("bad {token}") } });
    let (content_type, body) = ("application/json".to_owned(), json.to_string());
    let fault = Fault::Body { endpoint: Endpoint::Mcp, status: 200, content_type, body, times: 1 };
    world.sandbox.change(|options| options.faults.push(fault));
    let mut talk = Talk::start(world.command(&["bridge", "box"]));
    let answer = talk.ask("initialize", &json!({ "protocolVersion": "2025-11-25" }));
    assert!(answer["error"]["message"].as_str().unwrap().contains("bad"), "{answer}");
    assert!(talk.said.iter().all(|line| !line.contains(&token)), "{:?}", talk.said);
}

/// B-12: nor does an issuer that repeats what it was sent with a refresh.
#[test]
fn an_issuer_that_repeats_secrets_in_an_error_does_not_show_them_to_the_host() {
    let (world, mut talk) = signed_in(SandboxOptions::default());
    let mut secrets = world.sandbox.secrets();
    secrets.retain(|(what, _)| *what == "refresh token");
    let words: Vec<&str> = secrets.iter().map(|(_, secret)| secret.as_str()).collect();
    assert!(!words.is_empty());
    for (status, error) in [(400, "invalid_request"), (400, "invalid_client"), (500, "x")] {
        let body = json!({ "error": error, "error_description": words.join(" ") }).to_string();
        let content_type = "application/json".to_owned();
        let fault = Fault::Body { endpoint: Endpoint::Token, status, content_type, body, times: 100 };
        world.sandbox.change(|options| options.faults = vec![fault]);
        world.sandbox.expire_access_tokens();
        let heard = talk.ask("tools/call", &json!({ "name": "echo", "arguments": { "text": "x" } }));
        assert!(heard["error"]["message"].is_string(), "{heard}");
        world.after_a_while();
    }
    for (what, secret) in &secrets {
        assert!(talk.said.iter().all(|line| !line.contains(secret)), "{what} in {:?}", talk.said);
    }
}

#[test]
fn a_server_in_trouble_is_named_and_what_it_says_is_told() {
    let (world, mut talk) = signed_in(SandboxOptions::default());
    let fault = Fault::Body {
        endpoint: Endpoint::Mcp,
        status: 503,
        content_type: "text/html".into(),
        body: "<h1>back\u{202e} soon</h1>".into(),
        times: 1,
    };
    world.sandbox.change(|options| options.faults.push(fault));
    let answer = talk.ask("tools/call", &json!({ "name": "echo", "arguments": { "text": "x" } }));
    let words = answer["error"]["message"].as_str().unwrap();
    assert!(
        words.contains("box answered with status 503: <h1>back") && !words.contains('\u{202e}'),
        "{words}"
    );
    assert_eq!(echo(&mut talk, "x"), "x");
}

/// The most memory that a process has had, in KiB.
pub(crate) fn peak(id: u32) -> u64 {
    memory(id, "VmHWM:")
}

/// Waits until a process takes in nothing more, as far as its memory shows.
fn takes_no_more(id: u32) {
    let (mut before, mut looks) = (0, 0);
    eventually(|| {
        let now = memory(id, "VmRSS:");
        looks = if now == before { looks + 1 } else { 0 };
        before = now;
        looks == 100
    });
}

fn memory(id: u32, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
