//! A socket that answers every connection with one token.

use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::io::AsyncWriteExt as _;

use super::feed::Feed;
use crate::error::Error;
use crate::platform::{self, PrivateListener, PrivateStream};

/// How many are answered at once; the others wait in the system's queue.
const AT_ONCE: usize = 32;
/// How long somebody may take to read a token.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait where no connection can be taken, such as for lack of descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// The socket of one login.
pub(super) struct Socket {
    feed: Feed,
    listener: PrivateListener,
}

impl Socket {
    pub(super) fn new(feed: Feed, path: &Path) -> Result<Self, Error> {
        // A login that is not there, or whose token is of no use, is told before the start.
        feed.fresh()?;
        let listener = platform::listen_privately(path).map_err(|error| Error::Usage {
            message: format!("cannot listen at {}: {error}", path.display()),
            hint: "set XDG_RUNTIME_DIR to a short path that only you can enter".into(),
        })?;
        Ok(Self { feed, listener })
    }

    /// Answers for ever.
    pub(super) async fn serve(self) {
        let mut answering = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if answering.len() < AT_ONCE => match accepted {
                    Ok(stream) => answering.push(answer(self.feed.clone(), stream)),
                    Err(_) => tokio::time::sleep(BREATH).await,
                },
                Some(()) = answering.next() => {}
            }
        }
    }
}

/// Gives a token on a line of its own, and ends the connection; without a line where there is none to be had.
async fn answer(feed: Feed, mut stream: PrivateStream) {
    let line = tokio::task::spawn_blocking(move || {
        let fresh = feed.fresh().inspect_err(|error| feed.complain(error.to_string())).ok()?;
        feed.is_well();
        feed.note(&fresh);
        let mut line = fresh.token;
        line.reserve_exact(1);
        line.push('\n');
        Some(line)
    });
    if let Ok(Some(line)) = line.await {
        // Whoever does not read, or went away, gets none.
        let _ = tokio::time::timeout(PATIENCE, stream.write_all(line.as_bytes())).await;
    }
}
