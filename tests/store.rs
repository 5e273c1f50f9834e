//! Where logins rest, through the real binary: plain, sealed with a passphrase, nowhere; chosen once and pinned.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcpauth::sandbox::SandboxOptions;
use support::steps::run;
use support::{Ran, World, call};

/// A passphrase with everything that a shell would trip over.
const PASSPHRASE: &str = "open 'sesame' $HOME ü";

/// A command that finds the passphrase on file descriptor 3.
fn with_passphrase(world: &World, passphrase: &str, args: &[&str]) -> Command {
    let file = world.home().join("passphrase");
    mcpauth::files::write_private(&file, format!("{passphrase}\n").as_bytes()).unwrap();
    let mut command = world.shell(r#"exec "$0" --passphrase-fd 3 "$@" 3<"$SECRET_FILE""#, args);
    command.env("SECRET_FILE", file);
    command
}

fn sealed() -> World {
    let world = World::new();
    let login = login_into(&world, "passphrase");
    world.login_as(with_passphrase(&world, PASSPHRASE, &as_words(&login))).succeeded();
    world
}

fn login_into(world: &World, store: &str) -> Vec<String> {
    ["login", &world.url(), "--name", "box", "--no-browser", "--store", store].map(String::from).into()
}

fn as_words(line: &[String]) -> Vec<&str> {
    line.iter().map(String::as_str).collect()
}

/// Everything below a directory.
fn below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            let inner = if path.is_dir() { below(&path) } else { Vec::new() };
            inner.into_iter().chain([path])
        })
        .collect()
}

fn contents(world: &World) -> Vec<(PathBuf, String)> {
    let files = below(world.home()).into_iter().filter(|path| path.is_file());
    files
        .map(|path| (path.clone(), String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()))
        .collect()
}

/// MCP 44.
#[test]
fn plain_files_are_for_their_owner_only_and_say_that_they_are_plain() {
    let world = World::signed_in(SandboxOptions::default());
    world.run(&["refresh", "box"]).succeeded();
    world.run(&["headers", "box"]).succeeded();
    let paths = below(world.home());
    assert!(paths.len() > 8, "{paths:?}");
    for path in paths {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.mode() & 0o7777, expected, "{}", path.display());
        assert!(!metadata.is_symlink(), "{}", path.display());
    }
    assert!(world.record().contains(&world.token(&[])));
    let status = world.run(&["status"]);
    assert!(status.stdout.contains("plain: every program of this user can read it"), "{status:?}");
}

#[test]
fn the_modes_do_not_depend_on_the_umask() {
    let world = World::new();
    let login = login_into(&world, "file");
    world.login_as(world.shell(r#"umask 000; exec "$0" "$@""#, &as_words(&login))).succeeded();
    for path in below(world.home()) {
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o077, 0, "{}", path.display());
    }
    // The command that is started gets the umask that its caller has.
    let ran = run(world.shell(r#"umask 027; exec "$0" exec -- sh -c umask"#, &[]));
    assert_eq!(ran.succeeded().stdout.trim_start_matches('0'), "27\n");
}

#[test]
fn a_sealed_login_opens_with_its_passphrase() {
    let world = sealed();
    let token = run(with_passphrase(&world, PASSPHRASE, &["token", "box"]));
    assert_eq!(call(&world.url(), token.succeeded().stdout.trim_end()), 200);
    let renewed = run(with_passphrase(&world, PASSPHRASE, &["token", "box", "--force-refresh"]));
    assert_ne!(renewed.succeeded().stdout, token.stdout);
    let again = run(with_passphrase(&world, PASSPHRASE, &["token", "box"]));
    assert_eq!(again.stdout, renewed.stdout);
}

/// MCP 44.
#[test]
fn no_file_holds_a_secret_in_the_clear() {
    let world = sealed();
    let token = run(with_passphrase(&world, PASSPHRASE, &["token", "box"])).stdout.trim_end().to_owned();
    fs::remove_file(world.home().join("passphrase")).unwrap();
    for (path, text) in contents(&world) {
        for secret in [&token, "sandbox_at_", "sandbox_rt_", "sandbox_reg_", "sesame"] {
            assert!(!text.contains(secret), "{secret} in {}", path.display());
        }
    }
    // What is told without the key is there without the key.
    let list = world.run(&["list"]);
    assert!(list.succeeded().stdout.contains("box"), "{list:?}");
    let status = world.run(&["status"]);
    assert!(status.succeeded().stdout.contains("sealed with a passphrase"), "{status:?}");
}

#[test]
fn a_wrong_passphrase_opens_nothing_and_changes_nothing() {
    let world = sealed();
    let before = fs::read(&world.records()[0]).unwrap();
    for args in [&["token", "box"][..], &["refresh", "box"], &["exec", "--", "true"]] {
        let ran = run(with_passphrase(&world, "open barley", args));
        ran.failed_with(7, "wrong passphrase");
        assert_eq!(ran.stdout, "");
    }
    run(with_passphrase(&world, "", &["token", "box"])).failed_with(7, "no passphrase: it is empty");
    world.run(&["token", "box"]).failed_with(7, "there is no terminal to ask on");
    world.run(&["token", "box", "--passphrase-fd", "9"]).failed_with(7, "file descriptor 9");
    assert_eq!(fs::read(&world.records()[0]).unwrap(), before);
    assert_eq!(world.sandbox.books().refresh_attempts, 0);
}

#[test]
fn the_passphrase_may_come_from_a_command() {
    let world = sealed();
    let file = world.home().join("passphrase");
    world.settle(&format!("passphrase_command = ['cat', '{}']", file.display()));
    world.run(&["token", "box"]).succeeded();
    fs::write(&file, "another").unwrap();
    world.run(&["token", "box"]).failed_with(7, "wrong passphrase");
    fs::remove_file(&file).unwrap();
    world.run(&["token", "box"]).failed_with(7, "passphrase_command: cat ended with");
}

#[cfg(target_os = "linux")]
#[test]
fn the_passphrase_is_not_left_open_for_the_command_that_is_started() {
    let world = sealed();
    let ran = run(with_passphrase(&world, PASSPHRASE, &["exec", "--", "ls", "-l", "/proc/self/fd"]));
    assert!(!ran.succeeded().stdout.contains("/passphrase"), "{ran:?}");
}

#[test]
fn a_store_is_chosen_once() {
    let world = World::signed_in(SandboxOptions::default());
    let message = "logins are stored in the file store, not in the passphrase store";
    let login = login_into(&world, "passphrase");
    world.login_as(with_passphrase(&world, PASSPHRASE, &as_words(&login))).failed_with(2, message);
    run(with_passphrase(&world, PASSPHRASE, &["--store", "passphrase", "token", "box"]))
        .failed_with(2, message);
    world.run(&["status", "--store", "passphrase"]).failed_with(2, message);
    world.run(&["token", "box", "--store", "file"]).succeeded();

    // Once nobody is signed in, another can be chosen.
    world.run(&["logout", "box"]).succeeded();
    let ran = world.login_as(with_passphrase(&world, PASSPHRASE, &as_words(&login)));
    assert!(ran.succeeded().stderr.contains("warning: the client of box stays behind in the file store"));
    run(with_passphrase(&world, PASSPHRASE, &["token", "box"])).succeeded();
}

#[test]
fn a_login_in_memory_ends_with_its_command() {
    let world = World::new();
    let login = login_into(&world, "memory");
    let ran = world.login_as(world.command(&as_words(&login)));
    assert!(ran.succeeded().stderr.contains("not stored: it ends with this command"), "{ran:?}");
    assert!(world.records().is_empty());
    for (path, text) in contents(&world) {
        for secret in ["sandbox_at_", "sandbox_rt_", "sandbox_code_", "sandbox_reg_"] {
            assert!(!text.contains(secret), "{}", path.display());
        }
    }
    world.run(&["token", "box"]).failed_with(3, "not signed in to box");
    // It pins nothing.
    world.login(&[]).succeeded();
}

/// The same command where no keychain can be: the address of the session bus leads nowhere.
fn without_keychain(world: &World, args: &[&str]) -> Command {
    let mut command = world.command(args);
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    command
}

fn login_without_keychain(world: &World) -> Ran {
    let url = world.url();
    world.login_as(without_keychain(world, &["login", &url, "--name", "box", "--no-browser"]))
}

#[cfg(not(target_vendor = "apple"))]
#[test]
fn without_a_keychain_the_first_login_says_where_it_goes_and_why() {
    let world = World::new();
    let ran = login_without_keychain(&world);
    for words in [
        "warning: no keychain answers here",
        "plain files that only you can read",
        "`mcpauth store move passphrase`",
    ] {
        assert!(ran.succeeded().stderr.contains(words), "no `{words}` in {ran:?}");
    }
    assert_eq!(world.run(&["status", "--json"]).json()["store"], "file");
    // It is settled, so it is said once.
    let ran = login_without_keychain(&world);
    assert!(!ran.succeeded().stderr.contains("keychain"), "{ran:?}");
}

#[cfg(not(target_vendor = "apple"))]
#[test]
fn a_keychain_that_was_asked_for_and_is_not_there_is_no_plain_file() {
    let world = World::new();
    let login = login_into(&world, "keychain");
    let ran = run(without_keychain(&world, &as_words(&login)));
    ran.failed_with(7, "answers here");
    assert!(ran.stderr.contains("--store passphrase"), "{ran:?}");
    assert!(world.records().is_empty());
    assert_eq!(world.sandbox.books().requests, Vec::<String>::new());
    // Nor is anything pinned by the attempt.
    login_without_keychain(&world).succeeded();
}

#[test]
fn a_lost_key_loses_the_logins_and_nothing_else() {
    let world = sealed();
    fs::remove_file(world.home().join(".local/share/mcpauth/passphrase.json")).unwrap();
    let again = |args: &[&str]| with_passphrase(&world, PASSPHRASE, args);
    run(again(&["token", "box"])).failed_with(7, "the key that seals the logins is missing");
    // What is told to do helps: the client that was sealed with the old key keeps nobody out.
    let login = world.login_as(again(&["login", "box", "--no-browser"]));
    assert!(login.succeeded().stderr.contains("sealed with a key that is lost"), "{login:?}");
    let token = run(again(&["token", "box"]));
    assert_eq!(call(&world.url(), token.succeeded().stdout.trim_end()), 200);
}

#[test]
fn a_login_whose_key_is_lost_can_be_deleted() {
    let world = sealed();
    fs::remove_file(world.home().join(".local/share/mcpauth/passphrase.json")).unwrap();
    world.run(&["logout", "box"]).failed_with(7, "the key that seals the logins is missing");
    world.run(&["logout", "box", "--local-only"]).succeeded();
    assert!(world.records().is_empty());
    world.run(&["logout", "box", "--local-only"]).failed_with(3, "not signed in to box");
}

#[test]
fn the_passphrase_is_asked_for_once_however_many_logins_are_opened() {
    let world = sealed();
    let mut login = login_into(&world, "passphrase");
    login.extend(["--account", "work"].map(String::from));
    world.login_as(with_passphrase(&world, PASSPHRASE, &as_words(&login))).succeeded();
    // A pipe can be read once.
    let piped = |args: &[&str]| {
        let mut command = world.shell(r#"printf %s "$SECRET" | "$0" --passphrase-fd 0 "$@""#, args);
        command.env("SECRET", PASSPHRASE);
        run(command)
    };
    piped(&["refresh", "--all"]).succeeded();
    assert_eq!(world.sandbox.books().refreshes, 2);
    piped(&["logout", "--all"]).succeeded();
    assert!(world.records().is_empty());
}
