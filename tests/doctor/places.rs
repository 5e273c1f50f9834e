//! The directories.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use mcpauth::sandbox::SandboxOptions;

use crate::support::World;
use crate::support::steps::run;
use crate::support::witness::Snapshot;
use crate::{Visit, repair, signed_in, visit, visit_of};

#[test]
fn where_all_is_well_nothing_is_changed_and_nobody_asked() {
    let world = signed_in();
    let requests = world.sandbox.books().requests.len();
    let visit = visit(&world, &[]);
    visit.found(0, "logins", "ok", "1 login and 1 client, each opens");
    visit.found(0, "modes", "ok", "yours alone");
    visit.found(0, "locks", "ok", "keep each other out");
    visit.found(0, "store", "ok", "file: plain");
    assert_eq!((visit.count("fail"), visit.count("fixed")), (0, 0), "{visit:#?}");
    assert_eq!(world.sandbox.books().requests.len(), requests);
    assert_eq!(repair(&world).count("fixed"), 0);
    let talk = world.run(&["doctor"]);
    assert!(talk.succeeded().stdout.contains("ok     logins: 1 login and"), "{talk:?}");
}

#[test]
fn where_nothing_is_there_yet_nothing_is_made() {
    let world = World::new();
    visit(&world, &[]).found(0, "store", "ok", "none chosen yet");
    visit(&world, &["--fix"]).found(0, "locks", "ok", "none needed yet");
}

#[test]
fn what_others_can_read_is_made_private_again() {
    let world = signed_in();
    let record = world.records().remove(0);
    fs::set_permissions(&record, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(record.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
    let seen = visit(&world, &[]);
    let finding = seen.found(7, "modes", "fail", record.to_str().unwrap());
    assert!(finding.remedy.contains("chmod 600") && finding.remedy.contains("doctor --fix"), "{finding:?}");
    seen.found(7, "modes", "fail", "logins can be read or changed by other users");

    repair(&world).found(0, "modes", "fixed", "logins yours alone");
    for (path, mode) in [(record.as_path(), 0o600), (record.parent().unwrap(), 0o700)] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode);
    }
    visit(&world, &[]).found(0, "modes", "ok", "yours alone");
    world.run(&["token", "box"]).succeeded();
}

#[test]
fn a_link_is_pointed_out_and_left_to_its_owner() {
    let world = signed_in();
    let record = world.records().remove(0);
    let elsewhere = world.home().join("elsewhere");
    fs::rename(&record, &elsewhere).unwrap();
    symlink(&elsewhere, &record).unwrap();
    visit(&world, &[]).found(7, "modes", "fail", "is a symbolic link");
    visit(&world, &["--fix"]).found(7, "modes", "fail", "is a symbolic link");
}

#[test]
fn what_crashed_writers_left_is_swept() {
    let world = signed_in();
    let left = world.records()[0].with_file_name(".x.0123456789abcdef.tmp");
    mcpauth::files::write_private(&left, b"half").unwrap();
    visit(&world, &[]).found(0, "leftovers", "ok", "none");
    let probe = left.with_file_name("probe-0123456789abcdef");
    mcpauth::files::write_private(&probe, b"tried").unwrap();
    let long_ago = SystemTime::now() - Duration::from_hours(2);
    for file in [&left, &probe] {
        fs::File::open(file).unwrap().set_modified(long_ago).unwrap();
    }
    visit(&world, &[]).found(0, "leftovers", "warn", "2 temporary files");
    repair(&world).found(0, "leftovers", "fixed", "removed 2 temporary files");
    assert!(!left.exists() && !probe.exists());
}

#[test]
fn a_disk_that_takes_nothing_is_noticed() {
    let world = signed_in();
    let full = world.shell("ulimit -f 0; exec \"$0\" doctor --json", &[]);
    let before = Snapshot::of(world.home());
    let ran = run(full);
    assert_eq!(ran.exit, 7, "{ran:?}");
    let writing = ran.json()["findings"]
        .as_array()
        .unwrap()
        .iter()
        .any(|f| f["what"] == "writing" && f["result"] == "fail");
    assert!(writing, "{ran:?}");
    assert_eq!(Snapshot::of(world.home()).changes_since(&before).len(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_does_not_outlive_a_restart_is_named() {
    let Ok(fleeting) = tempfile::tempdir_in("/dev/shm") else { return };
    let world = World::new();
    let directory = fleeting.path().to_str().unwrap();
    visit(&world, &["--config", directory]).found(0, "file system", "warn", "tmpfs is gone after a restart");
}

#[test]
fn directories_that_clients_would_not_find_are_pointed_to() {
    let world = World::with(SandboxOptions::default());
    let moved = world.home().join("moved");
    let with_variables = |args: &[&str]| {
        let mut command = world.command(args);
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
            command.env(name, moved.join(name));
        }
        command
    };
    let url = world.url();
    let login = ["login", &url, "--name", "box", "--no-browser", "--store", "file"];
    world.login_as(with_variables(&login)).succeeded();
    visit_of(&world, with_variables(&["doctor"])).found(0, "directories", "ok", "moved");

    fs::remove_file(world.home().join(".config/mcpauth/moved.toml")).unwrap();
    world.run(&["token", "box"]).failed(2);
    visit_of(&world, with_variables(&["doctor"])).found(0, "directories", "warn", "look elsewhere");
    Visit::of(with_variables(&["doctor", "--fix"])).found(0, "directories", "fixed", "left word");
    world.run(&["token", "box"]).succeeded();
}

#[test]
fn the_lock_of_a_login_that_is_gone_may_stay() {
    let world = signed_in();
    world.run(&["logout", "box"]).succeeded();
    visit(&world, &["--fix"]).found(0, "locks", "ok", "1 lock of logins that are gone, which may stay");
}
