//! As whom a device signs in.

use mcpauth::sandbox::{Preregistered, SandboxOptions};

use crate::support::World;
use crate::{login, options};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn known(secret: Option<&str>) -> Preregistered {
    Preregistered {
        id: "ours".into(),
        secret: secret.map(str::to_owned),
        key: None,
        grant_types: [DEVICE_CODE, "refresh_token"].map(String::from).into(),
        redirect_uris: Vec::new(),
    }
}

#[test]
fn a_client_that_the_issuer_forgot_is_replaced() {
    let world = World::with(options());
    login(&world, &[]).succeeded();
    login(&world, &[]).succeeded();
    assert_eq!(world.sandbox.books().registrations, 1);
    world.sandbox.forget_clients();
    let again = login(&world, &[]);
    assert!(again.succeeded().stderr.contains("registering anew"), "{again:?}");
    assert_eq!(world.sandbox.books().registrations, 2);
}

#[test]
fn a_browser_on_this_machine_and_one_elsewhere_take_turns() {
    let world = World::with(options());
    world.login(&[]).succeeded();
    login(&world, &[]).succeeded();
    world.run(&["refresh", "box"]).succeeded();
    world.login(&[]).succeeded();
    world.run(&["refresh", "box"]).succeeded();
    assert_eq!(world.sandbox.books().violations, Vec::<String>::new());
}

#[test]
fn a_client_of_the_users_own_is_used_and_none_registered() {
    for methods in [["client_secret_basic"], ["client_secret_post"]] {
        let auth_methods = methods.map(String::from).into();
        let world = World::with(SandboxOptions { auth_methods, device_polls: 1, ..options() });
        world.sandbox.preregister(known(Some("s3cret")));
        let flags = ["--device", "--client-id", "ours", "--client-secret-stdin"];
        world.login_with_input(&flags, "s3cret").succeeded();
        world.run(&["refresh", "box"]).succeeded();
        assert_eq!(world.sandbox.books().registrations, 0);
    }
}

#[test]
fn where_no_client_can_be_had_the_hint_says_how_to_bring_one() {
    let world = World::with(SandboxOptions { registration: false, ..options() });
    let refused = login(&world, &[]);
    let advice = refused.failed_with(2, "registers no clients").advice().to_owned();
    assert!(!refused.stderr.contains("redirect"), "{refused:?}");
    world.sandbox.preregister(known(None));
    let line = advice.replace("--client-id ID", "--client-id ours");
    let typed = world.typed(&format!("{line} --store file"));
    crate::support::steps::run(typed).succeeded();
    world.run(&["token", "box"]).succeeded();
}
