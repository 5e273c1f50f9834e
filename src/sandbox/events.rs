//! An event stream: a feed on its way out (the server side of `text/event-stream`).

use std::any::Any;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame};
use hyper::body::Bytes;

use super::feed::{Feed, Place};
use super::ledger::Site;
use super::options::BreakOff;

/// The events of a feed, as the body of an answer.
pub(super) struct Events {
    feed: Arc<Feed>,
    place: Place,
    /// What stands before the number in the id of an event; events without it have no id.
    prefix: Option<String>,
    /// What is sent before everything else.
    opening: Option<Bytes>,
    break_off: Option<BreakOff>,
    /// What lasts as long as the stream.
    _held: Box<dyn Any + Send>,
    _open: OpenStream,
}

impl Events {
    /// Follows a feed from a message, or from the first that nobody has read.
    pub(super) fn new(site: &Arc<Site>, feed: Arc<Feed>, from: Option<u64>) -> Self {
        let place = feed.follow(from);
        let break_off = site.ledger().options.break_off.clone();
        let open = OpenStream::new(site);
        Self { feed, place, prefix: None, opening: None, break_off, _held: Box::new(()), _open: open }
    }

    /// The same with ids, by which a client can ask for what it missed.
    pub(super) fn with_ids(self, prefix: String) -> Self {
        Self { prefix: Some(prefix), ..self }
    }

    /// The same with something before everything else.
    pub(super) fn opening(self, text: impl Into<Bytes>) -> Self {
        Self { opening: Some(text.into()), ..self }
    }

    /// The same, with something that ends when the stream ends, or when the client has gone.
    pub(super) fn holding(self, held: impl Any + Send) -> Self {
        Self { _held: Box::new(held), ..self }
    }

    fn event(&self, number: u64, message: &Bytes) -> Bytes {
        let id = self.prefix.as_ref().map(|prefix| format!("id: {prefix}-{number}\n")).unwrap_or_default();
        let mut text = Vec::with_capacity(message.len() + id.len() + 24);
        text.extend_from_slice(b"event: message\n");
        text.extend_from_slice(id.as_bytes());
        text.extend_from_slice(b"data: ");
        text.extend_from_slice(message);
        text.extend_from_slice(b"\n\n");
        text.into()
    }

    /// Whether the stream breaks off here. It lets go of what was written first: who breaks off at once takes back what
    /// still lies in a buffer.
    fn breaks_off(&mut self, context: &mut Context<'_>) -> Option<Poll<Option<io::Result<Frame<Bytes>>>>> {
        let knob = self.break_off.as_mut().filter(|knob| knob.after == 0)?;
        if !std::mem::replace(&mut knob.is_written, true) {
            context.waker().wake_by_ref();
            return Some(Poll::Pending);
        }
        let cleanly = knob.cleanly;
        Some(Poll::Ready((!cleanly).then(|| Err(io::ErrorKind::ConnectionAborted.into()))))
    }
}

impl Body for Events {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if let Some(opening) = this.opening.take() {
            return Poll::Ready(Some(Ok(Frame::data(opening))));
        }
        if let Some(end) = this.breaks_off(context) {
            return end;
        }
        let Some((number, message)) = ready!(this.feed.poll_next(&mut this.place, context)) else {
            return Poll::Ready(None);
        };
        if let Some(knob) = &mut this.break_off {
            knob.after -= 1;
        }
        Poll::Ready(Some(Ok(Frame::data(this.event(number, &message)))))
    }
}

/// Keeps the books on a stream while it is open.
struct OpenStream(Arc<Site>);

impl OpenStream {
    fn new(site: &Arc<Site>) -> Self {
        site.ledger().books.streams_opened += 1;
        Self(Arc::clone(site))
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.ledger().books.streams_closed += 1;
    }
}
