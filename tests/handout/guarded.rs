//! What a program that holds secrets does not let others do with it.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::World;
use crate::support::steps::{copy_program, eventually, run};
use crate::support::stranger::{self, is_root};

/// Somebody who is not root.
const NOBODY: u32 = 65534;

fn signed_in() -> World {
    World::signed_in(SandboxOptions::default())
}

/// Gives everything below a directory to somebody.
fn give(path: &Path, owner: u32) {
    chown(path, Some(owner), Some(owner)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), owner);
        }
    }
}

/// A world of somebody who is not root, because root may look into everything; with a program that he can reach.
fn ordinary(mut world: World) -> World {
    let program = world.home().join("mcpauth");
    copy_program(&world.program, &program);
    world.program = program;
    if is_root() {
        give(world.home(), NOBODY);
    }
    world
}

/// The same command for him.
fn for_him(mut command: Command) -> Command {
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// A command that runs with live tokens.
fn started(command: Command) -> Child {
    let mut command = for_him(command);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut String::new()).unwrap();
    child
}

/// Whether another program of the same user may look into a process: what a debugger has to be allowed.
fn can_be_looked_into(id: u32) -> bool {
    let mut look = Command::new("cat");
    look.arg(format!("/proc/{id}/environ")).current_dir("/");
    run(for_him(look)).exit == 0
}

///
#[test]
fn nobody_looks_into_the_process_that_can_refresh() {
    let world = ordinary(signed_in());
    let alone = started({
        let mut command = Command::new("sh");
        command.args(["-c", "echo; cat"]).current_dir("/");
        command
    });
    let live = started(world.command(&["exec", "--token-file", "--", "sh", "-c", "echo; cat"]));
    assert!(can_be_looked_into(alone.id()));
    assert!(!can_be_looked_into(live.id()));
    for mut child in [alone, live] {
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
}

///
#[test]
fn nobody_looks_into_the_process_that_stands_before_a_server() {
    let world = ordinary(signed_in());
    let mut proxy = started(world.command(&["proxy", "--quiet", "--json", "box"]));
    assert!(!can_be_looked_into(proxy.id()));
    kill(Pid::from_raw(i32::try_from(proxy.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert!(proxy.wait().unwrap().success());
}

///
#[test]
fn nobody_looks_into_the_process_that_refreshes() {
    let world = ordinary(World::expired());
    let late = Fault::LateAnswer { endpoint: Endpoint::Token, milliseconds: 3000 };
    world.sandbox.change(|options| options.faults = vec![late]);
    let mut command = for_him(world.command(&["token", "box"]));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually(|| world.sandbox.books().refreshes == 1);
    let locks = fs::read_dir(world.home().join(".local/state/mcpauth/locks")).unwrap().flatten();
    let hints = locks.filter_map(|lock| fs::read_to_string(lock.path()).ok());
    let ids = hints.filter_map(|hint| hint.strip_prefix("pid ")?.trim_end().parse().ok());
    let is_worker = |id: &u32| {
        fs::read_to_string(format!("/proc/{id}/cmdline")).is_ok_and(|line| line.contains("refresh-worker"))
    };
    let worker = ids.into_iter().find(is_worker).expect("the worker");
    assert!(!can_be_looked_into(worker) && !can_be_looked_into(child.id()));
    crate::support::finish(child, String::new()).succeeded();
}

/// A command whose core may be as large as it likes.
fn with_core(world: &World, args: &[&str]) -> Command {
    let mut command = world.shell("ulimit -c unlimited; cd; exec \"$0\" \"$@\"", args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

///
#[test]
fn a_crash_leaves_no_core_and_the_command_keeps_its_limits() {
    let world = signed_in();
    let mut child =
        with_core(&world, &["exec", "--socket", "--", "sh", "-c", "ulimit -c; cat"]).spawn().unwrap();
    let mut limit = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut limit).unwrap();
    assert_eq!(limit, "unlimited\n");
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGABRT).unwrap();
    let status = child.wait().unwrap();
    assert_eq!((status.signal(), status.core_dumped()), (Some(Signal::SIGABRT as i32), false));

    // A program that the same shell starts leaves one.
    let mut alone = world.shell("ulimit -c unlimited; cd; exec sh -c 'kill -ABRT $$'", &[]);
    assert!(alone.status().unwrap().core_dumped(), "this system writes no cores, so nothing was shown");
    let limit = run(with_core(&world, &["exec", "--", "sh", "-c", "ulimit -c"]));
    assert_eq!(limit.stdout, "unlimited\n");
}

///
#[test]
fn a_program_with_rights_that_are_not_the_callers_refuses() {
    if !is_root() {
        // Nobody else can give a program to somebody.
        return stranger::is_not_shown("a program that was given to root");
    }
    let world = ordinary(signed_in());
    chown(&world.program, Some(0), Some(0)).unwrap();
    fs::set_permissions(&world.program, fs::Permissions::from_mode(0o4755)).unwrap();
    for args in [&["token", "box"][..], &["--version"], &["refresh-worker"], &["live-keeper"]] {
        let ran = run(for_him(world.command(args)));
        ran.failed_with(5, "mcpauth runs with rights that are not yours");
        assert_eq!(ran.stdout, "");
    }
    fs::set_permissions(&world.program, fs::Permissions::from_mode(0o755)).unwrap();
    run(for_him(world.command(&["token", "box"]))).succeeded();
}
