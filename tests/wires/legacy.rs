//! A stream on which everything comes, and an address to which everything goes.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::peer::{ACCESS, Peer, Said, Seen, answer, by_the_rules};
use crate::support::World;
use crate::{Host, answered};

/// The streams that were opened so far.
type Streams = Arc<Mutex<Vec<Sender<Vec<u8>>>>>;

/// A server of revision 2024-11-05.
struct Old {
    peer: Peer,
    streams: Streams,
}

impl Old {
    /// Names `endpoint`, and does with each message what `does` says: the bytes are written to the stream.
    fn that(endpoint: String, does: impl Fn(&Value) -> Vec<u8> + Send + 'static) -> Self {
        let streams = Streams::default();
        let open = Arc::clone(&streams);
        let peer = Peer::start(Box::new(move |seen| {
            if seen.header("authorization") != format!("Bearer {ACCESS}") {
                return Some(by_the_rules(seen));
            }
            Some(match seen.what() {
                "GET /mcp" => stream(&open, &endpoint),
                "POST /messages" => {
                    let said = does(&serde_json::from_str(&seen.body).unwrap());
                    // A stream that is gone hears nothing.
                    if let Some(stream) = open.lock().unwrap().last() {
                        drop(stream.send(said));
                    }
                    answer(202, "", b"Accepted")
                }
                _ => answer(405, "", b"Method Not Allowed"),
            })
        }));
        Self { peer, streams }
    }

    fn signed_in(&self) -> World {
        let world = World::new();
        let url = self.peer.url();
        let login = world.command(&["login", &url, "--name", "other", "--no-browser", "--store", "file"]);
        world.login_as(login).succeeded();
        world
    }

    /// Ends the stream that was opened last.
    fn breaks_off(&self) {
        self.streams.lock().unwrap().pop().unwrap();
    }

    fn posts(&self) -> Vec<Seen> {
        self.peer.seen().into_iter().filter(|seen| seen.what() == "POST /messages").collect()
    }
}

fn stream(streams: &Streams, endpoint: &str) -> Said {
    let (tell, told) = channel();
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream\r\n\r\n";
    tell.send(format!("{head}: welcome\n\nevent: endpoint\r\ndata: {endpoint}\r\n\r\n").into_bytes())
        .unwrap();
    streams.lock().unwrap().push(tell);
    Said::AsBrought(told)
}

fn event(message: &Value) -> Vec<u8> {
    format!("event: message\ndata: {message}\n\n").into_bytes()
}

/// An honest server's answers; to what wants none it says nothing.
fn honest(message: &Value) -> Vec<u8> {
    if message["id"].is_null() { Vec::new() } else { event(&answered(message)) }
}

#[test]
fn a_server_with_a_stream_is_served_where_it_says() {
    let server = Old::that("/messages?session=7".into(), honest);
    let world = server.signed_in();
    let mut host = Host::of(&world);
    host.meets();
    host.asks(2, "tools/list");
    assert_eq!(host.hears()["result"]["done"], "tools/list");
    // What the server says first comes through, too, also over several lines.
    server.streams.lock().unwrap()[0]
        .send(b"retry: 1500\ndata: {\"jsonrpc\": \"2.0\",\ndata: \"method\":\r\ndata:\"x\"}\n\n".to_vec())
        .unwrap();
    assert_eq!(host.hears()["method"], "x");
    assert_eq!(server.posts().len(), 3);
    for seen in server.posts() {
        assert_eq!(seen.header("authorization"), format!("Bearer {ACCESS}"));
    }
}

/// MCP 31.
/// B-03.
#[test]
fn messages_go_to_no_other_origin() {
    let elsewhere = Peer::sink();
    let thief = elsewhere.address();
    for endpoint in [
        format!("http://{thief}/messages"),
        format!("//{thief}/messages"),
        format!("/\\{thief}/messages"),
        format!("https://{thief}/messages"),
    ] {
        let server = Old::that(endpoint.clone(), honest);
        let world = server.signed_in();
        let mut host = Host::of(&world);
        host.asks(1, "initialize");
        let failure = host.hears_of_failure(1);
        assert!(failure.contains("another origin than the server's"), "{endpoint}: {failure}");
        assert_eq!(server.posts().len(), 0);
    }
    assert_eq!(elsewhere.seen().len(), 0);
}

/// MCP 64.
#[test]
fn a_stream_that_breaks_leaves_nobody_waiting_and_is_opened_again() {
    let server = Old::that("/messages".into(), |message| {
        if message["method"] == "tools/call" { Vec::new() } else { honest(message) }
    });
    let world = server.signed_in();
    let mut host = Host::of(&world);
    host.meets();
    host.asks(2, "tools/call");
    while server.posts().len() < 3 {
        std::thread::yield_now();
    }
    server.breaks_off();
    assert!(host.hears_of_failure(2).contains("ended its answer before it was whole"));
    // The next request goes into a new session, to which the server was introduced again; of that the host hears nothing.
    host.asks(3, "tools/list");
    assert_eq!(host.hears()["id"], 3);
    let methods: Vec<Value> = server.posts().iter().map(method).collect();
    let again = ["initialize", "notifications/initialized"];
    let expected: Vec<&str> = [&again[..], &["tools/call"], &again, &["tools/list"]].concat();
    assert_eq!(methods, expected);
}

fn method(seen: &Seen) -> Value {
    serde_json::from_str::<Value>(&seen.body).unwrap()["method"].clone()
}

/// B-02.
#[test]
fn what_is_no_message_becomes_an_error() {
    for bad in [
        &b"data: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"\xff\"}\n\n"[..],
        b"data: hello\n\n",
        b"data: {\"a\":\"\ndata: \"}\n\n",
    ] {
        let server =
            Old::that(
                "/messages".into(),
                move |message| {
                    if message["id"] == 2 { bad.to_vec() } else { honest(message) }
                },
            );
        let world = server.signed_in();
        let mut host = Host::of(&world);
        host.meets();
        host.asks(2, "tools/list");
        assert!(host.hears_of_failure(2).contains("sent what is no answer"));
        // And the stream goes on.
        host.says(&json!({ "jsonrpc": "2.0", "id": "three", "method": "ping" }));
        assert_eq!(host.hears()["id"], "three");
    }
}
