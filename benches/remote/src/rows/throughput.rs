//! 64 calls under way: small ones, big ones in both directions, and slow ones. Shares are of what goes straight to the
//! server, in the same round.

use std::time::Duration;

use mcpauth_remote_bench::Outcome;
use serde_json::json;

use crate::Run;
use crate::direct::Target;
use crate::figures::{median, most};
use crate::flood::Flood;
use crate::home::{Home, Kind};
use crate::process;
use crate::report::figure;
use crate::server::Server;

const MEGABYTE: usize = 1_000_000;

/// One sort of calls, and what is wanted of it.
struct Sort {
    title: &'static str,
    size: usize,
    seconds: f64,
    answer: u64,
    events: bool,
    /// At least this share.
    share: f64,
    /// At most so much CPU time per call, in milliseconds.
    cpu: Option<f64>,
    /// At most so many megabytes.
    peak: Option<f64>,
}

const SORTS: [Sort; 5] = [
    Sort {
        title: "200 bytes",
        size: 200,
        seconds: 1.0,
        answer: 0,
        events: false,
        share: 55.0,
        cpu: None,
        peak: None,
    },
    Sort { title: "200 bytes, answers as events", events: true, share: 50.0, ..small() },
    Sort { title: "200 bytes, answers after 50 ms", answer: 50, share: 98.0, ..small() },
    Sort { title: "1 MB each way", cpu: Some(1.5), peak: Some(48.0), share: 65.0, ..big() },
    Sort { title: "1 MB each way, answers as events", events: true, share: 50.0, ..big() },
];

const fn small() -> Sort {
    Sort { title: "", size: 200, seconds: 1.0, answer: 0, events: false, share: 0.0, cpu: None, peak: None }
}

const fn big() -> Sort {
    Sort {
        title: "",
        size: MEGABYTE,
        seconds: 1.5,
        answer: 0,
        events: false,
        share: 0.0,
        cpu: None,
        peak: None,
    }
}

struct Round {
    rate: f64,
    share: f64,
    cpu: f64,
    peak: f64,
}

pub(crate) fn row(run: &Run) -> Outcome {
    let server = Server::start()?;
    let homes = run.kinds.iter().map(|&kind| Home::signed_in(kind, &server)).collect::<Outcome<Vec<_>>>()?;
    for sort in &SORTS {
        server.set(json!({ "answer": sort.answer, "events": sort.events }))?;
        // One sort that somebody cannot do is no reason to leave out the others.
        measure(run, sort, &server, &homes).unwrap_or_else(|error| eprintln!("{}: {error}", sort.title));
    }
    Ok(())
}

fn measure(run: &Run, sort: &Sort, server: &Server, homes: &[Home]) -> Outcome {
    let flood = Flood { size: sort.size, time: Duration::from_secs_f64(sort.seconds) };
    let mut direct = Vec::new();
    let mut all: Vec<Vec<Round>> = homes.iter().map(|_| Vec::new()).collect();
    let target = Target::with_token(server.host(), &server.token()?);
    for _ in 0..run.rounds {
        let straight = flood.over_http(&target)?.rate;
        direct.push(straight);
        for (home, rounds) in homes.iter().zip(&mut all) {
            match bridged(home, flood, straight) {
                Ok(round) => rounds.push(round),
                Err(error) => eprintln!("{}, {}: {error}\n{}", sort.title, home.title(), home.said()),
            }
        }
    }
    let columns = ["calls/s", "share of direct %", "CPU ms/call", "peak MB"];
    run.report.table(&format!("64 calls at once, {}", sort.title), &columns);
    run.report.row("direct", &[median(direct), 100.0, f64::NAN, f64::NAN].map(figure));
    for (kind, rounds) in run.kinds.iter().zip(&all) {
        let of = |field: fn(&Round) -> f64| median(rounds.iter().map(field));
        let (share, cpu) = (of(|round| round.share), of(|round| round.cpu));
        let peak = most(rounds.iter().map(|round| round.peak));
        run.report.row(kind.title(), &[of(|round| round.rate), share, cpu, peak].map(figure));
        if *kind == Kind::Mcpauth {
            judge(run, sort, share, cpu, peak);
        }
    }
    Ok(())
}

fn judge(run: &Run, sort: &Sort, share: f64, cpu: f64, peak: f64) {
    let named = |what: &str| format!("64 at once, {}: {what}", sort.title);
    run.report.at_least(&named("share of direct"), share, sort.share, " %");
    if let Some(limit) = sort.cpu {
        run.report.at_most(&named("CPU per MB"), cpu, limit, " ms");
    }
    if let Some(limit) = sort.peak {
        run.report.at_most(&named("peak memory"), peak, limit, " MB");
    }
}

fn bridged(home: &Home, flood: Flood, straight: f64) -> Outcome<Round> {
    let mut host = home.host()?;
    let before = process::cpu(host.pid())?;
    let result = flood.over_pipes(&mut host)?;
    let cpu = (process::cpu(host.pid())? - before) / 1e3 / result.calls as f64;
    let peak = process::memory(host.pid())?.peak;
    Ok(Round { rate: result.rate, share: result.rate / straight * 100.0, cpu, peak })
}
