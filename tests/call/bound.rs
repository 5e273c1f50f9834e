//! A token that is bound to a key (RFC 9449), at a server that checks every proof.

use mcpauth::sandbox::{Dpop, SandboxOptions};

use crate::call_tool;
use crate::support::World;

fn bound(dpop_nonce: bool) -> World {
    let options = SandboxOptions { dpop: Dpop::Required, ..SandboxOptions::default() };
    let world = World::with(options);
    world.login(&["--dpop", "always"]).succeeded();
    world.sandbox.change(|options| options.dpop_nonce = dpop_nonce);
    world
}

/// MCP 48.
#[test]
fn a_bound_token_is_shown_with_a_proof_for_this_request() {
    let world = bound(false);
    let ran = call_tool(&world, "echo", r#"{"text":"hello"}"#, &[]);
    assert_eq!(ran.succeeded().json()["result"]["content"][0]["text"], "hello");
    let headers = world.sandbox.books().last_mcp_headers;
    assert!(headers["authorization"].starts_with("DPoP "), "{headers:?}");
    assert_eq!(world.sandbox.books().violations, Vec::<String>::new());
}

/// MCP 48.
#[test]
fn a_server_that_wants_its_own_nonce_gets_it_and_no_refresh_is_spent() {
    let world = bound(true);
    let from = world.sandbox.books().requests.len();
    call_tool(&world, "echo", r#"{"text":"hello"}"#, &[]).succeeded();
    assert_eq!(world.sandbox.books().requests[from..], ["POST /mcp", "POST /mcp"]);
}

#[test]
fn a_refused_bound_token_is_refreshed_once_like_any_other() {
    let world = bound(false);
    world.sandbox.expire_access_tokens();
    let from = world.sandbox.books().requests.len();
    call_tool(&world, "echo", r#"{"text":"hello"}"#, &[]).succeeded();
    assert_eq!(world.sandbox.books().requests[from..], ["POST /mcp", "POST /token", "POST /mcp"]);
}

/// MCP 48.
#[test]
fn trying_a_server_out_shows_a_bound_token_as_one() {
    for dpop_nonce in [false, true] {
        let ran = bound(dpop_nonce).run(&["server", "test", "box"]);
        assert!(ran.succeeded().stdout.contains("accepted ("), "{ran:?}");
    }
}
