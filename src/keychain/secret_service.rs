//! Linux and the BSDs: the Secret Service, which GNOME Keyring, `KWallet` and `KeePassXC` speak.

use std::collections::HashMap;

use dbus_secret_service::{Collection, EncryptionType, Error, Item, SecretService};
use zeroize::Zeroizing;

use super::{KeychainError, SERVICE, USER};

pub(super) const NAME: &str = "Secret Service";

/// What people see in their keychain's own window.
const LABEL: &str = "mcpauth store key";

pub(super) fn get(prompt_seconds: u64) -> Result<Option<Zeroizing<String>>, KeychainError> {
    let service = connect(prompt_seconds)?;
    let Some(item) = find(&service, prompt_seconds)? else { return Ok(None) };
    let bytes = Zeroizing::new(item.get_secret()?);
    let text = std::str::from_utf8(&bytes).map_err(|error| KeychainError::Other(error.to_string()))?;
    Ok(Some(Zeroizing::new(text.to_owned())))
}

pub(super) fn set(text: &str, prompt_seconds: u64) -> Result<(), KeychainError> {
    let service = connect(prompt_seconds)?;
    let collection = match default_collection(&service)? {
        Some(collection) => collection,
        None if prompt_seconds > 0 => service.create_collection("Default keyring", "default")?,
        None => return Err(KeychainError::Other("it has no default keyring yet".into())),
    };
    unlock(&collection, prompt_seconds)?;
    collection.create_item(LABEL, attributes(), text.as_bytes(), true, "text/plain")?;
    Ok(())
}

pub(super) fn remove(prompt_seconds: u64) -> Result<(), KeychainError> {
    let service = connect(prompt_seconds)?;
    match find(&service, prompt_seconds)? {
        Some(item) => Ok(item.delete()?),
        None => Ok(()),
    }
}

/// A timeout of 0 makes the library answer at once where the service would show a prompt.
fn connect(prompt_seconds: u64) -> Result<SecretService, KeychainError> {
    // The key crosses the bus encrypted, so that a bus monitor does not see it.
    Ok(SecretService::connect_with_max_prompt_timeout(EncryptionType::Dh, prompt_seconds)?)
}

/// The attributes of the `keyring` crates, so that their tools and `secret-tool` find the item.
fn attributes() -> HashMap<&'static str, &'static str> {
    HashMap::from([("service", SERVICE), ("username", USER)])
}

/// The item, unlocked.
fn find(service: &SecretService, prompt_seconds: u64) -> Result<Option<Item<'_>>, KeychainError> {
    let found = service.search_items(attributes())?;
    if let Some(item) = found.unlocked.into_iter().next() {
        return Ok(Some(item));
    }
    if let Some(item) = found.locked.into_iter().next() {
        return unlock_item(item, prompt_seconds).map(Some);
    }
    // Some services tell nothing of a locked keyring. To take that for "no key" would lead to a second key.
    let Some(collection) = default_collection(service)? else { return Ok(None) };
    if !collection.is_locked()? {
        return Ok(None);
    }
    unlock(&collection, prompt_seconds)?;
    Ok(service.search_items(attributes())?.unlocked.into_iter().next())
}

fn unlock_item(item: Item<'_>, prompt_seconds: u64) -> Result<Item<'_>, KeychainError> {
    if prompt_seconds == 0 {
        return Err(KeychainError::Locked);
    }
    item.unlock()?;
    Ok(item)
}

fn unlock(collection: &Collection, prompt_seconds: u64) -> Result<(), KeychainError> {
    if !collection.is_locked()? {
        return Ok(());
    }
    if prompt_seconds == 0 {
        return Err(KeychainError::Locked);
    }
    Ok(collection.unlock()?)
}

/// The keyring that lasts. Never the `session` collection, which forgets the key, and every login with it,
/// when the person leaves.
fn default_collection(service: &SecretService) -> Result<Option<Collection<'_>>, KeychainError> {
    match service.get_default_collection() {
        Ok(collection) => Ok(Some(collection)),
        Err(Error::NoResult) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl From<Error> for KeychainError {
    fn from(error: Error) -> Self {
        match &error {
            Error::Locked | Error::Prompt => Self::Locked,
            Error::Unavailable => Self::Absent,
            Error::Dbus(dbus) => match dbus.name().unwrap_or_default() {
                "org.freedesktop.Secret.Error.IsLocked" => Self::Locked,
                "org.freedesktop.DBus.Error.NoReply"
                | "org.freedesktop.DBus.Error.Timeout"
                | "org.freedesktop.DBus.Error.TimedOut" => Self::Timeout,
                "org.freedesktop.DBus.Error.ServiceUnknown"
                | "org.freedesktop.DBus.Error.NameHasNoOwner"
                | "org.freedesktop.DBus.Error.NoServer"
                | "org.freedesktop.DBus.Error.FileNotFound"
                | "org.freedesktop.DBus.Error.NotSupported"
                | "org.freedesktop.DBus.Error.BadAddress" => Self::Absent,
                name if name.starts_with("org.freedesktop.DBus.Error.Spawn.") => Self::Absent,
                _ => Self::Other(error.to_string()),
            },
            _ => Self::Other(error.to_string()),
        }
    }
}
