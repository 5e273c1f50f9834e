//! Failure as interface: for every error an exit code that a script can branch on and a hint with what to type.

mod remote;

use std::ffi::OsString;
use std::fmt;
use std::io;

use crate::audit::LogError;
use crate::browser::ListenError;
use crate::clock::UnixTime;
use crate::config::ConfigError;
use crate::model::{LoginKey, Malformed, Name, ScopeSet};
use crate::oauth;
use crate::peer_text::PeerText;
use crate::store::{StoreError, StoreKind};
use crate::wording::quoted;

/// Every exit code and what it means, for the README and the manual pages.
pub const EXIT_CODES: [(&str, &str); 10] = [
    ("0", "done"),
    ("1", "unforeseen: a bug or an untranslated system error; call: the server answered with 4xx"),
    ("2", "usage or configuration"),
    ("3", "login needed"),
    ("4", "login not completed: declined, cancelled, timed out"),
    ("5", "refused for safety: issuer, resource, state, redirect, PKCE or URL rule"),
    ("6", "temporary: network, proxy, certificate, issuer 5xx, lock busy, rate limit; the login is kept"),
    ("7", "credential store unavailable, locked or damaged"),
    ("8", "the peer broke the protocol"),
    (
        "126, 127, 128+n",
        "exec: not executable, not found, killed by signal n; otherwise the child's own code",
    ),
];

/// The exit code that says that a person has to sign in.
pub const LOGIN_NEEDED: u8 = 3;
/// The exit code that says that something was refused for safety.
pub const REFUSED: u8 = 5;
/// The exit code for trouble that is likely to pass.
pub const TEMPORARY: u8 = 6;

/// Whatever ends a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line, or what it names, makes no sense.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to type instead.
        hint: String,
    },
    /// What was asked for would let others in.
    #[error("{message}")]
    Unsafe {
        /// What would be open to whom.
        message: String,
        /// What to type instead.
        hint: String,
    },
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A value does not follow its grammar.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// No server was named, and which one is meant is not clear.
    #[error("no server named{}", candidates(.0))]
    NoServer(Vec<Name>),
    /// A person has to sign in.
    #[error("{why}")]
    LoginNeeded {
        /// Why.
        why: String,
        /// The command to type.
        command: String,
    },
    /// A token that is of no use to whoever asked for it (RFC 9449).
    #[error("the token of {server} is bound to a key of mcpauth (DPoP), so nobody else could use it")]
    Bound {
        /// The server, as the user may name it.
        server: String,
    },
    /// The person interrupted the login.
    #[error("login cancelled, nothing was stored")]
    Cancelled {
        /// The command to type.
        command: String,
    },
    /// Nobody finished the login in time.
    #[error("nobody finished the sign-in within {seconds} s, nothing was stored")]
    TimedOut {
        /// How long it was waited for.
        seconds: u64,
        /// The command to type.
        command: String,
    },
    /// What was pasted does not answer this login.
    #[error("what was pasted is not the address that this login leads to")]
    WrongPaste {
        /// The command to type.
        command: String,
    },
    /// A conversation with a server or its issuer failed.
    #[error("{source}")]
    Remote {
        /// The server, as the user may name it.
        server: String,
        /// The command that signs in there.
        command: String,
        /// What happened.
        source: Box<oauth::Error>,
    },
    /// The server wants scopes that the login does not have.
    #[error("{server} asks for {}", missing(.scope))]
    ScopeNeeded {
        /// The server.
        server: String,
        /// The login, as the command line names it.
        login: String,
        /// What it lacks; empty if the server did not say.
        scope: ScopeSet,
    },
    /// The server wants scopes that the login has.
    #[error("{server} asks for scopes that the login already has: {}", PeerText::new(.scope.to_string()))]
    ScopeHeld {
        /// The server.
        server: String,
        /// The login, as the command line names it.
        login: String,
        /// What is asked for.
        scope: ScopeSet,
    },
    /// `call`: the server's own answer says that this did not work.
    #[error("the server answered with status {status}")]
    Answered {
        /// The HTTP status.
        status: u16,
        /// Seconds after which to try again, if it said so.
        retry_after: Option<u64>,
    },
    /// A message for the server was not served.
    #[error("{server} answered with status {status}{}", .said.as_ref().map(|said| format!(": {said}")).unwrap_or_default())]
    Unserved {
        /// The server, as the user may name it.
        server: String,
        /// The HTTP status.
        status: u16,
        /// Seconds after which to try again, if it said so.
        retry_after: Option<u64>,
        /// Its words.
        said: Option<PeerText>,
    },
    /// An answer ended before it was whole.
    #[error("{server} ended its answer before it was whole")]
    CutOff {
        /// The server, as the user may name it.
        server: String,
    },
    /// What a server said in answer was no message of the protocol.
    #[error("{server} sent what is no answer: {why}")]
    NoMessage {
        /// The server, as the user may name it.
        server: String,
        /// What is wrong with it.
        why: String,
    },
    /// The server refused a token when part of what was sent was gone already; the token is another one by now.
    #[error(
        "{server} refused the access token in the middle of the request, which cannot be sent again from here"
    )]
    NotRepeated {
        /// The server, as the user may name it.
        server: String,
    },
    /// Signing in came to nothing too often.
    #[error(
        "five sign-ins at {server} came to nothing within a minute; the next one can start in {seconds} s"
    )]
    TooManyLogins {
        /// The server, by the name that it has or is to get.
        server: String,
        /// Its URL, which is known also where no login has settled that name yet.
        url: String,
        /// How long it is until then.
        seconds: i64,
    },
    /// Refreshing failed so often, or the issuer asked for so much patience, that it is left alone for a while.
    #[error("{server}: its issuer is left alone for another {seconds} s, because {why}")]
    Resting {
        /// The server, as the user may name it.
        server: String,
        /// How long.
        seconds: i64,
        /// What happened.
        why: String,
    },
    /// The refresh goes on, but whoever asked for it cannot wait.
    #[error("{server}: the issuer has not answered yet; process {process} goes on waiting for it")]
    NotYet {
        /// The server, as the user may name it.
        server: String,
        /// Who waits.
        process: u32,
    },
    /// Whoever carried out the refresh was stopped, and so was the one after him.
    #[error("{server}: the refresh was interrupted, and whether the issuer renewed the tokens is not known")]
    Interrupted {
        /// The server, as the user may name it.
        server: String,
    },
    /// What another process of ours came to, in its words.
    #[error("{message}")]
    PassedOn {
        /// The exit code of its error.
        exit_code: u8,
        /// Its message.
        message: String,
        /// Its hint.
        hint: Option<String>,
    },
    /// Logins cannot be read or kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store stays where it was.
    #[error("{source}; nothing was moved")]
    NotMoved {
        /// What stood in the way.
        source: Box<Error>,
    },
    /// Some of what is stored has moved. Whatever it is, it can be used.
    #[error("{source}; the move to the {to} store is not finished, and every login still works")]
    MoveUnfinished {
        /// Where it was to go.
        to: StoreKind,
        /// What stood in the way.
        source: Box<Error>,
    },
    /// The redirect cannot be awaited.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// `exec`: the command cannot be started.
    #[error("cannot run {}: {why}", .command.display())]
    NotRunnable {
        /// The command.
        command: OsString,
        /// What stands in the way.
        why: String,
        /// Whether there is no such command at all.
        missing: bool,
    },
    /// Some of several things failed; each has been told.
    #[error("{failed} of {all} failed")]
    Partly {
        /// How many failed.
        failed: usize,
        /// How many there were.
        all: usize,
        /// The exit code of one of them.
        exit_code: u8,
    },
    /// The log of what happened does not hold together; where has been told.
    #[error("the audit log does not hold together in {0} {place}", place = if *.0 == 1 { "place" } else { "places" })]
    BrokenLog(usize),
    /// Standard output did not take the answer.
    #[error("the answer could not be written: {0}")]
    AnswerLost(io::Error),
    /// The program has rights that whoever started it does not have.
    #[error("mcpauth runs with rights that are not yours (set-user-ID, set-group-ID or file capabilities)")]
    BorrowedRights,
    /// Nobody foresaw this.
    #[error("{0}")]
    Unforeseen(String),
}

fn missing(scope: &ScopeSet) -> String {
    if scope.is_empty() {
        return "more scope than the login has, without naming it".into();
    }
    format!("scope that the login does not have: {}", PeerText::new(scope.to_string()))
}

fn candidates(names: &[Name]) -> String {
    match names {
        [] => String::new(),
        names => format!("; there are {}", names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")),
    }
}

impl From<LogError> for Error {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Io { path, source } => StoreError::at(&path, source).into(),
            LogError::Busy(_) => StoreError::Busy { holder: None }.into(),
        }
    }
}

impl Error {
    /// A login that can only be made whole by a person.
    pub fn login_needed(why: impl Into<String>, login: impl fmt::Display) -> Self {
        Self::LoginNeeded { why: why.into(), command: format!("mcpauth login {login}") }
    }

    /// An issuer's final word on a login.
    pub fn ended(login: &LoginKey, reason: &str, since: UnixTime) -> Self {
        let reason = PeerText::from(reason);
        let why = format!("{}: the issuer ended this login ({reason}) at {since}", login.server);
        Self::login_needed(why, login)
    }

    /// A login that a logout has begun to end: its tokens may be worthless already.
    pub fn being_ended(login: &LoginKey, since: UnixTime) -> Self {
        Self::LoginNeeded {
            why: format!("signing out of {} was begun at {since} and did not come to its end", login.server),
            command: format!("mcpauth logout {login}"),
        }
    }

    /// The exit code, one of [`EXIT_CODES`].
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unforeseen(_) | Self::AnswerLost(_) => 1,
            Self::Config(ConfigError::Turn(error)) | Self::Store(error) => store_exit_code(error),
            Self::NotMoved { source } | Self::MoveUnfinished { source, .. } => source.exit_code(),
            Self::Usage { .. }
            | Self::Config(_)
            | Self::Malformed(_)
            | Self::NoServer(_)
            | Self::Bound { .. } => 2,
            Self::LoginNeeded { .. } | Self::ScopeNeeded { .. } => LOGIN_NEEDED,
            Self::Answered { status, .. } | Self::Unserved { status, .. } => answered_exit_code(*status),
            Self::ScopeHeld { .. } | Self::NoMessage { .. } => 8,
            Self::WrongPaste { .. } | Self::BorrowedRights | Self::Unsafe { .. } => REFUSED,
            Self::Remote { source, .. } => remote::exit_code(source),
            Self::TooManyLogins { .. }
            | Self::Resting { .. }
            | Self::NotYet { .. }
            | Self::Interrupted { .. }
            | Self::NotRepeated { .. }
            | Self::CutOff { .. }
            | Self::Listen(ListenError::PortTaken { .. }) => TEMPORARY,
            Self::Cancelled { .. } | Self::TimedOut { .. } | Self::Listen(_) => 4,
            Self::BrokenLog(_) => 7,
            Self::NotRunnable { missing, .. } => 126 + u8::from(*missing),
            Self::Partly { exit_code, .. } | Self::PassedOn { exit_code, .. } => *exit_code,
        }
    }

    /// A word for scripts, stable like the exit code.
    pub fn code(&self) -> &'static str {
        match self.exit_code() {
            1 if matches!(self, Self::Answered { .. }) => "answered",
            2 => "usage",
            3 => "login_needed",
            4 => "login_not_completed",
            5 => "refused",
            6 => "temporary",
            7 => "store",
            8 => "protocol",
            126 => "not_executable",
            127 => "not_found",
            _ => "unforeseen",
        }
    }

    /// What the reader can do, as a command to type wherever there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } | Self::Unsafe { hint, .. } => Some(hint.clone()),
            Self::Config(error) => config_hint(error),
            Self::Malformed(_) => Some("`mcpauth help` shows what each command takes".into()),
            Self::NoServer(names) if names.is_empty() => Some("run `mcpauth login https://…`".into()),
            Self::NoServer(_) => {
                Some("name one, or settle it with `mcpauth server set NAME --default`".into())
            }
            Self::LoginNeeded { command, .. } => Some(format!("run `{command}`")),
            Self::Bound { server } => Some(format!(
                "let mcpauth send the requests: one with `mcpauth call {server} …`, a client's with \
                     `mcpauth bridge {server}`, a command's with `mcpauth exec --proxy …`"
            )),
            Self::ScopeNeeded { login, scope, .. } => Some(step_up(login, scope)),
            Self::ScopeHeld { login, .. } => Some(format!(
                "signing in again would change nothing, so tell whoever runs the server; \
                 `mcpauth status {login}` shows what was granted"
            )),
            Self::Answered { status, retry_after } => Some(answered_hint(*status, *retry_after)),
            Self::Cancelled { command } | Self::WrongPaste { command } => {
                Some(format!("run `{command}` again"))
            }
            Self::TimedOut { command, .. } => {
                Some(format!("run `{command}` again; --timeout gives more time"))
            }
            Self::Remote { server, command, source } => Some(remote::hint(server, command, source)),
            Self::Resting { seconds, .. } => {
                Some(format!("try again in {seconds} s; what is stored was kept"))
            }
            Self::TooManyLogins { url, seconds, .. } => Some(format!(
                "wait {seconds} s; `mcpauth discover {}` shows every step without signing in",
                quoted(url)
            )),
            Self::NotYet { .. } => Some("try again in a moment; what is stored was kept".into()),
            Self::Interrupted { .. } => {
                Some("try again: the refresh token was kept and is tried once more".into())
            }
            Self::Unserved { status, retry_after: Some(seconds), .. } if is_passing(*status) => {
                Some(format!("try again in {seconds} s"))
            }
            Self::Unserved { .. } => None,
            Self::CutOff { .. } => Some("whether it was done is not known, so it was not asked again".into()),
            Self::NoMessage { .. } => Some("tell whoever runs the server".into()),
            Self::NotRepeated { .. } => Some("send it again: the next request has the new token".into()),
            Self::PassedOn { hint, .. } => hint.clone(),
            Self::Store(error) => error.hint(),
            Self::NotMoved { source } => source.hint(),
            Self::MoveUnfinished { to, source } => {
                let first = source.hint().map(|hint| format!("{hint}; then "));
                Some(format!("{}run `mcpauth store move {to}` again", first.unwrap_or_default()))
            }
            Self::Listen(ListenError::PortTaken { .. }) => {
                Some("choose another port with --callback-port, or leave it out for any free one".into())
            }
            Self::Listen(_) => Some("`mcpauth login SERVER --paste` does without the listener".into()),
            Self::NotRunnable { .. } => Some("give a command that is on the PATH, or its full path".into()),
            Self::Partly { .. } => Some("each of them is told above".into()),
            Self::BrokenLog(_) => {
                Some("keep a copy of the files as they are; the log goes on after them all the same".into())
            }
            Self::BorrowedRights => {
                Some("take them from the file, with `chmod u-s,g-s` or `setcap -r`".into())
            }
            Self::AnswerLost(_) => Some("see that standard output leads somewhere with room".into()),
            Self::Unforeseen(_) => {
                Some("please report this, with the output of the same command and -v".into())
            }
        }
    }
}

/// Whether a server that answers so is likely to answer better later.
fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429) || status >= 500
}

fn answered_exit_code(status: u16) -> u8 {
    if is_passing(status) { TEMPORARY } else { 1 }
}

fn answered_hint(status: u16, retry_after: Option<u64>) -> String {
    match retry_after.filter(|_| is_passing(status)) {
        Some(seconds) => format!("try again in {seconds} s"),
        None if is_passing(status) => "try again later".into(),
        None => "what it says is on standard output; -i shows its headers, too".into(),
    }
}

fn step_up(login: &str, scope: &ScopeSet) -> String {
    if scope.is_empty() {
        return format!(
            "ask whoever runs the server for its name, then run `mcpauth login {login} --add-scope NAME`"
        );
    }
    format!("run `mcpauth login {login} --add-scope {}`", quoted(&scope.to_string()))
}

fn config_hint(error: &ConfigError) -> Option<String> {
    match error {
        ConfigError::Unreadable { file, .. } => Some(format!("correct {} or move it away", file.display())),
        ConfigError::Places(error) => error.hint(),
        ConfigError::Turn(error) => error.hint(),
        ConfigError::Taken(_) => Some("`mcpauth server list` shows what is there".into()),
        ConfigError::Io { .. } => Some("check the directory's owner and mode".into()),
    }
}

fn store_exit_code(error: &StoreError) -> u8 {
    match error {
        StoreError::Busy { .. } | StoreError::Engaged { .. } => TEMPORARY,
        _ => 7,
    }
}
