//! A login that is kept at hand by whoever sends request after request with it.
//!
//! Somebody else may renew, end or replace it at any time, so whether its record is still the same is looked up before it
//! is used again. Whoever stays renews a token beside the requests when it is about to end; they go on with the old one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::App;
use super::session::{self, Freshness, Refresh};
use crate::error::Error;
use crate::model::{Login, LoginKey, LoginState};
use crate::store::Mark;

/// How long a record that has not been looked up is taken to be as it was.
const UNSEEN: Duration = Duration::from_millis(200);
/// How long a server that refuses also new tokens is not made a reason to fetch another one.
const REST: Duration = Duration::from_mins(1);
/// How long after a renewal that came to nothing the next one is tried beside the requests.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// How many of the logins that were used are remembered.
const REMEMBERED: usize = 3;

/// A login that was read from the store.
struct Held {
    login: Arc<Login>,
    mark: Option<Mark>,
    seen: Instant,
}

/// One login, for many requests.
pub(super) struct AtHand {
    app: Arc<App>,
    key: LoginKey,
    /// Whether there will be time to renew it beside the requests.
    stays: bool,
    held: Mutex<Option<Held>>,
    /// Held by whoever has the store or the issuer asked for those who wait: one is enough.
    asking: tokio::sync::Mutex<()>,
    /// Whether it is being renewed beside the requests.
    is_renewing: AtomicBool,
    /// The generation of the login that the server has taken last, plus one.
    accepted: AtomicU64,
    /// Those that were used last, the newest first.
    sent: Mutex<VecDeque<Arc<Login>>>,
    /// When a token was last renewed because the server refused the one before.
    renewed: Mutex<Option<Instant>>,
    /// How often it was another one than before.
    renewals: AtomicU64,
}

impl AtHand {
    /// For a request or two. Touches nothing yet.
    pub(super) fn in_passing(app: Arc<App>, key: LoginKey) -> Self {
        Self {
            app,
            key,
            stays: false,
            held: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            is_renewing: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
            sent: Mutex::default(),
            renewed: Mutex::default(),
            renewals: AtomicU64::new(0),
        }
    }

    /// For whoever stays.
    pub(super) fn standing(app: Arc<App>, key: LoginKey) -> Self {
        Self { stays: true, ..Self::in_passing(app, key) }
    }

    /// How often a token was used that came in the place of another one, whoever has fetched it.
    pub(super) fn renewals(&self) -> u64 {
        self.renewals.load(Ordering::Relaxed)
    }

    /// Those whose tokens were used last, whatever has become of them: an answer may come late.
    pub(super) fn sent(&self) -> Vec<Arc<Login>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The login is read anew before it is used again.
    pub(super) fn look_again(&self) {
        self.held().take();
    }

    /// The server has taken the token of this login.
    pub(super) fn was_taken(&self, login: &Login) {
        self.accepted.store(login.facts.generation + 1, Ordering::Relaxed);
    }

    /// The login with a token for a request that is sent at once.
    pub(super) async fn fresh(self: &Arc<Self>) -> Result<Arc<Login>, Error> {
        let login = self.good_enough().await?;
        if self.stays && !self.is_fresh(&login, &Freshness::AT_ONCE) {
            self.renew_meanwhile();
        }
        Ok(login)
    }

    async fn good_enough(&self) -> Result<Arc<Login>, Error> {
        if let Some(login) = self.login_at_hand() {
            return Ok(login);
        }
        let _asking = self.asking.lock().await;
        // Whoever was here before may have fetched it for all.
        if let Some(login) = self.login_at_hand() {
            return Ok(login);
        }
        self.ask_for(self.least()).await
    }

    /// Below which freshness a request waits for another token.
    fn least(&self) -> Freshness {
        if self.stays { Freshness::TO_THE_LAST } else { Freshness::AT_ONCE }
    }

    fn is_fresh(&self, login: &Login, freshness: &Freshness) -> bool {
        freshness.is_met(&login.tokens.facts, self.app.now())
    }

    async fn ask_for(&self, freshness: Freshness) -> Result<Arc<Login>, Error> {
        let mark = self.mark();
        let login = self.ask(move |app, key| session::fresh_login(app, key, &freshness)).await?;
        Ok(self.hold(login, mark))
    }

    /// Renews the token while requests go on with it, unless that is being done, or came to nothing a moment ago.
    fn renew_meanwhile(self: &Arc<Self>) {
        if self.is_renewing.swap(true, Ordering::Relaxed) {
            return;
        }
        let own = Arc::clone(self);
        tokio::spawn(async move {
            let renewed = own.ask_for(Freshness::AT_ONCE).await;
            if !renewed.is_ok_and(|login| own.is_fresh(&login, &Freshness::AT_ONCE)) {
                tokio::time::sleep(TRY_AGAIN).await;
            }
            own.is_renewing.store(false, Ordering::Relaxed);
        });
    }

    /// What was read last, while it is good and its record is the one that was read.
    fn login_at_hand(&self) -> Option<Arc<Login>> {
        let mut held = self.held();
        let own = held.as_mut()?;
        if own.login.facts.state != LoginState::Active || !self.is_fresh(&own.login, &self.least()) {
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

    /// `mark` was taken before the login was read: if another one was written meanwhile, it is read again.
    fn hold(&self, login: Login, mark: Option<Mark>) -> Arc<Login> {
        if let Some(newer) = self.newer_than(&login) {
            return newer;
        }
        let login = Arc::new(login);
        *self.held() = Some(Held { login: Arc::clone(&login), mark, seen: Instant::now() });
        self.remember(&login);
        login
    }

    /// What somebody else has read meanwhile, if that has come of a later renewal of the same sign-in.
    fn newer_than(&self, login: &Login) -> Option<Arc<Login>> {
        let held = self.held();
        let held = &held.as_ref()?.login;
        let is_same = held.facts.sign_in() == login.facts.sign_in();
        (is_same && held.facts.generation > login.facts.generation).then(|| Arc::clone(held))
    }

    fn remember(&self, login: &Arc<Login>) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let token = login.tokens.access_token.expose();
        match sent.front() {
            Some(last) if last.tokens.access_token.matches(token) => return,
            Some(_) => drop(self.renewals.fetch_add(1, Ordering::Relaxed)),
            None => {}
        }
        sent.truncate(REMEMBERED - 1);
        sent.push_front(Arc::clone(login));
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mark(&self) -> Option<Mark> {
        self.app.store().ok()?.mark(&self.key)
    }

    /// Another login than the one whose token was refused. However many requests were refused at once, the issuer is
    /// asked by one of them.
    pub(super) async fn another(&self, refused: &Arc<Login>, why: &str) -> Result<Arc<Login>, Error> {
        let _asking = self.asking.lock().await;
        let is_another =
            |login: &Login| !login.tokens.access_token.matches(refused.tokens.access_token.expose());
        if let Some(login) = self.login_at_hand().filter(|login| is_another(login)) {
            return Ok(login);
        }
        if self.rests(refused) {
            return Err(refuses_all(&self.key, why));
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
    pub(super) async fn ask<Ask, Answer>(&self, ask: Ask) -> Result<Answer, Error>
    where
        Ask: FnOnce(&App, &LoginKey) -> Result<Answer, Error> + Send + 'static,
        Answer: Send + 'static,
    {
        let (app, key) = (Arc::clone(&self.app), self.key.clone());
        let asked = tokio::task::spawn_blocking(move || ask(&app, &key)).await;
        asked.unwrap_or_else(|error| Err(Error::Unforeseen(error.to_string())))
    }
}

/// What is said of a server that no token is good enough for.
pub(super) fn refuses_all(key: &LoginKey, why: &str) -> Error {
    Error::login_needed(format!("{} refuses every access token, also a new one{why}", key.server), key)
}

/// Another token than the one that was refused: the stored one if somebody has renewed it meanwhile, else a new one.
fn another_token(app: &App, key: &LoginKey, refused: &Login, why: &str) -> Result<Login, Error> {
    let stored = session::fresh_login(app, key, &Freshness::AT_ONCE)?;
    if !stored.tokens.access_token.matches(refused.tokens.access_token.expose()) {
        return Ok(stored);
    }
    if !stored.tokens.facts.refreshable {
        let why = format!("{} refuses the access token{why}, and there is no refresh token", key.server);
        return Err(Error::login_needed(why, key));
    }
    // Whoever else was refused may renew it between this look and the next: then one is enough.
    let refresh = Refresh::Refused(refused.facts.generation);
    session::fresh_login(app, key, &Freshness { refresh, ..Freshness::AT_ONCE })
}
