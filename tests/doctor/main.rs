//! `mcpauth doctor`: each thing that can be wrong is found once, said with its remedy, repaired where that is without
//! risk, and left alone where nobody asked.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod logins;
mod places;
mod surroundings;

use std::process::Command;

use mcpauth::model::{LoginKey, Name};
use mcpauth::places::Places;
use mcpauth::store::{NoKey, Store, StoreKind};
use serde_json::Value;
use support::witness::Snapshot;
use support::{Ran, World, steps};

/// What the doctor said of one thing.
#[derive(Debug)]
struct Finding {
    what: String,
    result: String,
    seen: String,
    remedy: String,
}

/// What the doctor said.
#[derive(Debug)]
struct Visit {
    ran: Ran,
    findings: Vec<Finding>,
}

impl Visit {
    fn of(mut command: Command) -> Self {
        command.arg("--json");
        let ran = steps::run(command);
        let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let findings = ran.json()["findings"].as_array().unwrap().clone();
        let findings = findings.iter().map(|finding| Finding {
            what: text(finding, "what"),
            result: text(finding, "result"),
            seen: text(finding, "seen"),
            remedy: text(finding, "remedy"),
        });
        Self { findings: findings.collect(), ran }
    }

    /// Fails unless the visit ended so and found this, said in these words.
    #[track_caller]
    fn found(&self, exit: i32, what: &str, result: &str, words: &str) -> &Finding {
        assert_eq!(self.ran.exit, exit, "{self:#?}");
        let fits = |finding: &&Finding| {
            (finding.what.as_str(), finding.result.as_str()) == (what, result) && finding.seen.contains(words)
        };
        let found = self.findings.iter().find(fits);
        let found = found.unwrap_or_else(|| panic!("no {what} {result} `{words}` in {self:#?}"));
        // Whatever is wrong comes with what helps.
        assert_eq!(found.remedy.is_empty(), matches!(result, "ok" | "fixed"), "{found:?}");
        found
    }

    /// How many findings are of this kind.
    fn count(&self, result: &str) -> usize {
        self.findings.iter().filter(|finding| finding.result == result).count()
    }
}

/// A visit that must change nothing.
#[track_caller]
fn visit(world: &World, flags: &[&str]) -> Visit {
    visit_of(world, world.command(&[&["doctor"], flags].concat()))
}

/// The same with a command that was prepared.
#[track_caller]
fn visit_of(world: &World, command: Command) -> Visit {
    let before = Snapshot::of(world.home());
    let visit = Visit::of(command);
    assert_eq!(Snapshot::of(world.home()).changes_since(&before), Vec::<std::path::PathBuf>::new());
    visit
}

/// A visit that may repair.
fn repair(world: &World) -> Visit {
    Visit::of(world.command(&["doctor", "--fix"]))
}

/// The store of a world, as a process of its own would open it.
fn store(world: &World) -> Store {
    let home = world.home().to_owned();
    let environment = move |name: &str| (name == "HOME").then(|| home.clone().into());
    let places = Places::find(&environment, None).unwrap();
    Store::new(&places, StoreKind::File, Box::new(NoKey))
}

/// The login that every story is about.
fn login() -> LoginKey {
    LoginKey { server: "box".parse().unwrap(), account: Name::default() }
}

/// Somebody is signed in at `box`.
fn signed_in() -> World {
    World::signed_in(mcpauth::sandbox::SandboxOptions::default())
}
