//! Tokens that end while a session goes on.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mcpauth::clock::UnixTime;
use mcpauth::model::{LoginKey, Name};
use mcpauth::places::Places;
use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use mcpauth::store::{NoKey, Store, StoreKind};
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
    // Ends are told in whole seconds, so a life of two may be one and a bit.
    let most = begun.elapsed().as_secs() + 2;
    assert!(world.sandbox.books().refreshes <= most, "{} refreshes", world.sandbox.books().refreshes);
    assert_eq!(world.sandbox.books().reuses, 0);
}

/// So many seconds before its end, after an hour, the login still has the token that it began with; gives that.
fn comes_to_its_end(world: &World, left: i64) -> String {
    let home = world.home().to_owned();
    let places =
        Places::find(&move |name: &str| (name == "HOME").then(|| home.clone().into()), None).unwrap();
    let store = Store::new(&places, StoreKind::File, Box::new(NoKey));
    let key = LoginKey { server: "box".parse().unwrap(), account: Name::default() };
    let lock = store.lock(&key, Duration::ZERO).unwrap();
    let mut login = store.load(&key).unwrap().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let now = UnixTime(now.try_into().unwrap());
    login.tokens.facts.received_at = now.plus(left - 3600);
    login.tokens.facts.expires_at = Some(now.plus(left));
    store.save(&lock, &login).unwrap();
    format!("Bearer {}", login.tokens.access_token.expose())
}

/// MCP 41.
#[test]
fn calls_go_on_with_a_token_that_is_about_to_end_while_another_one_is_fetched() {
    let world = World::signed_in(SandboxOptions::default());
    let old = comes_to_its_end(&world, 40);
    let late = Fault::LateAnswer { endpoint: Endpoint::Token, milliseconds: 6_000 };
    world.sandbox.change(|options| options.faults.push(late));
    let mut talk = greeted(&world, "2025-11-25");
    let used = |talk: &mut Talk| {
        assert_eq!(echo(talk, "x"), "x");
        world.sandbox.books().last_mcp_headers["authorization"].clone()
    };
    assert!(world.sandbox.until(|books| books.refresh_attempts == 1));
    assert_eq!(used(&mut talk), old, "a call has waited for the issuer");
    while used(&mut talk) == old {}
    used(&mut talk);
    let books = world.sandbox.books();
    assert_eq!((books.refresh_attempts, books.refreshes, books.reuses), (1, 1, 0));
}

/// MCP 41.
#[test]
fn an_issuer_in_trouble_is_not_asked_for_each_call_while_the_token_is_good() {
    let world = World::signed_in(SandboxOptions::default());
    comes_to_its_end(&world, 40);
    let away = Fault::Status { endpoint: Endpoint::Token, status: 503, times: 1000, retry_after: None };
    world.sandbox.change(|options| options.faults.push(away));
    let mut talk = greeted(&world, "2025-11-25");
    let asked = || {
        let books = world.sandbox.books();
        books.requests.iter().filter(|request| *request == "POST /token").count() as u64
    };
    let before = asked();
    let begun = Instant::now();
    while echo(&mut talk, "x") == "x" && begun.elapsed() < Duration::from_secs(2) {}
    assert_eq!(echo(&mut talk, "x"), "x");
    let most = 2 + begun.elapsed().as_secs() / 5;
    assert!(asked() - before <= most, "{} times", asked() - before);
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
