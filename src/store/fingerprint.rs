//! Fingerprints of tokens: they tell one from another in a log, and only whoever has the key can make one.

use std::path::Path;
use std::time::Duration;

use ring::hmac;
use zeroize::Zeroizing;

use super::lock;
use crate::files;
use crate::secret::{AccessToken, SealingKey};

/// What the key of the store is to be used for here; makes a key of its own from it.
const PURPOSE: &[u8] = b"mcpauth fingerprint 1";
/// How long to wait for another process that is making the key.
const CREATION_WAIT: Duration = Duration::from_secs(2);
/// The length of the key.
const LENGTH: usize = 32;

/// The fingerprint of a token under a key that is made from that of the store.
pub(super) fn take(key: &SealingKey, token: &AccessToken) -> String {
    let own = Zeroizing::new(sign(key.expose(), PURPOSE));
    files::hex(&sign(own.as_slice(), token.expose().as_bytes())[..8])
}

fn sign(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

/// The key for a store that has none, made when it is first wanted. It guards nothing: the tokens lie beside it.
pub(super) fn own_key(data: &Path, state: &Path) -> Option<SealingKey> {
    let file = data.join("fingerprint.key");
    if let Some(key) = read(&file) {
        return Some(key);
    }
    // Two who make it at once must end up with the same.
    let _lock = lock::acquire(&lock::path(state, "fingerprint-key"), CREATION_WAIT).ok()?;
    if let Some(key) = read(&file) {
        return Some(key);
    }
    let key = SealingKey::new(files::random::<LENGTH>().ok()?);
    files::write_private(&file, key.expose()).ok()?;
    Some(key)
}

fn read(file: &Path) -> Option<SealingKey> {
    let bytes = files::read_private(file, LENGTH as u64).ok()??;
    <[u8; LENGTH]>::try_from(bytes.as_slice()).ok().map(SealingKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_tells_tokens_and_keys_apart_and_is_short() {
        let (one, other) = (SealingKey::new([1; 32]), SealingKey::new([2; 32]));
        let (token, newer) = (AccessToken::new("token"), AccessToken::new("newer"));
        assert_eq!(take(&one, &token), take(&one, &token));
        assert_eq!(take(&one, &token).len(), 16);
        assert_ne!(take(&one, &token), take(&one, &newer));
        assert_ne!(take(&one, &token), take(&other, &token));
    }

    #[test]
    fn the_key_is_made_once_and_only_where_it_can_be_kept() {
        let scratch = tempfile::tempdir().unwrap();
        let key = || own_key(&scratch.path().join("data"), &scratch.path().join("state"));
        assert_eq!(key().unwrap().expose(), key().unwrap().expose());
        std::fs::write(scratch.path().join("file"), "").unwrap();
        let nowhere = scratch.path().join("file/data");
        assert!(own_key(&nowhere, &scratch.path().join("state")).is_none());
    }
}
