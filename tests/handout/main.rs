//! Handing out what `box` has: `token`, `headers` and `exec`, through the real binary.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;

mod exec;
mod guarded;
mod headers;
mod live;
mod masked;
mod token;

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use support::World;

/// A world that is signed in with this token answer.
fn answered_with(body: &serde_json::Value) -> World {
    World::signed_in(SandboxOptions {
        faults: vec![Fault::Body {
            endpoint: Endpoint::Token,
            status: 200,
            content_type: "application/json".into(),
            body: body.to_string(),
            times: 1,
        }],
        ..SandboxOptions::default()
    })
}
