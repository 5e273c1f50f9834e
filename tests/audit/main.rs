//! The log of what happened: every event once with its facts, no secret, and a chain that tells when it was tampered
//! with.

#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;

mod chain;
mod events;
mod reading;
mod rotation;
#[cfg(unix)]
mod trouble;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use support::World;

/// A file of the log: 0 is the one that grows.
fn file(world: &World, number: usize) -> PathBuf {
    let name = if number == 0 { "audit.jsonl".to_owned() } else { format!("audit.{number}.jsonl") };
    world.home().join(".local/state/mcpauth/audit").join(name)
}

/// Every line of the log.
fn lines(world: &World) -> Vec<Value> {
    let text = fs::read_to_string(file(world, 0)).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The words of the events, in their order.
fn events(world: &World) -> Vec<String> {
    lines(world).iter().map(|line| line["event"].as_str().unwrap().to_owned()).collect()
}
