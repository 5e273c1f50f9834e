//! What keeps a thousand programs from storming an issuer in trouble: five failures in a minute, or its own word, and
//! nobody asks for a while. The failures are on disk, so it holds across processes.

use crate::clock::UnixTime;
use crate::store::Trouble;

/// Within how many seconds failures are counted.
const WINDOW: i64 = 60;
/// How many of them are enough.
const ENOUGH: usize = 5;
/// How long is left alone who failed that often, in seconds.
const REST: i64 = 60;
/// The longest time that an issuer's `Retry-After` is heeded, in seconds.
const LONGEST_REST: i64 = 3600;

/// For how many more seconds nobody is to ask.
pub fn rest(trouble: &Trouble, now: UnixTime) -> Option<i64> {
    let left = trouble.rests_until?.since(now);
    // Longer than anybody was told: the clock went back.
    (1..=LONGEST_REST).contains(&left).then_some(left)
}

/// Takes note of a failure, and of the seconds that the issuer asked for.
pub fn failed(trouble: &mut Trouble, now: UnixTime, retry_after: Option<u64>, why: String) {
    trouble.failures.retain(|time| (0..WINDOW).contains(&now.since(*time)));
    trouble.failures.push(now);
    trouble.last = why;
    let asked = retry_after.map(|seconds| i64::try_from(seconds).unwrap_or(LONGEST_REST).min(LONGEST_REST));
    let own = (trouble.failures.len() >= ENOUGH).then_some(REST);
    trouble.rests_until = asked.max(own).map(|seconds| now.plus(seconds));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(times: &[i64]) -> Trouble {
        let mut trouble = Trouble::default();
        for time in times {
            failed(&mut trouble, UnixTime(*time), None, String::new());
        }
        trouble
    }

    #[test]
    fn five_failures_in_a_minute_are_enough() {
        assert_eq!(rest(&failures(&[0, 1, 2, 3]), UnixTime(3)), None);
        assert_eq!(rest(&failures(&[0, 1, 2, 3, 4]), UnixTime(4)), Some(60));
        assert_eq!(rest(&failures(&[0, 1, 2, 3, 4]), UnixTime(63)), Some(1));
        assert_eq!(rest(&failures(&[0, 1, 2, 3, 4]), UnixTime(64)), None);
        assert_eq!(rest(&failures(&[0, 20, 40, 60, 80, 100]), UnixTime(100)), None);
    }

    #[test]
    fn an_issuer_that_asks_for_patience_gets_it_within_reason() {
        for (asked, given) in [(9, Some(9)), (0, None), (u64::MAX, Some(3600))] {
            let mut trouble = Trouble::default();
            failed(&mut trouble, UnixTime(0), Some(asked), String::new());
            assert_eq!(rest(&trouble, UnixTime(0)), given);
        }
    }

    #[test]
    fn a_clock_that_went_back_locks_nobody_out() {
        assert_eq!(rest(&failures(&[9000, 9001, 9002, 9003, 9004]), UnixTime(0)), None);
        assert_eq!(rest(&failures(&[9000, 9001, 9002, 9003, 0]), UnixTime(0)), None);
    }
}
