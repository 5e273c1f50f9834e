//! How a login ends: in place of an old one, beside another, declined, interrupted, too late.

use std::net::TcpStream;

use crate::support::steps::callback_port;
use crate::support::{World, call, finish};
use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};

#[test]
fn a_login_replaces_the_old_one_only_when_it_has_succeeded() {
    let world = World::signed_in(SandboxOptions::default());
    let old = world.token(&[]);
    let token = Endpoint::Token;
    for (fault, exit) in [
        (Fault::Declined, 4),
        (Fault::WrongIss, 5),
        (Fault::Status { endpoint: token, status: 500, times: 99, retry_after: None }, 6),
        (Fault::NoAccessToken, 8),
        (Fault::ErrorWith200, 4),
        (Fault::Html { endpoint: token }, 6),
        (Fault::Huge { endpoint: token }, 8),
    ] {
        let told = format!("{fault:?}");
        world.sandbox.change(|options| options.faults = vec![fault]);
        let login = world.after_a_while().login(&[]);
        assert_eq!(login.exit, exit, "{told}: {login:?}");
        assert!(login.stderr.contains("hint: "), "{told}: {login:?}");
        assert_eq!(world.token(&["--no-refresh"]), old, "{told}");
    }
    world.sandbox.change(|options| options.faults.clear());
    assert_eq!(call(&world.url(), &old), 200);
    world.run(&["refresh", "box"]).succeeded();

    world.after_a_while().login(&[]).succeeded();
    let new = world.token(&[]);
    assert_ne!(new, old);
    assert_eq!((call(&world.url(), &new), world.records().len()), (200, 1));
}

#[test]
fn the_command_that_is_hinted_at_starts_the_same_login() {
    let world = World::new();
    let url = world.url();
    let login = ["login", &url, "--name", "box", "--account", "work", "--no-browser", "--store", "file"];
    let ran = world.run(&[&login[..], &["--timeout", "0"]].concat());
    ran.failed_with(4, "nobody finished the sign-in");
    // There is no profile of that name yet.
    assert!(
        ran.stderr.contains(&format!("run `mcpauth login {url} --name box --account work` again")),
        "{ran:?}"
    );
    world.login(&[]).succeeded();
    let ran = world.run(&[&login[..], &["--timeout", "0"]].concat());
    assert!(ran.stderr.contains("run `mcpauth login box --account work` again"), "{ran:?}");
}

#[test]
fn two_accounts_at_one_server_stay_apart() {
    let world = World::with(SandboxOptions::default());
    world.login(&["--scope", "mcp:basic openid"]).succeeded();
    world.sandbox.change(|options| options.sub = "robin".into());
    world.login(&["--scope", "mcp:basic openid", "--account", "work"]).succeeded();

    let books = world.sandbox.books();
    let subs: Vec<_> = books.families.iter().map(|family| family.sub.as_str()).collect();
    assert_eq!((subs, books.registrations), (vec!["sandy", "robin"], 1));
    let (own, work) = (world.token(&[]), world.token(&["--account", "work"]));
    assert_ne!(own, work);

    let status = world.run(&["status", "--json"]).json();
    let who: Vec<_> = status["logins"].as_array().unwrap().iter().map(serde_json::Value::to_string).collect();
    assert!(who[0].contains("sandy@sandbox.example") && who[1].contains("robin@sandbox.example"), "{who:?}");

    world.run(&["refresh", "box", "--account", "work"]).succeeded();
    assert_eq!(world.token(&[]), own);
    world.run(&["logout", "box", "--account", "work"]).succeeded();
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
    world.run(&["token", "box", "--account", "work"]).failed_with(3, "not signed in to box as account work");
}

#[test]
fn a_change_of_person_is_told() {
    let world = World::with(SandboxOptions::default());
    world.login(&["--scope", "openid"]).succeeded();
    world.sandbox.change(|options| options.sub = "robin".into());
    let login = world.login(&["--scope", "openid"]);
    assert!(
        login.succeeded().stderr.contains("warning: before, this account was sandy@sandbox.example"),
        "{login:?}"
    );
}

#[test]
fn a_login_that_nobody_finishes_ends_in_time() {
    let world = World::new();
    let args = ["login", &world.url(), "--no-browser", "--store", "file", "--timeout", "1"];
    let (child, seen, address) = world.start_login(world.command(&args));
    finish(child, seen).failed_with(4, "nobody finished the sign-in within 1 s");
    assert!(TcpStream::connect(("127.0.0.1", callback_port(&address.unwrap()))).is_err());
    assert!(world.records().is_empty());
}

/// MCP 4.
#[test]
fn a_server_that_asks_for_no_sign_in_is_told_apart() {
    let world = World::with(SandboxOptions {
        resource_metadata: false,
        faults: vec![Fault::Body {
            endpoint: Endpoint::Mcp,
            status: 200,
            content_type: "application/json".into(),
            body: r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.into(),
            times: 9,
        }],
        ..SandboxOptions::default()
    });
    world.login(&[]).failed_with(2, "asks for no sign-in");
}
