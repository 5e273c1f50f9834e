//! Answers and bodies that take their time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use crate::client::{Answer, Proxy};
use crate::peer::{self, ACCESS, Peer, answer, json_answer};
use crate::sign_in;
use crate::support::World;
use crate::upstream::{Upstream, length};

const NEWER: &str = "canary-access-newer";

/// A peer whose issuer has another token for whoever refreshes.
fn renewing_peer() -> Peer {
    Peer::start(Box::new(|seen| {
        if seen.path() == "/token" && seen.body.contains("grant_type=refresh_token") {
            let mut tokens = peer::tokens();
            tokens["access_token"] = NEWER.into();
            return Some(json_answer(200, &tokens));
        }
        seen.holds(NEWER).then(|| answer(200, "", b"renewed"))
    }))
}

/// Reads until this has come.
fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while !seen.ends_with(text.as_bytes()) {
        let read = stream.read(&mut byte).unwrap();
        assert_eq!(read, 1, "the end after {}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
    String::from_utf8(seen).unwrap()
}

/// A server that sends what it is brought to whoever opens a stream, and tells when a stream ends.
fn streaming() -> (Proxy, World, Sender<&'static str>, Receiver<()>, (Upstream, Peer)) {
    let peer = renewing_peer();
    let (bring, brought) = channel::<&str>();
    let (ended, end) = channel();
    let brought = Mutex::new(brought);
    let ended = Mutex::new(ended);
    let upstream = Upstream::start(&peer, move |head, stream| {
        if head.contains(ACCESS) && head.starts_with("GET") {
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).unwrap();
            for piece in brought.lock().unwrap().iter() {
                if write!(stream, "{:x}\r\n{piece}\r\n", piece.len()).is_err() {
                    break;
                }
            }
            let _ = ended.lock().unwrap().send(());
            return true;
        }
        false
    });
    let world = World::new();
    sign_in(&world, &upstream.url(), "other");
    let proxy = Proxy::start(&world, &["other"]);
    (proxy, world, bring, end, (upstream, peer))
}

/// P-12.
#[test]
fn a_stream_goes_on_across_a_refresh_and_nothing_of_it_waits() {
    let (proxy, _world, bring, _end, _servers) = streaming();
    let mut stream = proxy.connect();
    let pass = proxy.pass();
    write!(stream, "GET /other HTTP/1.1\r\n{pass}Accept: text/event-stream\r\n\r\n").unwrap();
    // The head is there before any event, and each event before the next.
    assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 200"));
    bring.send("data: first\n\n").unwrap();
    read_until(&mut stream, "data: first\n\n");
    // The old token is refused meanwhile: another request fetches a new one.
    assert_eq!(proxy.post("/", "{}").body, "renewed");
    bring.send("data: second\n\n").unwrap();
    read_until(&mut stream, "data: second\n\n");
    drop(bring);
}

#[test]
fn a_client_that_goes_away_ends_what_it_asked_for() {
    let (proxy, _world, bring, end, _servers) = streaming();
    let mut stream = proxy.connect();
    write!(stream, "GET /other HTTP/1.1\r\n{}\r\n", proxy.pass()).unwrap();
    bring.send("data: first\n\n").unwrap();
    read_until(&mut stream, "data: first\n\n");
    drop(stream);
    // Each event would be sent for nobody; the server finds that its reader has gone.
    while end.try_recv().is_err() {
        bring.send(": still there\n\n").unwrap();
        std::thread::yield_now();
    }
}

#[test]
fn a_stream_that_breaks_does_not_look_whole() {
    let peer = renewing_peer();
    let upstream = Upstream::start(&peer, |head, stream| {
        let is_meant = head.contains(ACCESS) && head.starts_with("GET");
        let said = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n5\r\ndata:";
        is_meant && stream.write_all(said.as_bytes()).is_ok()
    });
    let world = World::new();
    sign_in(&world, &upstream.url(), "other");
    let proxy = Proxy::start(&world, &["other"]);
    let mut stream = proxy.connect();
    write!(stream, "GET / HTTP/1.1\r\n{}Connection: close\r\n\r\n", proxy.pass()).unwrap();
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    assert!(text.contains("data:") && !text.contains("\r\n0\r\n"), "{text}");
}

/// How many requests are on their way at once.
const CROWD: usize = 200;

/// A body that is like no other, and now and then so large that it comes in several pieces.
fn body_of(number: usize) -> String {
    let padding = "x".repeat(if number.is_multiple_of(8) { 100_000 } else { number });
    format!(r#"{{"jsonrpc":"2.0","id":{number},"method":"ping","params":{{"padding":"{padding}"}}}}"#)
}

/// K-13.
#[test]
fn two_hundred_that_are_refused_at_once_cost_one_refresh_and_are_each_sent_again_once() {
    let peer = renewing_peer();
    let (arrived, books) = (Barrier::new(CROWD), Arc::<Mutex<Vec<(bool, String)>>>::default());
    let written = Arc::clone(&books);
    let upstream = Upstream::start(&peer, move |head, stream| {
        let is_new = head.contains(NEWER);
        if !head.starts_with("POST /mcp") || !(is_new || head.contains(ACCESS)) {
            return false;
        }
        let mut body = vec![0; length(head)];
        stream.read_exact(&mut body).unwrap();
        written.lock().unwrap().push((is_new, String::from_utf8(body.clone()).unwrap()));
        if !is_new {
            // Nobody is refused before all are there.
            arrived.wait();
            return stream.write_all(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n").is_ok();
        }
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), &body].concat()).is_ok()
    });
    let world = World::new();
    sign_in(&world, &upstream.url(), "other");
    let proxy = Proxy::start(&world, &["other"]);
    thread::scope(|scope| {
        for number in 0..CROWD {
            let proxy = &proxy;
            scope.spawn(move || {
                let told = proxy.post("/", &body_of(number));
                assert!(told.status == 200 && told.body == body_of(number), "{number}: {}", told.head);
            });
        }
    });
    let refreshes = peer.seen().iter().filter(|seen| seen.field("grant_type") == "refresh_token").count();
    assert_eq!(refreshes, 1);
    let mut seen = books.lock().unwrap().clone();
    let mut wanted: Vec<_> = [false, true]
        .into_iter()
        .flat_map(|is_new| (0..CROWD).map(move |number| (is_new, body_of(number))))
        .collect();
    seen.sort();
    wanted.sort();
    assert!(seen == wanted, "{} requests", seen.len());
}

/// A server that says no in the middle of a large body, and the bodies that it has seen a part of.
fn refusing_in_the_middle() -> (Proxy, World, Arc<AtomicUsize>, (Upstream, Peer)) {
    let peer = renewing_peer();
    let bodies = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&bodies);
    let upstream = Upstream::start(&peer, move |head, stream| {
        if length(head) < 4 * 1024 * 1024 {
            return false;
        }
        counted.fetch_add(1, Ordering::SeqCst);
        let mut begun = vec![0; 2 * 1024 * 1024];
        stream.read_exact(&mut begun).unwrap();
        stream.write_all(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n").unwrap();
        // Until the other side has gone.
        let _ = std::io::copy(stream, &mut std::io::sink());
        true
    });
    let world = World::new();
    sign_in(&world, &upstream.url(), "other");
    let proxy = Proxy::start(&world, &["other"]);
    (proxy, world, bodies, (upstream, peer))
}

/// P-17.
#[test]
fn half_a_body_is_never_sent_again() {
    let (proxy, _world, bodies, _servers) = refusing_in_the_middle();
    let mut stream = proxy.connect();
    let pass = proxy.pass();
    let json = "Content-Type: application/json\r\n";
    write!(stream, "POST / HTTP/1.1\r\n{pass}{json}Content-Length: {}\r\n\r\n", 1024 * 1024 * 1024).unwrap();
    let mut sender = stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || while sender.write_all(&[b' '; 8192]).is_ok() {});
    let told = Answer::read(&mut stream);
    drop(stream);
    sending.join().unwrap();
    assert_eq!(told.status, 503, "{told:?}");
    assert!(told.error().contains("in the middle of the request"), "{told:?}");
    assert_eq!(bodies.load(Ordering::SeqCst), 1);
    // The next request has the new token.
    assert_eq!(proxy.post("/", "{}").body, "renewed");
}

#[test]
fn a_large_body_flows_through_whole() {
    let peer = Peer::start(Box::new(|seen| {
        seen.holds(ACCESS).then_some(()).filter(|()| seen.path() != "/token").map(|()| {
            let sum: u64 = seen.body.bytes().map(u64::from).sum();
            answer(200, "", format!("{} {sum}", seen.body.len()).as_bytes())
        })
    }));
    let world = World::new();
    sign_in(&world, &peer.url(), "other");
    let proxy = Proxy::start(&world, &["other"]);
    for size in [1, 1024 * 1024, 1024 * 1024 + 1, 5_000_000] {
        let body: String = (0..size).map(|at| char::from(b'a' + u8::try_from(at % 23).unwrap())).collect();
        let sum: u64 = body.bytes().map(u64::from).sum();
        assert_eq!(proxy.post("/", &body).body, format!("{size} {sum}"));
    }
}
