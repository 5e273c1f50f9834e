//! What comes back through the browser: from the issuer, from another one, or from somebody who guesses.

use mcpauth::sandbox::{Fault, SandboxOptions};
use url::Url;

use crate::peer::{CODE, Peer, at, redirect_back};
use crate::support::witness::sign_in;
use crate::support::{follow, get};
use crate::victim::{Victim, ended};

#[test]
fn a_declined_consent_ends_the_login() {
    let victim = Victim::new();
    victim.suffers(&[Fault::Declined]);
    let ran = victim.sign_in_again(&[]);
    ended(&ran, "declined", 4, "the sign-in was declined (the person declined)");
    assert_eq!(victim.world.sandbox.books().codes_issued, 1, "only that of the first login");
    victim.is_unharmed();
}

#[test]
fn an_answer_with_the_state_of_somebody_else_is_waited_over() {
    let victim = Victim::new();
    victim.suffers(&[Fault::WrongState]);
    let ran = victim.sign_in_again(&["--timeout", "2"]);
    ended(&ran, "wrong state", 4, "nobody finished the sign-in within 2 s, nothing was stored");
    let books = victim.world.sandbox.books();
    assert_eq!((books.codes_issued, books.codes_redeemed), (2, 1), "the stranger's code was not redeemed");
    victim.is_unharmed();
}

/// The query of a redirect, and those that somebody might make of it who saw everything but the state, or who got
/// a word in twice.
fn forgeries(good: &Url) -> Vec<Vec<(String, String)>> {
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let pairs: Vec<(String, String)> = good.query_pairs().into_owned().collect();
    let with_state = |state: Option<&str>| -> Vec<_> {
        let others = pairs.iter().filter(|(name, _)| name != "state").cloned();
        others.chain(state.map(|state| own("state", state))).collect()
    };
    let twice = |name: &str| -> Vec<_> {
        let again = pairs.iter().filter(|(own, _)| own == name).cloned();
        pairs.iter().cloned().chain(again).collect()
    };
    let denied =
        ["error", "error_description", "state"].map(|name| own(name, "access_denied <script>pay me"));
    vec![
        with_state(None),
        with_state(Some("")),
        with_state(Some("guessed")),
        twice("state"),
        twice("code"),
        twice("iss"),
        denied.into(),
    ]
}

/// MCP 17.
#[test]
fn forged_answers_do_not_keep_the_true_one_out() {
    let victim = Victim::new();
    let args = ["login", "box", "--account", "second", "--no-browser"];
    let ran = sign_in(victim.world.command(&args), "", |address| {
        let good = Url::parse(&get(address).1.unwrap()).unwrap();
        for forgery in forgeries(&good) {
            let mut forged = good.clone();
            forged.query_pairs_mut().clear().extend_pairs(&forgery);
            let (status, location, page) = get(forged.as_str());
            assert_eq!((status, location), (400, None), "{forgery:?}");
            assert!(!page.contains("pay me") && !page.contains("guessed"), "{page}");
        }
        let (_, page) = follow(good.as_str());
        assert!(page.contains("You are signed in"), "{page}");
    });
    ran.succeeded();
    assert_eq!(victim.world.records().len(), 2);
    assert_eq!(victim.world.sandbox.books().codes_redeemed, 2);
}

/// MCP 17.
#[test]
fn somebody_who_goes_on_guessing_ends_the_wait() {
    let victim = Victim::new();
    let ran = sign_in(victim.world.command(&["login", "box", "--no-browser"]), "", |address| {
        let address = Url::parse(address).unwrap();
        let (_, target) = address.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap();
        for number in 0..64 {
            assert_eq!(get(&format!("{target}?code=x&state={number}")).0, 400);
        }
    });
    ended(&ran, "guessing", 4, "too many wrong answers came to the port that waits for the browser");
    victim.is_unharmed();
}

/// MCP 18.
#[test]
fn an_answer_from_another_issuer_is_refused() {
    let victim = Victim::new();
    for (fault, message) in [
        (Fault::WrongIss, "the redirect names another issuer than the one that was asked"),
        (Fault::MissingIss, "the redirect names no issuer, although the issuer promises to name itself"),
    ] {
        let redeemed = victim.world.sandbox.books().codes_redeemed;
        let what = format!("{fault:?}");
        victim.suffers(&[fault]);
        ended(&victim.sign_in_again(&[]), &what, 5, message);
        assert_eq!(victim.world.sandbox.books().codes_redeemed, redeemed, "{what}: the code was redeemed");
        victim.is_unharmed();
    }
}

/// MCP 18.
/// An issuer that promises nothing and names itself all the same is held to it.
#[test]
fn a_wrong_name_is_refused_where_none_was_promised() {
    let victim = Victim::with(SandboxOptions { advertise_iss: false, ..SandboxOptions::default() });
    victim.suffers(&[Fault::WrongIss]);
    ended(&victim.sign_in_again(&[]), "wrong iss", 5, "names another issuer");
    assert_eq!(victim.world.sandbox.books().codes_redeemed, 1);
    victim.is_unharmed();
}

/// MCP 18.
/// RFC 9207 section 2.4: of an answer from elsewhere not even the words are shown.
#[test]
fn what_another_issuer_says_is_not_repeated() {
    let victim = Victim::new();
    let peer = Peer::start(at("/authorize", |seen| {
        let state = seen.parameter("state");
        let words = [
            ("error", "access_denied"),
            ("error_description", "pay me"),
            ("state", state.as_str()),
            ("iss", "https://evil.example"),
        ];
        redirect_back(seen, &words)
    }));
    let ran = victim.sign_in_to(&peer, &["-vvv"]);
    ended(&ran, "words from elsewhere", 5, "names another issuer");
    assert!(!ran.stderr.contains("pay me"), "{ran:?}");
    victim.is_unharmed();
}

/// MCP 56.
#[test]
fn an_answer_drives_no_terminal_and_does_not_go_on_for_ever() {
    let long = "\u{1b}]52;c;aGk=\u{7}\u{202e}\n✓ signed in\u{9b}2J".to_owned() + &"x".repeat(5000);
    let victim = Victim::new();
    for (error, exit, message) in
        [("access_denied", 4, "the sign-in was declined"), (long.as_str(), 4, "the issuer ended the sign-in")]
    {
        let (error, long) = (error.to_owned(), long.clone());
        let peer = Peer::start(at("/authorize", move |seen| {
            let state = seen.parameter("state");
            redirect_back(seen, &[("error", &error), ("error_description", &long), ("state", &state)])
        }));
        let ran = victim.sign_in_to(&peer, &["-vvv"]);
        ended(&ran, message, exit, message);
        assert!(ran.stderr.contains(r"\u{1b}]52;c;aGk=\u{7}\u{202e}\u{a}✓ signed in\u{9b}2J"), "{ran:?}");
    }
    victim.is_unharmed();
}

#[test]
fn an_empty_answer_breaks_the_protocol() {
    let victim = Victim::new();
    let peer =
        Peer::start(at("/authorize", |seen| redirect_back(seen, &[("state", &seen.parameter("state"))])));
    ended(&victim.sign_in_to(&peer, &[]), "empty", 8, "holds neither a code nor an error");
    assert!(!peer.was_asked_for("/token"));
    victim.is_unharmed();
}

#[test]
fn nobody_who_comes_is_waited_for_as_long_as_was_asked() {
    let victim = Victim::new();
    let args = ["login", "box", "--no-browser", "--timeout", "1"];
    let ran = sign_in(victim.world.command(&args), "", |_| {});
    ended(&ran, "nobody", 4, "nobody finished the sign-in within 1 s, nothing was stored");
    victim.is_unharmed();
}

/// MCP 20.
/// A pasted address is judged like one that a browser brings.
#[test]
fn a_pasted_answer_must_be_that_of_this_login() {
    let victim = Victim::new();
    for (what, pasted, exit, message) in [
        ("nothing", String::new(), 4, "login cancelled, nothing was stored"),
        ("words", "hello\n".into(), 5, "what was pasted is not the address that this login leads to"),
        (
            "another state",
            format!("http://127.0.0.1:51789/callback?code={CODE}&state=guessed\n"),
            5,
            "what was pasted is not the address that this login leads to",
        ),
        (
            "another host",
            format!("https://evil.example/callback?code={CODE}&state=guessed\n"),
            5,
            "what was pasted is not the address that this login leads to",
        ),
    ] {
        let ran = sign_in(victim.world.command(&["login", "box", "--paste"]), &pasted, |_| {});
        ended(&ran, what, exit, message);
        assert!(!ran.stderr.contains(CODE), "{ran:?}");
        victim.is_unharmed();
    }
}

/// MCP 28.
/// The issuer's page says that it does not know the client, so no answer ever comes. The attempt after the one
/// that waited in vain registers anew.
#[test]
fn a_client_that_the_issuer_forgot_is_registered_again() {
    let victim = Victim::new();
    victim.world.sandbox.forget_clients();
    let ran = victim.sign_in_again(&["--timeout", "1"]);
    ended(&ran, "forgotten", 4, "nobody finished the sign-in within 1 s, nothing was stored");
    victim.is_unharmed();
    victim.sign_in_again(&["--timeout", "20"]).succeeded();
    assert_eq!(victim.world.sandbox.books().registrations, 2);
}
