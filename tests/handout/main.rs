//! Handing out what `box` has: `token`, `headers` and `exec`, through the real binary.
#![cfg(unix)]

#[path = "../support/mod.rs"]
mod support;

mod exec;
mod headers;
mod token;
