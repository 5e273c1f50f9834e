//! What becomes of an answer.

use std::io::Read;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};

use crate::peer::{Said, answer, json_answer};
use crate::support::{World, finish};
use crate::{call_tool, peer_that};

#[test]
fn an_event_stream_is_passed_on_as_it_comes() {
    let (bring, pieces) = one_stream();
    let (world, _peer) = peer_that(move |_| Said::AsBrought(pieces.lock().unwrap().take().unwrap()));
    let mut command = world.command(&["call", "other", "-H", "accept: text/event-stream"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    bring.send(b"HTTP/1.1 200 OK\r\ncontent-type: Text/Event-Stream; charset=utf-8\r\n\r\n".into()).unwrap();
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        bring.send(event.into()).unwrap();
        let mut read = vec![0; event.len()];
        // There is no more to come until this one was seen.
        child.stdout.as_mut().unwrap().read_exact(&mut read).unwrap();
        assert_eq!(read, event.as_bytes());
    }
    drop(bring);
    assert_eq!(finish(child, String::new()).succeeded().stdout, "");
}

#[test]
fn an_event_stream_of_the_sandbox_reads_like_one() {
    let world = World::signed_in(SandboxOptions { event_streams: true, ..SandboxOptions::default() });
    let ran = call_tool(&world, "echo", r#"{"text":"hello"}"#, &[]);
    assert!(ran.succeeded().stdout.starts_with("event: message\ndata: {"), "{ran:?}");
}

#[test]
fn status_and_headers_come_first_where_they_are_asked_for() {
    let (world, _peer) = peer_that(|_| answer(201, "x-any: a\r\nx-any: b\r\n", b"body"));
    let ran = world.run(&["call", "other", "-i"]);
    let expected =
        "HTTP/1.1 201\r\nconnection: close\r\ncontent-length: 4\r\nx-any: a\r\nx-any: b\r\n\r\nbody";
    assert_eq!(ran.succeeded().stdout, expected);
    let told = world.run(&["call", "other", "--json"]).succeeded().json();
    assert_eq!((told["status"].as_u64(), &told["body"]), (Some(201), &"body".into()));
    assert_eq!(told["headers"]["x-any"], "a, b");
}

#[test]
fn bytes_that_are_no_text_reach_a_file_as_they_are() {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let sent = bytes.clone();
    let (world, _peer) = peer_that(move |_| answer(200, "", &sent));
    let output = world.command(&["call", "other"]).output().unwrap();
    assert!(output.status.success() && output.stdout == bytes);
}

#[test]
fn a_status_from_400_on_is_printed_and_ends_as_what_it_is() {
    for (status, exit) in [(400, 1), (404, 1), (408, 6), (429, 6), (500, 6), (503, 6)] {
        let (world, _peer) = peer_that(move |_| answer(status, "retry-after: 7\r\n", b"sorry"));
        let ran = world.run(&["call", "other"]);
        ran.failed_with(exit, &format!("the server answered with status {status}"));
        assert_eq!(ran.stdout, "sorry");
        assert_eq!(ran.stderr.contains("try again in 7 s"), exit == 6, "{ran:?}");
        let ran = world.run(&["call", "other", "--json"]);
        assert_eq!(ran.failed_in_json(exit)["body"], "sorry");
        assert!(ran.stderr.contains(&format!("\"exit\":{exit}")), "{ran:?}");
    }
}

#[test]
fn an_answer_that_does_not_end_does() {
    let (world, _peer) = peer_that(|_| Said::Endless);
    let ran = world.run(&["call", "other"]);
    ran.failed_with(8, "127.0.0.1 answered with more than 67108864 bytes");
    assert!(ran.stdout.len() <= 64 * 1024 * 1024);
    let ran = world.run(&["call", "other", "--json"]);
    assert_eq!((ran.exit, ran.stdout.as_str()), (8, ""), "{ran:?}");
}

#[test]
fn silence_is_given_up_on_when_its_time_is_over() {
    let world = World::signed_in(SandboxOptions::default());
    world.sandbox.change(|options| options.faults.push(Fault::Silence { endpoint: Endpoint::Mcp }));
    world.run(&["call", "box", "--max-time", "1s"]).failed_with(6, "127.0.0.1 did not answer within 1 s");
    // What is given for one call wins over what is settled for all.
    world.settle("[network]\ntimeout = 1");
    world.run(&["call", "box"]).failed_with(6, "127.0.0.1 did not answer within 1 s");
    world.run(&["call", "box", "--max-time", "2s"]).failed_with(6, "did not answer within 2 s");
}

type OnceThere = Mutex<Option<Receiver<Vec<u8>>>>;

/// What a test brings, to be taken once.
fn one_stream() -> (Sender<Vec<u8>>, OnceThere) {
    let (bring, pieces) = channel();
    (bring, Mutex::new(Some(pieces)))
}

#[test]
fn a_body_that_stands_still_is_given_up_on_and_a_stream_of_events_is_not() {
    let ((bring_events, events), (bring_body, body)) = (one_stream(), one_stream());
    let (world, _peer) = peer_that(move |seen| {
        let pieces = if seen.path() == "/still" { &body } else { &events };
        Said::AsBrought(pieces.lock().unwrap().take().unwrap())
    });
    world.settle("[network]\ntimeout = 1");
    let head =
        |content_type| format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n\r\n{{").into_bytes();
    bring_events.send(head("text/event-stream")).unwrap();
    let mut command = world.command(&["call", "other"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    // It has been still for as long as this body, and longer.
    bring_body.send(head("application/json")).unwrap();
    let ran = world.run(&["call", "other", "/still"]);
    ran.failed_with(6, "127.0.0.1 did not answer within 1 s");
    assert_eq!(ran.stdout, "{");
    bring_events.send(b"}".into()).unwrap();
    drop(bring_events);
    assert_eq!(finish(child, String::new()).succeeded().stdout, "}");
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_call_in_peace() {
    let (world, _peer) = peer_that(|_| Said::Endless);
    let ran = crate::support::steps::run(
        world.shell(r#"{ "$0" call other; echo "ended $?" >&2; } | head -c 3"#, &[]),
    );
    assert_eq!(ran.stdout, "{\"p");
    assert_eq!(ran.stderr, "ended 0\n");
}

#[test]
fn the_server_sees_no_token_in_what_is_said_with_v() {
    let (world, _peer) = peer_that(|_| json_answer(200, &serde_json::json!({})));
    let ran = world.run(&["call", "other", "/x?secret=s3cret", "-v"]);
    assert!(ran.succeeded().stderr.contains("/x → 200"), "{ran:?}");
    assert!(!ran.stderr.contains("s3cret") && !ran.stderr.contains(crate::peer::ACCESS), "{ran:?}");
}
