//! How long to wait before a broken stream is opened again.

use std::time::Duration;

use crate::error::{Error, TEMPORARY};
use crate::files;

/// The wait before the first attempt, where the server names none.
const FIRST: Duration = Duration::from_secs(1);
/// The shortest wait that a server may ask for.
const SHORTEST: Duration = Duration::from_millis(100);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(30);

/// Waits that grow as long as nothing comes of them.
#[derive(Default)]
pub(super) struct Pace {
    failures: u32,
    asked: Option<Duration>,
}

impl Pace {
    /// The waits after so many attempts that came to nothing.
    pub(super) fn after(failures: u32) -> Self {
        Self { failures, asked: None }
    }

    /// What the server asks for (`retry` of an event stream). None at all is no wish that anybody has to fulfil.
    pub(super) fn asked(&mut self, wait: Duration) {
        self.asked = Some(wait.clamp(SHORTEST, LONGEST)).filter(|_| !wait.is_zero());
    }

    /// Something came of the last attempt.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// How often nothing came of it.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// The wait before the next attempt; `chance` is between 0 and 1 and lengthens it by up to a quarter, so that not
    /// all who lost the same server come back at once. A server that asks for less than is usual gets it once.
    pub(super) fn next(&mut self, chance: f64) -> Duration {
        let grown = |first: Duration, failures: u32| first * (1_u32 << failures.min(5));
        let usual = match (self.failures, self.asked) {
            (0, Some(_)) => Duration::ZERO,
            (failures, Some(_)) => grown(FIRST, failures - 1),
            (failures, None) => grown(FIRST, failures),
        };
        let wait = usual.max(grown(self.asked.unwrap_or_default(), self.failures)).min(LONGEST);
        self.failures += 1;
        wait.mul_f64(1.0 + chance.clamp(0.0, 1.0) / 4.0)
    }
}

/// Whether the same may fare better in a moment.
pub(super) fn is_passing(error: &Error) -> bool {
    error.exit_code() == TEMPORARY
}

/// Something between 0 and 1.
pub(super) fn chance() -> f64 {
    files::random::<1>().map_or(0.5, |[byte]| f64::from(byte) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B-10.
    #[test]
    fn the_wait_grows_to_half_a_minute_and_begins_anew_after_a_success() {
        let mut pace = Pace::default();
        let waits: Vec<u64> = (0..7).map(|_| pace.next(0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(pace.next(1.0), Duration::from_millis(37_500));
        pace.succeeded();
        assert_eq!(pace.next(0.0), FIRST);
    }

    #[test]
    fn a_server_may_ask_for_less_but_not_for_none() {
        let mut pace = Pace::default();
        pace.asked(Duration::from_millis(500));
        assert_eq!(pace.next(0.0), Duration::from_millis(500));
        assert_eq!(pace.next(0.0), Duration::from_secs(1));
        pace.asked(Duration::ZERO);
        assert!(pace.next(0.0) >= FIRST);
        pace.asked(Duration::MAX);
        assert_eq!(pace.next(0.0), LONGEST);
    }

    /// B-10.
    #[test]
    fn a_server_that_asks_for_next_to_nothing_gets_it_once() {
        let mut pace = Pace::default();
        pace.asked(Duration::from_millis(1));
        let waits: Vec<u128> = (0..7).map(|_| pace.next(0.0).as_millis()).collect();
        assert_eq!(waits, [100, 1000, 2000, 4000, 8000, 16_000, 30_000]);
    }
}
