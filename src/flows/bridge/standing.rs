//! A connection that is kept: opened when somebody needs it, and again when it breaks. What was said when the host and
//! the server met is said again then, since a new connection is a new session.
//!
//! Nothing is asked twice. A request that was on its way when a connection broke may have been carried out, so its
//! answer is an error.

use std::cell::{RefCell, RefMut};
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{RwLock, Semaphore, watch};
use tokio::task::{AbortHandle, spawn_local};

use super::budget::{Budget, Room};
use super::pace::{Pace, chance, is_passing};
use super::provisional;
use super::way::Way;
use crate::error::Error;
use crate::flows::host::Host;
use crate::http::{Bytes, HttpError};
use crate::mcp::message::{Id, Message};
use crate::mcp::tool_filter::ToolFilter;

/// How often a broken connection is opened anew before somebody has to ask for it.
const MOST_ATTEMPTS: u32 = 10;
/// How many messages that want no answer wait for a connection: there may be none before somebody asks for something.
const MOST_QUIET: usize = 64;
/// How long a server may take to greet again.
const GREETING: Duration = Duration::from_secs(30);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a connection is between, and what may pass.
#[derive(Clone)]
pub(super) struct Ends {
    pub(super) way: Arc<Way>,
    pub(super) host: Arc<Host>,
    pub(super) filter: ToolFilter,
}

impl Ends {
    /// The server, as the user may name it.
    pub(super) fn server(&self) -> String {
        self.way.relay().key().server.to_string()
    }

    pub(super) fn cut_off(&self) -> Error {
        Error::CutOff { server: self.server() }
    }

    pub(super) fn nonsense(&self, why: &dyn ToString) -> Error {
        Error::NoMessage { server: self.server(), why: why.to_string() }
    }

    pub(super) fn trouble(&self, error: HttpError) -> Error {
        self.way.relay().trouble(error.into())
    }

    /// What the server says, if it is a message.
    pub(super) fn read(&self, bytes: Bytes) -> Received {
        Message::read(bytes).map_or_else(|why| Received::Unreadable(self.nonsense(&why)), Received::Message)
    }
}

/// One kind of connection: how it is opened, read and written.
pub(super) trait Wire {
    /// Where messages come from.
    type Source;
    /// Where they go.
    type Sink;

    /// Opens a connection.
    async fn connect(&self) -> Result<(Self::Source, Self::Sink), Error>;

    /// What comes next, or how the connection has ended.
    async fn receive(&self, source: &mut Self::Source) -> Result<Received, End>;

    /// Sends a message.
    async fn transmit(&self, sink: &Self::Sink, message: &Message) -> Result<(), Error>;

    /// Takes leave.
    async fn hang_up(&self, sink: &Self::Sink);
}

/// What a connection brings.
pub(super) enum Received {
    /// A message.
    Message(Message),
    /// Something that is none. Whose answer it was to be cannot be told.
    Unreadable(Error),
    /// How long to wait before coming back.
    Wait(Duration),
}

/// How a connection ended, or why there is none.
pub(super) enum End {
    /// It may be better the next time.
    Broken(Error),
    /// There is no reason to come back before somebody wants something.
    Done(Error),
    /// There is no reason to come back at all, for this.
    Refused(String),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        if is_passing(&error) { Self::Broken(error) } else { Self::Done(error) }
    }
}

/// Whether there is a connection.
enum Line<Sink> {
    Down,
    Up(Rc<Sink>),
    /// There will be none again.
    Over(String),
}

/// What the host and the server said when they met.
#[derive(Default)]
struct Meeting {
    initialize: Option<Message>,
    /// Whether the server has agreed.
    has_happened: bool,
    initialized: Option<Message>,
}

/// A connection that is kept.
pub(super) struct Standing<W: Wire> {
    wire: W,
    ends: Ends,
    line: watch::Sender<Line<W::Sink>>,
    /// How many requests wait for a connection.
    waiting: watch::Sender<usize>,
    meeting: RefCell<Meeting>,
    /// Nothing that the host says later overtakes the end of the meeting.
    order: RwLock<()>,
    /// The requests for lists of tools that have no answer yet.
    listings: RefCell<HashSet<Id>>,
    requests: Budget,
    /// The places for what wants no answer and waits for a connection.
    quiet: Arc<Semaphore>,
    running: RefCell<Option<AbortHandle>>,
}

impl<W: Wire + 'static> Standing<W> {
    /// A connection that is opened when it is needed, or is there already.
    pub(super) fn new(wire: W, ends: Ends, first: Option<(W::Source, W::Sink)>) -> Rc<Self> {
        let standing = Rc::new(Self {
            wire,
            ends,
            line: watch::Sender::new(Line::Down),
            waiting: watch::Sender::new(0),
            meeting: RefCell::default(),
            order: RwLock::default(),
            listings: RefCell::default(),
            requests: Budget::default(),
            quiet: Arc::new(Semaphore::new(MOST_QUIET)),
            running: RefCell::default(),
        });
        let run = Rc::clone(&standing);
        let task = spawn_local(async move { run.run(first).await });
        standing.running.replace(Some(task.abort_handle()));
        standing
    }

    /// Takes a message of the host, and comes back as soon as there is room for the next one.
    pub(super) async fn take(self: &Rc<Self>, message: Message) {
        let is_quiet = message.request_ids().is_empty() && matches!(*self.line.borrow(), Line::Down);
        let place = is_quiet.then(|| Arc::clone(&self.quiet).try_acquire_owned());
        if matches!(place, Some(Err(_))) {
            // What it was about has ended with the connection; what every new one begins with is said there.
            self.note(&message);
            return;
        }
        let room = self.requests.room(message.bytes().len()).await;
        self.note(&message);
        let exchange = Rc::clone(self).exchange(message, room);
        spawn_local(async move {
            exchange.await;
            drop(place);
        });
    }

    async fn exchange(self: Rc<Self>, message: Message, room: Room) {
        let sending = self.send(&message);
        let sent = if message.method() == "initialize" {
            provisional::meanwhile(sending, &self.ends.way, &self.ends.host, &message).await
        } else {
            sending.await
        };
        drop(room);
        if let Err(error) = sent {
            self.ends.host.fail_message(&message, &error).await;
        }
    }

    /// Keeps the connection, until the server does not want to hear of us any more.
    async fn run(&self, mut first: Option<(W::Source, W::Sink)>) {
        let mut pace = Pace::default();
        if first.is_none() {
            self.is_wanted().await;
        }
        loop {
            let connected = match first.take() {
                Some(first) => Ok(first),
                None => self.wire.connect().await,
            };
            let end = match connected {
                Ok((source, sink)) => self.serve(source, Rc::new(sink), &mut pace).await,
                Err(error) => error.into(),
            };
            let error = match end {
                End::Refused(why) => return self.give_up(why).await,
                End::Broken(ref error) | End::Done(ref error) => error,
            };
            self.line.send_replace(Line::Down);
            self.ends.host.fail_all(error).await;
            // Requests that waited for this attempt have their answers now, and need no other.
            self.line.send_replace(Line::Down);
            let is_worth_it = matches!(end, End::Broken(_)) && self.meeting.borrow().has_happened;
            let is_tired = pace.failures() >= MOST_ATTEMPTS;
            tokio::time::sleep(pace.next(chance())).await;
            if is_tired || !is_worth_it {
                self.is_wanted().await;
            }
        }
    }

    async fn give_up(&self, why: String) {
        self.line.send_replace(Line::Over(why.clone()));
        self.ends.host.fail_all(&self.ends.nonsense(&why)).await;
    }

    async fn is_wanted(&self) {
        // Its sender is ours, so it does not go away.
        let _ = self.waiting.subscribe().wait_for(|waiting| *waiting > 0).await;
    }

    /// Passes on what comes, until the connection ends.
    async fn serve(&self, mut source: W::Source, sink: Rc<W::Sink>, pace: &mut Pace) -> End {
        if let Err(end) = self.meet_again(&mut source, &sink, pace).await {
            return end;
        }
        self.line.send_replace(Line::Up(sink));
        loop {
            match self.wire.receive(&mut source).await {
                Ok(received) => self.hear(received, pace).await,
                Err(end) => return end,
            }
        }
    }

    async fn hear(&self, received: Received, pace: &mut Pace) {
        match received {
            Received::Wait(wait) => pace.asked(wait),
            Received::Unreadable(error) => self.ends.host.fail_all(&error).await,
            Received::Message(message) => {
                pace.succeeded();
                self.note_answer(&message);
                self.deliver(message).await;
            }
        }
    }

    /// Gives the host what the server says.
    async fn deliver(&self, message: Message) {
        let asked = self.meeting.borrow().initialize.as_ref().and_then(Message::request_id).cloned();
        let is_greeting = message.response_id().is_some() && message.response_id() == asked.as_ref();
        let message = self.ends.way.harmless(self.as_the_host_may_see_it(message));
        if is_greeting {
            provisional::deliver(&message, &self.ends.host).await;
        } else {
            self.ends.host.deliver(&message).await;
        }
    }

    fn as_the_host_may_see_it(&self, message: Message) -> Message {
        let is_listing = message.response_id().is_some_and(|id| self.listings.borrow_mut().remove(id));
        let filtered = if is_listing { self.ends.filter.filtered_list(message.bytes()) } else { None };
        filtered.and_then(|listed| Message::read(listed).ok()).unwrap_or(message)
    }

    /// Says again what the host said when it met the server. The host knows the answer already.
    async fn meet_again(&self, source: &mut W::Source, sink: &W::Sink, pace: &mut Pace) -> Result<(), End> {
        let (initialize, initialized) = {
            let meeting = self.meeting.borrow();
            let Some(initialize) = meeting.initialize.clone().filter(|_| meeting.has_happened) else {
                return Ok(());
            };
            (initialize, meeting.initialized.clone())
        };
        self.wire.transmit(sink, &initialize).await?;
        let answered = self.answered(source, initialize.request_id(), pace);
        let answer = tokio::time::timeout(GREETING, answered).await;
        let answer = answer.map_err(|_| self.ends.cut_off())??;
        if answer.error().is_some() {
            return Err(End::Done(self.ends.nonsense(&"it does not take its client back")));
        }
        if let Some(initialized) = initialized {
            self.wire.transmit(sink, &initialized).await?;
        }
        Ok(())
    }

    /// The answer to this request; everything else is passed on.
    async fn answered(
        &self,
        source: &mut W::Source,
        id: Option<&Id>,
        pace: &mut Pace,
    ) -> Result<Message, End> {
        loop {
            match self.wire.receive(source).await? {
                Received::Message(message) if message.response_id() == id => return Ok(message),
                Received::Unreadable(error) => return Err(End::Broken(error)),
                Received::Message(message) => self.deliver(message).await,
                Received::Wait(wait) => pace.asked(wait),
            }
        }
    }

    /// Sends a message of the host, as soon as there is a connection. A request that got its answer meanwhile, because
    /// there is none to be had, is not sent any more.
    async fn send(&self, message: &Message) -> Result<(), Error> {
        let Some(sink) = self.sink(message).await? else { return Ok(()) };
        if message.method() == "notifications/initialized" {
            let _alone = self.order.write().await;
            return self.wire.transmit(&sink, message).await;
        }
        let _among_others = self.order.read().await;
        self.wire.transmit(&sink, message).await
    }

    /// Where a message goes; `None` if it need not go anywhere any more.
    async fn sink(&self, message: &Message) -> Result<Option<Rc<W::Sink>>, Error> {
        let _waiting = Waiting::new(&self.waiting, message);
        let mut line = self.line.subscribe();
        loop {
            match &*line.borrow_and_update() {
                Line::Up(sink) => return Ok(Some(Rc::clone(sink))),
                Line::Over(why) => return Err(self.ends.nonsense(why)),
                Line::Down => {}
            }
            let ids = message.request_ids();
            if !ids.is_empty() && !ids.into_iter().any(|id| self.ends.host.waits_for(id)) {
                // Unless the answer that it got was only a promise.
                if message.method() != "initialize" || !self.ends.way.is_signing_in() {
                    return Ok(None);
                }
            }
            let _ = line.changed().await;
        }
    }

    /// Ends the connection.
    pub(super) async fn close(&self) {
        if let Some(running) = self.running.borrow_mut().take() {
            running.abort();
        }
        let over = Line::Over("the connection was closed".into());
        let Line::Up(sink) = self.line.send_replace(over) else { return };
        let _ = tokio::time::timeout(FAREWELL, self.wire.hang_up(&sink)).await;
    }

    /// Keeps what the host says when it meets the server, and what it asks for whose answer may have to be changed.
    fn note(&self, message: &Message) {
        match (message.method(), message.request_id()) {
            ("initialize", _) => {
                *self.meeting_mut() = Meeting { initialize: Some(message.clone()), ..Meeting::default() };
            }
            ("notifications/initialized", _) => self.meeting_mut().initialized = Some(message.clone()),
            ("tools/list", Some(id)) => drop(self.listings.borrow_mut().insert(id.clone())),
            _ => {}
        }
    }

    /// Whether the server agreed to meet.
    fn note_answer(&self, message: &Message) {
        let mut meeting = self.meeting_mut();
        let asked = meeting.initialize.as_ref().and_then(Message::request_id);
        if message.response_id().is_some() && message.response_id() == asked {
            meeting.has_happened = message.error().is_none();
        }
    }

    fn meeting_mut(&self) -> RefMut<'_, Meeting> {
        self.meeting.borrow_mut()
    }
}

/// A request that waits for a connection, for as long as it does.
struct Waiting<'a>(Option<&'a watch::Sender<usize>>);

impl<'a> Waiting<'a> {
    fn new(count: &'a watch::Sender<usize>, message: &Message) -> Self {
        let counts = !message.request_ids().is_empty();
        if counts {
            count.send_modify(|count| *count += 1);
        }
        Self(counts.then_some(count))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.0 {
            count.send_modify(|count| *count -= 1);
        }
    }
}
