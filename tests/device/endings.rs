//! Every way in which it comes to nothing: nothing is stored, and the hint leads to where it can go on.

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};

use crate::support::World;
use crate::{login, options};

fn answer(endpoint: Endpoint, body: &str, times: u32) -> Fault {
    let content_type = "application/json".into();
    Fault::Body { endpoint, status: 400, content_type, body: body.into(), times }
}

#[test]
fn a_person_declines_and_may_try_again() {
    let world = World::with(SandboxOptions { faults: vec![Fault::Declined], ..options() });
    let declined = login(&world, &[]);
    let advice = declined.failed_with(4, "declined").advice().to_owned();
    assert!(advice.ends_with(" --device"), "{advice}");
    assert!(world.records().is_empty());
    world.sandbox.change(|options| options.faults.clear());
    world.login_as_advised(&declined).succeeded();
}

#[test]
fn a_code_that_ends_is_told_from_a_person_who_does_not_come() {
    let world = World::with(SandboxOptions { device_lifetime: 0, ..options() });
    login(&world, &[]).failed_with(4, "the code ended before");
    assert_eq!(world.sandbox.books().device_polls, 0);
    world.sandbox.change(|options| {
        options.device_lifetime = 600;
        options.faults = vec![answer(Endpoint::Token, r#"{"error":"expired_token"}"#, 1)];
    });
    let ended = login(&world, &[]);
    assert!(ended.failed_with(4, "the code ended before").advice().ends_with(" --device"), "{ended:?}");
    world.sandbox.change(|options| options.device_polls = 99);
    login(&world, &["--timeout", "2"]).failed_with(4, "nobody finished the sign-in within 2 s");
    assert!(world.records().is_empty());
}

#[cfg(unix)]
#[test]
fn an_interruption_is_answered_at_once() {
    use nix::sys::signal::{Signal, kill};

    let world = World::with(SandboxOptions { device_polls: 99, device_interval: 60, ..options() });
    let (child, seen, _) = crate::start(&world, &[]);
    kill(nix::unistd::Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    crate::finish(child, seen).failed_with(4, "login cancelled, nothing was stored");
    assert!(world.records().is_empty() && world.sandbox.books().device_polls == 0);
}

#[test]
fn an_issuer_without_devices_is_signed_in_to_by_pasting() {
    let world = World::new();
    let refused = login(&world, &[]);
    let advice = refused.failed_with(2, "offers no sign-in on another device").advice();
    assert!(advice.ends_with(" --paste") && !advice.contains("--device"), "{advice}");
    assert_eq!(world.sandbox.books().registrations, 0);

    let narrow = login(&world, &["--scope", "mcp:basic"]);
    let url = world.url();
    assert_eq!(narrow.advice(), format!("mcpauth login {url} --name box --scope mcp:basic --paste"));
    world.run(&["server", "add", &url, "--name", "box", "--grant", "device"]).succeeded();
    let settled = world.run(&["login", "box", "--scope", "mcp:basic", "--store", "file"]);
    assert_eq!(settled.advice(), "mcpauth login box --scope mcp:basic --grant authorization-code --paste");
}

#[test]
fn whoever_asks_for_code_after_code_is_slowed_down() {
    let world = World::with(SandboxOptions { device_lifetime: 0, ..options() });
    for _ in 0..5 {
        login(&world, &[]).failed_with(4, "the code ended");
    }
    login(&world, &[]).failed_with(6, "five sign-ins at box came to nothing");
}

#[test]
fn an_issuer_that_refuses_a_code_is_quoted() {
    let fault = answer(Endpoint::DeviceAuthorization, r#"{"error":"device_flow_disabled"}"#, 9);
    let world = World::with(SandboxOptions { faults: vec![fault], ..options() });
    login(&world, &[]).failed_with(4, "refused the request: device_flow_disabled");
}
