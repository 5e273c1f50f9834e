//! Peers that misbehave. Whatever they do, the command ends in one clear message with the right exit code, nothing of
//! what they said is stored, and the login that was there before is as good as it was.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a story that cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod binding;
#[expect(dead_code, reason = "these stories use their own part of the client")]
#[path = "../proxy/client.rs"]
mod client;
mod discovery;
mod finding;
mod network;
mod office;
mod opener;
#[expect(dead_code, reason = "the stories of `call` bring an answer in pieces")]
mod peer;
mod places;
mod redirect;
mod refresh;
mod secrets;
mod steps;
mod tls;
mod victim;
