//! Handing out what `box` has: `token`, `headers` and `exec`, through the real binary.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;

mod exec;
mod headers;
mod token;
