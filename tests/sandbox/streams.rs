//! The server speaks: streams of a session, answers in several events, questions to the client, streams that break off.

use std::time::{Duration, Instant};

use mcpauth::sandbox::BreakOff;
use serde_json::{Value, json};

use super::events::Stream;
use super::mcp::{Session, request};
use super::world::{Reply, World, initialize};

/// A client that can be asked for everything.
async fn open<'a>(world: &'a World, version: &'static str) -> Session<'a> {
    let token = world.login().await.member("access_token");
    let mut hello = initialize(version);
    hello["params"]["capabilities"] = json!({ "elicitation": {}, "roots": {}, "sampling": {} });
    let reply = world.send(world.mcp(Some(&token), &hello)).await;
    Session { world, token, id: reply.header("mcp-session-id").into(), version }
}

fn call(id: u64, tool: &str, arguments: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": tool, "arguments": arguments } })
}

impl Session<'_> {
    fn get(&self, last: Option<&str>) -> reqwest::RequestBuilder {
        let request = self.world.request("GET", "/mcp").header("accept", "text/event-stream");
        let request = request.header("authorization", format!("Bearer {}", self.token));
        let request = request.header("mcp-session-id", &self.id).header("mcp-protocol-version", self.version);
        match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        }
    }
}

#[tokio::test]
async fn the_server_speaks_first_and_is_answered() {
    let world = World::new();
    let session = open(&world, "2025-11-25").await;
    let mut own = Stream::open(session.get(None)).await;
    world.sandbox.announce("notifications/tools/list_changed", &json!({}));
    assert_eq!(own.message().await["method"], "notifications/tools/list_changed");
    assert_eq!(world.sandbox.ask("ping", &json!({})), 1);
    let ping = own.message().await;
    assert_eq!((&ping["method"], ping["id"].as_u64()), (&"ping".into(), Some(1)));
    let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
    assert_eq!(session.send(&answer).await.status, 202);
    assert_eq!(world.sandbox.books().answers, std::slice::from_ref(&answer));
    assert_eq!(session.send(&answer).await.status, 202);
    assert_eq!(world.sandbox.books().violations, ["an answer to nothing that the server asked"]);
}

#[tokio::test]
async fn what_is_said_while_nobody_listens_is_not_lost() {
    let world = World::new();
    let session = open(&world, "2025-06-18").await;
    world.sandbox.announce("notifications/tools/list_changed", &json!({}));
    let mut own = Stream::open(session.get(None)).await;
    let first = own.next().await.unwrap();
    assert_eq!((first.id.as_str(), first.kind.as_str()), ("0-1", "message"));
    drop(own);
    assert!(world.until(|books| books.streams_closed == 1).await);
    world.sandbox.announce("notifications/prompts/list_changed", &json!({}));
    let mut again = Stream::open(session.get(Some("0-0"))).await;
    assert_eq!(again.next().await, Some(first));
    assert_eq!(again.message().await["method"], "notifications/prompts/list_changed");
    let mut newer = Stream::open(session.get(None)).await;
    assert_eq!(again.next().await, None);
    world.sandbox.announce("notifications/roots/list_changed", &json!({}));
    assert_eq!(newer.next().await.unwrap().id, "0-3");
    assert_eq!(world.sandbox.books().last_event_ids, ["0-0"]);
    assert_eq!(session.world.send(session.get(Some("9-1"))).await.status, 400);
}

#[tokio::test]
async fn an_answer_comes_after_its_progress() {
    let world = World::new();
    let session = open(&world, "2025-11-25").await;
    let mut message = call(9, "stream", &json!({ "events": 3 }));
    message["params"]["_meta"] = json!({ "progressToken": "p" });
    let mut stream = Stream::open(session.request(&message)).await;
    for step in 1..=3 {
        let progress = stream.message().await;
        assert_eq!(progress["method"], "notifications/progress");
        assert_eq!(progress["params"], json!({ "progressToken": "p", "progress": step, "total": 3 }));
    }
    let last = stream.message().await;
    assert_eq!((&last["id"], &last["result"]["content"][0]["text"]), (&9.into(), &"3 events".into()));
    assert!(stream.ends_well().await);
    let plain = session.send(&call(10, "stream", &json!({ "events": 1 }))).await;
    assert!(plain.text.contains("notifications/message"), "{}", plain.text);
}

#[tokio::test]
async fn a_stream_that_breaks_off_can_be_had_to_its_end() {
    let world = World::with(|options| options.break_off = Some(BreakOff::after(2)));
    let session = open(&world, "2025-11-25").await;
    let message = call(9, "stream", &json!({ "events": 4, "every_ms": 1 }));
    let mut stream = Stream::open(session.request(&message)).await;
    let mut last = String::new();
    let mut messages = Vec::new();
    for reconnected in 0.. {
        while let Some(event) = stream.next().await {
            last.clone_from(&event.id);
            messages.push(event.json());
        }
        if messages.last().unwrap()["id"] == 9 {
            assert_eq!(reconnected, 2);
            break;
        }
        assert_eq!((messages.len(), stream.broke_off), (2 * (reconnected + 1), true));
        stream = Stream::open(session.get(Some(&last))).await;
    }
    let told: Vec<_> = messages.iter().filter_map(|message| message["params"]["data"].as_str()).collect();
    assert_eq!(told, ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]);
    let books = world.sandbox.books();
    assert_eq!((books.tool_calls, books.last_event_ids), (1, vec!["1-2".into(), "1-4".into()]));
}

#[tokio::test]
async fn a_server_that_wants_to_be_asked_again_says_when() {
    let world = World::with(|options| {
        options.retry = Some(20);
        options.break_off = Some(BreakOff::cleanly_after(0));
    });
    let session = open(&world, "2025-11-25").await;
    let message = call(9, "stream", &json!({ "events": 0 }));
    let mut stream = Stream::open(session.request(&message)).await;
    let first = stream.next().await.unwrap();
    assert_eq!((first.id.as_str(), first.retry.as_str(), first.data.as_str()), ("1-0", "20", ""));
    assert!(stream.ends_well().await);
    world.sandbox.change(|options| options.break_off = None);
    let mut rest = Stream::open(session.get(Some("1-0"))).await;
    assert_eq!(rest.next().await.unwrap().retry, "20");
    assert_eq!(rest.message().await["id"], 9);
    let older = open(&world, "2025-06-18").await;
    let mut stream = Stream::open(older.request(&message)).await;
    assert_eq!(stream.message().await["id"], 9);
}

#[tokio::test]
async fn a_tool_asks_the_client_and_tells_what_it_heard() {
    let world = World::new();
    let session = open(&world, "2025-11-25").await;
    for (what, method) in [
        ("elicitation", "elicitation/create"),
        ("sampling", "sampling/createMessage"),
        ("roots", "roots/list"),
    ] {
        let mut stream = Stream::open(session.request(&call(9, "ask", &json!({ "what": what })))).await;
        let asked = stream.message().await;
        assert_eq!(asked["method"], method);
        let answer = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "heard": what } });
        assert_eq!(session.send(&answer).await.status, 202);
        let result = stream.message().await["result"]["structuredContent"].clone();
        assert_eq!(result, json!({ "answered": { "heard": what } }));
    }
    let shy = Session::open(&world, "mcp:basic", "2025-11-25").await;
    let refused = shy.call("ask", json!({ "what": "roots" })).await;
    assert!(refused.text.contains("the client does not offer roots"), "{}", refused.text);
}

#[tokio::test]
async fn requests_do_not_wait_for_each_other() {
    let world = World::new();
    let session = open(&world, "2025-11-25").await;
    let calls = (0..64).map(|_| {
        let request = session.request(&call(9, "hold", &json!({})));
        tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
    });
    let calls: Vec<_> = calls.collect();
    assert!(world.until(|books| books.in_flight == 64).await);
    assert_eq!(session.send(&request("ping", &json!({}))).await.status, 200);
    world.sandbox.release(64);
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    let books = world.sandbox.books();
    assert_eq!((books.in_flight, books.most_in_flight, books.tool_calls), (0, 65, 64));
}

#[tokio::test]
async fn a_cancelled_request_is_not_answered() {
    let world = World::new();
    let session = open(&world, "2025-11-25").await;
    world.sandbox.change(|options| options.event_streams = true);
    let stream = Stream::open(session.request(&call(77, "hold", &json!({})))).await;
    let cancel =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 77 } });
    assert_eq!(session.send(&cancel).await.status, 202);
    assert!(stream.ends_well().await);
    world.sandbox.change(|options| options.event_streams = false);
    let gone = session.request(&call(78, "hold", &json!({}))).timeout(Duration::from_millis(50)).send().await;
    assert!(gone.unwrap_err().is_timeout());
    assert!(world.until(|books| books.cancelled == [json!(77), json!(78)]).await);
    assert_eq!(world.sandbox.books().notifications, ["notifications/cancelled"]);
}

#[tokio::test]
async fn large_answers_and_large_questions_pass() {
    let world = World::new();
    let session = open(&world, "2025-11-25").await;
    let large = session.call("large", json!({ "bytes": 3_000_000 })).await;
    assert_eq!(large.json()["result"]["content"][0]["text"].as_str().unwrap().len(), 3_000_000);
    let text = "y".repeat(2_000_000);
    let said = session.call("echo", json!({ "text": text })).await;
    assert_eq!(said.json()["result"]["content"][0]["text"], text);
    world.sandbox.change(|options| options.body_limit = 1000);
    assert_eq!(session.call("echo", json!({ "text": text })).await.status, 413);
}

#[tokio::test]
async fn a_slow_tool_takes_its_time() {
    let world = World::new();
    let session = open(&world, "2025-11-25").await;
    let start = Instant::now();
    assert_eq!(session.call("slow", json!({ "milliseconds": 30 })).await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn sessions_that_are_forgotten_end_their_streams() {
    let world = World::with(|options| options.get_stream = false);
    let session = open(&world, "2025-11-25").await;
    let status = async |request: reqwest::RequestBuilder| -> Reply { world.send(request).await };
    assert_eq!(status(session.get(None)).await.status, 405);
    world.sandbox.change(|options| options.get_stream = true);
    let own = Stream::open(session.get(None)).await;
    world.sandbox.forget_sessions();
    assert!(own.ends_well().await);
    assert_eq!(status(session.get(None)).await.status, 404);
    assert!(world.until(|books| (books.streams_opened, books.streams_closed) == (1, 1)).await);
}

#[tokio::test]
async fn messages_in_one_array_are_of_one_revision_only() {
    let world = World::new();
    let old = open(&world, "2025-03-26").await;
    let both =
        json!([request("ping", &json!({})), { "jsonrpc": "2.0", "method": "notifications/initialized" }]);
    let replied = old.send(&both).await.json();
    assert_eq!(replied, json!([{ "jsonrpc": "2.0", "id": 7, "result": {} }]));
    let quiet = json!([{ "jsonrpc": "2.0", "method": "notifications/initialized" }]);
    assert_eq!(old.send(&quiet).await.status, 202);
    let new = open(&world, "2025-06-18").await;
    assert_eq!(new.send(&both).await.json()["error"]["code"], -32600);
}

#[tokio::test]
async fn what_the_issuer_knows_outlives_the_server() {
    let mut world = World::new();
    let token = world.login().await.member("access_token");
    assert_eq!(world.knock(&token).await, 200);
    world.sandbox.stop();
    let refused = world.mcp(Some(&token), &initialize("2025-11-25")).send().await.unwrap_err();
    assert!(refused.is_connect(), "{refused:?}");
    world.sandbox.restart().unwrap();
    assert_eq!(world.knock(&token).await, 200);
    world.sandbox.expire_access_tokens();
    assert_eq!(world.knock(&token).await, 401);
}
