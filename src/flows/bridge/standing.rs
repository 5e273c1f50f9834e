//! A connection that is kept: opened when somebody needs it, and again when it breaks. What was said when the host and
//! the server met is said again then, since a new connection is a new session.
//!
//! Nothing is asked twice. A request that was on its way when a connection broke may have been carried out, so its
//! answer is an error.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::host::Host;
use super::pace::Pace;
use crate::error::{Error, TEMPORARY};
use crate::files;
use crate::mcp::message::{Id, Message};

/// How often a broken connection is opened anew before somebody has to ask for it.
const MOST_ATTEMPTS: u32 = 10;
/// How long a server may take to greet again.
const GREETING: Duration = Duration::from_secs(30);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

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
        if error.exit_code() == TEMPORARY { Self::Broken(error) } else { Self::Done(error) }
    }
}

/// Whether there is a connection.
enum Line<Sink> {
    Down,
    Up(Arc<Sink>),
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
    host: Arc<Host>,
    server: String,
    line: watch::Sender<Line<W::Sink>>,
    /// How many requests wait for a connection.
    waiting: watch::Sender<usize>,
    meeting: Mutex<Meeting>,
}

impl<W: Wire> Standing<W> {
    /// A connection that [`Self::run`] opens; `server` is its name for people.
    pub(super) fn new(wire: W, host: Arc<Host>, server: String) -> Self {
        Self {
            wire,
            host,
            server,
            line: watch::Sender::new(Line::Down),
            waiting: watch::Sender::new(0),
            meeting: Mutex::default(),
        }
    }

    /// Keeps the connection, until the server does not want to hear of us any more.
    pub(super) async fn run(&self) {
        let mut pace = Pace::default();
        loop {
            let end = match self.wire.connect().await {
                Ok((source, sink)) => self.serve(source, Arc::new(sink), &mut pace).await,
                Err(error) => error.into(),
            };
            let error = match end {
                End::Refused(why) => return self.give_up(why).await,
                End::Broken(ref error) | End::Done(ref error) => error,
            };
            self.line.send_replace(Line::Down);
            self.host.fail_all(error).await;
            // Requests that waited for this attempt have their answers now, and need no other.
            self.line.send_replace(Line::Down);
            let is_worth_it = matches!(end, End::Broken(_)) && self.meeting().has_happened;
            let is_tired = pace.failures() >= MOST_ATTEMPTS;
            tokio::time::sleep(pace.next(chance())).await;
            if is_tired || !is_worth_it {
                self.is_wanted().await;
            }
        }
    }

    async fn give_up(&self, why: String) {
        self.line.send_replace(Line::Over(why.clone()));
        self.host.fail_all(&self.nonsense(why)).await;
    }

    async fn is_wanted(&self) {
        // Its sender is ours, so it does not go away.
        let _ = self.waiting.subscribe().wait_for(|waiting| *waiting > 0).await;
    }

    /// Passes on what comes, until the connection ends.
    async fn serve(&self, mut source: W::Source, sink: Arc<W::Sink>, pace: &mut Pace) -> End {
        if let Err(end) = self.meet_again(&mut source, &sink, pace).await {
            return end;
        }
        self.line.send_replace(Line::Up(sink));
        loop {
            match self.wire.receive(&mut source).await {
                Ok(received) => self.take(received, pace).await,
                Err(end) => return end,
            }
        }
    }

    async fn take(&self, received: Received, pace: &mut Pace) {
        match received {
            Received::Wait(wait) => pace.asked(wait),
            Received::Unreadable(error) => self.host.fail_all(&error).await,
            Received::Message(message) => {
                pace.succeeded();
                self.note_answer(&message);
                self.host.deliver(&message).await;
            }
        }
    }

    /// Says again what the host said when it met the server. The host knows the answer already.
    async fn meet_again(&self, source: &mut W::Source, sink: &W::Sink, pace: &mut Pace) -> Result<(), End> {
        let (initialize, initialized) = {
            let meeting = self.meeting();
            let Some(initialize) = meeting.initialize.clone().filter(|_| meeting.has_happened) else {
                return Ok(());
            };
            (initialize, meeting.initialized.clone())
        };
        self.wire.transmit(sink, &initialize).await?;
        let answered = self.answered(source, initialize.request_id(), pace);
        let answer = tokio::time::timeout(GREETING, answered).await;
        let answer = answer.map_err(|_| Error::CutOff { server: self.server.clone() })??;
        if answer.error().is_some() {
            return Err(End::Done(self.nonsense("it does not take its client back".into())));
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
                Received::Message(message) => self.host.deliver(&message).await,
                Received::Wait(wait) => pace.asked(wait),
            }
        }
    }

    /// Sends a message of the host, as soon as there is a connection. A request that got its answer meanwhile, because
    /// there is none to be had, is not sent any more.
    pub(super) async fn send(&self, message: &Message) -> Result<(), Error> {
        self.note(message);
        let waiting = Waiting::new(&self.waiting, message);
        let mut line = self.line.subscribe();
        let sink = loop {
            match &*line.borrow_and_update() {
                Line::Up(sink) => break Arc::clone(sink),
                Line::Over(why) => return Err(self.nonsense(why.clone())),
                Line::Down => {}
            }
            let ids = message.request_ids();
            if !ids.is_empty() && !ids.into_iter().any(|id| self.host.waits_for(id)) {
                return Ok(());
            }
            let _ = line.changed().await;
        };
        drop(waiting);
        self.wire.transmit(&sink, message).await
    }

    /// Ends the connection.
    pub(super) async fn close(&self) {
        let Line::Up(sink) = self.line.send_replace(Line::Over("the connection was closed".into())) else { return };
        let _ = tokio::time::timeout(FAREWELL, self.wire.hang_up(&sink)).await;
    }

    /// Keeps what the host says when it meets the server.
    fn note(&self, message: &Message) {
        match message.method() {
            "initialize" => {
                *self.meeting() = Meeting { initialize: Some(message.clone()), ..Meeting::default() };
            }
            "notifications/initialized" => self.meeting().initialized = Some(message.clone()),
            _ => {}
        }
    }

    /// Whether the server agreed to meet.
    fn note_answer(&self, message: &Message) {
        let mut meeting = self.meeting();
        let asked = meeting.initialize.as_ref().and_then(Message::request_id);
        if message.response_id().is_some() && message.response_id() == asked {
            meeting.has_happened = message.error().is_none();
        }
    }

    fn meeting(&self) -> MutexGuard<'_, Meeting> {
        self.meeting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nonsense(&self, why: String) -> Error {
        Error::NoMessage { server: self.server.clone(), why }
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

/// Any number between 0 and 1. That of a system without chance is as good as another.
fn chance() -> f64 {
    let [byte] = files::random().unwrap_or([0]);
    f64::from(byte) / 255.0
}
