//! Many bridges of one login, when its access token ends: one refresh is enough for all of them. The issuer takes
//! refresh tokens once, and ends the login when one comes twice.

use std::thread::sleep;
use std::time::{Duration, Instant};

use mcpauth_remote_bench::{Outcome, message};
use serde_json::json;

use crate::Run;
use crate::home::{Home, Kind, PATIENCE};
use crate::host::{Host, good};
use crate::report::figure;
use crate::server::Server;

/// What a token lives that is to end soon, in seconds.
const SHORT: u64 = 6;
const HOUR: u64 = 3600;
/// Milliseconds that the token endpoint takes.
const TOKEN: u64 = 100;

/// How the token ends.
#[derive(Clone, Copy, PartialEq)]
enum Case {
    BeforeTheStart,
    WhileTheyRun,
    AtTheServer,
}

struct Crowd {
    good: usize,
    refreshes: u64,
    browsers: usize,
    /// Milliseconds from the start of the first, or from the call, to the last answer.
    done: f64,
}

pub(crate) fn row(run: &Run) -> Outcome {
    let cases = [
        (Case::BeforeTheStart, "started with an expired token"),
        (Case::WhileTheyRun, "running when the token expires"),
        (Case::AtTheServer, "running when the server stops honouring the token"),
    ];
    for (case, title) in cases {
        run.report.table(
            &format!("Bridges {title}"),
            &["good answers", "refreshes", "browsers", "ms until all have answered"],
        );
        let crowds = [(Kind::Mcpauth, 8), (Kind::McpRemote, 8), (Kind::Mcpauth, 100)];
        for (kind, size) in crowds.into_iter().filter(|(kind, _)| run.has(*kind)) {
            match gather(kind, size, case) {
                Ok(crowd) => tell(run, kind, size, title, &crowd),
                Err(error) => eprintln!("{} × {size} {title}: {error}", kind.title()),
            }
        }
    }
    Ok(())
}

fn tell(run: &Run, kind: Kind, size: usize, title: &str, crowd: &Crowd) {
    let Crowd { good, refreshes, browsers, done } = *crowd;
    let values = [format!("{good} of {size}"), refreshes.to_string(), browsers.to_string(), figure(done)];
    run.report.row(&format!("{size} × {}", kind.title()), &values);
    if kind == Kind::Mcpauth {
        let named = |what: &str| format!("{size} bridges {title}: {what}");
        run.report.at_most(&named("refreshes"), refreshes as f64, 1.0, "");
        run.report.at_most(&named("failures"), (size - good) as f64, 0.0, "");
        run.report.at_most(&named("browsers"), browsers as f64, 0.0, "");
        if size == 8 && title.starts_with("started") {
            run.report.at_most(&named("done"), done, TOKEN as f64 + 60.0, " ms");
        }
    }
}

fn gather(kind: Kind, size: usize, case: Case) -> Outcome<Crowd> {
    let server = Server::start()?;
    let lifetime = if case == Case::AtTheServer { HOUR } else { SHORT };
    server.set(json!({ "lifetime": lifetime, "revoke": true }))?;
    let home = Home::signed_in(kind, &server)?;
    let signed_in = Instant::now();
    // What comes of a refresh lasts.
    server.set(json!({ "lifetime": HOUR, "token": TOKEN }))?;
    let ended = Duration::from_millis(SHORT * 1000 + 200);
    if case == Case::BeforeTheStart {
        sleep(ended.saturating_sub(signed_in.elapsed()));
        server.books()?;
        let start = Instant::now();
        let mut hosts = begin(&home, size)?;
        let good = hosts.iter_mut().map(|host| usize::from(answers(host))).sum();
        return counted(&server, &home, good, start);
    }
    server.books()?;
    let mut hosts = begin(&home, size)?;
    if !hosts.iter_mut().all(answers) {
        return Err(format!("they did not even start\n{}", home.said()).into());
    }
    if case == Case::AtTheServer {
        server.stop_honouring()?;
        let start = Instant::now();
        let good = ask(&mut hosts, 1);
        return counted(&server, &home, good, start);
    }
    let (mut good, mut start) = (size, Instant::now());
    let mut id = 0;
    while signed_in.elapsed() < ended + Duration::from_secs(1) {
        start = Instant::now();
        id += 1;
        good = good.min(ask(&mut hosts, id));
        sleep(Duration::from_millis(200));
    }
    counted(&server, &home, good, start)
}

fn counted(server: &Server, home: &Home, good: usize, start: Instant) -> Outcome<Crowd> {
    let done = start.elapsed().as_secs_f64() * 1e3;
    Ok(Crowd { good, refreshes: server.books()?.refreshes(), browsers: home.browsers().len(), done })
}

/// Starts them one after the other, without waiting for what they answer.
fn begin(home: &Home, size: usize) -> Outcome<Vec<Host>> {
    let start = |_| {
        let mut host = Host::start(home.bridge()?)?;
        host.say(message::INITIALIZE.as_bytes())?;
        Ok(host)
    };
    (0..size).map(start).collect()
}

/// Everybody calls, and how many are answered.
fn ask(hosts: &mut [Host], id: u64) -> usize {
    let call = message::call(id, 200);
    let said: Vec<_> = hosts.iter_mut().map(|host| host.say(&call).is_ok()).collect();
    hosts.iter_mut().zip(said).filter(|(_, said)| *said).map(|(host, _)| usize::from(answers(host))).sum()
}

fn answers(host: &mut Host) -> bool {
    host.hear_within(PATIENCE).and_then(good).is_ok()
}
