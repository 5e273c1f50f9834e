//! The keychain of the system, as far as this program needs one: a place for one key.
//!
//! A port: tests bring their own, and the real ones differ by system.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use crate::platform;
use crate::secret::SealingKey;

#[cfg(any(windows, target_os = "macos"))]
#[path = "keychain/native.rs"]
mod real;
#[cfg(all(unix, not(target_vendor = "apple")))]
#[path = "keychain/secret_service.rs"]
mod real;

/// The attributes by which the item is found, also by other programs.
const SERVICE: &str = "mcpauth";
const USER: &str = "store-key";

/// No keychain that works takes longer.
const LIMIT: Duration = Duration::from_secs(3);
/// How long a person may take to answer the keychain's own prompt, in seconds.
const PROMPT_SECONDS: u64 = 60;

/// Why there is no answer from the keychain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeychainError {
    /// Nothing like a keychain answers.
    #[error("no keychain answers")]
    Absent,
    /// It is locked, and asking a person was not allowed or did not help.
    #[error("the keychain is locked")]
    Locked,
    /// It did not answer in time.
    #[error("the keychain does not answer")]
    Timeout,
    /// It failed in its own way.
    #[error("{0}")]
    Other(String),
}

/// A place for the key of the store.
pub trait Keychain: Send + Sync {
    /// The key, or `None` if there is surely none: a locked keychain is an error.
    fn get(&self) -> Result<Option<SealingKey>, KeychainError>;
    /// Puts the key there, replacing another one.
    fn set(&self, key: &SealingKey) -> Result<(), KeychainError>;
    /// Removes the key; it may be gone already.
    fn remove(&self) -> Result<(), KeychainError>;
    /// What people call it.
    fn name(&self) -> &'static str;
}

/// The keychain of this system. Every call returns in time: the real call runs on a thread of its own, which
/// is left behind if it hangs.
pub struct SystemKeychain {
    is_interactive: bool,
}

impl SystemKeychain {
    /// To be made before other threads start, because it may have to tell the environment where the session
    /// bus is; `session_bus` is the address that worked at login.
    ///
    /// An interactive one lets the keychain ask a person to unlock it, for a minute; the other one never.
    pub fn new(is_interactive: bool, session_bus: Option<&str>) -> Self {
        platform::find_session_bus(session_bus);
        Self { is_interactive }
    }

    fn prompt_seconds(&self) -> u64 {
        if self.is_interactive { PROMPT_SECONDS } else { 0 }
    }

    fn limit(&self) -> Duration {
        LIMIT + Duration::from_secs(self.prompt_seconds())
    }
}

impl Keychain for SystemKeychain {
    fn get(&self) -> Result<Option<SealingKey>, KeychainError> {
        let seconds = self.prompt_seconds();
        let text = within(self.limit(), move || real::get(seconds))?;
        text.map(|text| decode(&text)).transpose()
    }

    fn set(&self, key: &SealingKey) -> Result<(), KeychainError> {
        let seconds = self.prompt_seconds();
        let text = Zeroizing::new(BASE64.encode(key.expose()));
        within(self.limit(), move || real::set(&text, seconds))
    }

    fn remove(&self) -> Result<(), KeychainError> {
        let seconds = self.prompt_seconds();
        within(self.limit(), move || real::remove(seconds))
    }

    fn name(&self) -> &'static str {
        real::NAME
    }
}

/// As text, because some keychains keep nothing else.
fn decode(text: &str) -> Result<SealingKey, KeychainError> {
    let other = || KeychainError::Other(format!("its item {SERVICE}/{USER} holds no key"));
    let bytes = Zeroizing::new(BASE64.decode(text.trim_end()).map_err(|_| other())?);
    bytes.as_slice().try_into().map(SealingKey::new).map_err(|_| other())
}

/// Runs a call that may hang.
fn within<T: Send + 'static>(
    limit: Duration,
    call: impl FnOnce() -> Result<T, KeychainError> + Send + 'static,
) -> Result<T, KeychainError> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("keychain".into())
        .spawn(move || {
            // Nobody listens any more if the time is over.
            let _ = sender.send(call());
        })
        .map_err(|error| KeychainError::Other(error.to_string()))?;
    receiver.recv_timeout(limit).unwrap_or_else(|error| match error {
        RecvTimeoutError::Timeout => Err(KeychainError::Timeout),
        RecvTimeoutError::Disconnected => Err(KeychainError::Other("its library gave up".into())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_hangs_is_left_behind() {
        let (_never, hang) = mpsc::channel::<()>();
        let result = within(Duration::from_millis(1), move || {
            let _ = hang.recv();
            Ok(())
        });
        assert_eq!(result, Err(KeychainError::Timeout));
        assert_eq!(within(Duration::from_mins(1), || Ok(7)), Ok(7));
    }

    #[test]
    fn only_32_bytes_are_a_key() {
        let text = BASE64.encode([7; 32]);
        assert_eq!(decode(&format!("{text}\n")).unwrap().expose(), &[7; 32]);
        for text in ["", "not base64", &BASE64.encode([7; 31]), &BASE64.encode([7; 33])] {
            assert!(matches!(decode(text), Err(KeychainError::Other(_))), "{text}");
        }
    }
}
