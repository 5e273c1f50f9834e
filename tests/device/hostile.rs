//! An issuer, or whoever poses as one, that wants the person elsewhere.

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use serde_json::{Value, json};

use crate::support::World;
use crate::{login, options};

/// A world whose issuer gives codes in these words.
fn saying(body: &Value) -> World {
    let fault = Fault::Body {
        endpoint: Endpoint::DeviceAuthorization,
        status: 200,
        content_type: "application/json".into(),
        body: body.to_string(),
        times: 9,
    };
    World::with(SandboxOptions { faults: vec![fault], ..options() })
}

fn codes(page: &str, complete: &str) -> Value {
    json!({ "device_code": "hunter2", "user_code": "AB\u{1b}[2J\u{202e}CD", "verification_uri": page,
        "verification_uri_complete": complete, "interval": 1 })
}

/// MCP 51.
#[test]
fn nobody_is_sent_to_a_page_that_is_not_vouched_for() {
    for page in [
        "http://issuer.example/device",
        "https://user:word@issuer.example/device",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://169.254.169.254/device",
    ] {
        let refused = login(&saying(&codes(page, page)), &[]);
        refused.failed(5);
        assert!(!refused.stderr.contains("enter the code"), "{page}: {refused:?}");
    }
}

/// MCP 56.
#[test]
fn what_the_issuer_says_drives_no_terminal_and_a_bad_link_is_left_out() {
    let world = saying(&codes("https://issuer.example/\u{1b}[2J", "http://elsewhere.example/AB"));
    let said = login(&world, &["--timeout", "1", "-vv"]);
    assert!(said.stderr.contains(r"    AB\u{1b}[2J\u{202e}CD"), "{said:?}");
    assert!(said.stderr.contains("    https://issuer.example/%1B[2J\n"), "{said:?}");
    for unsaid in ["\u{1b}", "\u{202e}", "elsewhere.example", "hunter2"] {
        assert!(!said.stderr.contains(unsaid), "{unsaid:?}: {said:?}");
    }
}

#[test]
fn a_code_for_the_device_is_shown_nowhere() {
    let world = World::with(SandboxOptions { device_polls: 1, ..options() });
    let said = login(&world, &["-vv", "--explain"]);
    let sent = world.sandbox.books().last_token_request.unwrap();
    assert!(sent["device_code"].starts_with("sandbox_device_"));
    assert!(!said.succeeded().stderr.contains("sandbox_device_"), "{said:?}");
    assert!(!world.record().contains("sandbox_device_"));
}
