//! Many processes need the same new token at once.

use std::collections::BTreeSet;
use std::process::Child;

use mcpauth::sandbox::SandboxOptions;

use crate::Outcome;
use crate::settings::Size;
use crate::stage::Stage;
use crate::support::{Ran, finish};

/// How many start together.
const PROCESSES: usize = 100;

/// A strict issuer is asked once in every round, and everybody gets what it gave.
pub(crate) fn play(size: &Size) -> Outcome {
    let rounds = size.rounds(30, 100);
    let stage = Stage::new(size, SandboxOptions::default());
    for round in 1..=rounds {
        play_round(&stage).and_then(|()| stage.check()).map_err(|why| format!("round {round}: {why}"))?;
    }
    Ok(format!(
        "{rounds} rounds × {PROCESSES} processes: 1 refresh each, 0 failures, family alive in {rounds} of {rounds}"
    ))
}

fn play_round(stage: &Stage) -> Result<(), String> {
    let before = stage.books();
    let children: Vec<Child> = (0..PROCESSES).map(|_| stage.start(|_| ())).collect();
    let answers: Vec<Ran> = children.into_iter().map(|child| finish(child, String::new())).collect();
    if let Some(failed) = answers.iter().find(|ran| ran.exit != 0) {
        let failures = answers.iter().filter(|ran| ran.exit != 0).count();
        return Err(format!("{failures} failed, one of them so: {failed:?}"));
    }
    let tokens: BTreeSet<&str> = answers.iter().map(|ran| ran.stdout.as_str()).collect();
    if tokens.len() != 1 {
        return Err(format!("{} different tokens", tokens.len()));
    }
    stage.accepts(&answers[0])?;
    let after = stage.books();
    let asked = after.refresh_attempts - before.refresh_attempts;
    let reuses = after.reuses - before.reuses;
    if (asked, reuses) == (1, 0) { Ok(()) } else { Err(format!("{asked} refreshes, {reuses} reuses")) }
}
