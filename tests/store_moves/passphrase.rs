//! Another passphrase for the same store.

use super::*;

const NEW: &str = "open barley";

#[test]
fn another_passphrase_opens_the_same_logins_and_no_record_is_touched() {
    let world = signed_in_as(&[]);
    with_passphrase(&world, &["store", "move", "passphrase"]).succeeded();
    let record = fs::read(&world.records()[0]).unwrap();
    let change = ["store", "passphrase", "--new-passphrase-fd", "4"];
    run(with_passphrases(&world, "wrong", NEW, &change)).failed_with(7, "wrong passphrase");
    run(with_passphrases(&world, PASSPHRASE, "", &change)).failed_with(7, "no passphrase: it is empty");
    with_passphrase(&world, &["token", "box"]).succeeded();

    // Whoever was ended while changing it left an envelope behind.
    let left = data(&world).join(".passphrase.json.0123456789abcdef.tmp");
    fs::copy(data(&world).join("passphrase.json"), &left).unwrap();
    run(with_passphrases(&world, PASSPHRASE, NEW, &change)).succeeded();
    assert!(!left.exists());
    run(with_passphrases(&world, NEW, "", &["token", "box"])).succeeded();
    with_passphrase(&world, &["token", "box"]).failed_with(7, "wrong passphrase");
    assert_eq!(fs::read(&world.records()[0]).unwrap(), record);
}

#[test]
fn where_a_command_gives_the_passphrase_it_is_told_that_it_has_to_give_another() {
    let world = signed_in_as(&[]);
    with_passphrase(&world, &["store", "move", "passphrase"]).succeeded();
    let file = world.home().join("passphrase");
    world.settle(&format!("passphrase_command = ['cat', '{}']", file.display()));
    let mut change = world.shell(r#"exec "$0" store passphrase --new-passphrase-fd 4 4<"$NEW""#, &[]);
    change.env("NEW", world.home().join("new-passphrase"));
    mcpauth::files::write_private(&world.home().join("new-passphrase"), NEW.as_bytes()).unwrap();
    let ran = run(change);
    assert!(ran.succeeded().stderr.contains("has to print the new one"), "{ran:?}");
    world.run(&["token", "box"]).failed_with(7, "wrong passphrase");
    fs::write(&file, NEW).unwrap();
    world.run(&["token", "box"]).succeeded();
}

#[test]
fn a_store_without_a_passphrase_has_none_to_change() {
    let world = signed_in_as(&[]);
    let ran = world.run(&["store", "passphrase"]);
    ran.failed_with(2, "logins are stored in the file store, which has no passphrase");
    assert_eq!(ran.advice(), "mcpauth store move passphrase");
}
