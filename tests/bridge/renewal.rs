//! Tokens that end while a session goes on.

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use serde_json::json;

use crate::support::World;
use crate::support::steps::port_of_its_own;
use crate::support::talk::Talk;
use crate::{echo, greeted, greeting, signed_in};

/// MCP 59, 67.
/// B-06: a server that does not take the token any more gets another one, fetched once for all that were refused.
#[test]
fn a_server_that_stops_honouring_a_token_gets_a_new_one_and_the_host_notices_nothing() {
    let (world, mut talk) = signed_in(SandboxOptions::default());
    assert_eq!(echo(&mut talk, "before"), "before");
    world.sandbox.expire_access_tokens();
    let asked: Vec<u64> = (0..16)
        .map(|_| talk.begin("tools/call", &json!({ "name": "echo", "arguments": { "text": "x" } })))
        .collect();
    let mut answered: Vec<u64> = Vec::new();
    while answered.len() < asked.len() {
        let answer = talk.next().unwrap();
        assert!(answer["result"].is_object(), "{answer}");
        answered.extend(answer["id"].as_u64());
    }
    assert_eq!(world.sandbox.books().refreshes, 1);
    assert_eq!(world.sandbox.books().reuses, 0);
}

/// MCP 67.
/// B-06.
#[test]
fn a_server_that_refuses_every_token_costs_one_refresh_and_says_what_to_type() {
    let (world, mut talk) = signed_in(SandboxOptions::default());
    world.sandbox.change(|options| {
        options.faults.push(Fault::Status {
            endpoint: Endpoint::Mcp,
            status: 401,
            times: 1000,
            retry_after: None,
        });
    });
    for _ in 0..3 {
        let answer = talk.ask("tools/call", &json!({ "name": "echo", "arguments": { "text": "x" } }));
        let words = answer["error"]["message"].as_str().unwrap();
        assert!(
            words.contains("refuses every access token") && words.contains("`mcpauth login box`"),
            "{words}"
        );
    }
    assert!(world.sandbox.books().refreshes <= 2, "{:?}", world.sandbox.books().refreshes);
}

#[test]
fn a_token_that_ends_in_the_middle_is_renewed_before_anybody_refuses_it() {
    let (world, mut talk) = signed_in(SandboxOptions { access_lifetime: 2, ..SandboxOptions::default() });
    let begun = std::time::Instant::now();
    while world.sandbox.books().refreshes < 3 {
        assert_eq!(echo(&mut talk, "x"), "x");
    }
    // A token that lives two seconds is renewed when half of that is over: no storm.
    let lives = begun.elapsed().as_secs() + 1;
    assert!(
        world.sandbox.books().refreshes <= 2 * lives + 1,
        "{} in {lives} s",
        world.sandbox.books().refreshes
    );
    assert_eq!(world.sandbox.books().reuses, 0);
}

#[test]
fn a_logout_ends_a_bridge_and_a_new_login_mends_it_without_a_restart() {
    let (world, mut talk) = signed_in(SandboxOptions::default());
    world.run(&["logout", "box"]).succeeded();
    let words = loop {
        // What was just looked up may be used for a moment.
        let answer = talk.ask("tools/call", &json!({ "name": "echo", "arguments": { "text": "x" } }));
        if let Some(words) = answer["error"]["message"].as_str() {
            break words.to_owned();
        }
    };
    assert!(words.contains("`mcpauth login box`"), "{words}");
    world.login(&[]).succeeded();
    assert_eq!(echo(&mut talk, "back"), "back");
}

#[test]
fn the_server_may_be_started_anew_in_the_middle() {
    let mut world = World::signed_in(SandboxOptions { port: port_of_its_own(), ..SandboxOptions::default() });
    let mut talk = greeted(&world, "2025-11-25");
    assert_eq!(echo(&mut talk, "before"), "before");
    world.sandbox.restart().unwrap();
    world.sandbox.forget_sessions();
    assert_eq!(echo(&mut talk, "after"), "after");
}

/// MCP 67.
/// B-14.
#[test]
fn without_a_login_and_without_a_display_the_host_gets_the_command_to_type() {
    let world = World::new();
    let url = world.url();
    for flags in [&["--login", "never"][..], &[]] {
        let command = world.command(&[&["bridge", &url, "--store", "file"], flags].concat());
        let mut talk = Talk::start(command);
        let answer = talk.ask("initialize", &json!({ "protocolVersion": "2025-11-25" }));
        let words = answer["error"]["message"].as_str().unwrap();
        assert!(words.contains(&format!("mcpauth login {url}")), "{words}");
        assert_eq!(talk.end().0, 0);
    }
    assert_eq!(world.sandbox.books().codes_issued, 0);
}

/// A server need not want a token for everything, so nobody signs in before it asks for one.
#[test]
fn a_request_that_anybody_may_send_needs_no_login() {
    let world = World::with(SandboxOptions { open_initialize: true, ..SandboxOptions::default() });
    let url = world.url();
    let mut talk =
        Talk::greeted(world.command(&["bridge", &url, "--store", "file", "--login", "never"]), "2025-11-25");
    let words = talk.ask("tools/list", &json!({}))["error"]["message"].as_str().unwrap().to_owned();
    assert!(words.contains(&format!("`mcpauth login {url}`")), "{words}");
    assert_eq!(talk.end().0, 0);
    assert_eq!(world.sandbox.books().sessions_opened, 1);
}

/// A bridge that was started before anybody signed in cannot know what the server will be called.
#[test]
fn whoever_signs_in_may_choose_a_name_while_the_bridge_runs() {
    let world = World::new();
    let url = world.url();
    let mut talk = Talk::start(world.command(&["bridge", &url, "--store", "file", "--login", "never"]));
    assert!(talk.ask("initialize", &greeting())["error"].is_object());
    // It is called `box`.
    world.login(&[]).succeeded();
    assert!(talk.ask("initialize", &greeting())["result"].is_object(), "{:?}", talk.said);
    talk.tell("notifications/initialized", &json!({}));
    assert_eq!(echo(&mut talk, "x"), "x");
    assert_eq!(talk.end().0, 0);
    assert_eq!(world.sandbox.books().sessions_closed, 1);
}
