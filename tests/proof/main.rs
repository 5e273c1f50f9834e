//! The proof that a login is never lost: crowds, kills and bad weather, round after round, through the real program and
//! judged by the issuer's own books.
//!
//! ```text
//! cargo test --test proof -- [SCENARIO…] [--long] [--rounds N] [--seed N] [--report FILE]
//! ```
//!
//! Without a scenario all are played. The short size fits into a few minutes together; `--long` plays the numbers that
//! the figures in docs/proof.md were taken with, and `--report docs/proof.md` writes them there. `MCPAUTH` names the
//! program to judge, such as the one that ships; otherwise it is the one that cargo built for this run.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a scenario that cannot be set up has failed")]
#![allow(clippy::print_stdout, reason = "the lines are the answer")]

#[path = "../support/mod.rs"]
mod support;

mod bridges;
mod crowd;
mod disk;
mod group_kill;
mod hanging;
mod hours;
mod inside;
mod kill_all;
mod kills;
mod onlooker;
mod processes;
mod report;
mod room;
mod scene;
mod secrets;
mod settings;
mod stage;
mod strace;
mod syscalls;
mod transient;
mod troubles;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use report::Row;
use settings::{Settings, Size};

/// The figures of a scenario that held, or what happened in one that did not.
type Outcome = Result<String, String>;

/// One way to lose a login, played until it is plain that none gets lost.
struct Scenario {
    name: &'static str,
    /// The most minutes that it may take, short and long.
    minutes: (u64, u64),
    play: fn(&Size) -> Outcome,
}

/// All of them, in the order in which they are played.
const SCENARIOS: &[Scenario] = &[
    Scenario { name: "crowd", minutes: (5, 30), play: crowd::play },
    Scenario { name: "bridges", minutes: (5, 30), play: bridges::play },
    Scenario { name: "group-kill", minutes: (5, 30), play: group_kill::play },
    Scenario { name: "kill-all", minutes: (5, 30), play: kill_all::with_grace },
    Scenario { name: "kill-all-strict", minutes: (5, 30), play: kill_all::strict },
    Scenario { name: "transient", minutes: (5, 30), play: transient::play },
    Scenario { name: "hours", minutes: (5, 30), play: hours::play },
    Scenario { name: "hanging", minutes: (5, 30), play: hanging::play },
    Scenario { name: "disk", minutes: (5, 30), play: disk::play },
    Scenario { name: "syscalls", minutes: (6, 120), play: syscalls::play },
    Scenario { name: "secrets", minutes: (3, 10), play: secrets::play },
];

fn main() -> ExitCode {
    let names = SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>();
    match Settings::read(std::env::args().skip(1), &names) {
        Ok(settings) => play(&settings, &names),
        Err(why) => {
            println!("{why}\nscenarios: {}", names.join(", "));
            ExitCode::from(2)
        }
    }
}

fn play(settings: &Settings, names: &[&str]) -> ExitCode {
    let mut rows = Vec::new();
    for scenario in SCENARIOS.iter().filter(|scenario| settings.wants(scenario.name)) {
        let row = judge(scenario, &settings.size);
        println!("{row}");
        let over = row.is_over;
        rows.push(row);
        if over {
            // What hangs still holds the machine, so that nothing after it would be a fair game.
            break;
        }
    }
    let failed = rows.iter().filter(|row| !row.held).count();
    println!("{} passed, {failed} failed", rows.len() - failed);
    if let Some(file) = &settings.report {
        report::write(file, &rows, names, &settings.size).unwrap();
    }
    if failed == 0 && !rows.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays a scenario to its end, or until its time is over.
fn judge(scenario: &Scenario, size: &Size) -> Row {
    let minutes = if size.long { scenario.minutes.1 } else { scenario.minutes.0 };
    let (tell, told) = channel();
    let (play, own) = (scenario.play, size.clone());
    let started = Instant::now();
    std::thread::spawn(move || {
        let played = std::panic::catch_unwind(AssertUnwindSafe(|| play(&own)));
        tell.send(played.unwrap_or_else(|panic| Err(words_of(&*panic))))
    });
    let told = told.recv_timeout(Duration::from_secs(minutes * 60));
    let is_over = matches!(told, Err(RecvTimeoutError::Timeout));
    let outcome = told.unwrap_or_else(|_| Err(format!("not at its end after {minutes} minutes")));
    Row {
        name: scenario.name,
        held: outcome.is_ok(),
        text: outcome.unwrap_or_else(|why| why),
        seconds: started.elapsed().as_secs(),
        seed: size.seed,
        is_over,
    }
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panicked").to_owned()
}
