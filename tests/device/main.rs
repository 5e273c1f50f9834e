//! Signing in on another device (RFC 8628), and what a remote machine is told, through the real binary and real HTTP.

#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod elsewhere;
mod endings;
mod hostile;
mod trouble;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use mcpauth::sandbox::{Dpop, SandboxOptions};
use support::{Ran, World, call, finish};

/// An issuer that lets devices in, and wants to be asked once a second at most.
fn options() -> SandboxOptions {
    SandboxOptions { device: true, device_interval: 1, ..SandboxOptions::default() }
}

/// Signs in by device at `box`.
fn login(world: &World, flags: &[&str]) -> Ran {
    world.login(&[&["--device"], flags].concat())
}

/// Starts to sign in by device and reads what is said up to the code: the child, what was said, the code.
fn start(world: &World, flags: &[&str]) -> (Child, String, String) {
    let url = world.url();
    let mut command =
        world.command(&[&["login", &url, "--name", "box", "--store", "file", "--device"], flags].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut seen = String::new();
    // Byte by byte, so that nothing is lost to a buffer.
    let mut reader = BufReader::with_capacity(1, child.stderr.as_mut().unwrap());
    let mut line = || {
        let before = seen.len();
        assert!(reader.read_line(&mut seen).unwrap() > 0, "{seen}");
        seen[before..].trim().to_owned()
    };
    while line() != "and enter the code" {}
    line();
    let code = line();
    (child, seen, code)
}

/// Posts a form of the person's page and gives the page that follows.
fn post(url: &str, form: &[(&str, &str)]) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    let body = body.extend_pairs(form).finish();
    mcpauth::http::block_on(async {
        let request = reqwest::Client::new().post(url).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.send().await.unwrap().text().await.unwrap()
    })
    .unwrap()
}

/// MCP 50.
#[test]
fn a_person_types_the_code_elsewhere_and_is_signed_in_here() {
    let world = World::with(options());
    world.sandbox.change(|options| options.auto_consent = false);
    let (child, seen, code) = start(&world, &[]);
    let page = format!("{}/device", world.sandbox.origin());
    assert!(seen.contains(&format!("\n    {page}\n")), "{seen}");

    let consent = post(&page, &[("user_code", &code)]);
    let (_, ticket) = consent.split_once("name=\"ticket\" value=\"").unwrap_or_else(|| panic!("{consent}"));
    post(&page, &[("ticket", ticket.split('"').next().unwrap()), ("decision", "allow")]);

    let login = finish(child, seen);
    assert!(login.succeeded().stderr.contains("✓ signed in to box"), "{login:?}");
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
}

/// MCP 50.
#[test]
fn the_issuer_is_asked_no_faster_than_it_allows() {
    let world = World::with(SandboxOptions { device_polls: 2, ..options() });
    login(&world, &[]).succeeded();
    let books = world.sandbox.books();
    assert_eq!((books.device_polls, books.violations), (3, Vec::new()));
    assert!(!books.requests.iter().any(|request| request.contains("/authorize")), "{:?}", books.requests);
    let sent = books.last_token_request.unwrap();
    assert_eq!(sent["resource"], world.url());
}

#[test]
fn the_warning_comes_before_the_code_and_the_link_after_it() {
    let world = World::with(options());
    let said = login(&world, &[]).succeeded().stderr.clone();
    let (before, after) = said.split_once("and enter the code").unwrap();
    assert!(before.contains("only if you have just started this sign-in yourself"), "{said}");
    assert!(before.contains("read it to nobody"), "{said}");
    let code = after.split_whitespace().next().unwrap();
    let link = format!("\n    {}/device?user_code={code}\n", world.sandbox.origin());
    assert!(after.contains(&link), "{said}");
}

#[test]
fn such_a_login_is_renewed_and_ended_like_any_other() {
    let world = World::with(options());
    login(&world, &[]).succeeded();
    let first = world.token(&[]);
    assert_ne!(world.token(&["--force-refresh"]), first);
    assert_eq!(world.run(&["status", "--json"]).json()["logins"][0]["login"]["grant"]["kind"], "device");
    world.run(&["logout", "box"]).succeeded();
    assert!(world.records().is_empty());
    assert_eq!(world.sandbox.books().violations, Vec::<String>::new());
}

#[test]
fn a_server_that_is_settled_for_devices_needs_no_flag() {
    let world = World::with(options());
    world.login(&["--grant", "device"]).succeeded();
    world.run(&["login", "box"]).succeeded();
    assert_eq!(world.sandbox.books().codes_issued, 0);
}

/// MCP 48.
#[test]
fn its_tokens_are_bound_where_that_is_demanded() {
    for dpop_nonce in [false, true] {
        let world = World::with(SandboxOptions { dpop: Dpop::Required, dpop_nonce, ..options() });
        login(&world, &[]).succeeded();
        let status = world.run(&["status", "--json"]).json();
        assert_eq!(status["logins"][0]["tokens"]["token_type"], "DPoP");
        world.run(&["refresh", "box"]).succeeded();
        assert_eq!(world.sandbox.books().reuses, 0);
    }
}

#[test]
fn who_wants_to_be_told_little_is_told_the_code() {
    let world = World::with(options());
    let login = login(&world, &["--quiet", "--json"]);
    assert_eq!(login.succeeded().json()["login"]["server"], "box");
    for said in ["/device\n", "and enter the code", "yourself"] {
        assert!(login.stderr.contains(said), "{said}: {login:?}");
    }
    assert!(!login.stderr.contains("issuer"), "{login:?}");
}

#[test]
fn the_address_is_drawn_for_a_camera() {
    let world = World::with(options());
    let drawn = login(&world, &["--qr"]);
    let widths: Vec<usize> = drawn
        .succeeded()
        .stderr
        .lines()
        .filter(|line| line.contains('█'))
        .map(|line| line.chars().count())
        .collect();
    assert!(widths.len() > 12 && widths.iter().all(|width| *width == widths[0]), "{drawn:?}");
    // What it holds is proved in src/console/qr.rs; it is not drawn where nobody asked.
    assert!(!login(&world, &[]).stderr.contains('█'));
}
