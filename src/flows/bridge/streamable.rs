//! Streamable HTTP: every message of the host is a POST, and what the server says comes as the answer to it or on a
//! stream of its own.

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, spawn_local};

use super::answer::Answer;
use super::budget::{Budget, Room};
use super::endpoint::{Endpoint, place_after};
use super::legacy::Legacy;
use super::pace::{Pace, chance, is_passing};
use super::provisional;
use super::session::Session;
use super::standing::Ends;
use super::way::Way;
use crate::error::{Error, LOGIN_NEEDED};
use crate::flows::host::Host;
use crate::http::{Bytes, HeaderMap, HeaderName};
use crate::mcp::era;
use crate::mcp::message::{Id, Message, cancelled};
use crate::mcp::modern::{self, ToolHeaders};
use crate::mcp::tool_filter::ToolFilter;
use crate::peer_text::PeerText;

/// The most pages of a list of tools that are read for one call.
const MOST_PAGES: usize = 50;
/// How long what is being said right now may take, when everything is to end.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// The header that names the session.
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

/// A request that is being carried out.
struct Running {
    task: AbortHandle,
    /// Whether it is one of revision 2026-07-28, which ends when its stream does.
    is_modern: bool,
}

/// The server's side of the bridge.
pub(super) struct Streamable {
    way: Arc<Way>,
    endpoint: Endpoint,
    host: Arc<Host>,
    filter: ToolFilter,
    /// Held while a session is begun: nothing overtakes the greeting.
    session: tokio::sync::Mutex<Session>,
    /// What the tools want in headers (2026-07-28).
    tools: RefCell<ToolHeaders>,
    requests: Budget,
    /// The requests that are being carried out.
    running: RefCell<HashMap<Id, Running>>,
    /// Whether a host that waits too long for its greeting gets one in the server's place.
    is_hurried: bool,
    /// The stream on which the server speaks first, of the session with this generation.
    listening: RefCell<Option<AbortHandle>>,
    /// The requests of a host that we translate for whose answers say nothing of the server.
    kept_out: RefCell<HashSet<Id>>,
    /// The server, once it has turned out to be one of revision 2024-11-05.
    older: OnceCell<Legacy>,
}

impl Streamable {
    pub(super) fn new(way: Arc<Way>, host: Arc<Host>, filter: ToolFilter, is_hurried: bool) -> Rc<Self> {
        Rc::new(Self {
            endpoint: Endpoint::new(Arc::clone(&way)),
            way,
            host,
            filter,
            is_hurried,
            session: tokio::sync::Mutex::default(),
            tools: RefCell::default(),
            requests: Budget::default(),
            running: RefCell::default(),
            listening: RefCell::default(),
            kept_out: RefCell::default(),
            older: OnceCell::new(),
        })
    }

    /// Takes a message of the host, and comes back as soon as there is room for the next one.
    pub(super) async fn take(self: &Rc<Self>, message: Message) {
        if let Some(older) = self.older.get() {
            return older.take(message).await;
        }
        if self.cancels(&message) {
            return;
        }
        let room = self.requests.room(message.bytes().len()).await;
        let is_modern = modern::is_modern(&message);
        // Nobody may take a greeting back (Cancellation, Behavior Requirements).
        let id = message.request_id().filter(|_| message.method() != "initialize").cloned();
        let task = spawn_local(Box::pin(Rc::clone(self).exchange(message, is_modern, room))).abort_handle();
        if let Some(id) = id {
            self.running.borrow_mut().insert(id, Running { task, is_modern });
        }
    }

    /// A request that is cancelled ends here: one that still waits for somebody to sign in must not be sent after all. Tells
    /// whether the server need not hear of it, as with revision 2026-07-28, where it sees the stream end.
    fn cancels(&self, message: &Message) -> bool {
        let Some(id) = cancelled(message) else { return false };
        let Some(running) = self.running.borrow_mut().remove(&id) else {
            // A host that has never greeted has nothing else to cancel by: what it means has been answered.
            return self.session.try_lock().is_ok_and(|session| session.initialize.is_none());
        };
        running.task.abort();
        running.is_modern
    }

    async fn exchange(self: Rc<Self>, mut message: Message, is_modern: bool, room: Room) {
        let done = match (message.method(), message.request_id()) {
            // Seldom, and large: every other message would carry the room for these from place to place.
            ("initialize", Some(_)) => Box::pin(self.greet(&message)).await,
            ("notifications/initialized", None) => Box::pin(self.confirm(&message)).await,
            _ => self.pass(&mut message, is_modern, room).await,
        };
        if let Err(error) = done {
            self.note_entry(&message, error.exit_code() == LOGIN_NEEDED);
            self.host.fail_message(&message, &error).await;
        }
        if let Some(id) = message.request_id() {
            self.running.borrow_mut().remove(id);
        }
    }

    /// Notes that nobody was let in with a request, for whoever draws conclusions from its answer.
    fn note_entry(&self, message: &Message, was_refused: bool) {
        if let Some(id) = message.request_id().filter(|_| was_refused && !self.is_hurried) {
            self.kept_out.borrow_mut().insert(id.clone());
        }
    }

    /// Whether this answer says nothing of the server, since nobody was let in.
    pub(super) fn was_kept_out(&self, answer: &Message) -> bool {
        answer.response_id().is_some_and(|id| self.kept_out.borrow_mut().remove(id))
    }

    /// A server that takes no POST may be one of revision 2024-11-05 (Streamable HTTP, Backwards Compatibility).
    async fn fall_back(&self, greeting: Message, error: Error) -> Result<(), Error> {
        let (way, host) = (Arc::clone(&self.way), Arc::clone(&self.host));
        match Legacy::open(Ends { way, host, filter: self.filter.clone() }).await {
            Ok(older) => {
                self.older.get_or_init(|| older).take(greeting).await;
                Ok(())
            }
            // There is no such stream, so what was said to the greeting stands. Any other trouble is met there.
            Err(none) if may_be_older(&none) || matches!(none, Error::NoMessage { .. }) => Err(error),
            Err(trouble) => Err(trouble),
        }
    }

    /// The host's greeting. Where somebody has to sign in first, the host gets an answer in time all the same, and what
    /// it asks next waits.
    async fn greet(self: &Rc<Self>, message: &Message) -> Result<(), Error> {
        let mut session = self.session.lock().await;
        *session = Session {
            generation: session.generation,
            initialize: Some(message.clone()),
            ..Session::default()
        };
        let opening = self.open_or_fall_back(message, &mut session);
        let opened = if self.is_hurried {
            provisional::meanwhile(opening, &self.way, &self.host, message).await
        } else {
            opening.await
        };
        let Some(answer) = opened? else { return Ok(()) };
        provisional::deliver(&answer, &self.host).await;
        Ok(())
    }

    /// The server's answer to the greeting; `None` where it comes on the stream of an older one. What the host has said
    /// meanwhile waits for the session, and so goes the same way.
    async fn open_or_fall_back(
        &self,
        message: &Message,
        session: &mut Session,
    ) -> Result<Option<Message>, Error> {
        match self.open(session).await {
            Err(error) if may_be_older(&error) => self.fall_back(message.clone(), error).await.map(|()| None),
            answer => answer.map(Some),
        }
    }

    /// Greets the server and notes what it agrees to.
    async fn open(&self, session: &mut Session) -> Result<Message, Error> {
        let Some(greeting) = session.initialize.clone() else {
            return Err(Error::Unforeseen("there is no greeting to repeat".into()));
        };
        let streamed = self.endpoint.post(&greeting, HeaderMap::new()).await?;
        self.note_entry(&greeting, era::is_about_entry(streamed.status));
        let name = streamed.headers.get(SESSION).cloned();
        let mut answer = self.endpoint.served(&greeting, streamed).await?;
        while let Some(said) = answer.next().await? {
            let said = self.way.harmless(said);
            if said.response_id() != greeting.request_id() {
                self.host.deliver(&said).await;
                continue;
            }
            let malformed = |why: super::session::Malformed| self.endpoint.no_message(why.0);
            session.open(&said, name.as_ref()).map_err(malformed)?;
            if self.is_hurried && modern::Complaint::read(said.bytes()).is_some() {
                let relay = self.way.relay();
                let what = format!("{} knows no revision before {}", relay.key().server, modern::REVISION);
                relay.warn(&format!("{what}; with `mcpauth bridge --translate` this client can use it"));
            }
            return Ok(said);
        }
        Err(self.endpoint.cut_off())
    }

    /// The host has taken note of the greeting: from now on the server may speak first.
    async fn confirm(self: &Rc<Self>, message: &Message) -> Result<(), Error> {
        let mut session = self.session.lock().await;
        if let Some(older) = self.older.get() {
            older.take(message.clone()).await;
            return Ok(());
        }
        session.initialized = Some(message.clone());
        if session.initialize.is_some() && !session.is_open {
            self.open(&mut session).await?;
        }
        if let Err(error) = self.endpoint.post(message, session.headers.clone()).await {
            // A server that has not heard of it gets both again before anything else.
            session.is_open = false;
            return Err(error);
        }
        self.listen(session.headers.clone());
        Ok(())
    }

    /// Any other message. A server that has forgotten the session is greeted anew, once.
    async fn pass(self: &Rc<Self>, message: &mut Message, is_modern: bool, room: Room) -> Result<(), Error> {
        let (generation, headers) =
            if is_modern { (0, self.modern(message)?) } else { self.opened(None).await? };
        if let Some(older) = self.older.get().filter(|_| !is_modern) {
            older.take(message.clone()).await;
            return Ok(());
        }
        let has_session = headers.contains_key(SESSION);
        let mut streamed = self.endpoint.post(message, headers.clone()).await?;
        let mut own = headers;
        if has_session && streamed.status == 404 {
            (_, own) = self.opened(Some(generation)).await?;
            streamed = self.endpoint.post(message, own.clone()).await?;
        }
        self.note_entry(message, era::is_about_entry(streamed.status));
        let mut answer = self.endpoint.served(message, streamed).await?;
        if is_modern && answer.misses_headers() && Box::pin(self.learns_of(message, &own)).await? {
            own = self.modern(message)?;
            let streamed = self.endpoint.post(message, own.clone()).await?;
            answer = self.endpoint.served(message, streamed).await?;
        }
        // The request has left, and is not sent again; only its answer takes room from now on.
        message.let_go();
        drop(room);
        self.receive(message, answer, own, is_modern).await
    }

    /// Asks for the tools anew, since the server misses headers that it may want since the host has asked last. Tells
    /// whether the request gets others now.
    async fn learns_of(&self, message: &Message, former: &HeaderMap) -> Result<bool, Error> {
        let mut page = None;
        for _ in 0..MOST_PAGES {
            let Some(ask) = modern::question_for_tools(message, page.as_deref()) else { break };
            let streamed = self.endpoint.post(&ask, self.modern(&ask)?).await?;
            let mut answer = self.endpoint.served(&ask, streamed).await?;
            page = None;
            while let Some(said) = answer.next().await? {
                if said.response_id() == ask.request_id() {
                    self.tools.borrow_mut().learn(said.bytes());
                    page = modern::next_page(&said);
                }
            }
            if page.is_none() {
                break;
            }
        }
        Ok(self.modern(message)? != *former)
    }

    /// The session of the host, which is begun anew if it is the one that the server has forgotten.
    async fn opened(self: &Rc<Self>, forgotten: Option<u64>) -> Result<(u64, HeaderMap), Error> {
        let mut session = self.session.lock().await;
        let is_lost =
            forgotten == Some(session.generation) || (session.initialize.is_some() && !session.is_open);
        if is_lost && session.initialize.is_some() && self.older.get().is_none() {
            session.is_open = false;
            Box::pin(self.open(&mut session)).await?;
            if let Some(initialized) = session.initialized.clone() {
                self.endpoint.post(&initialized, session.headers.clone()).await?;
                self.listen(session.headers.clone());
            }
        }
        Ok((session.generation, session.headers.clone()))
    }

    /// What a request of revision 2026-07-28 repeats of itself in its head.
    fn modern(&self, message: &Message) -> Result<HeaderMap, Error> {
        modern::headers(message, &self.tools.borrow())
            .map_err(|too_long| self.endpoint.no_message(too_long.to_string()))
    }

    /// Passes on what the server says until everything is answered.
    async fn receive(
        &self,
        message: &Message,
        mut answer: Answer,
        headers: HeaderMap,
        is_modern: bool,
    ) -> Result<(), Error> {
        let awaited = || message.request_ids().into_iter().any(|id| self.host.waits_for(id));
        let mut pace = Pace::default();
        loop {
            let end = self.pass_on(message, is_modern, &mut answer, &mut pace).await;
            if !awaited() {
                return Ok(());
            }
            let last = answer.last_event.take().filter(|_| answer.is_stream() && !is_modern);
            let Some((last, point)) = last.and_then(|last| place_after(&last).map(|point| (last, point)))
            else {
                return Err(end.err().unwrap_or_else(|| self.endpoint.cut_off()));
            };
            answer = self.endpoint.resumed(&headers, &point, answer.retry, &mut pace).await?;
            answer.last_event.get_or_insert(last);
        }
    }

    /// Everything that one answer holds. Nothing is read from the server while the host does not read.
    async fn pass_on(
        &self,
        message: &Message,
        is_modern: bool,
        answer: &mut Answer,
        pace: &mut Pace,
    ) -> Result<(), Error> {
        while let Some(said) = answer.next().await? {
            pace.succeeded();
            let is_own = said.response_id().is_some() && said.response_id() == message.request_id();
            let is_list = is_own && message.method() == "tools/list";
            let said = if is_list { self.tools_in(said, is_modern) } else { said };
            self.host.deliver(&self.way.harmless(said)).await;
        }
        Ok(())
    }

    /// A list of tools, without those that the host is not to see or whose description is not what it should be.
    fn tools_in(&self, said: Message, is_modern: bool) -> Message {
        let fit = if is_modern { self.fit_tools(&said) } else { said.bytes().clone() };
        let listed = self.filter.filtered_list(&fit).unwrap_or(fit);
        Message::read(listed).unwrap_or(said)
    }

    /// The tools that can be called as they want (2026-07-28).
    fn fit_tools(&self, said: &Message) -> Bytes {
        let learned = self.tools.borrow_mut().learn(said.bytes());
        for (name, flaw) in &learned.rejected {
            let name = PeerText::from(name.as_str());
            self.way
                .relay()
                .warn(&format!("{}: the tool {name} is left out, since {flaw}", self.endpoint.server()));
        }
        learned.answer
    }

    /// Listens from now on in this session, and in no former one.
    fn listen(self: &Rc<Self>, headers: HeaderMap) {
        let task = spawn_local(Rc::clone(self).go_on_listening(headers));
        if let Some(former) = self.listening.borrow_mut().replace(task.abort_handle()) {
            former.abort();
        }
    }

    async fn go_on_listening(self: Rc<Self>, headers: HeaderMap) {
        let (mut pace, mut last) = (Pace::default(), None);
        loop {
            match self.endpoint.stream(headers.clone(), last.as_deref().and_then(place_after)).await {
                Ok(mut answer) if answer.is_stream() => {
                    while let Ok(Some(said)) = answer.next().await {
                        self.host.deliver(&self.way.harmless(said)).await;
                        pace.succeeded();
                    }
                    if let Some(retry) = answer.retry {
                        pace.asked(retry);
                    }
                    last = answer.last_event.or(last);
                }
                // It has nothing to say.
                Ok(_) => return,
                // Whoever signs in again wants to hear it again.
                Err(Error::LoginNeeded { .. }) => {}
                Err(error) if !is_passing(&error) => return,
                Err(_) => {}
            }
            tokio::time::sleep(pace.next(chance())).await;
        }
    }

    /// Tells the server that the session is over.
    pub(super) async fn close(&self) {
        if let Some(older) = self.older.get() {
            return older.close().await;
        }
        if let Some(listening) = self.listening.borrow_mut().take() {
            listening.abort();
        }
        // Whoever is greeting right now gets a moment to finish; somebody who signs in takes too long for that.
        let Ok(session) = tokio::time::timeout(LAST_WORDS, self.session.lock()).await else { return };
        if !session.has_name() {
            return;
        }
        self.endpoint.take_leave(session.headers.clone()).await;
    }
}

/// Whether a server that answers a greeting so may speak an older revision.
fn may_be_older(error: &Error) -> bool {
    matches!(error, Error::Unserved { status: 400 | 404..=407 | 409..=428 | 430..=499, .. })
}
