//! Who gets in, and what has to look like a plain request.

use std::io::Write;

use crate::client::{Answer, Proxy};
use crate::peer::answer;
use crate::{authorized, peer_that};

/// The answers to requests that are to get nowhere, and whether the server saw any of them.
fn refused(proxy: &Proxy, peer: &crate::peer::Peer, requests: &[&str]) -> Vec<u16> {
    let before = peer.seen().len();
    let told: Vec<Answer> = requests.iter().map(|request| proxy.say(request)).collect();
    assert_eq!(peer.seen().len(), before, "{told:?}");
    for answer in &told {
        assert!(!answer.head.contains("access-control-"), "{answer:?}");
        assert!(answer.head.contains("connection: close"), "{answer:?}");
    }
    told.into_iter().map(|answer| answer.status).collect()
}

/// MCP 53.
/// P-01.
#[test]
fn without_the_secret_nobody_gets_in() {
    let (proxy, _world, peer) = peer_that(|_| answer(200, "", b"in"), &[]);
    let (host, secret) = (proxy.address(), proxy.secret());
    assert_eq!((secret.len(), proxy.ask("GET /", "", "").body.as_str()), (64, "in"));
    let with = |shown: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\n{shown}\r\n");
    let half = format!("Authorization: Bearer {}\r\n", &secret[..63]);
    let longer = format!("Authorization: Bearer {secret}0\r\n");
    let basic = format!("Authorization: Basic {secret}\r\n");
    let elsewhere = format!("X-Secret: {secret}\r\nCookie: {secret}\r\n");
    let requests = [&*with(""), &with(&half), &with(&longer), &with(&basic), &with(&elsewhere)];
    assert_eq!(refused(&proxy, &peer, &requests), [401; 5]);
    let in_path = format!("GET /{secret}/other HTTP/1.1\r\nHost: {host}\r\n\r\n");
    assert_eq!(refused(&proxy, &peer, &[&in_path]), [401]);
    let told = proxy.say(&with(""));
    assert!(told.head.contains("www-authenticate: bearer"), "{told:?}");
    assert!(told.error().contains("wants its own secret") && !told.body.contains(&secret));
}

#[test]
fn the_secret_may_stand_before_the_path_where_that_was_asked_for() {
    let (proxy, _world, peer) = peer_that(|_| answer(200, "", b"in"), &["--secret-in-path"]);
    let (host, secret) = (proxy.address(), proxy.secret());
    let close = "Connection: close\r\n\r\n";
    let ask = |path: &str| proxy.say(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{close}")).status;
    assert_eq!(ask(&format!("/{secret}/other/x?y=1")), 200);
    assert_eq!(ask(&format!("/{secret}")), 200);
    assert_eq!(ask(&format!("/{}/other", &secret[1..])), 401);
    assert_eq!(proxy.ask("GET /other", "", "").status, 200);
    let seen = authorized(&peer);
    assert_eq!(seen[0].what(), "GET /mcp/x");
    assert!(!seen.iter().any(|seen| seen.holds(&secret)), "{seen:?}");
}

/// P-02.
#[test]
fn whoever_believes_to_be_elsewhere_is_told_so() {
    let (proxy, _world, peer) = peer_that(|_| answer(200, "", b"in"), &[]);
    let (host, port) = (proxy.address(), proxy.address().port());
    let shown = format!("Authorization: Bearer {}\r\n", proxy.secret());
    let with = |hosts: &str| format!("GET / HTTP/1.1\r\n{hosts}{shown}\r\n");
    for (hosts, status) in [
        ("Host: evil.example\r\n".to_owned(), 403),
        (format!("Host: 0.0.0.0:{port}\r\n"), 403),
        (format!("Host: evil.example:{port}\r\n"), 403),
        (format!("Host: 127.0.0.1.evil.example:{port}\r\n"), 403),
        ("Host: 127.0.0.1\r\n".to_owned(), 403),
        (String::new(), 400),
        (format!("Host: {host}\r\nHost: {host}\r\n"), 400),
        (format!("Host: {host}\r\nHost: evil.example\r\n"), 400),
    ] {
        assert_eq!(refused(&proxy, &peer, &[&with(&hosts)]), [status], "{hosts}");
    }
    let good = format!("GET / HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n{shown}\r\n");
    assert_eq!(proxy.say(&good).status, 200);
}

/// MCP 53.
/// P-03.
#[test]
fn pages_of_browsers_are_refused() {
    let (proxy, _world, peer) = peer_that(|_| answer(200, "access-control-allow-origin: *\r\n", b"in"), &[]);
    let pass = proxy.pass();
    for line in [
        "Origin: https://evil.example",
        "Origin: null",
        "Origin: http://127.0.0.1:1",
        &format!("Origin: http://{}", proxy.address()),
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Sec-Fetch-Site: same-origin",
    ] {
        let request = format!("GET / HTTP/1.1\r\n{pass}{line}\r\n\r\n");
        assert_eq!(refused(&proxy, &peer, &[&request]), [403], "{line}");
        let asks = "Access-Control-Request-Method: POST\r\n";
        let request = format!("OPTIONS / HTTP/1.1\r\n{pass}{line}\r\n{asks}\r\n");
        assert_eq!(refused(&proxy, &peer, &[&request]), [403], "{line}");
    }
    assert_eq!(refused(&proxy, &peer, &[&format!("OPTIONS / HTTP/1.1\r\n{pass}\r\n")]), [403]);
    // What the server would let in is no reason to let it in here.
    let good = proxy.ask("GET /", "", "");
    assert!(good.status == 200 && !good.head.contains("access-control"), "{good:?}");
}

#[test]
fn a_page_that_was_invited_may_ask_and_read() {
    let (proxy, _world, peer) =
        peer_that(|_| answer(200, "", b"in"), &["--allow-origin", "http://localhost:6274"]);
    let page = "Origin: http://localhost:6274\r\nSec-Fetch-Site: same-site\r\n";
    let host = proxy.address();
    let asks = "Access-Control-Request-Method: POST\r\nConnection: close\r\n";
    let told = proxy.say(&format!("OPTIONS /other HTTP/1.1\r\nHost: {host}\r\n{page}{asks}\r\n"));
    assert_eq!(told.status, 204);
    assert!(told.head.contains("access-control-allow-origin: http://localhost:6274"), "{told:?}");
    let told = proxy.ask("POST /other", &format!("{page}Content-Type: application/json\r\n"), "{}");
    assert!(told.status == 200 && told.head.contains("access-control-allow-origin: http://localhost:6274"));
    let seen = authorized(&peer);
    assert!(seen.iter().all(|seen| seen.header("origin").is_empty() && !seen.holds("sec-fetch")), "{seen:?}");
    assert_eq!(proxy.ask("GET /", "Origin: http://localhost:6275\r\n", "").status, 403);
}

/// P-04.
#[test]
fn a_form_that_any_page_can_send_is_no_request() {
    let (proxy, _world, peer) = peer_that(|_| answer(200, "", b"in"), &[]);
    let (pass, body) = (proxy.pass(), r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    let host = format!("Host: {}\r\n", proxy.address());
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"]
    {
        for who in [&pass, &host] {
            let request = format!(
                "POST / HTTP/1.1\r\n{who}Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            assert_eq!(refused(&proxy, &peer, &[&request]), [415], "{kind}");
        }
    }
    let unnamed = format!("POST / HTTP/1.1\r\n{pass}Content-Length: {}\r\n\r\n{body}", body.len());
    assert_eq!(refused(&proxy, &peer, &[&unnamed]), [415]);
}

/// P-05.
#[test]
fn it_is_no_proxy_to_elsewhere() {
    let (proxy, _world, peer) = peer_that(|_| answer(200, "", b"in"), &[]);
    let sink = crate::peer::Peer::sink();
    let (pass, evil) = (proxy.pass(), sink.address());
    for (line, status) in [
        (format!("GET http://{evil}/ HTTP/1.1"), 400),
        (format!("GET http://{}/ HTTP/1.1", proxy.address()), 400),
        (format!("CONNECT {evil} HTTP/1.1"), 405),
        ("TRACE / HTTP/1.1".to_owned(), 405),
        ("BREW / HTTP/1.1".to_owned(), 405),
    ] {
        assert_eq!(refused(&proxy, &peer, &[&format!("{line}\r\n{pass}\r\n")]), [status], "{line}");
    }
    assert!(sink.seen().is_empty());
}

/// P-06.
#[test]
fn no_path_leads_away_from_the_server() {
    let (proxy, _world, peer) = peer_that(|_| answer(200, "", b"in"), &[]);
    let sink = crate::peer::Peer::sink();
    let evil = sink.address();
    for path in [
        format!("//{evil}/"),
        format!("/other//{evil}/"),
        format!("/\\{evil}"),
        "/other/..%2f..%2fadmin".into(),
        "/other/../../admin".into(),
        "/other/%2e%2e/admin".into(),
        "/other/%252e%252e/admin".into(),
        "/%00".into(),
        "/other/x%0d%0ahost:%20y".into(),
    ] {
        let before = peer.seen().len();
        let told = proxy.ask(&format!("GET {path}"), "", "");
        assert_eq!((told.status, peer.seen().len()), (400, before), "{path}");
    }
    for (path, expected) in [
        (format!("/@{evil}"), format!("GET /mcp/@{evil}")),
        ("/;x".into(), "GET /mcp/;x".into()),
        ("/other/;x?a=//b".into(), "GET /mcp/;x".into()),
    ] {
        assert_eq!(proxy.ask(&format!("GET {path}"), "", "").status, 200, "{path}");
        assert_eq!(peer.seen().last().unwrap().what(), expected);
    }
    assert!(sink.seen().is_empty());
}

/// P-08.
#[test]
fn a_request_with_two_ends_is_none() {
    let (proxy, _world, peer) = peer_that(|_| answer(200, "", b"in"), &[]);
    let pass = proxy.pass();
    let second = format!("GET /second HTTP/1.1\r\n{pass}\r\n");
    let json = "Content-Type: application/json\r\n";
    let before = peer.seen().len();
    for (headers, body) in [
        ("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"),
        ("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"),
        ("Content-Length: 2\r\nContent-Length: 0\r\n", "{}"),
        ("Content-Length: +2\r\n", "{}"),
        ("Transfer-Encoding: chunked\r\n", "10000000000000000\r\n{}"),
        ("Transfer-Encoding: chunked\r\n", "-2\r\n{}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: xchunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
        ("Content-Length: 2\r\nX-A: a\r\n b\r\n", "{}"),
        ("X-A: a\nContent-Length: 2\r\n", "{}"),
        ("Content-Length : 2\r\n", "{}"),
    ] {
        let told = proxy.say(&format!("POST / HTTP/1.1\r\n{pass}{json}{headers}\r\n{body}{second}"));
        assert_eq!(told.status, 400, "{headers} {told:?}");
        assert_eq!(told.body.matches("HTTP/1.1").count(), 0, "{told:?}");
    }
    assert_eq!(peer.seen().len(), before, "{:?}", &peer.seen()[before..]);
    let bare = format!("GET / HTTP/1.1\n{}\n", pass.replace("\r\n", "\n"));
    assert_eq!((proxy.say(&bare).status, peer.seen().len()), (400, before));
    // Chunks are good, and whatever is behind their end is not looked at.
    let chunks =
        format!("POST / HTTP/1.1\r\n{pass}{json}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n");
    let told = proxy.say(&format!("{chunks}{second}"));
    assert_eq!((told.status, peer.seen().len()), (200, before + 1), "{told:?}");
    assert_eq!(peer.seen().last().unwrap().body, "{}");
}

/// P-13.
#[test]
fn it_speaks_no_other_protocol() {
    let (proxy, _world, peer) = peer_that(|_| answer(200, "", b"in"), &[]);
    let pass = proxy.pass();
    for upgrade in ["websocket", "h2c", "TLS/1.2"] {
        let request = format!("GET / HTTP/1.1\r\n{pass}Connection: Upgrade\r\nUpgrade: {upgrade}\r\n\r\n");
        assert_eq!(refused(&proxy, &peer, &[&request]), [501], "{upgrade}");
    }
    let before = peer.seen().len();
    let told = proxy.say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(told.status != 200 && peer.seen().len() == before, "{told:?}");
}

#[test]
fn one_connection_serves_many_requests() {
    let (proxy, _world, peer) = peer_that(|_| answer(200, "", b"in"), &[]);
    let before = authorized(&peer).len();
    let mut stream = proxy.connect();
    let request = format!("GET / HTTP/1.1\r\n{}", proxy.pass());
    stream
        .write_all(format!("{request}\r\n{request}\r\n{request}Connection: close\r\n\r\n").as_bytes())
        .unwrap();
    let told = Answer::read(&mut stream);
    assert_eq!(told.body.matches("HTTP/1.1 200").count() + 1, 3, "{told:?}");
    assert_eq!(authorized(&peer).len(), before + 3);
}
