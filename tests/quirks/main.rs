//! Providers with ways of their own: the data about them, and logins at imitations of them.

#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;

mod data;
mod ladder;
mod names;
mod precedence;
mod stories;
