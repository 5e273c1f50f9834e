//! The world that MCP clients start their children in: six variables, signals blocked, streams closed, directories
//! elsewhere, read-only or gone.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use mcpauth::sandbox::SandboxOptions;
use nix::sys::signal::SigSet;
use support::steps::run;
use support::{Ran, World, call};

/// The three commands that clients run.
const HANDED_OUT: [&[&str]; 3] =
    [&["token", "box"], &["headers", "box"], &["exec", "-s", "box", "--", "env"]];

/// Runs all three and checks that each brings the token, without a word.
fn all_work(world: &World, prepare: impl Fn(&[&str]) -> Command) {
    all_work_with(world, prepare, str::is_empty);
}

/// The same where something may be said.
fn all_work_with(world: &World, prepare: impl Fn(&[&str]) -> Command, as_expected: impl Fn(&str) -> bool) {
    for args in HANDED_OUT {
        let ran = run(prepare(args));
        assert!(ran.exit == 0 && as_expected(&ran.stderr), "{args:?}: {ran:?}");
        // Afterwards, because a repeated question for headers renews it.
        let token = world.token(&[]);
        assert!(ran.stdout.contains(&token), "{args:?}: {ran:?}");
    }
}

fn signed_in() -> World {
    World::signed_in(SandboxOptions::default())
}

#[test]
fn six_variables_are_enough() {
    let world = signed_in();
    let bare = world.command(&["token"]);
    let mut names: Vec<_> = bare.get_envs().map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"]);
    all_work(&world, |args| world.command(args));

    // Not even those are needed where the home is known.
    let mut command = world.command(&["token", "box"]);
    for name in ["LOGNAME", "PATH", "SHELL", "TERM", "USER"] {
        command.env_remove(name);
    }
    run(command).succeeded();
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
}

/// Runs a command that was started with every signal blocked.
fn run_blocked(command: Command) -> Ran {
    // A child begins with the mask of the thread that starts it.
    let blocked = move || {
        SigSet::all().thread_block().unwrap();
        run(command)
    };
    std::thread::spawn(blocked).join().unwrap()
}

#[cfg(target_os = "linux")]
fn blocked_signals(status: &Ran) -> u64 {
    let line = status.succeeded().stdout.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
    u64::from_str_radix(line.trim(), 16).unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_start_with_every_signal_blocked_is_overcome_and_not_passed_on() {
    let world = signed_in();
    let status = ["cat", "/proc/self/status"];
    let mut alone = Command::new(status[0]);
    alone.arg(status[1]);
    assert_ne!(blocked_signals(&run_blocked(alone)), 0, "this test blocks nothing");

    let through = world.command(&[&["exec", "--"], &status[..]].concat());
    assert_eq!(blocked_signals(&run_blocked(through)), 0);
    let token = world.token(&[]);
    for args in HANDED_OUT {
        assert!(run_blocked(world.command(args)).succeeded().stdout.contains(&token));
    }
}

#[test]
fn a_login_that_was_started_with_every_signal_blocked_can_be_interrupted() {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    let world = World::new();
    let args = ["login", &world.url(), "--no-browser", "--store", "file"];
    let command = world.command(&args);
    std::thread::scope(|scope| {
        let started = scope.spawn(|| {
            SigSet::all().thread_block().unwrap();
            world.start_login(command)
        });
        let (child, seen, _) = started.join().unwrap();
        kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
        support::finish(child, seen).failed_with(4, "login cancelled");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_child_takes_signals_as_if_it_had_been_started_alone() {
    let world = signed_in();
    let ignored = |ran: &Ran| ran.stdout.lines().find(|line| line.starts_with("SigIgn")).unwrap().to_owned();
    let mut alone = Command::new("cat");
    alone.arg("/proc/self/status");
    let through = world.run(&["exec", "--", "cat", "/proc/self/status"]);
    assert_eq!(ignored(through.succeeded()), ignored(&run(alone)));
}

#[test]
fn a_login_made_under_moved_directories_is_found_without_the_variables() {
    let world = World::new();
    let url = world.url();
    let mut login = world.command(&["login", &url, "--name", "box", "--no-browser", "--store", "file"]);
    for name in ["CONFIG", "DATA", "STATE"] {
        login.env(format!("XDG_{name}_HOME"), world.home().join("moved").join(name));
    }
    world.login_as(login).succeeded();
    assert!(world.records().is_empty(), "nothing lies at the default place");
    assert!(world.home().join("moved/DATA/mcpauth/logins").is_dir());

    all_work(&world, |args| world.command(args));
    // A refresh must end up in the same place, too.
    let renewed = world.token(&["--force-refresh"]);
    assert_eq!(world.token(&[]), renewed);
    assert!(world.records().is_empty());
    assert_eq!(world.sandbox.books().reuses, 0);
}

#[test]
fn a_closed_stream_is_no_reason_to_fail() {
    let world = signed_in();
    for streams in ["2>&-", "<&-", "<&- 2>&-", "2>/dev/full"] {
        all_work(&world, |args| world.shell(&format!(r#"exec "$0" "$@" {streams}"#), args));
    }
    for args in HANDED_OUT {
        let ran = run(world.shell(r#""$0" "$@" >&-; echo "it was $?""#, args));
        assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    }
    let ran = run(world.shell(r#""$0" token box >&-; echo "it was $?""#, &[]));
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("it was 0\n", ""));
    let ran = run(world.shell(r#""$0" token nobody 2>&-; echo "it was $?""#, &[]));
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("it was 2\n", ""));
}

#[test]
fn a_reader_that_has_gone_is_no_panic() {
    let world = signed_in();
    for args in [&["token", "box"][..], &["status"], &["list"], &["help"], &["server", "list"]] {
        let mut child = world.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let talk = String::from_utf8(output.stderr).unwrap();
        assert!(!talk.contains("panicked"), "{args:?}: {talk}");
    }
}

/// Takes every directory's write permission away, and for those who may write all the same, puts a file in the
/// place of the state directory.
fn make_read_only(directory: &Path) {
    let state = directory.join(".local/state");
    fs::remove_dir_all(&state).unwrap();
    fs::write(&state, "in the way").unwrap();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            lock_up(&entry.path());
        }
    }
}

fn lock_up(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            lock_up(&entry.path());
        }
    }
    fs::set_permissions(directory, PermissionsExt::from_mode(0o500)).unwrap();
}

fn unlock(directory: &Path) {
    fs::set_permissions(directory, PermissionsExt::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            unlock(&entry.path());
        }
    }
}

#[test]
fn a_read_only_home_still_hands_out_what_is_valid() {
    let world = signed_in();
    make_read_only(world.home());
    // That the log cannot be written is all that there is to say, once.
    let is_one_warning =
        |stderr: &str| stderr.starts_with("warning: the audit log ") && stderr.matches('\n').count() == 1;
    all_work_with(&world, |args| world.command(args), is_one_warning);

    // What would be lost is not asked for.
    let ran = world.run(&["refresh", "box"]);
    assert_eq!((ran.exit, world.sandbox.books().refresh_attempts), (7, 0), "{ran:?}");
    assert!(ran.stderr.contains("error: cannot ") && ran.stderr.contains("hint: "), "{ran:?}");
    unlock(world.home());
}

#[test]
fn a_working_directory_that_is_gone_is_not_needed() {
    let world = signed_in();
    let gone = world.home().join("gone");
    let script = r#"mkdir -p "$1" && cd "$1" && rmdir "$1" && shift && exec "$0" "$@""#;
    all_work(&world, |args| world.shell(script, &[&[gone.to_str().unwrap()], args].concat()));
    assert!(!gone.exists());
}

#[test]
fn without_a_home_a_directory_has_to_be_named() {
    let world = signed_in();
    let mut homeless = world.command(&["token", "box"]);
    homeless.env_remove("HOME");
    run(homeless).failed_with(2, "HOME is not set");

    let chosen = world.home().join("chosen");
    let chosen = chosen.to_str().unwrap();
    let url = world.url();
    let args = ["login", &url, "--name", "box", "--no-browser", "--store", "file", "--config", chosen];
    let mut login = world.command(&args);
    login.env_remove("HOME");
    world.login_as(login).succeeded();
    let mut token = world.command(&["token", "box", "--config", chosen]);
    token.env_remove("HOME");
    run(token).succeeded();
}

/// Whoever ignores how its children end passes that on, and then nobody can wait for a child of its own.
#[cfg(target_os = "linux")]
#[test]
fn a_start_by_somebody_who_ignores_its_children_is_overcome() {
    let world = World::new();
    world.settle("passphrase_command = ['echo', 'sesame']");
    let url = world.url();
    world
        .login_as(world.command(&["login", &url, "--name", "box", "--no-browser", "--store", "passphrase"]))
        .succeeded();
    let ignored = |args| run(world.shell(r#"exec env --ignore-signal=CHLD "$0" "$@""#, args));
    assert!(ignored(&["token", "box"]).succeeded().stdout.contains("sandbox_at_"));
    assert!(ignored(&["token", "box", "--force-refresh"]).succeeded().stdout.contains("sandbox_at_"));
}
