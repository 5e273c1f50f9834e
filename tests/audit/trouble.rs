//! A log that cannot be written costs one warning, and nobody a login or a token.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use mcpauth::sandbox::SandboxOptions;

use crate::support::witness::run;
use crate::support::{Ran, World};
use crate::{events, file};

/// Every command that writes to the log does what it should, with this one warning at the most.
fn all_goes_on(world: &World, why: &str) {
    let warned = |ran: &Ran| {
        ran.succeeded();
        assert_eq!(ran.stderr.matches("warning: the audit log").count(), 1, "{ran:?}");
        assert!(ran.stderr.contains(why), "no `{why}` in {ran:?}");
    };
    warned(&world.login(&[]));
    for args in [&["token", "box"][..], &["headers", "box"], &["refresh", "box"], &["exec", "--", "true"]] {
        warned(&run(world.command(args), ""));
    }
    warned(&run(world.command(&["logout", "box"]), ""));
    assert!(world.records().is_empty());
}

fn make_directory(world: &World) {
    fs::create_dir_all(file(world, 0).parent().unwrap()).unwrap();
    fs::set_permissions(file(world, 0).parent().unwrap(), Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn the_log_is_for_its_owner_alone() {
    let world = World::signed_in(SandboxOptions::default());
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&file(&world, 0)), mode(file(&world, 0).parent().unwrap())), (0o600, 0o700));
}

#[test]
fn a_link_in_place_of_the_log_is_not_followed() {
    let world = World::new();
    make_directory(&world);
    let victim = world.home().join("victim");
    fs::write(&victim, "").unwrap();
    symlink(&victim, file(&world, 0)).unwrap();
    all_goes_on(&world, "is a symbolic link");
    assert_eq!(fs::read(&victim).unwrap(), b"");
    run(world.command(&["audit"]), "").failed_with(7, "is a symbolic link");
    run(world.command(&["audit", "verify"]), "").failed_with(7, "is a symbolic link");
}

#[test]
fn a_pipe_in_place_of_the_log_keeps_nobody_waiting() {
    let world = World::new();
    make_directory(&world);
    nix::unistd::mkfifo(&file(&world, 0), nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    all_goes_on(&world, "is not a regular file");
    run(world.command(&["audit", "--follow"]), "").failed_with(7, "audit.jsonl is not a regular file");
}

#[test]
fn a_file_in_place_of_the_directory_and_a_directory_in_place_of_the_log_are_told() {
    let world = World::new();
    let directory = file(&world, 0).parent().unwrap().to_owned();
    fs::create_dir_all(directory.parent().unwrap()).unwrap();
    fs::set_permissions(directory.parent().unwrap(), Permissions::from_mode(0o700)).unwrap();
    fs::write(&directory, "").unwrap();
    all_goes_on(&world, "is not a directory");
    fs::remove_file(&directory).unwrap();
    fs::create_dir_all(file(&world, 0)).unwrap();
    fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
    all_goes_on(&world, "is not a regular file");
}

#[test]
fn a_log_that_others_could_write_is_not_believed() {
    let world = World::new();
    make_directory(&world);
    fs::set_permissions(file(&world, 0).parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
    all_goes_on(&world, "can be read or changed by other users");
}

#[test]
fn somebody_who_holds_the_log_keeps_nobody_for_long() {
    let world = World::signed_in(SandboxOptions::default());
    let held = fs::File::open(file(&world, 0)).unwrap();
    held.lock().unwrap();
    let before = events(&world);
    let ran = run(world.command(&["token", "box"]), "");
    assert!(ran.succeeded().stderr.contains("is held by another process"), "{ran:?}");
    assert_eq!(events(&world), before);
    run(world.command(&["audit"]), "").succeeded();
    drop(held);
    assert_eq!(run(world.command(&["token", "box"]), "").succeeded().stderr, "");
    run(world.command(&["audit", "verify"]), "").succeeded();
}

#[test]
fn a_line_that_does_not_fit_is_taken_back() {
    let world = World::signed_in(SandboxOptions::default());
    let token = world.token(&[]);
    let length = fs::metadata(file(&world, 0)).unwrap().len();
    // No file may grow beyond the next whole KiB, as on a full disk.
    let limited = format!("trap '' XFSZ; ulimit -f {}; \"$0\" token box", (length + 1) / 512 + 1);
    for _ in 0..4 {
        let ran = run(world.shell(&limited, &[]), "");
        assert_eq!(ran.succeeded().stdout.trim_end(), token);
    }
    let ran = run(world.shell(&limited, &[]), "");
    assert!(ran.succeeded().stderr.contains("warning: the audit log"), "{ran:?}");
    run(world.command(&["audit", "verify"]), "").succeeded();
    assert!(fs::read(file(&world, 0)).unwrap().ends_with(b"}\n"));
}
