//! `mcp`: a stdio MCP server for an agent that signs its person in and sends requests, and never sees a token.
//!
//! What it asks is done beside one another on one thread; only a sign-in, which blocks, has a thread of its own.

mod answers;
mod requests;
mod sign_ins;
mod tools;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::{AbortHandle, LocalSet};

use self::answers::Era;
use self::sign_ins::SignIns;
use self::tools::Tools;
use super::App;
use super::host::{Host, orphaned};
use crate::error::Error;
use crate::http;
use crate::mcp::message::{self, INVALID_REQUEST, Id, Kind, Message, SERVER_ERROR};
use crate::platform::{self, Stream};

/// How long a host that says no more may still wait for answers.
const GRACE: Duration = Duration::from_secs(1);
/// How many calls are at work at once.
const AT_ONCE: usize = 64;
/// How often sign-ins that are over are forgotten.
const SWEEP: Duration = Duration::from_mins(1);
/// The one revision in which several messages may come as one (2025-03-26, Batching).
const WITH_BATCHES: &str = "2025-03-26";

/// Answers until the host or a signal ends it.
pub fn serve(app: App) -> Result<(), Error> {
    // Before anything else, so that there is little time in which it can go unseen.
    let parent = platform::parent();
    let story = async {
        let (input, output) = platform::take_streams()?;
        let agent = Rc::new(Agent::new(Arc::new(app), parent));
        LocalSet::new().run_until(Box::pin(agent.run(input, output))).await;
        Ok::<(), std::io::Error>(())
    };
    let unforeseen = |error: &dyn std::fmt::Display| Error::Unforeseen(error.to_string());
    http::block_on(story).map_err(|error| unforeseen(&error))?.map_err(|error| unforeseen(&error))
}

/// The server's end of the conversation.
struct Agent {
    /// Whoever started us.
    parent: Option<u32>,
    host: Host,
    tools: Tools,
    /// What was agreed on with a host that introduces itself.
    revision: Cell<&'static str>,
    /// Requests that are not answered yet, with what ends the work at them once it has begun.
    at_work: RefCell<HashMap<Id, Option<AbortHandle>>>,
}

impl Agent {
    fn new(app: Arc<App>, parent: Option<u32>) -> Self {
        let sign_ins = SignIns::new(Arc::clone(&app));
        Self {
            parent,
            host: Host::default(),
            tools: Tools { app, sign_ins },
            revision: Cell::new(answers::NEWEST),
            at_work: RefCell::default(),
        }
    }

    async fn run(self: Rc<Self>, mut input: Stream, output: Stream) {
        let writing = self.host.write_to(output);
        tokio::pin!(writing);
        let is_written = tokio::select! {
            _ = &mut writing => true,
            () = self.listen(&mut input) => false,
            () = platform::interrupted() => false,
            () = orphaned(self.parent) => false,
            () = self.sweep() => false,
        };
        self.host.end();
        if !is_written {
            // A host that does not read any more does not keep us.
            let _ = tokio::time::timeout(GRACE / 2, writing).await;
        }
    }

    /// Takes what the host says, and for a moment waits for what it has not been answered.
    async fn listen(self: &Rc<Self>, input: &mut Stream) {
        self.host.listen(input, async |message| self.take(message).await).await;
        let _ = tokio::time::timeout(GRACE, self.host.answered()).await;
    }

    async fn sweep(&self) {
        loop {
            tokio::time::sleep(SWEEP).await;
            self.tools.sign_ins.sweep();
        }
    }

    async fn take(self: &Rc<Self>, message: Message) {
        match message.kind() {
            Kind::Request { id, .. } => {
                let id = id.clone();
                self.begin(id, message).await;
            }
            Kind::Notification { method } if &**method == "notifications/cancelled" => self.cancel(&message),
            // Nothing was asked, and nothing else has to be known.
            Kind::Notification { .. } | Kind::Response { .. } => {}
            Kind::Batch(_) if self.revision.get() == WITH_BATCHES => self.begin_batch(&message),
            Kind::Batch(_) => {
                for id in message.request_ids() {
                    let why = "messages come one at a time in this revision";
                    self.host.deliver(&message::failure(Some(id), INVALID_REQUEST, why)).await;
                }
            }
        }
    }

    /// Answers a request at once where that takes no time, else beside the others.
    async fn begin(self: &Rc<Self>, id: Id, message: Message) {
        if self.at_work.borrow().contains_key(&id) {
            let answer = doubled(&id);
            return self.host.deliver(&answer).await;
        }
        if self.at_work.borrow().len() >= AT_ONCE {
            let answer =
                message::failure(Some(&id), SERVER_ERROR, "too many requests at once; wait for an answer");
            return self.host.deliver(&answer).await;
        }
        if message.method() != "tools/call" {
            let answer = self.answer(&id, &message).await;
            return self.host.deliver(&answer).await;
        }
        let (own, number) = (Rc::clone(self), id.clone());
        let working = tokio::task::spawn_local(async move {
            let answer = own.answer(&number, &message).await;
            own.host.deliver(&answer).await;
            own.at_work.borrow_mut().remove(&number);
        });
        self.at_work.borrow_mut().insert(id, Some(working.abort_handle()));
    }

    /// Answers several requests together, in one message as they came (JSON-RPC 2.0 section 6).
    fn begin_batch(self: &Rc<Self>, message: &Message) {
        let Kind::Batch(parts) = message.kind() else { return };
        let is_new = |id: &Id| match self.at_work.borrow_mut().entry(id.clone()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => place.insert(None).is_none(),
        };
        let requests = parts.iter().filter_map(|part| Some((part.request_id()?.clone(), part.clone())));
        let requests: Vec<_> = requests.map(|(id, part)| (is_new(&id), id, part)).collect();
        let own = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let mut answers = Vec::new();
            for (is_new, id, part) in requests {
                let answer = if is_new { own.take_turn(id, part).await } else { Some(doubled(&id)) };
                answers.extend(answer.map(|answer| String::from_utf8_lossy(answer.bytes()).into_owned()));
            }
            if let Ok(answer) = Message::read(format!("[{}]", answers.join(",")).into())
                && !answers.is_empty()
            {
                own.host.deliver(&answer).await;
            }
        });
    }

    /// Answers one request of a batch, unless it is cancelled.
    async fn take_turn(self: &Rc<Self>, id: Id, message: Message) -> Option<Message> {
        if !self.at_work.borrow().contains_key(&id) {
            return None;
        }
        let (own, number) = (Rc::clone(self), id.clone());
        let working = tokio::task::spawn_local(async move { own.answer(&number, &message).await });
        self.at_work.borrow_mut().insert(id.clone(), Some(working.abort_handle()));
        let answer = working.await.ok()?;
        self.at_work.borrow_mut().remove(&id);
        Some(answer)
    }

    /// Does not go on with what the host does not wait for any more. A sign-in that was begun stays open.
    fn cancel(&self, message: &Message) {
        let params: Option<Value> = message.params().and_then(|params| serde_json::from_slice(params).ok());
        let named = params.and_then(|params| Id::read(&params.get("requestId")?.to_string()));
        let Some(id) = named else { return };
        if let Some(working) = self.at_work.borrow_mut().remove(&id) {
            if let Some(working) = working {
                working.abort();
            }
            self.host.forget(&id);
        }
    }

    async fn answer(&self, id: &Id, message: &Message) -> Message {
        let outcome = match answers::era(message) {
            Ok(Era::Modern) => self.tools.answer_modern(message).await,
            Ok(Era::Introduced) => self.answer_introduced(message).await,
            Err(refusal) => Err(refusal),
        };
        match outcome {
            Ok(result) => message::success(id, &result),
            Err(refusal) => refusal.message(id),
        }
    }

    async fn answer_introduced(&self, message: &Message) -> answers::Answer {
        if message.method() == "initialize" {
            let revision = answers::agreed(message);
            self.revision.set(revision);
            return Ok(answers::initialized(revision));
        }
        self.tools.answer_introduced(message).await
    }
}

/// What is said to a request whose number another one has.
fn doubled(id: &Id) -> Message {
    message::failure(Some(id), INVALID_REQUEST, "another request has this id")
}
