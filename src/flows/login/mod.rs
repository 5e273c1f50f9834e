//! Signing in: discover, become a client, obtain tokens by the grant that is settled, save. A new login replaces an old
//! one only here, at the end, when it has succeeded.

mod binding;
mod client;
mod code;
mod device;
mod elsewhere;
mod signing;
mod unattended;
mod vouching;

use std::collections::BTreeMap;
use std::time::Duration;

use self::signing::{Obtained, Signing, Trouble};
use super::brought::BroughtClient;
use super::dealings::{self, Dealings};
use super::explain::Decisions;
use super::{App, brake, gone_wrong, remote, renewal};
use crate::audit::{Event, Kind};
use crate::browser::Page;
use crate::config::ServerProfile;
use crate::error::Error;
use crate::http::{self, Http};
use crate::model::{
    GrantKind, Identity, Login, LoginFacts, LoginKey, LoginState, LoginSummary, Name, RegistrationSource,
    ScopeSet, ServerUrl,
};
use crate::oauth::discovery::{Discovery, Trace};
use crate::oauth::{self, identity};
use crate::platform;
use crate::secret::DpopKey;
use crate::store::{Attempt, Store, StoreError};
use crate::wording::quoted;

/// How long a login waits for another process that is refreshing the login it replaces: longer than that may take,
/// because what a person has just consented to cannot be had again without them.
const PATIENCE: Duration = Duration::from_secs(45);

/// How often it is looked whether somebody signs in by another way.
const LOOK: Duration = Duration::from_secs(1);

/// The ports that the client id metadata document in `docs` names, for issuers that compare redirect URIs as texts.
pub const PUBLISHED_PORTS: [u16; 3] = [51_789, 51_790, 51_791];

/// What a login is to be.
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
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
    /// By which grant.
    pub grant: GrantKind,
    /// What to ask for beyond what the login has already.
    pub add_scope: ScopeSet,
    /// Further parameters of the sign-in page, for this time only.
    pub extra_params: BTreeMap<String, String>,
    /// Whether to ask the server and its issuer for everything, whatever is remembered of them.
    pub fresh: bool,
    /// Whether to draw the address of a page that is to be opened elsewhere.
    pub qr: bool,
    /// Whether to say every step of discovery and the rule behind it.
    pub explain: bool,
    /// How long the person has.
    pub timeout: Duration,
    /// Whether it gives way to somebody who signs in by another way meanwhile.
    pub gives_way: bool,
}

impl LoginRequest {
    /// A sign-in that a program begins by itself, as the profile settles it.
    pub fn by_itself(profile: ServerProfile, account: Name, add_scope: ScopeSet, timeout: Duration) -> Self {
        Self {
            grant: profile.grant,
            profile,
            account,
            client: None,
            browser: true,
            paste_only: false,
            add_scope,
            extra_params: BTreeMap::new(),
            fresh: false,
            qr: false,
            explain: false,
            timeout,
            gives_way: true,
        }
    }

    /// Which login is to be.
    pub fn key(&self) -> LoginKey {
        LoginKey { server: self.profile.name.clone(), account: self.account.clone() }
    }
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
    dealings::check(&request.profile)?;
    let store = app.store_for_login()?;
    let key = request.key();
    replaceable(app, &store, &key)?;
    can_be_locked(&store, &key)?;
    is_rested(app, &store, &key, &request.profile.url)?;
    app.audit(&Event::new(Kind::LoginStarted, &key));
    let outcome = attempt(app, &store, request);
    app.audit(&match &outcome {
        Ok(outcome) => {
            let LoginSummary { client, tokens, .. } = &outcome.summary;
            let event = Event::new(Kind::LoginCompleted, &key).about(tokens).client(&client.client_id);
            event.overrides(request.profile.overrides())
        }
        Err(error) => gone_wrong(Kind::LoginFailed, &key, error),
    });
    if outcome.is_err() {
        // Whatever it was, the next attempt begins at the beginning.
        app.forget_metadata_of(&request.profile.url, request.profile.issuer.as_ref());
    }
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
            () = overtaken(store, request) => Err(Error::Cancelled { command: command.clone() }),
            outcome = sign_in(app, store, request, &command) => outcome,
        }
    };
    let outcome = http::block_on(signing_in).map_err(|error| remote(&request.profile.url)(error.into()));
    outcome.and_then(std::convert::identity).map_err(|error| match error {
        Error::Remote { server, source, .. } => Error::Remote { server, command, source },
        error => error,
    })
}

/// Waits until somebody has signed in by another way. What the sign-in itself stores is never seen here: from there on it
/// does not wait any more.
async fn overtaken(store: &Store, request: &LoginRequest) {
    let look = || store.summary(&request.key()).ok().flatten().map(|summary| summary.login.sign_in());
    let before = look();
    loop {
        tokio::time::sleep(LOOK).await;
        if request.gives_way && look().is_some_and(|now| Some(now) != before) {
            return;
        }
    }
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
    let stored = app.config.profile(&profile.name).ok().flatten();
    let known = stored.is_some();
    let server = if known { profile.name.to_string() } else { quoted(profile.url.as_str()) };
    let named_otherwise = || app.config.name_for(&profile.url).is_ok_and(|usual| usual != profile.name);
    let name = (!known && named_otherwise()).then(|| format!(" --name {}", profile.name));
    let account = (request.account != Name::default()).then(|| format!(" --account {}", request.account));
    let device = request.grant == GrantKind::Device && profile.grant != GrantKind::Device;
    let device = if device { " --device" } else { "" };
    // What a login that failed has settled is kept nowhere.
    let unsaved = unsaved(request, stored.as_ref());
    let (name, account) = (name.unwrap_or_default(), account.unwrap_or_default());
    format!("mcpauth login {server}{name}{account}{device}{unsaved}")
}

/// The flags that would settle again what nobody has saved.
fn unsaved(request: &LoginRequest, stored: Option<&ServerProfile>) -> String {
    let settled = |profile: &ServerProfile| [profile.grant_flags(), profile.override_flags()].concat();
    let saved = stored.map(settled).unwrap_or_default();
    let mut flags = settled(&request.profile);
    flags.retain(|flag| !saved.contains(flag));
    if !request.add_scope.is_empty() {
        flags.push(format!("--add-scope {}", quoted(&request.add_scope.to_string())));
    }
    if let Some(BroughtClient { id, secret, key }) = &request.client {
        flags.push(format!("--client-id {}", quoted(id)));
        flags.extend(secret.as_ref().map(|_| "--client-secret-stdin".to_owned()));
        flags.extend(key.as_ref().map(|_| "--key FILE".to_owned()));
    }
    flags.iter().map(|flag| [" ", flag].concat()).collect()
}

async fn sign_in(
    app: &App,
    store: &Store,
    request: &LoginRequest,
    command: &str,
) -> Result<LoginOutcome, Error> {
    let http = app.http_to(&request.profile);
    // What was found out before may make every request to the server needless until somebody has signed in.
    http.prepare().map_err(|error| remote(&request.profile.url)(error.into()))?;
    let mut trace = Trace::default();
    let (found, dealings) = find_issuer(app, store, request, &http, &mut trace).await?;
    let scope = scope(store, request, &dealings)?;
    let dpop_key = binding::key(&request.profile, &found)?;
    let (http, found, dealings) = (&http, &found, &dealings);
    let signing = Signing { app, store, request, http, found, dealings, scope: &scope, dpop_key, command };
    let outcome = match signing.obtain().await {
        // The issuer has forgotten a client that it gave: once, another one is asked for.
        Err(Trouble::ClientForgotten { client_id, .. }) => {
            app.console.warn(&format!("the issuer no longer knows client {client_id}; registering anew"));
            signing.obtain().await
        }
        outcome => outcome,
    };
    let (summary, before) = outcome.map_err(Trouble::into_error)?;
    Ok(LoginOutcome { summary, before, trace })
}

/// The scope to ask for: the user's, else what the server says; with --add-scope, what the login was asked and given
/// before and what is to be added (MCP, Step-Up Authorization Flow).
fn scope(store: &Store, request: &LoginRequest, dealings: &Dealings) -> Result<ScopeSet, Error> {
    let usual = || dealings.scope.clone();
    if request.add_scope.is_empty() {
        return Ok(usual());
    }
    let before = store.summary(&request.key())?;
    let mut scope = match &before {
        Some(before) => before.login.requested_scope.union(&before.tokens.scope),
        None => usual(),
    };
    scope = scope.union(&request.add_scope);
    Ok(scope)
}

impl Signing<'_> {
    /// Obtains tokens by the grant that is settled, and stores the login.
    async fn obtain(&self) -> Result<(LoginSummary, Option<Identity>), Trouble> {
        let (obtained, browser) = match self.request.grant {
            GrantKind::AuthorizationCode => code::obtain(self).await?,
            GrantKind::Device => (device::obtain(self).await, None),
            _ => (unattended::obtain(self).await, None),
        };
        let outcome = match obtained {
            Ok(obtained) => self.complete(obtained).await.map_err(Trouble::from),
            Err(trouble) => Err(trouble),
        };
        // Only now, so that the page never says more than is true.
        if let Some(browser) = browser {
            browser.answer(if outcome.is_ok() { Page::SignedIn } else { Page::NotSignedIn });
        }
        outcome
    }

    /// Stores what was obtained as a login.
    async fn complete(&self, obtained: Obtained) -> Result<(LoginSummary, Option<Identity>), Error> {
        let Obtained { client, mut tokens, grant, resource } = obtained;
        let profile = &self.request.profile;
        let endpoints = self.found.issuer.endpoints();
        tokens.facts.fingerprint = self.store.fingerprint(&tokens.access_token);
        tokens.facts.refreshable |= grant.asks_anew();
        let identity = identity::identify(&self.applicant(&endpoints, &client), &tokens).await;
        if self.dpop_key.is_some() && !tokens.facts.is_bound() {
            self.app.console.warn("the issuer was asked to bind the token to a key, and did not");
        }
        let facts = LoginFacts {
            server: profile.name.clone(),
            account: self.request.account.clone(),
            url: profile.url.clone(),
            resource,
            endpoints,
            grant,
            requested_scope: self.scope.clone(),
            refresh_scope: self.dealings.refresh_scope,
            answer_member: self.dealings.answer_member.clone(),
            identity,
            state: LoginState::Active,
            generation: 1,
            refresh_count: 0,
            created_at: self.app.now(),
        };
        let dpop_key = self.dpop_key.as_ref().map(DpopKey::duplicate);
        save(self.app, self.store, self.request, Login { facts, client, tokens, dpop_key })
    }
}

/// Discovers the issuer and settles how to deal with it. One that does not promise to check PKCE is refused, unless the
/// user or what is known of it vouches for that.
async fn find_issuer(
    app: &App,
    store: &Store,
    request: &LoginRequest,
    http: &Http,
    trace: &mut Trace,
) -> Result<(Discovery, Dealings), Error> {
    let profile = &request.profile;
    let found = super::discover::find(app, store, http, profile, request.fresh, trace).await;
    let found = found.map(|found| dealt_with(profile, found, trace));
    if let Ok((found, dealings)) = &found {
        let at_hand = client::source(store, request);
        let grant = request.grant;
        Decisions { app, profile, grant, found, dealings, at_hand }.explain(trace);
    }
    for step in &trace.0 {
        if request.explain {
            app.console.say(&step.to_string());
        } else {
            app.console.detail(&step.to_string());
        }
    }
    let (found, dealings) = found.map_err(remote(&profile.url))?;
    let by_code = request.grant == GrantKind::AuthorizationCode;
    if by_code && !found.issuer.advertises_s256() && !dealings.assume_pkce {
        return Err(remote(&profile.url)(oauth::Error::NoPkce(found.issuer.issuer.clone())));
    }
    Ok((found, dealings))
}

/// What was found, without what is not to be relied on there.
fn dealt_with(profile: &ServerProfile, mut found: Discovery, trace: &mut Trace) -> (Discovery, Dealings) {
    let dealings = dealings::settle(profile, &found, trace);
    if !dealings.registration {
        found.issuer.registration_endpoint = None;
    }
    (found, dealings)
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
