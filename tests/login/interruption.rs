//! Ctrl-C, a polite end, a closed terminal: whatever interrupts a login leaves nothing behind.
#![cfg(unix)]

use std::net::TcpStream;

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::steps::{callback_port, eventually};
use crate::support::{World, finish, follow, get};

#[test]
fn an_interrupted_login_leaves_neither_port_nor_record() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let world = World::new();
        let args = ["login", &world.url(), "--no-browser", "--store", "file"];
        let (child, seen, address) = world.start_login(world.command(&args));
        let port = callback_port(&address.unwrap());
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());

        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        finish(child, seen).failed_with(4, "login cancelled, nothing was stored");
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "{signal}");
        assert!(world.records().is_empty());
    }
}

/// The issuer says on its own page that it knows no such client, and the person gives up.
#[test]
fn a_client_that_nobody_came_back_with_is_not_tried_again() {
    let world = World::new();
    world.login(&[]).succeeded();
    world.sandbox.forget_clients();
    let (child, seen, address) = world.start_login(world.command(&["login", "box", "--no-browser"]));
    assert_eq!(get(&address.unwrap()).0, 400);

    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    finish(child, seen).failed_with(4, "login cancelled, nothing was stored");
    world.login(&[]).succeeded();
    assert_eq!(world.sandbox.books().registrations, 2);
}

#[test]
fn an_interruption_while_the_issuer_is_silent_is_told_in_the_browser_too() {
    let silence = Fault::Silence { endpoint: Endpoint::Token };
    let world = World::with(SandboxOptions { faults: vec![silence], ..SandboxOptions::default() });
    let args = ["login", &world.url(), "--no-browser", "--store", "file"];
    let (child, seen, address) = world.start_login(world.command(&args));
    let browser = std::thread::spawn(move || follow(&address.unwrap()).0);
    eventually(|| world.sandbox.books().requests.contains(&"POST /token".to_owned()));

    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    finish(child, seen).failed_with(4, "login cancelled, nothing was stored");
    assert!(browser.join().unwrap().ends_with("/not-signed-in"));
    assert!(world.records().is_empty());
}

#[test]
fn whoever_signs_in_over_and_over_is_slowed_down_until_it_succeeds() {
    let world = World::new();
    world.sandbox.change(|options| options.faults = vec![Fault::Declined]);
    for _ in 0..5 {
        world.login(&[]).failed_with(4, "declined");
    }
    world.sandbox.change(|options| options.faults.clear());
    let authorized = world.sandbox.books().requests.len();
    let ran = world.login(&[]);
    ran.failed_with(6, "five sign-ins at box came to nothing within a minute");
    // Nobody has signed in yet, so nothing has that name.
    assert!(ran.stderr.contains(&format!("`mcpauth discover {}` shows every step", world.url())), "{ran:?}");
    assert!(ran.stderr.contains("the next one can start in "), "{ran:?}");
    assert_eq!(world.sandbox.books().requests.len(), authorized);
    world.run(&["discover", &world.url()]).succeeded();
    // Another server is another matter.
    world.login(&["--account", "work"]).succeeded();
    world.after_a_while().login(&[]).succeeded();
    for _ in 0..6 {
        world.login(&[]).succeeded();
    }
}
