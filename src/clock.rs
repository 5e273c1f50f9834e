//! What time it is. A port, so that a test can live through a token's hour in a millisecond.

use std::fmt;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// This time, `seconds` later; stops at the end of time instead of wrapping.
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this time; negative if it lies before.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// RFC 3339 in UTC, such as `2026-11-21T09:14:00Z`.
impl fmt::Display for UnixTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match chrono::DateTime::from_timestamp(self.0, 0) {
            Some(time) => write!(formatter, "{}", time.format("%Y-%m-%dT%H:%M:%SZ")),
            None => write!(formatter, "{} s since 1970", self.0),
        }
    }
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The time of day, in whole seconds.
    fn now(&self) -> UnixTime;
}

/// The clock of the machine.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        UnixTime(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}

/// A clock that was set by somebody else and goes on from there.
pub struct SetClock {
    at: UnixTime,
    since: Instant,
}

impl SetClock {
    /// It is `now` now.
    pub fn new(now: UnixTime) -> Self {
        Self { at: now, since: Instant::now() }
    }
}

impl Clock for SetClock {
    fn now(&self) -> UnixTime {
        self.at.plus(i64::try_from(self.since.elapsed().as_secs()).unwrap_or(i64::MAX))
    }
}
