//! Streamable HTTP: every message of the host is a POST, and what the server says comes as the answer to it or on a
//! stream of its own.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, spawn_local};
use url::Url;

use super::answer::Answer;
use super::budget::{Budget, Room};
use super::host::Host;
use super::legacy::Legacy;
use super::pace::{Pace, chance, is_passing};
use super::provisional;
use super::session::Session;
use super::standing::Ends;
use super::way::Way;
use crate::error::{Error, REFUSED};
use crate::flows::relay::{Outgoing, Payload};
use crate::http::{Bytes, HeaderMap, HeaderName, HeaderValue, Method, Streamed};
use crate::mcp::message::{Id, Message, cancelled};
use crate::mcp::modern::{self, ToolHeaders};
use crate::mcp::tool_filter::ToolFilter;
use crate::peer_text::PeerText;

/// How long a server may take for one request: a tool may have much to do, and the host has a limit of its own.
const PATIENCE: Duration = Duration::from_mins(30);
/// How long a server may take to hear that we are done.
const FAREWELL: Duration = Duration::from_millis(1500);
/// The most pages of a list of tools that are read for one call.
const MOST_PAGES: usize = 50;
/// How long what is being said right now may take, when everything is to end.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// How often a stream is taken up again without anything coming of it.
const MOST_RESUMPTIONS: u32 = 10;
/// The most bytes of an answer of a server that serves nothing.
const REFUSAL_LIMIT: usize = 256 * 1024;

/// The longest name of an event that is sent back, in bytes.
const LONGEST_EVENT_ID: usize = 4096;

const ACCEPT: HeaderName = HeaderName::from_static("accept");
const CONTENT_TYPE: HeaderName = HeaderName::from_static("content-type");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const EITHER: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");

/// A request that is being carried out.
struct Running {
    task: AbortHandle,
    /// Whether it is one of revision 2026-07-28, which ends when its stream does.
    is_modern: bool,
}

/// The server's side of the bridge.
pub(super) struct Streamable {
    way: Arc<Way>,
    url: Url,
    host: Arc<Host>,
    filter: ToolFilter,
    /// Held while a session is begun: nothing overtakes the greeting.
    session: tokio::sync::Mutex<Session>,
    /// What the tools want in headers (2026-07-28).
    tools: RefCell<ToolHeaders>,
    requests: Budget,
    answers: Budget,
    /// The requests that are being carried out.
    running: RefCell<HashMap<Id, Running>>,
    /// Whether a host that waits too long for its greeting gets one in the server's place.
    is_hurried: bool,
    /// The stream on which the server speaks first, of the session with this generation.
    listening: RefCell<Option<AbortHandle>>,
    /// The server, once it has turned out to be one of revision 2024-11-05.
    older: OnceCell<Legacy>,
}

impl Streamable {
    pub(super) fn new(way: Arc<Way>, host: Arc<Host>, filter: ToolFilter, is_hurried: bool) -> Rc<Self> {
        Rc::new(Self {
            url: way.relay().server().to_url(),
            way,
            host,
            filter,
            is_hurried,
            session: tokio::sync::Mutex::default(),
            tools: RefCell::default(),
            requests: Budget::default(),
            answers: Budget::default(),
            running: RefCell::default(),
            listening: RefCell::default(),
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
        let task = spawn_local(Rc::clone(self).exchange(message, is_modern, room)).abort_handle();
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
            ("initialize", Some(_)) => self.greet(&message).await,
            ("notifications/initialized", None) => self.confirm(&message).await,
            _ => self.pass(&mut message, is_modern, room).await,
        };
        if let Err(error) = done {
            self.host.fail_message(&message, &error).await;
        }
        if let Some(id) = message.request_id() {
            self.running.borrow_mut().remove(id);
        }
    }

    /// A server that takes no POST may be one of revision 2024-11-05 (Streamable HTTP, Backwards Compatibility).
    async fn fall_back(&self, greeting: Message, error: Error) -> Result<(), Error> {
        let (way, host) = (Arc::clone(&self.way), Arc::clone(&self.host));
        match Legacy::open(Ends { way, host, filter: self.filter.clone() }).await {
            Ok(older) => {
                self.older.get_or_init(|| older).take(greeting).await;
                Ok(())
            }
            // A stream that leads astray is worse than none.
            Err(refused) if refused.exit_code() == REFUSED => Err(refused),
            Err(_) => Err(error),
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
        let Some(answer) = self.open_in_time(message, &mut session).await? else { return Ok(()) };
        if message.request_id().is_some_and(|id| self.host.waits_for(id)) {
            self.host.deliver(&answer).await;
        } else {
            // What was promised has come; the host may look again.
            for news in provisional::news() {
                self.host.deliver(&news).await;
            }
        }
        Ok(())
    }

    /// Greets the server; the host, if that takes too long.
    async fn open_in_time(&self, message: &Message, session: &mut Session) -> Result<Option<Message>, Error> {
        let opening = self.open_or_fall_back(message, session);
        tokio::pin!(opening);
        tokio::select! {
            biased;
            answer = &mut opening => answer,
            () = tokio::time::sleep(provisional::AFTER) => {
                if self.is_hurried && self.way.is_signing_in() {
                    self.host.deliver(&provisional::greeting(message)).await;
                }
                opening.await
            }
        }
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
        let streamed = self.post(&greeting, HeaderMap::new()).await?;
        let name = streamed.headers.get(SESSION).cloned();
        let mut answer = self.served(&greeting, streamed).await?;
        while let Some(said) = answer.next().await? {
            let said = self.way.harmless(said);
            if said.response_id() != greeting.request_id() {
                self.host.deliver(&said).await;
                continue;
            }
            let malformed = |why: super::session::Malformed| self.no_message(why.0);
            session.open(&said, name.as_ref()).map_err(malformed)?;
            return Ok(said);
        }
        Err(self.cut_off())
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
        if let Err(error) = self.post(message, session.headers.clone()).await {
            // A server that has not heard of it gets both again before anything else.
            session.is_open = false;
            return Err(error);
        }
        self.listen(session.headers.clone());
        Ok(())
    }

    /// Any other message. A server that has forgotten the session is greeted anew, once.
    async fn pass(self: &Rc<Self>, message: &mut Message, is_modern: bool, room: Room) -> Result<(), Error> {
        let (mut generation, headers) =
            if is_modern { (0, self.modern(message)?) } else { self.opened(None).await? };
        if let Some(older) = self.older.get().filter(|_| !is_modern) {
            older.take(message.clone()).await;
            return Ok(());
        }
        let has_session = headers.contains_key(SESSION);
        let mut streamed = self.post(message, headers.clone()).await?;
        let mut own = headers;
        if has_session && streamed.status == 404 {
            (generation, own) = self.opened(Some(generation)).await?;
            streamed = self.post(message, own.clone()).await?;
        }
        let _ = generation;
        let mut answer = self.served(message, streamed).await?;
        if is_modern && answer.misses_headers() && self.learns_of(message, &own).await? {
            own = self.modern(message)?;
            let streamed = self.post(message, own.clone()).await?;
            answer = self.served(message, streamed).await?;
        }
        // The request has left, and is not sent again; only its answer takes room from now on. Of a list of tools it is
        // still to be known which era asked.
        if message.method() != "tools/list" {
            message.let_go();
        }
        drop(room);
        self.receive(message, answer, own, is_modern).await
    }

    /// Asks for the tools anew, since the server misses headers that it may want since the host has asked last. Tells
    /// whether the request gets others now.
    async fn learns_of(&self, message: &Message, former: &HeaderMap) -> Result<bool, Error> {
        let mut page = None;
        for _ in 0..MOST_PAGES {
            let Some(ask) = modern::question_for_tools(message, page.as_deref()) else { break };
            let streamed = self.post(&ask, self.modern(&ask)?).await?;
            let mut answer = self.served(&ask, streamed).await?;
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
            self.open(&mut session).await?;
            if let Some(initialized) = session.initialized.clone() {
                self.post(&initialized, session.headers.clone()).await?;
                self.listen(session.headers.clone());
            }
        }
        Ok((session.generation, session.headers.clone()))
    }

    /// What a request of revision 2026-07-28 repeats of itself in its head.
    fn modern(&self, message: &Message) -> Result<HeaderMap, Error> {
        modern::headers(message, &self.tools.borrow())
            .map_err(|too_long| self.no_message(too_long.to_string()))
    }

    async fn post(&self, message: &Message, mut headers: HeaderMap) -> Result<Streamed, Error> {
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(ACCEPT, EITHER);
        let payload = Payload::Whole(message.bytes().clone());
        let url = self.url.clone();
        self.way
            .send(&Outgoing { method: Method::POST, url, headers, payload, patience: Some(PATIENCE) })
            .await
    }

    /// The server's answer, unless it serves nothing. In that case what it says instead is the host's answer.
    async fn served(&self, message: &Message, mut streamed: Streamed) -> Result<Answer, Error> {
        let server = self.server();
        if (200..300).contains(&streamed.status) {
            return Ok(Answer::new(streamed, server, &self.answers));
        }
        let (status, retry_after) = (streamed.status, streamed.retry_after());
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = streamed.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > REFUSAL_LIMIT {
                break;
            }
        }
        let said = Message::read(body.clone().into()).ok();
        if let (Some(said), Some(id)) = (said, message.request_id())
            && let Some(said) = said.failing(id)
        {
            return Ok(Answer::only(self.way.harmless(said), streamed, server, &self.answers));
        }
        let text = PeerText::new(String::from_utf8_lossy(&body).trim());
        let said = Some(self.way.relay().without_token(&text)).filter(|_| !body.trim_ascii().is_empty());
        Err(Error::Unserved { server, status, retry_after, said })
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
            let end = self.pass_on(message, &mut answer, &mut pace).await;
            if !awaited() {
                return Ok(());
            }
            let last = answer.last_event.take().filter(|_| answer.is_stream() && !is_modern);
            let Some((last, point)) = last.and_then(|last| place_after(&last).map(|point| (last, point)))
            else {
                return Err(end.err().unwrap_or_else(|| self.cut_off()));
            };
            answer = self.resumed(&headers, &point, answer.retry, &mut pace).await?;
            answer.last_event.get_or_insert(last);
        }
    }

    /// Everything that one answer holds. Nothing is read from the server while the host does not read.
    async fn pass_on(&self, message: &Message, answer: &mut Answer, pace: &mut Pace) -> Result<(), Error> {
        while let Some(said) = answer.next().await? {
            pace.succeeded();
            let is_own = said.response_id().is_some() && said.response_id() == message.request_id();
            let said =
                if is_own && message.method() == "tools/list" { self.tools_in(message, said) } else { said };
            self.host.deliver(&self.way.harmless(said)).await;
        }
        Ok(())
    }

    /// A list of tools, without those that the host is not to see or whose description is not what it should be.
    fn tools_in(&self, asked: &Message, said: Message) -> Message {
        let fit = if modern::is_modern(asked) { self.fit_tools(&said) } else { said.bytes().clone() };
        let listed = self.filter.filtered_list(&fit).unwrap_or(fit);
        Message::read(listed).unwrap_or(said)
    }

    /// The tools that can be called as they want (2026-07-28).
    fn fit_tools(&self, said: &Message) -> Bytes {
        let learned = self.tools.borrow_mut().learn(said.bytes());
        for (name, flaw) in &learned.rejected {
            let name = PeerText::from(name.as_str());
            self.way.relay().warn(&format!("{}: the tool {name} is left out, since {flaw}", self.server()));
        }
        learned.answer
    }

    /// Takes a broken stream up where it ended.
    async fn resumed(
        &self,
        headers: &HeaderMap,
        point: &HeaderValue,
        retry: Option<Duration>,
        pace: &mut Pace,
    ) -> Result<Answer, Error> {
        if let Some(retry) = retry {
            pace.asked(retry);
        }
        loop {
            tokio::time::sleep(pace.next(chance())).await;
            match self.stream(headers.clone(), Some(point.clone())).await {
                Ok(answer) if answer.is_stream() => return Ok(answer),
                Ok(_) => return Err(self.cut_off()),
                Err(error) if pace.failures() >= MOST_RESUMPTIONS || !is_passing(&error) => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
    }

    /// The stream on which a server speaks first, or goes on speaking.
    async fn stream(&self, mut headers: HeaderMap, point: Option<HeaderValue>) -> Result<Answer, Error> {
        headers.insert(ACCEPT, EVENT_STREAM);
        if let Some(point) = point {
            headers.insert(LAST_EVENT_ID, point);
        }
        let (url, payload) = (self.url.clone(), Payload::Empty);
        let outgoing = Outgoing { method: Method::GET, url, headers, payload, patience: Some(PATIENCE) };
        // Whoever only listens is no reason to sign in.
        let streamed = self.way.send_by_ourselves(&outgoing).await?;
        let (server, status) = (self.server(), streamed.status);
        if (200..300).contains(&status) {
            return Ok(Answer::new(streamed, server, &self.answers));
        }
        Err(Error::Unserved { server, status, retry_after: streamed.retry_after(), said: None })
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
            match self.stream(headers.clone(), last.as_deref().and_then(place_after)).await {
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
        let (method, url, headers) = (Method::DELETE, self.url.clone(), session.headers.clone());
        let outgoing = Outgoing { method, url, headers, payload: Payload::Empty, patience: Some(FAREWELL) };
        // Whatever it says, we are gone.
        let _ = tokio::time::timeout(FAREWELL, self.way.send_by_ourselves(&outgoing)).await;
    }

    fn server(&self) -> String {
        self.way.relay().key().server.to_string()
    }

    fn cut_off(&self) -> Error {
        Error::CutOff { server: self.server() }
    }

    fn no_message(&self, why: String) -> Error {
        Error::NoMessage { server: self.server(), why }
    }
}

/// Where a stream is to be taken up again. `None` after an event that cannot be named: without it, the server would take us
/// for somebody who only listens.
fn place_after(event: &str) -> Option<HeaderValue> {
    let is_decent = !event.is_empty() && event.len() <= LONGEST_EVENT_ID;
    HeaderValue::from_bytes(event.as_bytes()).ok().filter(|_| is_decent)
}

/// Whether a server that answers a greeting so may speak an older revision.
fn may_be_older(error: &Error) -> bool {
    matches!(error, Error::Unserved { status: 400 | 404..=407 | 409..=428 | 430..=499, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B-09.
    #[test]
    fn only_a_decent_name_of_an_event_is_sent_back() {
        assert_eq!(place_after("e-1 ü").unwrap().as_bytes(), "e-1 ü".as_bytes());
        for name in ["", "a\u{7f}", "a\u{1}b", &"x".repeat(LONGEST_EVENT_ID + 1)] {
            assert_eq!(place_after(name), None, "{name:?}");
        }
    }
}
