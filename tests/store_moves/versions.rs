//! What former releases wrote. The files were made by those releases, in sandboxes that are no more.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::support::call;

/// A version of the records, and the tokens that its fixtures hold, in the clear and under a passphrase.
const FORMER: [(u32, &str, &str); 2] = [
    (
        1,
        "sandbox_at_RGoHmY9MK7f5yk7uFSi8QwaIQyZJwcstvFCe0XF7fis",
        "sandbox_at_vDgFovE1hyyto8JA8WDKimLD2Y80S0qFvJT_bFbw3yU",
    ),
    (
        2,
        "sandbox_at_NDQQlc1QI14cRE6NS5sxg9wJACMXsjIDkzscfMRLhig",
        "sandbox_at_pveCNC3Pd5CHC1CgCkDseDVzBqHMXoHSit0tQsuXDJI",
    ),
];

/// A home with the files of a former release.
fn of_version(version: u32, kind: &str) -> World {
    let world = World::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let from = fixtures.join(format!("version-{version}")).join(kind);
    for (file, _) in contents(&from) {
        let to = data(&world).join(file.strip_prefix(&from).unwrap());
        mcpauth::files::write_private(&to, &fs::read(&file).unwrap()).unwrap();
    }
    let config = world.home().join(".config/mcpauth");
    mcpauth::files::write_private(&config.join("config.toml"), format!("store = '{kind}'").as_bytes())
        .unwrap();
    let profile = "name = 'box'\nurl = 'http://127.0.0.1:36015/mcp'\n";
    mcpauth::files::write_private(&config.join("servers/box.toml"), profile.as_bytes()).unwrap();
    world
}

#[test]
fn a_login_of_a_former_release_still_works() {
    for (version, plain, under_passphrase) in FORMER {
        let world = of_version(version, "file");
        assert_eq!(world.token(&[]), plain);
        let versions = &world.run(&["store", "show", "--json"]).json()["record_versions"];
        assert_eq!(versions[version.to_string()], 2);
        let sealed = of_version(version, "passphrase");
        let token = run(with_passphrases(&sealed, "open sesame", "", &["token", "box"]));
        assert_eq!(token.succeeded().stdout, format!("{under_passphrase}\n"));
        // In the first release the passphrase was the key itself; another one may take its place all the same.
        let change = ["store", "passphrase", "--new-passphrase-fd", "4"];
        run(with_passphrases(&sealed, "open sesame", "open barley", &change)).succeeded();
        let again = run(with_passphrases(&sealed, "open barley", "", &["token", "box"]));
        assert_eq!(again.succeeded().stdout, token.stdout);
    }
}

#[test]
fn a_move_takes_former_versions_along_and_leaves_no_copy_in_the_clear() {
    for (version, plain, _) in FORMER {
        let world = of_version(version, "file");
        with_passphrase(&world, &["store", "move", "passphrase"]).succeeded();
        let token = with_passphrase(&world, &["token", "box"]);
        assert_eq!(token.succeeded().stdout, format!("{plain}\n"));
        for (path, text) in contents(&data(&world)) {
            assert!(!text.contains("sandbox_at_"), "{}", path.display());
        }
        let shown = world.run(&["store", "show", "--json"]).json();
        assert_eq!(shown["record_versions"], serde_json::json!({ "3": 2 }));
    }
}

#[test]
fn the_first_change_keeps_what_was_there_and_a_logout_removes_it() {
    let world = World::expired();
    let record = world.records().pop().unwrap();
    let old = as_version_one(&record);
    mcpauth::files::write_private(&record, &old).unwrap();
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
    assert!(world.record().starts_with("mcpauth-record 3 "));
    let backup = data(&world).join("backups").join(format!("{}.v1", record.file_name().unwrap().display()));
    assert_eq!(fs::read(&backup).unwrap(), old);
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o7777, 0o600);
    world.run(&["logout", "box"]).succeeded();
    assert!(!backup.exists());
}

/// The same record as the first release would have written it.
fn as_version_one(record: &Path) -> Vec<u8> {
    let text = fs::read_to_string(record).unwrap().replacen("mcpauth-record 3 ", "mcpauth-record 1 ", 1);
    let (front, _) = text.rsplit_once('\n').unwrap();
    let (line, secrets) = front.split_once('\n').unwrap();
    let name = record.file_name().unwrap().to_str().unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, format!("{name}\n{line}\n{secrets}").as_bytes());
    format!("{front}\n{}", mcpauth::files::hex(digest.as_ref())).into_bytes()
}
