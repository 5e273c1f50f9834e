//! macOS Keychain and Windows Credential Manager, through the stores of `keyring-core`.

use keyring_core::api::CredentialStoreApi as _;
use keyring_core::{Entry, Error};
use zeroize::Zeroizing;

use super::{KeychainError, SERVICE, USER};

#[cfg(target_os = "macos")]
pub(super) const NAME: &str = "macOS keychain";
#[cfg(windows)]
pub(super) const NAME: &str = "Windows Credential Manager";

// Whether to prompt is for the system to decide on both.

pub(super) fn get(_prompt_seconds: u64) -> Result<Option<Zeroizing<String>>, KeychainError> {
    match entry()?.get_password() {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn set(text: &str, _prompt_seconds: u64) -> Result<(), KeychainError> {
    Ok(entry()?.set_password(text)?)
}

pub(super) fn remove(_prompt_seconds: u64) -> Result<(), KeychainError> {
    match entry()?.delete_credential() {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(target_os = "macos")]
fn entry() -> Result<Entry, KeychainError> {
    Ok(apple_native_keyring_store::keychain::Store::new()?.build(SERVICE, USER, None)?)
}

#[cfg(windows)]
fn entry() -> Result<Entry, KeychainError> {
    // Kept on this machine, where the records are, instead of roaming with the profile.
    let modifiers = std::collections::HashMap::from([("persistence", "Local")]);
    Ok(windows_native_keyring_store::Store::new()?.build(SERVICE, USER, Some(&modifiers))?)
}

impl From<Error> for KeychainError {
    fn from(error: Error) -> Self {
        match error {
            Error::NoStorageAccess(_) => Self::Locked,
            Error::NoDefaultStore => Self::Absent,
            // Some of its errors print what they could not read, and that may be the key.
            Error::BadEncoding(_) | Error::BadDataFormat(..) => Self::Other("its item holds no text".into()),
            error => Self::Other(error.to_string()),
        }
    }
}
