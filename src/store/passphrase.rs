//! The key as a function of a passphrase: Argon2id (RFC 9106) with a stored salt.

use std::path::PathBuf;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hmac;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::files::lock_path;
use super::keys::{CREATION_WAIT, KeySource};
use super::{StoreError, lock};
use crate::files;
use crate::places::Places;
use crate::secret::{Passphrase, SealingKey};

/// More than the parameters ever need.
const LIMIT: u64 = 64 * 1024;
/// What a changed file may cost at most: 256 MiB and ten passes, a few seconds.
const MOST_MEMORY_KIB: u32 = 256 * 1024;
const MOST_PASSES: u32 = 10;
const MOST_LANES: u32 = 16;

/// Why a passphrase is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// To open what is there.
    Existing,
    /// To seal from now on; worth asking for twice.
    New,
}

/// How a passphrase is got: from a terminal, a file descriptor or a command.
pub type AskPassphrase = Box<dyn Fn(Ask) -> Result<Passphrase, StoreError> + Send + Sync>;

/// The key is derived from a passphrase.
pub struct PassphraseKey {
    file: PathBuf,
    creation_lock: PathBuf,
    ask: AskPassphrase,
}

/// `passphrase.json`: how the key is derived, and how to tell that it is the right one.
#[derive(Serialize, Deserialize)]
struct Derivation {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
    check: String,
}

impl PassphraseKey {
    /// Touches nothing and asks nothing yet.
    pub fn new(places: &Places, ask: AskPassphrase) -> Self {
        Self {
            file: places.data.join("passphrase.json"),
            creation_lock: lock_path(&places.state, "passphrase"),
            ask,
        }
    }

    fn derivation(&self) -> Result<Option<Derivation>, StoreError> {
        let damaged = |why| StoreError::Damaged { file: self.file.clone(), kept: self.file.clone(), why };
        let bytes =
            files::read_private(&self.file, LIMIT).map_err(|error| StoreError::at(&self.file, error))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let derivation: Derivation =
            serde_json::from_slice(&bytes).map_err(|_| damaged("parameters do not parse"))?;
        if derivation.memory_kib > MOST_MEMORY_KIB
            || derivation.passes > MOST_PASSES
            || derivation.lanes > MOST_LANES
        {
            return Err(damaged("parameters ask for too much"));
        }
        Ok(Some(derivation))
    }

    /// The key, if the passphrase is right.
    fn open(&self, derivation: &Derivation, passphrase: &Passphrase) -> Result<SealingKey, StoreError> {
        let key = self.derive(derivation, passphrase)?;
        if Passphrase::new(check_of(&key)).matches(&derivation.check) {
            Ok(key)
        } else {
            Err(StoreError::WrongPassphrase)
        }
    }

    fn derive(&self, derivation: &Derivation, passphrase: &Passphrase) -> Result<SealingKey, StoreError> {
        let damaged = |why| StoreError::Damaged { file: self.file.clone(), kept: self.file.clone(), why };
        let salt = BASE64.decode(&derivation.salt).map_err(|_| damaged("salt does not parse"))?;
        let params = Params::new(derivation.memory_kib, derivation.passes, derivation.lanes, Some(32))
            .map_err(|_| damaged("parameters are out of range"))?;
        let mut bytes = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose().as_bytes(), &salt, &mut *bytes)
            .map_err(|_| damaged("parameters are out of range"))?;
        Ok(SealingKey::new(*bytes))
    }

    /// Asks, and takes off the line end that a file or command leaves.
    fn ask(&self, ask: Ask) -> Result<Passphrase, StoreError> {
        let given = (self.ask)(ask)?;
        let text = given.expose();
        let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        if text.is_empty() {
            return Err(StoreError::NoPassphrase { why: "it is empty".into() });
        }
        Ok(Passphrase::new(text))
    }

    fn make(&self, passphrase: &Passphrase) -> Result<SealingKey, StoreError> {
        let failed = |error| StoreError::at(&self.file, error);
        let salt = files::random::<16>().map_err(failed)?;
        // The second recommendation of the OWASP password storage guide: 19 MiB, two passes, one lane.
        let mut derivation = Derivation {
            memory_kib: 19 * 1024,
            passes: 2,
            lanes: 1,
            salt: BASE64.encode(salt),
            check: String::new(),
        };
        let key = self.derive(&derivation, passphrase)?;
        derivation.check = check_of(&key);
        let text = serde_json::to_vec(&derivation).map_err(|error| failed(error.into()))?;
        files::write_private(&self.file, &text).map_err(failed)?;
        Ok(key)
    }
}

impl KeySource for PassphraseKey {
    fn key(&self) -> Result<SealingKey, StoreError> {
        let derivation = self.derivation()?.ok_or(StoreError::KeyMissing)?;
        self.open(&derivation, &self.ask(Ask::Existing)?)
    }

    fn create(&self) -> Result<SealingKey, StoreError> {
        if self.derivation()?.is_some() {
            return self.key();
        }
        // Asked before the lock is taken: a person may take minutes.
        let passphrase = self.ask(Ask::New)?;
        let _lock = lock::acquire(&self.creation_lock, CREATION_WAIT)?;
        match self.derivation()? {
            Some(derivation) => self.open(&derivation, &passphrase),
            None => self.make(&passphrase),
        }
    }
}

/// Tells the right key from a wrong one without telling the key.
fn check_of(key: &SealingKey) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose());
    files::hex(hmac::sign(&key, b"mcpauth passphrase check").as_ref())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    struct World {
        scratch: tempfile::TempDir,
        asked: Arc<Mutex<Vec<Ask>>>,
    }

    impl World {
        fn new() -> Self {
            Self { scratch: tempfile::tempdir().unwrap(), asked: Arc::default() }
        }

        fn typing(&self, text: &'static str) -> PassphraseKey {
            let places = Places::find(&|_| None, Some(self.scratch.path())).unwrap();
            let asked = Arc::clone(&self.asked);
            PassphraseKey::new(
                &places,
                Box::new(move |ask| {
                    asked.lock().unwrap().push(ask);
                    Ok(Passphrase::new(text))
                }),
            )
        }
    }

    #[test]
    fn the_same_passphrase_gives_the_same_key() {
        let world = World::new();
        assert!(matches!(world.typing("open sesame").key(), Err(StoreError::KeyMissing)));
        let made = world.typing("open sesame\n").create().unwrap();
        assert_eq!(world.typing("open sesame\r\n").key().unwrap().expose(), made.expose());
        assert!(matches!(world.typing("open sesam").key(), Err(StoreError::WrongPassphrase)));
        assert!(matches!(world.typing("open sesam").create(), Err(StoreError::WrongPassphrase)));
        assert_eq!(*world.asked.lock().unwrap(), [Ask::New, Ask::Existing, Ask::Existing, Ask::Existing]);
    }

    #[test]
    fn an_empty_passphrase_is_refused_before_anything_is_written() {
        for empty in ["", "\n", "\r\n"] {
            let world = World::new();
            assert!(matches!(world.typing(empty).create(), Err(StoreError::NoPassphrase { .. })));
            assert_eq!(std::fs::read_dir(world.scratch.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn parameters_that_cost_too_much_are_refused_unasked() {
        for parameters in
            [r#""memory_kib":4294967295,"passes":2"#, r#""memory_kib":19456,"passes":4294967295"#]
        {
            let world = World::new();
            let source = world.typing("open sesame");
            let text = format!(r#"{{{parameters},"lanes":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA==","check":""}}"#);
            files::write_private(&source.file, text.as_bytes()).unwrap();
            assert!(matches!(source.key(), Err(StoreError::Damaged { .. })));
            assert!(world.asked.lock().unwrap().is_empty());
        }
    }
}
