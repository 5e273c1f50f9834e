//! Where the key comes from that seals the records.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{StoreError, lock};
use crate::files;
use crate::keychain::{Keychain, KeychainError};
use crate::places::Places;
use crate::secret::SealingKey;

/// How long to wait for another process that is making the key.
pub(super) const CREATION_WAIT: Duration = Duration::from_secs(10);

/// Gives the key of the store.
pub trait KeySource: Send + Sync {
    /// The key that exists, else [`StoreError::KeyMissing`].
    fn key(&self) -> Result<SealingKey, StoreError>;

    /// The key that exists, else a new one. Two processes that ask at once get the same.
    fn create(&self) -> Result<SealingKey, StoreError>;

    /// Removes what the key rests in, once nothing is sealed with it; it may be gone already.
    fn remove(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// For stores that seal nothing.
pub struct NoKey;

impl KeySource for NoKey {
    fn key(&self) -> Result<SealingKey, StoreError> {
        Err(StoreError::KeyMissing)
    }

    fn create(&self) -> Result<SealingKey, StoreError> {
        Err(StoreError::KeyMissing)
    }
}

/// A key that another process of ours had, for what it had us do.
pub struct GivenKey(pub SealingKey);

impl KeySource for GivenKey {
    fn key(&self) -> Result<SealingKey, StoreError> {
        Ok(SealingKey::new(*self.0.expose()))
    }

    fn create(&self) -> Result<SealingKey, StoreError> {
        self.key()
    }
}

/// The key is one item in a keychain.
pub struct KeychainKey {
    keychain: Arc<dyn Keychain>,
    creation_lock: PathBuf,
}

impl KeychainKey {
    /// Touches nothing yet.
    pub fn new(keychain: Arc<dyn Keychain>, places: &Places) -> Self {
        Self { keychain, creation_lock: lock::path(&places.state, "store-key") }
    }

    fn explain(&self, error: KeychainError) -> StoreError {
        let keychain = self.keychain.name();
        match error {
            KeychainError::Locked => StoreError::Locked { keychain },
            KeychainError::Absent => StoreError::Absent { keychain },
            KeychainError::Timeout => StoreError::Timeout { keychain },
            KeychainError::Other(message) => StoreError::Keychain { keychain, message },
        }
    }

    fn existing(&self) -> Result<Option<SealingKey>, StoreError> {
        self.keychain.get().map_err(|error| self.explain(error))
    }
}

impl KeySource for KeychainKey {
    fn key(&self) -> Result<SealingKey, StoreError> {
        self.existing()?.ok_or(StoreError::KeyMissing)
    }

    fn create(&self) -> Result<SealingKey, StoreError> {
        if let Some(key) = self.existing()? {
            return Ok(key);
        }
        let _lock = lock::acquire(&self.creation_lock, CREATION_WAIT)?;
        if let Some(key) = self.existing()? {
            return Ok(key);
        }
        let random = files::random().map_err(|error| StoreError::at(&self.creation_lock, error))?;
        self.keychain.set(&SealingKey::new(random)).map_err(|error| self.explain(error))?;
        // Only what the keychain gives back is a key: one that it did not keep would lose every login.
        self.key()
    }

    fn remove(&self) -> Result<(), StoreError> {
        self.keychain.remove().map_err(|error| self.explain(error))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread;

    use super::*;

    #[derive(Default)]
    struct FakeKeychain {
        item: Mutex<Option<[u8; 32]>>,
        forgets: bool,
        fails: Option<KeychainError>,
    }

    impl Keychain for FakeKeychain {
        fn get(&self) -> Result<Option<SealingKey>, KeychainError> {
            match &self.fails {
                Some(error) => Err(error.clone()),
                None => Ok(self.item.lock().unwrap().map(SealingKey::new)),
            }
        }

        fn set(&self, key: &SealingKey) -> Result<(), KeychainError> {
            if !self.forgets {
                *self.item.lock().unwrap() = Some(*key.expose());
            }
            Ok(())
        }

        fn remove(&self) -> Result<(), KeychainError> {
            *self.item.lock().unwrap() = None;
            Ok(())
        }

        fn name(&self) -> &'static str {
            "fake keychain"
        }
    }

    fn source(keychain: FakeKeychain, scratch: &tempfile::TempDir) -> KeychainKey {
        let places = Places::find(&|_| None, Some(scratch.path())).unwrap();
        KeychainKey::new(Arc::new(keychain), &places)
    }

    #[test]
    fn a_missing_key_is_made_only_when_asked() {
        let scratch = tempfile::tempdir().unwrap();
        let source = source(FakeKeychain::default(), &scratch);
        assert!(matches!(source.key(), Err(StoreError::KeyMissing)));
        let made = source.create().unwrap();
        assert_eq!(source.key().unwrap().expose(), made.expose());
        assert_eq!(source.create().unwrap().expose(), made.expose());
    }

    #[test]
    fn all_who_ask_at_once_get_one_key() {
        let scratch = tempfile::tempdir().unwrap();
        let source = source(FakeKeychain::default(), &scratch);
        let keys: Vec<_> = thread::scope(|scope| {
            let askers: Vec<_> = (0..8).map(|_| scope.spawn(|| *source.create().unwrap().expose())).collect();
            askers.into_iter().map(|asker| asker.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| key == &keys[0]));
    }

    #[test]
    fn a_keychain_that_does_not_keep_the_key_is_no_keychain() {
        let scratch = tempfile::tempdir().unwrap();
        let source = source(FakeKeychain { forgets: true, ..FakeKeychain::default() }, &scratch);
        assert!(matches!(source.create(), Err(StoreError::KeyMissing)));
    }

    #[test]
    fn a_locked_keychain_never_leads_to_a_new_key() {
        let scratch = tempfile::tempdir().unwrap();
        let source =
            source(FakeKeychain { fails: Some(KeychainError::Locked), ..FakeKeychain::default() }, &scratch);
        assert!(matches!(source.create(), Err(StoreError::Locked { keychain: "fake keychain" })));
        assert!(matches!(source.key(), Err(StoreError::Locked { .. })));
    }
}
