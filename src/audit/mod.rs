//! What happened with the logins, for whoever asks later: one line of JSON for each event.
//!
//! A line holds facts, and a keyed fingerprint in place of a token, so that two lines about one token can be told to
//! be so. Each line names the hash of the line before, so that a log from which something was taken, or into which
//! something was put, does not hold together any more; [`check`] says where. The newest lines are held by nothing
//! yet, and whoever may write the files can make up a whole new chain: this finds accidents and careless hands.
//!
//! Nothing that goes wrong here keeps anybody from a login or a token.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::model::{LoginKey, TokenFacts};
use crate::peer_text::PeerText;
use crate::platform;

mod check;
mod follower;
mod line;
mod log;

pub use check::{Break, Verdict, check};
pub use follower::Follower;
pub use line::{Line, Process};
pub use log::{Log, LogError};

use crate::clock::UnixTime;
use crate::places::Places;

/// How far up it is written down who started whom.
const LEVELS: usize = 4;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person was asked to sign in.
    LoginStarted,
    /// The person did, and the login is stored.
    LoginCompleted,
    /// Nobody signed in, or the login could not be had.
    LoginFailed,
    /// The issuer gave new tokens.
    Refreshed,
    /// It did not.
    RefreshFailed,
    /// A token left the store for another program.
    HandedOut,
    /// A request was sent with the token, on behalf of another program.
    Used,
    /// Other programs may send requests with the token, for as long as the process lives.
    Opened,
    /// A login was ended here, and as far as told at the issuer.
    Revoked,
    /// The issuer gave a client id.
    ClientRegistered,
}

impl Kind {
    /// The word in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoginStarted => "login_started",
            Self::LoginCompleted => "login_completed",
            Self::LoginFailed => "login_failed",
            Self::Refreshed => "refreshed",
            Self::RefreshFailed => "refresh_failed",
            Self::HandedOut => "handed_out",
            Self::Used => "used",
            Self::Opened => "opened",
            Self::Revoked => "revoked",
            Self::ClientRegistered => "client_registered",
        }
    }
}

/// One thing that happened to one login, ready to be written down.
#[derive(Clone, Debug)]
pub struct Event {
    kind: Kind,
    login: LoginKey,
    scope: Option<String>,
    token: Option<String>,
    to: Option<String>,
    client: Option<String>,
    ended: BTreeMap<String, String>,
    trouble: Option<(&'static str, u8)>,
    reason: Option<String>,
    overrides: Vec<String>,
}

impl Event {
    /// An event that went well, of which no more is known yet.
    pub fn new(kind: Kind, login: &LoginKey) -> Self {
        Self {
            kind,
            login: login.clone(),
            scope: None,
            token: None,
            to: None,
            client: None,
            ended: BTreeMap::new(),
            trouble: None,
            reason: None,
            overrides: Vec::new(),
        }
    }

    /// The token that it is about: its scope and its fingerprint.
    pub fn about(self, tokens: &TokenFacts) -> Self {
        Self { token: tokens.fingerprint.clone(), ..self }.scope(&tokens.scope)
    }

    /// The scope that it is about.
    pub fn scope(self, scope: impl fmt::Display) -> Self {
        Self { scope: Some(scope.to_string()), ..self }
    }

    /// The program that the token goes to, where that is not the one that asks.
    pub fn to(self, program: impl Into<String>) -> Self {
        Self { to: Some(program.into()), ..self }
    }

    /// The client that it is about.
    pub fn client(self, id: &str) -> Self {
        Self { client: Some(id.to_owned()), ..self }
    }

    /// What became of one of several things that were to be ended.
    pub fn ended(mut self, what: &str, how: &str) -> Self {
        self.ended.insert(what.to_owned(), how.to_owned());
        self
    }

    /// It went wrong: the stable code, the exit code, and what was said of it.
    pub fn failed(self, code: &'static str, exit: u8, reason: &str) -> Self {
        Self { trouble: Some((code, exit)), ..self }.reason(reason)
    }

    /// What the user settled otherwise than usual.
    pub fn overrides(self, overrides: Vec<String>) -> Self {
        Self { overrides, ..self }
    }

    /// Why it was done.
    pub fn reason(self, reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), ..self }
    }
}

/// Who asked: the command that runs, and the programs that stand behind it. Whoever works for another process takes
/// over that one's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Caller {
    /// The name of the command, such as `token`.
    pub command: String,
    /// Who started it, and who started that one.
    pub parents: Vec<Process>,
}

impl Caller {
    /// This process.
    fn here(command: &str) -> Self {
        let parents = platform::ancestors(LEVELS);
        let parents = parents.into_iter().map(|(pid, name)| Process { pid, program: shown(&name) }).collect();
        Self { command: command.to_owned(), parents }
    }

    /// The program that a token goes to: the nearest that is more than a shell.
    fn recipient(&self) -> Option<&str> {
        let asks = |process: &&Process| !platform::only_stands_between(&process.program);
        let nearest = self.parents.iter().find(asks).or(self.parents.last());
        nearest.map(|process| process.program.as_str())
    }
}

/// Writes down what one process does.
#[derive(Default)]
pub struct Trail {
    command: &'static str,
    caller: OnceLock<Caller>,
    complained: AtomicBool,
}

impl Trail {
    /// The trail of this command; looks at nothing until something happens.
    pub fn of(command: &'static str) -> Self {
        Self { command, ..Self::default() }
    }

    /// The trail of a process that works for another.
    pub fn on_behalf_of(caller: Caller) -> Self {
        Self { caller: OnceLock::from(caller), ..Self::default() }
    }

    /// Who asked.
    pub fn caller(&self) -> &Caller {
        self.caller.get_or_init(|| Caller::here(self.command))
    }

    /// Whether it was told that something went wrong.
    pub fn has_complained(&self) -> bool {
        self.complained.load(Ordering::Relaxed)
    }

    /// Takes note that another process of ours told it already.
    pub fn has_been_told(&self) {
        self.complained.store(true, Ordering::Relaxed);
    }

    /// Writes an event down. What went wrong is told the first time and then no more: it will go wrong again.
    pub fn note(&self, places: &Places, time: UnixTime, event: &Event) -> Result<(), LogError> {
        match Log::new(places).append(time, self.caller(), event) {
            Err(error) if !self.complained.swap(true, Ordering::Relaxed) => Err(error),
            _ => Ok(()),
        }
    }
}

/// When a token of a login was last handed out, and to which program, as far as the newest part of the log tells.
pub fn last_handout(places: &Places, login: &LoginKey) -> Option<(UnixTime, String)> {
    let lines = Log::new(places).newest();
    let is_meant = |line: &Line| line.event == Kind::HandedOut.as_str() && line.is_of(login);
    let line = lines.iter().rev().filter_map(|text| Line::parse(text.as_bytes())).find(is_meant)?;
    Some((line.unix_time()?, line.to.unwrap_or_else(|| "an unknown program".into())))
}

/// What others wrote, fit for one line of a log.
fn shown(text: &str) -> String {
    PeerText::from(text).to_string()
}
