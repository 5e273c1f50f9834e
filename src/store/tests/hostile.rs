//! Records that are not what was written.

use std::io::Write as _;
use std::path::Path;

use super::*;

/// Puts these bytes there, whatever was there before, as privately as the store would.
fn put(path: &Path, bytes: impl AsRef<[u8]>) {
    let _ = fs::remove_file(path);
    crate::platform::create_private(path).unwrap().write_all(bytes.as_ref()).unwrap();
}

#[test]
fn every_cut_and_every_flipped_byte_is_noticed() {
    for kind in [StoreKind::Keychain, StoreKind::File] {
        let world = World::new();
        let store = world.store(kind);
        save(&store, &login("linear", 1)).unwrap();
        let file = world.file(&key("linear"));
        let good = fs::read(&file).unwrap();
        for position in 0..good.len() {
            let mut flipped = good.clone();
            flipped[position] ^= 1;
            for bad in [&good[..position], &flipped] {
                put(&file, bad);
                let error = error(store.load(&key("linear")));
                match &error {
                    StoreError::Damaged { kept, .. } => assert_eq!(fs::read(kept).unwrap(), bad),
                    // These leave the file where it is: it may be whole.
                    StoreError::Newer { .. }
                    | StoreError::OtherKey { .. }
                    | StoreError::OtherStore { .. } => {
                        assert_eq!(fs::read(&file).unwrap(), bad);
                    }
                    _ => panic!("{position}: {error:?}"),
                }
            }
        }
        put(&file, &good);
        store.load(&key("linear")).unwrap().unwrap();
    }
}

#[test]
fn nonsense_is_set_aside_and_other_logins_still_work() {
    let world = World::new();
    let store = world.store(StoreKind::File);
    save(&store, &login("good", 1)).unwrap();
    save(&store, &login("bad", 1)).unwrap();
    let deep = format!("mcpauth-record 1 {}\n", "[".repeat(100_000));
    for nonsense in [
        "",
        "null",
        "{}",
        "mcpauth-record ",
        "mcpauth-record 1 {}\n",
        "mcpauth-record 2 {}\n",
        "mcpauth-record 0 {}\n",
        &deep,
    ] {
        put(&world.file(&key("bad")), nonsense);
        let summaries = store.summaries().unwrap();
        assert!(matches!(&summaries[..], [Ok(_), Err(StoreError::Damaged { .. })]), "{nonsense:.40}");
        assert!(store.load(&key("good")).unwrap().is_some());
        assert!(store.load(&key("bad")).unwrap().is_none());
        assert!(!world.set_aside().is_empty());
        for path in world.set_aside() {
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn a_damaged_record_is_left_alone_while_somebody_writes() {
    let world = World::new();
    let store = world.store(StoreKind::File);
    save(&store, &login("linear", 1)).unwrap();
    let file = world.file(&key("linear"));
    put(&file, "half");
    let lock = store.lock(&key("linear"), NOW).unwrap();
    let StoreError::Damaged { kept, .. } = error(store.load(&key("linear"))) else {
        panic!("must be damaged")
    };
    assert_eq!(kept, file);
    store.save(&lock, &login("linear", 2)).unwrap();
    assert_eq!(store.load(&key("linear")).unwrap().unwrap().facts.generation, 2);
    assert_eq!(fs::read(&world.set_aside()[0]).unwrap(), b"half");
}

#[test]
fn swapped_records_are_noticed() {
    for kind in [StoreKind::Keychain, StoreKind::File] {
        let world = World::new();
        let store = world.store(kind);
        save(&store, &login("one", 1)).unwrap();
        save(&store, &login("two", 1)).unwrap();
        let (one, two) = (world.file(&key("one")), world.file(&key("two")));
        let (first, second) = (fs::read(&one).unwrap(), fs::read(&two).unwrap());
        put(&one, &second);
        assert!(matches!(error(store.load(&key("one"))), StoreError::Damaged { .. }));

        // The body of another login below the own header.
        let end = |bytes: &[u8]| bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        put(&one, [&first[..end(&first)], &second[end(&second)..]].concat());
        assert!(matches!(error(store.load(&key("one"))), StoreError::Damaged { .. }));
        assert!(store.load(&key("two")).unwrap().is_some());
    }
}

#[test]
fn a_newer_record_is_neither_read_nor_replaced() {
    let world = World::new();
    let store = world.store(StoreKind::File);
    save(&store, &login("linear", 1)).unwrap();
    let file = world.file(&key("linear"));
    let newer = b"mcpauth-record 99 nobody knows what comes here";
    put(&file, newer);
    assert!(matches!(error(store.load(&key("linear"))), StoreError::Newer { .. }));
    assert!(matches!(error(store.summary(&key("linear"))), StoreError::Newer { .. }));
    assert!(matches!(error(save(&store, &login("linear", 9))), StoreError::Newer { .. }));
    assert_eq!(fs::read(&file).unwrap(), newer);
}

#[test]
fn another_key_and_another_store_are_told_apart_from_damage() {
    let world = World::new();
    save(&world.store(StoreKind::Keychain), &login("linear", 1)).unwrap();
    let foreign = world.store_with(StoreKind::Keychain, Some(2));
    assert!(matches!(error(foreign.load(&key("linear"))), StoreError::OtherKey { .. }));
    for kind in [StoreKind::Passphrase, StoreKind::File] {
        let sealed_by = StoreKind::Keychain;
        let error = error(world.store(kind).load(&key("linear")));
        assert!(
            matches!(error, StoreError::OtherStore { sealed_by: found, .. } if found == sealed_by),
            "{error}"
        );
    }
    assert!(world.set_aside().is_empty());
    // Signing in again is the way out.
    save(&foreign, &login("linear", 2)).unwrap();
    assert_eq!(foreign.load(&key("linear")).unwrap().unwrap().facts.generation, 2);
}

#[test]
fn two_damaged_records_of_one_second_are_both_kept() {
    let world = World::new();
    let store = world.store(StoreKind::File);
    save(&store, &login("linear", 1)).unwrap();
    for nonsense in ["first", "second", "third"] {
        put(&world.file(&key("linear")), nonsense);
        assert!(matches!(error(store.load(&key("linear"))), StoreError::Damaged { .. }));
    }
    assert_eq!(world.set_aside().len(), 3);
}
