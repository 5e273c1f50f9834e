//! A connection whose handshake bears the token, and on which messages go both ways.

use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};
use tokio_tungstenite::tungstenite::{Bytes, Message as Frame};

use crate::peer::{ACCESS, Peer, Said, Seen, answer, by_the_rules};
use crate::support::World;
use crate::support::steps::eventually;
use crate::{Host, answered};

use std::io::Write as _;

type Socket = WebSocket<TcpStream>;

/// A server behind a WebSocket that does this with each message; the number says of which connection.
fn server(does: impl Fn(&mut Socket, &Value, usize) + Send + Sync + 'static) -> (World, Peer) {
    let (does, connections) = (Arc::new(does), AtomicUsize::new(0));
    let peer = Peer::start(Box::new(move |seen| {
        if seen.header("authorization") != format!("Bearer {ACCESS}") {
            return Some(by_the_rules(seen));
        }
        if seen.what() != "GET /mcp" {
            return Some(answer(405, "", b""));
        }
        let number = connections.fetch_add(1, Ordering::SeqCst);
        Some(upgraded(seen, &does, number))
    }));
    (signed_in_at(&peer), peer)
}

fn signed_in_at(peer: &Peer) -> World {
    let world = World::new();
    let url = peer.url().replace("http://", "ws://");
    let login = world.command(&["login", &url, "--name", "other", "--no-browser", "--store", "file"]);
    world.login_as(login).succeeded();
    world
}

fn upgraded<Does: Fn(&mut Socket, &Value, usize) + Send + Sync + 'static>(
    seen: &Seen,
    does: &Arc<Does>,
    number: usize,
) -> Said {
    assert_eq!(
        (seen.header("upgrade"), seen.header("sec-websocket-protocol")),
        ("websocket".into(), "mcp".into())
    );
    let accept = derive_accept_key(seen.header("sec-websocket-key").as_bytes());
    let does = Arc::clone(does);
    Said::Handed(Box::new(move |mut stream| {
        let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket";
        write!(stream, "{head}\r\nsec-websocket-protocol: mcp\r\nsec-websocket-accept: {accept}\r\n\r\n")
            .unwrap();
        stream.set_read_timeout(None).unwrap();
        let mut socket = WebSocket::from_raw_socket(stream, Role::Server, None);
        while let Ok(frame) = socket.read() {
            if let Frame::Text(text) = frame {
                does(&mut socket, &serde_json::from_str(&text).unwrap(), number);
            }
        }
    }))
}

fn honest(socket: &mut Socket, message: &Value) {
    if !message["id"].is_null() {
        socket.send(Frame::text(answered(message).to_string())).unwrap();
    }
}

#[test]
fn messages_go_both_ways_and_the_handshake_bears_the_token() {
    let (world, peer) = server(|socket, message, _| {
        if message["method"] == "tools/list" {
            socket.send(Frame::Ping(Bytes::new())).unwrap();
            socket.send(Frame::text(r#"{"jsonrpc":"2.0","id":"s","method":"roots/list"}"#)).unwrap();
            socket.send(Frame::binary(&b"{\"jsonrpc\":\"2.0\",\n\"method\":\"in-bytes\"}"[..])).unwrap();
        }
        honest(socket, message);
    });
    let mut host = Host::of(&world);
    host.meets();
    host.asks(2, "tools/list");
    assert_eq!(host.hears()["method"], "roots/list");
    assert_eq!(host.hears()["method"], "in-bytes");
    assert_eq!(host.hears()["result"]["done"], "tools/list");
    assert_eq!(handshakes(&peer), 1);
}

#[test]
fn a_connection_that_breaks_leaves_nobody_waiting_and_is_opened_again() {
    let (world, _peer) = server(|socket, message, number| {
        if message["method"] == "tools/call" && number == 0 {
            socket.get_mut().shutdown(std::net::Shutdown::Both).unwrap();
        } else {
            honest(socket, message);
        }
    });
    let mut host = Host::of(&world);
    host.meets();
    host.asks(2, "tools/call");
    assert!(!host.hears_of_failure(2).is_empty());
    host.asks(3, "tools/call");
    assert_eq!(host.hears()["result"]["done"], "tools/call");
}

/// Nothing opens a connection but a request, and so many notifications would fill all the room before it.
#[test]
fn what_wants_no_answer_keeps_no_request_from_opening_the_connection() {
    let (world, _peer) = server(|socket, message, _| honest(socket, message));
    let mut host = Host::of(&world);
    // No more than a pipe takes beyond that, so that the host is not kept waiting itself.
    for number in 0..3200 {
        host.says(&json!({ "jsonrpc": "2.0", "method": "x", "params": { "number": number } }));
    }
    host.meets();
}

/// B-02.
#[test]
fn what_is_no_message_or_too_much_of_one_becomes_an_error() {
    let too_much = json!({ "jsonrpc": "2.0", "id": 2, "result": "x".repeat(70 * 1024 * 1024) }).to_string();
    let (world, _peer) = server(move |socket, message, _| {
        // Whoever is told too much closes the connection.
        let _ = match message["id"].as_u64() {
            Some(2) => socket.send(Frame::text(too_much.clone())),
            Some(3) => socket.send(Frame::text("{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":\"a\nb\"}")),
            Some(4) => socket.send(Frame::binary(&b"{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":\"\xff\"}"[..])),
            _ => return honest(socket, message),
        };
    });
    let mut host = Host::of(&world);
    host.meets();
    for id in 2..5 {
        host.asks(id, "tools/call");
        let failure = host.hears_of_failure(id);
        assert!(failure.contains("sent what is no answer"), "{failure}");
        // Nobody else is harmed.
        host.asks(9, "tools/list");
        assert_eq!(host.hears()["result"]["done"], "tools/list");
    }
}

#[test]
fn a_server_that_does_not_understand_us_is_left_alone() {
    let (world, peer) = server(|socket, message, _| {
        if message["method"] == "tools/call" {
            let farewell = CloseFrame { code: CloseCode::Protocol, reason: "no \u{1b}[31mtools".into() };
            socket.close(Some(farewell)).unwrap();
        } else {
            honest(socket, message);
        }
    });
    let mut host = Host::of(&world);
    host.meets();
    for id in [2, 3] {
        host.asks(id, "tools/call");
        let failure = host.hears_of_failure(id);
        assert!(
            failure.contains("it closed the connection with code 1002") && !failure.contains('\u{1b}'),
            "{failure}"
        );
    }
    assert_eq!(handshakes(&peer), 1);
}

fn handshakes(peer: &Peer) -> usize {
    peer.seen().iter().filter(|seen| seen.what() == "GET /mcp").count()
}

/// A server that ends connections with this code when the greeting is over: so many of them.
fn server_that_ends(code: CloseCode, connections: usize) -> (World, Peer) {
    server(move |socket, message, number| {
        honest(socket, message);
        if message["method"] == "notifications/initialized" && number < connections {
            let farewell = CloseFrame { code, reason: "enough".into() };
            socket.close(Some(farewell)).unwrap();
        }
    })
}

#[test]
fn after_a_clean_close_nobody_comes_back_before_the_host_wants_something() {
    let (clean_world, clean) = server_that_ends(CloseCode::Normal, 1);
    let mut host = Host::of(&clean_world);
    host.meets();
    // By the time at which a server that is only restarting has been knocked at again and again.
    let (restarting_world, restarting) = server_that_ends(CloseCode::Restart, usize::MAX);
    let mut other = Host::of(&restarting_world);
    other.meets();
    eventually(|| handshakes(&restarting) >= 3);
    assert_eq!(handshakes(&clean), 1);
    // What wants no answer is not worth a connection either.
    host.says(&json!({ "jsonrpc": "2.0", "method": "notifications/roots/list_changed" }));
    let before = handshakes(&restarting);
    eventually(|| handshakes(&restarting) > before);
    assert_eq!(handshakes(&clean), 1);
    host.asks(2, "tools/call");
    assert_eq!(host.hears()["result"]["done"], "tools/call");
    assert_eq!(handshakes(&clean), 2);
}

/// Nothing but the clock of the bridge tells, which asks every thirty seconds: this takes a minute.
#[test]
fn a_server_that_has_fallen_silent_is_found_and_one_that_is_only_busy_is_waited_for() {
    // It reads, and so answers pings, and keeps its own answer until it is asked for something else.
    let kept = Mutex::new(None);
    let (busy_world, busy) = server(move |socket, message, _| match message["method"].as_str() {
        Some("tools/call") => *kept.lock().unwrap() = Some(message.clone()),
        Some("tools/list") => honest(socket, &kept.lock().unwrap().take().unwrap()),
        _ => honest(socket, message),
    });
    let mut patient = Host::of(&busy_world);
    patient.meets();
    patient.asks(2, "tools/call");
    // Its connection is the younger one, so that the other has been judged when this one is.
    let (silent_world, silent) = server(|socket, message, number| {
        if message["method"] == "tools/call" && number == 0 {
            // Nobody ever says anything here.
            let (_silent, nothing) = channel::<()>();
            let _ = nothing.recv();
        }
        honest(socket, message);
    });
    let mut host = Host::of(&silent_world);
    host.meets();
    host.asks(2, "tools/call");
    let failure = host.hears_within(Duration::from_mins(2));
    assert!(failure["id"] == 2 && failure["error"].is_object(), "{failure}");
    host.asks(3, "tools/call");
    assert_eq!(host.hears()["result"]["done"], "tools/call");
    assert_eq!(handshakes(&silent), 2);
    patient.asks(3, "tools/list");
    let answer = patient.hears();
    assert!(answer["id"] == 2 && answer["result"]["done"] == "tools/call", "{answer}");
    assert_eq!(handshakes(&busy), 1);
}

#[test]
fn a_handshake_that_is_none_is_told() {
    let peer = Peer::start(Box::new(|seen| {
        let is_known = seen.header("authorization") == format!("Bearer {ACCESS}");
        let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: AAAA\r\n";
        Some(match seen.path() {
            "/mcp" if is_known => Said::Bytes(format!("HTTP/1.1 101 Any\r\n{upgrade}\r\n").into_bytes()),
            _ => by_the_rules(seen),
        })
    }));
    let world = signed_in_at(&peer);
    let mut host = Host::of(&world);
    host.asks(1, "initialize");
    let failure = host.hears_of_failure(1);
    assert!(failure.contains("its handshake answers another one"), "{failure}");
}
