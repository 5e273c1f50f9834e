//! Trouble on the way, while a person types.

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};

use crate::support::World;
use crate::{login, options};

const ENDPOINT: Endpoint = Endpoint::Token;

fn world(fault: Fault) -> World {
    World::with(SandboxOptions { faults: vec![fault], device_polls: 1, ..options() })
}

fn token_requests(world: &World) -> usize {
    world.sandbox.books().requests.iter().filter(|request| *request == "POST /token").count()
}

/// MCP 50.
#[test]
fn a_question_that_got_lost_is_asked_again() {
    for fault in [
        Fault::Status { endpoint: ENDPOINT, status: 503, times: 1, retry_after: Some(1) },
        Fault::Reset { endpoint: ENDPOINT, times: 1 },
        Fault::LostAnswer { endpoint: ENDPOINT, times: 1 },
    ] {
        let told = format!("{fault:?}");
        let world = world(fault);
        let ran = login(&world, &["-v"]);
        assert!(ran.succeeded().stderr.contains("asking again in"), "{told}: {ran:?}");
        let books = world.sandbox.books();
        assert_eq!(books.violations, Vec::<String>::new(), "{told}");
    }
}

/// MCP 50.
#[test]
fn an_issuer_that_finds_us_too_fast_is_left_alone_for_longer() {
    for status in [400, 429] {
        let body = r#"{"error":"slow_down"}"#.to_owned();
        let content_type = "application/json".into();
        let world = world(Fault::Body { endpoint: ENDPOINT, status, content_type, body, times: 1 });
        // Asking every second would be done by then.
        login(&world, &["--timeout", "4"]).failed_with(4, "nobody finished");
        assert_eq!(token_requests(&world), 1, "{status}");
    }
}

#[test]
fn an_issuer_in_trouble_is_not_the_end_of_a_code() {
    let times = 9;
    let fault = Fault::Status { endpoint: ENDPOINT, status: 500, times, retry_after: None };
    let world = world(fault);
    login(&world, &["--timeout", "4"]).failed_with(4, "nobody finished");
    // After one second and, twice as long each time, after two more: 1, 3, then 7.
    assert_eq!(token_requests(&world), 2);
}

#[test]
fn trouble_before_there_is_a_code_is_told_at_once() {
    let endpoint = Endpoint::DeviceAuthorization;
    let world = world(Fault::Status { endpoint, status: 503, times: 1, retry_after: Some(7) });
    login(&world, &[]).failed_with(6, "503");
}
