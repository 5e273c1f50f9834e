//! The only way to a token: load, and only if it is not good any more, lock, load again, refresh, save.
//!
//! A token that is still good costs no lock, no network, no runtime and no TLS.

use std::time::Duration;

use zeroize::Zeroizing;

use super::renewal::Errand;
use super::{App, gone_wrong, unattended, worker};
use crate::audit::{Event, Kind};
use crate::clock::UnixTime;
use crate::error::Error;
use crate::model::{Login, LoginKey, LoginState, TokenFacts};
use crate::store::{LoginLock, Store};

/// By how many seconds two looks at the clock may go backwards.
const CLOCK_TOLERANCE: i64 = 60;

/// Whether the issuer may be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refresh {
    /// If the token does not live long enough.
    #[default]
    IfNeeded,
    /// In any case.
    Always,
    /// If the token is still the one of this generation, which a server has refused, or does not live long enough.
    Refused(u64),
    /// In no case.
    Never,
}

/// How long before its end a token is renewed: so many seconds, or a part of its life where that is less.
#[derive(Clone, Copy, Debug)]
pub struct Margin {
    seconds: i64,
    part: i64,
}

impl Margin {
    fn of(self, lifetime: i64) -> i64 {
        self.seconds.min(lifetime / self.part)
    }
}

/// How fresh a token has to be.
#[derive(Clone, Copy, Debug)]
pub struct Freshness {
    /// Seconds that it must have left, where somebody says so.
    pub min_ttl: Option<i64>,
    /// What it must have left otherwise.
    pub margin: Margin,
    /// Whether the issuer may be asked.
    pub refresh: Refresh,
    /// How long to wait for another process that is refreshing the same login.
    pub patience: Duration,
}

impl Default for Freshness {
    fn default() -> Self {
        Self::TAKEN_AWAY
    }
}

impl Freshness {
    /// For whoever takes the token away and uses it for a while.
    pub const TAKEN_AWAY: Self = Self {
        min_ttl: None,
        margin: Margin { seconds: 300, part: 2 },
        refresh: Refresh::IfNeeded,
        patience: Duration::from_secs(20),
    };
    /// For one request that is sent at once.
    pub const AT_ONCE: Self = Self { margin: Margin { seconds: 60, part: 5 }, ..Self::TAKEN_AWAY };
    /// The same, where another token is on its way: as long as this one gets to the server before its end.
    pub const TO_THE_LAST: Self = Self { margin: Margin { seconds: 2, part: 10 }, ..Self::TAKEN_AWAY };

    /// Whether the token of a login is as fresh as that. Unknown expiry counts as fresh: only a server can tell.
    pub fn is_met(&self, facts: &TokenFacts, now: UnixTime) -> bool {
        let Some(end) = self.met_until(facts) else { return true };
        // Received in the future: the clock was wrong then or is now, so the end means nothing.
        facts.received_at.since(now) <= CLOCK_TOLERANCE && now < end
    }

    /// Whether a login is as fresh as that without anybody being asked.
    fn is_met_by(&self, login: &Login, now: UnixTime) -> bool {
        let is_wanted = match self.refresh {
            Refresh::Always => false,
            Refresh::Refused(generation) => login.facts.generation > generation,
            Refresh::IfNeeded | Refresh::Never => true,
        };
        is_wanted && self.is_met(&login.tokens.facts, now)
    }

    /// Whether the token that there is will not do, however long it lives.
    fn wants_another(&self) -> bool {
        matches!(self.refresh, Refresh::Always | Refresh::Refused(_))
    }

    /// When a token stops being as fresh as that, as far as anybody here can tell.
    pub fn met_until(&self, facts: &TokenFacts) -> Option<UnixTime> {
        let expires_at = facts.expires_at?;
        let lifetime = expires_at.since(facts.received_at).max(0);
        let margin = self.min_ttl.unwrap_or_else(|| self.margin.of(lifetime));
        Some(UnixTime(expires_at.0.saturating_sub(margin)))
    }
}

/// Whether the access token can still be used at all.
fn is_alive(login: &Login, now: UnixTime) -> bool {
    login.tokens.facts.expires_at.is_none_or(|end| now < end)
}

/// A login whose access token is as fresh as asked for. Where it cannot be had but the old token still lives, that
/// is given with a warning: better a token for five minutes than none.
pub fn fresh_login(app: &App, key: &LoginKey, freshness: &Freshness) -> Result<Login, Error> {
    let store = app.store()?;
    let login = load(&store, key)?;
    let now = app.now();
    if freshness.is_met_by(&login, now) {
        return Ok(login);
    }
    if let LoginState::ReauthRequired { reason, since } = &login.facts.state {
        let error = Error::ended(key, reason, *since);
        return or_what_lives(app, login, freshness, error);
    }
    if freshness.refresh == Refresh::Never || !login.tokens.facts.refreshable {
        let error = not_refreshable(key, &login, freshness, now);
        return or_what_lives(app, login, freshness, error);
    }
    let lock = match store.lock(key, freshness.patience) {
        Ok(lock) => lock,
        // Whoever holds it, or whatever is wrong with the state directory, has done nothing to the token.
        Err(error) => return or_what_lives(app, login, freshness, error.into()),
    };
    let seen = login.facts.generation;
    let login = load(&store, key)?;
    match &login.facts.state {
        // Somebody else was here first. His token may live shorter than what was asked for, but another refresh
        // would not give a longer one.
        LoginState::Active if login.facts.generation > seen && is_alive(&login, now) => Ok(login),
        // Or was told that this login has ended: the issuer need not say so again to each of us.
        LoginState::ReauthRequired { reason, since } => {
            let error = Error::ended(key, reason, *since);
            or_what_lives(app, login, freshness, error)
        }
        _ => renew(app, &store, lock, login, freshness),
    }
}

/// The same, as fresh as is usual.
pub(super) fn usually_fresh(app: &App, key: &LoginKey) -> Result<Login, Error> {
    fresh_login(app, key, &Freshness::default())
}

/// The same for a program that is going to get this field of it, which is written down before it does.
pub fn hand_out(app: &App, key: &LoginKey, freshness: &Freshness, field: &str) -> Result<Login, Error> {
    let login = fresh_login(app, key, freshness)?;
    may_leave(&login, field)?;
    if !is_public(field) {
        app.audit(&Event::new(Kind::HandedOut, key).about(&login.tokens.facts));
    }
    Ok(login)
}

/// Whether a field, as [`field`] names it, gives nobody access to anything.
pub fn is_public(field: &str) -> bool {
    matches!(field, "url" | "expires_at" | "scope" | "token_type")
}

/// Refuses the fields that are of no use without the key of the login, which stays here.
pub fn may_leave(login: &Login, field: &str) -> Result<(), Error> {
    let needs_key = matches!(field, "token" | "access_token" | "header");
    if needs_key && login.tokens.facts.is_bound() {
        return Err(Error::Bound { server: login.key().to_string() });
    }
    Ok(())
}

fn load(store: &Store, key: &LoginKey) -> Result<Login, Error> {
    let login = store.load(key)?.ok_or_else(|| missing(store, key))?;
    match login.facts.state {
        // Even a token that still lives: the issuer may have been told to end it.
        LoginState::RevocationPending { since } => Err(Error::being_ended(key, since)),
        LoginState::Active | LoginState::ReauthRequired { .. } => Ok(login),
    }
}

/// What is said where there is no login: nobody signed in, unless the directory of the logins is lost.
pub fn missing(store: &Store, key: &LoginKey) -> Error {
    match store.is_there() {
        Ok(()) => Error::login_needed(not_signed_in(key), key),
        Err(error) => error.into(),
    }
}

fn not_signed_in(key: &LoginKey) -> String {
    match key.account.as_str() {
        "default" => format!("not signed in to {}", key.server),
        account => format!("not signed in to {} as account {account}", key.server),
    }
}

/// Why a token that is not fresh enough stays as it is. Where only the caller ruled it out, no person is needed.
fn not_refreshable(key: &LoginKey, login: &Login, freshness: &Freshness, now: UnixTime) -> Error {
    let insisted = freshness.wants_another() && is_alive(login, now);
    let age = if insisted { "is still good".to_owned() } else { age(login, now) };
    let age = format!("{}: the access token {age}", key.server);
    if login.tokens.facts.refreshable {
        let command = format!("mcpauth refresh {key}");
        Error::LoginNeeded { why: format!("{age}, and refreshing was ruled out"), command }
    } else {
        Error::login_needed(format!("{age}, and there is no refresh token"), key)
    }
}

fn age(login: &Login, now: UnixTime) -> String {
    match login.tokens.facts.expires_at {
        Some(end) if end <= now => format!("ended at {end}"),
        Some(end) => format!("has only {} left", crate::wording::span(end.since(now))),
        None => "is of unknown age".into(),
    }
}

/// The login as it is, with a warning, if its token still lives and a new one was not insisted on.
fn or_what_lives(app: &App, login: Login, freshness: &Freshness, error: Error) -> Result<Login, Error> {
    if freshness.wants_another() || !is_alive(&login, app.now()) {
        return Err(error);
    }
    // Without an explicit wish, a login that cannot be refreshed lives as long as it lives.
    if freshness.min_ttl.is_some() || login.tokens.facts.refreshable {
        app.console.warn(&format!("{error}; using the token that is still valid"));
    }
    Ok(login)
}

/// Has the login renewed, and gives it as it is then.
fn renew(
    app: &App,
    store: &Store,
    lock: LoginLock,
    login: Login,
    freshness: &Freshness,
) -> Result<Login, Error> {
    let key = login.key();
    let is_urgent = freshness.wants_another() || !is_alive(&login, app.now());
    let errand = Errand { seen: login.facts.generation, is_urgent };
    let renewed = if login.facts.grant.asks_anew() {
        unattended::renew(app, store, &lock, errand, usually_fresh)
    } else {
        carry_out(app, store, lock, errand, freshness.patience)
    };
    if let Err(error) = renewed {
        return or_what_lives(app, login, freshness, error);
    }
    let renewed = load(store, &key)?;
    let error = match &renewed.facts.state {
        _ if renewed.facts.generation == errand.seen => Error::Interrupted { server: key.server.to_string() },
        LoginState::ReauthRequired { reason, since } => Error::ended(&key, reason, *since),
        _ => {
            if freshness.min_ttl.is_some() && !freshness.is_met(&renewed.tokens.facts, app.now()) {
                app.console
                    .warn(&format!("{}: even a new token lives shorter than what was asked for", key.server));
            }
            return Ok(renewed);
        }
    };
    if matches!(error, Error::Interrupted { .. }) {
        // Nobody else lived to say so.
        app.audit(&gone_wrong(Kind::RefreshFailed, &key, &error));
    }
    or_what_lives(app, login, freshness, error)
}

/// Whoever carries a refresh out may be ended; then it is taken up once more where it was left.
fn carry_out(
    app: &App,
    store: &Store,
    lock: LoginLock,
    errand: Errand,
    patience: Duration,
) -> Result<(), Error> {
    let key = lock.key().clone();
    if !worker::carry_out(app, store, lock, errand)? {
        worker::carry_out(app, store, store.lock(&key, patience)?, errand)?;
    }
    Ok(())
}

/// One field of a login, as `token --field` and `exec -e VAR=SERVER:FIELD` name it. The fields of our own come
/// first, then the members of the issuer's answer.
pub fn field(login: &Login, name: &str) -> Result<Zeroizing<String>, Error> {
    may_leave(login, name)?;
    let facts = &login.tokens.facts;
    let value = match name {
        "token" | "access_token" => Some(login.tokens.access_token.expose().to_owned()),
        "header" => Some(format!("Bearer {}", login.tokens.access_token.expose())),
        "url" => Some(login.facts.url.to_string()),
        "expires_at" => facts.expires_at.map(|time| time.0.to_string()),
        "scope" => Some(facts.scope.to_string()),
        "token_type" => Some(facts.token_type.clone()),
        // A refresh token that left this machine could not be kept from being spent twice.
        "refresh_token" => None,
        other => login.tokens.extra.get(other).map(|value| match value {
            serde_json::Value::String(text) => text.clone(),
            value => value.to_string(),
        }),
    };
    value.map(Zeroizing::new).ok_or_else(|| Error::Usage {
        message: format!("the login at {} has no field {name}", login.facts.server),
        hint: "there are token, header, url, expires_at, scope and the further members of the token answer"
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_from_the_future_is_renewed_because_its_end_means_nothing() {
        let facts = TokenFacts {
            token_type: "Bearer".into(),
            scope: crate::model::ScopeSet::default(),
            received_at: UnixTime(100_000),
            expires_at: Some(UnixTime(103_600)),
            refreshable: true,
            fingerprint: None,
        };
        let is_met = |now| Freshness::default().is_met(&facts, UnixTime(now));
        // As received, near its end, and before and beyond what two looks at a clock may differ by.
        assert!(is_met(100_000) && !is_met(103_400));
        assert!(is_met(99_940) && !is_met(99_939) && !is_met(0));
        let unknown = TokenFacts { expires_at: None, ..facts.clone() };
        assert!(Freshness::default().is_met(&unknown, UnixTime(0)));
    }
}
