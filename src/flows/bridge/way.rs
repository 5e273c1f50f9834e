//! The way to a server, on which somebody may have to sign in first.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config::ServerProfile;
use crate::error::Error;
use crate::flows::App;
use crate::flows::attempt::{Attempt, Policy, Wanted};
use crate::flows::relay::{Outgoing, Relay};
use crate::http::Streamed;
use crate::mcp::message::{self, Message, SERVER_ERROR};
use crate::model::{Name, ServerArg};
use crate::peer_text::PeerText;

/// How often one request may be a reason to sign in: for the login, and for scopes that it turns out to need.
const MOST_SIGN_INS: usize = 3;
/// How often it is looked whether the server has a profile by now.
const LOOK: Duration = Duration::from_secs(1);

/// A relay, and whoever signs in where it needs that.
pub(super) struct Way {
    app: Arc<App>,
    account: Name,
    policy: Policy,
    leads: Mutex<Leads>,
    /// How many requests wait for somebody to sign in.
    waiting: AtomicUsize,
}

/// Where the way leads for now.
#[derive(Clone)]
struct Leads {
    relay: Arc<Relay>,
    attempt: Arc<Attempt>,
    /// Whether the server has a profile. One that was named by its URL before anybody has signed in there may get one at
    /// any time, under whatever name.
    has_profile: bool,
}

/// A request that waits, for as long as it does: it may be cancelled.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Leads {
    fn new(
        app: &Arc<App>,
        profile: ServerProfile,
        has_profile: bool,
        account: &Name,
        policy: Policy,
    ) -> Self {
        Self {
            relay: Arc::new(Relay::standing(Arc::clone(app), &profile, account)),
            attempt: Arc::new(Attempt::new(Arc::clone(app), profile, account.clone(), policy)),
            has_profile,
        }
    }
}

impl Way {
    /// The way to a server. Touches nothing yet.
    pub(super) fn new(
        app: Arc<App>,
        profile: ServerProfile,
        has_profile: bool,
        account: Name,
        policy: Policy,
    ) -> Self {
        let leads = Mutex::new(Leads::new(&app, profile, has_profile, &account, policy));
        Self { app, account, policy, leads, waiting: AtomicUsize::new(0) }
    }

    /// The relay alone, for what is no reason to sign in.
    pub(super) fn relay(&self) -> Arc<Relay> {
        Arc::clone(&self.leads().relay)
    }

    fn leads(&self) -> MutexGuard<'_, Leads> {
        self.leads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the server has got a profile since it was looked up last, to which the way leads from now on.
    async fn has_got_profile(&self) -> bool {
        if self.leads().has_profile {
            return false;
        }
        let (app, server) = (Arc::clone(&self.app), self.relay().server().clone());
        let find = move || app.config.find(&ServerArg::Url(server)).ok().flatten();
        let Ok(Some(profile)) = tokio::task::spawn_blocking(find).await else { return false };
        *self.leads() = Leads::new(&self.app, profile, true, &self.account, self.policy);
        true
    }

    /// Whether it would lead somewhere else by now.
    async fn leads_elsewhere_than(&self, relay: &Arc<Relay>) -> bool {
        self.has_got_profile().await || !Arc::ptr_eq(relay, &self.relay())
    }

    /// Waits until somebody has signed in under another name than ours would be.
    async fn gets_profile(&self) {
        if self.leads().has_profile {
            std::future::pending::<()>().await;
        }
        // Somebody who waits beside us may see it first.
        while !self.has_got_profile().await && !self.leads().has_profile {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether somebody is being waited for.
    pub(super) fn is_signing_in(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Sends a request. Where a person is needed the request waits until that has been done, or cannot be.
    pub(super) async fn send(&self, outgoing: &Outgoing) -> Result<Streamed, Error> {
        for _ in 0..MOST_SIGN_INS {
            let wanted = match self.send_by_ourselves(outgoing).await {
                Err(Error::LoginNeeded { why, .. }) => Wanted::Login(why),
                Err(Error::ScopeNeeded { scope, .. }) if !scope.is_empty() => Wanted::Scopes(scope),
                done => return done,
            };
            let waiting = Waiting::new(&self.waiting);
            let attempt = Arc::clone(&self.leads().attempt);
            tokio::select! {
                signed_in = attempt.signed_in(wanted) => signed_in?,
                () = self.gets_profile() => {}
            }
            drop(waiting);
            // What was just looked up is not what there is now.
            self.relay().look_again();
        }
        self.relay().send(outgoing).await
    }

    /// Sends a request that is no reason to sign in. Where nobody has done so the server gets it without a token, since
    /// it may not want any.
    pub(super) async fn send_by_ourselves(&self, outgoing: &Outgoing) -> Result<Streamed, Error> {
        loop {
            let relay = self.relay();
            match relay.send(outgoing).await {
                Err(Error::LoginNeeded { .. }) if self.leads_elsewhere_than(&relay).await => {}
                Err(needed @ Error::LoginNeeded { .. }) => {
                    return relay.send_as_anybody(outgoing).await?.ok_or(needed);
                }
                done => return done,
            }
        }
    }

    /// The same message, unless it is an error that repeats our token (it may end in a log or before a model).
    pub(super) fn harmless(&self, said: Message) -> Message {
        let Some(error) = said.error() else { return said };
        let relay = self.relay();
        if !relay.is_token_in(error) {
            return said;
        }
        let text = PeerText::new(String::from_utf8_lossy(error));
        let text = relay.without_token(&text).to_string();
        message::failure(said.response_id(), SERVER_ERROR, &text)
    }
}
