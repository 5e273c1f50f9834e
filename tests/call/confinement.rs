//! The token goes to the server that it is for.

use crate::peer::{ACCESS, Peer, answer};
use crate::peer_that;

/// MCP 31.
#[test]
fn no_address_elsewhere_gets_anything() {
    let (world, peer) = peer_that(|_| answer(200, "", b"{}"));
    let elsewhere = Peer::sink();
    let asked = peer.seen().len();
    let port = peer.address().port();
    let thief = elsewhere.address();
    for path in [
        format!("http://{thief}/mcp"),
        format!("//{thief}/mcp"),
        format!("/\\{thief}/mcp"),
        format!("http://127.0.0.1:{port}@{thief}/"),
        format!("http://user@127.0.0.1:{port}/mcp"),
        format!("http://localhost:{port}/mcp"),
        format!("https://127.0.0.1:{port}/mcp"),
        "/x\r\nX-Any: y".to_owned(),
    ] {
        let ran = world.run(&["call", "other", "GET", &path]);
        ran.failed(2);
        assert!(ran.stderr.contains("hint: give a path of that server"), "{ran:?}");
    }
    assert_eq!((peer.seen().len(), elsewhere.seen().len()), (asked, 0));
    let own = format!("{}/api/items?x=1", peer.origin());
    world.run(&["call", "other", &own]).succeeded();
    assert_eq!(peer.seen().last().unwrap().what(), "GET /api/items");
}

/// MCP 52.
#[test]
fn a_redirect_is_told_and_not_followed() {
    let elsewhere = Peer::sink();
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}/stolen\r\n", elsewhere.origin());
        let (world, peer) = peer_that(move |_| answer(status, &location, b"moved"));
        let ran = world.run(&["call", "other", "-d", "{}"]);
        assert_eq!(ran.succeeded().stdout, "moved");
        let told =
            format!("warning: the server points to {}/stolen; that was not followed", elsewhere.origin());
        assert!(ran.stderr.contains(&told), "{ran:?}");
        assert_eq!(peer.seen().iter().filter(|seen| !seen.header("authorization").is_empty()).count(), 1);
    }
    assert_eq!(elsewhere.seen().len(), 0);
}

/// MCP 52.
#[test]
fn what_says_who_asks_or_frames_the_message_cannot_be_set() {
    let (world, peer) = peer_that(|_| answer(200, "", b"{}"));
    let asked = peer.seen().len();
    for header in [
        "Authorization: Bearer s3cret",
        "authorization:s3cret",
        "Proxy-Authorization: s3cret",
        "Cookie: s3cret",
        "DPoP: s3cret",
        "Host: s3cret",
        "Content-Length: 1",
        "Transfer-Encoding: chunked",
        "X-Any: a\r\nAuthorization: s3cret",
        "X-Any: a\nGET /s3cret HTTP/1.1",
        "X-Any\r\nAuthorization: s3cret",
        "s3cret",
    ] {
        let ran = world.run(&["call", "other", "-H", header]);
        ran.failed(2);
        assert!(!ran.stderr.contains("s3cret"), "{ran:?}");
    }
    assert_eq!(peer.seen().len(), asked);
}

/// MCP 31.
#[test]
fn a_login_for_another_place_is_not_used_here() {
    let (world, peer) = peer_that(|_| answer(200, "", b"{}"));
    let elsewhere = Peer::sink();
    // Somebody has changed where the name leads.
    let profile = world.home().join(".config/mcpauth/servers/other.toml");
    let text = std::fs::read_to_string(&profile).unwrap().replace(&peer.origin(), &elsewhere.origin());
    std::fs::write(&profile, text).unwrap();
    let ran = world.run(&["call", "other", "-d", "{}"]);
    ran.failed_with(3, "the login at other is for http://127.0.0.1");
    assert!(elsewhere.seen().iter().all(|seen| !format!("{seen:?}").contains(ACCESS)));
    assert_eq!(elsewhere.seen().len(), 0);
}
