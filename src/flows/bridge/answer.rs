//! What a server says in answer to one HTTP request: one message, or a stream of them.

use std::time::Duration;

use bytes::BytesMut;

use super::budget::{Budget, Room};
use crate::error::Error;
use crate::flows::remote;
use crate::http::{Bytes, Streamed};
use crate::mcp::message::Message;
use crate::mcp::modern::Complaint;
use crate::mcp::sse::{EVENT_LIMIT, EventReader, Unreadable};
use crate::oauth;

/// The beginning of a body for which nothing has been counted yet, in bytes.
const FREE: usize = 4 * 1024;

/// The messages of one answer, in their order.
pub(super) struct Answer {
    streamed: Streamed,
    server: String,
    events: Option<EventReader>,
    /// Counts what has been read and not been passed on.
    room: Room,
    held: usize,
    /// Whether what has been read has been passed on by the time that somebody asks for more.
    is_passed_on: bool,
    is_over: bool,
    /// What it says, where that is known already.
    known: Option<Message>,
    /// Where the stream can be taken up again.
    pub(super) last_event: Option<String>,
    /// How long the server wants to be left alone before that.
    pub(super) retry: Option<Duration>,
}

impl Answer {
    pub(super) fn new(streamed: Streamed, server: String, budget: &Budget) -> Self {
        let events = streamed.is_event_stream().then(|| EventReader::new(EVENT_LIMIT));
        Self {
            streamed,
            server,
            events,
            room: budget.none_yet(),
            held: 0,
            is_passed_on: false,
            is_over: false,
            known: None,
            last_event: None,
            retry: None,
        }
    }

    /// The answer whose message has been read.
    pub(super) fn only(known: Message, streamed: Streamed, server: String, budget: &Budget) -> Self {
        Self { known: Some(known), events: None, is_over: true, ..Self::new(streamed, server, budget) }
    }

    /// Whether it is a stream, which can say more than one thing.
    pub(super) fn is_stream(&self) -> bool {
        self.events.is_some()
    }

    /// Whether the server has refused the request of revision 2026-07-28 for what its head says.
    pub(super) fn misses_headers(&self) -> bool {
        let refusal = self.known.as_ref().and_then(|known| Complaint::read(known.bytes()));
        refusal == Some(Complaint::HeaderMismatch)
    }

    /// The next message, as soon as it is there; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Message>, Error> {
        if let Some(known) = self.known.take() {
            return Ok(Some(known));
        }
        if self.is_stream() { self.next_event().await } else { self.whole().await }
    }

    /// The message that is the whole body; none where there is no body.
    async fn whole(&mut self) -> Result<Option<Message>, Error> {
        if std::mem::replace(&mut self.is_over, true) {
            return Ok(None);
        }
        let Some(first) = self.chunk().await? else { return Ok(None) };
        let Some(second) = self.chunk().await? else { return self.read(first).map(Some) };
        let length = self.streamed.length().unwrap_or(0).max(first.len() + second.len());
        let mut body = BytesMut::with_capacity(length.min(EVENT_LIMIT));
        body.extend_from_slice(&first);
        body.extend_from_slice(&second);
        while let Some(more) = self.chunk().await? {
            body.extend_from_slice(&more);
        }
        self.read(body.freeze()).map(Some)
    }

    async fn next_event(&mut self) -> Result<Option<Message>, Error> {
        loop {
            // Whoever asks for more has passed on what there was; until then it took room.
            if std::mem::take(&mut self.is_passed_on) {
                self.held = 0;
                self.room.empty();
            }
            let Some(events) = &mut self.events else { return Ok(None) };
            let unreadable =
                |why: Unreadable| Error::NoMessage { server: self.server.clone(), why: why.to_string() };
            let Some(event) = events.next().map_err(unreadable)? else {
                let Some(chunk) = self.chunk().await? else { return Ok(None) };
                if let Some(events) = &mut self.events {
                    events.push(chunk);
                }
                continue;
            };
            self.is_passed_on = true;
            self.retry = event.retry.or(self.retry);
            self.last_event = event.id.clone().or(self.last_event.take());
            if event.is_message() && !event.data.is_empty() {
                return self.read(event.data).map(Some);
            }
        }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let chunk =
            self.streamed.chunk().await.map_err(|error| remote(&self.server)(oauth::Error::from(error)))?;
        self.held += chunk.as_ref().map_or(0, Bytes::len);
        if self.held > FREE {
            self.room.grow(self.held).await;
        }
        Ok(chunk)
    }

    fn read(&self, bytes: Bytes) -> Result<Message, Error> {
        let wrong =
            |why: &dyn ToString| Error::NoMessage { server: self.server.clone(), why: why.to_string() };
        Message::read(bytes).map_err(|malformed| wrong(&malformed))
    }
}
