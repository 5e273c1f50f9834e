//! Eight bridges of one person, as a host with eight servers starts them.

use mcpauth_remote_bench::Outcome;

use crate::Run;
use crate::home::{Home, Kind};
use crate::process;
use crate::report::figure;
use crate::server::Server;

const BRIDGES: usize = 8;
const CALLS: u64 = 100;

pub(crate) fn row(run: &Run) -> Outcome {
    run.report.table("Eight bridges at once, after 100 calls each", &["MB, added up", "own MB, added up"]);
    let server = Server::start()?;
    for &kind in &run.kinds {
        let home = Home::signed_in(kind, &server)?;
        let mut hosts = (0..BRIDGES).map(|_| home.host()).collect::<Outcome<Vec<_>>>()?;
        let (mut resident, mut own) = (0.0, 0.0);
        for host in &mut hosts {
            (1..=CALLS).try_for_each(|id| host.call(id, 200))?;
        }
        for host in &hosts {
            let memory = process::memory(host.pid())?;
            resident += memory.resident;
            own += memory.own;
        }
        run.report.row(kind.title(), &[resident, own].map(figure));
        if kind == Kind::Mcpauth {
            run.report.at_most("memory of 8 bridges", resident, 50.0, " MB");
        }
    }
    Ok(())
}
