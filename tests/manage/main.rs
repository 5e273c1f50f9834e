//! Looking after logins and servers: what every command answers, to a person and to a script.

#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;

mod json;
mod logins;
mod servers;
