//! Requests with a token that the agent never sees.

use std::sync::mpsc;

use mcpauth::sandbox::SandboxOptions;
use serde_json::{Value, json};

use crate::peer::{ACCESS, Peer, Said, Seen, answer, by_the_rules};
use crate::support::World;
use crate::{agent, call_of_whoami, done, refused};

/// A server that says this to whoever shows the token, and a world that is signed in there as `other`.
fn peer_that(says: impl Fn(&Seen) -> Said + Send + 'static) -> (World, Peer) {
    let bearer = format!("Bearer {ACCESS}");
    let peer = Peer::start(Box::new(move |seen| {
        Some(if seen.header("authorization") == bearer { says(seen) } else { by_the_rules(seen) })
    }));
    let world = World::new();
    let url = peer.url();
    let login = world.command(&["login", &url, "--name", "other", "--no-browser", "--store", "file"]);
    world.login_as(login).succeeded();
    (world, peer)
}

/// MCP 31, 52.
#[test]
fn a_request_goes_to_the_server_and_says_nothing_of_who_asks() {
    let (world, peer) = peer_that(|_| answer(200, "content-type: text/plain\r\n", b"hello"));
    let elsewhere = Peer::sink();
    let asked = peer.seen().len();
    let mut agent = agent(&world);
    for path in [
        format!("http://{}/x", elsewhere.address()),
        format!("//{}/x", elsewhere.address()),
        format!("/\\{}/x", elsewhere.address()),
        "x".into(),
        "file:///etc/passwd".into(),
        "/x\r\nHost: y".into(),
    ] {
        refused(&agent.tool("api_call", &json!({ "server": "other", "path": path })));
    }
    for (name, value) in [
        ("Authorization", "Bearer x"),
        ("authorization", "x"),
        ("Cookie", "x"),
        ("DPoP", "x"),
        ("Host", "x"),
        ("Proxy-Authorization", "x"),
        ("X-Any", "a\r\nAuthorization: x"),
        ("Authorization: x\r\nX-Any", "x"),
        ("Authorization:", "x"),
    ] {
        refused(
            &agent.tool("api_call", &json!({ "server": "other", "path": "/x", "headers": { name: value } })),
        );
    }
    for method in ["TRACE", "CONNECT", "GET /x HTTP/1.1\r\n", ""] {
        refused(&agent.tool("api_call", &json!({ "server": "other", "path": "/x", "method": method })));
    }
    assert_eq!((peer.seen().len(), elsewhere.seen().len()), (asked, 0));

    let told =
        agent.tool("api_call", &json!({ "server": "other", "path": "/x?a=b", "headers": { "X-Any": "y" } }));
    assert_eq!(
        done(&told),
        &json!({ "success": true, "status": 200, "content_type": "text/plain", "data": "hello" })
    );
    let seen = peer.seen().pop().unwrap();
    assert_eq!((seen.what(), seen.header("x-any").as_str()), ("GET /x", "y"));
}

/// No text of a request is the name of a file.
#[test]
fn a_body_is_what_it_says() {
    let (world, peer) = peer_that(|_| answer(200, "", b"{}"));
    let mut agent = agent(&world);
    for (body, sent) in [
        (json!("@/etc/passwd"), "@/etc/passwd"),
        (json!({ "a": [1, null] }), r#"{"a":[1,null]}"#),
        (json!("text"), "text"),
    ] {
        done(&agent.tool("api_call", &json!({ "server": "other", "path": "/x", "body": body })));
        let seen = peer.seen().pop().unwrap();
        assert_eq!((seen.what(), seen.body.as_str()), ("POST /x", sent));
    }
}

#[test]
fn an_answer_that_repeats_the_token_is_kept_from_the_agent() {
    let (world, _peer) = peer_that(|seen| {
        let headers = format!("content-type: {}\r\n", seen.header("authorization").replace(' ', "/"));
        answer(200, &headers, format!("you said {}", seen.header("authorization")).as_bytes())
    });
    let mut agent = agent(&world);
    let told = agent.tool("api_call", &json!({ "server": "other", "path": "/echo" }));
    assert_eq!(told["structuredContent"]["error"], "withheld");
    let (_, errors, said) = agent.end();
    assert!(!(said.join("") + &errors).contains(ACCESS), "{said:?} {errors}");
}

#[test]
fn a_long_answer_is_cut() {
    let (world, _peer) = peer_that(|_| Said::Endless);
    let mut agent = agent(&world);
    let told = agent.tool("api_call", &json!({ "server": "other", "path": "/long" }));
    let told = done(&told);
    assert_eq!((&told["truncated"], told["data"].as_str().unwrap().len()), (&json!(true), 1024 * 1024));
}

#[test]
fn what_the_server_refuses_is_told_as_it_is() {
    let (world, _peer) =
        peer_that(|_| answer(404, "content-type: application/json\r\n", br#"{"no":"such"}"#));
    let mut agent = agent(&world);
    let told = agent.tool("api_call", &json!({ "server": "other", "path": "/x" }));
    let told = refused(&told);
    assert_eq!(
        (&told["success"], &told["status"], &told["data"]),
        (&json!(false), &json!(404), &json!({ "no": "such" }))
    );
}

#[test]
fn a_server_where_nobody_is_signed_in_is_told_of() {
    let world = World::new();
    let mut agent = agent(&world);
    let told = agent.tool("api_call", &call_of_whoami(&world.url()));
    let told = refused(&told);
    assert_eq!((&told["success"], &told["error"]), (&json!(false), &json!("login_needed")));
    assert!(told["hint"].as_str().unwrap().contains("mcpauth login"), "{told}");
    assert_eq!(world.sandbox.books().requests, Vec::<String>::new());
}

/// A server that holds its answer back.
fn holding() -> (World, Peer, mpsc::Sender<Vec<u8>>) {
    let (sender, pieces) = mpsc::channel();
    let pieces = std::sync::Mutex::new(Some(pieces));
    let (world, peer) = peer_that(move |seen| match seen.path() {
        "/slow" => Said::AsBrought(pieces.lock().unwrap().take().unwrap()),
        _ => answer(200, "", b"quick"),
    });
    (world, peer, sender)
}

#[test]
fn nobody_waits_for_a_slow_request_but_whoever_asked() {
    let (world, _peer, sender) = holding();
    let mut agent = agent(&world);
    let slow = json!({ "name": "api_call", "arguments": { "server": "other", "path": "/slow" } });
    let slow = agent.begin("tools/call", &slow);
    agent.ask("ping", &json!({}));
    let quick = agent.tool("api_call", &json!({ "server": "other", "path": "/quick" }));
    assert_eq!(done(&quick)["data"], "quick");
    assert!(agent.said.iter().all(|line| !line.contains(&format!("\"id\":{slow},"))), "{:?}", agent.said);
    sender.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nslow".to_vec()).unwrap();
    assert_eq!(done(&agent.answer(slow)["result"])["data"], "slow");
}

#[test]
fn a_request_that_is_cancelled_is_not_answered() {
    let (world, peer, sender) = holding();
    let mut agent = agent(&world);
    let slow = json!({ "name": "api_call", "arguments": { "server": "other", "path": "/slow" } });
    let slow = agent.begin("tools/call", &slow);
    crate::support::steps::eventually(|| peer.was_asked_for("/slow"));
    agent.tell("notifications/cancelled", &json!({ "requestId": slow, "reason": "no more" }));
    agent.ask("ping", &json!({}));
    drop(sender);
    let (exit, errors, said) = agent.end();
    assert_eq!(exit, 0, "{errors}");
    let answered = said.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    assert_eq!(answered.filter(|message| message["id"] == slow).count(), 0, "{said:?}");
}

#[test]
fn a_token_that_has_ended_is_renewed_on_the_way() {
    let world = World::signed_in(SandboxOptions { access_lifetime: 0, ..SandboxOptions::default() });
    world.sandbox.change(|options| options.access_lifetime = 3600);
    let mut agent = agent(&world);
    for _ in 0..3 {
        done(&agent.tool("api_call", &call_of_whoami("box")));
    }
    assert_eq!(world.sandbox.books().refreshes, 1);
}

/// What somebody settled for a server stays, and an answer comes whole and in plain text: in pieces, or compressed, it
/// could hold the token and nobody here would find it.
#[test]
fn a_request_neither_changes_what_is_settled_nor_hides_the_answer_from_us() {
    let (world, peer) = peer_that(|seen| match seen.path() {
        "/zipped" => answer(200, "content-encoding: gzip\r\n", b"\x1f\x8bhidden"),
        _ => answer(200, "content-encoding: identity\r\n", b"plain"),
    });
    let file = world.home().join("tenant");
    std::fs::write(&file, "mine").unwrap();
    let header = format!("X-Tenant: file:{}", file.display());
    world.run(&["server", "set", "other", "--header", &header]).succeeded();
    let mut agent = agent(&world);
    let asked = peer.seen().len();
    for name in ["X-Tenant", "x-tenant", "Accept-Encoding", "Range", "If-Range", "A-IM"] {
        let headers = json!({ name: "theirs" });
        let told = agent.tool("api_call", &json!({ "server": "other", "path": "/x", "headers": headers }));
        let told = refused(&told);
        assert!(
            told["error"] == "usage" && told["hint"].as_str().unwrap().contains("leave it out"),
            "{told}"
        );
    }
    assert_eq!(peer.seen().len(), asked);
    let told = agent.tool("api_call", &json!({ "server": "other", "path": "/zipped" }));
    assert_eq!(told["structuredContent"]["error"], "withheld", "{told}");
    assert!(!told.to_string().contains("hidden"));
    let told = agent.tool("api_call", &json!({ "server": "other", "path": "/x" }));
    assert_eq!(done(&told)["data"], "plain");
    let seen = peer.seen().pop().unwrap();
    assert_eq!((seen.header("x-tenant"), seen.header("accept-encoding")), ("mine".into(), String::new()));
}

/// A batch is several requests, and each of them can be taken back and needs a number of its own.
#[test]
fn what_came_in_a_batch_can_be_cancelled_and_has_a_number_of_its_own() {
    let (world, peer, sender) = holding();
    let mut agent =
        crate::support::talk::Talk::greeted(world.command(&["mcp", "--store", "file"]), "2025-03-26");
    let call = |id: &str, path: &str| {
        let arguments = json!({ "server": "other", "path": path });
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": { "name": "api_call", "arguments": arguments } })
    };
    let ping = |id: &str| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" });
    let batch = json!([
        ping("a"),
        call("slow", "/slow"),
        call("next", "/next"),
        ping("a"),
        ping("z"),
        call("later", "/later")
    ]);
    agent.write(batch.to_string().as_bytes());
    crate::support::steps::eventually(|| peer.was_asked_for("/slow"));
    // Its number is taken while it is at work.
    agent.write(call("slow", "/x").to_string().as_bytes());
    let refusal = agent.next().unwrap();
    assert_eq!((&refusal["id"], &refusal["error"]["code"]), (&json!("slow"), &json!(-32600)));
    // One that has not begun yet, and one that has.
    agent.tell("notifications/cancelled", &json!({ "requestId": "later" }));
    agent.tell("notifications/cancelled", &json!({ "requestId": "slow" }));
    let answer = agent.next().unwrap();
    let mut ids: Vec<(&str, bool)> = answer
        .as_array()
        .unwrap()
        .iter()
        .map(|part| (part["id"].as_str().unwrap(), part["error"].is_object()))
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, [("a", false), ("a", true), ("next", false), ("z", false)], "{answer}");
    assert!(peer.was_asked_for("/next") && !peer.was_asked_for("/later"));
    drop(sender);
    // Their numbers are free again.
    agent.write(call("slow", "/x").to_string().as_bytes());
    assert_eq!(agent.next().unwrap()["result"]["structuredContent"]["data"], "quick");
    let (exit, errors, _) = agent.end();
    assert_eq!((exit, errors.as_str()), (0, ""));
}

#[test]
fn a_server_that_is_no_url_is_told_how_to_name_one() {
    let world = World::new();
    let mut agent = agent(&world);
    for server in ["", "not a url", "http://example.com/mcp", "ftp://example.com/x", "https://"] {
        for (tool, arguments) in [
            ("api_call", json!({ "server": server, "path": "/x" })),
            ("auth_login", json!({ "server": server })),
            ("auth_status", json!({ "server": server })),
        ] {
            let told = agent.tool(tool, &arguments);
            let told = refused(&told);
            assert!(told["hint"].as_str().is_some_and(|hint| hint.contains("https://")), "{server} {told}");
        }
    }
}
