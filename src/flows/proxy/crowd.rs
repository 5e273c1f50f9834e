//! Everybody who is connected, and who has to go when it gets too crowded.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{AbortHandle, Id, JoinSet};

use super::Site;
use super::door::Visitor;
use super::framing::Plain;
use super::guard::Hosts;
use super::pass;

/// How many may be connected at once. Each may need one more connection, to a server, and many systems give a process
/// no more than 1,024 open files.
const MOST: usize = 384;
/// How long a client may take for the head of a request, and how long it may stay without one.
const PATIENCE: Duration = Duration::from_mins(1);
/// The most headers of a request.
const MOST_HEADERS: usize = 100;

/// The connections.
#[derive(Default)]
pub(super) struct Crowd {
    tasks: JoinSet<()>,
    present: HashMap<Id, Present>,
    /// Counts what happens, to tell what was earlier.
    moment: Arc<AtomicU64>,
}

struct Present {
    state: Arc<State>,
    task: AbortHandle,
}

/// What one connection is doing.
#[derive(Default)]
struct State {
    is_busy: AtomicBool,
    /// Since which moment it has not been busy.
    idle_since: AtomicU64,
}

impl Crowd {
    /// Lets somebody in. Where there is no room, whoever has been without a request for longest has to go.
    pub(super) fn admit(&mut self, site: &Arc<Site>, visitor: Visitor) {
        if self.present.len() >= MOST && !self.make_room() {
            // Everybody is being served. Nobody is to wait for an end that may never come.
            return;
        }
        let state = Arc::new(State::default());
        state.idle_since.store(self.moment.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        let (site, moment) = (Arc::clone(site), Arc::clone(&self.moment));
        let own = Arc::clone(&state);
        let task = match visitor {
            Visitor::Address(stream, by) => {
                self.tasks.spawn(converse(stream, Hosts::of(by), site, own, moment))
            }
            Visitor::Socket(stream) => {
                self.tasks.spawn(converse(stream, Hosts::of_socket(), site, own, moment))
            }
        };
        self.present.insert(task.id(), Present { state, task });
    }

    fn make_room(&mut self) -> bool {
        let idle = self.present.iter().filter(|(_, present)| !present.state.is_busy.load(Ordering::Relaxed));
        let longest = idle.min_by_key(|(_, present)| present.state.idle_since.load(Ordering::Relaxed));
        let Some(id) = longest.map(|(id, _)| *id) else { return false };
        if let Some(present) = self.present.remove(&id) {
            present.task.abort();
        }
        true
    }

    /// Waits until somebody has left.
    pub(super) async fn left(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => drop(self.present.remove(&id)),
            Some(Err(error)) => drop(self.present.remove(&error.id())),
            None => std::future::pending().await,
        }
    }
}

/// Answers one connection until its end.
async fn converse<Stream>(
    stream: Stream,
    hosts: Hosts,
    site: Arc<Site>,
    state: Arc<State>,
    moment: Arc<AtomicU64>,
) where
    Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| {
        let (site, hosts, state, moment) = (&site, &hosts, &state, &moment);
        async move {
            state.is_busy.store(true, Ordering::Relaxed);
            let busy = Busy { state: Arc::clone(state), moment: Arc::clone(moment) };
            Ok::<_, Infallible>(pass::answer(site, hosts, request, busy).await)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(Plain::new(stream)), service);
    // A client that went away is no concern of ours.
    drop(connection.await);
}

/// Held while a request is answered, until its last byte.
pub(super) struct Busy {
    state: Arc<State>,
    moment: Arc<AtomicU64>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.state.idle_since.store(self.moment.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        self.state.is_busy.store(false, Ordering::Relaxed);
    }
}
