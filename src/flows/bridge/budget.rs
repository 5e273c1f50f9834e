//! How many bytes may be on their way at once: memory stays bounded however much a host asks and a server answers.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

/// How many bytes of requests, and how many of answers, are held at once. What is counted is half of what is in memory by
/// the time that it has been read, sent and written.
const BYTES: usize = 6 * 1024 * 1024;
/// How many bytes of small ones beside them: a large one whose answer takes its time keeps none of them waiting.
const SMALL_BYTES: usize = 2 * 1024 * 1024;
/// The longest that is small.
const SMALL: usize = 64 * 1024;
/// What every message counts at least, so that their number is bounded, too.
const LEAST: usize = 4 * 1024;

/// The bytes that are left for one direction.
#[derive(Clone)]
pub(super) struct Budget {
    left: Arc<Semaphore>,
    left_for_small: Arc<Semaphore>,
    /// Beyond the budget there is room for one message at a time.
    beyond: Arc<Mutex<()>>,
}

/// Room for one message, given back when it is dropped.
pub(super) struct Room {
    budget: Budget,
    /// Held, and given back, like what was taken.
    #[expect(dead_code, reason = "what counts is when it is dropped")]
    small: Option<OwnedSemaphorePermit>,
    taken: Option<OwnedSemaphorePermit>,
    beyond: Option<OwnedMutexGuard<()>>,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        let left = |bytes| Arc::new(Semaphore::new(bytes));
        Self { left: left(BYTES), left_for_small: left(SMALL_BYTES), beyond: Arc::default() }
    }
}

impl Budget {
    /// Room for a message of that many bytes; waits until there is. One that is larger than everything waits until
    /// it is alone.
    pub(super) async fn room(&self, bytes: usize) -> Room {
        let bytes = bytes.clamp(LEAST, BYTES);
        // Never closed, so never refused.
        let acquire =
            async |left: &Arc<Semaphore>| Arc::clone(left).acquire_many_owned(count(bytes)).await.ok();
        if bytes <= SMALL {
            let small = acquire(&self.left_for_small).await;
            return Room { small, ..self.none_yet() };
        }
        let taken = acquire(&self.left).await;
        Room { taken, bytes, ..self.none_yet() }
    }

    /// Room that is taken only when it is known how much is needed.
    pub(super) fn none_yet(&self) -> Room {
        Room { budget: self.clone(), small: None, taken: None, beyond: None, bytes: 0 }
    }
}

impl Room {
    /// Room for a message that turned out to be as long as that. Where several grow at once they do not wait for each
    /// other for ever: one of them may go beyond the budget.
    pub(super) async fn grow(&mut self, bytes: usize) {
        if bytes <= self.bytes || self.beyond.is_some() {
            return;
        }
        // By steps, so that not every piece of a message asks.
        let more = (bytes - self.bytes).max(self.bytes);
        let Ok(permit) = Arc::clone(&self.budget.left).try_acquire_many_owned(count(more)) else {
            self.beyond = Some(Arc::clone(&self.budget.beyond).lock_owned().await);
            return;
        };
        match &mut self.taken {
            Some(taken) => taken.merge(permit),
            none => *none = Some(permit),
        }
        self.bytes += more;
    }

    /// Gives everything back: what comes next begins anew.
    pub(super) fn empty(&mut self) {
        *self = self.budget.none_yet();
    }
}

fn count(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::block_on;

    #[test]
    fn small_ones_pass_a_large_one_that_takes_its_time() {
        let story = async {
            let budget = Budget::default();
            let large = budget.room(BYTES).await;
            let small = budget.room(SMALL).await;
            drop((large, small));
        };
        block_on(story).unwrap();
    }

    #[test]
    fn one_of_those_who_grow_together_goes_beyond_the_budget_and_the_others_wait_for_it() {
        let story = async {
            let budget = Budget::default();
            let mut first = budget.room(BYTES / 2).await;
            let mut second = budget.room(BYTES / 2).await;
            first.grow(BYTES).await;
            let waits = tokio::select! {
                biased;
                () = second.grow(BYTES) => false,
                () = tokio::task::yield_now() => true,
            };
            drop(first);
            second.grow(BYTES).await;
            waits
        };
        assert!(block_on(story).unwrap());
    }
}
