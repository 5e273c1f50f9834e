//! Files that are not what they should be, in the ways of Unix.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};

use super::*;

/// A record that was replaced by something else, and what the store says of it.
fn with_intruder(intrude: impl Fn(&World, PathBuf)) -> (World, StoreError) {
    let world = World::new();
    let store = world.store(StoreKind::File);
    save(&store, &login("linear", 1)).unwrap();
    intrude(&world, world.file(&key("linear")));
    let error = error(store.load(&key("linear")));
    let again = super::error(save(&store, &login("linear", 2)));
    assert_eq!(error.to_string(), again.to_string());
    assert!(matches!(&store.summaries().unwrap()[..], [Err(_)]));
    (world, error)
}

/// MCP 44.
#[test]
fn everything_is_private_from_the_start() {
    let world = World::new();
    let store = world.store(StoreKind::Keychain);
    save(&store, &login("linear", 1)).unwrap();
    store.save_client(&"linear".parse().unwrap(), &client()).unwrap();
    let mut open = vec![world.scratch.path().join("data"), world.scratch.path().join("state")];
    let mut seen = 0;
    while let Some(path) = open.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!(metadata.mode() & 0o077, 0, "{}", path.display());
        seen += 1;
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert_eq!(seen, 9, "five directories, two records, two locks");
}

#[test]
fn a_record_that_others_can_read_is_refused_with_the_remedy() {
    let (_world, error) = with_intruder(|_, file| {
        fs::set_permissions(file, PermissionsExt::from_mode(0o644)).unwrap();
    });
    assert!(matches!(error, StoreError::Exposed { .. }), "{error}");
    assert!(error.hint().unwrap().starts_with("run `chmod 600 "), "{:?}", error.hint());
}

#[test]
fn a_directory_that_others_can_enter_is_refused_with_the_remedy() {
    let world = World::new();
    let store = world.store(StoreKind::File);
    save(&store, &login("linear", 1)).unwrap();
    fs::set_permissions(world.logins(), PermissionsExt::from_mode(0o755)).unwrap();
    for error in [
        error(store.load(&key("linear"))),
        error(store.summaries()),
        error(save(&store, &login("linear", 2))),
    ] {
        assert!(matches!(error, StoreError::Exposed { .. }), "{error}");
        assert!(error.hint().unwrap().starts_with("run `chmod 700 "), "{:?}", error.hint());
    }
}

#[test]
fn a_link_is_not_followed() {
    let (world, error) = with_intruder(|world, file| {
        let victim = world.scratch.path().join("victim");
        fs::rename(&file, &victim).unwrap();
        symlink(victim, file).unwrap();
    });
    assert!(matches!(error, StoreError::Symlink { .. }), "{error}");
    let victim = fs::read_to_string(world.scratch.path().join("victim")).unwrap();
    assert!(victim.contains("canary-access-linear-1"));
}

#[test]
fn a_pipe_does_not_make_us_wait() {
    let (_world, error) = with_intruder(|_, file| {
        fs::remove_file(&file).unwrap();
        nix::unistd::mkfifo(&file, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    });
    assert!(matches!(error, StoreError::NotRegular { .. }), "{error}");
}

#[test]
fn a_second_name_is_refused() {
    let (_world, error) = with_intruder(|world, file| {
        fs::hard_link(file, world.scratch.path().join("twin")).unwrap();
    });
    assert!(matches!(error, StoreError::NotRegular { .. }), "{error}");
}

#[test]
fn a_directory_in_place_of_a_record_is_refused() {
    let (_world, error) = with_intruder(|_, file| {
        fs::remove_file(&file).unwrap();
        fs::create_dir(file).unwrap();
    });
    assert!(matches!(error, StoreError::NotRegular { .. }), "{error}");
}

#[test]
fn an_endless_record_is_not_read() {
    let (_world, error) = with_intruder(|_, file| {
        fs::File::options().write(true).open(file).unwrap().set_len(1 << 40).unwrap();
    });
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}
