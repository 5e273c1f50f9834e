//! Many bridges with one login, at an issuer that ends it when a spent token comes again.

use std::time::Instant;

use mcpauth::sandbox::SandboxOptions;

use crate::support::World;
use crate::support::crowd::Crowd;
use crate::support::desk::Desk;
use crate::support::steps::port_of_its_own;

/// How many hosts a person may have open.
const HOSTS: usize = 8;

/// Nobody who connects anywhere takes the port of its server while that is away.
fn desk(access_lifetime: u64) -> Desk {
    let port = port_of_its_own();
    Desk::of(World::signed_in(SandboxOptions { port, access_lifetime, ..SandboxOptions::default() }))
}

#[test]
fn a_crowd_that_starts_with_a_token_that_has_ended_costs_one_refresh() {
    let mut crowd = Crowd::settled(Desk::of(World::expired()), HOSTS);
    crowd.work();
    crowd.cost(1);
    crowd.end();
}

#[test]
fn a_crowd_whose_token_ends_while_it_works_costs_one_refresh() {
    let desk = desk(6);
    desk.world.sandbox.change(|options| options.access_lifetime = 3600);
    let mut crowd = Crowd::settled(desk, HOSTS);
    while crowd.desk.world.sandbox.books().refreshes == 0 {
        crowd.work();
    }
    crowd.work();
    crowd.cost(1);
    crowd.end();
}

/// Nobody can see it coming: the token that all hold is good for an hour.
#[test]
fn a_crowd_whose_token_is_not_honoured_any_more_costs_one_refresh() {
    let mut crowd = Crowd::settled(desk(3600), HOSTS);
    for already in 0..3 {
        crowd.work();
        crowd.cost(already);
        crowd.desk.world.sandbox.expire_access_tokens();
        crowd.work();
        crowd.cost(already + 1);
    }
    crowd.end();
}

#[test]
fn a_crowd_whose_server_comes_back_and_knows_neither_session_nor_token_costs_one_refresh() {
    let mut crowd = Crowd::settled(desk(3600), HOSTS);
    crowd.work();
    crowd.desk.world.sandbox.restart().unwrap();
    crowd.desk.world.sandbox.expire_access_tokens();
    crowd.work();
    crowd.cost(1);
    crowd.end();
}

/// Each of these tokens is renewed at the end of its life, by one for all.
#[test]
fn tokens_that_live_for_seconds_cause_no_storm() {
    let begun = Instant::now();
    let mut crowd = Crowd::settled(desk(4), HOSTS);
    while crowd.desk.world.sandbox.books().refreshes < 3 {
        crowd.work();
    }
    let books = crowd.desk.world.sandbox.books();
    // Ends are told in whole seconds, so a life of four may be three and a bit.
    let most = begun.elapsed().as_secs() / 3 + 2;
    assert!(books.refreshes <= most, "{} refreshes, {most} at most", books.refreshes);
    crowd.cost(books.refreshes);
    crowd.end();
}
