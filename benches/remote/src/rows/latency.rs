//! What a bridge adds to one call, everything on one CPU, and what it holds in memory after a thousand.

use std::time::Instant;

use mcpauth_remote_bench::Outcome;

use crate::Run;
use crate::direct::{Direct, Target};
use crate::figures::{least, median, worst_hundredth};
use crate::home::{Home, Kind};
use crate::process::{self, Memory, Pinned};
use crate::report::figure;
use crate::server::Server;

const WARM_UP: u64 = 50;
const CALLS: u64 = 1000;
const SIZE: usize = 200;

/// One round of one contender, in microseconds.
pub(super) struct Round {
    pub(super) middle: f64,
    pub(super) worst: f64,
}

struct Bridged {
    round: Round,
    cpu: f64,
    memory: Memory,
}

pub(crate) fn row(run: &Run) -> Outcome {
    let pinned = Pinned::now()?;
    let server = Server::start()?;
    let homes = run.kinds.iter().map(|&kind| Home::signed_in(kind, &server)).collect::<Outcome<Vec<_>>>()?;
    let target = Target::with_token(server.host(), &server.token()?);
    let mut direct = Vec::new();
    let mut all: Vec<Vec<Bridged>> = homes.iter().map(|_| Vec::new()).collect();
    for _ in 0..run.rounds {
        let mut connection = Direct::connect(&target)?;
        direct.push(timed(|id| connection.call(id, SIZE))?);
        for (home, rounds) in homes.iter().zip(&mut all) {
            rounds.push(bridged(home)?);
        }
    }
    drop(pinned);
    let title = "Latency added to a call of 200 bytes, one at a time, everything on one CPU";
    let columns =
        ["p50 µs", "added", "p99 µs", "× floor added", "CPU µs/call", "MB after 1,000 calls", "own MB"];
    run.report.table(title, &columns);
    let straight = least(direct.iter().map(|round| round.middle));
    let worst = median(direct.iter().map(|round| round.worst));
    run.report.row("direct", &[straight, 0.0, worst, f64::NAN, f64::NAN, f64::NAN, f64::NAN].map(figure));
    let added = |rounds: &[Bridged]| least(rounds.iter().map(|bridged| bridged.round.middle)) - straight;
    for (kind, rounds) in run.kinds.iter().zip(&all) {
        let of = |field: fn(&Bridged) -> f64| median(rounds.iter().map(field));
        let (own, cpu, worst) = (added(rounds), of(|bridged| bridged.cpu), of(|bridged| bridged.round.worst));
        let (resident, shared) = (of(|bridged| bridged.memory.resident), of(|bridged| bridged.memory.own));
        let values = [own + straight, own, worst, own / added(&all[0]), cpu, resident, shared];
        run.report.row(kind.title(), &values.map(figure));
        if *kind == Kind::Mcpauth {
            run.report.at_most("latency added per call, × floor", own / added(&all[0]), 1.5, "");
            run.report.at_most("latency added per call", own, 24.0, " µs");
            run.report.at_most("p99 of a call", worst, 150.0, " µs");
            run.report.at_most("CPU per call", cpu, 16.0, " µs");
            run.report.at_most("memory after 1,000 calls", resident, 5.0, " MB");
        }
    }
    Ok(())
}

fn bridged(home: &Home) -> Outcome<Bridged> {
    let mut host = home.host()?;
    for id in 1..=WARM_UP {
        host.call(id, SIZE)?;
    }
    let before = process::cpu(host.pid())?;
    let round = timed(|id| host.call(id, SIZE))?;
    // The warm-up of `timed` is a part of it.
    let cpu = (process::cpu(host.pid())? - before) / (CALLS + WARM_UP) as f64;
    Ok(Bridged { round, cpu, memory: process::memory(host.pid())? })
}

/// A thousand calls after some that do not count.
pub(super) fn timed(mut call: impl FnMut(u64) -> Outcome) -> Outcome<Round> {
    let mut times = Vec::with_capacity(CALLS as usize);
    for id in 0..WARM_UP + CALLS {
        let start = Instant::now();
        call(FIRST + id)?;
        if id >= WARM_UP {
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    Ok(Round { middle: median(times.iter().copied()), worst: worst_hundredth(times) })
}

/// Above those of the warm-up.
const FIRST: u64 = 1000;
