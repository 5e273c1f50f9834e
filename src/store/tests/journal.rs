//! The journal, cut, changed, swapped and left behind.

use super::*;

fn facts(generation: u64) -> JournalFacts {
    JournalFacts { generation, since: UnixTime(1_700_000_000), process: 4711 }
}

/// A login at `linear` of this generation, with its lock.
fn locked(store: &Store, generation: u64) -> LoginLock {
    let lock = store.lock(&key("linear"), NOW).unwrap();
    store.save(&lock, &login("linear", generation)).unwrap();
    lock
}

fn answered(store: &Store, lock: &LoginLock, answer: &[u8]) {
    let mut journal = store.journal(lock).unwrap();
    journal.intend(&facts(1)).unwrap();
    journal.keep(answer).unwrap();
}

fn file(world: &World) -> PathBuf {
    let mut files = fs::read_dir(world.scratch.path().join("state/journals")).unwrap();
    files.next().unwrap().unwrap().path()
}

#[test]
fn a_refresh_is_seen_from_its_beginning_to_its_end() {
    for kind in [StoreKind::Keychain, StoreKind::Passphrase, StoreKind::File] {
        let world = World::new();
        let store = world.store(kind);
        let lock = locked(&store, 1);
        let state = || store.journal_state(&key("linear")).unwrap();
        assert_eq!(state(), JournalState::Clear);
        let mut journal = store.journal(&lock).unwrap();
        journal.intend(&facts(1)).unwrap();
        assert_eq!(state(), JournalState::InDoubt(facts(1)));
        assert!(store.journaled_answer(&lock, 1).unwrap().is_none());

        journal.keep(b"a longer canary answer").unwrap();
        // What makes no sense is asked for again, and the second answer counts.
        journal.keep(b"canary answer").unwrap();
        assert_eq!(state(), JournalState::Answered(facts(1)));
        assert_eq!(**store.journaled_answer(&lock, 1).unwrap().unwrap(), *b"canary answer");
        let sealed = !fs::read(file(&world)).unwrap().windows(6).any(|window| window == b"canary");
        assert_eq!(sealed, kind != StoreKind::File);

        journal.clear().unwrap();
        assert_eq!((state(), fs::read(file(&world)).unwrap().len()), (JournalState::Clear, 0));
    }
}

#[test]
fn a_record_that_has_gone_on_has_no_journal() {
    let world = World::new();
    let store = world.store(StoreKind::File);
    let lock = locked(&store, 1);
    answered(&store, &lock, b"old");
    store.save(&lock, &login("linear", 2)).unwrap();
    assert_eq!(store.journal_state(&key("linear")).unwrap(), JournalState::Clear);
    assert!(store.journaled_answer(&lock, 2).unwrap().is_none());
    store.remove(&lock).unwrap();
    assert_eq!(store.journal_state(&key("linear")).unwrap(), JournalState::Clear);
    assert!(fs::read_dir(world.scratch.path().join("state/journals")).unwrap().next().is_none());
}

#[test]
fn of_a_journal_that_was_cut_or_changed_anywhere_nothing_false_is_believed() {
    for kind in [StoreKind::Keychain, StoreKind::File] {
        let world = World::new();
        let store = world.store(kind);
        let lock = locked(&store, 1);
        answered(&store, &lock, b"canary answer");
        let whole = fs::read(file(&world)).unwrap();
        let used = whole.iter().rposition(|&byte| byte != 0).unwrap() + 1;
        for at in 0..used {
            let cut = [&whole[..at], &vec![0; whole.len() - at]].concat();
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            for bytes in [&whole[..at], &cut, &flipped] {
                fs::write(file(&world), bytes).unwrap();
                let answer = store.journaled_answer(&lock, 1).unwrap();
                assert!(answer.is_none_or(|answer| **answer == *b"canary answer"), "{kind} {at}");
                store.journal_state(&key("linear")).unwrap();
            }
        }
    }
}

#[test]
fn an_answer_stands_for_its_own_refresh_only() {
    let world = World::new();
    let store = world.store(StoreKind::Keychain);
    let lock = locked(&store, 1);
    answered(&store, &lock, b"canary answer");
    let first = fs::read(file(&world)).unwrap();
    // The same answer behind another intent, as if a file system had mixed two states up.
    let end = first.iter().position(|&byte| byte == b'\n').unwrap();
    let line = String::from_utf8(first[..end].to_vec()).unwrap();
    let other = line.replace("\"generation\":1", "\"generation\":2");
    store.save(&lock, &login("linear", 2)).unwrap();
    fs::write(file(&world), [other.as_bytes(), &first[end..]].concat()).unwrap();
    assert_eq!(store.journal_state(&key("linear")).unwrap(), JournalState::Answered(facts(2)));
    assert!(store.journaled_answer(&lock, 2).unwrap().is_none());
}

#[test]
fn what_the_lock_was_handed_over_with_is_the_lock() {
    let world = World::new();
    let store = world.store(StoreKind::File);
    let lock = locked(&store, 1);
    let handed_over = lock.file().unwrap().try_clone().unwrap();
    drop(lock);
    // Held by the second descriptor still, and taken over with it.
    assert!(matches!(error(store.lock(&key("linear"), NOW)), StoreError::Busy { .. }));
    let taken = store.take_over(&key("linear"), Some(handed_over), NOW).unwrap();
    assert!(matches!(error(store.lock(&key("linear"), NOW)), StoreError::Busy { .. }));
    // Any other file is no lock.
    let other = tempfile::tempfile().unwrap();
    assert!(matches!(error(store.take_over(&key("linear"), Some(other), NOW)), StoreError::Busy { .. }));
    drop(taken);
    store.lock(&key("linear"), NOW).unwrap();
}

#[test]
fn room_that_was_made_is_used_or_given_back() {
    let world = World::new();
    let store = world.store(StoreKind::File);
    let lock = locked(&store, 1);
    let room = store.make_room(&lock).unwrap();
    assert_eq!(fs::read_dir(world.logins()).unwrap().count(), 2);
    drop(room);
    assert_eq!(fs::read_dir(world.logins()).unwrap().count(), 1);
    let room = store.make_room(&lock).unwrap();
    store.save_into(room, &lock, &login("linear", 2)).unwrap();
    assert_eq!(fs::read_dir(world.logins()).unwrap().count(), 1);
    assert_eq!(store.load(&key("linear")).unwrap().unwrap().facts.generation, 2);
}
