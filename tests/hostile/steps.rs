//! The same trouble at each step of a sign-in: no end, no word, a web page, a status.

use mcpauth::sandbox::{Endpoint, Fault};

use crate::peer::{Peer, Said, at};
use crate::victim::{Victim, ended};

/// Every place that a sign-in asks, in order, but the one that only a browser sees.
const STEPS: [Endpoint; 5] = [
    Endpoint::Mcp,
    Endpoint::ResourceMetadata,
    Endpoint::IssuerMetadata,
    Endpoint::Registration,
    Endpoint::Token,
];

/// Signs in while the step is in trouble.
#[track_caller]
fn stumble(victim: &Victim, endpoint: Endpoint, fault: Fault, exit: i32, message: &str) {
    let what = format!("{fault:?}");
    victim.suffers(&[fault]);
    if endpoint == Endpoint::Registration {
        victim.forget_client();
    }
    let ran = victim.sign_in_again(&["-vvv"]);
    ended(&ran, &what, exit, message);
    victim.is_unharmed();
}

/// Once the trouble is over it is forgotten: the next sign-in succeeds.
#[track_caller]
fn recover(victim: &Victim) {
    victim.sign_in_again(&["--account", "second"]).succeeded();
    victim.run(&["logout", "box", "--account", "second"]).succeeded();
    victim.is_unharmed();
}

/// MCP 11.
#[test]
fn ten_mebibytes_are_too_many_at_every_step() {
    let victim = Victim::new();
    for endpoint in STEPS {
        stumble(&victim, endpoint, Fault::Huge { endpoint }, 8, "answered with more than 262144 bytes");
        recover(&victim);
    }
}

#[test]
fn silence_is_waited_out_at_every_step() {
    let mut victim = Victim::new();
    for endpoint in STEPS {
        victim.waits(Some(1));
        stumble(&victim, endpoint, Fault::Silence { endpoint }, 6, "did not answer within 1 s");
        victim.waits(None);
        recover(&victim);
    }
}

/// MCP 11.
#[test]
fn a_busy_or_broken_peer_is_a_matter_of_time_at_every_step() {
    let victim = Victim::new();
    for endpoint in STEPS {
        for (status, retry_after, message) in [
            (500, None, "answered 500"),
            (503, Some(7), "try again in 7 s"),
            (429, Some(u64::MAX), "try again in"),
        ] {
            let fault = Fault::Status { endpoint, status, times: 9, retry_after };
            stumble(&victim, endpoint, fault, 6, message);
        }
        recover(&victim);
    }
}

#[test]
fn a_web_page_is_no_answer_at_any_step() {
    let victim = Victim::new();
    for (endpoint, exit, message) in [
        (Endpoint::ResourceMetadata, 8, "names a document that is not there"),
        (Endpoint::IssuerMetadata, 8, "none of the well-known places has it"),
        (Endpoint::Registration, 8, "it is HTML"),
        (Endpoint::Token, 6, "with a web page instead of OAuth (a captive portal?)"),
    ] {
        stumble(&victim, endpoint, Fault::Html { endpoint }, exit, message);
        recover(&victim);
    }
}

/// Who signed in is good to know and no reason to fail.
#[test]
fn a_sign_in_does_without_the_userinfo() {
    let endpoint = Endpoint::Userinfo;
    let mut victim = Victim::new();
    victim.waits(Some(3));
    for fault in [
        Fault::Huge { endpoint },
        Fault::Silence { endpoint },
        Fault::Html { endpoint },
        Fault::Status { endpoint, status: 503, times: 9, retry_after: None },
    ] {
        victim.suffers(&[fault, Fault::NoIdToken]);
        victim.sign_in_again(&["--account", "second", "--scope", "mcp:basic openid"]).succeeded();
        assert!(victim.world.sandbox.books().requests.iter().any(|line| line == "GET /userinfo"));
        victim.suffers(&[]);
        victim.run(&["logout", "box", "--account", "second"]).succeeded();
    }
}

#[test]
fn an_answer_that_drips_or_breaks_off_is_no_answer() {
    let mut victim = Victim::new();
    for place in [
        "/mcp",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-authorization",
        "/register",
        "/token",
    ] {
        let drip = Peer::start(at(place, |_| Said::Drip));
        victim.waits(Some(1));
        ended(&victim.sign_in_to(&drip, &[]), &format!("{place} drips"), 6, "did not answer within 1 s");
        victim.waits(None);
        let cut = Peer::start(at(place, |_| {
            Said::Bytes(
                b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"access_token\":\"canary\"".to_vec(),
            )
        }));
        ended(
            &victim.sign_in_to(&cut, &[]),
            &format!("{place} breaks off"),
            6,
            "the connection to 127.0.0.1 broke",
        );
        let noise =
            Peer::start(at(place, |_| Said::Bytes(b"\x00\x1b[2J\xff no HTTP at all\r\n\r\n".to_vec())));
        ended(
            &victim.sign_in_to(&noise, &[]),
            &format!("{place} makes noise"),
            6,
            "answered with something that is no HTTP",
        );
    }
    victim.is_unharmed();
}

#[test]
fn nobody_there_is_told_so() {
    let victim = Victim::new();
    let gone = Peer::sink().url();
    let ran = victim.run(&["login", &gone, "--name", "other", "--no-browser"]);
    ended(&ran, "nobody there", 6, "cannot reach 127.0.0.1");
    victim.is_unharmed();
}
