//! Many processes that need the same token at once.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};

use mcpauth::sandbox::{Dice, Endpoint, Fault};

use crate::support::steps::eventually;
use crate::support::{Ran, World, call, finish};

/// Starts them all before it waits for any.
fn at_once(world: &World, lines: impl Iterator<Item = Vec<String>>) -> Vec<Ran> {
    let start = |line: Vec<String>| -> Child {
        let args: Vec<&str> = line.iter().map(String::as_str).collect();
        world.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<Child> = lines.map(start).collect();
    children.into_iter().map(|child| finish(child, String::new())).collect()
}

fn line(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// MCP 41.
#[test]
fn fifty_processes_with_an_ended_token_cost_one_refresh() {
    let world = World::expired();
    // Late enough that the others meet the one that refreshes.
    let late = Fault::LateAnswer { endpoint: Endpoint::Token, milliseconds: 500 };
    world.sandbox.change(|options| options.faults.push(late));

    let answers = at_once(&world, (0..50).map(|_| line("token box")));
    let tokens: BTreeSet<&str> = answers.iter().map(|ran| ran.succeeded().stdout.as_str()).collect();
    assert_eq!(tokens.len(), 1, "{tokens:?}");
    let books = world.sandbox.books();
    assert_eq!((books.refresh_attempts, books.refreshes, books.reuses), (1, 1, 0));
    assert!(books.families[0].alive);
    assert_eq!(call(&world.url(), tokens.first().unwrap().trim_end()), 200);
    // The survivor is the token that the issuer gave last.
    world.run(&["refresh", "box"]).succeeded();
    assert_eq!(world.sandbox.books().reuses, 0);
}

#[test]
fn every_kind_of_asking_shares_the_refresh() {
    let world = World::expired();
    let lines = ["token box", "headers box", "exec -- env", "token box --json", "token box --min-ttl 1m"];
    let answers = at_once(&world, lines.iter().cycle().take(20).map(|text| line(text)));
    let token = world.token(&[]);
    for ran in &answers {
        assert!(ran.succeeded().stdout.contains("sandbox_at_"), "{ran:?}");
    }
    let books = world.sandbox.books();
    // Headers may renew once more, for a caller that asks again.
    assert!(books.refresh_attempts <= 2, "{}", books.refresh_attempts);
    assert_eq!((books.reuses, books.families[0].alive), (0, true));
    assert_eq!(call(&world.url(), &token), 200);
}

#[test]
fn refreshes_that_are_insisted_on_never_spend_a_token_twice() {
    let world = World::expired();
    let answers = at_once(&world, (0..12).map(|_| line("token box --force-refresh")));
    for ran in &answers {
        ran.succeeded();
    }
    let books = world.sandbox.books();
    assert!(books.refreshes >= 1 && books.refreshes <= 12);
    assert_eq!((books.reuses, books.families[0].alive), (0, true));
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
}

/// MCP 41.
#[test]
fn a_crowd_at_a_login_that_has_ended_asks_once() {
    let world = World::expired();
    world.sandbox.revoke_everything();
    for ran in at_once(&world, (0..20).map(|_| line("token box"))) {
        ran.failed_with(3, "the issuer ended this login");
    }
    assert_eq!(world.sandbox.books().refresh_attempts, 1);
}

/// A refresh that takes long on the way to the issuer; meanwhile everybody else is quick.
fn start_slowly(world: &World, mut command: Command) -> Child {
    let slow = Fault::Slow { endpoint: Endpoint::Token, least: 3000, most: 3000, dice: Dice::seeded(1) };
    world.sandbox.change(|options| options.faults.push(slow));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually(|| world.sandbox.books().refresh_attempts == 1);
    world.sandbox.change(|options| options.faults.clear());
    child
}

/// MCP 41.
/// Two machines that share their files and not their locks: what the issuer says to the second of them is no reason to
/// write over what the first one got.
#[test]
fn a_refusal_is_no_end_where_another_machine_was_faster() {
    let world = World::expired();
    let mut other = world.command(&["token", "box"]);
    other.env("XDG_STATE_HOME", world.home().join("another-machine"));
    let other = start_slowly(&world, other);
    let token = world.token(&[]);
    assert_eq!(finish(other, String::new()).succeeded().stdout.trim_end(), token);
    assert_eq!(world.run(&["status", "--json"]).json()["logins"][0]["login"]["state"]["is"], "active");
}

/// Whoever tidies up takes the lock away from under its holder.
#[test]
fn a_lock_file_that_is_removed_during_a_refresh_costs_no_second_one() {
    let world = World::expired();
    let first = start_slowly(&world, world.command(&["token", "box"]));
    fs::remove_dir_all(world.home().join(".local/state/mcpauth/locks")).unwrap();
    let token = world.token(&[]);
    assert_eq!(finish(first, String::new()).succeeded().stdout.trim_end(), token);
    let books = world.sandbox.books();
    assert_eq!((books.refresh_attempts, books.reuses, call(&world.url(), &token)), (1, 0, 200));
}
