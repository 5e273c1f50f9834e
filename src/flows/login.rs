//! Signing in: discover, register, authorize, exchange, save. A new login replaces an old one only here, at the
//! end, when it has succeeded.

use std::sync::Arc;
use std::time::Duration;

use super::brought::{BroughtClient, bring};
use super::{App, brake, forget_client, gone_wrong, redirect, remote, renewal};
use crate::audit::{Event, Kind};
use crate::browser::{Listener, ListenerOptions, Page};
use crate::config::{ResourceChoice, ServerProfile};
use crate::error::Error;
use crate::http::{self, Http};
use crate::model::{
    ClientFacts, ClientRegistration, Identity, Login, LoginFacts, LoginKey, LoginState, LoginSummary, Name,
    RegistrationSource, ScopeSet, ServerUrl,
};
use crate::oauth::authorization::{AuthorizationRequest, PendingAuthorization};
use crate::oauth::discovery::{Discovery, Trace};
use crate::oauth::registration::{self, Candidates};
use crate::oauth::{self, identity, token};
use crate::platform;
use crate::secret::AuthorizationCode;
use crate::store::{Attempt, Store, StoreError};
use crate::wording::quoted;

/// How long a login waits for another process that is refreshing the login it replaces: longer than that may take,
/// because what a person has just consented to cannot be had again without them.
const PATIENCE: Duration = Duration::from_secs(45);

/// What a login is to be.
pub struct LoginRequest {
    /// The server, with everything that the command line settled for it.
    pub profile: ServerProfile,
    /// The account there.
    pub account: Name,
    /// A client that the user brings for this login and those after it.
    pub client: Option<BroughtClient>,
    /// Whether a page may be opened.
    pub browser: bool,
    /// Whether only a pasted address is awaited, and nobody listens.
    pub paste_only: bool,
    /// Whether to say every step of discovery and the rule behind it.
    pub explain: bool,
    /// How long the person has.
    pub timeout: Duration,
}

/// What came of a login.
pub struct LoginOutcome {
    /// The new login.
    pub summary: LoginSummary,
    /// Who was signed in before, if that was somebody else.
    pub before: Option<Identity>,
    /// How discovery went.
    pub trace: Trace,
}

/// Signs in. Nothing is stored unless all of it succeeds.
pub fn login(app: &mut App, request: &LoginRequest) -> Result<LoginOutcome, Error> {
    // Nobody is sent to a browser for a login that could not be kept.
    app.config.admits(&request.profile)?;
    let store = app.store_for_login()?;
    let key = LoginKey { server: request.profile.name.clone(), account: request.account.clone() };
    replaceable(app, &store, &key)?;
    can_be_locked(&store, &key)?;
    is_rested(app, &store, &key, &request.profile.url)?;
    app.audit(&Event::new(Kind::LoginStarted, &key));
    let outcome = attempt(app, &store, request);
    app.audit(&match &outcome {
        Ok(outcome) => {
            let LoginSummary { client, tokens, .. } = &outcome.summary;
            Event::new(Kind::LoginCompleted, &key).about(tokens).client(&client.client_id)
        }
        Err(error) => gone_wrong(Kind::LoginFailed, &key, error),
    });
    if outcome.is_ok() {
        store.forget_trouble(Attempt::Login, &key);
        // Whoever has just answered a person is not in trouble.
        store.forget_trouble(Attempt::Refresh, &key);
    }
    outcome
}

/// Signs in, unless the person interrupts it.
fn attempt(app: &App, store: &Store, request: &LoginRequest) -> Result<LoginOutcome, Error> {
    let command = again(app, request);
    let signing_in = async {
        tokio::select! {
            // Looked at first, so that it is awaited before anything is said: a person may be quick.
            biased;
            () = platform::interrupted() => Err(Error::Cancelled { command: command.clone() }),
            outcome = sign_in(app, store, request, &command) => outcome,
        }
    };
    let outcome = http::block_on(signing_in).map_err(|error| remote(&request.profile.url)(error.into()));
    outcome.and_then(std::convert::identity).map_err(|error| match error {
        Error::Remote { server, source, .. } => Error::Remote { server, command, source },
        error => error,
    })
}

/// Finds out before anybody is asked whether the login can be kept apart from others that change it. Somebody who
/// changes it just now is waited for later.
fn can_be_locked(store: &Store, key: &LoginKey) -> Result<(), StoreError> {
    match store.lock(key, Duration::ZERO) {
        Ok(lock) => drop(lock),
        Err(StoreError::Busy { .. }) => {}
        Err(error) => return Err(error),
    }
    // A journal that is none could not be cleared in the end.
    store.journal_state(key).map(drop)
}

/// A program that signs in over and over must not open a page each time.
fn is_rested(app: &App, store: &Store, key: &LoginKey, url: &ServerUrl) -> Result<(), Error> {
    match brake::rest(&store.trouble(Attempt::Login, key), app.now()) {
        None => Ok(()),
        Some(seconds) => {
            Err(Error::TooManyLogins { server: key.server.to_string(), url: url.to_string(), seconds })
        }
    }
}

/// Counts the pages that a person is sent to, until a login succeeds.
fn count(app: &App, store: &Store, key: &LoginKey) {
    let mut trouble = store.trouble(Attempt::Login, key);
    brake::failed(&mut trouble, app.now(), None, String::new());
    store.remember_trouble(Attempt::Login, key, &trouble);
}

/// The command that tries the same again. A server that nobody has signed in to has no name yet.
pub fn again(app: &App, request: &LoginRequest) -> String {
    let profile = &request.profile;
    let known = app.config.profile(&profile.name).is_ok_and(|known| known.is_some());
    let server = if known { profile.name.to_string() } else { quoted(profile.url.as_str()) };
    let named_otherwise = || app.config.name_for(&profile.url).is_ok_and(|usual| usual != profile.name);
    let name = (!known && named_otherwise()).then(|| format!(" --name {}", profile.name));
    let account = (request.account != Name::default()).then(|| format!(" --account {}", request.account));
    format!("mcpauth login {server}{}{}", name.unwrap_or_default(), account.unwrap_or_default())
}

async fn sign_in(
    app: &App,
    store: &Store,
    request: &LoginRequest,
    command: &str,
) -> Result<LoginOutcome, Error> {
    let profile = &request.profile;
    let http = app.http(&profile.url);
    let mut trace = Trace::default();
    let found = find_issuer(app, request, &http, &mut trace).await?;
    let Prepared { client, reused, listener, pending } = prepare(app, store, request, &http, &found).await?;
    count(app, store, &LoginKey { server: profile.name.clone(), account: request.account.clone() });
    announce(app, request, &found, &pending);
    let paste = request.paste_only || app.ports.terminal.is_interactive();
    let arrival = redirect::await_redirect(app, &pending, listener, paste, request.timeout, command).await;
    if arrival.is_err() && reused {
        // An issuer that has forgotten a client says so on its own page and sends no browser back.
        forget_client(store, &profile.name, &client.facts)?;
    }
    let arrival = arrival?;
    let outcome = match arrival.code {
        Ok(code) => complete(app, store, request, Signed { http, found, client, pending, code }).await,
        Err(error) => Err(remote(&profile.url)(error)),
    };
    // Only now, so that the page never says more than is true.
    if let Some(browser) = arrival.browser {
        browser.answer(if outcome.is_ok() { Page::SignedIn } else { Page::NotSignedIn });
    }
    let (summary, before) = outcome?;
    Ok(LoginOutcome { summary, before, trace })
}

/// Discovers the issuer, and refuses one that does not promise to check PKCE unless the user settled otherwise.
async fn find_issuer(
    app: &App,
    request: &LoginRequest,
    http: &Http,
    trace: &mut Trace,
) -> Result<Discovery, Error> {
    let profile = &request.profile;
    let found = super::discover::ask(http, profile, trace).await;
    for step in &trace.0 {
        if request.explain {
            app.console.say(&step.to_string());
        } else {
            app.console.detail(&step.to_string());
        }
    }
    let found = found.map_err(remote(&profile.url))?;
    if !found.issuer.advertises_s256() && !profile.assume_pkce {
        return Err(remote(&profile.url)(oauth::Error::NoPkce(found.issuer.issuer.clone())));
    }
    Ok(found)
}

/// Everything that has to be there before a person is asked.
struct Prepared {
    client: ClientRegistration,
    /// Whether the client is one of an earlier login.
    reused: bool,
    listener: Option<Listener>,
    pending: Arc<PendingAuthorization>,
}

/// Opens the port, becomes a client with it, and makes the request.
async fn prepare(
    app: &App,
    store: &Store,
    request: &LoginRequest,
    http: &Http,
    found: &Discovery,
) -> Result<Prepared, Error> {
    let profile = &request.profile;
    let stored = match &request.client {
        Some(brought) => Some(bring(brought, found)),
        None => known_client(app, store, &profile.name)?,
    };
    let known = stored.as_ref().map(|client| client.facts.client_id.clone());
    let listener = listen(request, stored.as_ref())?;
    let redirect_uri = redirect_uri(request, listener.as_ref());
    let scope = profile.scope.clone().unwrap_or_else(|| found.scope());
    let document =
        profile.client_metadata_url.as_ref().or(app.config.settings().client_metadata_url.as_ref());
    let candidates = Candidates { stored, metadata_document: document };
    let client = registration::register(http, &found.issuer, candidates, &redirect_uri, &scope, app.now())
        .await
        .map_err(remote(&profile.url))?;
    if client.facts.source != RegistrationSource::MetadataDocument && request.client.is_none() {
        // Kept even if nobody signs in: the next attempt need not register again.
        store.save_client(&profile.name, &client)?;
    }
    let reused = known.as_ref() == Some(&client.facts.client_id);
    if client.facts.source == RegistrationSource::Dynamic && !reused {
        let key = LoginKey { server: profile.name.clone(), account: request.account.clone() };
        app.audit(&Event::new(Kind::ClientRegistered, &key).scope(&scope).client(&client.facts.client_id));
    }
    let pending = Arc::new(begin(profile, found, &client.facts, &redirect_uri, &scope)?);
    Ok(Prepared { client, reused, listener, pending })
}

/// The client of an earlier login. One that was left behind in another store, or sealed with a key that is lost, can
/// no longer be read; it keeps nobody from signing in anew.
fn known_client(app: &App, store: &Store, server: &Name) -> Result<Option<ClientRegistration>, Error> {
    match store.load_client(server) {
        Err(StoreError::OtherStore { sealed_by, .. }) => {
            app.console.warn(&format!(
                "the client of {server} stays behind in the {sealed_by} store; give a --client-id if it was yours"
            ));
            Ok(None)
        }
        Err(StoreError::OtherKey { .. }) => {
            app.console.warn(&format!(
                "the client of {server} was sealed with a key that is lost; give a --client-id if it was yours"
            ));
            Ok(None)
        }
        loaded => Ok(loaded?),
    }
}

/// Binds the listener before anything is registered or opened. The port that the issuer has on file is tried
/// first, unless the user settled one.
fn listen(request: &LoginRequest, stored: Option<&ClientRegistration>) -> Result<Option<Listener>, Error> {
    if request.paste_only {
        return Ok(None);
    }
    let callback = &request.profile.callback;
    let registered = stored
        .and_then(|client| client.facts.redirect_uri.as_deref())
        .and_then(|uri| url::Url::parse(uri).ok()?.port());
    let ports = match callback.port {
        Some(port) => vec![port],
        None => registered.into_iter().chain([0]).collect(),
    };
    Ok(Some(Listener::bind(&ListenerOptions {
        host: callback.host.clone().unwrap_or_else(|| "127.0.0.1".into()),
        ports,
        strict_port: callback.port.is_some(),
        path: callback.path.clone().unwrap_or_else(|| "/callback".into()),
    })?))
}

/// The redirect URI: the user's own, the listener's, or, where nobody listens, one that only has to look right.
fn redirect_uri(request: &LoginRequest, listener: Option<&Listener>) -> String {
    let callback = &request.profile.callback;
    match (&callback.redirect_url, listener) {
        (Some(url), _) => url.to_string(),
        (None, Some(listener)) => listener.redirect_uri(),
        (None, None) => format!(
            "http://{}:{}{}",
            callback.host.as_deref().unwrap_or("127.0.0.1"),
            callback.port.unwrap_or(51_789),
            callback.path.as_deref().unwrap_or("/callback")
        ),
    }
}

fn begin(
    profile: &ServerProfile,
    found: &Discovery,
    client: &ClientFacts,
    redirect_uri: &str,
    scope: &ScopeSet,
) -> Result<PendingAuthorization, Error> {
    let resource = match &profile.resource {
        ResourceChoice::Discovered => found.resource.as_deref(),
        ResourceChoice::Fixed(resource) => Some(resource.as_str()),
        ResourceChoice::Omitted => None,
    };
    let parameters: Vec<_> = profile.auth_params.clone().into_iter().collect();
    let request = AuthorizationRequest {
        issuer: &found.issuer,
        client,
        redirect_uri,
        resource,
        scope,
        parameters: &parameters,
    };
    PendingAuthorization::begin(&request).map_err(remote(&profile.url))
}

/// Says who will be asked for what, opens the page where that is possible, and prints its address in any case: a
/// person may prefer another browser than the one that opens.
fn announce(app: &App, request: &LoginRequest, found: &Discovery, pending: &PendingAuthorization) {
    let profile = &request.profile;
    let issuer = &found.issuer.issuer;
    let console = &app.console;
    console.say(&format!("signing in to {} ({})", profile.name, profile.url));
    let at = pending.url.host_str().unwrap_or_default();
    let elsewhere = url::Url::parse(issuer.as_str()).is_ok_and(|url| url.host_str() != Some(at));
    console.say(&format!(
        "  issuer  {issuer}{}",
        if elsewhere { format!(", sign-in at {at}") } else { String::new() }
    ));
    if found.legacy {
        console.warn("this server names no issuer, so nothing vouches for the one at its own address");
    }
    console.say(&format!(
        "  scope   {}",
        if pending.scope.is_empty() { "as the issuer decides".into() } else { pending.scope.to_string() }
    ));
    let opened = request.browser && app.ports.browser.available();
    let opened = opened
        && match app.ports.browser.open(&pending.url) {
            Ok(()) => true,
            Err(error) => {
                console.warn(&error.to_string());
                false
            }
        };
    console.say(if opened {
        "a page opens in your browser; if it does not, open this address:"
    } else {
        "open this address in a browser:"
    });
    // Also with --quiet: without it nobody could finish. On a line of its own, so that it can be copied whole.
    let _ = app.ports.terminal.write_talk(&format!("\n{}\n\n", pending.url));
}

/// Everything that a person's consent has brought together.
struct Signed {
    http: Http,
    found: Discovery,
    client: ClientRegistration,
    pending: Arc<PendingAuthorization>,
    code: AuthorizationCode,
}

/// Redeems the code and stores the login.
async fn complete(
    app: &App,
    store: &Store,
    request: &LoginRequest,
    signed: Signed,
) -> Result<(LoginSummary, Option<Identity>), Error> {
    let Signed { http, found, client, pending, code } = signed;
    let profile = &request.profile;
    let endpoints = found.issuer.endpoints();
    let tokens = token::exchange(&http, &endpoints, &client, &pending, &code, app.now()).await;
    let mut tokens = tokens.map_err(|error| exchange_failed(store, profile, &client, error))?;
    tokens.facts.fingerprint = store.fingerprint(&tokens.access_token);
    let identity = identity::identify(&http, &endpoints, &tokens).await;
    let now = app.now();
    let facts = LoginFacts {
        server: profile.name.clone(),
        account: request.account.clone(),
        url: profile.url.clone(),
        resource: pending.resource.clone(),
        endpoints,
        grant: crate::model::Grant::default(),
        refresh_scope: false,
        requested_scope: pending.scope.clone(),
        identity,
        state: LoginState::Active,
        generation: 1,
        refresh_count: 0,
        created_at: now,
    };
    save(app, store, request, Login { facts, client, tokens, dpop_key: None })
}

/// Why a code could not be redeemed. An issuer that says that it does not know its own client is believed.
fn exchange_failed(
    store: &Store,
    profile: &ServerProfile,
    client: &ClientRegistration,
    error: oauth::Error,
) -> Error {
    let forgotten = matches!(&error, oauth::Error::Refused { reason, .. } if reason.code == "invalid_client");
    match forgotten.then(|| forget_client(store, &profile.name, &client.facts)) {
        Some(Err(error)) => error.into(),
        _ => remote(&profile.url)(error),
    }
}

/// What a new login would replace. An error if it must not be touched, such as a record of a newer release.
fn replaceable(app: &App, store: &Store, key: &LoginKey) -> Result<Option<LoginSummary>, Error> {
    match store.summary(key) {
        // It was moved aside; the new login takes its place.
        Err(error @ StoreError::Damaged { .. }) => {
            app.console.warn(&error.to_string());
            Ok(None)
        }
        found => Ok(found?),
    }
}

/// Replaces the old login, if there is one, under its lock and with a higher generation.
fn save(
    app: &App,
    store: &Store,
    request: &LoginRequest,
    mut login: Login,
) -> Result<(LoginSummary, Option<Identity>), Error> {
    let lock = store.lock(&login.key(), PATIENCE)?;
    let old = replaceable(app, store, &login.key())?;
    // What a refresh of the old login left belongs to that one, whole or not at all: it is brought home first, so that
    // whoever is ended before the end leaves a login that works.
    if old.is_none() || renewal::settle(app, store, &lock).is_err() {
        store.journal(&lock)?.clear()?;
    }
    let old = store.summary(&login.key())?.or(old);
    let before = old.map(|old| (old.login.generation, old.login.identity));
    login.facts.generation = before.as_ref().map_or(1, |(generation, _)| generation + 1);
    app.config.save_profile(&request.profile)?;
    store.save(&lock, &login)?;
    if login.client.facts.source == RegistrationSource::Preregistered {
        store.save_client(&request.profile.name, &login.client)?;
    }
    let somebody_else = |identity: &Identity| identity.label().is_some() && *identity != login.facts.identity;
    let before = before.map(|(_, identity)| identity).filter(somebody_else);
    Ok((LoginSummary::from(&login), before))
}
