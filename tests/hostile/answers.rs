//! What an issuer answers when a client registers, and when it redeems its code.

use serde_json::{Value, json};

use crate::peer::{ACCESS, CODE, Peer, Said, Script, answer, at, bent, issuer_metadata, json_answer, tokens};
use crate::victim::{Victim, ended};

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};

const ISSUER_METADATA: &str = crate::peer::ISSUER_METADATA;

/// Gives each answer at `place` to somebody who signs in.
fn give(place: &'static str, answers: Vec<(String, Script, i32, &str)>) {
    let victim = Victim::new();
    for (what, script, exit, message) in answers {
        let peer = Peer::start(script);
        let ran = victim.sign_in_to(&peer, &["-vvv"]);
        ended(&ran, &what, exit, message);
        let asked = peer.seen().iter().filter(|seen| seen.path() == place).count();
        // An issuer that has forgotten a client gives another one, and is asked once more with that.
        let times = 1 + usize::from(what.contains("invalid_client"));
        assert_eq!(asked, times, "{what}: {place} was asked {asked} times");
        for secret in [CODE, ACCESS] {
            assert!(!ran.stderr.contains(secret), "{what}: {secret} is in {ran:?}");
        }
        victim.keeps_everything();
    }
    victim.is_unharmed();
}

fn tokens_with(change: Value) -> Script {
    at("/token", move |seen| json_answer(200, &bent(tokens(), seen, &change)))
}

/// MCP 39.
#[test]
fn what_holds_no_usable_token_is_not_stored() {
    let mut answers = Vec::new();
    for change in [
        json!({ "access_token": null }),
        json!({ "access_token": "" }),
        json!({ "access_token": 7 }),
        json!({ "access_token": "a\r\nx: y" }),
        json!({ "access_token": "a b" }),
        json!({ "access_token": "a\u{0}" }),
        json!({ "access_token": "schlüssel" }),
        json!({ "access_token": "x".repeat(100_000) }),
        json!({ "refresh_token": { "a": 1 } }),
        json!({ "refresh_token": "a\nb" }),
        json!({ "token_type": "mac" }),
        json!({ "token_type": "DPoP" }),
        json!({ "token_type": "N_A" }),
        json!({ "token_type": 7 }),
    ] {
        let what = change.to_string().chars().take(60).collect();
        answers.push((what, tokens_with(change), 8, "broke the protocol"));
    }
    for (what, body) in [
        ("nothing", ""),
        ("an array", "[\"canary-access-Xb4Kd9Rv\"]"),
        ("a token alone", "\"canary-access-Xb4Kd9Rv\""),
        ("a token twice", r#"{"access_token":"canary-access-Xb4Kd9Rv","access_token":"other"}"#),
        ("half", r#"{"access_token":"canary-access-Xb4Kd9Rv","#),
    ] {
        let script =
            at("/token", move |_| answer(200, "content-type: application/json\r\n", body.as_bytes()));
        answers.push((what.into(), script, 8, "broke the protocol"));
    }
    let deep = format!("{{\"access_token\":\"a\",\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    answers.push((
        "deep JSON".into(),
        at("/token", move |_| answer(200, "", deep.as_bytes())),
        8,
        "broke the protocol",
    ));
    answers.push(("no end".into(), at("/token", |_| Said::Endless), 8, "answered with more than"));
    give("/token", answers);
}

/// A captive portal answers for everybody, and what it says is no word of the issuer.
#[test]
fn a_web_page_instead_of_tokens_is_not_the_issuers() {
    let mut answers = Vec::new();
    for (status, content_type, exit, message) in [
        (200, "text/html", 6, "answered 200 with a web page instead of OAuth (a captive portal?)"),
        (200, "application/json", 6, "answered 200 with a web page"),
        (403, "text/html", 6, "answered 403 with a web page"),
        (404, "text/html", 6, "answered 404 with a web page"),
        (407, "text/html", 6, "answered 407 with a web page"),
        (511, "text/html", 6, "answered 511 with a web page"),
        (400, "text/html", 4, "http_400"),
        (401, "text/html", 4, "http_401"),
        (503, "text/html", 6, "answered 503"),
    ] {
        let what = format!("{status} {content_type}");
        let script = at("/token", move |_| {
            let page = b"<html>canary-access-Xb4Kd9Rv</html>";
            answer(status, &format!("content-type: {content_type}\r\n"), page)
        });
        answers.push((what, script, exit, message));
    }
    give("/token", answers);
}

#[test]
fn an_error_is_one_whatever_its_status_and_its_shape() {
    let mut answers = Vec::new();
    for (status, body, exit, message) in [
        (200, json!({ "error": "invalid_grant", "error_description": "gone" }), 4, "invalid_grant (gone)"),
        (
            200,
            json!({ "error": "x", "access_token": ACCESS, "token_type": "Bearer" }),
            4,
            "refused the request: x",
        ),
        (400, json!({ "error": "invalid_grant" }), 4, "invalid_grant"),
        (400, json!({ "error": { "code": 400, "message": "bad" } }), 4, "400 (bad)"),
        (403, json!({}), 4, "http_403"),
        (400, json!({ "error": "temporarily_unavailable" }), 6, "answered temporarily_unavailable"),
    ] {
        let what = format!("{status} {body}");
        let script = at("/token", move |_| json_answer(status, &body));
        answers.push((what, script, exit, message));
    }
    give("/token", answers);
}

/// MCP 28.
/// An issuer may forget a client while a person consents, but not for ever.
#[test]
fn a_client_that_is_never_known_is_registered_twice_and_no_more() {
    let victim = Victim::new();
    let peer = Peer::start(at("/token", |_| json_answer(401, &json!({ "error": "invalid_client" }))));
    ended(&victim.sign_in_to(&peer, &[]), "never known", 4, "invalid_client");
    for place in ["/register", "/authorize", "/token"] {
        let asked = peer.seen().iter().filter(|seen| seen.path() == place).count();
        assert_eq!(asked, 2, "{place} was asked {asked} times");
    }
    victim.is_unharmed();
}

/// MCP 56.
#[test]
fn the_words_of_an_error_drive_no_terminal() {
    let words = "\u{1b}[2J\u{1b}]0;x\u{7}\r\n✓ signed in\u{202e}\u{9b}".to_owned() + &"y".repeat(200_000);
    let error = json!({ "error": &words[..40], "error_description": words });
    let token = error.clone();
    let shown = r"\u{1b}[2J\u{1b}]0;x\u{7}\u{d}\u{a}✓ signed in\u{202e}";
    give("/token", vec![("token".into(), at("/token", move |_| json_answer(400, &token)), 4, shown)]);
    let script = at("/register", move |_| json_answer(400, &error));
    give("/register", vec![("registration".into(), script, 4, shown)]);
}

/// MCP 39, 52.
/// Whatever an issuer sends the secrets on to, they do not follow.
#[test]
fn a_redirect_of_the_token_endpoint_is_not_followed() {
    let sink = Peer::sink();
    let mut answers = Vec::new();
    for status in [301, 302, 303, 307, 308] {
        for target in [format!("{}/token", sink.origin()), "/elsewhere".into()] {
            let what = format!("{status} to {target}");
            let script = at("/token", move |_| answer(status, &format!("location: {target}\r\n"), b""));
            answers.push((what, script, 6, "with a redirect instead of OAuth (a captive portal?)"));
        }
    }
    give("/token", answers);
    assert!(sink.seen().is_empty(), "{:?}", sink.seen());
}

/// MCP 26.
#[test]
fn a_registration_that_cannot_be_used_is_refused() {
    let sink = Peer::sink();
    let mut answers: Vec<(String, Script, i32, &str)> = Vec::new();
    for (status, body, exit, message) in [
        (
            400,
            json!({ "error": "invalid_redirect_uri", "error_description": "no loopback" }),
            4,
            "(no loopback)",
        ),
        (403, json!({}), 4, "refused to register this client: http_403"),
        (500, json!({}), 6, "answered 500"),
        (429, json!({}), 6, "answered 429"),
        (201, json!({}), 8, "broke the protocol"),
        (201, json!({ "client_id": "" }), 8, "client_id is empty"),
        (201, json!({ "client_id": { "a": 1 } }), 8, "broke the protocol"),
        (201, json!({ "client_id": "a\u{1b}[2J" }), 8, "of illegal characters"),
        (201, json!({ "client_id": "x".repeat(100_000) }), 8, "too long"),
        (
            201,
            json!({ "client_id": "c", "redirect_uris": ["https://evil.example"] }),
            8,
            "does not allow the redirect",
        ),
        (
            201,
            json!({ "client_id": "c", "token_endpoint_auth_method": "client_secret_basic" }),
            8,
            "gives none",
        ),
        (
            201,
            json!({ "client_id": "c", "token_endpoint_auth_method": "private_key_jwt" }),
            8,
            "broke the protocol",
        ),
    ] {
        let what = format!("{status} {body}").chars().take(80).collect();
        answers.push((what, at("/register", move |_| json_answer(status, &body)), exit, message));
    }
    let target = sink.origin();
    let redirect = at("/register", move |_| answer(307, &format!("location: {target}\r\n"), b""));
    answers.push(("a redirect".into(), redirect, 4, "http_307"));
    give("/register", answers);
    assert!(sink.seen().is_empty(), "{:?}", sink.seen());
}

#[test]
fn the_issuer_that_registers_nobody_is_told_apart_from_the_one_that_refuses() {
    let victim = Victim::new();
    victim.world.sandbox.change(|options| options.registration = false);
    victim.forget_client();
    ended(&victim.sign_in_again(&[]), "no registration", 2, "registers no clients by itself");
    victim.is_unharmed();
    victim
        .world
        .sandbox
        .change(|options| *options = SandboxOptions { auto_consent: true, ..Default::default() });
    victim.suffers(&[Fault::Status {
        endpoint: Endpoint::Registration,
        status: 403,
        times: 1,
        retry_after: None,
    }]);
    ended(&victim.sign_in_again(&[]), "registration refused", 4, "refused to register this client: http_403");
    victim.is_unharmed();
}

/// The sandbox's own faults, which real issuers are known for.
#[test]
fn an_answer_without_a_token_and_a_refusal_that_looks_well() {
    let victim = Victim::new();
    for (fault, exit, message) in [
        (Fault::NoAccessToken, 8, "there is no access_token"),
        (Fault::ErrorWith200, 4, "refused the request: invalid_grant (with status 200)"),
    ] {
        let what = format!("{fault:?}");
        victim.suffers(&[fault]);
        ended(&victim.sign_in_again(&[]), &what, exit, message);
        victim.is_unharmed();
    }
}

/// MCP 5, 10.
#[test]
fn a_lying_document_of_the_sandbox_is_refused_too() {
    let victim = Victim::new();
    let requests = |place: &str| {
        let books = victim.world.sandbox.books();
        books.requests.iter().filter(|line| line.contains(place)).count()
    };
    victim.suffers(&[Fault::WrongIssuer]);
    let ran = victim.sign_in_again(&[]);
    ended(&ran, "issuer", 5, "names another issuer: https://elsewhere.example");
    assert!(!ran.stderr.contains("response_type=code"), "{ran:?}");
    victim.is_unharmed();

    let issuer_was_asked = requests("oauth-authorization-server");
    victim.suffers(&[Fault::WrongResource]);
    let ran = victim.sign_in_again(&[]);
    ended(&ran, "resource", 5, "is for another resource: https://elsewhere.example/mcp");
    assert!(!ran.stderr.contains("response_type=code"), "{ran:?}");
    assert_eq!(requests("oauth-authorization-server"), issuer_was_asked, "the issuer was asked");
    victim.is_unharmed();
}

/// MCP 19.
/// Endpoints may lie elsewhere than the issuer; then the code goes there and to nobody else.
#[test]
fn a_code_goes_to_the_token_endpoint_of_the_metadata_alone() {
    let elsewhere = Peer::start(at("/token", |_| json_answer(400, &json!({ "error": "invalid_grant" }))));
    let target = format!("{}/token", elsewhere.origin());
    let victim = Victim::new();
    let peer = Peer::start(at(ISSUER_METADATA, move |seen| {
        json_answer(200, &bent(issuer_metadata(seen), seen, &json!({ "token_endpoint": target })))
    }));
    ended(&victim.sign_in_to(&peer, &[]), "elsewhere", 4, "invalid_grant");
    assert_eq!(elsewhere.seen().len(), 1);
    assert!(peer.seen().iter().all(|seen| !seen.body.contains(CODE)));
    victim.is_unharmed();
}
