//! How many requests a server gets in a while: a client that runs wild is not to wear it out, or the account there.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::refusal::Refusal;

/// So many requests in so long a time. Who has been silent for a while may send them all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    most: u32,
    period: Duration,
}

/// What is no rate.
#[derive(Debug, thiserror::Error)]
#[error("write it as 60/min, 5/s or 1000/h")]
pub struct NoRate;

impl FromStr for Rate {
    type Err = NoRate;

    fn from_str(text: &str) -> Result<Self, NoRate> {
        let (number, unit) = text.split_once('/').ok_or(NoRate)?;
        let period = match unit {
            "s" => Duration::from_secs(1),
            "min" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            _ => return Err(NoRate),
        };
        let most = number.parse().ok().filter(|most| *most > 0).ok_or(NoRate)?;
        Ok(Self { most, period })
    }
}

/// How close one server has come to its rate.
pub(super) struct Meter {
    rate: Rate,
    /// When everything that was let pass will have been worked off, at this rate (the virtual scheduling of the generic
    /// cell rate algorithm, ITU-T I.371).
    worked_off: Mutex<Instant>,
}

impl Meter {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, worked_off: Mutex::new(Instant::now()) }
    }

    /// Lets one request pass, or says when to come again.
    pub(super) fn admit(&self) -> Result<(), Refusal> {
        self.admit_at(Instant::now()).map_err(Refusal::too_many)
    }

    fn admit_at(&self, now: Instant) -> Result<(), Duration> {
        let mut worked_off = self.worked_off.lock().unwrap_or_else(PoisonError::into_inner);
        let next = (*worked_off).max(now) + self.rate.period / self.rate.most;
        match next.saturating_duration_since(now + self.rate.period) {
            Duration::ZERO => {
                *worked_off = next;
                Ok(())
            }
            wait => Err(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_silent_may_send_all_at_once_and_then_one_after_the_other() {
        let meter = Meter::new("3/min".parse().unwrap());
        let start = Instant::now();
        let at =
            |seconds| meter.admit_at(start + Duration::from_secs(seconds)).map_err(|wait| wait.as_secs());
        assert_eq!([at(1), at(1), at(1), at(1), at(11)], [Ok(()), Ok(()), Ok(()), Err(20), Err(10)]);
        assert_eq!(
            [at(21), at(21), at(100), at(100), at(100), at(100)],
            [Ok(()), Err(20), Ok(()), Ok(()), Ok(()), Err(20)]
        );
    }

    #[test]
    fn a_rate_is_a_number_and_a_time() {
        let read = |text: &str| text.parse::<Rate>().ok().map(|rate| (rate.most, rate.period.as_secs()));
        assert_eq!(
            [read("60/min"), read("5/s"), read("1/h")],
            [Some((60, 60)), Some((5, 1)), Some((1, 3600))]
        );
        for wrong in ["", "60", "0/min", "-1/s", "1/d", "1/ min", "99999999999/s"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
