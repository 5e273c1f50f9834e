//! `mcpauth status`: what a person wants to know of his logins. Local and instant unless told otherwise.

use std::fmt::Write as _;

use serde::Serialize;

use super::args::{AccountArg, span};
use crate::audit;
use crate::clock::UnixTime;
use crate::error::Error;
use crate::flows::App;
use crate::flows::condition::{Condition, LastFailure, Status, Unfinished, condition};
use crate::flows::discover::{self, Finding};
use crate::flows::session;
use crate::model::{LoginFacts, LoginKey, LoginState, LoginSummary, Name, RegistrationSource, ServerArg};
use crate::peer_text::PeerText;
use crate::store::StoreKind;
use crate::wording;

/// Show the logins: account, issuer, time left, scopes, client and store
///
/// The state of each is `active`; `expiring`: it is renewed at the next use; `expired`; `refreshing`: another process
/// renews it; `in_doubt`: the answer to a refresh was lost and will be asked for again; `reauth_required`: the issuer has
/// ended it; `revocation_pending`: a logout was begun and did not come to its end.
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
    #[serde(flatten)]
    condition: Condition,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<Use>,
    /// What the user settled otherwise than usual, as flags.
    overrides: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<Finding>,
}

/// When a token was last handed out, and to which program.
#[derive(Serialize)]
struct Use {
    at: UnixTime,
    by: String,
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
            let condition = condition(app, &store, &summary);
            let last_used = audit::last_handout(app.config.places(), &summary.login.key());
            let last_used = last_used.map(|(at, by)| Use { at, by });
            let profile = app.config.profile(&summary.login.server)?;
            let overrides = profile.map(|profile| profile.overrides()).unwrap_or_default();
            entries.push(Entry { summary, condition, last_used, overrides, checks });
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
        let store = app.store()?;
        Ok(vec![store.summary(&key)?.ok_or_else(|| session::missing(&store, &key))?])
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
        let ends = !entry.summary.tokens.refreshable
            && entry.condition.expires_in.is_some_and(|left| left <= horizon);
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

/// The condition, if it is worth a word.
pub(super) fn condition_in_words(status: Status) -> &'static str {
    match status {
        Status::Active | Status::Expiring | Status::Expired => "",
        Status::Refreshing => "refreshing;",
        Status::InDoubt => "in doubt;",
        Status::ReauthRequired => "sign in again;",
        Status::RevocationPending => "signing out;",
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
    let mark = match entry.condition.status {
        Status::Active | Status::Expiring | Status::Refreshing => "✓",
        Status::InDoubt => "?",
        Status::Expired | Status::ReauthRequired | Status::RevocationPending => "✗",
    };
    let renewal = match (tokens.refreshable, login.refresh_count) {
        (false, _) => "no".to_owned(),
        (true, 0) => "yes".to_owned(),
        (true, count) => format!("yes, {count} so far, last at {}", tokens.received_at),
    };
    let scope = if tokens.scope.is_empty() { "not stated".to_owned() } else { tokens.scope.to_string() };
    let kind = kind_in_words(client.source);
    let bound = if tokens.is_bound() { ", bound to a key (DPoP)" } else { "" };
    let mut text = format!(
        "{}  {}\n  {mark} {}   {who}issuer {}\n    state    {}\n    access   {}{bound}\n    refresh  {renewal}\n    scope    {scope}\n    \
         client   {kind}\n    store    {}\n",
        login.server,
        login.url,
        login.account,
        client.issuer,
        entry.condition.status,
        time_left(&entry.summary, app.now()),
        store.description(),
    );
    if let Some(Use { at, by }) = &entry.last_used {
        let _ = writeln!(text, "    used     {at} by {}", PeerText::from(by.as_str()));
    }
    for (number, flag) in entry.overrides.iter().enumerate() {
        let word = if number == 0 { "settled" } else { "" };
        let _ = writeln!(text, "    {word:<8} {}", PeerText::from(flag.as_str()));
    }
    text += &whats_wrong(login);
    text += &whats_going_on(&entry.condition);
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

/// How the client came about.
fn kind_in_words(source: RegistrationSource) -> &'static str {
    match source {
        RegistrationSource::Preregistered => "brought by you",
        RegistrationSource::MetadataDocument => "metadata document",
        RegistrationSource::Dynamic => "registered by itself",
        RegistrationSource::Unregistered => "none needed",
    }
}

/// What the record says against the login.
fn whats_wrong(login: &LoginFacts) -> String {
    let key = login.key();
    match &login.state {
        LoginState::Active => String::new(),
        LoginState::ReauthRequired { reason, since } => {
            let reason = PeerText::from(reason.as_str());
            format!("    ended    {reason}, at {since}\n    type     mcpauth login {key}\n")
        }
        LoginState::RevocationPending { since } => {
            format!("    leaving  since {since}, not finished\n    type     mcpauth logout {key}\n")
        }
    }
}

/// What is under way, and what failed lately.
fn whats_going_on(condition: &Condition) -> String {
    let mut text = match &condition.unfinished_refresh {
        None => String::new(),
        Some(Unfinished { since, process, under_way: true, .. }) => {
            format!("    now      process {process} is refreshing it, since {since}\n")
        }
        Some(Unfinished { since, answered: true, .. }) => {
            format!("    pending  the answer to a refresh of {since} is here; the next use takes it over\n")
        }
        Some(Unfinished { since, .. }) => {
            format!("    in doubt the answer to a refresh of {since} was lost; the next use asks again\n")
        }
    };
    if let Some(LastFailure { at, why, rests_until }) = &condition.last_failure {
        let rest = rests_until.map(|until| format!("; nobody asks before {until}"));
        let _ = writeln!(
            text,
            "    trouble  {}, at {at}{}",
            PeerText::from(why.as_str()),
            rest.unwrap_or_default()
        );
    }
    text
}
