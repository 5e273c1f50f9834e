//! A move that is ended at any point, and others who use the store meanwhile.

use std::process::{Child, Stdio};
use std::time::Duration;

use mcpauth::model::{LoginKey, Name};
use mcpauth::places::Places;
use mcpauth::store::{JournalFacts, NoKey, Store, StoreKind};

use super::*;
use crate::support::steps::eventually;
use crate::support::witness::Snapshot;
use crate::support::{call, finish};

const ACCOUNTS: [&str; 4] = ["default", "east", "north", "west"];

/// Starts a move into the passphrase store and leaves it alone.
fn start(world: &World) -> Child {
    let mut command = with_passphrases(world, PASSPHRASE, "", &["store", "move", "passphrase"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The store as a process sees it that only wants the lock of a login.
fn store(world: &World) -> Store {
    let state = world.home().join(".local/state/mcpauth");
    let places = Places::given(world.home().join(".config/mcpauth"), data(world), state);
    Store::new(&places, StoreKind::File, Box::new(NoKey))
}

fn key(account: &str) -> LoginKey {
    LoginKey { server: "box".parse().unwrap(), account: account.parse::<Name>().unwrap() }
}

fn arrived(world: &World) -> usize {
    let sealed = |path: &PathBuf| {
        String::from_utf8_lossy(&fs::read(path).unwrap()).contains(r#""sealed_by":"passphrase""#)
    };
    world.records().iter().filter(|path| path.extension().is_none() && sealed(path)).count()
}

/// Every login gives its token, and that token works.
fn all_work(world: &World, tokens: &[String]) {
    for (account, token) in ACCOUNTS.iter().zip(tokens) {
        let ran = with_passphrase(world, &["token", "box", "--account", account]);
        assert_eq!(ran.succeeded().stdout.trim_end(), token);
    }
}

fn tokens(world: &World) -> Vec<String> {
    ACCOUNTS.map(|account| world.token(&["--account", account])).to_vec()
}

#[test]
fn wherever_a_move_stops_everything_can_be_read_and_changed_and_the_next_one_ends_it() {
    let world = signed_in_as(&ACCOUNTS[1..]);
    let tokens = tokens(&world);
    let before = Snapshot::of(world.home());
    for (stop, account) in ACCOUNTS.iter().enumerate() {
        before.restore(world.home());
        // The move waits at this login, so exactly those before it have arrived.
        let lock = store(&world).lock(&key(account), Duration::ZERO).unwrap();
        let mut moving = start(&world);
        eventually(|| settings(&world).contains("moving_to") && arrived(&world) == stop);
        moving.kill().unwrap();
        moving.wait().unwrap();
        drop(lock);
        let shown = world.run(&["store", "show", "--json"]).json();
        assert_eq!((&shown["store"], &shown["moving_to"]), (&"file".into(), &"passphrase".into()));
        all_work(&world, &tokens);
        world.run(&["list"]).succeeded();
        let doctor = with_passphrase(&world, &["doctor"]);
        assert!(doctor.stdout.contains("run `mcpauth store move passphrase`"), "{doctor:?}");
        with_passphrase(&world, &["store", "move", "passphrase"]).succeeded();
        assert_eq!(arrived(&world), ACCOUNTS.len());
        all_work(&world, &tokens);
        assert!(!settings(&world).contains("moving_to"));
    }
}

#[test]
fn a_kill_at_any_moment_leaves_every_login_readable() {
    let world = signed_in_as(&ACCOUNTS[1..]);
    let tokens = tokens(&world);
    let before = Snapshot::of(world.home());
    for round in 0..12 {
        before.restore(world.home());
        let mut moving = start(&world);
        if round % 3 > 0 {
            eventually(|| settings(&world).contains("moving_to") || arrived(&world) > 0);
        }
        // Not an event: any moment is to do.
        std::thread::sleep(Duration::from_micros(chance(round) % 20_000));
        moving.kill().unwrap();
        moving.wait().unwrap();
        all_work(&world, &tokens);
        with_passphrase(&world, &["store", "move", "passphrase"]).succeeded();
        all_work(&world, &tokens);
        for (path, text) in contents(&data(&world)) {
            assert!(!text.contains("sandbox_at_"), "round {round}: {}", path.display());
        }
    }
}

/// Numbers that look like chance and come again with the same seed.
fn chance(seed: u64) -> u64 {
    (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33
}

#[test]
fn a_move_that_was_begun_can_be_turned_back_and_leads_nowhere_else() {
    let world = signed_in_as(&ACCOUNTS[1..]);
    let tokens = tokens(&world);
    let lock = store(&world).lock(&key("north"), Duration::ZERO).unwrap();
    let mut moving = start(&world);
    eventually(|| arrived(&world) == 2);
    moving.kill().unwrap();
    moving.wait().unwrap();
    drop(lock);
    let elsewhere = world.run(&["store", "move", "keychain"]);
    elsewhere.failed_with(2, "the move to the passphrase store is not finished");
    assert_eq!(elsewhere.advice(), "mcpauth store move passphrase");
    with_passphrase(&world, &["store", "move", "file"]).succeeded();
    assert_eq!(arrived(&world), 0);
    assert_eq!(ACCOUNTS.map(|account| world.token(&["--account", account])).to_vec(), tokens);
    assert!(!data(&world).join("passphrase.json").exists());
}

#[test]
fn who_refreshes_and_signs_in_during_a_move_loses_nothing() {
    let world = signed_in_as(&ACCOUNTS[1..]);
    let lock = store(&world).lock(&key("west"), Duration::ZERO).unwrap();
    let moving = start(&world);
    eventually(|| arrived(&world) == 3);
    // One that has arrived, and a new one.
    with_passphrase(&world, &["refresh", "box"]).succeeded();
    let login = world.login_as(with_passphrases(
        &world,
        PASSPHRASE,
        "",
        &["login", "box", "--no-browser", "--account", "south"],
    ));
    login.succeeded();
    assert!(settings(&world).contains("moving_to"), "a login must not end the move");
    let second = with_passphrase(&world, &["store", "move", "passphrase"]);
    second.failed_with(6, "is moving the store");
    drop(lock);
    finish(moving, String::new()).succeeded();
    assert_eq!(arrived(&world), 5);
    for account in ["default", "west", "south"] {
        let token = with_passphrase(&world, &["token", "box", "--account", account]);
        assert_eq!(call(&world.url(), token.succeeded().stdout.trim_end()), 200);
    }
}

#[test]
fn a_refresh_that_was_under_way_when_the_move_began_ends_in_the_new_store() {
    let world = World::expired();
    // It has read the settings, and waits for the lock that the move is to wait for, too.
    let lock = store(&world).lock(&key("default"), Duration::ZERO).unwrap();
    let mut early = with_passphrases(&world, PASSPHRASE, "", &["token", "box"]);
    let early = early.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually(|| opens(early.id(), "/locks/"));
    let moving = start(&world);
    eventually(|| settings(&world).contains("moving_to"));
    drop(lock);
    let token = finish(early, String::new());
    finish(moving, String::new()).succeeded();
    assert_eq!(call(&world.url(), token.succeeded().stdout.trim_end()), 200);
    assert_eq!(with_passphrase(&world, &["token", "box"]).succeeded().stdout, token.stdout);
    assert_eq!((arrived(&world), world.sandbox.books().refreshes), (1, 1));
}

#[test]
fn an_answer_that_waits_in_the_journal_is_taken_over_before_its_key_goes() {
    let world = signed_in_as(&[]);
    let store = store(&world);
    let lock = store.lock(&key("default"), Duration::ZERO).unwrap();
    let mut journal = store.journal(&lock).unwrap();
    let since = store.summary(&key("default")).unwrap().unwrap().login.created_at;
    journal.intend(&JournalFacts { generation: 1, since, process: 4711 }).unwrap();
    let head = serde_json::json!({ "status": 200, "host": "issuer.example", "received_at": since });
    let answer = r#"{"access_token":"at-2","token_type":"Bearer","expires_in":3600,"refresh_token":"rt-2"}"#;
    journal.keep(format!("{head}\n{answer}").as_bytes()).unwrap();
    drop((journal, lock));
    with_passphrase(&world, &["store", "move", "passphrase"]).succeeded();
    assert_eq!(with_passphrase(&world, &["token", "box"]).succeeded().stdout, "at-2\n");
    assert_eq!(world.sandbox.books().refresh_attempts, 0);
}

/// Whether a process has a file open whose name says so.
fn opens(process: u32, part: &str) -> bool {
    let open = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|path| path.to_string_lossy().contains(part))
}
