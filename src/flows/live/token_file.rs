//! A file with a token in it, which is replaced before the token ends.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::feed::{Feed, Fresh};
use super::keeper::Keeper;
use crate::clock::UnixTime;
use crate::error::{Error, LOGIN_NEEDED};

/// How long the login is left unread, in seconds: another process may renew it, or sign out, and a machine that slept
/// wakes up late.
const LOOK: i64 = 20;
/// The shortest time after which a renewal that came to nothing is tried again, in seconds, and the longest.
const TRY_AGAIN: (i64, i64) = (5, 300);

/// The file, as the command can read it now.
pub(super) struct TokenFile {
    feed: Feed,
    keeper: Arc<Keeper>,
    name: String,
    /// What is in it; empty where there is no login any more.
    content: Zeroizing<String>,
    until: Option<UnixTime>,
    /// How often in a row no fresh token could be had.
    failures: u32,
}

impl TokenFile {
    /// Makes the file with a token in it, and gives its path.
    pub(super) fn new(feed: Feed, keeper: Arc<Keeper>, name: &str) -> Result<(Self, PathBuf), Error> {
        let fresh = feed.fresh()?;
        feed.note(&fresh);
        let path = keeper.put(name, fresh.token.as_bytes())?;
        let Fresh { token: content, until, .. } = fresh;
        Ok((Self { feed, keeper, name: name.to_owned(), content, until, failures: 0 }, path))
    }

    /// Renews it for ever.
    pub(super) async fn keep_fresh(mut self) {
        loop {
            tokio::time::sleep(self.pause()).await;
            let looking = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            match looking.await {
                Ok(file) => self = file,
                // The runtime has ended, and we with it.
                Err(_) => return std::future::pending().await,
            }
        }
    }

    /// How long until the next look.
    fn pause(&self) -> Duration {
        let (shortest, longest) = TRY_AGAIN;
        let seconds = match self.failures {
            0 => self.until.map_or(LOOK, |until| until.since(self.feed.now()).clamp(1, LOOK)),
            failures => (shortest << (failures - 1).min(8)).min(longest),
        };
        Duration::from_secs(u64::try_from(seconds).unwrap_or(1))
    }

    /// Sees to it that the file has a fresh token.
    fn look(&mut self) {
        match self.feed.fresh() {
            Ok(fresh) => {
                let is_fresh = fresh.until.is_none_or(|until| until > self.feed.now());
                self.failures = if is_fresh { 0 } else { self.failures + 1 };
                self.until = fresh.until;
                self.feed.is_well();
                if *fresh.token != *self.content {
                    self.feed.note(&fresh);
                    self.write(fresh.token);
                }
            }
            Err(error) => {
                self.feed.complain(error.to_string());
                // A sign-in may come at any time, and looking for it troubles nobody.
                self.failures = if error.exit_code() == LOGIN_NEEDED { 1 } else { self.failures + 1 };
                if error.exit_code() == LOGIN_NEEDED && !self.content.is_empty() {
                    self.write(Zeroizing::default());
                }
            }
        }
    }

    fn write(&mut self, content: Zeroizing<String>) {
        match self.keeper.put(&self.name, content.as_bytes()) {
            Ok(_) => self.content = content,
            Err(error) => self.feed.complain(error.to_string()),
        }
    }
}
