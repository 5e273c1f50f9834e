//! The host, which has started us and speaks over standard input and output: what it says and is told, one message a
//! line, and the requests that it waits for.

use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, RwLock};
use tokio::time::Instant;

use crate::error::Error;
use crate::http::Bytes;
use crate::mcp::lines::{LINE_LIMIT, Line, LineReader};
use crate::mcp::message::{self, INVALID_REQUEST, Id, Message, SERVER_ERROR};
use crate::mcp::unread;
use crate::platform::{self, Stream};

/// How many bytes may wait for a host that does not read, before nothing more is taken from the server.
const ROOM: usize = 1024 * 1024;
/// How many lines are written at once.
const TOGETHER: usize = 64;
/// How often it is looked whether the host is still there.
const LOOK: Duration = Duration::from_secs(2);
/// How long the last words of a host that is gone may wait for room.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whoever started us.
#[derive(Default)]
pub(crate) struct Host {
    queue: Mutex<Queue>,
    /// There is something to write.
    filled: Notify,
    /// There is room again.
    emptied: Notify,
    /// How many answers it waits for under each id; one, unless it gives two requests the same.
    pending: Mutex<HashMap<Id, usize>>,
    /// The host waits for one answer less.
    settled: Notify,
    /// Shared by everybody who has something to say and waits for room.
    speaking: RwLock<()>,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Bytes>,
    bytes: usize,
    ended: bool,
}

impl Host {
    /// Hands over each message of the host, until it says no more; tells when that was. It hears of what is none.
    pub(crate) async fn listen(&self, input: &mut Stream, take: impl AsyncFn(Message)) -> Instant {
        let mut lines = LineReader::default();
        while let Ok(Some(line)) = lines.next(input).await {
            match line {
                Line::Whole(bytes) => match Message::read(bytes.clone()) {
                    Ok(message) => {
                        drop(bytes);
                        self.asks(&message);
                        if let Some(ended) = taken(take(message), input).await {
                            return ended;
                        }
                    }
                    Err(malformed) => self.complain(&bytes, malformed.code(), &malformed.to_string()).await,
                },
                Line::TooLong(beginning) => {
                    let why = format!("a message has more than {LINE_LIMIT} bytes");
                    self.complain(&beginning, INVALID_REQUEST, &why).await;
                }
            }
        }
        Instant::now()
    }

    /// Says what is wrong with a line, to whoever waits for its answer as far as that can be seen.
    async fn complain(&self, line: &[u8], code: i64, why: &str) {
        let failure = message::failure(unread::id_of(line).as_ref(), code, why);
        self.expect(failure.response_ids());
        self.deliver(&failure).await;
    }

    /// Notes the requests of a message, which the host waits for from now on.
    pub(crate) fn asks(&self, message: &Message) {
        self.expect(message.request_ids());
    }

    fn expect(&self, ids: Vec<&Id>) {
        if ids.is_empty() {
            return;
        }
        let mut pending = self.pending();
        for id in ids {
            *pending.entry(id.clone()).or_default() += 1;
        }
    }

    /// Whether the host still waits for an answer.
    pub(crate) fn waits_for(&self, id: &Id) -> bool {
        self.pending().contains_key(id)
    }

    /// Gives the host a message; waits while it does not read. An answer that it does not wait for it does not get: it has
    /// had one already, or has never asked.
    pub(crate) async fn deliver(&self, message: &Message) {
        self.offer(message).await;
    }

    /// The same, and tells whether it got it.
    pub(crate) async fn offer(&self, message: &Message) -> bool {
        let _speaking = self.speaking.read().await;
        let ids = message.response_ids();
        // An error without an id is everybody's.
        let is_owed = |id: &&Id| **id == Id::Null || self.waits_for(id);
        if !ids.is_empty() && !ids.iter().any(is_owed) {
            return false;
        }
        for id in ids {
            self.forget(id);
        }
        loop {
            // Registered before the look, so that no room is missed.
            let emptied = self.emptied.notified();
            if self.put(message.bytes()) {
                self.filled.notify_one();
                return true;
            }
            emptied.await;
        }
    }

    /// Whether there was room. To a host that is gone everything goes.
    fn put(&self, line: &Bytes) -> bool {
        let mut queue = self.queue();
        if queue.ended {
            return true;
        }
        if queue.bytes > ROOM {
            return false;
        }
        queue.bytes += line.len();
        queue.lines.push_back(line.clone());
        true
    }

    /// Tells the host that a request came to nothing, if it still waits for it.
    pub(crate) async fn fail(&self, id: &Id, error: &Error) {
        self.deliver(&message::failure(Some(id), SERVER_ERROR, &in_words(error))).await;
    }

    /// The same for every request of a message.
    pub(crate) async fn fail_message(&self, message: &Message, error: &Error) {
        for id in message.request_ids() {
            self.fail(id, error).await;
        }
    }

    /// The same for everything that it waits for.
    pub(crate) async fn fail_all(&self, error: &Error) {
        let each = |(id, count): (&Id, &usize)| std::iter::repeat_n(id.clone(), *count);
        let ids: Vec<Id> = self.pending().iter().flat_map(each).collect();
        for id in &ids {
            self.fail(id, error).await;
        }
    }

    /// Does not wait for an answer any more.
    pub(crate) fn forget(&self, id: &Id) {
        let mut pending = self.pending();
        if let Some(count) = pending.get_mut(id) {
            *count -= 1;
            if *count == 0 {
                pending.remove(id);
            }
        }
        drop(pending);
        self.settled.notify_waiters();
    }

    /// Waits until there is an answer to everything, and room for each was found.
    pub(crate) async fn answered(&self) {
        loop {
            let settled = self.settled.notified();
            if self.pending().is_empty() {
                break;
            }
            settled.await;
        }
        let _nobody_speaks = self.speaking.write().await;
    }

    /// No more messages will come: what is there is written, and then it is over.
    pub(crate) fn end(&self) {
        self.queue().ended = true;
        self.filled.notify_one();
    }

    /// The next message for whoever stands here in the host's place, as soon as there is one; `None` after the last.
    pub(crate) async fn next(&self) -> Option<Bytes> {
        loop {
            let filled = self.filled.notified();
            match self.take(1) {
                (lines, _) if !lines.is_empty() => return lines.into_iter().next(),
                (_, true) => return None,
                _ => filled.await,
            }
        }
    }

    /// Writes what there is to write, until the end or until the host is gone.
    pub(crate) async fn write_to(&self, mut output: Stream) -> io::Result<()> {
        loop {
            let (lines, ended) = self.take(TOGETHER);
            if lines.is_empty() {
                if ended {
                    return Ok(());
                }
                self.filled.notified().await;
                continue;
            }
            write_lines(&mut output, &lines).await?;
        }
    }

    /// The next lines, and whether they are the last.
    fn take(&self, most: usize) -> (Vec<Bytes>, bool) {
        let mut queue = self.queue();
        let count = queue.lines.len().min(most);
        let lines: Vec<Bytes> = queue.lines.drain(..count).collect();
        let was_full = queue.bytes > ROOM;
        queue.bytes -= lines.iter().map(Bytes::len).sum::<usize>();
        if was_full && queue.bytes <= ROOM {
            self.emptied.notify_waiters();
        }
        (lines, queue.ended)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<Id, usize>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until this process, which started us, has gone: a host that was killed may have left our input open with somebody
/// else.
pub(crate) async fn orphaned(parent: Option<u32>) {
    while platform::parent() == parent {
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until a message has been taken; not for long once the host is gone, of which it then tells when that was.
async fn taken(taking: impl Future<Output = ()>, input: &Stream) -> Option<Instant> {
    tokio::pin!(taking);
    tokio::select! {
        biased;
        () = &mut taking => None,
        () = input.abandoned() => {
            let ended = Instant::now();
            tokio::time::timeout_at(ended + PATIENCE, taking).await.is_err().then_some(ended)
        }
    }
}

/// What happened, and what to type next.
fn in_words(error: &Error) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}

async fn write_lines(output: &mut Stream, lines: &[Bytes]) -> io::Result<()> {
    let pieces: Vec<&[u8]> = lines.iter().flat_map(|line| [&line[..], b"\n"]).collect();
    let mut left: Vec<IoSlice<'_>> = pieces.into_iter().map(IoSlice::new).collect();
    let mut left = &mut left[..];
    while !left.is_empty() {
        let written = output.write(left).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut left, written);
    }
    Ok(())
}
