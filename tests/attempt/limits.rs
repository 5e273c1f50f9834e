//! When no page is opened, and what is said instead.

use mcpauth::sandbox::Fault;

use crate::support::desk::Desk;
use crate::support::follow;
use crate::support::steps::eventually;
use crate::support::talk::Talk;
use crate::{begin_whoami, whoami};

/// The error of an answer, which names the command to type.
#[track_caller]
fn told(answer: &serde_json::Value) -> String {
    let message = answer["error"]["message"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert!(message.contains("mcpauth login"), "{message}");
    message.to_owned()
}

/// B-14.
#[test]
fn where_no_page_may_or_can_be_opened_the_command_is_named() {
    let desk = Desk::signed_out();
    let mut never = desk.host(&["--login", "never"]);
    told(&whoami(&mut never));
    // No BROWSER and no display.
    let bare = desk.world.command(&["bridge", "box"]);
    let mut bare = Talk::greeted(bare, "2025-11-25");
    assert!(told(&whoami(&mut bare)).contains("no page can be opened"));
    assert_eq!(desk.pages().len(), 0);
}

/// One who says no is not asked again by whoever waited with him, nor by the next one.
#[test]
fn a_person_who_declines_is_not_asked_again() {
    let desk = Desk::signed_out();
    desk.world.sandbox.change(|options| options.faults = vec![Fault::Declined]);
    let mut hosts = [desk.host(&[]), desk.host(&[])];
    let asked = hosts.each_mut().map(begin_whoami);
    follow(&desk.page(1));
    for (host, asked) in hosts.iter_mut().zip(asked) {
        let answer = host.answer(asked);
        assert!(told(&answer).contains("declined"), "{answer}");
    }
    assert!(told(&whoami(&mut hosts[0])).contains("declined"));
    assert!(told(&whoami(&mut desk.host(&[]))).contains("declined"));
    assert_eq!(desk.pages().len(), 1);

    // By hand it is another matter.
    desk.world.sandbox.change(|options| options.faults.clear());
    desk.world.login_as(desk.world.command(&["login", "box", "--no-browser"])).succeeded();
    assert!(whoami(&mut hosts[1])["result"].is_object());
}

/// B-06: one page in ten minutes.
#[test]
fn a_login_that_was_ended_on_purpose_is_not_made_again_at_once() {
    let desk = Desk::signed_out();
    let mut host = desk.host(&[]);
    let asked = begin_whoami(&mut host);
    follow(&desk.page(1));
    assert!(host.answer(asked)["result"].is_object());
    desk.world.run(&["logout", "box"]).succeeded();
    let said = told(&whoami(&mut desk.host(&[])));
    assert!(said.contains("signed in for this") && said.contains("ago already"), "{said}");
    assert_eq!(desk.pages().len(), 1);
}

/// The worker that was ended had no time to say so.
#[test]
fn a_sign_in_that_was_broken_off_is_told_of() {
    let desk = Desk::signed_out();
    let mut host = desk.host(&[]);
    let asked = begin_whoami(&mut host);
    desk.page(1);
    let worker = list(&desk)[0]["process"].as_u64().unwrap();
    let worker = nix::unistd::Pid::from_raw(i32::try_from(worker).unwrap());
    nix::sys::signal::kill(worker, nix::sys::signal::Signal::SIGKILL).unwrap();
    told(&host.answer(asked));
    let said = told(&whoami(&mut desk.host(&[])));
    assert!(said.contains("broken off"), "{said}");
    assert_eq!(desk.pages().len(), 1);
}

/// The sign-ins that are remembered.
fn list(desk: &Desk) -> serde_json::Value {
    let directory = desk.world.home().join(".local/state/mcpauth/sign-ins");
    let mut read = serde_json::Value::Null;
    eventually(|| {
        let file = std::fs::read_dir(&directory).into_iter().flatten().flatten().next();
        let bytes = file.and_then(|file| std::fs::read(file.path()).ok());
        read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        !read.is_null()
    });
    read
}
