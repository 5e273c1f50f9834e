//! Several servers, each under its name.

use crate::client::Proxy;
use crate::peer::{ACCESS, Peer, answer, by_the_rules};
use crate::sign_in;
use crate::support::World;

fn named(name: &'static str) -> Peer {
    Peer::start(Box::new(move |seen| {
        let is_known = seen.header("authorization") == format!("Bearer {ACCESS}");
        Some(if is_known { answer(200, "", name.as_bytes()) } else { by_the_rules(seen) })
    }))
}

#[test]
fn each_server_is_found_under_its_name() {
    let (one, two) = (named("first"), named("second"));
    let world = World::new();
    sign_in(&world, &one.url(), "one");
    sign_in(&world, &two.url(), "two");
    let proxy = Proxy::start(&world, &["one", "two", "one"]);
    let servers = proxy.told["servers"].as_array().unwrap();
    assert_eq!((servers.len(), proxy.told["schema"].as_u64()), (2, Some(1)));
    assert_eq!(servers[1]["url"], format!("{}/two", proxy.told["url"].as_str().unwrap()));
    assert_eq!(servers[1]["server"], two.url());
    assert_eq!(proxy.ask("GET /one", "", "").body, "first");
    assert_eq!(proxy.ask("GET /TWO/x/y", "", "").body, "second");
    assert_eq!(two.seen().last().unwrap().what(), "GET /mcp/x/y");
    for path in ["/", "/three", "/onetwo", "/mcp", "/.well-known/oauth-protected-resource"] {
        let told = proxy.ask(&format!("GET {path}"), "", "");
        assert_eq!(told.status, 404, "{path}");
        assert!(told.error().contains("one, two"), "{told:?}");
    }
}

#[test]
fn the_only_server_needs_no_name() {
    let (proxy, _world, peer) = crate::peer_that(|_| answer(200, "", b"in"), &[]);
    for (path, expected) in
        [("/", "GET /mcp"), ("/other", "GET /mcp"), ("/other/", "GET /mcp"), ("/x", "GET /mcp/x")]
    {
        assert_eq!(proxy.ask(&format!("GET {path}"), "", "").body, "in", "{path}");
        assert_eq!(peer.seen().last().unwrap().what(), expected);
    }
    // A client that looks for a sign-in finds none here: it has been done.
    let before = peer.seen().len();
    assert_eq!(proxy.ask("GET /.well-known/oauth-protected-resource/other", "", "").status, 404);
    assert_eq!(peer.seen().len(), before);
}

/// P-06.
#[test]
fn the_query_of_a_server_is_no_more_for_a_client_to_change_than_its_path() {
    let peer = named("in");
    let world = World::new();
    sign_in(&world, &format!("{}?tenant=a&x", peer.url()), "other");
    let proxy = Proxy::start(&world, &["other"]);
    for (asked, sent) in [
        ("/", "/mcp?tenant=a&x"),
        ("/?", "/mcp?tenant=a&x"),
        ("/y?b=1&c", "/mcp/y?tenant=a&x&b=1&c"),
        ("/?tenant=b&b=%26tenant", "/mcp?tenant=a&x&b=%26tenant"),
        ("/?b=1;tenant=b&%74enant=b&TENANT=b&X=1&c=1", "/mcp?tenant=a&x&c=1"),
        ("/?&&b=1&", "/mcp?tenant=a&x&b=1"),
    ] {
        assert_eq!(proxy.ask(&format!("GET {asked}"), "", "").body, "in", "{asked}");
        assert_eq!(peer.seen().pop().unwrap().line(), format!("GET {sent}"), "{asked}");
    }
}

#[test]
fn what_is_counted_is_told_to_those_who_know_the_secret() {
    let (proxy, _world, _peer) = crate::peer_that(|_| answer(200, "", b"four"), &["--metrics"]);
    proxy.post("/", "{}");
    proxy.post("/other", "{}");
    let told = proxy.ask("GET /metrics", "", "");
    assert!(told.status == 200 && told.head.contains("text/plain; version=0.0.4"), "{told:?}");
    for line in [
        r#"mcpauth_proxy_requests_total{server="other",status="2xx"} 2"#,
        r#"mcpauth_proxy_requests_total{server="other",status="5xx"} 0"#,
        r#"mcpauth_proxy_sent_bytes_total{server="other"} 4"#,
        r#"mcpauth_proxy_received_bytes_total{server="other"} 8"#,
        r#"mcpauth_proxy_open_answers{server="other"} 0"#,
        "# TYPE mcpauth_proxy_open_answers gauge",
    ] {
        assert!(told.body.lines().any(|own| own == line), "{line} {told:?}");
    }
    let bare = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", proxy.address());
    assert_eq!(proxy.say(&bare).status, 401);
    let (silent, _world, peer) = crate::peer_that(|_| answer(200, "", b"in"), &[]);
    assert_eq!(silent.ask("GET /metrics", "", "").body, "in");
    assert_eq!(peer.seen().last().unwrap().what(), "GET /mcp/metrics");
}

#[test]
fn refused_and_renewed_tokens_are_counted() {
    let world = World::signed_in(mcpauth::sandbox::SandboxOptions::default());
    let proxy = Proxy::start(&world, &["box", "--metrics"]);
    let (headers, body) = crate::call("echo");
    assert_eq!(proxy.ask("POST /", &headers, &body).status, 200);
    world.sandbox.expire_access_tokens();
    assert_eq!(proxy.ask("POST /", &headers, &body).status, 200);
    let told = proxy.ask("GET /metrics", "", "").body;
    assert!(told.contains(r#"mcpauth_proxy_refused_tokens_total{server="box"} 1"#), "{told}");
    assert!(told.contains(r#"mcpauth_proxy_renewed_tokens_total{server="box"} 1"#), "{told}");
}
