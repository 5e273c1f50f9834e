//! Servers that misbehave in what they say, as seen by the host behind the bridge.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::{Value, json};

use crate::hygiene::peak;
use crate::peer::{ACCESS, Peer, Said, Seen, answer, by_the_rules};
use crate::support::desk::Desk;
use crate::support::talk::Talk;
use crate::support::{World, follow};

/// A server that says this to whoever shows the token and what a decent one says where that is nothing, in a world that is
/// signed in there as `other`.
pub(crate) fn server_that(says: impl Fn(&Seen, &Value) -> Option<Said> + Send + 'static) -> (World, Peer) {
    server_with(&[], says)
}

fn server_with(
    flags: &[&str],
    says: impl Fn(&Seen, &Value) -> Option<Said> + Send + 'static,
) -> (World, Peer) {
    let peer = Peer::start(Box::new(move |seen| {
        if seen.header("authorization") != format!("Bearer {ACCESS}") {
            return Some(by_the_rules(seen));
        }
        let message = serde_json::from_str(&seen.body).unwrap_or_default();
        Some(says(seen, &message).unwrap_or_else(|| decent(seen, &message)))
    }));
    let world = World::new();
    let url = peer.url();
    let login = ["login", &url, "--name", "other", "--no-browser", "--store", "file"];
    let mut login = world.command(&[&login[..], flags].concat());
    world
        .login_as({
            login.env("API_KEY", "hush-key");
            login
        })
        .succeeded();
    (world, peer)
}

fn decent(seen: &Seen, message: &Value) -> Said {
    match (seen.what(), message["id"].is_null()) {
        ("POST /mcp", true) => answer(202, "", b""),
        ("POST /mcp", false) => greeting(message, "mcp-session-id: s-1\r\n", "2025-11-25"),
        ("DELETE /mcp", _) => answer(200, "", b""),
        _ => answer(405, "", b""),
    }
}

fn greeting(message: &Value, headers: &str, version: &str) -> Said {
    let result = json!({
        "protocolVersion": version, "capabilities": {}, "serverInfo": { "name": "peer", "version": "1" },
    });
    let said = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }).to_string();
    answer(200, &format!("content-type: application/json\r\n{headers}"), said.as_bytes())
}

fn bridge(world: &World) -> Talk {
    let mut command = world.command(&["bridge", "other", "--login", "never"]);
    command.env("API_KEY", "hush-key");
    Talk::start(command)
}

fn greet(talk: &mut Talk) -> Value {
    let client = json!({ "name": "host", "version": "1" });
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
    talk.ask("initialize", &params)
}

/// A bridge in this world that has greeted.
fn greeted(world: &World) -> Talk {
    let mut talk = bridge(world);
    greet(&mut talk);
    talk.tell("notifications/initialized", &json!({}));
    talk
}

/// The words of the error that answers something.
#[track_caller]
fn failure(answer: &Value) -> &str {
    answer["error"]["message"].as_str().unwrap_or_else(|| panic!("no error: {answer}"))
}

const STREAM: &str = "text/event-stream";
const JSON: &str = "application/json";

/// Answers to a request with the id `ID`, and the result that they bring, if any.
const ANSWERS: [(&str, &[u8], Option<&str>); 14] = [
    (STREAM, b"data: {\"jsonrpc\":\"2.0\",\ndata: \"id\":ID,\r\ndata:\"result\":\"x\"}\n\n", Some("x")),
    (STREAM, b"data: {\"jsonrpc\":\"2.0\",\rdata: \"id\":ID,\"result\":\"\\r\\n\"}\r\r", Some("\r\n")),
    (
        STREAM,
        "data: {\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":\"\u{2028}\u{85}\"}\n\n".as_bytes(),
        Some("\u{2028}\u{85}"),
    ),
    (STREAM, b"data: {\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":\"a\ndata: b\"}\n\n", None),
    (STREAM, b"data: {\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":\"a\rdata: b\"}\n\n", None),
    (STREAM, b"data: {\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":\"\xff\"}\n\n", None),
    (STREAM, b"data: {\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":\"x\"}{}\n\n", None),
    (STREAM, b"data: {\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":\"x\"}\n", None),
    (JSON, b"{\r\n\"jsonrpc\": \"2.0\",\r\"id\": ID,\n\n\"result\": \"x\"\n}\r\n", Some("x")),
    (JSON, "{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":\"\u{2028}\"}".as_bytes(), Some("\u{2028}")),
    (JSON, b"{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":\"a\nb\"}", None),
    (JSON, b"{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":\"\xc3(\"}", None),
    (JSON, b"{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":\"x\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"y\"}", None),
    (JSON, b"", None),
];

/// B-02: whatever comes, one line goes to the host.
#[test]
fn what_a_server_says_becomes_one_line_or_an_error() {
    let (world, _peer) = server_that(|_, message| {
        let (kind, body, _) = ANSWERS[usize::try_from(message["params"]["number"].as_u64()?).unwrap()];
        let at = body.windows(2).position(|pair| pair == b"ID").unwrap_or(body.len());
        let rest = body.get(at + 2..).unwrap_or_default();
        let body = [&body[..at], message["id"].to_string().as_bytes(), rest].concat();
        let body = if rest.is_empty() { &body[..at] } else { &body };
        Some(answer(200, &format!("content-type: {kind}\r\n"), body))
    });
    let mut talk = greeted(&world);
    for (number, (kind, body, result)) in ANSWERS.into_iter().enumerate() {
        let heard = talk.ask("tools/call", &json!({ "name": "x", "number": number }));
        let body = String::from_utf8_lossy(body);
        assert_eq!(heard["result"].as_str(), result, "{kind} {body:?}: {heard}");
        assert!(result.is_some() || !failure(&heard).is_empty());
    }
    // Some take a carriage return for the end of a line as well.
    assert!(talk.said.iter().all(|line| !line.contains('\r')), "{:?}", talk.said);
    assert_eq!(talk.said.len(), ANSWERS.len() + 1);
}

/// B-02: as much as may come passes, more is an error, and memory stays within the largest message and its copy.
#[test]
fn an_event_of_fifty_megabytes_passes_and_one_without_end_is_an_error() {
    let (world, _peer) = server_that(|_, message| {
        let bytes = usize::try_from(message["params"]["bytes"].as_u64()?).unwrap();
        let mut body =
            format!("data: {{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":\"", message["id"]).into_bytes();
        body.resize(body.len() + bytes, b'x');
        body.extend_from_slice(b"\"}\n\n");
        Some(answer(200, "content-type: text/event-stream\r\n", &body))
    });
    let mut talk = greeted(&world);
    let mib = 1024 * 1024;
    let heard = talk.ask("tools/call", &json!({ "name": "x", "bytes": 50 * mib }));
    assert_eq!(heard["result"].as_str().map(str::len), Some(50 * mib));
    talk.said.clear();
    let heard = talk.ask("tools/call", &json!({ "name": "x", "bytes": 90 * mib }));
    assert!(failure(&heard).contains("an event with more than"), "{heard}");
    let heard = talk.ask("tools/call", &json!({ "name": "x", "bytes": 1 }));
    assert_eq!(heard["result"], "x");
    assert!(peak(talk.id()) < 150 * 1024, "{} KiB", peak(talk.id()));
}

/// B-07: whatever was granted before is asked for again beside what is new, since a grant replaces the one before.
#[test]
fn a_server_that_always_misses_another_scope_gets_three_pages_and_no_more() {
    let asked = Mutex::new(0);
    let (world, peer) = server_that(move |_, message| {
        if message["method"] != "tools/call" {
            return None;
        }
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        let challenge =
            format!("www-authenticate: Bearer error=\"insufficient_scope\", scope=\"more:{asked}\"\r\n");
        Some(answer(403, &challenge, b"{}"))
    });
    let desk = Desk::of(world);
    let mut host = Talk::greeted(desk.command(&["bridge", "other"]), "2025-11-25");
    let call = json!({ "name": "x" });
    let id = host.begin("tools/call", &call);
    let mut before = "mcp:basic".to_owned();
    for number in 1..=3 {
        follow(&desk.page(number));
        let asked =
            peer.seen().iter().rev().find(|seen| seen.path() == "/authorize").unwrap().parameter("scope");
        assert_eq!(asked, format!("{before} more:{number}"));
        before = asked;
    }
    assert!(failure(&host.answer(id)).contains("more:4"), "{:?}", host.said);
    // Nor does the next call lead to a page.
    let calls = || peer.seen().iter().filter(|seen| seen.body.contains("tools/call")).count();
    assert_eq!(calls(), 4);
    assert!(
        failure(&host.ask("tools/call", &call)).contains("mcpauth login other --add-scope more:5"),
        "{:?}",
        host.said
    );
    assert_eq!((calls(), desk.pages().len()), (5, 3));
}

/// B-07: one that asks for what was granted is not believed.
#[test]
fn a_server_that_always_misses_the_same_scope_gets_one_page() {
    let (world, peer) = server_that(|_, message| {
        let challenge = "www-authenticate: Bearer error=\"insufficient_scope\", scope=\"more\"\r\n";
        (message["method"] == "tools/call").then(|| answer(403, challenge, b"{}"))
    });
    let desk = Desk::of(world);
    let mut host = Talk::greeted(desk.command(&["bridge", "other"]), "2025-11-25");
    let id = host.begin("tools/call", &json!({ "name": "x" }));
    follow(&desk.page(1));
    assert!(failure(&host.answer(id)).contains("scopes that the login already has: more"), "{:?}", host.said);
    assert_eq!(peer.seen().iter().filter(|seen| seen.body.contains("tools/call")).count(), 2);
    assert_eq!(desk.pages().len(), 1);
}

/// B-08: at every request that a bridge makes.
#[test]
fn no_redirect_leads_a_bridge_to_another_origin() {
    let elsewhere = Peer::sink();
    let location = format!("location: {}/mcp\r\n", elsewhere.origin());
    let step = Arc::new(Mutex::new((0, "")));
    let turn = Arc::clone(&step);
    let flags = ["--header", "X-Api-Key: env:API_KEY"];
    let (world, peer) = server_with(&flags, move |seen, message| {
        let (status, step) = *turn.lock().unwrap();
        let is_it = message["method"] == step || seen.what() == step;
        is_it.then(|| answer(status, &location, b""))
    });
    for status in [301, 302, 303, 307, 308] {
        for at in ["initialize", "notifications/initialized", "tools/call", "GET /mcp", "DELETE /mcp"] {
            *step.lock().unwrap() = (status, at);
            let before = peer.seen().len();
            let mut talk = bridge(&world);
            let answers = [greet(&mut talk), {
                talk.tell("notifications/initialized", &json!({}));
                talk.ask("tools/call", &json!({ "name": "x" }))
            }];
            for (method, heard) in ["initialize", "tools/call"].into_iter().zip(&answers) {
                if method == at {
                    assert!(failure(heard).contains(&format!("status {status}")), "{heard}");
                }
            }
            assert_eq!(talk.end().0, 0);
            let asked = &peer.seen()[before..];
            let is_it = |seen: &Seen| seen.what() == at || seen.body.contains(&format!("\"{at}\""));
            assert!(asked.iter().any(is_it), "{at} was never asked");
            assert!(asked.iter().all(|seen| seen.header("x-api-key") == "hush-key"));
        }
    }
    assert_eq!(elsewhere.seen().len(), 0);
}

/// B-09: what is sent back to a server is what it may name, and nothing that gets into a head otherwise.
#[test]
fn a_name_that_is_none_is_not_sent_back() {
    let long = format!("mcp-session-id: {}\r\n", "evil".repeat(25 * 1024));
    let names = [
        (long.as_str(), "2025-11-25"),
        ("mcp-session-id: evil evil\r\n", "2025-11-25"),
        ("mcp-session-id: evil\u{e9}\r\n", "2025-11-25"),
        ("mcp-session-id: x\r\n evil: 1\r\n", "2025-11-25"),
        ("mcp-session-id: x\r evil: 1\r\n", "2025-11-25"),
        ("mcp-session-id: s\r\n", "x\r\nevil: 1"),
        ("mcp-session-id: s\r\n", "evil\u{e9}"),
    ];
    for (headers, version) in names {
        let said = (headers.to_owned(), version.to_owned());
        let (world, peer) = server_that(move |_, message| {
            (message["method"] == "initialize").then(|| greeting(message, &said.0, &said.1))
        });
        let mut talk = bridge(&world);
        assert!(!failure(&greet(&mut talk)).is_empty());
        talk.tell("notifications/initialized", &json!({}));
        talk.ask("tools/call", &json!({ "name": "x" }));
        assert_eq!(talk.end().0, 0);
        assert!(peer.seen().iter().all(|seen| !seen.holds("evil")), "{version:?} {:?}", peer.seen().last());
    }
}

/// B-09: the same for the name of an event.
#[test]
fn a_stream_is_not_taken_up_by_a_name_that_is_none() {
    for name in ["evil".repeat(25 * 1024), "evil\u{1}".into(), "evil\u{7f}".into()] {
        let (world, peer) = server_that(move |_, message| {
            let event = format!("id: {name}\ndata:\n\n");
            let stream = || answer(200, "content-type: text/event-stream\r\n", event.as_bytes());
            (message["method"] == "tools/call").then(stream)
        });
        let mut talk = greeted(&world);
        assert!(failure(&talk.ask("tools/call", &json!({ "name": "x" }))).contains("before it was whole"));
        assert!(peer.seen().iter().all(|seen| !seen.holds("evil")), "{:?}", peer.seen().last());
    }
}

/// B-10: the server's own clock tells the pauses; a machine that is busy only makes them longer.
#[test]
fn a_stream_that_ends_at_once_is_opened_again_after_pauses_that_grow() {
    for retry in [0, 1] {
        let opened = Arc::new(Mutex::new(Vec::new()));
        let (times, (tell, told)) = (Arc::clone(&opened), std::sync::mpsc::channel());
        let (world, _peer) = server_that(move |seen, _| {
            if seen.what() != "GET /mcp" {
                return None;
            }
            times.lock().unwrap().push(Instant::now());
            // Nobody counts them after the story.
            let _ = tell.send(());
            let event = format!("retry: {retry}\n\n");
            Some(answer(200, "content-type: text/event-stream\r\n", event.as_bytes()))
        });
        let _talk = greeted(&world);
        (0..4).for_each(|_| told.recv_timeout(std::time::Duration::from_mins(1)).unwrap());
        let opened = opened.lock().unwrap();
        let pauses: Vec<u128> = opened.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
        let least = if retry == 0 { [1000, 2000, 4000] } else { [100, 1000, 2000] };
        assert!(pauses.iter().zip(least).all(|(pause, least)| *pause >= least), "{retry}: {pauses:?}");
    }
}

/// The status says enough.
#[test]
fn a_refusal_whose_words_do_not_come_keeps_nobody_waiting() {
    let (world, _peer) = server_that(|_, message| {
        (message["method"] == "tools/call").then(|| {
            let head = "HTTP/1.1 500 Any\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\nbusy";
            held(head.into())
        })
    });
    let mut talk = greeted(&world);
    let heard = talk.ask("tools/call", &json!({ "name": "x" }));
    assert!(failure(&heard).contains("status 500: busy"), "{heard}");
}

#[test]
fn a_request_is_answered_once_and_what_was_never_asked_is_not_answered() {
    let (world, _peer) = server_that(|_, message| {
        let said = |id: Value| format!("data: {}\n\n", json!({ "jsonrpc": "2.0", "id": id, "result": "x" }));
        let own = message["id"].clone();
        let body = [json!(4711), json!(own.to_string()), own.clone(), own].map(said).concat();
        let stream = || answer(200, "content-type: text/event-stream\r\n", body.as_bytes());
        (message["method"] == "tools/call").then(stream)
    });
    let mut talk = greeted(&world);
    let ids: Vec<u64> = (0..2)
        .map(|_| {
            let id = talk.begin("tools/call", &json!({ "name": "x" }));
            talk.answer(id);
            id
        })
        .collect();
    let (exit, _, said) = talk.end();
    let heard: Vec<Value> =
        said.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone()).collect();
    assert_eq!((exit, heard), (0, vec![json!(1), json!(ids[0]), json!(ids[1])]));
}

/// Of what was sent, nothing is kept while its answer is waited for.
#[test]
fn requests_that_are_answered_late_take_no_memory() {
    let (world, _peer) = server_that(|_, message| {
        (message["method"] == "tools/list")
            .then(|| held("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: wait\n\n".into()))
    });
    let mut talk = greeted(&world);
    let cursor = json!({ "cursor": "x".repeat(2 * 1024 * 1024) });
    for _ in 0..40 {
        talk.begin("tools/list", &cursor);
    }
    // Whoever is answered was read after all of them.
    let heard = talk.ask("tools/call", &json!({ "name": "x" }));
    assert!(heard["result"].is_object(), "{heard}");
    assert!(peak(talk.id()) < 80 * 1024, "{} KiB", peak(talk.id()));
}

/// The beginning of an answer, of which no more comes.
fn held(beginning: Vec<u8>) -> Said {
    Said::Handed(Box::new(move |mut stream| {
        // Whoever has gone meanwhile has nothing to read.
        let _ = stream.write_all(&beginning);
        let _ = stream.set_read_timeout(None);
        // Until the bridge goes.
        let _ = stream.read(&mut [0]);
    }))
}
