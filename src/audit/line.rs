//! One line of the log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Caller, Event, Kind, shown};
use crate::clock::UnixTime;
use crate::files;
use crate::hash::sha256;
use crate::model::LoginKey;

/// The shape of a line; grows when a reader of the old one would be misled.
const SCHEMA: u32 = 1;

/// A process, as the system called it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its program.
    pub program: String,
}

/// An event as it stands in the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    schema: u32,
    /// Counts the lines, beginning with 1.
    pub seq: u64,
    /// When, in RFC 3339.
    pub time: String,
    /// What happened: the word of a [`Kind`], or one that a newer release knows.
    pub event: String,
    /// The server profile.
    pub server: String,
    /// The account there.
    pub account: String,
    /// The command that did it.
    pub command: String,
    /// The process that did it.
    pub process: Process,
    /// Who started that, and who started that one.
    pub parents: Vec<Process>,
    /// Who the process belonged to.
    pub user: String,
    /// The program that a token went to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The keyed fingerprint of the access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// What became of each thing that was to be ended.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ended: BTreeMap<String, String>,
    /// `ok`, or the code of the error.
    pub result: String,
    /// The exit code of the error, else 0.
    pub exit: u8,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the user settled otherwise than usual.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<String>,
    /// The hash of the line before.
    pub prev: String,
}

impl Line {
    pub(super) fn new(time: UnixTime, caller: &Caller, event: &Event, after: &Link) -> Self {
        let (result, exit) = event.trouble.unwrap_or(("ok", 0));
        let recipient = || caller.recipient().filter(|_| event.kind == Kind::HandedOut).map(str::to_owned);
        Self {
            schema: SCHEMA,
            seq: after.seq + 1,
            time: time.to_string(),
            event: event.kind.as_str().to_owned(),
            server: event.login.server.to_string(),
            account: event.login.account.to_string(),
            command: caller.command.clone(),
            process: Process { pid: std::process::id(), program: env!("CARGO_PKG_NAME").to_owned() },
            parents: caller.parents.clone(),
            user: crate::platform::user(),
            to: event.to.as_deref().map(shown).or_else(recipient),
            scope: event.scope.as_deref().map(shown),
            token: event.token.clone(),
            client: event.client.as_deref().map(shown),
            ended: event.ended.iter().map(|(what, how)| (what.clone(), shown(how))).collect(),
            result: result.to_owned(),
            exit,
            reason: event.reason.as_deref().map(shown),
            overrides: event.overrides.iter().map(|flag| shown(flag)).collect(),
            prev: after.hash.clone(),
        }
    }

    /// Reads a line; `None` if it is none of ours.
    pub fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// Whether it is about this login.
    pub fn is_of(&self, login: &LoginKey) -> bool {
        self.server.eq_ignore_ascii_case(login.server.as_str())
            && self.account.eq_ignore_ascii_case(login.account.as_str())
    }

    /// When, as a number.
    pub(super) fn unix_time(&self) -> Option<UnixTime> {
        let time = chrono::DateTime::parse_from_rfc3339(&self.time).ok()?;
        Some(UnixTime(time.timestamp()))
    }
}

/// What the next line is chained to: the number and the hash of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) seq: u64,
    pub(super) hash: String,
}

impl Link {
    /// What the very first line is chained to.
    pub(super) fn first() -> Self {
        Self { seq: 0, hash: "0".repeat(32) }
    }
}

/// The part of a line that chains it.
#[derive(Deserialize)]
pub(super) struct Chained {
    pub(super) seq: u64,
    pub(super) prev: String,
}

impl Chained {
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }
}

/// The hash of a line without its end; half of SHA-256 is more than anybody can meet by trying.
pub(super) fn hash(line: &[u8]) -> String {
    files::hex(&sha256(&[line])[..16])
}
