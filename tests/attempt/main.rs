//! One sign-in for all who wait: bridges that need a person, and the pages that they open.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;

mod eras;
mod limits;

use std::net::TcpStream;

use mcpauth::sandbox::SandboxOptions;
use serde_json::{Value, json};
use support::desk::Desk;
use support::steps::{callback_port, eventually};
use support::talk::Talk;
use support::{World, follow};

/// The text that the tool `whoami` gives, or the error.
fn whoami(host: &mut Talk) -> Value {
    host.ask("tools/call", &json!({ "name": "whoami", "arguments": {} }))
}

/// Begins to ask the same.
fn begin_whoami(host: &mut Talk) -> u64 {
    host.begin("tools/call", &json!({ "name": "whoami", "arguments": {} }))
}

/// B-06.
#[test]
fn however_many_wait_one_page_is_opened_and_all_are_served() {
    let desk = Desk::new();
    let mut hosts: Vec<Talk> = (0..8).map(|_| desk.host(&[])).collect();
    let asked: Vec<u64> = hosts.iter_mut().map(begin_whoami).collect();
    follow(&desk.page(1));
    for (host, asked) in hosts.iter_mut().zip(asked) {
        let answer = host.answer(asked);
        assert!(answer["result"].is_object(), "{answer}");
    }
    assert_eq!(desk.pages().len(), 1);
    assert_eq!(desk.world.sandbox.books().families.len(), 1);
}

#[test]
fn a_page_stays_good_when_whoever_opened_it_is_killed() {
    let desk = Desk::new();
    let mut first = desk.host(&[]);
    begin_whoami(&mut first);
    let page = desk.page(1);
    first.kill();
    let mut second = desk.host(&[]);
    let asked = begin_whoami(&mut second);
    let (_, shown) = follow(&page);
    assert!(shown.contains("You are signed in"), "{shown}");
    let answer = second.answer(asked);
    assert!(answer["result"].is_object(), "{answer}");
    assert_eq!(desk.pages().len(), 1);
}

#[test]
fn somebody_who_signs_in_by_hand_is_as_good() {
    let desk = Desk::signed_out();
    let mut host = desk.host(&[]);
    let asked = begin_whoami(&mut host);
    let port = callback_port(&desk.page(1));
    desk.world.login_as(desk.world.command(&["login", "box", "--no-browser"])).succeeded();
    let answer = host.answer(asked);
    assert!(answer["result"].is_object(), "{answer}");
    assert_eq!(desk.pages().len(), 1);
    // And nobody waits at the port any more.
    eventually(|| TcpStream::connect(("127.0.0.1", port)).is_err());
}

/// A server that was named by its URL has no name before somebody signs in there.
#[test]
fn somebody_who_signs_in_by_hand_may_choose_a_name() {
    let desk = Desk::new();
    let mut host = desk.host(&[]);
    let asked = [(); 3].map(|()| begin_whoami(&mut host));
    desk.page(1);
    // It is called `box`.
    desk.world.login(&[]).succeeded();
    let mut answers = std::iter::from_fn(|| host.next()).filter(|said| said["method"].is_null());
    for _ in asked {
        let answer = answers.next().unwrap();
        assert!(answer["result"].is_object(), "{answer}");
    }
    assert_eq!(desk.pages().len(), 1);
}

#[test]
fn all_who_wait_in_one_bridge_are_served_and_what_was_cancelled_is_not_done() {
    let desk = Desk::of(World::signed_in(SandboxOptions::default()));
    let mut host = desk.host(&[]);
    desk.world.run(&["logout", "box"]).succeeded();
    let asked = [(); 3].map(|()| begin_whoami(&mut host));
    let page = desk.page(1);
    host.tell("notifications/cancelled", &json!({ "requestId": asked[0] }));
    // It is known as cancelled when the next line has been read.
    host.write(b"{");
    assert_eq!(host.next().unwrap()["error"]["code"], -32700);
    follow(&page);
    // In whatever order they come.
    for _ in 1..asked.len() {
        let answer = host.next().unwrap();
        assert!(answer["result"].is_object() && answer["id"] != asked[0], "{answer}");
    }
    assert!(whoami(&mut host)["result"].is_object());
    assert_eq!(desk.world.sandbox.books().tool_calls, 3);
}

/// A server of 2024-11-05 is known as such only after somebody has signed in.
#[test]
fn what_waits_for_an_older_server_goes_to_its_stream_as_well() {
    let desk = Desk::new();
    let url = desk.world.sandbox.sse_url();
    let mut host = Talk::greeted(desk.command(&["bridge", &url, "--store", "file"]), "2025-06-18");
    let asked = begin_whoami(&mut host);
    follow(&desk.page(1));
    let answer = host.answer(asked);
    assert!(answer["result"].is_object(), "{answer}");
}
