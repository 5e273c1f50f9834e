//! From the start of a bridge to the first answer, with a login in the store; and from end of input to the end.

use std::time::Instant;

use mcpauth_remote_bench::Outcome;

use crate::Run;
use crate::figures::{median, worst_hundredth};
use crate::home::{Home, Kind};
use crate::host::Host;
use crate::process;
use crate::report::figure;
use crate::server::Server;

/// For each three of the other rows.
const STARTS: usize = 4;

struct Start {
    answered: f64,
    cpu: f64,
    requests: f64,
    ended: f64,
}

pub(crate) fn row(run: &Run) -> Outcome {
    let server = Server::start()?;
    let homes = run.kinds.iter().map(|&kind| Home::signed_in(kind, &server)).collect::<Outcome<Vec<_>>>()?;
    let mut all: Vec<Vec<Start>> = homes.iter().map(|_| Vec::new()).collect();
    for _ in 0..run.rounds * STARTS {
        for (home, starts) in homes.iter().zip(&mut all) {
            starts.push(once(home, &server)?);
        }
    }
    let columns = ["ms (p50)", "ms (p99)", "× floor", "CPU ms", "requests", "ms to the end after EOF"];
    run.report.table("Start to the first answer", &columns);
    for (kind, starts) in run.kinds.iter().zip(&all) {
        let of = |field: fn(&Start) -> f64| median(starts.iter().map(field));
        let beside = median(starts.iter().zip(&all[0]).map(|(own, floor)| own.answered / floor.answered));
        let worst = worst_hundredth(starts.iter().map(|start| start.answered));
        let (requests, ended) = (of(|start| start.requests), of(|start| start.ended));
        let values = [of(|start| start.answered), worst, beside, of(|start| start.cpu), requests, ended];
        run.report.row(kind.title(), &values.map(figure));
        if *kind == Kind::Mcpauth {
            run.report.at_most("start to the first answer, × floor", beside, 2.0, "");
            run.report.at_most("requests until then", requests, 1.0, "");
            run.report.at_most("end of input to the end", ended, 5.0, " ms");
        }
    }
    Ok(())
}

fn once(home: &Home, server: &Server) -> Outcome<Start> {
    server.books()?;
    let start = Instant::now();
    let mut host = Host::start(home.bridge()?)?;
    host.say(mcpauth_remote_bench::message::INITIALIZE.as_bytes())?;
    crate::host::good(host.hear()?)?;
    let answered = start.elapsed().as_secs_f64() * 1e3;
    let cpu = process::cpu(host.pid())? / 1e3;
    let requests = server.books()?.requests() as f64;
    host.say(mcpauth_remote_bench::message::INITIALIZED.as_bytes())?;
    host.call(1, 200)?;
    let ended = host.hang_up()?.as_secs_f64() * 1e3;
    Ok(Start { answered, cpu, requests, ended })
}
