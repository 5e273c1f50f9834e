//! What stands between here and an issuer: names, proxies, certificates, connections. A refresh token leaves only for
//! whoever has proved himself, and no trouble on the way costs the login.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::peer::{ACCESS, ISSUER_METADATA, Peer, Script, answer, at, bent, issuer_metadata, json_answer};
use crate::tls::{Front, Shown};
use crate::victim::{Victim, ended};

/// Somebody with a login whose tokens come over HTTPS.
struct Traveller {
    victim: Victim,
    peer: Peer,
    front: Front,
}

impl Traveller {
    fn signed_in() -> Self {
        let victim = Victim::new();
        // The peer has to know where the front is, and the front where the peer is.
        let (tell, told) = std::sync::mpsc::channel::<String>();
        let place = std::sync::OnceLock::new();
        let peer = Peer::start(at(ISSUER_METADATA, move |seen| {
            let place = place.get_or_init(|| told.recv().unwrap());
            json_answer(200, &bent(issuer_metadata(seen), seen, &json!({ "token_endpoint": place })))
        }));
        let front = Front::of(peer.address());
        tell.send(format!("{}/token", front.origin())).unwrap();
        let traveller = Self { victim, peer, front };
        traveller.trusts(&traveller.front.authority(), "");
        traveller.victim.sign_in_to(&traveller.peer, &[]).succeeded();
        traveller
    }

    /// Settles whom to trust, and further lines of `[network]`.
    fn trusts(&self, authority: &str, lines: &str) {
        let home = self.victim.world.home();
        let file = home.join("authority.pem");
        fs::write(&file, authority).unwrap();
        let config = format!("store = \"file\"\n[network]\nca_file = '{}'\n{lines}", file.display());
        fs::write(home.join(".config/mcpauth/config.toml"), config).unwrap();
    }

    /// How often the token endpoint was asked for something.
    fn asked(&self) -> usize {
        self.peer.seen().iter().filter(|seen| seen.path() == "/token").count()
    }

    fn record_of_the_other(&self) -> Vec<Vec<u8>> {
        self.victim.world.records().iter().map(|record| fs::read(record).unwrap()).collect()
    }

    /// Fails unless a refresh ends so, keeps the record byte for byte, and whoever does not insist gets what lives.
    fn is_stopped_by(&self, shown: Shown, message: &str, hint: &str) {
        let (asked, before) = (self.asked(), self.record_of_the_other());
        self.front.show(shown);
        let what = format!("{shown:?}");
        let ran = self.victim.run(&["token", "other", "--force-refresh"]);
        ended(&ran, &what, 6, message);
        assert!(ran.stderr.contains(hint), "{what}: no `{hint}` in {ran:?}");
        let gentle = self.victim.run(&["token", "other", "--min-ttl", "2h"]);
        assert_eq!((gentle.exit, gentle.stdout.trim_end()), (0, ACCESS), "{what}: {gentle:?}");
        assert!(gentle.stderr.starts_with("warning: ") && gentle.stderr.contains(message), "{gentle:?}");
        assert_eq!(self.asked(), asked, "{what}: something arrived");
        assert_eq!(self.record_of_the_other(), before, "{what}: the record changed");
        self.front.show(Shown::Good);
        self.victim.world.after_a_while();
        self.victim.run(&["refresh", "other"]).succeeded();
        assert_eq!(self.asked(), asked + 1, "{what}");
    }
}

#[test]
fn a_certificate_that_has_ended_makes_one_ask_for_the_clock() {
    let clock = "hint: is this machine's clock right? it says 2";
    let message = "cannot trust 127.0.0.1: its certificate ended at 2020-02-29T00:00:00Z";
    Traveller::signed_in().is_stopped_by(Shown::Ended, message, clock);
    let message = "cannot trust 127.0.0.1: its certificate is valid only from 3000-01-01T00:00:00Z";
    Traveller::signed_in().is_stopped_by(Shown::NotYetValid, message, clock);
}

#[test]
fn a_certificate_of_nobody_known_leads_to_the_setting() {
    let message = "its certificate is signed by nobody that this machine trusts";
    let hint = "network.ca_file in config.toml";
    let traveller = Traveller::signed_in();
    traveller.is_stopped_by(Shown::SelfSigned, message, hint);
    traveller.is_stopped_by(Shown::OtherName, "its certificate is for another name", "the sign-in page");
    // The good one is as unknown to whoever does not trust its authority.
    fs::write(traveller.victim.world.home().join(".config/mcpauth/config.toml"), "store = \"file\"\n")
        .unwrap();
    let ran = traveller.victim.run(&["refresh", "other"]);
    ended(&ran, "no authority", 6, message);
    assert!(ran.stderr.contains(hint), "{ran:?}");
}

#[test]
fn what_speaks_no_tls_gets_nothing() {
    let message = "cannot speak securely with 127.0.0.1: ";
    Traveller::signed_in().is_stopped_by(Shown::Plaintext, message, "check the URL and the network");
    let message = "cannot reach 127.0.0.1: ";
    Traveller::signed_in().is_stopped_by(Shown::Hangup, message, "check the network, the URL and the proxy");
}

#[test]
fn a_handshake_that_stalls_is_no_answer_that_is_late() {
    let traveller = Traveller::signed_in();
    traveller.trusts(&traveller.front.authority(), "timeout = 1");
    let message = "cannot reach 127.0.0.1: no connection within 1 s";
    // The front is busy with whoever it keeps waiting, so nobody can be asked afterwards.
    traveller.front.show(Shown::Silence);
    let ran = traveller.victim.run(&["refresh", "other"]);
    ended(&ran, "a stall", 6, message);
    assert!(ran.stderr.contains("hint: check the network, the URL and the proxy"), "{ran:?}");
}

#[test]
fn an_answer_that_is_lost_after_the_request_is_told_from_nobody_there() {
    let traveller = Traveller::signed_in();
    let before = traveller.record_of_the_other();
    traveller.front.show(Shown::LostAnswer);
    let ran = traveller.victim.run(&["refresh", "other"]);
    ended(&ran, "a lost answer", 6, "the connection to 127.0.0.1 broke: ");
    assert!(ran.stderr.contains("hint: try again later; what is stored was kept"), "{ran:?}");
    assert_eq!(traveller.record_of_the_other(), before);
}

/// An issuer whose tokens are at another address.
fn with_tokens_at(place: &'static str) -> Script {
    at(ISSUER_METADATA, move |seen| {
        json_answer(200, &bent(issuer_metadata(seen), seen, &json!({ "token_endpoint": place })))
    })
}

#[test]
fn a_name_that_leads_nowhere_is_told_from_nobody_there() {
    let victim = Victim::new();
    let peer = Peer::start(with_tokens_at("https://nowhere.invalid/token"));
    let ran = victim.sign_in_to(&peer, &[]);
    ended(&ran, "no such name", 6, "cannot find nowhere.invalid: ");
    assert!(ran.stderr.contains("hint: check the network and the name"), "{ran:?}");
    victim.is_unharmed();
}

#[test]
fn a_proxy_that_does_not_lead_there_is_named() {
    // Nobody listens at that port, and nobody is given it by chance.
    let gone = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    let busy = Peer::start(Box::new(|_| Some(answer(502, "content-type: text/html\r\n", b"<html>"))));
    let strict = Peer::start(Box::new(|_| Some(answer(407, "proxy-authenticate: Basic\r\n", b""))));
    for (address, why) in [
        (gone, "refused"),
        (busy.address(), "unsuccessful"),
        (strict.address(), "proxy authorization required"),
    ] {
        for settled in [true, false] {
            let victim = Victim::new();
            let peer = Peer::start(with_tokens_at("https://issuer.example/token"));
            let url = peer.url();
            let mut command = victim.world.command(&["login", &url, "--name", "other", "--no-browser"]);
            if settled {
                victim.world.settle(&format!("[network]\nproxy = \"http://ana:hunter2@{address}\""));
            } else {
                command.env("HTTPS_PROXY", format!("http://ana:hunter2@{address}"));
            }
            let ran = victim.world.login_as(command);
            ended(&ran, why, 6, "cannot reach issuer.example through the proxy 127.0.0.1: ");
            assert!(ran.stderr.to_lowercase().contains(why), "no {why} in {ran:?}");
            assert!(ran.stderr.contains("hint: check HTTPS_PROXY, or network.proxy"), "{ran:?}");
            assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
        }
    }
    // Only where to was told to the proxy, never what.
    for proxy in [busy, strict] {
        assert!(!proxy.seen().is_empty());
        assert!(proxy.seen().iter().all(|seen| seen.what().starts_with("CONNECT ") && seen.body.is_empty()));
    }
}

#[test]
fn a_server_that_wants_to_see_a_certificate_sees_it() {
    let peer =
        Peer::start(Box::new(|seen| Some(answer(if seen.path() == "/mcp" { 200 } else { 404 }, "", b"{}"))));
    let front = Front::of(peer.address());
    let traveller = Traveller { victim: Victim::new(), peer, front };
    traveller.trusts(&traveller.front.authority(), "");
    traveller.front.show(Shown::OnlyToKnown);
    let home = traveller.victim.world.home();
    let (certificate, key) = traveller.front.of_a_client();
    let (certificate_file, key_file) = (home.join("client.pem"), home.join("client.key"));
    fs::write(&certificate_file, certificate).unwrap();
    fs::write(&key_file, key).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    let url = format!("{}/mcp", traveller.front.origin());
    let add = |further: &[&str]| {
        traveller.victim.run(&[&["server", "add", &url, "--name", "strict"][..], further].concat())
    };

    assert_eq!((add(&[]).exit, traveller.peer.seen().len()), (6, 0));
    let shown =
        ["--client-cert", &certificate_file.to_string_lossy(), "--client-key", &key_file.to_string_lossy()];
    assert!(add(&shown).succeeded().stderr.contains("settled strict"));
    assert!(traveller.peer.was_asked_for("/mcp"));

    // The key to who one is: nobody else may read it.
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = traveller.victim.run(&["discover", "strict"]);
    assert_eq!(ran.exit, 2, "{ran:?}");
    assert!(ran.stderr.contains("client.key: can be read or changed by other users"), "{ran:?}");
}
