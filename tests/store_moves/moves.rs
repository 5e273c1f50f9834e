//! A move from its beginning to its end, and what stands in its way.

use super::*;
use crate::support::call;

#[test]
fn what_is_moved_is_the_same_login_and_what_it_leaves_is_gone() {
    let world = signed_in_as(&["work"]);
    let token = world.token(&[]);
    let moved = with_passphrase(&world, &["store", "move", "passphrase"]);
    assert!(
        moved.succeeded().stderr.contains("moved 2 logins and 1 client to the passphrase store"),
        "{moved:?}"
    );
    assert!(settings(&world).contains("store = \"passphrase\"") && !settings(&world).contains("moving_to"));
    for (path, text) in contents(&data(&world)) {
        assert!(!text.contains("sandbox_at_") && !text.contains("sandbox_rt_"), "{}", path.display());
    }
    assert_eq!(with_passphrase(&world, &["token", "box"]).succeeded().stdout.trim_end(), token);
    with_passphrase(&world, &["refresh", "--all"]).succeeded();
    assert_eq!(world.sandbox.books().refreshes, 2);

    let back = with_passphrase(&world, &["store", "move", "file", "--json"]);
    let answer = back.succeeded().json();
    assert_eq!(
        (&answer["from"], &answer["to"], &answer["logins"]),
        (&"passphrase".into(), &"file".into(), &2.into())
    );
    assert!(!data(&world).join("passphrase.json").exists());
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
    // The client came along, too: nothing is registered anew.
    world.login(&[]).succeeded();
    assert_eq!(world.sandbox.books().registrations, 1);
}

#[test]
fn a_move_to_where_everything_is_changes_nothing() {
    let world = signed_in_as(&[]);
    let before = fs::read(&world.records()[0]).unwrap();
    let ran = world.run(&["store", "move", "file"]);
    assert!(ran.succeeded().stderr.contains("logins are in the file store already"), "{ran:?}");
    assert_eq!(fs::read(&world.records()[0]).unwrap(), before);
}

#[test]
fn a_record_that_cannot_be_read_stops_the_move_before_anything_changes() {
    let world = signed_in_as(&["work"]);
    let record = world.records().pop().unwrap();
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replacen("mcpauth-record 3 ", "mcpauth-record 99 ", 1)).unwrap();
    let before = contents(&data(&world));
    let ran = with_passphrase(&world, &["store", "move", "passphrase"]);
    ran.failed_with(7, "was written by a newer mcpauth; nothing was moved");
    assert!(ran.stderr.contains(&record.display().to_string()), "{ran:?}");
    assert_eq!(contents(&data(&world)), before);
    assert!(!settings(&world).contains("moving_to"));
}

#[test]
fn a_store_that_cannot_be_used_is_found_out_before_anything_changes() {
    let world = signed_in_as(&[]);
    let before = (contents(&data(&world)), settings(&world));
    world
        .run(&["store", "move", "passphrase"])
        .failed_with(7, "there is no terminal to ask on; nothing was moved");
    let mut keychain = world.command(&["store", "move", "keychain"]);
    keychain.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    run(keychain).failed_with(7, "nothing was moved");
    assert_eq!((contents(&data(&world)), settings(&world)), before);
}

#[test]
fn what_lies_in_another_kind_than_is_settled_is_refused_until_it_is_moved() {
    let world = signed_in_as(&[]);
    let token = world.token(&[]);
    let file = world.home().join(".config/mcpauth/config.toml");
    mcpauth::files::write_private(&file, b"store = 'passphrase'\n").unwrap();
    with_passphrase(&world, &["token", "box"]).failed_with(7, "belongs to the file store");
    with_passphrase(&world, &["store", "move", "passphrase"]).succeeded();
    assert_eq!(with_passphrase(&world, &["token", "box"]).succeeded().stdout.trim_end(), token);
}

#[test]
fn what_lies_in_another_kind_than_is_settled_can_have_its_way_without_the_key_of_that() {
    let world = signed_in_as(&[]);
    let token = world.token(&[]);
    let file = world.home().join(".config/mcpauth/config.toml");
    mcpauth::files::write_private(&file, b"store = 'keychain'\n").unwrap();
    let refused = world.run(&["token", "box"]);
    refused.failed_with(7, "hint: run `mcpauth store move file`, which takes every login there");
    world.run(&["store", "move", "file"]).succeeded();
    assert_eq!(world.token(&[]), token);
}

#[test]
fn hints_about_passphrases_are_true() {
    let world = World::new();
    let fresh = world.run(&["store", "show"]);
    assert!(fresh.succeeded().stdout.contains("settled   not yet"), "{fresh:?}");
    let world = signed_in_as(&[]);
    assert!(!world.run(&["store", "show"]).stdout.contains("settled"), "it is settled");
    world.run(&["store", "move", "passphrase"]).failed_with(7, "--passphrase-fd N");
    with_passphrase(&world, &["store", "move", "passphrase"]).succeeded();
    // It need not be that of the first login any more.
    run(with_passphrases(&world, "wrong", "", &["token", "box"]))
        .failed_with(7, "`mcpauth store passphrase` may");
}

#[test]
fn the_store_is_shown_without_a_key() {
    let world = signed_in_as(&["work"]);
    let shown = world.run(&["store", "show", "--json"]).succeeded().json();
    assert_eq!(
        (&shown["store"], &shown["logins"], &shown["clients"]),
        (&"file".into(), &2.into(), &1.into())
    );
    assert_eq!(shown["record_versions"], serde_json::json!({ "3": 3 }));
    with_passphrase(&world, &["store", "move", "passphrase"]).succeeded();
    let asked = world.run(&["store", "show"]);
    assert!(asked.succeeded().stdout.contains("passphrase: asked for when a login is opened"), "{asked:?}");
    let wrong = run(with_passphrases(&world, "wrong", "", &["store", "show", "--json"]));
    let key = &wrong.succeeded().json()["keys"][0];
    assert_eq!((&key["answers"], &key["why"]), (&false.into(), &"wrong passphrase".into()));
    assert_eq!(with_passphrase(&world, &["store", "show", "--json"]).json()["keys"][0]["answers"], true);
}

#[test]
fn what_a_move_that_was_ended_left_in_the_clear_goes_with_the_next_one() {
    let world = signed_in_as(&[]);
    with_passphrase(&world, &["store", "move", "passphrase"]).succeeded();
    let record = world.records().pop().unwrap();
    let name = record.file_name().unwrap().to_str().unwrap();
    for left in [format!("{name}.moving"), format!(".{name}.0123456789abcdef.tmp")] {
        mcpauth::files::write_private(&record.with_file_name(left), b"sandbox_rt_in_the_clear").unwrap();
    }
    with_passphrase(&world, &["store", "move", "passphrase"]).succeeded();
    assert_eq!(world.records(), [record]);
}
