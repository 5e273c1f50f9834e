//! One refresh, carried to its end by whoever holds the login's lock.
//!
//! The order is what keeps a login: room on the disk, the intent in the journal, one request, the answer in the
//! journal, the new record, a clear journal. Whoever dies in between leaves what the next one needs.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{App, brake, forget_client, gone_wrong, remote};
use crate::audit::{Event, Kind};
use crate::clock::UnixTime;
use crate::error::Error;
use crate::files;
use crate::http::{self, Answer, Http};
use crate::model::{Login, LoginKey, LoginState, TokenSet};
use crate::oauth::{self, token};
use crate::secret::{DpopKey, RefreshToken};
use crate::store::{Attempt, Journal, JournalFacts, JournalState, LoginLock, LoginRoom, Store, StoreError};

/// How long the issuer has for all tries together.
const BUDGET: Duration = Duration::from_secs(30);
/// How long the try lasts at least that follows an answer that got lost.
const SECOND_CHANCE: Duration = Duration::from_secs(10);
/// How often an issuer in trouble is asked where nothing else is left.
const TRIES: u32 = 3;

/// What is to be renewed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Errand {
    /// The generation that is too old.
    pub seen: u64,
    /// Whether nothing else will do: the old token has ended, or a new one was insisted on. While one lives nobody has to
    /// wait for an issuer in trouble.
    pub is_urgent: bool,
}

/// Renews the login whose lock is held. Nothing is left to do if somebody else did it, or got as far as the answer.
pub fn renew(app: &App, store: &Store, lock: &LoginLock, errand: Errand) -> Result<(), Error> {
    let outcome = try_to_renew(app, store, lock, errand);
    match &outcome {
        // Nobody was asked, and why not is written down already.
        Ok(()) | Err(Error::Resting { .. }) => {}
        Err(error) => app.audit(&gone_wrong(Kind::RefreshFailed, lock.key(), error)),
    }
    outcome
}

fn try_to_renew(app: &App, store: &Store, lock: &LoginLock, errand: Errand) -> Result<(), Error> {
    let mut journal = store.journal(lock)?;
    if let Some(login) = take_over(store, lock)? {
        return settled(app, journal, &login);
    }
    let Some(login) = store.load(lock.key())? else { return Ok(()) };
    let Some(refresh_token) = &login.tokens.refresh_token else { return Ok(()) };
    if login.facts.generation > errand.seen || login.facts.state != LoginState::Active {
        return Ok(());
    }
    is_rested(app, store, lock.key())?;
    // Whatever fails up to the request has cost nothing.
    let room = store.make_room(lock)?;
    let in_doubt =
        matches!(store.journal_state(lock.key())?, JournalState::InDoubt(_) | JournalState::Answered(_));
    let process = std::process::id();
    let intent = JournalFacts { generation: login.facts.generation, since: app.now(), process };
    journal.intend(&intent)?;
    let http = app.http(&login.facts.url);
    let ends = Instant::now() + BUDGET;
    let mut renewal =
        Renewal { app, store, http: &http, login: &login, refresh_token, journal, ends, in_doubt };
    let tries = if errand.is_urgent { TRIES } else { 1 };
    let outcome = http::block_on(renewal.ask_until_answered(tries))
        .map_err(|error| remote(&login.facts.server)(error.into()))?;
    let Renewal { mut journal, in_doubt, .. } = renewal;
    match outcome {
        Ok(renewed) => {
            keep(app, store, lock, (room, journal), &renewed)?;
            if let Err(error) = keep_client(store, &login, &renewed) {
                app.console.warn(&error.to_string());
            }
            Ok(())
        }
        Err(error) => {
            // An answer that is of no use must not look like one that waits to be taken over.
            drop(if in_doubt { journal.intend(&intent) } else { journal.clear() });
            conclude(app, store, lock, login, in_doubt, error)
        }
    }
}

/// Writes the new record into its room. The journal still has the answer, should that fail.
fn keep(
    app: &App,
    store: &Store,
    lock: &LoginLock,
    (room, journal): (LoginRoom, Journal<'_>),
    login: &Login,
) -> Result<(), Error> {
    store.save_into(room, lock, login)?;
    store.forget_trouble(Attempt::Refresh, lock.key());
    // It says nothing any more: the record has gone on.
    drop(journal.clear());
    app.audit(&Event::new(Kind::Refreshed, lock.key()).about(&login.tokens.facts));
    Ok(())
}

/// Keeps for the logins to come what this one has learnt of a client that the user brought.
fn keep_client(store: &Store, login: &Login, renewed: &Login) -> Result<(), StoreError> {
    let (server, before) = (&login.facts.server, &login.client.facts);
    let is_news = renewed.client.facts != *before;
    if is_news && store.load_client(server)?.is_some_and(|stored| stored.facts == *before) {
        store.save_client(server, &renewed.client)?;
    }
    Ok(())
}

/// Brings into the record what an unfinished refresh left in the journal; tells whether there was something.
pub fn settle(app: &App, store: &Store, lock: &LoginLock) -> Result<bool, Error> {
    match take_over(store, lock)? {
        Some(login) => settled(app, store.journal(lock)?, &login).map(|()| true),
        None => Ok(false),
    }
}

/// Writes the record that an answer in the journal makes, if there is one.
fn take_over(store: &Store, lock: &LoginLock) -> Result<Option<Login>, Error> {
    let Some(login) = store.load(lock.key())? else { return Ok(None) };
    let Some(refresh_token) = &login.tokens.refresh_token else { return Ok(None) };
    let Some(note) = store.journaled_answer(lock, login.facts.generation)? else { return Ok(None) };
    let Some((answer, received_at)) = read_note(&note) else { return Ok(None) };
    // An answer that is of no use leaves the matter in doubt: the old refresh token is tried once more.
    let Ok(tokens) = token::read_refresh(&answer, &login, refresh_token, received_at) else {
        return Ok(None);
    };
    let login = renewed(store, &login, tokens);
    store.save(lock, &login)?;
    Ok(Some(login))
}

fn settled(app: &App, journal: Journal<'_>, login: &Login) -> Result<(), Error> {
    journal.clear()?;
    app.audit(&Event::new(Kind::Refreshed, &login.key()).about(&login.tokens.facts));
    Ok(())
}

/// Whether the issuer may be asked again already.
pub(super) fn is_rested(app: &App, store: &Store, key: &LoginKey) -> Result<(), Error> {
    let trouble = store.trouble(Attempt::Refresh, key);
    match brake::rest(&trouble, app.now()) {
        None => Ok(()),
        Some(seconds) => Err(Error::Resting { server: key.server.to_string(), seconds, why: trouble.last }),
    }
}

pub(super) fn renewed(store: &Store, login: &Login, mut tokens: TokenSet) -> Login {
    tokens.facts.fingerprint = store.fingerprint(&tokens.access_token);
    tokens.facts.refreshable |= login.facts.grant.asks_anew();
    let mut facts = login.facts.clone();
    facts.state = LoginState::Active;
    facts.generation += 1;
    facts.refresh_count += 1;
    let dpop_key = login.dpop_key.as_ref().map(DpopKey::duplicate);
    Login { facts, client: login.client.duplicate(), tokens, dpop_key }
}

/// The conversation about one refresh token.
struct Renewal<'a> {
    app: &'a App,
    store: &'a Store,
    http: &'a Http,
    login: &'a Login,
    refresh_token: &'a RefreshToken,
    journal: Journal<'a>,
    ends: Instant,
    /// Whether the issuer may have renewed the tokens without our having them.
    in_doubt: bool,
}

/// Why one request brought no tokens.
struct Failure {
    error: oauth::Error,
    /// Whether the issuer may have renewed them all the same.
    lost: bool,
}

impl Renewal<'_> {
    /// Asks, and asks again where that makes sense: `tries` times in all while trouble passes, and once, at once, after
    /// an answer that got lost, because some issuers give it again for a few seconds.
    async fn ask_until_answered(&mut self, tries: u32) -> Result<Login, oauth::Error> {
        let (mut asked, mut doubted) = (0, false);
        loop {
            let Failure { error, lost } = match self.ask().await {
                Ok(renewed) => return Ok(renewed),
                Err(failure) => failure,
            };
            asked += 1;
            self.in_doubt |= lost;
            let rest = self.remember(&error);
            if lost && !doubted {
                // Also for an issuer that took all the time: what it gives again it gives soon or never.
                self.ends = self.ends.max(Instant::now() + SECOND_CHANCE);
            }
            let pause = if lost && !doubted {
                Some(Duration::ZERO)
            } else {
                let pause = (asked < tries).then(|| pause_after(&error, asked)).flatten();
                // The others keep away already, and so do we.
                pause.filter(|pause| *pause >= rest)
            };
            doubted |= lost;
            let left = self.ends.saturating_duration_since(Instant::now());
            let Some(pause) = pause.filter(|pause| *pause < left) else {
                return Err(error);
            };
            self.app.console.detail(&format!("{error}; trying again in {:.1} s", pause.as_secs_f64()));
            tokio::time::sleep(pause).await;
        }
    }

    /// Asks once. A good answer is in the journal before it is read.
    async fn ask(&mut self) -> Result<Login, Failure> {
        let left = self.ends.saturating_duration_since(Instant::now());
        let asked = self.app.now();
        let reply = token::ask_to_refresh(self.http, self.login, self.refresh_token, left, asked).await;
        let reply = reply.map_err(|error| Failure { lost: error.may_have_arrived(), error })?;
        let (answer, now) = (&reply.answer, self.app.now());
        if answer.is_success()
            && let Err(error) = self.journal.keep(&to_note(answer, now))
        {
            // The record is what counts, and it is written next.
            self.app.console.warn(&error.to_string());
        }
        let read = token::read_refresh(answer, self.login, self.refresh_token, now);
        // Words that make no sense may stand where the new tokens should be, and a gateway may have given up on an issuer
        // that went on.
        let gave_up = matches!(answer.status, 408 | 502 | 504);
        let lost = |error: &oauth::Error| gave_up || matches!(error, oauth::Error::Malformed { .. });
        let tokens = read.map_err(|error| Failure { lost: lost(&error), error })?;
        let mut renewed = renewed(self.store, self.login, tokens);
        renewed.client.facts.auth_method = reply.auth_method;
        if reply.left_out_resource {
            renewed.facts.resource = None;
        }
        Ok(renewed)
    }

    fn remember(&self, error: &oauth::Error) -> Duration {
        remember(self.app, self.store, &self.login.key(), error)
    }
}

/// Takes note of a failure, for every process that would ask next, and tells how long nobody is to.
pub(super) fn remember(app: &App, store: &Store, key: &LoginKey, error: &oauth::Error) -> Duration {
    let mut trouble = store.trouble(Attempt::Refresh, key);
    let now = app.now();
    brake::failed(&mut trouble, now, error.retry_after(), error.to_string());
    store.remember_trouble(Attempt::Refresh, key, &trouble);
    Duration::from_secs(brake::rest(&trouble, now).and_then(|rest| rest.try_into().ok()).unwrap_or(0))
}

/// How long to wait before the next try: as long as the issuer says, else 1, 2, 4 seconds, a quarter more or less so
/// that a crowd does not come back as one. `None` if the error will not pass.
pub(super) fn pause_after(error: &oauth::Error, asked: u32) -> Option<Duration> {
    if !error.is_passing() {
        return None;
    }
    if let Some(seconds) = error.retry_after() {
        return Some(Duration::from_secs(seconds));
    }
    let jitter = files::random::<1>().map_or(1.0, |[byte]| 0.75 + f64::from(byte) / 512.0);
    Some(Duration::from_secs(1 << (asked - 1).min(2)).mul_f64(jitter))
}

/// Tells trouble that passes, where everything is kept, from the issuer's final word, which is written down.
fn conclude(
    app: &App,
    store: &Store,
    lock: &LoginLock,
    mut login: Login,
    in_doubt: bool,
    error: oauth::Error,
) -> Result<(), Error> {
    let key = login.key();
    match error {
        // A machine that shares our files and not our locks was faster; what it got is as good as ours would have been.
        oauth::Error::Refused { reason, .. }
            if reason.code == "invalid_grant" && has_gone_on(store, &login)? =>
        {
            Ok(())
        }
        oauth::Error::Refused { reason, .. } if reason.code == "invalid_grant" => {
            let since = app.now();
            let lost = if in_doubt { "; the answer to an earlier refresh was lost" } else { "" };
            login.facts.state =
                LoginState::ReauthRequired { reason: format!("{}{lost}", reason.code), since };
            login.facts.generation += 1;
            store.save(lock, &login)?;
            Err(Error::ended(&key, &format!("{reason}{lost}"), since))
        }
        oauth::Error::Refused { reason, host } => {
            if reason.code == "invalid_client" {
                app.forget_metadata(&login.facts.url);
                forget_client(store, &key.server, &login.client.facts)?;
            }
            let why = format!("{}: {host} refused to refresh: {reason}", key.server);
            // Something is missing in a request that says all that the standard asks for: some issuers want the scope.
            let lacks_scope = reason.code == "invalid_request" && !login.facts.refresh_scope;
            let flag = if lacks_scope { " --refresh-scope" } else { "" };
            Err(Error::login_needed(why, format!("{key}{flag}")))
        }
        error => Err(remote(&key.server)(error)),
    }
}

/// Whether a login is not there any more as it was read.
fn has_gone_on(store: &Store, login: &Login) -> Result<bool, Error> {
    let stored = store.summary(&login.key())?;
    Ok(stored.is_none_or(|stored| stored.login.generation > login.facts.generation))
}

/// What is said of an answer in the journal; its body follows.
#[derive(Serialize, Deserialize)]
struct NoteFacts {
    status: u16,
    host: String,
    received_at: UnixTime,
}

fn to_note(answer: &Answer, received_at: UnixTime) -> Zeroizing<Vec<u8>> {
    let facts = NoteFacts { status: answer.status, host: answer.host.clone(), received_at };
    let facts = serde_json::to_vec(&facts).unwrap_or_default();
    let mut note = Zeroizing::new(Vec::with_capacity(facts.len() + 1 + answer.body.len()));
    note.extend_from_slice(&facts);
    note.push(b'\n');
    note.extend_from_slice(&answer.body);
    note
}

fn read_note(note: &[u8]) -> Option<(Answer, UnixTime)> {
    let end = note.iter().position(|&byte| byte == b'\n')?;
    let facts: NoteFacts = serde_json::from_slice(&note[..end]).ok()?;
    let body = Zeroizing::new(note[end + 1..].to_vec());
    let answer = Answer { status: facts.status, headers: http::HeaderMap::new(), body, host: facts.host };
    Some((answer, facts.received_at))
}
