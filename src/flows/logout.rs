//! Signing out: revoke at the issuer, forget the client if asked to, delete here, and say which of these happened.

use std::time::Duration;

use serde::Serialize;

use super::{App, forget_client, renewal, session};
use crate::audit::{Event, Kind};
use crate::error::Error;
use crate::http::{self, Http};
use crate::model::{Login, LoginKey, LoginState, TokenFacts};
use crate::oauth;
use crate::oauth::registration::{self, Unregistered};
use crate::oauth::token::{self, TokenKind};
use crate::store::{LoginLock, Store};

/// How long the issuer has to answer all requests of a logout together.
const BUDGET: Duration = Duration::from_secs(5);
/// How long to wait for a process that is refreshing the login.
const PATIENCE: Duration = Duration::from_secs(20);

/// How thorough a logout is to be.
#[derive(Clone, Debug, Default)]
pub struct LogoutRequest {
    /// Why, for the record.
    pub reason: Option<String>,
    /// Ask no issuer, only delete here.
    pub local_only: bool,
    /// Delete the dynamic client, too (RFC 7592).
    pub forget_client: bool,
}

/// What became of one thing that was to be ended at the issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", content = "why", rename_all = "snake_case")]
pub enum Ended {
    /// The issuer confirmed it.
    Done,
    /// There was nothing to end.
    Nothing,
    /// The issuer offers no way.
    NotOffered,
    /// It was not asked.
    NotAsked,
    /// It was asked and did not do it.
    Failed(String),
}

impl Ended {
    /// In a word, for the log.
    fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Nothing => "nothing",
            Self::NotOffered => "not_offered",
            Self::NotAsked => "not_asked",
            Self::Failed(_) => "failed",
        }
    }

    /// In words, for a person.
    pub fn in_words(&self) -> String {
        match self {
            Self::Done => "done".into(),
            Self::Nothing => "there was none".into(),
            Self::NotOffered => "the issuer offers no way".into(),
            Self::NotAsked => "not asked".into(),
            Self::Failed(why) => format!("failed, it may live on there until it ends: {why}"),
        }
    }
}

/// What a logout did.
#[derive(Clone, Debug, Serialize)]
pub struct LogoutOutcome {
    /// The server.
    pub server: String,
    /// The account there.
    pub account: String,
    /// The refresh token at the issuer.
    pub refresh_token: Ended,
    /// The access token at the issuer.
    pub access_token: Ended,
    /// The dynamic client at the issuer.
    pub client: Ended,
    /// Whether the login was deleted here.
    pub deleted_here: bool,
}

/// Ends a login. It is deleted here whatever the issuer says. Where no issuer is to be asked the secrets stay closed,
/// so that a login whose key is lost can be deleted, too.
pub fn logout(app: &App, key: &LoginKey, request: &LogoutRequest) -> Result<LogoutOutcome, Error> {
    let store = app.store()?;
    // The lock first: a refresh that is under way would bring back to life what is revoked here.
    let lock = store.lock(key, PATIENCE)?;
    let missing = || session::missing(&store, key);
    let mut outcome = LogoutOutcome {
        server: key.server.to_string(),
        account: key.account.to_string(),
        refresh_token: Ended::NotAsked,
        access_token: Ended::NotAsked,
        client: Ended::NotAsked,
        deleted_here: false,
    };
    let tokens = if request.local_only {
        store.summary(key)?.ok_or_else(missing)?.tokens
    } else {
        end_at_issuer(app, &store, &lock, request, &mut outcome)?
    };
    outcome.deleted_here = store.remove(&lock)?;
    app.audit(&revoked(key, request, &outcome, &tokens));
    Ok(outcome)
}

/// Ends the login at its issuer, as far as that can be done, and tells which tokens it was about.
fn end_at_issuer(
    app: &App,
    store: &Store,
    lock: &LoginLock,
    request: &LogoutRequest,
    outcome: &mut LogoutOutcome,
) -> Result<TokenFacts, Error> {
    let key = lock.key();
    // What is revoked has to be the newest refresh token that there is.
    if let Err(error) = renewal::settle(app, store, lock) {
        app.console.warn(&format!("{error}; signing out of {} all the same", key.server));
    }
    let login = store.load(key)?.ok_or_else(|| session::missing(store, key))?;
    let login = announce(app, store, lock, login);
    ask_issuer(app, &login, request, outcome);
    if outcome.client == Ended::Done {
        forget_client(store, &key.server, &login.client.facts)?;
    }
    Ok(login.tokens.facts)
}

/// Writes down that the login is being ended, so that a logout that dies on the way can be seen and finished. Where
/// that cannot be written, as on a full disk, the login is ended all the same.
fn announce(app: &App, store: &Store, lock: &LoginLock, mut login: Login) -> Login {
    if matches!(login.facts.state, LoginState::RevocationPending { .. }) {
        return login;
    }
    login.facts.state = LoginState::RevocationPending { since: app.now() };
    login.facts.generation += 1;
    if let Err(error) = store.save(lock, &login) {
        app.console.warn(&format!("{error}; signing out of {} all the same", login.facts.server));
    }
    login
}

/// What is written down of a logout: what became of each part, and of which token.
fn revoked(key: &LoginKey, request: &LogoutRequest, outcome: &LogoutOutcome, tokens: &TokenFacts) -> Event {
    let parts = [
        ("refresh_token", &outcome.refresh_token),
        ("access_token", &outcome.access_token),
        ("client", &outcome.client),
    ];
    let event = Event::new(Kind::Revoked, key).about(tokens);
    let event = parts.into_iter().fold(event, |event, (what, how)| event.ended(what, how.word()));
    request.reason.iter().fold(event, |event, reason| event.reason(reason))
}

/// Asks the issuer to end everything, within the time that there is for it.
fn ask_issuer(app: &App, login: &Login, request: &LogoutRequest, outcome: &mut LogoutOutcome) {
    let http = app.http(&login.facts.url);
    let ending =
        async { tokio::time::timeout(BUDGET, end(app, &http, login, request, outcome)).await.is_ok() };
    if http::block_on(ending).unwrap_or(false) {
        return;
    }
    let client = request.forget_client.then_some(&mut outcome.client);
    for part in [&mut outcome.refresh_token, &mut outcome.access_token].into_iter().chain(client) {
        if *part == Ended::NotAsked {
            *part = Ended::Failed(format!("no answer within {} s", BUDGET.as_secs()));
        }
    }
}

/// The refresh token first: once it is gone, nothing new can be had.
async fn end(app: &App, http: &Http, login: &Login, request: &LogoutRequest, outcome: &mut LogoutOutcome) {
    outcome.refresh_token = if login.tokens.refresh_token.is_some() {
        told(token::revoke(http, login, TokenKind::Refresh, app.now()).await)
    } else {
        Ended::Nothing
    };
    outcome.access_token = told(token::revoke(http, login, TokenKind::Access, app.now()).await);
    if request.forget_client {
        outcome.client = match registration::unregister(http, &login.client).await {
            Ok(Unregistered::Deleted) => Ended::Done,
            Ok(Unregistered::NotOffered) => Ended::NotOffered,
            Err(error) => Ended::Failed(error.to_string()),
        };
    }
}

fn told(revoked: Result<bool, oauth::Error>) -> Ended {
    match revoked {
        Ok(true) => Ended::Done,
        Ok(false) => Ended::NotOffered,
        Err(error) => Ended::Failed(error.to_string()),
    }
}
