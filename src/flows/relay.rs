//! One request with the token of a login: what `call` sends once, and whoever stands between a client and a server
//! sends all day.
//!
//! A server that refuses the token gets the same request once more, with another token: the one that somebody else has
//! fetched meanwhile, or else a new one. No redirect is followed, and a token goes to the server that it is for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::at_hand::{AtHand, refuses_all};
use super::{App, remote};
use crate::config::ServerProfile;
use crate::error::Error;
use crate::http::{
    Authorization, Body, Bytes, FlowingBody, HeaderMap, Http, Method, Request, Streamed, is_same_origin,
};
use crate::model::{Login, LoginKey, Name, ScopeSet, ServerUrl};
use crate::oauth::{self, challenge::Challenge, dpop};
use crate::peer_text::PeerText;
use crate::secret::Assertion;

/// How long a server may think before its answer begins: a tool may have much to do.
const PATIENCE: Duration = Duration::from_mins(1);
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
    logins: Arc<AtHand>,
    /// How often the server has refused a token.
    refusals: AtomicU64,
}

impl Relay {
    /// The way to a server for a request or two. Touches neither store nor network yet.
    pub fn new(app: Arc<App>, profile: &ServerProfile, account: &Name) -> Self {
        Self::with(app, profile, account, AtHand::in_passing)
    }

    /// The same for whoever stays, and has tokens renewed beside the requests.
    pub fn standing(app: Arc<App>, profile: &ServerProfile, account: &Name) -> Self {
        Self::with(app, profile, account, AtHand::standing)
    }

    fn with(
        app: Arc<App>,
        profile: &ServerProfile,
        account: &Name,
        at_hand: fn(Arc<App>, LoginKey) -> AtHand,
    ) -> Self {
        let key = LoginKey { server: profile.name.clone(), account: account.clone() };
        Self {
            http: app.http_to(profile),
            server: profile.url.clone(),
            base: profile.url.to_url(),
            logins: Arc::new(at_hand(Arc::clone(&app), key.clone())),
            app,
            key,
            nonce: Mutex::default(),
            refusals: AtomicU64::new(0),
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
        self.logins.renewals()
    }

    /// A server's words without the tokens that it may repeat in them.
    pub fn without_token(&self, words: &PeerText) -> PeerText {
        let sent = self.logins.sent();
        let tokens: Vec<&str> = sent.iter().map(|login| login.tokens.access_token.expose()).collect();
        words.without(&tokens)
    }

    /// Whether bytes hold one of the tokens, as it is.
    pub fn is_token_in(&self, bytes: &[u8]) -> bool {
        let is_in = |token: &str| memchr::memmem::find(bytes, token.as_bytes()).is_some();
        self.logins.sent().iter().any(|login| is_in(login.tokens.access_token.expose()))
    }

    /// The login is read anew before it is used again: somebody has signed in.
    pub fn look_again(&self) {
        self.logins.look_again();
    }

    /// Sends a request with the token and gives the answer as soon as its head is there.
    pub async fn send(&self, outgoing: &Outgoing) -> Result<Streamed, Error> {
        let login = self.logins.fresh().await?;
        let answer = self.attempt(&login, outgoing).await?;
        if answer.status != 401 {
            return self.judged(&login, answer);
        }
        self.refusals.fetch_add(1, Ordering::Relaxed);
        self.app.forget_metadata(&self.server);
        let login = self.logins.another(&login, &said_of(&answer, &login)).await?;
        if outgoing.payload.flows() {
            return Err(Error::NotRepeated { server: self.key.server.to_string() });
        }
        let answer = self.attempt(&login, outgoing).await?;
        if answer.status == 401 {
            return Err(refuses_all(&self.key, &said_of(&answer, &login)));
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
        self.logins
            .ask(|app, key| {
                let store = app.store()?;
                store.is_there()?;
                Ok(store.summary(key)?.is_some())
            })
            .await
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
        self.logins.was_taken(login);
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
