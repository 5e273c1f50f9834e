//! The key in an envelope that a passphrase opens: Argon2id (RFC 9106) with a stored salt makes the key of the
//! envelope, so that another passphrase needs another envelope and not one record sealed anew.
//!
//! In the first form of the file there was no envelope: what the passphrase gave was the key itself. Such a file stays
//! as it is until the passphrase changes.

use std::path::PathBuf;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hmac;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::keys::{CREATION_WAIT, KeySource};
use super::sealing::Sealing;
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
/// What the envelope is for, sealed with it.
const ENVELOPE: &str = "mcpauth passphrase envelope 1";

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

/// The key is opened with a passphrase.
pub struct PassphraseKey {
    file: PathBuf,
    creation_lock: PathBuf,
    ask: AskPassphrase,
}

/// `passphrase.json`: how a passphrase leads to the key.
#[derive(Serialize, Deserialize)]
struct Document {
    #[serde(flatten)]
    derivation: Derivation,
    #[serde(flatten)]
    hold: Hold,
}

/// How a passphrase is made into a key.
#[derive(Serialize, Deserialize)]
struct Derivation {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

/// What a derived key is good for. Untagged, so that a release that knows only the first form refuses the second.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Hold {
    /// It opens this envelope, and the store's key is inside.
    Envelope {
        /// Tells the right derived key from a wrong one.
        proof: String,
        /// The key, sealed.
        envelope: String,
    },
    /// It is the store's key itself.
    Itself {
        /// Tells the right key from a wrong one.
        check: String,
    },
}

impl PassphraseKey {
    /// Touches nothing and asks nothing yet.
    pub fn new(places: &Places, ask: AskPassphrase) -> Self {
        Self {
            file: places.data.join("passphrase.json"),
            creation_lock: lock::path(&places.state, "passphrase"),
            ask,
        }
    }

    fn document(&self) -> Result<Option<Document>, StoreError> {
        let bytes =
            files::read_private(&self.file, LIMIT).map_err(|error| StoreError::at(&self.file, error))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let document: Document =
            serde_json::from_slice(&bytes).map_err(|_| self.damaged("parameters do not parse"))?;
        let Derivation { memory_kib, passes, lanes, .. } = document.derivation;
        if memory_kib > MOST_MEMORY_KIB || passes > MOST_PASSES || lanes > MOST_LANES {
            return Err(self.damaged("parameters ask for too much"));
        }
        Ok(Some(document))
    }

    fn damaged(&self, why: &'static str) -> StoreError {
        StoreError::Damaged { file: self.file.clone(), kept: self.file.clone(), why }
    }

    /// The key, if the passphrase is right.
    fn open(&self, document: &Document, passphrase: &Passphrase) -> Result<SealingKey, StoreError> {
        let derived = self.derive(&document.derivation, passphrase)?;
        let (Hold::Envelope { proof, .. } | Hold::Itself { check: proof }) = &document.hold;
        if !Passphrase::new(check_of(&derived)).matches(proof) {
            return Err(StoreError::WrongPassphrase);
        }
        match &document.hold {
            Hold::Itself { .. } => Ok(derived),
            Hold::Envelope { envelope, .. } => {
                let broken = || self.damaged("the envelope of its key is broken");
                let sealed = BASE64.decode(envelope).map_err(|_| broken())?;
                let key = Sealing::Sealed(&derived).open(ENVELOPE, "", &sealed).map_err(|_| broken())?;
                key.as_slice().try_into().map(SealingKey::new).map_err(|_| broken())
            }
        }
    }

    fn derive(&self, derivation: &Derivation, passphrase: &Passphrase) -> Result<SealingKey, StoreError> {
        let out_of_range = |_| self.damaged("parameters are out of range");
        let salt = BASE64.decode(&derivation.salt).map_err(|_| self.damaged("salt does not parse"))?;
        let params = Params::new(derivation.memory_kib, derivation.passes, derivation.lanes, Some(32))
            .map_err(out_of_range)?;
        let mut bytes = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose().as_bytes(), &salt, &mut *bytes)
            .map_err(out_of_range)?;
        Ok(SealingKey::new(*bytes))
    }

    fn ask(&self, ask: Ask) -> Result<Passphrase, StoreError> {
        asked(&self.ask, ask)
    }

    /// Puts the key into an envelope that this passphrase opens, in place of an earlier one, as one step. The caller
    /// holds the creation lock.
    fn enclose(&self, key: &SealingKey, passphrase: &Passphrase) -> Result<(), StoreError> {
        let failed = |error| StoreError::at(&self.file, error);
        let salt = files::random::<16>().map_err(failed)?;
        // The second recommendation of the OWASP password storage guide: 19 MiB, two passes, one lane.
        let derivation = Derivation { memory_kib: 19 * 1024, passes: 2, lanes: 1, salt: BASE64.encode(salt) };
        let derived = self.derive(&derivation, passphrase)?;
        let envelope = Sealing::Sealed(&derived).seal(ENVELOPE, "", key.expose()).map_err(failed)?;
        let hold = Hold::Envelope { proof: check_of(&derived), envelope: BASE64.encode(&*envelope) };
        let document = Document { derivation, hold };
        let text = serde_json::to_vec(&document).map_err(|error| failed(error.into()))?;
        // Whoever was ended here before may have left an envelope that an earlier passphrase opens.
        files::sweep(&self.file);
        files::write_private(&self.file, &text).map_err(failed)
    }

    /// Gives the key another passphrase: the one that there is is asked for first, then the new one. A crash leaves the
    /// one or the other.
    pub fn change(&self, ask_new: &AskPassphrase) -> Result<(), StoreError> {
        let document = self.document()?.ok_or(StoreError::KeyMissing)?;
        let passphrase = self.ask(Ask::Existing)?;
        // Opened before the new one is asked for: whoever mistypes the old one is told so at once.
        self.open(&document, &passphrase)?;
        let new = asked(ask_new, Ask::New)?;
        let _lock = lock::acquire(&self.creation_lock, CREATION_WAIT)?;
        // Somebody may have been faster; then the old passphrase is no longer the right one.
        let key = self.open(&self.document()?.ok_or(StoreError::KeyMissing)?, &passphrase)?;
        self.enclose(&key, &new)
    }
}

/// Asks, and takes off the line end that a file or command leaves.
fn asked(source: &AskPassphrase, ask: Ask) -> Result<Passphrase, StoreError> {
    let given = source(ask)?;
    let text = given.expose();
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if text.is_empty() {
        return Err(StoreError::NoPassphrase { why: "it is empty".into() });
    }
    Ok(Passphrase::new(text))
}

impl KeySource for PassphraseKey {
    fn key(&self) -> Result<SealingKey, StoreError> {
        let document = self.document()?.ok_or(StoreError::KeyMissing)?;
        self.open(&document, &self.ask(Ask::Existing)?)
    }

    fn create(&self) -> Result<SealingKey, StoreError> {
        if self.document()?.is_some() {
            return self.key();
        }
        // Asked before the lock is taken: a person may take minutes.
        let passphrase = self.ask(Ask::New)?;
        let _lock = lock::acquire(&self.creation_lock, CREATION_WAIT)?;
        if let Some(document) = self.document()? {
            return self.open(&document, &passphrase);
        }
        let key = SealingKey::new(files::random().map_err(|error| StoreError::at(&self.file, error))?);
        self.enclose(&key, &passphrase)?;
        Ok(key)
    }

    fn remove(&self) -> Result<(), StoreError> {
        files::remove(&self.file).map(drop).map_err(|error| StoreError::at(&self.file, error))
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

    /// What the first release wrote for `open sesame`.
    const FIRST_FORM: &[u8] = include_bytes!("../../tests/fixtures/version-1/passphrase/passphrase.json");

    fn new(text: &'static str) -> AskPassphrase {
        Box::new(move |ask| {
            assert_eq!(ask, Ask::New);
            Ok(Passphrase::new(text))
        })
    }

    #[test]
    fn another_passphrase_opens_the_same_key() {
        let world = World::new();
        let made = world.typing("open sesame").create().unwrap();
        world.typing("open sesame").change(&new("open barley\n")).unwrap();
        assert_eq!(world.typing("open barley").key().unwrap().expose(), made.expose());
        assert!(matches!(world.typing("open sesame").key(), Err(StoreError::WrongPassphrase)));
    }

    #[test]
    fn a_change_that_is_refused_changes_nothing() {
        let world = World::new();
        assert!(matches!(world.typing("x").change(&new("y")), Err(StoreError::KeyMissing)));
        let source = world.typing("open sesame");
        let made = source.create().unwrap();
        let before = std::fs::read(&source.file).unwrap();
        let unasked: AskPassphrase = Box::new(|_| panic!("the old passphrase was wrong"));
        assert!(matches!(world.typing("wrong").change(&unasked), Err(StoreError::WrongPassphrase)));
        assert!(matches!(source.change(&new("\n")), Err(StoreError::NoPassphrase { .. })));
        assert_eq!(std::fs::read(&source.file).unwrap(), before);
        assert_eq!(source.key().unwrap().expose(), made.expose());
    }

    #[test]
    fn the_first_form_stays_readable_and_its_key_survives_a_change() {
        let world = World::new();
        let source = world.typing("open sesame");
        files::write_private(&source.file, FIRST_FORM).unwrap();
        let key = source.key().unwrap();
        assert!(matches!(world.typing("x").key(), Err(StoreError::WrongPassphrase)));
        source.change(&new("open barley")).unwrap();
        assert_eq!(world.typing("open barley").key().unwrap().expose(), key.expose());
    }

    #[test]
    fn the_key_lies_nowhere_in_the_clear_and_a_broken_envelope_is_no_wrong_passphrase() {
        let world = World::new();
        let source = world.typing("open sesame");
        let key = source.create().unwrap();
        let text = std::fs::read_to_string(&source.file).unwrap();
        assert!(!text.contains(&BASE64.encode(key.expose())) && !text.contains(&files::hex(key.expose())));
        // A release that knows only the first form must not take the derived key for the store's.
        assert!(!text.contains("check"));
        let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
        document["envelope"] = BASE64.encode([0; 60]).into();
        files::write_private(&source.file, document.to_string().as_bytes()).unwrap();
        assert!(matches!(source.key(), Err(StoreError::Damaged { .. })));
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
