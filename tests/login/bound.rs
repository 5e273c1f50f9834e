//! Tokens that are bound to a key of mcpauth (RFC 9449).

use mcpauth::sandbox::{Dpop, Endpoint, Fault, Preregistered, SandboxOptions};

use crate::support::{Ran, World};

/// A world that binds tokens, and a login there.
fn bound(options: SandboxOptions) -> World {
    let world = World::with(SandboxOptions { dpop: Dpop::Required, ..options });
    world.login(&[]).succeeded();
    world
}

fn token_type(world: &World) -> String {
    let status = world.run(&["status", "--json"]).json();
    status["logins"][0]["tokens"]["token_type"].as_str().unwrap().to_owned()
}

fn token_requests(world: &World) -> usize {
    world.sandbox.books().requests.iter().filter(|request| *request == "POST /token").count()
}

/// MCP 48.
#[test]
fn a_server_that_demands_bound_tokens_gets_them_without_a_flag() {
    let world = bound(SandboxOptions::default());
    assert_eq!(token_type(&world), "DPoP");
    world.run(&["refresh", "box"]).succeeded();
    assert_eq!(token_type(&world), "DPoP");
    let books = world.sandbox.books();
    assert_eq!((books.proofs, books.refreshes, books.reuses), (2, 1, 0));
    assert_eq!(books.violations, Vec::<String>::new());
    world.run(&["logout", "box"]).succeeded();
}

/// MCP 48.
#[test]
fn a_nonce_costs_one_more_request_and_is_no_failure() {
    let world = bound(SandboxOptions { dpop_nonce: true, ..SandboxOptions::default() });
    assert_eq!((token_requests(&world), world.sandbox.books().nonces_asked), (2, 1));
    world.sandbox.change_nonces();
    let refresh = world.run(&["refresh", "box", "-v"]);
    assert!(!refresh.succeeded().stderr.contains("trying again"), "{refresh:?}");
    let books = world.sandbox.books();
    assert_eq!((token_requests(&world), books.refreshes, books.reuses), (4, 1, 0));
}

#[test]
fn an_issuer_that_is_never_content_with_a_nonce_is_in_trouble_that_passes() {
    let world = bound(SandboxOptions::default());
    let before = world.record();
    world.sandbox.change(|options| options.faults = nonce_forever());
    let asked = token_requests(&world);
    let Ran { exit, stderr, .. } = world.run(&["token", "box", "--force-refresh", "--field", "scope"]);
    assert!(exit == 6 && stderr.contains("use_dpop_nonce"), "{exit} {stderr}");
    // Without a nonce to repeat, nothing is asked twice but what is asked again anyway.
    assert!(token_requests(&world) <= asked + 3, "{}", token_requests(&world));
    assert_eq!(world.record(), before);
    world.sandbox.change(|options| options.faults.clear());
    world.after_a_while().run(&["refresh", "box"]).succeeded();
}

fn nonce_forever() -> Vec<Fault> {
    vec![Fault::Body {
        endpoint: Endpoint::Token,
        status: 400,
        content_type: "application/json".into(),
        body: r#"{"error":"use_dpop_nonce"}"#.into(),
        times: 99,
    }]
}

/// MCP 48.
#[test]
fn whoever_asks_for_a_bound_token_is_sent_to_the_command_that_can_use_it() {
    let world = bound(SandboxOptions::default());
    let handed_out = || world.run(&["audit", "--json"]).succeeded().stdout.matches("handed_out").count();
    let before = handed_out();
    for command in [
        &["token", "box"][..],
        &["token", "box", "--header"],
        &["token", "box", "--field", "access_token"],
        &["--json", "token", "box"],
        &["headers", "box"],
        &["exec", "-s", "box", "--", "true"],
        &["exec", "-e", "A=box:header", "--", "true"],
    ] {
        let ran = world.run(command);
        assert_eq!((ran.exit, ran.stdout.as_str()), (2, ""), "{command:?}: {ran:?}");
        assert!(ran.stderr.contains("bound to a key of mcpauth (DPoP)"), "{command:?}: {ran:?}");
        assert!(ran.stderr.contains("mcpauth call box"), "{command:?}: {ran:?}");
    }
    // Nothing was handed out, so nothing is written down.
    assert_eq!(handed_out(), before);

    let scope = world.run(&["token", "box", "--field", "scope"]);
    assert_eq!(scope.succeeded().stdout, "mcp:basic\n");
    assert!(world.run(&["list"]).succeeded().stdout.contains("DPoP"));
    assert!(world.run(&["status"]).succeeded().stdout.contains("bound to a key (DPoP)"));
}

#[test]
fn where_binding_is_only_offered_it_takes_a_wish() {
    let world = World::with(SandboxOptions { dpop: Dpop::Offered, ..SandboxOptions::default() });
    world.login(&[]).succeeded();
    assert_eq!((token_type(&world).as_str(), world.sandbox.books().proofs), ("Bearer", 0));
    world.run(&["token", "box"]).succeeded();
    world.login(&["--dpop", "always"]).succeeded();
    assert_eq!(token_type(&world), "DPoP");
    // The wish is settled with the server.
    world.login(&[]).succeeded();
    assert_eq!(token_type(&world), "DPoP");
    world.login(&["--dpop", "never"]).succeeded();
    assert_eq!(token_type(&world), "Bearer");
}

#[test]
fn a_wish_that_cannot_be_granted_is_no_login() {
    let world = World::new();
    world.login(&["--dpop", "always"]).failed_with(2, "does not bind tokens to a key");
    assert!(world.records().is_empty() && world.sandbox.books().registrations == 0);
}

#[test]
fn every_login_has_a_key_of_its_own_to_which_the_code_is_bound_already() {
    let world = bound(SandboxOptions::default());
    let name = || world.sandbox.books().last_authorize.unwrap()["dpop_jkt"].clone();
    let first = name();
    world.login(&[]).succeeded();
    assert_ne!(name(), first);
}

#[test]
fn who_signed_in_is_learnt_with_a_proof_too() {
    let options = SandboxOptions { dpop: Dpop::Required, dpop_nonce: true, ..SandboxOptions::default() };
    let world = World::with(SandboxOptions { faults: vec![Fault::NoIdToken], ..options });
    world.login(&["--scope", "openid mcp:basic"]).succeeded();
    let status = world.run(&["status", "--json"]).json();
    assert_eq!(status["logins"][0]["login"]["identity"]["sub"], "sandy");
    let asked = world.sandbox.books().requests;
    assert_eq!(asked.iter().filter(|request| *request == "GET /userinfo").count(), 2, "{asked:?}");
}

/// MCP 45, 48.
#[test]
fn a_machine_binds_its_tokens_as_well() {
    let world = World::with(SandboxOptions { dpop: Dpop::Required, ..SandboxOptions::default() });
    world.sandbox.preregister(Preregistered {
        id: "robot".into(),
        secret: Some("s3cret".into()),
        key: None,
        grant_types: vec!["client_credentials".into()],
        redirect_uris: Vec::new(),
    });
    let flags = ["--grant", "client-credentials", "--client-id", "robot", "--client-secret-stdin"];
    world.login_with_input(&flags, "s3cret").succeeded();
    assert_eq!(token_type(&world), "DPoP");
    world.run(&["refresh", "box"]).succeeded();
    assert_eq!((token_type(&world).as_str(), world.sandbox.books().proofs), ("DPoP", 2));
}
