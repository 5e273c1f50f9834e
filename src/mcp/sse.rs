//! Server-sent events out of whatever chunks the network cuts (WHATWG HTML, section 9.2).

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use sse_stream::{Sse, SseByteStream};

use crate::http::Bytes;

/// The most bytes of one event that are waited for, where nobody says otherwise.
pub const EVENT_LIMIT: usize = 64 * 1024 * 1024;

/// One event. Nothing is taken over from the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// What it carries: its `data` lines, joined by line feeds; empty if there are none.
    pub data: Bytes,
    /// Where a stream can be taken up again. Empty where it says so: then not at all.
    pub id: Option<String>,
    /// The name of its kind.
    pub event: Option<String>,
    /// How long to wait before coming back.
    pub retry: Option<Duration>,
}

impl Event {
    /// Whether this is of the kind that messages have.
    pub fn is_message(&self) -> bool {
        self.event.as_deref().is_none_or(|kind| kind.is_empty() || kind == "message")
    }
}

impl From<Sse> for Event {
    fn from(event: Sse) -> Self {
        Self {
            data: event.data.unwrap_or_default().into(),
            id: event.id,
            event: event.event,
            retry: event.retry.map(Duration::from_millis),
        }
    }
}

/// Why a stream cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// An event does not end.
    #[error("an event with more than {limit} bytes")]
    TooLarge {
        /// How many were taken.
        limit: usize,
    },
    /// It is no text.
    #[error("its events are not UTF-8")]
    NotUtf8,
}

/// Reads events. What was pushed and not asked for yet is kept as it is; of what was asked for, no more than one event.
pub struct EventReader {
    events: SseByteStream<Waiting>,
    waiting: Waiting,
    is_over: bool,
}

impl EventReader {
    /// A reader that waits for no more than this until an event is there, give or take a chunk.
    pub fn new(limit: usize) -> Self {
        let chunks = Chunks { left: VecDeque::new(), taken: 0, limit };
        let waiting = Waiting(Arc::new(Mutex::new(chunks)));
        Self { events: SseByteStream::new(waiting.clone()), waiting, is_over: false }
    }

    /// Takes the next piece of the stream.
    pub fn push(&mut self, chunk: Bytes) {
        if !self.is_over {
            self.waiting.held().left.push_back(chunk);
        }
    }

    /// The next whole event of what was pushed. After an error there is nothing more to be had from this stream.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator would be over where this one waits for more"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, Unreadable> {
        match self.events.poll_next_unpin(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending | Poll::Ready(None) => Ok(None),
            Poll::Ready(Some(Ok(event))) => {
                self.waiting.held().taken = 0;
                Ok(Some(event.into()))
            }
            Poll::Ready(Some(Err(error))) => {
                self.is_over = true;
                let limit = self.waiting.held().limit;
                let too_large = matches!(error, sse_stream::Error::Body(_));
                Err(if too_large { Unreadable::TooLarge { limit } } else { Unreadable::NotUtf8 })
            }
        }
    }
}

/// What was pushed, as the parser takes it.
#[derive(Clone)]
struct Waiting(Arc<Mutex<Chunks>>);

struct Chunks {
    left: VecDeque<Bytes>,
    /// How many bytes were taken since the last event: the parser knows no limit.
    taken: usize,
    limit: usize,
}

impl Waiting {
    fn held(&self) -> MutexGuard<'_, Chunks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream for Waiting {
    type Item = Result<Bytes, Unreadable>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut chunks = self.held();
        let Some(chunk) = chunks.left.pop_front() else { return Poll::Pending };
        if chunks.taken > chunks.limit {
            return Poll::Ready(Some(Err(Unreadable::TooLarge { limit: chunks.limit })));
        }
        chunks.taken += chunk.len();
        Poll::Ready(Some(Ok(chunk)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of a stream that comes in these chunks.
    fn read(chunks: &[&[u8]]) -> Vec<Event> {
        let mut reader = EventReader::new(1000);
        let mut events = Vec::new();
        for chunk in chunks {
            reader.push(Bytes::copy_from_slice(chunk));
            while let Some(event) = reader.next().unwrap() {
                events.push(event);
            }
        }
        events
    }

    fn data(events: &[Event]) -> Vec<&str> {
        events.iter().map(|event| std::str::from_utf8(&event.data).unwrap()).collect()
    }

    /// Streams, and the data of the events in them.
    const STREAMS: [(&str, &[&str]); 12] = [
        ("data: one\n\ndata:two\r\n\r\ndata:  three\r\rdata\n\n", &["one", "two", " three", ""]),
        ("\u{feff}data: after the mark\n\ndata: \u{feff}\n\n", &["after the mark", "\u{feff}"]),
        ("data: {\"a\":\ndata: 1}\ndata\ndata:\n\n", &["{\"a\":\n1}\n\n"]),
        ("id: 7\ndata:\n\nid: 8\n\nid: a\0b\n\n", &["", ""]),
        ("retry: 1500\n\nretry: -1\n\nretry:\n\nretry: 0\ndata: x\n\n", &["", "x"]),
        (": a comment\n\n: and: another\ndata: x\n:\n\n", &["x"]),
        ("event: endpoint\ndata: /messages?id=1\n\n", &["/messages?id=1"]),
        ("unknown: x\n\n data: x\n\nDATA: x\n\n", &[]),
        ("data: cut off\n", &[]),
        ("\n\n\r\n\rdata: x\n\n\n\n", &["x"]),
        ("data: \u{2028} \u{2029} \u{85} ü € 𝄞\n\n", &["\u{2028} \u{2029} \u{85} ü € 𝄞"]),
        ("", &[]),
    ];

    #[test]
    fn a_stream_reads_the_same_wherever_it_is_cut() {
        for (stream, expected) in STREAMS {
            let whole = read(&[stream.as_bytes()]);
            assert_eq!(data(&whole), expected, "{stream:?}");
            let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
            assert_eq!(whole, read(&bytes), "byte by byte: {stream:?}");
            for at in 0..stream.len() {
                let (head, tail) = stream.as_bytes().split_at(at);
                assert_eq!(whole, read(&[head, b"", tail]), "at {at}: {stream:?}");
            }
        }
    }

    #[test]
    fn what_stands_beside_the_data_is_kept() {
        let events = read(&[b"id: 7\nevent: endpoint\nretry: 1500\ndata: x\n\nid\n\nevent: message\n\n"]);
        assert_eq!(events[0].retry, Some(Duration::from_millis(1500)));
        assert_eq!((events[0].id.as_deref(), events[0].is_message()), (Some("7"), false));
        assert_eq!((events[1].id.as_deref(), events[1].is_message()), (Some(""), true));
        assert!(events[2].id.is_none() && events[2].is_message());
    }

    #[test]
    fn what_waits_has_a_limit_and_what_passes_has_none() {
        let mut reader = EventReader::new(10);
        for _ in 0..10 {
            reader.push(Bytes::from_static(b"data: 1234"));
            assert_eq!(reader.next(), Ok(None));
            reader.push(Bytes::from_static(b"\n\ndata: 5\n\n"));
            assert_eq!(
                data(&[reader.next().unwrap().unwrap(), reader.next().unwrap().unwrap()]),
                ["1234", "5"]
            );
        }
        let mut reader = EventReader::new(9);
        reader.push(Bytes::from_static(b"data: 1234"));
        assert_eq!(reader.next(), Ok(None));
        reader.push(Bytes::from_static(b"\n\n"));
        assert_eq!(reader.next(), Err(Unreadable::TooLarge { limit: 9 }));
    }

    #[test]
    fn what_is_no_text_ends_the_stream() {
        let mut reader = EventReader::new(EVENT_LIMIT);
        reader.push(Bytes::from_static(b"data: {}\n\ndata: \xff\n\ndata: {}\n\n"));
        assert_eq!(data(&[reader.next().unwrap().unwrap()]), ["{}"]);
        assert_eq!(reader.next(), Err(Unreadable::NotUtf8));
        reader.push(Bytes::from_static(b"data: {}\n\n"));
        assert_eq!(reader.next(), Ok(None));
    }
}
