//! One request with the token of a login: what `call` sends once, and whoever stands between a client and a server
//! sends all day.
//!
//! A server that refuses the token gets the same request once more, with another token: the one that somebody else has
//! fetched meanwhile, or else a new one. No redirect is followed, and a token goes to the server that it is for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::session::{self, Freshness, Refresh};
use super::{App, remote};
use crate::config::ServerProfile;
use crate::error::Error;
use crate::http::{Authorization, Body, Bytes, HeaderMap, Http, Method, Request, Streamed};
use crate::model::{Login, LoginKey, Name, ScopeSet, ServerUrl};
use crate::oauth::{self, challenge::Challenge, dpop};
use crate::peer_text::PeerText;
use crate::secret::Assertion;

/// How long a server may think before its answer begins: a tool may have much to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// A request without its token. It can be sent as often as needed.
pub struct Outgoing {
    /// The HTTP method.
    pub method: Method,
    /// Where to, within the origin of the server: [`Relay::target`].
    pub url: url::Url,
    /// What else the head says.
    pub headers: HeaderMap,
    /// What is sent.
    pub body: Option<Bytes>,
    /// How long the answer may keep everybody waiting, instead of what is usual.
    pub patience: Option<Duration>,
}

/// The way to one server, as somebody who is signed in there.
pub struct Relay {
    app: Arc<App>,
    key: LoginKey,
    server: ServerUrl,
    http: Http,
    /// What the server wants in the next proof (RFC 9449 section 9).
    nonce: Mutex<Option<String>>,
}

impl Relay {
    /// The way to a server. Touches neither store nor network yet.
    pub fn new(app: Arc<App>, profile: &ServerProfile, account: &Name) -> Self {
        let key = LoginKey { server: profile.name.clone(), account: account.clone() };
        Self { http: app.http_to(profile), server: profile.url.clone(), app, key, nonce: Mutex::default() }
    }

    /// The login that is used.
    pub fn key(&self) -> &LoginKey {
        &self.key
    }

    /// Sends a request with the token and gives the answer as soon as its head is there.
    pub async fn send(&self, outgoing: &Outgoing) -> Result<Streamed, Error> {
        let login = self.login(|app, key| session::fresh_login(app, key, &Freshness::default())).await?;
        let answer = self.attempt(&login, outgoing).await?;
        if answer.status != 401 {
            return self.judged(&login, answer);
        }
        self.app.forget_metadata(&self.server);
        let why = said_of(&answer, &login);
        let login = self.login(move |app, key| another_token(app, key, &login, &why)).await?;
        let answer = self.attempt(&login, outgoing).await?;
        if answer.status == 401 {
            let why = said_of(&answer, &login);
            return Err(Error::login_needed(
                format!("{} refuses every access token, also a new one{why}", self.key.server),
                &self.key,
            ));
        }
        self.judged(&login, answer)
    }

    /// Has the store and the issuer asked on a thread of its own: both may keep their caller waiting.
    async fn login<Ask>(&self, ask: Ask) -> Result<Login, Error>
    where
        Ask: FnOnce(&App, &LoginKey) -> Result<Login, Error> + Send + 'static,
    {
        let (app, key) = (Arc::clone(&self.app), self.key.clone());
        let asked = tokio::task::spawn_blocking(move || ask(&app, &key)).await;
        asked.unwrap_or_else(|error| Err(Error::Unforeseen(error.to_string())))
    }

    /// Sends the request, once more where the server wants its own nonce in the proof (RFC 9449 section 9).
    async fn attempt(&self, login: &Login, outgoing: &Outgoing) -> Result<Streamed, Error> {
        if login.facts.url.to_url().origin() != outgoing.url.origin() {
            let why = format!("the login at {} is for {}", self.key.server, login.facts.url);
            return Err(Error::login_needed(why, &self.key));
        }
        let answer = self.ask(login, outgoing).await?;
        let has_news = self.take_nonce(&answer);
        if !login.tokens.facts.is_bound() || !has_news || !wants_nonce(&answer) {
            return Ok(answer);
        }
        let answer = self.ask(login, outgoing).await?;
        self.take_nonce(&answer);
        Ok(answer)
    }

    async fn ask(&self, login: &Login, outgoing: &Outgoing) -> Result<Streamed, Error> {
        let proof = self.proof(login, outgoing)?;
        let mut request = Request::new(outgoing.method.clone(), &outgoing.url)
            .authorization(authorization(login, proof.as_ref()))
            .patience(outgoing.patience.unwrap_or(PATIENCE));
        request.headers = outgoing.headers.clone();
        request.body = outgoing.body.clone().map_or(Body::Empty, Body::Bytes);
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

    /// What went wrong on the way to the server.
    pub fn trouble(&self, error: oauth::Error) -> Error {
        remote(&self.key.server)(error)
    }

    /// The answer, unless it asks for scopes that the token does not have (RFC 6750 section 3.1).
    fn judged(&self, login: &Login, answer: Streamed) -> Result<Streamed, Error> {
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
    session::fresh_login(app, key, &Freshness { refresh: Refresh::Always, ..Freshness::default() })
}
