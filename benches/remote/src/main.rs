//! mcpauth's bridge and proxy beside what else there is, and beside the least that is possible: `benches/run remote`,
//! benches/README.md. Prints tables; asserts no time.

mod direct;
mod figures;
mod flood;
mod home;
mod host;
mod places;
mod process;
mod reply;
mod report;
mod rows;
mod server;

use home::Kind;
use mcpauth_remote_bench::Outcome;
use report::Report;

/// Who is measured, and how thoroughly.
struct Run {
    kinds: Vec<Kind>,
    rounds: usize,
    report: Report,
}

impl Run {
    fn has(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }
}

/// usage: remote [--rounds N] [--without NAME] [ROW]…
fn main() -> Outcome {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let rounds = option(&mut args, "--rounds").map_or(Ok(3), |rounds| rounds.parse())?;
    let mut kinds = Kind::all();
    if let Some(without) = option(&mut args, "--without") {
        kinds.retain(|kind| kind.title() != without);
    }
    let run = Run { kinds, rounds, report: Report::default() };
    for (name, row) in rows::ALL {
        if args.is_empty() || args.iter().any(|arg| arg == name) {
            // One row that cannot be measured does not keep the others from it.
            row(&run).unwrap_or_else(|error| eprintln!("{name}: {error}"));
        }
    }
    run.report.close();
    Ok(())
}

/// Takes an option with its value out of the arguments.
fn option(args: &mut Vec<String>, name: &str) -> Option<String> {
    let at = args.iter().position(|arg| arg == name)?;
    args.drain(at..(at + 2).min(args.len())).nth(1)
}
