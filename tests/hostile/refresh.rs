//! An issuer that misbehaves while a login is refreshed.

use mcpauth::sandbox::{Endpoint, Fault};

use crate::victim::{Victim, ended};

const TOKEN: Endpoint = Endpoint::Token;

fn body(status: u16, body: &str) -> Fault {
    Fault::Body {
        endpoint: TOKEN,
        status,
        content_type: "application/json".into(),
        body: body.into(),
        times: 9,
    }
}

/// The login is kept as it was, and whoever does not insist on a new token gets the one that is still good. Each
/// trouble meets somebody whom nothing has met before: what went wrong lately is remembered.
#[test]
fn trouble_at_a_refresh_costs_nobody_the_login() {
    let status = |status, retry_after| Fault::Status { endpoint: TOKEN, status, times: 99, retry_after };
    let troubles = vec![
        (Fault::Huge { endpoint: TOKEN }, 8, "answered with more than"),
        (Fault::Silence { endpoint: TOKEN }, 6, "did not answer within 1 s"),
        (Fault::Html { endpoint: TOKEN }, 6, "with a web page instead of OAuth (a captive portal?)"),
        (status(307, None), 6, "with a redirect instead of OAuth (a captive portal?)"),
        (status(503, Some(99)), 6, "try again in 99 s"),
        (status(429, Some(99)), 6, "answered 429"),
        (status(429, None), 6, "answered 429"),
        (status(408, None), 6, "answered 408"),
        (body(200, "{}"), 8, "there is no access_token"),
        (body(200, r#"{"access_token":"a\r\nb"}"#), 8, "characters that no header may hold"),
        (body(200, r#"{"access_token":"a","access_token":"b"}"#), 8, "double"),
        (body(200, "{\"access_token\": tru"), 8, "it is not JSON"),
        // As real issuers answer a wrong resource, or a token that they do not know: no word of OAuth.
        (body(500, "wrong resource"), 6, "answered 500"),
        (body(400, ""), 3, "refused to refresh: http_400"),
        (body(401, ""), 3, "refused to refresh: http_401"),
        (body(400, "no such token"), 3, "refused to refresh"),
        (body(401, "<html>no such token"), 3, "refused to refresh: http_401"),
        (body(400, r#"{"error":"of_their_own"}"#), 3, "refused to refresh: of_their_own"),
        (body(200, r#"{"error":"server_error"}"#), 6, "answered server_error"),
        (body(400, r#"{"error":"invalid_client"}"#), 3, "refused to refresh: invalid_client"),
        (body(400, r#"{"error":"\u001b[2J","error_description":"\u202e\n"}"#), 3, r"\u{1b}[2J (\u{202e}"),
    ];
    // Most of the time of most of them is waiting.
    std::thread::scope(|threads| {
        for (fault, exit, message) in troubles {
            threads.spawn(move || costs_nobody_the_login(fault, exit, message));
        }
    });
}

fn costs_nobody_the_login(fault: Fault, exit: i32, message: &str) {
    let mut victim = Victim::new();
    let what = format!("{fault:?}");
    victim.waits(matches!(fault, Fault::Silence { .. }).then_some(1));
    victim.suffers(&[fault]);
    ended(&victim.run(&["token", "box", "--force-refresh"]), &what, exit, message);
    victim.keeps_everything();
    let gentle = victim.run(&["token", "box", "--min-ttl", "2h"]);
    assert_eq!((gentle.exit, gentle.stdout.trim_end()), (0, victim.token.as_str()), "{what}: {gentle:?}");
    assert!(gentle.stderr.starts_with("warning: "), "{what}: {gentle:?}");
    assert!(gentle.stderr.contains("using the token that is still valid"), "{what}: {gentle:?}");
    victim.is_unharmed();
    // And the refresh token was not spent by any of it.
    victim.world.after_a_while();
    victim.run(&["refresh", "box"]).succeeded();
    assert_eq!(victim.world.sandbox.books().reuses, 0, "{what}");
}

/// The final word of an issuer is written down; the token that is still good is handed out all the same.
#[test]
fn an_ended_login_says_so_and_still_gives_what_lives() {
    let victim = Victim::new();
    victim.suffers(&[Fault::ErrorWith200]);
    let ran = victim.run(&["token", "box", "--force-refresh"]);
    ended(&ran, "ended", 3, "the issuer ended this login (invalid_grant (with status 200))");
    assert!(ran.stderr.contains("hint: run `mcpauth login box`"), "{ran:?}");
    let gentle = victim.run(&["token", "box"]);
    assert_eq!((gentle.exit, gentle.stdout.trim_end()), (0, victim.token.as_str()), "{gentle:?}");
    let asked = victim.world.sandbox.books().refresh_attempts;
    ended(&victim.run(&["token", "box", "--force-refresh"]), "again", 3, "ended this login (invalid_grant");
    assert_eq!(victim.world.sandbox.books().refresh_attempts, asked, "the issuer was asked again");
}

/// A login is not lost to a logout that the issuer does not hear, and the person is told what may live on.
#[test]
fn a_logout_that_the_issuer_does_not_hear_says_so() {
    let mut victim = Victim::new();
    victim.waits(Some(1));
    victim.suffers(&[Fault::Silence { endpoint: Endpoint::Revocation }]);
    let ran = victim.run(&["logout", "box"]);
    ran.succeeded();
    assert!(ran.stderr.contains("failed, it may live on there until it ends"), "{ran:?}");
    assert!(victim.world.records().is_empty());
}
