//! Whole logins, through the real binary and real HTTP.

#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;

mod advice;
mod bound;
mod clients;
mod discovery;
mod ending;
mod interruption;
mod keys;
mod metadata;
mod redirect;
mod talk;

use support::{World, call};

/// MCP 1.
#[test]
fn a_browser_login_stores_tokens_that_token_then_prints() {
    let world = World::new();

    let login = world.login(&[]);
    assert_eq!((login.exit, login.stdout.as_str()), (0, ""), "{login:?}");
    assert!(login.stderr.contains("✓ signed in to box"), "{login:?}");

    let token = world.run(&["token", "box"]);
    assert_eq!((token.exit, token.stderr.as_str()), (0, ""), "{token:?}");
    assert_eq!(call(&world.url(), token.stdout.trim_end()), 200);

    let requests = world.sandbox.books().requests;
    assert_eq!(
        requests[..7],
        [
            "POST /mcp",                                     // the probe
            "GET /.well-known/oauth-protected-resource/mcp", // RFC 9728
            "GET /.well-known/oauth-authorization-server",   // RFC 8414
            "POST /register",                                // RFC 7591
            "GET /authorize",                                // the sandbox checks S256 and resource
            "POST /token",                                   // the sandbox checks verifier and resource
            "POST /mcp",                                     // this test, with the token
        ]
    );
    assert_eq!(world.sandbox.books().violations, Vec::<String>::new());
}
