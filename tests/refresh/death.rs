//! Whoever asked for a refresh may be ended at any moment; the login is none the worse for it.

use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::support::steps::eventually;
use crate::support::{World, call, finish};

/// An issuer that renews at once and is long in saying so.
fn slow(world: &World) {
    let late = Fault::LateAnswer { endpoint: Endpoint::Token, milliseconds: 1500 };
    world.sandbox.change(|options| options.faults = vec![late]);
}

/// A command in a process group of its own.
fn start(world: &World, args: &[&str]) -> Child {
    let mut command = world.command(args);
    command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A command whose refresh the issuer has done and not yet answered.
fn in_the_middle(world: &World) -> Child {
    slow(world);
    let child = start(world, &["token", "box"]);
    eventually(|| world.sandbox.books().refreshes == 1);
    child
}

fn kill_group(child: &Child) {
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap());
    killpg(group, Signal::SIGKILL).unwrap();
}

fn journals(world: &World) -> Vec<u64> {
    let journals = std::fs::read_dir(world.home().join(".local/state/mcpauth/journals"));
    journals.into_iter().flatten().flatten().map(|file| file.metadata().unwrap().len()).collect()
}

/// MCP 40.
#[test]
fn a_command_that_is_killed_with_its_group_while_the_issuer_thinks_loses_nothing() {
    let world = World::expired();
    let child = in_the_middle(&world);
    kill_group(&child);
    assert_eq!(finish(child, String::new()).exit, 137);

    // The next one waits for the worker that is still there, and asks nobody.
    let token = world.token(&[]);
    let books = world.sandbox.books();
    assert_eq!((books.refresh_attempts, books.reuses, books.families[0].alive), (1, 0, true));
    assert_eq!(call(&world.url(), &token), 200);
    world.sandbox.change(|options| options.faults.clear());
    world.run(&["refresh", "box"]).succeeded();
    assert_eq!(world.sandbox.books().reuses, 0);
    assert_eq!(journals(&world), [0]);
}

#[test]
fn a_worker_heeds_no_polite_request_to_stop() {
    let world = World::expired();
    let child = in_the_middle(&world);
    let worker = holder(&world);
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGUSR1, Signal::SIGALRM] {
        kill(worker, signal).unwrap();
    }
    let ran = finish(child, String::new());
    assert_eq!(call(&world.url(), ran.succeeded().stdout.trim_end()), 200);
}

/// The process that the login's lock names.
fn holder(world: &World) -> Pid {
    let lock = std::fs::read_dir(world.home().join(".local/state/mcpauth/locks")).unwrap().flatten();
    let hints = lock.map(|file| std::fs::read_to_string(file.path()).unwrap());
    let ids = hints.filter_map(|hint| hint.strip_prefix("pid ")?.trim_end().parse().ok());
    let worker = ids.filter(|id| {
        std::fs::read(format!("/proc/{id}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains("refresh-worker"))
    });
    Pid::from_raw(worker.last().unwrap())
}

#[test]
fn a_worker_that_is_killed_is_followed_by_another_while_the_issuer_still_forgives() {
    let options = SandboxOptions { access_lifetime: 0, grace: 10, ..SandboxOptions::default() };
    let world = World::signed_in(options);
    world.sandbox.change(|options| options.access_lifetime = 3600);
    let child = in_the_middle(&world);
    kill(holder(&world), Signal::SIGKILL).unwrap();
    let ran = finish(child, String::new());
    assert_eq!(call(&world.url(), ran.succeeded().stdout.trim_end()), 200);
    let books = world.sandbox.books();
    assert_eq!((books.refresh_attempts, books.families[0].alive), (2, true));
}

#[test]
fn an_answer_that_was_lost_for_good_is_said_to_be() {
    let world = World::expired();
    let child = in_the_middle(&world);
    kill(holder(&world), Signal::SIGKILL).unwrap();
    // A strict issuer takes the second use for a theft.
    let ran = finish(child, String::new());
    ran.failed_with(3, "invalid_grant");
    assert!(ran.stderr.contains("the answer to an earlier refresh was lost"), "{ran:?}");
    world.sandbox.change(|options| options.faults.clear());
    world.login(&[]).succeeded();
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
}

#[test]
fn a_record_that_could_not_be_written_is_written_by_the_next_one() {
    let world = World::expired();
    let child = in_the_middle(&world);
    // Somebody tidies up a little too much.
    let draft = world.records().into_iter().find(|file| file.extension().is_some()).unwrap();
    std::fs::remove_file(draft).unwrap();
    finish(child, String::new()).failed_with(7, "cannot use ");
    let token = world.token(&[]);
    assert_eq!((world.sandbox.books().refresh_attempts, call(&world.url(), &token)), (1, 200));
    assert_eq!(journals(&world), [0]);
}

#[test]
fn whoever_waits_too_long_is_told_for_whom() {
    let world = World::expired();
    let child = in_the_middle(&world);
    let worker = holder(&world);
    kill(worker, Signal::SIGSTOP).unwrap();
    // Of all commands this one waits the shortest.
    world.run(&["headers", "box"]).failed_with(6, &format!("process {worker} is changing this login"));
    kill(worker, Signal::SIGCONT).unwrap();
    let ran = finish(child, String::new());
    assert_eq!(call(&world.url(), ran.succeeded().stdout.trim_end()), 200);
    assert_eq!(world.sandbox.books().refresh_attempts, 1);
}
