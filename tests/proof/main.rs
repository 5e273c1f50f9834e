//! The proof that a login is never lost, scenario by scenario: `cargo test --test proof -- [SCENARIO…] [--long]`.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a harness prints, and what cannot be set up has failed"
)]

#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod room;
mod size;
#[cfg(target_os = "linux")]
mod strace;
#[path = "../support/mod.rs"]
mod support;

use size::{Outcome, Size};

type Scenario = (&'static str, fn(&Size) -> Outcome);

#[cfg(target_os = "linux")]
const SCENARIOS: &[Scenario] = &[("disk", disk::run_all)];
#[cfg(not(target_os = "linux"))]
const SCENARIOS: &[Scenario] = &[];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let size = Size { long: words.iter().any(|word| word == "--long"), rounds: None, seed: 7 };
    let named = |name: &str| words.iter().any(|word| word == name);
    let any = words.iter().any(|word| !word.starts_with('-'));
    let mut failed = 0;
    for (name, run) in SCENARIOS.iter().filter(|(name, _)| !any || named(name)) {
        let started = std::time::Instant::now();
        let told = run(&size);
        let seconds = started.elapsed().as_secs();
        match told {
            Ok(told) => println!("ok {name}: {told} ({seconds} s)"),
            Err(told) => {
                failed += 1;
                println!("FAIL {name}: {told} ({seconds} s)");
            }
        }
    }
    std::process::exit(i32::from(failed > 0));
}
