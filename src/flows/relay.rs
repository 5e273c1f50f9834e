//! One request with the token of a login: what `call` sends once, and whoever stands between a client and a server
//! sends all day.
//!
//! A server that refuses the token gets the same request once more, with another token: the one that somebody else has
//! fetched meanwhile, or else a new one. No redirect is followed, and a token goes to the server that it is for.
//!
//! The login is kept at hand. Somebody else may renew, end or replace it at any time, so whether its record is still the
//! same is looked up before it is used again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::session::{self, Freshness, Refresh};
use super::{App, remote};
use crate::config::ServerProfile;
use crate::error::Error;
use crate::http::{
    Authorization, Body, Bytes, FlowingBody, HeaderMap, Http, Method, Request, Streamed, is_same_origin,
};
use crate::model::{Login, LoginKey, LoginState, Name, ScopeSet, ServerUrl};
use crate::oauth::{self, challenge::Challenge, dpop};
use crate::peer_text::PeerText;
use crate::secret::Assertion;
use crate::store::Mark;

/// How long a server may think before its answer begins: a tool may have much to do.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a record that has not been looked up is taken to be as it was.
const UNSEEN: Duration = Duration::from_millis(200);
/// How long a server that refuses also new tokens is not made a reason to fetch another one.
const REST: Duration = Duration::from_mins(1);

/// What is sent.
pub enum Payload {
    /// Nothing.
    Empty,
    /// All of it is here, so it can be sent as often as needed.
    Whole(Bytes),
    /// It comes from somebody else while it is sent, so it can be sent once.
    Flowing(Mutex<Option<FlowingBody>>),
}

impl Payload {
    /// What is sent with the next attempt; `None` if it has been sent already and cannot be again.
    fn next(&self) -> Option<Body> {
        match self {
            Self::Empty => Some(Body::Empty),
            Self::Whole(bytes) => Some(Body::Bytes(bytes.clone())),
            Self::Flowing(body) => {
                body.lock().unwrap_or_else(PoisonError::into_inner).take().map(Body::Flowing)
            }
        }
    }

    fn flows(&self) -> bool {
        matches!(self, Self::Flowing(_))
    }
}

/// A request without its token.
pub struct Outgoing {
    /// The HTTP method.
    pub method: Method,
    /// Where to, within the origin of the server.
    pub url: url::Url,
    /// What else the head says.
    pub headers: HeaderMap,
    /// What is sent.
    pub payload: Payload,
    /// How long the answer may keep everybody waiting, instead of what is usual.
    pub patience: Option<Duration>,
}

/// A login that was read from the store.
struct Held {
    login: Arc<Login>,
    mark: Option<Mark>,
    seen: Instant,
}

/// The way to one server, as somebody who is signed in there.
pub struct Relay {
    app: Arc<App>,
    key: LoginKey,
    server: ServerUrl,
    /// The same, read.
    base: url::Url,
    http: Http,
    /// What the server wants in the next proof (RFC 9449 section 9).
    nonce: Mutex<Option<String>>,
    held: Mutex<Option<Held>>,
    /// Held by whoever has the store or the issuer asked: one is enough.
    asking: tokio::sync::Mutex<()>,
    /// The generation of the login that the server has taken last, plus one.
    accepted: AtomicU64,
    /// When a token was last renewed because the server refused the one before.
    renewed: Mutex<Option<Instant>>,
    /// How often the server has refused a token.
    refusals: AtomicU64,
    /// The generation of the login that was used last, plus one.
    used: AtomicU64,
    /// How often it was another one than before.
    renewals: AtomicU64,
}

impl Relay {
    /// The way to a server. Touches neither store nor network yet.
    pub fn new(app: Arc<App>, profile: &ServerProfile, account: &Name) -> Self {
        let key = LoginKey { server: profile.name.clone(), account: account.clone() };
        Self {
            http: app.http_to(profile),
            server: profile.url.clone(),
            base: profile.url.to_url(),
            app,
            key,
            nonce: Mutex::default(),
            held: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            accepted: AtomicU64::new(0),
            renewed: Mutex::default(),
            refusals: AtomicU64::new(0),
            used: AtomicU64::new(0),
            renewals: AtomicU64::new(0),
        }
    }

    /// The login that is used.
    pub fn key(&self) -> &LoginKey {
        &self.key
    }

    /// Where the server is.
    pub fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// How often the server has refused a token so far.
    pub fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }

    /// How often a token was used that came in the place of another one, whoever has fetched it.
    pub fn renewals(&self) -> u64 {
        self.renewals.load(Ordering::Relaxed)
    }

    /// A server's words without the token that it may repeat in them.
    pub fn without_token(&self, words: &PeerText) -> PeerText {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref()
            .map_or_else(|| words.clone(), |held| words.without(&[held.login.tokens.access_token.expose()]))
    }

    /// Whether bytes hold the token, as it is.
    pub fn is_token_in(&self, bytes: &[u8]) -> bool {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().is_some_and(|held| {
            memchr::memmem::find(bytes, held.login.tokens.access_token.expose().as_bytes()).is_some()
        })
    }

    /// Sends a request with the token and gives the answer as soon as its head is there.
    pub async fn send(&self, outgoing: &Outgoing) -> Result<Streamed, Error> {
        let login = self.fresh_login().await?;
        let answer = self.attempt(&login, outgoing).await?;
        if answer.status != 401 {
            return self.judged(&login, answer);
        }
        self.refusals.fetch_add(1, Ordering::Relaxed);
        self.app.forget_metadata(&self.server);
        let login = self.another_login(&login, &said_of(&answer, &login)).await?;
        if outgoing.payload.flows() {
            return Err(Error::NotRepeated { server: self.key.server.to_string() });
        }
        let answer = self.attempt(&login, outgoing).await?;
        if answer.status == 401 {
            return Err(self.refuses_all(&said_of(&answer, &login)));
        }
        self.judged(&login, answer)
    }

    /// Sends a request as anybody could, if nobody has signed in; `None` if somebody has, or has to. A server need not ask
    /// for tokens at all, or only for some requests.
    pub async fn send_as_anybody(&self, outgoing: &Outgoing) -> Result<Option<Streamed>, Error> {
        let is_astray = !is_same_origin(&self.base, &outgoing.url);
        if is_astray || outgoing.payload.flows() || self.is_anybody_signed_in().await? {
            return Ok(None);
        }
        let request = Request::new(outgoing.method.clone(), &outgoing.url);
        let answer = self.open(request, outgoing).await?;
        Ok(Some(answer).filter(|answer| !matches!(answer.status, 401 | 403)))
    }

    /// Whether there is a login, in whatever state.
    async fn is_anybody_signed_in(&self) -> Result<bool, Error> {
        self.ask(|app, key| {
            let store = app.store()?;
            store.is_there()?;
            Ok(store.summary(key)?.is_some())
        })
        .await
    }

    fn refuses_all(&self, why: &str) -> Error {
        let why = format!("{} refuses every access token, also a new one{why}", self.key.server);
        Error::login_needed(why, &self.key)
    }

    /// The login with a token that is as fresh as is usual.
    async fn fresh_login(&self) -> Result<Arc<Login>, Error> {
        if let Some(login) = self.login_at_hand() {
            return Ok(login);
        }
        let _asking = self.asking.lock().await;
        // Whoever was here before may have fetched it for all.
        if let Some(login) = self.login_at_hand() {
            return Ok(login);
        }
        let mark = self.mark();
        let login = self.ask(session::usually_fresh).await?;
        Ok(self.hold(login, mark))
    }

    /// What was read last, while it is good and its record is the one that was read.
    fn login_at_hand(&self) -> Option<Arc<Login>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let own = held.as_mut()?;
        if own.login.facts.state != LoginState::Active
            || !Freshness::default().is_met(&own.login.tokens.facts, self.app.now())
        {
            return None;
        }
        if own.seen.elapsed() > UNSEEN {
            if own.mark.is_none() || own.mark != self.mark() {
                *held = None;
                return None;
            }
            own.seen = Instant::now();
        }
        Some(Arc::clone(&own.login))
    }

    /// The login is read anew before it is used again: somebody has signed in.
    pub fn look_again(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// `mark` was taken before the login was read: if another one was written meanwhile, it is read again.
    fn hold(&self, login: Login, mark: Option<Mark>) -> Arc<Login> {
        let generation = login.facts.generation + 1;
        let before = self.used.swap(generation, Ordering::Relaxed);
        if before != 0 && before != generation {
            self.renewals.fetch_add(1, Ordering::Relaxed);
        }
        let login = Arc::new(login);
        let held = Held { login: Arc::clone(&login), mark, seen: Instant::now() };
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        login
    }

    fn mark(&self) -> Option<Mark> {
        self.app.store().ok()?.mark(&self.key)
    }

    /// Another login than the one whose token was refused. However many requests were refused at once, the issuer is
    /// asked by one of them.
    async fn another_login(&self, refused: &Arc<Login>, why: &str) -> Result<Arc<Login>, Error> {
        let _asking = self.asking.lock().await;
        let is_another =
            |login: &Login| !login.tokens.access_token.matches(refused.tokens.access_token.expose());
        if let Some(login) = self.login_at_hand().filter(|login| is_another(login)) {
            return Ok(login);
        }
        if self.rests(refused) {
            return Err(self.refuses_all(why));
        }
        let (refused, why) = (Arc::clone(refused), why.to_owned());
        let mark = self.mark();
        let login = self.ask(move |app, key| another_token(app, key, &refused, &why)).await?;
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Ok(self.hold(login, mark))
    }

    /// Whether the token that was refused is itself one that was fetched because of a refusal a moment ago, and the
    /// server has never taken it: another one would fare no better.
    fn rests(&self, refused: &Login) -> bool {
        let renewed = *self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        let was_taken = self.accepted.load(Ordering::Relaxed) > refused.facts.generation;
        !was_taken && renewed.is_some_and(|renewed| renewed.elapsed() < REST)
    }

    /// Has the store and the issuer asked on a thread of its own: both may keep their caller waiting.
    async fn ask<Ask, Answer>(&self, ask: Ask) -> Result<Answer, Error>
    where
        Ask: FnOnce(&App, &LoginKey) -> Result<Answer, Error> + Send + 'static,
        Answer: Send + 'static,
    {
        let (app, key) = (Arc::clone(&self.app), self.key.clone());
        let asked = tokio::task::spawn_blocking(move || ask(&app, &key)).await;
        asked.unwrap_or_else(|error| Err(Error::Unforeseen(error.to_string())))
    }

    /// Whether a URL is one of the server that a login is for, which nearly always is the one of the profile.
    fn leads_to(&self, server: &ServerUrl, url: &url::Url) -> bool {
        if *server == self.server {
            is_same_origin(url, &self.base)
        } else {
            is_same_origin(url, &server.to_url())
        }
    }

    /// Sends the request, once more where the server wants its own nonce in the proof (RFC 9449 section 9).
    async fn attempt(&self, login: &Login, outgoing: &Outgoing) -> Result<Streamed, Error> {
        if !self.leads_to(&login.facts.url, &outgoing.url) {
            let why = format!("the login at {} is for {}", self.key.server, login.facts.url);
            return Err(Error::login_needed(why, &self.key));
        }
        let answer = self.sent(login, outgoing).await?;
        let has_news = self.take_nonce(&answer);
        if !login.tokens.facts.is_bound() || !has_news || !wants_nonce(&answer) {
            return Ok(answer);
        }
        if outgoing.payload.flows() {
            return Err(Error::NotRepeated { server: self.key.server.to_string() });
        }
        let answer = self.sent(login, outgoing).await?;
        self.take_nonce(&answer);
        Ok(answer)
    }

    async fn sent(&self, login: &Login, outgoing: &Outgoing) -> Result<Streamed, Error> {
        let proof = self.proof(login, outgoing)?;
        let request = Request::new(outgoing.method.clone(), &outgoing.url)
            .authorization(authorization(login, proof.as_ref()));
        self.open(request, outgoing).await
    }

    /// Sends what is asked for by a request that says already whose it is.
    async fn open(&self, request: Request<'_>, outgoing: &Outgoing) -> Result<Streamed, Error> {
        let repeated = || Error::NotRepeated { server: self.key.server.to_string() };
        let body = outgoing.payload.next().ok_or_else(repeated)?;
        let mut request = request.patience(outgoing.patience.unwrap_or(PATIENCE));
        request.headers = outgoing.headers.clone();
        request.body = body;
        let sent = self.http.open(request, outgoing.patience.is_some()).await;
        sent.map_err(|error| self.trouble(error.into()))
    }

    /// What a token that is bound to a key is worth nothing without, made for this request alone.
    fn proof(&self, login: &Login, outgoing: &Outgoing) -> Result<Option<Assertion>, Error> {
        if !login.tokens.facts.is_bound() {
            return Ok(None);
        }
        let Some(key) = &login.dpop_key else {
            let why = format!("the key that the token of {} is bound to is not there", self.key.server);
            return Err(Error::login_needed(why, &self.key));
        };
        let (method, nonce) = (outgoing.method.as_str(), self.nonce().clone());
        let token = Some(&login.tokens.access_token);
        let proof = dpop::proof(key, method, &outgoing.url, self.app.now(), nonce.as_deref(), token);
        proof.map(Some).map_err(|error| self.trouble(error))
    }

    /// Keeps the nonce for the next proof; tells whether it is another one.
    fn take_nonce(&self, answer: &Streamed) -> bool {
        let Some(nonce) = dpop::nonce_in(&answer.headers) else { return false };
        self.nonce().replace(nonce.clone()) != Some(nonce)
    }

    fn nonce(&self) -> MutexGuard<'_, Option<String>> {
        self.nonce.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the user what somebody else may not see.
    pub fn warn(&self, text: &str) {
        self.app.console.warn(text);
    }

    /// What went wrong on the way to the server.
    pub fn trouble(&self, error: oauth::Error) -> Error {
        remote(&self.key.server)(error)
    }

    /// The answer, unless it asks for scopes that the token does not have (RFC 6750 section 3.1).
    fn judged(&self, login: &Login, answer: Streamed) -> Result<Streamed, Error> {
        self.accepted.store(login.facts.generation + 1, Ordering::Relaxed);
        let Some(wanted) = wanted_scope(&answer) else { return Ok(answer) };
        let held = &login.tokens.facts.scope;
        let missing: ScopeSet = wanted.iter().filter(|scope| !held.contains(scope)).collect();
        let (server, login) = (self.key.server.to_string(), self.key.to_string());
        // Signing in again for what is there already would lead here again.
        if missing.is_empty() && !wanted.is_empty() {
            return Err(Error::ScopeHeld { server, login, scope: wanted });
        }
        Err(Error::ScopeNeeded { server, login, scope: missing })
    }
}

/// How a request says whose it is.
fn authorization<'a>(login: &'a Login, proof: Option<&'a Assertion>) -> Authorization<'a> {
    let token = &login.tokens.access_token;
    proof.map_or(Authorization::Bearer(token), |proof| Authorization::Dpop { token, proof })
}

/// Whether nothing is wrong with the token, but with what was proved beside it.
fn wants_nonce(answer: &Streamed) -> bool {
    let challenge = Challenge::from_headers(&answer.headers).filter(|_| answer.status == 401);
    challenge.is_some_and(|challenge| challenge.all("error").any(|code| code == "use_dpop_nonce"))
}

/// The scope that a server misses, if that is why it answers 403; empty if it does not name any.
fn wanted_scope(answer: &Streamed) -> Option<ScopeSet> {
    let challenge = Challenge::from_headers(&answer.headers).filter(|_| answer.status == 403)?;
    let is_scope = challenge.all("error").any(|code| code == "insufficient_scope");
    is_scope.then(|| challenge.get("scope").unwrap_or_default().into())
}

/// Why a server refused the token, in its own words.
fn said_of(answer: &Streamed, login: &Login) -> String {
    let challenge = Challenge::from_headers(&answer.headers).unwrap_or_default();
    let words = challenge.get("error_description").or(challenge.get("error")).map(PeerText::from);
    let safe = words.map(|words| words.without(&[login.tokens.access_token.expose()]));
    safe.map(|words| format!(" ({words})")).unwrap_or_default()
}

/// Another token than the one that was refused: the stored one if somebody has renewed it meanwhile, else a new one.
fn another_token(app: &App, key: &LoginKey, refused: &Login, why: &str) -> Result<Login, Error> {
    let stored = session::fresh_login(app, key, &Freshness::default())?;
    if !stored.tokens.access_token.matches(refused.tokens.access_token.expose()) {
        return Ok(stored);
    }
    if !stored.tokens.facts.refreshable {
        let why = format!("{} refuses the access token{why}, and there is no refresh token", key.server);
        return Err(Error::login_needed(why, key));
    }
    // Whoever else was refused may renew it between this look and the next: then one is enough.
    let refresh = Refresh::Refused(refused.facts.generation);
    session::fresh_login(app, key, &Freshness { refresh, ..Freshness::default() })
}
