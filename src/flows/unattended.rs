//! Tokens that a machine asks for by itself, the first time and every time after: client credentials, and whatever
//! vouches for the program or for the person.

use std::time::Duration;

use super::enterprise::{self, FreshLogin};
use super::renewal::{self, Errand};
use super::{App, forget_client, gone_wrong, remote, token_source};
use crate::audit::{Event, Kind};
use crate::error::Error;
use crate::http::HttpError;
use crate::model::{Grant, Login, LoginState, Name};
use crate::oauth::client_auth::Applicant;
use crate::oauth::grants;
use crate::oauth::token::{Asking, Granted};
use crate::secret::Assertion;
use crate::store::{Attempt, LoginLock, Store};
use crate::{http, oauth};

/// How often an issuer in trouble is asked where nothing else is left.
const TRIES: u32 = 3;
/// How long all of it may take, tries and pauses and whoever vouches: less than a sign-in waits for the lock.
const BUDGET: Duration = Duration::from_secs(30);
/// The longest that is waited between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What vouches for whoever asks by a grant that takes no person, where anything does: asked for anew each time.
pub(super) async fn vouch(
    app: &App,
    server: &Name,
    grant: &Grant,
    asking: &Asking<'_>,
    fresh_login: FreshLogin,
) -> Result<Option<Assertion>, Error> {
    match grant {
        Grant::ClientCredentials => Ok(None),
        Grant::Workload(workload) => token_source::read(&workload.assertion).map(Some),
        Grant::Enterprise(enterprise) => {
            enterprise::assertion(app, server, enterprise, asking, fresh_login).await.map(Some)
        }
        Grant::AuthorizationCode | Grant::Device => {
            Err(Error::Unforeseen("a grant that takes a person was asked for without one".into()))
        }
    }
}

/// Asks the issuer for a token. An error is its own word, and nobody else's.
pub(super) async fn ask(asking: &Asking<'_>, assertion: Option<&Assertion>) -> Result<Granted, oauth::Error> {
    match assertion {
        None => grants::client_credentials(asking).await,
        Some(assertion) => grants::jwt_bearer(asking, assertion).await,
    }
}

/// Asks for the next token of the login whose lock is held, unless somebody else did. There is nothing to lose, so no
/// journal and no process of its own: whoever is ended in between leaves a login that asks again.
pub(super) fn renew(
    app: &App,
    store: &Store,
    lock: &LoginLock,
    errand: Errand,
    fresh_login: FreshLogin,
) -> Result<(), Error> {
    let key = lock.key();
    let Some(login) = store.load(key)? else { return Ok(()) };
    if login.facts.generation > errand.seen || login.facts.state != LoginState::Active {
        return Ok(());
    }
    renewal::is_rested(app, store, key)?;
    let tries = if errand.is_urgent && login.facts.grant == Grant::ClientCredentials { TRIES } else { 1 };
    let asked = http::block_on(within_budget(&login, ask_again(app, store, &login, tries, fresh_login)));
    let asked = asked.map_err(|error| remote(&key.server)(error.into())).and_then(std::convert::identity);
    match asked {
        Ok(Granted { tokens, auth_method }) => {
            let mut login = renewal::renewed(store, &login, tokens);
            login.client.facts.auth_method = auth_method;
            store.save(lock, &login)?;
            store.forget_trouble(Attempt::Refresh, key);
            app.audit(&Event::new(Kind::Refreshed, key).about(&login.tokens.facts));
            Ok(())
        }
        Err(error) => {
            app.audit(&gone_wrong(Kind::RefreshFailed, key, &error));
            Err(error)
        }
    }
}

async fn within_budget(
    login: &Login,
    asking: impl Future<Output = Result<Granted, Error>>,
) -> Result<Granted, Error> {
    tokio::time::timeout(BUDGET, asking).await.unwrap_or_else(|_| {
        let host = login.facts.endpoints.token.host_str().unwrap_or_default().to_owned();
        let timeout = HttpError::Timeout { host, seconds: BUDGET.as_secs() };
        Err(remote(&login.facts.server)(timeout.into()))
    })
}

/// Asks as at the login, up to `tries` times while trouble passes. An assertion works once, so whoever shows one has one
/// try.
async fn ask_again(
    app: &App,
    store: &Store,
    login: &Login,
    tries: u32,
    fresh_login: FreshLogin,
) -> Result<Granted, Error> {
    let http = app.http(&login.facts.url);
    let asking = Asking {
        applicant: Applicant::of(&http, login, app.now()),
        resource: login.facts.resource.as_deref(),
        scope: &login.facts.requested_scope,
    };
    let mut asked = 0;
    loop {
        let error = match ask_once(app, store, login, &asking, fresh_login).await {
            Ok(granted) => return Ok(granted),
            Err(error) => error,
        };
        asked += 1;
        let pause = match &error {
            Error::Remote { source, .. } => {
                renewal::remember(app, store, &login.key(), source);
                renewal::pause_after(source, asked)
            }
            _ => None,
        };
        match pause.filter(|pause| asked < tries && *pause <= LONGEST_PAUSE) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(ended(login, error)),
        }
    }
}

/// Asks once. A client that its issuer forgot is dropped, so that the next login gets another.
async fn ask_once(
    app: &App,
    store: &Store,
    login: &Login,
    asking: &Asking<'_>,
    fresh_login: FreshLogin,
) -> Result<Granted, Error> {
    let server = &login.facts.server;
    let assertion = vouch(app, server, &login.facts.grant, asking, fresh_login).await?;
    let granted = ask(asking, assertion.as_ref()).await;
    if let Err(oauth::Error::Refused { reason, .. }) = &granted
        && reason.code == "invalid_client"
    {
        app.forget_metadata(&login.facts.url);
        forget_client(store, server, &login.client.facts)?;
    }
    granted.map_err(remote(server))
}

/// The issuer's word on a token that was asked for, for somebody who only wanted one.
fn ended(login: &Login, error: Error) -> Error {
    match error {
        Error::Remote { source, .. } if matches!(*source, oauth::Error::Refused { .. }) => {
            Error::login_needed(format!("{}: {source}", login.facts.server), login.key())
        }
        error => error,
    }
}
