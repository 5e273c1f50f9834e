//! The way to a server, on which somebody may have to sign in first.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Error;
use crate::flows::attempt::{Attempt, Wanted};
use crate::flows::relay::{Outgoing, Relay};
use crate::http::Streamed;
use crate::mcp::message::{self, Message, SERVER_ERROR};
use crate::peer_text::PeerText;

/// How often one request may be a reason to sign in: for the login, and for scopes that it turns out to need.
const MOST_SIGN_INS: usize = 3;

/// A relay, and whoever signs in where it needs that.
pub(super) struct Way {
    relay: Relay,
    attempt: Attempt,
    /// How many requests wait for somebody to sign in.
    waiting: AtomicUsize,
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

impl Way {
    /// The way through a relay. Touches nothing yet.
    pub(super) fn new(relay: Relay, attempt: Attempt) -> Self {
        Self { relay, attempt, waiting: AtomicUsize::new(0) }
    }

    /// The relay alone, for what is no reason to sign in.
    pub(super) fn relay(&self) -> &Relay {
        &self.relay
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
            self.attempt.signed_in(wanted).await?;
            drop(waiting);
            // What was just looked up is not what there is now.
            self.relay.look_again();
        }
        self.relay.send(outgoing).await
    }

    /// Sends a request that is no reason to sign in. Where nobody has done so the server gets it without a token, since
    /// it may not want any.
    pub(super) async fn send_by_ourselves(&self, outgoing: &Outgoing) -> Result<Streamed, Error> {
        match self.relay.send(outgoing).await {
            Err(needed @ Error::LoginNeeded { .. }) => {
                self.relay.send_as_anybody(outgoing).await?.ok_or(needed)
            }
            done => done,
        }
    }

    /// The same message, unless it is an error that repeats our token (it may end in a log or before a model).
    pub(super) fn harmless(&self, said: Message) -> Message {
        let Some(error) = said.error().filter(|error| self.relay.is_token_in(error)) else {
            return said;
        };
        let text = PeerText::new(String::from_utf8_lossy(error));
        let text = self.relay.without_token(&text).to_string();
        message::failure(said.response_id(), SERVER_ERROR, &text)
    }
}
