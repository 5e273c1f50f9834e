//! Which kind the store is of, and the keys of its kinds: one, and while its records move to another kind, two.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::SealedBy;
use super::{KeySource, StoreError, StoreKind};
use crate::secret::SealingKey;

/// The kinds that the records of a store may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// What is written.
    pub to: StoreKind,
    /// What may still be found, while the records move.
    pub from: Option<StoreKind>,
}

impl Kinds {
    /// A store whose records do not move.
    pub fn only(kind: StoreKind) -> Self {
        Self { to: kind, from: None }
    }

    /// Whether records of that kind may be here.
    pub fn admit(self, kind: StoreKind) -> bool {
        self.to == kind || self.from == Some(kind)
    }

    /// The kind with which something was sealed, if it may be found here.
    fn sealing(self, sealed_by: SealedBy) -> Option<StoreKind> {
        [Some(self.to), self.from].into_iter().flatten().find(|kind| SealedBy::from(*kind) == sealed_by)
    }
}

/// Where the keys of every kind come from, and which kinds are settled.
pub trait Sources: Send + Sync {
    /// What is settled by now: another process may have begun or ended a move since this store was opened. `None` if
    /// nothing is.
    fn settled(&self) -> Option<Kinds>;

    /// The source of a kind's key.
    fn of(&self, kind: StoreKind) -> Box<dyn KeySource>;
}

/// The kinds of an open store, and the keys that it has fetched.
pub(super) struct Keys {
    kinds: Mutex<Kinds>,
    sources: Box<dyn Sources>,
    fetched: Mutex<Vec<(StoreKind, Arc<SealingKey>)>>,
}

/// A key that is there, and a key that may be made.
type Fetch = fn(&dyn KeySource) -> Result<SealingKey, StoreError>;

impl Keys {
    pub(super) fn new(kinds: Kinds, sources: Box<dyn Sources>) -> Self {
        Self { kinds: Mutex::new(kinds), sources, fetched: Mutex::default() }
    }

    pub(super) fn kinds(&self) -> Kinds {
        *enter(&self.kinds)
    }

    /// Looks at what is settled by now; whether that is something else than before.
    pub(super) fn catch_up(&self) -> bool {
        let Some(settled) = self.sources.settled() else { return false };
        // What is kept nowhere cannot be settled, so nothing settled says where it has gone.
        let mut kinds = enter(&self.kinds);
        if kinds.to == StoreKind::Memory || *kinds == settled {
            return false;
        }
        *kinds = settled;
        true
    }

    /// The kind with which a record was sealed, if such records may be found here. Looks again before it says no.
    pub(super) fn kind_of(&self, sealed_by: SealedBy) -> Option<StoreKind> {
        let known = || self.kinds().sealing(sealed_by);
        known().or_else(|| self.catch_up().then(known).flatten())
    }

    /// The key that opens what a kind has sealed; `None` if that kind seals nothing.
    pub(super) fn opening(&self, kind: StoreKind) -> Result<Option<Arc<SealingKey>>, StoreError> {
        self.fetch(kind, |source| source.key())
    }

    /// The key with which a kind seals, made if there is none.
    pub(super) fn sealing(&self, kind: StoreKind) -> Result<Option<Arc<SealingKey>>, StoreError> {
        self.fetch(kind, |source| source.create())
    }

    /// The key, fetched at most once.
    fn fetch(&self, kind: StoreKind, fetch: Fetch) -> Result<Option<Arc<SealingKey>>, StoreError> {
        if !kind.seals() {
            return Ok(None);
        }
        // Held meanwhile: nobody is asked twice for one passphrase.
        let mut fetched = enter(&self.fetched);
        if let Some((_, key)) = fetched.iter().find(|(own, _)| *own == kind) {
            return Ok(Some(Arc::clone(key)));
        }
        let key = Arc::new(fetch(&*self.sources.of(kind))?);
        fetched.push((kind, Arc::clone(&key)));
        Ok(Some(key))
    }
}

/// One source, whatever is settled.
pub(super) struct OneSource(pub(super) Arc<dyn KeySource>);

impl Sources for OneSource {
    fn settled(&self) -> Option<Kinds> {
        None
    }

    fn of(&self, _kind: StoreKind) -> Box<dyn KeySource> {
        Box::new(Arc::clone(&self.0))
    }
}

impl KeySource for Arc<dyn KeySource> {
    fn key(&self) -> Result<SealingKey, StoreError> {
        (**self).key()
    }

    fn create(&self) -> Result<SealingKey, StoreError> {
        (**self).create()
    }

    fn remove(&self) -> Result<(), StoreError> {
        (**self).remove()
    }
}

/// A panic while holding one of these locks cannot leave half a change behind.
fn enter<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
