//! What passes, what stays, and what is answered where the server does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mcpauth::sandbox::SandboxOptions;
use serde_json::json;

use crate::client::Proxy;
use crate::peer::{self, ACCESS, Peer, answer, by_the_rules, json_answer};
use crate::support::{World, finish, follow};
use crate::tls::{Front, Shown};
use crate::{authorized, call, peer_that};

#[test]
fn a_tool_is_called_by_somebody_who_has_no_token() {
    let world = World::signed_in(SandboxOptions::default());
    let proxy = Proxy::start(&world, &["box"]);
    let (headers, body) = call("echo");
    let told = proxy.ask("POST /box", &headers, &body);
    assert!(told.status == 200 && told.body.contains("hello"), "{told:?}");
    assert!(!told.body.contains(&world.token(&[])));
    let headers = world.sandbox.books().last_mcp_headers;
    assert_eq!(headers["authorization"], format!("Bearer {}", world.token(&[])));
}

/// MCP 52.
/// P-07.
#[test]
fn what_says_who_a_client_is_does_not_pass() {
    let (proxy, _world, peer) = peer_that(|_| answer(200, "", b"{}"), &[]);
    let headers = "Cookie: c=1\r\nProxy-Authorization: Basic x\r\nProxy-Any: x\r\nX-Forwarded-For: 10.0.0.1\r\n\
                   X-Forwarded-Host: evil.example\r\nForwarded: for=x\r\nX-Real-IP: x\r\nDPoP: x\r\nTE: trailers\r\n\
                   Keep-Alive: x\r\nX-Hop: x\r\nConnection: X-Hop\r\nReferer: x\r\nContent-Type: application/json\r\n\
                   Mcp-Session-Id: s\r\nUser-Agent: client\r\nAccept: application/json\r\n";
    let secret = proxy.secret();
    assert_eq!(proxy.ask("POST /other/below?a=b&c=%20", headers, "{\"a\": 1}").status, 200);
    let seen = authorized(&peer).pop().unwrap();
    for name in [
        "cookie",
        "proxy-authorization",
        "proxy-any",
        "x-forwarded-for",
        "x-forwarded-host",
        "forwarded",
        "x-real-ip",
        "dpop",
        "te",
        "keep-alive",
        "x-hop",
        "referer",
    ] {
        assert_eq!(seen.header(name), "", "{name}");
    }
    assert!(!seen.holds(&secret));
    assert_eq!(seen.header("authorization"), format!("Bearer {ACCESS}"));
    assert_eq!((seen.what(), seen.parameter("c").as_str()), ("POST /mcp/below", " "));
    assert_eq!((seen.header("mcp-session-id"), seen.header("user-agent")), ("s".into(), "client".into()));
    assert_eq!((seen.body.as_str(), seen.header("host")), ("{\"a\": 1}", peer.address().to_string()));
}

/// P-07.
#[test]
fn what_is_settled_for_a_server_is_not_for_a_client_to_say() {
    let (_before, world, peer) = peer_that(|_| answer(200, "", b"{}"), &[]);
    let file = world.home().join("tenant");
    std::fs::write(&file, "mine").unwrap();
    let header = format!("X-Tenant: file:{}", file.display());
    world.run(&["server", "set", "other", "--header", &header]).succeeded();
    let proxy = Proxy::start(&world, &["other"]);
    let headers =
        "Content-Type: application/json\r\nX-Tenant: theirs\r\nx-tenant: theirs, too\r\nX-Other: kept\r\n";
    assert_eq!(proxy.ask("POST /", headers, "{}").status, 200);
    let seen = authorized(&peer).pop().unwrap();
    assert_eq!((seen.header("x-tenant"), seen.header("x-other")), ("mine".into(), "kept".into()));
    assert!(!seen.holds("theirs"));
}

/// P-09.
#[test]
fn where_a_server_points_nobody_goes() {
    let sink = Peer::sink();
    let place = format!("location: {}/steal\r\nset-cookie: a=b\r\n", sink.origin());
    for status in [301, 302, 303, 307, 308] {
        let head = place.clone();
        let (proxy, _world, _peer) = peer_that(move |_| answer(status, &head, b""), &[]);
        let told = proxy.post("/", "{}");
        assert_eq!(told.status, 502, "{told:?}");
        assert!(told.error().contains("that is not followed") && !told.head.contains("location"), "{told:?}");
    }
    assert!(sink.seen().is_empty());
}

#[test]
fn an_answer_keeps_what_is_its_own_and_loses_what_is_for_us() {
    let head = "set-cookie: a=b\r\nmcp-session-id: s\r\ncontent-type: application/json\r\nx-own: x\r\n\
                www-authenticate: Bearer resource_metadata=\"https://x/\"\r\nconnection: x-hop\r\nx-hop: x\r\n";
    let (proxy, _world, _peer) = peer_that(move |_| answer(404, head, b"{\"a\":1}"), &[]);
    let told = proxy.post("/", "{}");
    assert_eq!((told.status, told.body.as_str()), (404, "{\"a\":1}"));
    for name in ["mcp-session-id: s", "content-type: application/json", "x-own: x", "content-length: 7"] {
        assert!(told.head.contains(name), "{name} {told:?}");
    }
    for name in ["set-cookie", "www-authenticate", "x-hop"] {
        assert!(!told.head.contains(name), "{name} {told:?}");
    }
}

#[test]
fn a_server_that_is_not_there_is_an_error_that_a_client_can_show() {
    let mut world = World::signed_in(SandboxOptions::default());
    let proxy = Proxy::start(&world, &["box"]);
    world.cut_off();
    let told = proxy.post("/", r#"{"jsonrpc":"2.0","id":"seven","method":"ping"}"#);
    assert_eq!(told.status, 502, "{told:?}");
    assert!(told.error().contains("hint: ") && told.body.contains(r#""id":"seven""#), "{told:?}");
}

/// P-16.
#[test]
fn a_certificate_that_turns_bad_ends_the_passage() {
    let peer = Peer::start(Box::new(|seen| {
        let origin = format!("https://{}", seen.header("host"));
        Some(match seen.path() {
            "/mcp" if seen.header("authorization").ends_with(ACCESS) => answer(200, "", b"in"),
            path if path.starts_with(peer::RESOURCE_METADATA) => {
                let resource = format!("{origin}/mcp");
                json_answer(200, &json!({ "resource": resource, "authorization_servers": [origin] }))
            }
            peer::ISSUER_METADATA => {
                let metadata = peer::issuer_metadata(seen).to_string().replace("http://", "https://");
                json_answer(200, &serde_json::from_str(&metadata).unwrap())
            }
            _ => by_the_rules(seen),
        })
    }));
    let (world, front) = (World::new(), Front::of(peer.address()));
    let authority = world.home().join("authority.pem");
    std::fs::write(&authority, front.authority()).unwrap();
    world.settle(&format!("[network]\nca_file = '{}'", authority.display()));
    let url = format!("{}/mcp", front.origin());
    let login = world.command(&["login", &url, "--name", "other", "--no-browser", "--store", "file"]);
    let (child, seen, address) = world.start_login(login);
    // A browser that trusts nobody goes the short way.
    follow(&address.unwrap_or_else(|| panic!("{seen}")).replace(&front.origin(), &peer.origin()));
    finish(child, seen).succeeded();
    let proxy = Proxy::start(&world, &["other"]);
    assert_eq!(proxy.post("/", "{}").body, "in");
    let before = peer.seen().len();
    for shown in [Shown::SelfSigned, Shown::OtherName, Shown::Ended, Shown::Plaintext] {
        front.show(shown);
        let told = proxy.post("/", "{}");
        assert_eq!((told.status, peer.seen().len()), (502, before), "{shown:?} {told:?}");
        assert!(!told.error().contains(ACCESS));
    }
    front.show(Shown::Good);
    assert_eq!(proxy.post("/", "{}").body, "in");
}

#[test]
fn a_refused_token_is_replaced_and_the_request_sent_again() {
    let world = World::signed_in(SandboxOptions::default());
    let proxy = Proxy::start(&world, &["box"]);
    let (headers, body) = call("echo");
    assert_eq!(proxy.ask("POST /", &headers, &body).status, 200);
    world.sandbox.expire_access_tokens();
    let from = world.sandbox.books().requests.len();
    let told = proxy.ask("POST /", &headers, &body);
    assert!(told.status == 200 && told.body.contains("hello"), "{told:?}");
    assert_eq!(world.sandbox.books().requests[from..], ["POST /mcp", "POST /token", "POST /mcp"]);
}

#[test]
fn a_server_that_wants_more_scope_is_told_of_with_what_to_type() {
    let refusal = "www-authenticate: Bearer error=\"insufficient_scope\", scope=\"mcp:admin\"\r\n";
    let (proxy, _world, _peer) = peer_that(move |_| answer(403, refusal, b"{}"), &[]);
    let told = proxy.post("/", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    assert_eq!(told.status, 403);
    assert!(told.error().contains("mcpauth login other --add-scope mcp:admin"), "{told:?}");
}

#[test]
fn a_server_that_answers_with_an_error_of_its_own_is_quoted() {
    let is_down = Arc::new(AtomicBool::new(false));
    let down = Arc::clone(&is_down);
    let says = move |seen: &crate::Seen| match down.load(Ordering::SeqCst) {
        true => answer(500, "retry-after: 7\r\n", b"oops"),
        false if seen.body.is_empty() => by_the_rules(seen),
        false => answer(202, "", b""),
    };
    let (proxy, _world, _peer) = peer_that(says, &[]);
    assert_eq!((proxy.post("/", "{}").status, proxy.post("/", "{}").body.as_str()), (202, ""));
    is_down.store(true, Ordering::SeqCst);
    let told = proxy.post("/", "{}");
    assert_eq!((told.status, told.body.as_str()), (500, "oops"));
    assert!(told.head.contains("retry-after: 7"));
}
