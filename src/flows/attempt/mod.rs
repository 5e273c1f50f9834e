//! One sign-in for all who wait: a program that nobody watches finds that a person is needed, and sends one to a page.
//!
//! Ten programs that find so at once must not open ten pages, and one that finds so again and again must not open one
//! each time. So whoever is first has the turn and the others wait for him; and one wish opens one page in ten minutes,
//! whoever has it. The sign-in itself is carried out by a process of its own: programs of this kind are ended whenever
//! their client likes, and the person who is just typing a password should not find a page that leads nowhere.

mod turn;
mod work;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(super) use turn::Wish;
pub use work::{COMMAND, work};
pub(super) use work::{carry_out, sign_in};

use self::work::{Talk, Talking};
use super::App;
use super::login::{self, LoginRequest};
use crate::clock::UnixTime;
use crate::config::ServerProfile;
use crate::error::Error;
use crate::model::{GrantKind, LoginKey, LoginState, LoginSummary, Name, ScopeSet};
use crate::store::SignInTurn;
use crate::wording::span;

/// How long to sleep between two looks at what others do.
const POLL: Duration = Duration::from_millis(250);
/// A login of so few seconds ago is news to somebody who has just met trouble with one.
const NEWS: i64 = 60;
/// How long the person has.
pub(super) const TIMEOUT: Duration = Duration::from_mins(5);

/// Whether a page may be opened by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// If somebody is there to see it, and not too often.
    #[default]
    Auto,
    /// In no case.
    Never,
}

/// What a sign-in is to bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A new login, because of this.
    Login(String),
    /// These scopes, beside those that were granted.
    Scopes(ScopeSet),
}

/// Which sign-in a login came from.
type Identifier = (UnixTime, u64);

/// The way to a person, for one account at one server.
pub struct Attempt(Arc<Inner>);

struct Inner {
    app: Arc<App>,
    profile: ServerProfile,
    account: Name,
    policy: Policy,
    /// The login that the caller knows already, and is not content with if he asks again.
    known: Mutex<Option<Identifier>>,
}

/// How far things have come.
enum Stage {
    /// There is what was wanted.
    Met,
    /// Somebody else has a sign-in open.
    Awaited,
    /// Ours was begun.
    Begun(Talking),
}

impl Attempt {
    /// The way to a person. Touches nothing yet.
    pub fn new(app: Arc<App>, profile: ServerProfile, account: Name, policy: Policy) -> Self {
        Self(Arc::new(Inner { app, profile, account, policy, known: Mutex::default() }))
    }

    /// Ends well when somebody has signed in, here or anywhere else. May be dropped at any time; a page that is open
    /// then stays so, for whoever asks next.
    pub async fn signed_in(&self, wanted: Wanted) -> Result<(), Error> {
        // Others who wait beside us may see the new login first, and it is news to us all the same.
        let known = *self.0.known();
        loop {
            match self.look(wanted.clone(), known).await? {
                Stage::Met => return Ok(()),
                Stage::Awaited => tokio::time::sleep(POLL).await,
                Stage::Begun(talking) => return self.follow(talking, wanted, known).await,
            }
        }
    }

    /// Looks how things stand, and begins a sign-in where that is next.
    async fn look(&self, wanted: Wanted, known: Option<Identifier>) -> Result<Stage, Error> {
        self.ask(move |inner| inner.look(&wanted, known)).await
    }

    /// Has something asked on a thread of its own: the store may keep its caller waiting.
    async fn ask<Ask, Answer>(&self, ask: Ask) -> Result<Answer, Error>
    where
        Ask: FnOnce(&Inner) -> Result<Answer, Error> + Send + 'static,
        Answer: Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        let asked = tokio::task::spawn_blocking(move || ask(&inner)).await;
        asked.unwrap_or_else(|error| Err(Error::Unforeseen(error.to_string())))
    }

    /// Waits for the sign-in that was begun, or for somebody who signs in by another way meanwhile.
    async fn follow(
        &self,
        mut talking: Talking,
        wanted: Wanted,
        known: Option<Identifier>,
    ) -> Result<(), Error> {
        loop {
            tokio::select! {
                said = talking.recv() => match said {
                    Some(Talk::Line(line)) => self.0.app.console.pass_on(&line),
                    Some(Talk::Ended(outcome)) => {
                        outcome?;
                        return self.ask(Inner::take_note).await;
                    }
                    None => return Err(self.0.needed(&wanted, "; the sign-in was broken off")),
                },
                () = tokio::time::sleep(POLL) => {
                    let wanted = wanted.clone();
                    if self.ask(move |inner| inner.is_met(&wanted, known)).await? {
                        return Ok(());
                    }
                }
            }
        }
    }
}

impl Inner {
    fn look(&self, wanted: &Wanted, known: Option<Identifier>) -> Result<Stage, Error> {
        if self.is_met(wanted, known)? {
            return Ok(Stage::Met);
        }
        let takes_person = matches!(self.profile.grant, GrantKind::AuthorizationCode | GrantKind::Device);
        if takes_person && self.policy == Policy::Never {
            return Err(self.needed(wanted, ""));
        }
        if matches!(wanted, Wanted::Scopes(scopes) if scopes.is_empty()) {
            return Err(self.needed(wanted, ""));
        }
        let store = self.app.store()?;
        let Some(turn) = store.sign_in_turn(&self.key())? else { return Ok(Stage::Awaited) };
        // Whoever had the turn before may have just come to an end.
        if self.is_met(wanted, known)? {
            return Ok(Stage::Met);
        }
        let wish = Wish::of(wanted);
        turn::is_open(&store.sign_ins(&self.key()), &wish, self.app.now())
            .map_err(|refusal| refusal.into_error(|why| self.needed(wanted, why)))?;
        if takes_person && (self.profile.grant == GrantKind::Device || !self.app.ports.browser.available()) {
            return Err(self.needed(wanted, "; no page can be opened from here"));
        }
        work::begin(&self.app, turn, &self.request(wanted), wish).map(Stage::Begun)
    }

    fn key(&self) -> LoginKey {
        LoginKey { server: self.profile.name.clone(), account: self.account.clone() }
    }

    fn summary(&self) -> Result<Option<LoginSummary>, Error> {
        Ok(self.app.store()?.summary(&self.key())?)
    }

    /// Whether there is what is wanted, and takes note of the login that it is.
    fn is_met(&self, wanted: &Wanted, known: Option<Identifier>) -> Result<bool, Error> {
        let Some(summary) = self.summary()? else { return Ok(false) };
        let met = summary.login.state == LoginState::Active
            && match wanted {
                Wanted::Login(_) => self.is_news(&summary, known) && is_usable(&summary, self.app.now()),
                Wanted::Scopes(scopes) => !scopes.is_empty() && summary.tokens.scope.covers(scopes),
            };
        if met {
            *self.known() = Some(summary.login.sign_in());
        }
        Ok(met)
    }

    /// Whether the caller cannot have met trouble with this login: it is not the one that he was told of, and if he was
    /// told of none it was made just now.
    fn is_news(&self, summary: &LoginSummary, known: Option<Identifier>) -> bool {
        match known {
            Some(known) => known != summary.login.sign_in(),
            None => (0..NEWS).contains(&self.app.now().since(summary.login.created_at)),
        }
    }

    /// Takes note of the login that is there.
    fn take_note(&self) -> Result<(), Error> {
        if let Some(summary) = self.summary()? {
            *self.known() = Some(summary.login.sign_in());
        }
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Option<Identifier>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sign-in that would bring what is wanted.
    fn request(&self, wanted: &Wanted) -> LoginRequest {
        let add_scope = match wanted {
            Wanted::Login(_) => ScopeSet::default(),
            Wanted::Scopes(scopes) => scopes.clone(),
        };
        LoginRequest::by_itself(self.profile.clone(), self.account.clone(), add_scope, TIMEOUT)
    }

    /// Says that a person is needed, and why nobody is sent for one.
    fn needed(&self, wanted: &Wanted, why: &str) -> Error {
        let (server, login) = (self.profile.name.to_string(), self.key().to_string());
        match wanted {
            Wanted::Scopes(scope) if scope.is_empty() => {
                Error::ScopeNeeded { server, login, scope: scope.clone() }
            }
            Wanted::Scopes(scope) => Error::LoginNeeded {
                why: format!("{server} asks for scope that the login does not have: {scope}{why}"),
                command: login::again(&self.app, &self.request(wanted)),
            },
            Wanted::Login(reason) => Error::LoginNeeded {
                why: format!("{reason}{why}"),
                command: login::again(&self.app, &self.request(wanted)),
            },
        }
    }
}

/// The turn to open a page for a sign-in that is carried out here; `None` if somebody else has one open, or there were
/// enough of them.
pub(super) fn turn_for_page(app: &App, request: &LoginRequest) -> Result<Option<(SignInTurn, Wish)>, Error> {
    let (store, key) = (app.store()?, request.key());
    let wish = Wish::for_scopes(&request.add_scope);
    let turn = store.sign_in_turn(&key)?;
    let is_open = turn::is_open(&store.sign_ins(&key), &wish, app.now()).is_ok();
    Ok(turn.filter(|_| is_open).map(|turn| (turn, wish)))
}

/// Whether a token can be had without a person.
fn is_usable(summary: &LoginSummary, now: UnixTime) -> bool {
    summary.tokens.refreshable || summary.tokens.expires_at.is_none_or(|end| now < end)
}

/// How long ago something was, for people.
fn ago(at: UnixTime, now: UnixTime) -> String {
    format!("{} ago", span(now.since(at)))
}
