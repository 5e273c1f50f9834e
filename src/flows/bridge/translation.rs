//! A host and a server of different eras: what one says goes through the translator before the other hears it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use tokio::task::{AbortHandle, spawn_local};

use super::pace::{Pace, chance};
use super::provisional;
use super::streamable::Streamable;
use super::way::Way;
use crate::flows::host::Host;
use crate::mcp::message::{Id, Message, cancelled};
use crate::mcp::tool_filter::ToolFilter;
use crate::mcp::translate::{Effect, Translator};

/// The server's side of a bridge that translates.
pub(super) struct Translation {
    way: Arc<Way>,
    translator: RefCell<Translator>,
    host: Arc<Host>,
    /// Whom the server takes for the host: what it is told waits here for the translator.
    deputy: Arc<Host>,
    upstream: Rc<Streamable>,
    /// What is sent in a while.
    later: RefCell<HashMap<Id, AbortHandle>>,
}

impl Translation {
    pub(super) fn new(way: Arc<Way>, host: Arc<Host>, filter: ToolFilter) -> Rc<Self> {
        let deputy = Arc::new(Host::default());
        let upstream = Streamable::new(Arc::clone(&way), Arc::clone(&deputy), filter, false);
        Rc::new(Self {
            way,
            translator: RefCell::default(),
            host,
            deputy,
            upstream,
            later: RefCell::default(),
        })
    }

    /// Takes a message of the host.
    pub(super) async fn take(self: &Rc<Self>, message: Message) {
        if message.method() == "initialize" {
            spawn_local(Rc::clone(self).put_off());
        }
        let effects = self.translator.borrow_mut().from_host(message);
        self.follow(effects).await;
    }

    /// Passes on what the server says, until it says no more.
    pub(super) async fn run(self: &Rc<Self>) {
        while let Some(line) = self.deputy.next().await {
            // What comes from there has been read before.
            let Ok(message) = Message::read(line) else { continue };
            let effects = if self.upstream.was_kept_out(&message) {
                self.translator.borrow_mut().kept_out(message)
            } else {
                self.translator.borrow_mut().from_server(message)
            };
            self.follow(effects).await;
        }
    }

    async fn follow(self: &Rc<Self>, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::ToHost(message) => self.host.deliver(&message).await,
                Effect::ToServer(message) => self.send(message).await,
                Effect::Later { message, times } => self.put_by(message, times),
            }
        }
    }

    async fn send(&self, message: Message) {
        if let Some(id) = cancelled(&message) {
            self.deputy.forget(&id);
            if let Some(later) = self.later.borrow_mut().remove(&id) {
                // The server has not heard of it.
                return later.abort();
            }
        }
        self.deputy.asks(&message);
        self.upstream.take(message).await;
    }

    /// Sends a request in a while, unless nobody wants it any more by then.
    fn put_by(self: &Rc<Self>, message: Message, times: u32) {
        let Some(id) = message.request_id().cloned() else { return };
        let task = spawn_local(Rc::clone(self).send_later(id.clone(), message, times));
        self.later.borrow_mut().insert(id, task.abort_handle());
    }

    async fn send_later(self: Rc<Self>, id: Id, message: Message, times: u32) {
        let mut pace = Pace::after(times.saturating_sub(1));
        tokio::time::sleep(pace.next(chance())).await;
        self.later.borrow_mut().remove(&id);
        self.send(message).await;
    }

    /// A host that has waited long enough while somebody signs in is greeted in the server's place.
    async fn put_off(self: Rc<Self>) {
        if !provisional::is_due(&self.way).await {
            return;
        }
        let greeting = self.translator.borrow().unanswered().map(provisional::greeting);
        if let Some(greeting) = greeting {
            self.translator.borrow_mut().put_off();
            self.host.deliver(&greeting).await;
        }
    }

    pub(super) async fn close(&self) {
        self.upstream.close().await;
        self.deputy.end();
    }
}
