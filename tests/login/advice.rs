//! What a hint names can be typed, and leads to what was wanted.

use crate::support::steps::port_of_its_own;
use crate::support::{World, finish};
use mcpauth::sandbox::{Fault, SandboxOptions};

/// Another name and another account than those that come by themselves.
const OURS: [&str; 6] = ["--name", "box", "--account", "work", "--no-browser", "--store"];

fn token(world: &World) -> i32 {
    world.run(&["token", "box", "--account", "work"]).exit
}

#[test]
fn a_first_login_that_failed_is_tried_again_under_its_name_and_account() {
    let world = World::new();
    let url = world.url() + "?tenant=a&b=c";
    let args = [&["login", &url], &OURS[..], &["file"]].concat();
    let late = world.run(&[&args[..], &["--timeout", "1"]].concat());
    world.login_as_advised(late.failed_with(4, "nobody finished")).succeeded();
    assert_eq!(token(&world), 0);

    for (fault, exit) in [(Fault::Declined, 4), (Fault::WrongIss, 5)] {
        let world = World::with(SandboxOptions { faults: vec![fault], ..SandboxOptions::default() });
        let url = world.url();
        let refused = world.login_as(world.command(&[&["login", &url], &OURS[..], &["file"]].concat()));
        world.sandbox.change(|options| options.faults.clear());
        world.login_as_advised(refused.failed_with(exit, "again")).succeeded();
        assert_eq!(token(&world), 0);
    }
}

#[test]
fn a_paste_that_went_wrong_is_tried_again() {
    let world = World::new();
    let url = world.url();
    let args = [&["login", &url], &OURS[..], &["file", "--paste"]].concat();
    let mut command = world.command(&args);
    command.stdin(crate::support::steps::file_of("http://127.0.0.1:1/elsewhere?code=x\n"));
    let (child, seen, _) = world.start_login(command);
    let wrong = finish(child, seen);
    world.login_as_advised(wrong.failed_with(5, "what was pasted")).succeeded();
    assert_eq!(token(&world), 0);
}

#[test]
fn who_is_not_signed_in_is_told_how_under_his_account() {
    for command in ["token box", "refresh box", "logout box", "status box", "headers box", "exec -s box"] {
        let world = World::signed_in(SandboxOptions::default());
        let mut args: Vec<&str> = command.split(' ').chain(["--account", "work"]).collect();
        if command.starts_with("exec") {
            args.extend(["--", "true"]);
        }
        let missing = world.run(&args);
        world.login_as_advised(missing.failed_with(3, "not signed in to box as account work")).succeeded();
        assert_eq!(world.run(&args).exit, 0, "{command}");
    }
}

#[test]
fn a_login_that_has_ended_names_its_account() {
    let world = World::signed_in(SandboxOptions::default());
    world.login(&["--account", "work"]).succeeded();
    world.sandbox.revoke_everything();
    let ended = world.run(&["token", "box", "--account", "work", "--force-refresh"]);
    assert_eq!(
        ended.failed_with(3, "the issuer ended this login").advice(),
        "mcpauth login box --account work"
    );
    let status = world.run(&["status"]);
    assert!(status.stdout.contains("type     mcpauth login box --account work"), "{status:?}");
    assert_eq!(status.failed(3).advice(), "mcpauth login box --account work");

    world.login_as_advised(&ended).succeeded();
    assert_eq!(token(&world), 0);
}

#[test]
fn a_server_that_somebody_is_signed_in_to_is_left_as_advised() {
    let world = World::new();
    let url = world.url();
    world.login_as(world.command(&[&["login", &url], &OURS[..], &["file"]].concat())).succeeded();
    let refused = world.run(&["server", "remove", "box"]);
    let advice = refused.failed_with(2, "somebody is signed in to box").advice();
    crate::support::steps::run(world.typed(advice)).succeeded();
    world.run(&["server", "remove", "box"]).succeeded();
}

/// Nobody comes back to that port here: by then it may be somebody else's.
#[test]
fn a_client_to_be_registered_by_hand_gets_the_port_that_was_free() {
    for host in ["127.0.0.1", "localhost"] {
        let world = World::with(SandboxOptions { registration: false, ..SandboxOptions::default() });
        let refused = world.login(&["--callback-host", host]);
        let (_, rest) =
            refused.failed_with(2, "registers no clients").stderr.split_once("redirect URI ").unwrap();
        let redirect = url::Url::parse(rest.split_once(',').unwrap().0).unwrap();
        let port = format!("--callback-port {}", redirect.port().unwrap());
        assert!(refused.advice().contains(&port), "no {port} in {refused:?}");
    }
}

#[test]
fn a_client_to_be_registered_by_hand_gets_the_callback_that_was_chosen() {
    for callback in [
        &["--callback-host", "localhost", "--callback-path", "/here"][..],
        &["--callback-host", "[::1]"],
        &["--paste"],
        &["--redirect-url", "https://forward.example/cb?to=me&x=1"],
    ] {
        let options =
            SandboxOptions { registration: false, any_loopback_port: false, ..SandboxOptions::default() };
        let world = World::with(options);
        let port = port_of_its_own().to_string();
        let refused = world.login(&[&["--callback-port", &port], callback].concat());
        let (_, rest) =
            refused.failed_with(2, "registers no clients").stderr.split_once("redirect URI ").unwrap();
        let redirect = rest.split_once(',').unwrap().0.to_owned();
        world.sandbox.add_client("by-hand", None, &[&redirect]);

        // Whoever does as told sends the browser where the client may be sent.
        let line = refused.advice().replace("--client-id ID", "--client-id by-hand");
        let line = format!("{line} --no-browser --store file --timeout 1");
        let (child, seen, address) = world.start_login(world.typed(&line));
        let asked = crate::support::steps::parameters(&address.unwrap_or_else(|| panic!("{seen}")));
        assert_eq!(asked["redirect_uri"], redirect);
        finish(child, seen).failed_with(4, "nobody finished");
    }
}
