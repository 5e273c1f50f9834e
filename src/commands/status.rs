//! `mcpauth status`: what a person wants to know of his logins. Local and instant unless told otherwise.

use std::fmt::Write as _;

use serde::Serialize;

use super::args::{AccountArg, span};
use crate::clock::UnixTime;
use crate::error::Error;
use crate::flows::App;
use crate::flows::discover::{self, Finding};
use crate::flows::session;
use crate::model::{LoginKey, LoginState, LoginSummary, Name, RegistrationSource, ServerArg};
use crate::peer_text::PeerText;
use crate::store::StoreKind;
use crate::wording;

/// Show the logins: account, issuer, time left, scopes, client and store
#[derive(clap::Args)]
pub(super) struct StatusArgs {
    /// URL or name of the MCP server; every one if left out
    server: Option<ServerArg>,

    #[command(flatten)]
    account: AccountArg,

    /// Ask the issuer and the server, too
    #[arg(long)]
    check: bool,

    /// Fail if a login will need a person within this time
    #[arg(long, value_name = "TIME", value_parser = span)]
    within: Option<i64>,
}

#[derive(Serialize)]
struct Entry {
    #[serde(flatten)]
    summary: LoginSummary,
    status: &'static str,
    expires_in: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<Finding>,
}

#[derive(Serialize)]
struct Answer {
    store: StoreKind,
    logins: Vec<Entry>,
}

impl StatusArgs {
    pub(super) fn run(self, app: &App) -> Result<(), Error> {
        let store = app.store()?;
        let mut entries = Vec::new();
        for summary in self.summaries(app)? {
            let checks = if self.check { check(app, &summary)? } else { Vec::new() };
            let expires_in = summary.tokens.expires_at.map(|end| end.since(app.now()));
            entries.push(Entry { status: status(&summary, app.now()), summary, expires_in, checks });
        }
        let verdict = self.verdict(&entries);
        let text: String = entries.iter().map(|entry| describe(app, entry, store.kind())).collect();
        app.console.answer_as(&Answer { store: store.kind(), logins: entries }, || text)?;
        verdict
    }

    /// An error if a person is needed anywhere, else if a check failed.
    fn verdict(&self, entries: &[Entry]) -> Result<(), Error> {
        if entries.is_empty() {
            return Err(Error::login_needed(self.nowhere(), "https://…"));
        }
        let needing: Vec<LoginKey> = entries
            .iter()
            .filter(|entry| self.needs_a_person(entry))
            .map(|entry| entry.summary.login.key())
            .collect();
        if let Some(first) = needing.first() {
            let names = needing.iter().map(|key| key.server.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::login_needed(format!("sign-in needed at {names}"), first));
        }
        let leaving = entries.iter().map(|entry| &entry.summary.login).find_map(|login| match login.state {
            LoginState::RevocationPending { since } => Some(Error::being_ended(&login.key(), since)),
            LoginState::Active | LoginState::ReauthRequired { .. } => None,
        });
        if let Some(error) = leaving {
            return Err(error);
        }
        discover::verdict(entries.iter().flat_map(|entry| &entry.checks))
    }

    fn summaries(&self, app: &App) -> Result<Vec<LoginSummary>, Error> {
        let Some(server) = &self.server else {
            let mut summaries = app.readable_logins()?;
            summaries
                .retain(|summary| self.account().is_none_or(|account| *account == summary.login.account));
            return Ok(summaries);
        };
        let key = app.login_key(Some(server), &self.account.account)?;
        let missing = || Error::login_needed(session::not_signed_in(&key), &key);
        Ok(vec![app.store()?.summary(&key)?.ok_or_else(missing)?])
    }

    /// The account that was asked about; the one that is meant without a word is nobody's wish.
    fn account(&self) -> Option<&Name> {
        Some(&self.account.account).filter(|account| **account != Name::default())
    }

    fn nowhere(&self) -> String {
        let account = self.account().map(|account| format!(" as account {account}"));
        format!("not signed in anywhere{}", account.unwrap_or_default())
    }

    /// Whether a person is needed now, or within the time that was asked about.
    fn needs_a_person(&self, entry: &Entry) -> bool {
        let horizon = self.within.unwrap_or(0);
        let ends = !entry.summary.tokens.refreshable && entry.expires_in.is_some_and(|left| left <= horizon);
        if matches!(entry.summary.login.state, LoginState::RevocationPending { .. }) {
            return false;
        }
        entry.summary.login.state != LoginState::Active
            || ends
            || entry.checks.iter().any(Finding::needs_a_person)
    }
}

fn check(app: &App, summary: &LoginSummary) -> Result<Vec<Finding>, Error> {
    let profile = app.profile(Some(&ServerArg::Name(summary.login.server.clone())))?;
    discover::try_out(app, &profile, &summary.login.account)
}

/// One word for a login's condition.
fn status(summary: &LoginSummary, now: UnixTime) -> &'static str {
    let left = summary.tokens.expires_at.map(|end| end.since(now));
    match (&summary.login.state, left, summary.tokens.refreshable) {
        (LoginState::RevocationPending { .. }, ..) => "revocation_pending",
        (LoginState::ReauthRequired { .. }, ..) => "reauth_required",
        (LoginState::Active, Some(..=0), false) => "expired",
        (LoginState::Active, Some(..=300), _) => "expiring",
        (LoginState::Active, ..) => "active",
    }
}

/// The state, if it is worth a word.
pub(super) fn state_in_words(state: &LoginState) -> &'static str {
    match state {
        LoginState::Active => "",
        LoginState::ReauthRequired { .. } => "sign in again;",
        LoginState::RevocationPending { .. } => "signing out;",
    }
}

/// How long the access token lives, in words.
pub(super) fn time_left(summary: &LoginSummary, now: UnixTime) -> String {
    match summary.tokens.expires_at.map(|end| end.since(now)) {
        None => "no stated end".into(),
        Some(left) if left > 0 => format!("{} left", wording::span(left)),
        Some(_) if summary.tokens.refreshable => "renews on use".into(),
        Some(_) => "ended".into(),
    }
}

fn describe(app: &App, entry: &Entry, store: StoreKind) -> String {
    let LoginSummary { login, client, tokens } = &entry.summary;
    let who = login.identity.label().map(|label| format!("{} · ", PeerText::from(label))).unwrap_or_default();
    let mark = if entry.status == "active" || entry.status == "expiring" { "✓" } else { "✗" };
    let renewal = match (tokens.refreshable, login.refresh_count) {
        (false, _) => "no".to_owned(),
        (true, 0) => "yes".to_owned(),
        (true, count) => format!("yes, {count} so far, last at {}", tokens.received_at),
    };
    let scope = if tokens.scope.is_empty() { "not stated".to_owned() } else { tokens.scope.to_string() };
    let kind = match client.source {
        RegistrationSource::Preregistered => "brought by you",
        RegistrationSource::MetadataDocument => "metadata document",
        RegistrationSource::Dynamic => "registered by itself",
    };
    let mut text = format!(
        "{}  {}\n  {mark} {}   {who}issuer {}\n    access   {}\n    refresh  {renewal}\n    scope    {scope}\n    \
         client   {kind}\n    store    {}\n",
        login.server,
        login.url,
        login.account,
        client.issuer,
        time_left(&entry.summary, app.now()),
        store.description(),
    );
    let key = login.key();
    let _ = match &login.state {
        LoginState::Active => Ok(()),
        LoginState::ReauthRequired { reason, since } => {
            let reason = PeerText::from(reason.as_str());
            write!(text, "    ended    {reason}, at {since}\n    type     mcpauth login {key}\n")
        }
        LoginState::RevocationPending { since } => {
            write!(text, "    leaving  since {since}, not finished\n    type     mcpauth logout {key}\n")
        }
    };
    for check in &entry.checks {
        let _ = writeln!(
            text,
            "    {}    {}: {}",
            if check.ok { "ok  " } else { "FAIL" },
            check.what,
            check.seen
        );
    }
    text
}
