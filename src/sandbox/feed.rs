//! A feed: messages in order, one reader at a time, and a short memory for a reader whose connection broke off.
//!
//! Every way in which the server speaks is one: the event stream of a session, the events of one answer, the connection
//! of a client of 2024-11-05, a WebSocket.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use hyper::body::Bytes;

/// How many messages are kept after they were read, for whoever asks for them again.
const KEPT: usize = 256;
/// How many unread messages are enough for a writer that can wait.
const ROOM: u64 = 256;

/// Messages in order, numbered from 1.
pub(super) struct Feed(Mutex<State>);

struct State {
    messages: VecDeque<Bytes>,
    /// The number of the oldest message that is still kept.
    first: u64,
    /// The number of the first message that nobody has read.
    unread: u64,
    ended: bool,
    /// The reader whose turn it is: a newer one takes the place of an older one.
    reader: u64,
    waiting: Vec<Waker>,
}

/// Where a reader is.
pub(super) struct Place {
    reader: u64,
    next: u64,
}

impl Feed {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            messages: VecDeque::new(),
            first: 1,
            unread: 1,
            ended: false,
            reader: 0,
            waiting: Vec::new(),
        }))
    }

    /// Adds a message. After the end nothing is added.
    pub(super) fn push(&self, message: impl Into<Bytes>) {
        self.changed(|state| {
            if !state.ended {
                state.messages.push_back(message.into());
            }
        });
    }

    /// Nothing comes after what is there.
    pub(super) fn end(&self) {
        self.changed(|state| state.ended = true);
    }

    /// A new reader, who reads on from a message, or from the first that nobody has read. Whoever read before comes to
    /// an end.
    pub(super) fn follow(&self, from: Option<u64>) -> Place {
        self.changed(|state| {
            state.reader += 1;
            Place { reader: state.reader, next: from.unwrap_or(state.unread) }
        })
    }

    /// The number of the last message that somebody has read; 0 if nobody has read any.
    pub(super) fn last_read(&self) -> u64 {
        self.state().unread - 1
    }

    /// The next message and its number; `None` at the end, and for a reader whose place was taken.
    pub(super) fn poll_next(
        &self,
        place: &mut Place,
        context: &mut Context<'_>,
    ) -> Poll<Option<(u64, Bytes)>> {
        let mut state = self.state();
        if place.reader != state.reader {
            return Poll::Ready(None);
        }
        let number = place.next.max(state.first);
        let index = usize::try_from(number - state.first).unwrap_or(usize::MAX);
        let Some(message) = state.messages.get(index).cloned() else {
            if state.ended {
                return Poll::Ready(None);
            }
            state.waiting.push(context.waker().clone());
            return Poll::Pending;
        };
        drop(state);
        place.next = number + 1;
        self.changed(|state| state.was_read(number));
        Poll::Ready(Some((number, message)))
    }

    /// Waits for the next message.
    pub(super) async fn next(&self, place: &mut Place) -> Option<(u64, Bytes)> {
        poll_fn(|context| self.poll_next(place, context)).await
    }

    /// Waits until the reader is not too far behind.
    pub(super) async fn room(&self) {
        poll_fn(|context| {
            let mut state = self.state();
            let written = state.first + state.messages.len() as u64;
            if state.ended || written - state.unread < ROOM {
                return Poll::Ready(());
            }
            state.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Changes the state, then wakes whoever waits for a change; not under the lock, as a waking may do anything.
    fn changed<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let outcome = change(&mut state);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
        outcome
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn was_read(&mut self, number: u64) {
        self.unread = self.unread.max(number + 1);
        while self.messages.len() > KEPT && self.first < self.unread {
            self.messages.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(feed: &Feed, place: &mut Place) -> Option<(u64, String)> {
        let (number, message) = feed.next(place).await?;
        Some((number, String::from_utf8_lossy(&message).into_owned()))
    }

    #[tokio::test]
    async fn a_reader_goes_on_where_another_one_stopped_and_may_ask_again() {
        let feed = Feed::new();
        feed.push("one");
        feed.push("two");
        let mut former = feed.follow(None);
        assert_eq!(read(&feed, &mut former).await, Some((1, "one".into())));
        let mut next = feed.follow(None);
        assert_eq!(read(&feed, &mut former).await, None);
        assert_eq!(read(&feed, &mut next).await, Some((2, "two".into())));
        let mut again = feed.follow(Some(1));
        feed.end();
        feed.push("late");
        assert_eq!(read(&feed, &mut again).await, Some((1, "one".into())));
        assert_eq!(read(&feed, &mut again).await, Some((2, "two".into())));
        assert_eq!(read(&feed, &mut again).await, None);
    }

    #[tokio::test]
    async fn what_was_read_is_forgotten_after_a_while() {
        let feed = Feed::new();
        let mut place = feed.follow(None);
        for number in 0..300 {
            feed.push(number.to_string());
            feed.next(&mut place).await;
        }
        let mut again = feed.follow(Some(1));
        assert_eq!(read(&feed, &mut again).await, Some((45, "44".into())));
    }
}
