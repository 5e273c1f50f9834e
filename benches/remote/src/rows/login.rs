//! A first sign-in: from the start to the browser, with answers at once and with answers that take 50 ms.

use std::thread::sleep;
use std::time::{Duration, Instant};

use mcpauth_remote_bench::{Outcome, message, now};
use serde_json::json;

use crate::Run;
use crate::figures::median;
use crate::home::{Home, Kind};
use crate::host::Host;
use crate::report::figure;
use crate::server::Server;

const LOGINS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn row(run: &Run) -> Outcome {
    run.report.table(
        "A first sign-in, until the browser",
        &["round trips", "ms", "ms when each answer takes 50 ms"],
    );
    for &kind in run.kinds.iter().filter(|&&kind| kind != Kind::Floor) {
        let (trips, quick) = logins(kind, 0)?;
        let (_, slow) = logins(kind, 50)?;
        run.report.row(kind.title(), &[trips, quick, slow].map(figure));
        if kind == Kind::Mcpauth {
            run.report.at_most("first sign-in: round trips", trips, 4.0, "");
            run.report.at_most("first sign-in: to the browser", quick, 8.0, " ms");
            run.report.at_most("first sign-in: the same with answers of 50 ms", slow, 160.0, " ms");
        }
    }
    Ok(())
}

fn logins(kind: Kind, delay: u64) -> Outcome<(f64, f64)> {
    let server = Server::start()?;
    server.set(json!({ "answer": delay, "discovery": delay, "token": delay }))?;
    let all = (0..LOGINS).map(|_| login(kind, &server)).collect::<Outcome<Vec<_>>>()?;
    Ok((median(all.iter().map(|login| login.0)), median(all.iter().map(|login| login.1))))
}

/// Round trips, and milliseconds.
fn login(kind: Kind, server: &Server) -> Outcome<(f64, f64)> {
    let home = Home::new(kind, server)?;
    server.books()?;
    let started = now();
    let mut host = Host::start(home.login()?)?;
    if kind == Kind::McpRemote {
        host.say(message::INITIALIZE.as_bytes())?;
    }
    let begun = Instant::now();
    // Whoever reads the clock afterwards may take the time to look again and again.
    while home.browsers().is_empty() && begun.elapsed() < PATIENCE {
        sleep(Duration::from_millis(1));
    }
    let opened = *home.browsers().first().ok_or_else(|| format!("no browser\n{}", home.said()))?;
    sleep(Duration::from_millis(300));
    let trips = server.books()?.before_browser().ok_or("the browser did not come")?;
    Ok((trips as f64, (opened - started) as f64 / 1e6))
}
