//! Logins come and go while the proxy runs.

use mcpauth::sandbox::SandboxOptions;

use crate::call;
use crate::client::Proxy;
use crate::support::World;

#[test]
fn a_logout_is_told_with_what_to_type_and_a_new_login_is_found() {
    let world = World::signed_in(SandboxOptions::default());
    let proxy = Proxy::start(&world, &["box"]);
    let (headers, body) = call("echo");
    let ask = || proxy.ask("POST /", &headers, &body);
    assert_eq!(ask().status, 200);
    world.run(&["logout", "box"]).succeeded();
    for _ in 0..2 {
        let told = ask();
        assert_eq!(told.status, 503, "{told:?}");
        assert!(told.error().contains("run `mcpauth login box`"), "{told:?}");
        assert!(told.body.contains(r#""id":7"#) && !told.head.contains("www-authenticate"), "{told:?}");
    }
    world.login(&[]).succeeded();
    let told = ask();
    assert!(told.status == 200 && told.body.contains("hello"), "{told:?}");
}

#[test]
fn it_starts_without_a_login_and_says_so() {
    let world = World::signed_in(SandboxOptions::default());
    world.run(&["logout", "box"]).succeeded();
    let proxy = Proxy::start(&world, &["box"]);
    let (headers, body) = call("echo");
    let from = world.sandbox.books().requests.len();
    let told = proxy.ask("POST /", &headers, &body);
    assert!(told.status == 503 && told.error().contains("not signed in to box"), "{told:?}");
    assert_eq!(world.sandbox.books().requests.len(), from);
    world.login(&[]).succeeded();
    assert_eq!(proxy.ask("POST /", &headers, &body).status, 200);
    let (_, said) = proxy.end(nix::sys::signal::Signal::SIGTERM);
    assert!(said.contains("not signed in to box") && said.contains("mcpauth login box"), "{said}");
}

#[test]
fn that_a_login_was_opened_to_others_is_written_down() {
    let world = World::signed_in(SandboxOptions::default());
    let proxy = Proxy::start(&world, &["box"]);
    let (headers, body) = call("echo");
    for _ in 0..3 {
        assert_eq!(proxy.ask("POST /", &headers, &body).status, 200);
    }
    let log = world.run(&["audit", "--json"]).succeeded().stdout.clone();
    let opened: Vec<&str> = log.lines().filter(|line| line.contains(r#""event":"opened""#)).collect();
    assert_eq!(opened.len(), 1, "{log}");
    assert!(opened[0].contains(r#""command":"proxy""#) && opened[0].contains(r#""token":""#), "{log}");
    assert!(!log.contains(&proxy.secret()) && !log.contains(&world.token(&[])));
    world.run(&["call", "box", "-d", &body]);
    let log = world.run(&["audit", "--json"]).succeeded().stdout.clone();
    assert_eq!(log.matches(r#""event":"used""#).count(), 1, "{log}");
}
