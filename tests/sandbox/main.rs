//! Stories over real HTTP that prove the sandbox strict: what it refuses, a client must not do.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a helper that cannot go on fails its test")]

mod device;
mod dpop;
mod enterprise;
mod events;
mod faults;
mod issuer;
mod keys;
mod legacy;
mod mcp;
mod pages;
mod places;
mod refresh;
mod registration;
mod streams;
mod unattended;
mod websocket;
mod workload;
mod world;
