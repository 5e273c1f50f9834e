//! Methods and tools that may not be used here.

use mcpauth::sandbox::SandboxOptions;

use crate::client::Proxy;
use crate::peer::answer;
use crate::support::World;
use crate::{authorized, call, headers, message, peer_that};

#[test]
fn a_tool_that_is_denied_is_neither_shown_nor_called() {
    let world = World::signed_in(SandboxOptions::default());
    let proxy = Proxy::start(&world, &["box", "--deny-tool", "*dmin", "--metrics"]);
    let told = proxy.ask("POST /", &headers("tools/list"), &message("tools/list", ""));
    assert!(told.status == 200 && told.body.contains("echo"), "{told:?}");
    assert!(!told.body.contains("admin") && told.body.contains("whoami"), "{told:?}");
    let (head, body) = call("echo");
    assert!(proxy.ask("POST /", &head, &body).body.contains("hello"));
    let calls = world.sandbox.books().tool_calls;
    let (head, body) = call("admin");
    let told = proxy.ask("POST /", &head, &body);
    assert_eq!((told.status, world.sandbox.books().tool_calls), (200, calls), "{told:?}");
    assert!(told.error().contains("calls of the tool admin") && told.body.contains(r#""id":7"#), "{told:?}");
    assert!(proxy.ask("GET /metrics", "", "").body.contains(r#"blocked_messages_total{server="box"} 1"#));
}

#[test]
fn only_what_is_allowed_passes() {
    let (proxy, _world, peer) = peer_that(|_| answer(200, "", b"{}"), &["--allow-tool", "get_*"]);
    let before = authorized(&peer).len();
    for refused in ["echo", "forget_me"] {
        let (head, body) = call(refused);
        assert!(proxy.ask("POST /", &head, &body).error().contains(refused));
    }
    // What a lenient reader would take for a call of it.
    for sly in [
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":{"name":"echo"}}"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}]"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_a","name":"echo"}}"#,
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo"}}"#,
        "echo",
    ] {
        let told = proxy.post("/", sly);
        assert!(told.status != 200 || told.body.contains("error"), "{sly} {told:?}");
    }
    assert_eq!(proxy.ask("PUT /", "Content-Type: application/json\r\n", "{}").status, 405);
    assert_eq!(authorized(&peer).len(), before);
    let (head, body) = call("get_a");
    assert_eq!(proxy.ask("POST /", &head, &body).status, 200);
    assert_eq!(authorized(&peer).len(), before + 1);
}

/// A client that runs wild wears out neither the server nor the account there.
#[test]
fn no_more_requests_pass_than_the_rate_lets() {
    let (proxy, _world, peer) = peer_that(|_| answer(200, "", b"{}"), &["--rate", "2/h", "--metrics"]);
    let before = authorized(&peer).len();
    let (head, body) = call("echo");
    let told = [(); 3].map(|()| proxy.ask("POST /", &head, &body));
    assert_eq!(told.each_ref().map(|told| told.status), [200, 200, 429], "{told:?}");
    // A new one after half an hour, of which the first two have taken a moment.
    assert!(
        told[2].head.contains("retry-after: 1800") || told[2].head.contains("retry-after: 1799"),
        "{told:?}"
    );
    assert!(told[2].error().contains("--rate") && told[2].body.contains(r#""id":7"#), "{told:?}");
    assert_eq!(authorized(&peer).len(), before + 2);
    let metrics = proxy.ask("GET /metrics", "", "").body;
    let blocked = metrics.lines().find(|line| line.starts_with("mcpauth_proxy_blocked_messages_total{"));
    assert!(blocked.is_some_and(|blocked| blocked.ends_with(" 1")), "{metrics}");
}

/// The server drops what it does not know and reads the encoding that it is told; a proxy that did otherwise would let
/// calls pass that it was told to stop.
#[test]
fn a_denied_tool_is_not_reached_by_a_call_that_only_the_server_can_read() {
    let (proxy, _world, peer) = peer_that(|_| answer(200, "", b"{}"), &["--deny-tool", "admin"]);
    let before = authorized(&peer).len();
    for params in [r#"{"name":"admin","uri":7}"#, r#"{"name":"echo","name":"admin"}"#, r#"["admin"]"#] {
        let sly = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{params}}}"#);
        let told = proxy.post("/", &sly);
        assert!(told.status == 200 && told.error().contains("which tool"), "{params} {told:?}");
    }
    let (_, body) = call("+AGEAZABtAGkAbg-");
    for header in [
        "Content-Type: application/json; charset=utf-7\r\n",
        "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
    ] {
        assert_eq!(proxy.ask("POST /", header, &body).status, 415, "{header}");
    }
    assert_eq!(authorized(&peer).len(), before);
}

#[test]
fn methods_may_be_chosen() {
    let (proxy, _world, peer) = peer_that(|_| answer(200, "", b"{}"), &["--allow-method", "tools/*"]);
    let before = authorized(&peer).len();
    let told = proxy.post("/", r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"x"}}"#);
    assert!(told.status == 200 && told.error().contains("does not pass on resources/read"), "{told:?}");
    assert_eq!(authorized(&peer).len(), before);
    for method in ["initialize", "tools/list", "notifications/initialized", "ping"] {
        let told = proxy.post("/", &format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#));
        assert_eq!(told.body, "{}", "{method}");
    }
}

/// A client that can read compressed answers is no reason for the server to send what nobody here can read.
#[test]
fn where_there_are_rules_answers_come_in_plain_text_or_not_at_all() {
    let accept = "Accept-Encoding: gzip, br\r\nContent-Type: application/json\r\n";
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let says = |_: &crate::Seen| {
        answer(200, "content-type: application/json\r\ncontent-encoding: gzip\r\n", b"\x1f\x8badmin")
    };
    let (proxy, _world, peer) = peer_that(says, &["--deny-tool", "admin"]);
    let told = proxy.ask("POST /", accept, list);
    assert_eq!(authorized(&peer).last().unwrap().header("accept-encoding"), "");
    assert_eq!(told.status, 502, "{told:?}");
    assert!(told.error().contains("compressed") && !told.body.contains("admin"), "{told:?}");
    let (proxy, _world, peer) = peer_that(|_| answer(200, "content-encoding: gzip\r\n", b"as it is"), &[]);
    assert_eq!(proxy.ask("POST /", accept, list).body, "as it is");
    assert_eq!(authorized(&peer).last().unwrap().header("accept-encoding"), "gzip, br");
}

#[test]
fn without_rules_nothing_is_read() {
    let body = r#"{"jsonrpc" : "2.0","result":{"tools":[]},   "x":1.50 }"#;
    let (proxy, _world, peer) =
        peer_that(move |_| answer(200, "content-type: application/json\r\n", body.as_bytes()), &[]);
    assert_eq!(proxy.post("/", "no JSON at all").body, body);
    assert_eq!(authorized(&peer).last().unwrap().body, "no JSON at all");
}

#[test]
fn a_list_among_events_is_shortened_and_the_rest_stays() {
    let events = ": hello\n\nid: 1\ndata:\n\nevent: message\nid: 2\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\
                  \"result\":{\"tools\":[{\"name\":\"get_a\"},{\"name\":\"echo\"}]}}\n\n";
    let says = move |_: &crate::Seen| answer(200, "content-type: text/event-stream\r\n", events.as_bytes());
    let (proxy, _world, _peer) = peer_that(says, &["--allow-tool", "get_*"]);
    let told = proxy.post("/", r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    assert!(
        told.body.contains("id: 1\n") && told.body.contains("event: message\nid: 2\ndata: {"),
        "{told:?}"
    );
    assert!(told.body.contains(r#"{"tools":[{"name":"get_a"}]}"#), "{told:?}");
}
