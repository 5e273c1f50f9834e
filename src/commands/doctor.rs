//! `mcpauth doctor`: whether everything that a login needs is as it should be, and what helps where it is not.

use serde::Serialize;

use crate::error::Error;
use crate::flows::App;
use crate::flows::doctor::clients::{self, Client};
use crate::flows::doctor::{self, DoctorRequest, Finding, Health};

/// Check the store, keychain, locks, files, clock, network and browser; each finding comes with its remedy
///
/// Nothing is changed without --fix. Ends with 0 if all is well, warnings included.
#[derive(clap::Args)]
pub(super) struct DoctorArgs {
    /// Ask each server, too: is it there, and is its clock ours
    #[arg(long)]
    check: bool,

    /// Repair what can be repaired without risk, and say what was done
    #[arg(long)]
    fix: bool,

    /// Check in the environment that this MCP client gives its children
    #[arg(long = "as", value_name = "CLIENT", value_enum)]
    client: Option<Client>,
}

#[derive(Serialize)]
struct Answer {
    ok: bool,
    findings: Vec<Finding>,
}

impl DoctorArgs {
    pub(super) fn run(self, app: &App) -> Result<u8, Error> {
        if let Some(client) = self.client {
            return run_as(app, client);
        }
        let findings = doctor::examine(app, DoctorRequest { check: self.check, fix: self.fix });
        let verdict = doctor::verdict(&findings);
        let text: String = findings.iter().map(describe).collect();
        app.console.answer_as(&Answer { ok: verdict.is_ok(), findings }, || text)?;
        verdict.map(|()| 0)
    }
}

/// The same again as a child of the client would see it.
fn run_as(app: &App, client: Client) -> Result<u8, Error> {
    let program = std::env::current_exe().map_err(|error| Error::Unforeseen(error.to_string()))?;
    let mut child = clients::as_child_of(client, program.into(), std::env::args_os().skip(1));
    app.console.say(&format!("as a child of that client, which sees {}:", client.in_words()));
    clients::become_child(&mut child).map_err(|error| Error::Unforeseen(error.to_string()))
}

fn describe(finding: &Finding) -> String {
    let word = match finding.result {
        Health::Ok => "ok   ",
        Health::Warn => "warn ",
        Health::Fail => "FAIL ",
        Health::Fixed => "fixed",
    };
    let remedy = finding.remedy.as_ref().map(|remedy| format!("       hint: {remedy}\n"));
    format!("{word}  {}: {}\n{}", finding.what, finding.seen, remedy.unwrap_or_default())
}
