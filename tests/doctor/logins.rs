//! The logins: what is stored of them and what is under way with them.

use std::fs;
use std::time::Duration;

use mcpauth::clock::UnixTime;
use mcpauth::model::LoginState;
use mcpauth::store::{Attempt, JournalFacts, Trouble};
use serde_json::json;

use crate::support::World;
use crate::support::witness::Snapshot;
use crate::{login, repair, signed_in, store, visit};

const NOW: Duration = Duration::ZERO;

/// Writes a journal as a refresh would that was killed: with an answer or before it.
fn interrupted_refresh(world: &World, answer: Option<&str>) {
    let store = store(world);
    let lock = store.lock(&login(), NOW).unwrap();
    let facts = store.summary(&login()).unwrap().unwrap().login;
    let mut journal = store.journal(&lock).unwrap();
    journal
        .intend(&JournalFacts { generation: facts.generation, since: facts.created_at, process: 4711 })
        .unwrap();
    if let Some(answer) = answer {
        let about = json!({ "status": 200, "host": "issuer", "received_at": facts.created_at });
        journal.keep(format!("{about}\n{answer}").as_bytes()).unwrap();
    }
}

#[test]
fn a_damaged_record_is_found_and_set_aside_only_on_request() {
    let world = signed_in();
    let record = world.records().remove(0);
    let bytes = fs::read(&record).unwrap();
    fs::write(&record, &bytes[..bytes.len() / 2]).unwrap();
    visit(&world, &[]).found(7, "logins", "fail", "a stored login is damaged");
    repair(&world).found(0, "logins", "fixed", "set aside what was damaged");
    assert!(!record.exists());
    // What may be all that is left of a login is never removed by us.
    let seen = visit(&world, &["--fix"]);
    let kept = seen.found(0, "leftovers", "warn", ".damaged-");
    assert!(kept.remedy.contains("`rm "), "{kept:?}");
}

#[test]
fn a_record_of_a_newer_release_is_named_and_left() {
    let world = signed_in();
    let record = world.records().remove(0);
    let text = world.record();
    let (_, rest) = text.strip_prefix("mcpauth-record ").unwrap().split_once(' ').unwrap();
    fs::write(&record, format!("mcpauth-record 99 {rest}")).unwrap();
    visit(&world, &[]).found(7, "logins", "fail", "was written by a newer mcpauth");
    visit(&world, &["--fix"]).found(7, "logins", "fail", record.to_str().unwrap());
}

#[test]
fn a_client_that_is_damaged_is_found_too() {
    let world = signed_in();
    let clients = world.home().join(".local/share/mcpauth/clients");
    let client = fs::read_dir(clients).unwrap().next().unwrap().unwrap().path();
    fs::write(&client, "nothing that was ever stored").unwrap();
    visit(&world, &[]).found(7, "clients", "fail", "is damaged");
    repair(&world).found(0, "clients", "fixed", "set aside");
    world.run(&["token", "box"]).succeeded();
}

#[test]
fn a_login_that_its_issuer_ended_needs_a_person() {
    let world = World::expired();
    world.sandbox.revoke_everything();
    world.run(&["token", "box"]).failed(3);
    let seen = visit(&world, &["--fix"]);
    let finding = seen.found(3, "logins", "fail", "the issuer ended this login");
    assert!(finding.remedy.contains("`mcpauth login box`"), "{finding:?}");
}

#[test]
fn a_logout_that_was_killed_is_named() {
    let world = signed_in();
    let store = store(&world);
    let lock = store.lock(&login(), NOW).unwrap();
    let mut left = store.load(&login()).unwrap().unwrap();
    left.facts.state = LoginState::RevocationPending { since: left.facts.created_at };
    store.save(&lock, &left).unwrap();
    let seen = visit(&world, &[]);
    let finding = seen.found(3, "logins", "fail", "signing out of box was begun");
    assert!(finding.remedy.contains("`mcpauth logout box`"), "{finding:?}");
}

#[test]
fn an_answer_that_was_not_taken_over_is_taken_over() {
    let world = signed_in();
    let answer = r#"{"access_token":"at-2","token_type":"Bearer","expires_in":3600,"refresh_token":"rt-2"}"#;
    interrupted_refresh(&world, Some(answer));
    visit(&world, &[]).found(0, "refresh", "warn", "is here and not yet in the record");
    let status = world.run(&["status"]);
    assert!(status.succeeded().stdout.contains("    pending  the answer to a refresh of "), "{status:?}");
    repair(&world).found(0, "refresh", "fixed", "took over the answer");
    assert_eq!(world.token(&[]), "at-2");
    assert!(visit(&world, &[]).findings.iter().all(|finding| finding.what != "refresh"));
}

#[test]
fn an_answer_that_makes_no_sense_is_not_said_to_be_taken_over() {
    let world = signed_in();
    interrupted_refresh(&world, Some("<p>Welcome"));
    let seen = repair(&world);
    assert!(seen.found(0, "refresh", "warn", "is of no use").remedy.contains("`mcpauth refresh box`"));
    world.run(&["refresh", "box"]).succeeded();
    assert!(visit(&world, &[]).findings.iter().all(|finding| finding.what != "refresh"));
}

#[test]
fn a_refresh_whose_answer_was_lost_is_in_doubt() {
    let world = signed_in();
    interrupted_refresh(&world, None);
    let seen = visit(&world, &["--fix"]);
    assert!(seen.found(0, "refresh", "warn", "was lost").remedy.contains("`mcpauth refresh box`"));
    let status = world.run(&["status", "--json"]).succeeded().json();
    let login = &status["logins"][0];
    assert_eq!(
        (&login["status"], &login["unfinished_refresh"]["process"]),
        (&json!("in_doubt"), &json!(4711))
    );
    assert!(world.run(&["list"]).succeeded().stdout.contains("in doubt;"));
    let status = world.run(&["status"]);
    assert!(status.succeeded().stdout.contains("the next use asks again"), "{status:?}");

    // The issuer was never asked, so the old token still buys new ones, and then nothing is in doubt.
    world.run(&["refresh", "box"]).succeeded();
    assert_eq!(world.run(&["status", "--json"]).json()["logins"][0]["status"], "active");
}

#[test]
fn a_refresh_that_is_under_way_is_no_trouble() {
    let world = signed_in();
    interrupted_refresh(&world, None);
    let store = store(&world);
    let _lock = store.lock(&login(), NOW).unwrap();
    let own = std::process::id();
    let told = format!("process {own} is refreshing it");
    visit(&world, &["--fix"]).found(0, "refresh", "ok", &told);
    let status = world.run(&["status"]);
    assert!(status.succeeded().stdout.contains(&told), "{status:?}");
    let status = world.run(&["status", "--json"]).json()["logins"][0].clone();
    assert_eq!(
        (&status["status"], &status["unfinished_refresh"]["process"]),
        (&json!("refreshing"), &json!(own))
    );
    assert!(world.run(&["list"]).succeeded().stdout.contains("refreshing;"));
}

#[test]
fn a_lock_without_a_refresh_is_nothing_to_tell() {
    let world = signed_in();
    let store = store(&world);
    let _lock = store.lock(&login(), NOW).unwrap();
    assert_eq!(world.run(&["status", "--json"]).succeeded().json()["logins"][0]["status"], "active");
    assert_eq!(visit(&world, &[]).count("warn"), 0);
}

#[test]
fn refreshes_that_failed_lately_are_told() {
    let world = signed_in();
    let store = store(&world);
    let now = store.summary(&login()).unwrap().unwrap().login.created_at;
    let until = now.plus(600);
    let trouble =
        Trouble { failures: vec![now], rests_until: Some(until), last: "issuer answered 503".into() };
    store.remember_trouble(Attempt::Refresh, &login(), &trouble);
    let told = format!("issuer answered 503, at {now}; nobody asks");
    visit(&world, &["--fix"]).found(0, "refresh", "warn", &told);
    let status = world.run(&["status"]);
    assert!(status.succeeded().stdout.contains(&format!("    trouble  {told} before {until}")), "{status:?}");
    let status = world.run(&["status", "--json"]).json()["logins"][0]["last_failure"].clone();
    assert_eq!(status, json!({ "at": now, "why": "issuer answered 503", "rests_until": until }));
    world.run(&["logout", "box"]).succeeded();
    world.login(&[]).succeeded();
    assert!(world.run(&["status", "--json"]).json()["logins"][0].get("last_failure").is_none());
}

#[test]
fn a_journal_whose_login_is_gone_is_removed_and_never_believed() {
    let world = signed_in();
    let answer =
        r#"{"access_token":"stale","token_type":"Bearer","expires_in":3600,"refresh_token":"stale"}"#;
    interrupted_refresh(&world, Some(answer));
    let before = Snapshot::of(world.home());
    fs::remove_file(&world.records()[0]).unwrap();
    visit(&world, &[]).found(0, "leftovers", "warn", "1 journal of logins that are gone");
    repair(&world).found(0, "leftovers", "fixed", "removed 1 journal");
    visit(&world, &[]).found(0, "leftovers", "ok", "none");

    // The same without the doctor: a new login does not take the old answer for its own.
    before.restore(world.home());
    fs::remove_file(&world.records()[0]).unwrap();
    world.login(&[]).succeeded();
    world.run(&["refresh", "box"]).succeeded();
    assert_ne!(world.token(&[]), "stale");
    assert_eq!(world.sandbox.books().refreshes, 1);
}

#[test]
fn a_clock_that_went_back_is_noticed() {
    let world = signed_in();
    let store = store(&world);
    let lock = store.lock(&login(), NOW).unwrap();
    let mut later = store.load(&login()).unwrap().unwrap();
    later.tokens.facts.received_at = UnixTime(later.facts.created_at.0 + 7200);
    store.save(&lock, &later).unwrap();
    drop(lock);
    visit(&world, &["--fix"]).found(0, "clock", "warn", "so the clock went back");
}

#[test]
fn a_key_that_cannot_be_had_is_told_before_anybody_needs_it() {
    for (kind, words) in [("keychain", "answers here"), ("passphrase", "no passphrase")] {
        let world = World::new();
        world.settle(&format!("store = \"{kind}\""));
        if kind == "passphrase" {
            let mut command = world.command(&[
                "login",
                &world.url(),
                "--name",
                "box",
                "--no-browser",
                "--passphrase-fd",
                "0",
            ]);
            command.stdin(crate::support::steps::file_of("correct horse\n"));
            world.login_as(command).succeeded();
        }
        visit(&world, &[]).found(7, "store", "fail", words);
    }
}

#[test]
fn a_sealed_login_is_opened_to_see_that_it_opens() {
    let world = World::new();
    let sealed = |args: &[&str]| {
        let mut command = world.command(&[args, &["--passphrase-fd", "0"]].concat());
        command.stdin(crate::support::steps::file_of("correct horse\n"));
        command
    };
    let url = world.url();
    world
        .login_as(sealed(&["login", &url, "--name", "box", "--no-browser", "--store", "passphrase"]))
        .succeeded();
    let seen = crate::visit_of(&world, sealed(&["doctor"]));
    seen.found(0, "logins", "ok", "each opens");
    let record = world.records().remove(0);
    let mut bytes = fs::read(&record).unwrap();
    let at = bytes.len() - 20;
    bytes[at] ^= 1;
    fs::write(&record, bytes).unwrap();
    crate::visit_of(&world, sealed(&["doctor"])).found(7, "logins", "fail", "its seal is broken");
    // Without the key only the header is seen, and that is said.
    let seen = visit(&world, &[]);
    seen.found(7, "logins", "ok", "of which only the headers were read");
}

#[test]
fn a_server_where_sign_ins_came_to_nothing_is_named() {
    let world = signed_in();
    let store = store(&world);
    let now = store.summary(&login()).unwrap().unwrap().login.created_at;
    let trouble = Trouble { failures: vec![now; 5], rests_until: Some(now.plus(600)), last: String::new() };
    store.remember_trouble(Attempt::Login, &login(), &trouble);
    visit(&world, &[]).found(0, "sign-in", "warn", "sign-ins at box came to nothing");
}

#[test]
fn a_move_that_did_not_come_to_its_end_is_pointed_out() {
    let world = signed_in();
    let settings = world.home().join(".config/mcpauth/config.toml");
    let moving = fs::read_to_string(&settings).unwrap() + "moving_to = \"passphrase\"\n";
    mcpauth::files::write_private(&settings, moving.as_bytes()).unwrap();
    let seen = visit(&world, &["--fix"]);
    let finding = seen.found(
        7,
        "store",
        "warn",
        "a move from file to passphrase has not come to its end; 2 records to go",
    );
    assert!(finding.remedy.contains("`mcpauth store move passphrase`"), "{finding:?}");
}
