//! The real Secret Service. Each test expects a bus in a certain state, so they are run one by one, by
//! `tests/keychain.sh`, and not by a bare `cargo test`.

#![cfg(all(unix, not(target_vendor = "apple")))]

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use mcpauth::keychain::{Keychain as _, KeychainError, SystemKeychain};
use mcpauth::places::Places;
use mcpauth::secret::SealingKey;
use mcpauth::store::{KeySource as _, KeychainKey, Store, StoreError, StoreKind};

/// What a program that may show nothing uses.
fn keychain() -> SystemKeychain {
    mcpauth::platform::find_session_bus(None);
    SystemKeychain::new(false)
}

/// The answer of the keychain as far as it may be printed, and how long it took.
fn timed<T>(call: impl FnOnce() -> Result<T, KeychainError>) -> (Option<KeychainError>, Duration) {
    let start = Instant::now();
    let error = call().err();
    (error, start.elapsed())
}

#[test]
fn a_key_is_kept_replaced_and_removed() {
    let keychain = keychain();
    keychain.remove().unwrap();
    assert!(keychain.get().unwrap().is_none());
    for byte in [1, 2] {
        keychain.set(&SealingKey::new([byte; 32])).unwrap();
        assert_eq!(keychain.get().unwrap().unwrap().expose(), &[byte; 32]);
    }
    keychain.remove().unwrap();
    keychain.remove().unwrap();
    assert!(keychain.get().unwrap().is_none());
}

#[test]
fn a_key_of_sevens_is_left_for_other_programs() {
    keychain().set(&SealingKey::new([7; 32])).unwrap();
}

#[test]
fn a_key_of_nines_was_put_there_by_another_program() {
    assert_eq!(keychain().get().unwrap().unwrap().expose(), &[9; 32]);
}

#[test]
fn a_key_that_is_no_key_is_reported() {
    assert!(matches!(keychain().get(), Err(KeychainError::Other(_))));
}

#[test]
fn a_store_works_and_all_who_start_at_once_share_one_key() {
    let scratch = tempfile::tempdir().unwrap();
    let places = Places::find(&|_| None, Some(scratch.path())).unwrap();
    keychain().remove().unwrap();
    let source = KeychainKey::new(Arc::new(keychain()), &places);
    let keys: Vec<_> = thread::scope(|scope| {
        let askers: Vec<_> = (0..8).map(|_| scope.spawn(|| *source.create().unwrap().expose())).collect();
        askers.into_iter().map(|asker| asker.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| key == &keys[0]));
    Store::new(&places, StoreKind::Keychain, Box::new(source)).probe().unwrap();
}

#[test]
fn a_locked_keychain_answers_at_once() {
    let keychain = keychain();
    let key = SealingKey::new([3; 32]);
    for (error, took) in [timed(|| keychain.get()), timed(|| keychain.set(&key)), timed(|| keychain.remove())]
    {
        assert_eq!(error, Some(KeychainError::Locked));
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
    // And never leads to a second key.
    let places = Places::find(&|_| None, Some(Path::new("/nonexistent"))).unwrap();
    let source = KeychainKey::new(Arc::new(keychain), &places);
    assert!(matches!(source.create(), Err(StoreError::Locked { keychain: "Secret Service" })));
}

#[test]
fn a_keychain_that_hangs_is_given_up() {
    let (error, took) = timed(|| keychain().get());
    assert_eq!(error, Some(KeychainError::Timeout));
    assert!(took < Duration::from_millis(3500), "{took:?}");
}

#[test]
fn no_keychain_is_not_a_locked_one() {
    let (error, took) = timed(|| keychain().get());
    assert_eq!(error, Some(KeychainError::Absent));
    assert!(took < Duration::from_secs(3), "{took:?}");
}
