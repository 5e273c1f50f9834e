//! How a login is right now: what its record says, and what is under way with it. Asks nobody, needs no key.

use std::fmt;

use serde::Serialize;

use super::session::Freshness;
use super::{App, brake};
use crate::clock::UnixTime;
use crate::model::{LoginKey, LoginState, LoginSummary};
use crate::store::{Attempt, JournalFacts, JournalState, LockState, Store, StoreError};

/// How a login is right now.
#[derive(Clone, Debug, Serialize)]
pub struct Condition {
    /// In one word.
    pub status: Status,
    /// Seconds that the access token has left.
    pub expires_in: Option<i64>,
    /// A refresh that was begun and is not in the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfinished_refresh: Option<Unfinished>,
    /// The last refresh that failed, if none has succeeded since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<LastFailure>,
}

/// The condition of a login in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The access token lives for a while.
    Active,
    /// It ends soon or has ended, and is renewed at the next use.
    Expiring,
    /// It has ended, and nothing can renew it.
    Expired,
    /// A process is renewing it.
    Refreshing,
    /// The answer to a refresh was lost.
    InDoubt,
    /// The issuer has ended the login.
    ReauthRequired,
    /// A logout was begun and did not come to its end.
    RevocationPending,
}

/// The word as JSON has it.
impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Active => "active",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Refreshing => "refreshing",
            Self::InDoubt => "in_doubt",
            Self::ReauthRequired => "reauth_required",
            Self::RevocationPending => "revocation_pending",
        })
    }
}

/// A refresh that was begun and is not in the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    /// When it was begun.
    pub since: UnixTime,
    /// Who carries it out, or began it.
    pub process: u32,
    /// Whether the issuer's answer is here.
    pub answered: bool,
    /// Whether somebody is at it.
    pub under_way: bool,
}

/// A refresh that failed.
#[derive(Clone, Debug, Serialize)]
pub struct LastFailure {
    /// When.
    pub at: UnixTime,
    /// Why, in the words of the time.
    pub why: String,
    /// Until when nobody asks the issuer again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rests_until: Option<UnixTime>,
}

/// Looks at a login. Where it cannot be seen what is under way with it, that is said and the rest told all the same.
pub fn condition(app: &App, store: &Store, summary: &LoginSummary) -> Condition {
    let (key, now) = (summary.login.key(), app.now());
    let unfinished_refresh = unfinished(store, &key).unwrap_or_else(|error| {
        app.console.warn(&format!("{key}: {error}"));
        None
    });
    let expires_in = summary.tokens.expires_at.map(|end| end.since(now));
    let refreshable = summary.tokens.refreshable;
    let status = match (&summary.login.state, &unfinished_refresh) {
        (LoginState::RevocationPending { .. }, _) => Status::RevocationPending,
        (LoginState::ReauthRequired { .. }, _) => Status::ReauthRequired,
        (LoginState::Active, Some(refresh)) if refresh.under_way => Status::Refreshing,
        // With the answer at hand nothing is in doubt: the next use takes it over.
        (LoginState::Active, Some(refresh)) if !refresh.answered => Status::InDoubt,
        (LoginState::Active, _) if !refreshable && expires_in.is_some_and(|left| left <= 0) => {
            Status::Expired
        }
        (LoginState::Active, _) if !Freshness::default().is_met(&summary.tokens, now) => Status::Expiring,
        (LoginState::Active, _) => Status::Active,
    };
    Condition { status, expires_in, unfinished_refresh, last_failure: last_failure(store, &key, now) }
}

/// A refresh that was begun and is not in the record.
pub fn unfinished(store: &Store, key: &LoginKey) -> Result<Option<Unfinished>, StoreError> {
    loop {
        let seen = store.journal_state(key)?;
        let (JournalFacts { since, process, .. }, answered) = match &seen {
            JournalState::Clear => return Ok(None),
            JournalState::InDoubt(facts) => (facts.clone(), false),
            JournalState::Answered(facts) => (facts.clone(), true),
        };
        if let LockState::Held(holder) = store.lock_state(key)? {
            let process = holder.unwrap_or(process);
            return Ok(Some(Unfinished { since, process, answered, under_way: true }));
        }
        // Whoever had the lock may have finished between the two looks.
        if store.journal_state(key)? == seen {
            return Ok(Some(Unfinished { since, process, answered, under_way: false }));
        }
    }
}

/// The last refresh that failed, if none has succeeded since.
pub fn last_failure(store: &Store, key: &LoginKey, now: UnixTime) -> Option<LastFailure> {
    let trouble = store.trouble(Attempt::Refresh, key);
    let at = *trouble.failures.last()?;
    let rests_until = brake::rest(&trouble, now).and(trouble.rests_until);
    Some(LastFailure { at, why: trouble.last, rests_until })
}
