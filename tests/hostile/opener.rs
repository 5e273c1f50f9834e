//! The browser is opened for an address that has passed every check, and for no other.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::peer::{ISSUER_METADATA, Peer, at, bent, issuer_metadata, json_answer};
use crate::support::follow;
use crate::support::witness::run;
use crate::victim::{Victim, ended};

/// A browser that writes down what it was asked to open.
fn browser(victim: &Victim) -> (PathBuf, PathBuf) {
    let (program, opened) = (victim.world.home().join("browser"), victim.world.home().join("opened"));
    let script = format!("#!/bin/sh\nprintf '%s|' \"$#\" \"$@\" >> '{}'\n", opened.display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    (program, opened)
}

fn login(victim: &Victim, peer: &Peer, program: &PathBuf) -> Command {
    let mut command = victim.world.command(&["login", &peer.url(), "--name", "other", "--timeout", "20"]);
    command.env("BROWSER", program);
    command
}

/// MCP 21.
/// What the next stories rely on: a good address does reach the browser, as one argument.
#[test]
fn a_good_address_is_opened_once_and_whole() {
    let victim = Victim::new();
    let peer = Peer::start(at(ISSUER_METADATA, |seen| {
        let endpoint = "{origin}/authorize?$(touch${IFS}pwned)&`id`;x='\" %s";
        json_answer(200, &bent(issuer_metadata(seen), seen, &json!({ "authorization_endpoint": endpoint })))
    }));
    let (program, opened) = browser(&victim);
    // A pipe, so that reading it waits for the browser.
    assert!(Command::new("mkfifo").arg(&opened).status().unwrap().success());
    let person = std::thread::spawn(move || {
        let text = fs::read_to_string(opened).unwrap();
        let (count, address) = text.split_once('|').unwrap();
        assert_eq!(count, "1", "{text}");
        let address = address.strip_suffix('|').unwrap().to_owned();
        assert!(!address.contains(['\'', '"', ' ']), "{address}");
        follow(&address);
        address
    });
    let ran = run(login(&victim, &peer, &program), "");
    ran.succeeded();
    let address = person.join().unwrap();
    assert!(ran.stderr.contains(&address), "the address is printed, too: {ran:?}");
    assert!(!victim.world.home().join("pwned").exists());
}

/// MCP 21.
#[test]
fn a_dangerous_address_is_neither_opened_nor_printed() {
    let victim = Victim::new();
    let (program, opened) = browser(&victim);
    for (endpoint, exit) in [
        ("javascript:alert(1)", 5),
        ("file:///etc/passwd", 5),
        ("http://issuer.example/authorize", 5),
        ("https://ana:secret@issuer.example/authorize", 5),
        ("ms-msdt:/id%20PCWDiagnostic", 5),
        ("--remote-debugging-port=1", 8),
    ] {
        let peer = Peer::start(at(ISSUER_METADATA, move |seen| {
            json_answer(
                200,
                &bent(issuer_metadata(seen), seen, &json!({ "authorization_endpoint": endpoint })),
            )
        }));
        let ran = run(login(&victim, &peer, &program), "");
        ended(&ran, endpoint, exit, "");
        assert!(!ran.stderr.contains("open this address"), "{ran:?}");
        assert!(!ran.stderr.contains("response_type"), "{ran:?}");
        assert!(!opened.exists(), "{endpoint} was opened: {:?}", fs::read_to_string(&opened));
    }
    fs::remove_file(&program).unwrap();
    victim.is_unharmed();
}
