//! Refreshing when something is wrong: what passes keeps everything, what does not is written down.

use std::fs;

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};

use crate::support::{World, call};

const TOKEN: Endpoint = Endpoint::Token;

fn passing(status: u16) -> Fault {
    Fault::Status { endpoint: TOKEN, status, times: 99, retry_after: None }
}

#[test]
fn the_issuers_final_word_is_remembered() {
    let world = World::expired();
    world.sandbox.revoke_everything();
    for _ in 0..3 {
        let ran = world.run(&["token", "box"]);
        ran.failed_with(3, "the issuer ended this login (invalid_grant");
        assert!(ran.stderr.contains("hint: run `mcpauth login box`"), "{ran:?}");
        assert_eq!(ran.stdout, "");
    }
    world.run(&["refresh", "box"]).failed_with(3, "the issuer ended this login");
    assert_eq!(world.sandbox.books().refresh_attempts, 1);
    world.run(&["server", "test", "box"]).failed_with(3, "1 of 3 failed");

    let status = world.run(&["status"]);
    assert_eq!(status.exit, 3);
    assert!(status.stdout.contains("type     mcpauth login box"), "{status:?}");
    let status = world.run(&["status", "--json"]).json();
    assert_eq!(status["logins"][0]["status"], "reauth_required");
    let refreshed = world.run(&["refresh", "--all"]);
    assert_eq!(world.sandbox.books().refresh_attempts, 1, "{refreshed:?}");

    // A new login puts an end to it.
    world.login(&[]).succeeded();
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
    world.run(&["status"]).succeeded();
}

#[test]
fn a_token_that_still_lives_is_handed_out_with_a_warning() {
    let world = World::signed_in(SandboxOptions::default());
    let token = world.token(&[]);
    world.sandbox.revoke_everything();
    for attempts in [1, 1] {
        let ran = world.run(&["token", "box", "--min-ttl", "2h"]);
        assert_eq!(ran.succeeded().stdout.trim_end(), token);
        assert!(ran.stderr.contains("warning: ") && ran.stderr.contains("still valid"), "{ran:?}");
        assert_eq!(world.sandbox.books().refresh_attempts, attempts);
    }
    world.run(&["token", "box", "--force-refresh"]).failed_with(3, "the issuer ended this login");
}

/// MCP 41.
/// Every trouble has its own words, its own way out, and leaves the login as it was.
#[test]
fn trouble_that_passes_keeps_the_login() {
    let later = "hint: try again later; what is stored was kept";
    let portal = "hint: open any page in a browser to get through it";
    let requests = "hint: tell whoever runs it; the same command with -v shows each request";
    let body = |status, content_type: &str, body: &str| Fault::Body {
        endpoint: TOKEN,
        status,
        content_type: content_type.into(),
        body: body.into(),
        times: 99,
    };
    let troubles = vec![
        (passing(503), 6, "answered 503", later),
        (passing(500), 6, "answered 500", later),
        (passing(429), 6, "answered 429", later),
        (passing(408), 6, "answered 408", later),
        (Fault::Silence { endpoint: TOKEN }, 6, "did not answer within 1 s", later),
        (Fault::Html { endpoint: TOKEN }, 6, "answered 200 with a web page instead of OAuth", portal),
        (body(404, "text/html", "<h1>Welcome"), 6, "answered 404 with a web page", portal),
        (body(511, "text/plain", "sign in"), 6, "answered 511 with a web page", portal),
        (passing(302), 6, "answered 302 with a redirect instead of OAuth (a captive portal?)", portal),
        (Fault::Huge { endpoint: TOKEN }, 8, "answered with more than", requests),
        (body(200, "application/json", "{}"), 8, "there is no access_token", requests),
    ];
    // Most of the time of most of them is waiting.
    std::thread::scope(|threads| {
        for (fault, exit, message, hint) in troubles {
            threads.spawn(move || passes(fault, exit, message, hint));
        }
    });
}

fn passes(fault: Fault, exit: i32, message: &str, hint: &str) {
    let world = World::expired();
    let before = world.record();
    let file = world.home().join(".config/mcpauth/config.toml");
    let settings = fs::read(&file).unwrap();
    // Nobody who means to answer is hurried.
    if matches!(fault, Fault::Silence { .. }) {
        world.settle("[network]\ntimeout = 1");
    }
    world.sandbox.change(|options| options.faults.push(fault));
    let ran = world.run(&["token", "box"]);
    ran.failed_with(exit, message);
    assert!(ran.stderr.contains(hint), "no `{hint}` in {ran:?}");
    assert_eq!((ran.stdout.as_str(), world.record()), ("", before), "{message}");

    // Nothing waits to be taken over where the answer was of no use.
    let pending =
        &world.run(&["status", "box", "--json"]).json()["logins"][0]["unfinished_refresh"]["answered"];
    assert_ne!(*pending, true, "{message}");

    fs::write(&file, settings).unwrap();
    world.sandbox.change(|options| options.faults.clear());
    assert_eq!(call(&world.url(), &world.after_a_while().token(&[])), 200, "{message}");
    assert_eq!(world.sandbox.books().reuses, 0, "{message}");
}

/// What is asked of a token endpoint has been begun there and is best waited for.
#[test]
fn an_issuer_that_takes_its_time_is_waited_for() {
    let world = World::expired();
    let late = Fault::LateAnswer { endpoint: TOKEN, milliseconds: 10_500 };
    world.sandbox.change(|options| options.faults.push(late));
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
    assert_eq!(world.sandbox.books().refresh_attempts, 1);
}

/// What an issuer says without a word of OAuth, or in words of its own, is a refusal and no end: the next login, or
/// the next day, may find it otherwise.
#[test]
fn a_refusal_in_no_known_words_asks_for_a_login_and_keeps_this_one() {
    for (status, body) in [
        (400, ""),
        (401, ""),
        (400, "<html>unknown token"),
        (401, "no such token"),
        (400, r#"{"error":"of_their_own"}"#),
        (403, r#"{"message":"no"}"#),
    ] {
        let world = World::expired();
        let before = world.record();
        let fault = Fault::Body {
            endpoint: TOKEN,
            status,
            content_type: "application/json".into(),
            body: body.into(),
            times: 1,
        };
        world.sandbox.change(|options| options.faults.push(fault));
        let ran = world.run(&["token", "box"]);
        ran.failed_with(3, "refused to refresh: ");
        assert!(ran.stderr.contains("hint: run `mcpauth login box`"), "{ran:?}");
        assert_eq!(world.record(), before, "{status} {body}");
        assert_eq!(call(&world.url(), &world.token(&[])), 200, "{status} {body}");
    }
}

#[test]
fn the_final_word_is_one_whatever_its_status() {
    for status in [200, 400, 401, 403] {
        let world = World::expired();
        let fault = Fault::Body {
            endpoint: TOKEN,
            status,
            content_type: "application/json".into(),
            body: r#"{"error":"invalid_grant"}"#.into(),
            times: 1,
        };
        world.sandbox.change(|options| options.faults.push(fault));
        world.run(&["token", "box"]).failed_with(3, "the issuer ended this login (invalid_grant)");
        let status = world.run(&["status", "--json"]).json();
        assert_eq!(status["logins"][0]["status"], "reauth_required");
    }
}

#[test]
fn trouble_that_passes_costs_a_valid_token_only_a_warning() {
    for fault in [passing(503), Fault::Html { endpoint: TOKEN }, passing(429)] {
        let world = World::signed_in(SandboxOptions::default());
        let token = world.token(&[]);
        world.sandbox.change(|options| options.faults.push(fault));
        let ran = world.run(&["token", "box", "--min-ttl", "2h"]);
        assert_eq!(ran.succeeded().stdout.trim_end(), token);
        assert!(ran.stderr.contains("; using the token that is still valid"), "{ran:?}");
        let ran = world.run(&["exec", "--min-ttl", "2h", "--", "true"]);
        assert!(ran.succeeded().stderr.contains("; using the token that is still valid"), "{ran:?}");
    }
}

#[test]
fn the_time_that_the_issuer_asks_for_is_told() {
    let world = World::expired();
    let fault = Fault::Status { endpoint: TOKEN, status: 429, times: 99, retry_after: Some(99) };
    world.sandbox.change(|options| options.faults.push(fault));
    let ran = world.run(&["token", "box"]);
    assert!(ran.failed_with(6, "429").stderr.contains("hint: try again in 99 s"), "{ran:?}");
}

#[test]
fn a_time_beyond_all_times_is_only_a_long_one() {
    let world = World::expired();
    let fault = Fault::Status { endpoint: TOKEN, status: 503, times: 99, retry_after: Some(u64::MAX) };
    world.sandbox.change(|options| options.faults.push(fault));
    let ran = world.run(&["token", "box"]);
    assert!(!ran.failed_with(6, "503").stderr.contains("panicked"), "{ran:?}");
    assert_eq!(world.sandbox.books().refresh_attempts, 1);
}

#[test]
fn without_a_network_everything_is_kept() {
    let mut world = World::signed_in(SandboxOptions::default());
    let token = world.token(&[]);
    world.cut_off();
    assert_eq!(world.token(&[]), token);
    let ran = world.run(&["token", "box", "--min-ttl", "2h"]);
    assert!(ran.succeeded().stderr.contains("cannot reach 127.0.0.1"), "{ran:?}");
    world.run(&["refresh", "box"]).failed_with(6, "cannot reach 127.0.0.1");
    assert_eq!(world.token(&["--no-refresh"]), token);
    // Whoever cannot be asked has not said that a person is needed.
    for args in [&["status", "box", "--check"][..], &["server", "test", "box"]] {
        let ran = world.run(args);
        ran.failed_with(6, "failed");
        assert!(ran.stdout.contains("FAIL") && ran.stdout.contains("cannot reach 127.0.0.1"), "{ran:?}");
    }

    // What the server has no say in is settled without it.
    world.run(&["server", "set", "box", "--env", "BOX_TOKEN", "--default"]).succeeded();
    world.run(&["server", "set", "box", "--issuer", "https://127.0.0.1:1"]).failed_with(6, "cannot reach");

    let mut ended = World::expired();
    ended.cut_off();
    ended.run(&["token", "box"]).failed_with(6, "cannot reach 127.0.0.1");
    assert_eq!(ended.run(&["status", "--json"]).json()["logins"][0]["login"]["state"]["is"], "active");
}

/// MCP 28.
#[test]
fn a_client_that_the_issuer_forgot_is_registered_anew_by_the_next_login() {
    let world = World::expired();
    world.sandbox.forget_clients();
    let ran = world.run(&["token", "box"]);
    ran.failed_with(3, "invalid_client");
    assert!(ran.stderr.contains("hint: run `mcpauth login box`"), "{ran:?}");
    world.login(&[]).succeeded();
    let books = world.sandbox.books();
    assert_eq!((books.registrations, books.families.len()), (2, 2));
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
}

/// MCP 28.
#[test]
fn a_client_that_was_forgotten_between_consent_and_exchange_is_registered_anew_once() {
    let world = World::new();
    let args = ["login", &world.url(), "--name", "box", "--no-browser", "--store", "file"];
    let (mut child, seen, address) = world.start_login(world.command(&args));
    let forget_after_consent = |address: Option<String>| {
        let redirect = crate::support::get(&address.unwrap()).1.unwrap();
        world.sandbox.forget_clients();
        crate::support::get(&redirect);
    };
    forget_after_consent(address);
    let (then, address) = crate::support::read_address(&mut child);
    assert!(then.contains("no longer knows client"), "{then}");
    // An issuer that keeps forgetting is not asked for ever.
    forget_after_consent(address);
    crate::support::finish(child, seen).failed_with(4, "invalid_client");
    assert_eq!(world.sandbox.books().registrations, 2);

    let (mut child, seen, address) = world.start_login(world.command(&args));
    forget_after_consent(address);
    let (_, address) = crate::support::read_address(&mut child);
    crate::support::follow(&address.unwrap());
    crate::support::finish(child, seen).succeeded();
}

#[test]
fn a_lifetime_that_has_run_out_at_once_is_not_refreshed_for_ever() {
    let world = World::signed_in(SandboxOptions { access_lifetime: 0, ..SandboxOptions::default() });
    // Each question is one refresh, never a loop.
    let ran = world.run(&["token", "box"]);
    assert_eq!((ran.exit, world.sandbox.books().refresh_attempts), (0, 1), "{ran:?}");
}

/// MCP 28.
#[test]
fn a_client_that_the_user_brought_stays_whatever_the_issuer_says() {
    let world = World::with(SandboxOptions { any_loopback_port: true, ..SandboxOptions::default() });
    let redirect = "http://127.0.0.1/callback";
    world.sandbox.add_client("brought", None, &[redirect]);
    world.login(&["--client-id", "brought"]).succeeded();
    world.sandbox.forget_clients();
    world.run(&["refresh", "box"]).failed_with(3, "invalid_client");

    world.sandbox.add_client("brought", None, &[redirect]);
    world.login(&[]).succeeded();
    let books = world.sandbox.books();
    assert_eq!((books.registrations, books.last_authorize.unwrap()["client_id"].as_str()), (0, "brought"));
}

#[test]
fn the_hint_names_the_login_that_is_meant() {
    let world = World::signed_in(SandboxOptions { access_lifetime: 0, ..SandboxOptions::default() });
    let ran = world.run(&["token", "box", "--account", "work"]);
    let said = &ran.failed_with(3, "not signed in to box as account work").stderr;
    assert!(said.contains("run `mcpauth login box --account work`"), "{ran:?}");
    // What the caller himself ruled out needs no person.
    let ran = world.run(&["token", "box", "--no-refresh"]);
    assert!(
        ran.failed_with(3, "refreshing was ruled out").stderr.contains("run `mcpauth refresh box`"),
        "{ran:?}"
    );
}

#[test]
fn two_connections_that_break_leave_a_third_try() {
    let world = World::expired();
    world.sandbox.change(|options| options.faults.push(Fault::Reset { endpoint: TOKEN, times: 2 }));
    let token = world.token(&[]);
    assert_eq!(world.sandbox.books().refresh_attempts, 3);
    assert_eq!(call(&world.url(), &token), 200);
}

#[test]
fn a_new_login_does_not_inherit_the_troubles_of_the_one_before() {
    let world = World::expired();
    world.sandbox.change(|options| options.faults.push(passing(503)));
    for _ in 0..2 {
        world.run(&["token", "box"]).failed_with(6, "503");
    }
    world.run(&["token", "box"]).failed_with(6, "its issuer is left alone for another");
    let asked = world.sandbox.books().refresh_attempts;
    assert_eq!(asked, 5, "whoever is at it stops as well");

    world.sandbox.change(|options| options.faults.clear());
    world.login(&[]).succeeded();
    world.run(&["refresh", "box"]).succeeded();
    assert_eq!(world.sandbox.books().refresh_attempts, asked + 1);
}

#[test]
fn an_issuer_that_asks_for_all_the_patience_there_is_brings_nobody_down() {
    let world = World::expired();
    let fault = Fault::Status { endpoint: TOKEN, status: 429, times: 1, retry_after: Some(u64::MAX) };
    world.sandbox.change(|options| options.faults.push(fault));
    let ran = world.run(&["token", "box"]);
    assert!(ran.failed_with(6, "answered 429").stderr.contains("hint: try again in 3600 s"), "{ran:?}");
    let login = &world.run(&["status", "--json"]).json()["logins"][0];
    assert_eq!(login["unfinished_refresh"], serde_json::Value::Null, "the issuer has said no: {login}");
}

#[test]
fn where_nothing_can_be_locked_a_token_that_still_lives_is_handed_out() {
    let world = World::signed_in(SandboxOptions::default());
    let token = world.token(&[]);
    let locks = world.home().join(".local/state/mcpauth/locks");
    fs::remove_dir_all(&locks).unwrap();
    fs::write(&locks, "no directory").unwrap();
    let ran = world.run(&["token", "box", "--min-ttl", "2h"]);
    assert_eq!(ran.succeeded().stdout.trim_end(), token);
    assert!(ran.stderr.contains("using the token that is still valid"), "{ran:?}");
    world.run(&["refresh", "box"]).failed_with(7, "cannot use ");
    assert_eq!(world.sandbox.books().refresh_attempts, 0);
}

#[test]
fn a_journal_that_is_none_hides_no_other_login() {
    let world = World::signed_in(SandboxOptions::default());
    world.login(&["--account", "work"]).succeeded();
    let record = world.records().pop().unwrap();
    let journals = world.home().join(".local/state/mcpauth/journals");
    let journal = journals.join(record.file_name().unwrap());
    let _ = fs::remove_file(&journal);
    fs::create_dir_all(&journal).unwrap();
    for command in ["status", "list"] {
        let ran = world.run(&[command]);
        let shown = &ran.succeeded().stdout;
        assert!(shown.contains("default") && shown.contains("work"), "{ran:?}");
        assert!(
            ran.stderr.contains("warning: box") && ran.stderr.contains("is not a regular file"),
            "{ran:?}"
        );
    }
    // And nobody is sent to a browser for a login that could not be kept.
    let codes = world.sandbox.books().codes_issued;
    let exits = [&[][..], &["--account", "work"]].map(|flags| world.login(flags).exit);
    assert!(exits == [0, 7] || exits == [7, 0], "{exits:?}");
    assert_eq!(world.sandbox.books().codes_issued, codes + 1);
}

#[test]
fn an_issuer_that_hangs_keeps_nobody_waiting_who_has_a_token() {
    let world = World::signed_in(SandboxOptions::default());
    let token = world.token(&[]);
    world.sandbox.change(|options| options.faults.push(Fault::Silence { endpoint: TOKEN }));
    // The client has given up on its server long before the issuer's time is over.
    let ran = world.run(&["exec", "--min-ttl", "2h", "--", "env"]);
    assert!(ran.succeeded().stdout.contains(&format!("MCP_ACCESS_TOKEN={token}")), "{ran:?}");
    assert!(ran.stderr.contains("the issuer has not answered yet; process "), "{ran:?}");
    assert!(ran.stderr.contains("using the token that is still valid"), "{ran:?}");
    assert_eq!(world.sandbox.books().refresh_attempts, 1);
}
