//! A request while it is worked on: what it may say meanwhile, whom it may ask, and that it can be cancelled.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::feed::Feed;
use super::ledger::Site;

/// What whoever works on a request has at hand.
pub(super) struct Talk {
    pub(super) site: Arc<Site>,
    /// Where messages go that come before the answer.
    pub(super) out: Arc<Feed>,
    /// The session that the request belongs to, in the revisions that have them.
    session: Option<String>,
    /// The id of the request.
    id: Value,
    /// The token of the client that wants to hear of progress.
    progress_token: Value,
}

impl Talk {
    /// About one request, which says on `out` what it says.
    pub(super) fn new(site: &Arc<Site>, session: Option<&str>, message: &Value, out: Arc<Feed>) -> Self {
        Self {
            site: Arc::clone(site),
            out,
            session: session.map(str::to_owned),
            id: message["id"].clone(),
            progress_token: message["params"]["_meta"]["progressToken"].clone(),
        }
    }

    /// Tells how far it is: to whoever asked for that as progress, to the others of a session as a line of a log.
    pub(super) fn progress(&self, step: u64, steps: u64) {
        let (method, parameters) = if self.progress_token.is_null() {
            if self.session.is_none() {
                return;
            }
            ("message", json!({ "level": "info", "data": format!("{step} of {steps}") }))
        } else {
            let token = &self.progress_token;
            ("progress", json!({ "progressToken": token, "progress": step, "total": steps }))
        };
        let method = format!("notifications/{method}");
        self.out.push(json!({ "jsonrpc": "2.0", "method": method, "params": parameters }).to_string());
    }

    /// Whether the client said that it can do something.
    pub(super) fn client_can(&self, what: &str) -> bool {
        let ledger = self.site.ledger();
        let session = self.session.as_ref().and_then(|name| ledger.sessions.get(name));
        session.is_some_and(|session| session.capabilities.get(what).is_some())
    }

    /// Asks the client something: its whole answer, once that has come.
    pub(super) async fn ask(&self, method: &str, parameters: &Value) -> Value {
        let answer = self.site.ledger().ask(&self.out, method, parameters);
        answer.await.unwrap_or_default()
    }

    /// Does the work and gives its outcome; nothing if the request was cancelled meanwhile.
    pub(super) async fn unless_cancelled(&self, work: impl Future<Output = Value>) -> Option<Value> {
        let running = Running::new(self);
        tokio::select! {
            outcome = work => {
                running.done();
                Some(outcome)
            }
            () = running.stop.notified() => None,
        }
    }
}

/// Keeps the books on a request while it is worked on. Whoever drops it before it is done has cancelled the request.
struct Running<'a> {
    talk: &'a Talk,
    stop: Arc<Notify>,
    is_done: bool,
}

impl<'a> Running<'a> {
    fn new(talk: &'a Talk) -> Self {
        let stop = Arc::new(Notify::new());
        let mut ledger = talk.site.ledger();
        let session = talk.session.as_ref().and_then(|name| ledger.sessions.get_mut(name));
        if let Some(session) = session {
            session.running.insert(talk.id.to_string(), Arc::clone(&stop));
        }
        let books = &mut ledger.books;
        books.in_flight += 1;
        books.most_in_flight = books.most_in_flight.max(books.in_flight);
        drop(ledger);
        Self { talk, stop, is_done: false }
    }

    fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut ledger = self.talk.site.ledger();
        let session = self.talk.session.as_ref().and_then(|name| ledger.sessions.get_mut(name));
        if let Some(session) = session {
            session.running.remove(&self.talk.id.to_string());
        }
        ledger.books.in_flight -= 1;
        if !self.is_done {
            ledger.books.cancelled.push(self.talk.id.clone());
        }
    }
}
