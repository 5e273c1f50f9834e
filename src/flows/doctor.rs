//! A look at everything that a login needs, each finding with its remedy, and the repair of what can be repaired
//! without risk. Unless a repair was asked for, nothing is changed.

pub mod clients;
mod logins;
mod places;
mod surroundings;

use serde::Serialize;

use super::App;
use crate::error::Error;

/// What helps against a wrong clock.
const SET_THE_CLOCK: &str = "set the clock, for example with `timedatectl set-ntp true`";

/// How far the look goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct DoctorRequest {
    /// Ask the servers, too.
    pub check: bool,
    /// Repair what can be repaired without risk.
    pub fix: bool,
}

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it should be.
    Ok,
    /// It works, and a person should know.
    Warn,
    /// It does not work.
    Fail,
    /// It did not work and was repaired.
    Fixed,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: &'static str,
    /// How it is.
    pub result: Health,
    /// What was seen, or done.
    pub seen: String,
    /// What helps, with a command to type wherever there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// What a program ends with that fails because of this.
    #[serde(skip)]
    exit_code: u8,
}

impl Finding {
    fn ok(what: &'static str, seen: impl Into<String>) -> Self {
        Self { what, result: Health::Ok, seen: seen.into(), remedy: None, exit_code: 0 }
    }

    fn fixed(what: &'static str, done: impl Into<String>) -> Self {
        Self { result: Health::Fixed, ..Self::ok(what, done) }
    }

    fn warn(what: &'static str, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { result: Health::Warn, remedy: Some(remedy.into()), ..Self::ok(what, seen) }
    }

    /// What ends a command ends here as a finding.
    fn failed(what: &'static str, error: impl Into<Error>) -> Self {
        let error = error.into();
        let (remedy, exit_code) = (error.hint(), error.exit_code());
        Self { what, result: Health::Fail, seen: error.to_string(), remedy, exit_code }
    }
}

/// Looks at everything, in the order in which a login needs it, so that a repair helps whatever comes after it.
pub fn examine(app: &App, request: DoctorRequest) -> Vec<Finding> {
    let (mut findings, is_settled) = surroundings::configuration(app, request.fix);
    findings.extend(places::examine(app, request.fix));
    if is_settled {
        findings.extend(logins::examine(app, request.fix));
        findings.extend(surroundings::network(app));
        if request.check {
            findings.extend(surroundings::servers(app));
        }
    } else {
        let why = "not looked at: only the configuration tells where they are stored";
        findings.push(Finding::warn("logins", why, "correct the configuration first"));
    }
    findings.push(surroundings::browser(app));
    findings.push(surroundings::log(app));
    findings
}

/// An error if something fails: how much, with the exit code of the worst.
pub fn verdict(findings: &[Finding]) -> Result<(), Error> {
    /// From the worst: what keeps every login from working comes first.
    const WORST_FIRST: [u8; 4] = [7, 2, 3, 6];
    let codes: Vec<u8> = findings
        .iter()
        .filter(|finding| finding.result == Health::Fail)
        .map(|finding| finding.exit_code)
        .collect();
    let Some(first) = codes.first() else { return Ok(()) };
    let worst = WORST_FIRST.iter().find(|code| codes.contains(code)).unwrap_or(first);
    Err(Error::Partly { failed: codes.len(), all: findings.len(), exit_code: *worst })
}
