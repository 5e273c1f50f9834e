//! A session that outlives its access tokens: of 12 s, and calls for 40 s.

use std::thread;
use std::time::{Duration, Instant};

use mcpauth_remote_bench::Outcome;
use serde_json::json;

use crate::Run;
use crate::figures::{median, most};
use crate::home::{Home, Kind, PATIENCE};
use crate::host::good;
use crate::report::figure;
use crate::server::Server;

const LIFETIME: u64 = 12;
const TIME: Duration = Duration::from_secs(40);
const PAUSE: Duration = Duration::from_millis(100);
/// Milliseconds that the token endpoint takes.
const TOKEN: u64 = 50;
/// What a call may take on top, and how far apart the clocks of a noisy machine are.
const MARGIN: f64 = 5.0;

struct Session {
    calls: usize,
    failed: usize,
    refreshes: u64,
    middle: f64,
    worst: f64,
}

pub(crate) fn row(run: &Run) -> Outcome {
    let kinds = || run.kinds.iter().filter(|&&kind| kind != Kind::Floor);
    // All at the same time: they are idle nearly always.
    let sessions: Vec<_> = kinds()
        .map(|&kind| thread::spawn(move || session(kind).map_err(|error| error.to_string())))
        .collect();
    let title = "Access tokens of 12 s, calls for 40 s, a token endpoint that takes 50 ms";
    run.report.table(title, &["calls", "failed", "refreshes", "p50 ms", "worst ms"]);
    for (kind, session) in kinds().zip(sessions) {
        let Session { calls, failed, refreshes, middle, worst } =
            session.join().map_err(|_| "a session panicked")??;
        let counts = [calls.to_string(), failed.to_string(), refreshes.to_string()];
        run.report.row(kind.title(), &[counts.as_slice(), &[figure(middle), figure(worst)]].concat());
        if *kind == Kind::Mcpauth {
            let lifetimes = (TIME.as_secs() / LIFETIME + 1) as f64;
            run.report.at_most("expiry in mid-session: failed calls", failed as f64, 0.0, "");
            run.report.at_most("expiry in mid-session: refreshes", refreshes as f64, lifetimes, "");
            run.report.at_most(
                "expiry in mid-session: worst call",
                worst,
                TOKEN as f64 + middle + MARGIN,
                " ms",
            );
        }
    }
    Ok(())
}

fn session(kind: Kind) -> Outcome<Session> {
    let server = Server::start()?;
    server.set(json!({ "lifetime": LIFETIME, "token": TOKEN }))?;
    let home = Home::signed_in(kind, &server)?;
    let mut host = home.host()?;
    server.books()?;
    let (mut times, mut failed) = (Vec::new(), 0);
    let start = Instant::now();
    while start.elapsed() < TIME {
        let sent = Instant::now();
        host.say(&mcpauth_remote_bench::message::call(times.len() as u64 + 1, 200))?;
        failed += usize::from(host.hear_within(PATIENCE).and_then(good).is_err());
        times.push(sent.elapsed().as_secs_f64() * 1e3);
        thread::sleep(PAUSE);
    }
    let refreshes = server.books()?.refreshes();
    let (middle, worst) = (median(times.iter().copied()), most(times.iter().copied()));
    Ok(Session { calls: times.len(), failed, refreshes, middle, worst })
}
