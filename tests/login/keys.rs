//! Clients that prove themselves with a key (RFC 7523), and with a secret that is shown in the wrong way.

use mcpauth::sandbox::{AssertionAudience, Endpoint, Fault, Preregistered, PublicKey, SandboxOptions};
use serde_json::{Value, json};

use crate::support::{Ran, World, get};

const REDIRECT: &str = "http://127.0.0.1/callback";
const RSA: &str = include_str!("../fixtures/keys/rsa.pem");
const RSA_PUBLIC: &str = include_str!("../fixtures/keys/rsa.pub.pem");
const EC: &str = include_str!("../fixtures/keys/ec.pem");
const EC_PUBLIC: &str = include_str!("../fixtures/keys/ec.pub.pem");

/// A world whose issuer knows the client `robot` by its key, and no other.
fn world_of(key: &str, options: SandboxOptions) -> World {
    let world = World::with(SandboxOptions { registration: false, any_loopback_port: true, ..options });
    world.sandbox.preregister(Preregistered {
        id: "robot".into(),
        secret: None,
        key: Some(PublicKey::Pem(key.into())),
        grant_types: ["authorization_code", "refresh_token", "client_credentials"].map(String::from).into(),
        redirect_uris: vec![REDIRECT.into()],
    });
    world
}

/// Signs in as that client, with a key in a file that is gone afterwards.
fn login_with(world: &World, key: &str, flags: &[&str]) -> Ran {
    let file = world.home().join("key.pem");
    std::fs::write(&file, key).unwrap();
    let file_name = file.to_string_lossy();
    let ran = world.login(&[&["--client-id", "robot", "--key", &file_name, "-v"], flags].concat());
    std::fs::remove_file(&file).unwrap();
    ran
}

/// What the last assertion said: its header and its claims.
fn last_assertion(world: &World) -> (Value, Value) {
    let sent = world.sandbox.books().last_token_request.unwrap();
    let part = |at: usize| {
        use base64::Engine as _;
        let part = sent["client_assertion"].split('.').nth(at).unwrap().to_owned();
        serde_json::from_slice(&base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    (part(0), part(1))
}

/// MCP 38.
#[test]
fn a_client_with_a_key_signs_anew_for_each_request_and_for_its_issuer_alone() {
    for (private, public, algorithm) in [(EC, EC_PUBLIC, "ES256"), (RSA, RSA_PUBLIC, "RS256")] {
        let world = world_of(public, SandboxOptions::default());
        let login = login_with(&world, private, &["--key-id", "k1"]);
        login.succeeded();
        let (header, claims) = last_assertion(&world);
        assert_eq!(header, json!({ "alg": algorithm, "typ": "client-authentication+jwt", "kid": "k1" }));
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("robot"), &json!("robot")));
        assert_eq!(claims["aud"], world.sandbox.origin());
        let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert!((1..=300).contains(&lifetime), "{lifetime}");

        world.run(&["refresh", "box"]).succeeded();
        let (_, again) = last_assertion(&world);
        assert_ne!(again["jti"], claims["jti"]);
        // Whoever gives a token back proves himself as well.
        let logout = world.run(&["logout", "box"]);
        assert_eq!(logout.succeeded().stderr.matches("at the issuer: done").count(), 2, "{logout:?}");
        assert_eq!(world.sandbox.books().violations, Vec::<String>::new());

        let lines: Vec<&str> = private.lines().filter(|line| !line.starts_with('-')).collect();
        let said = format!("{login:?}{logout:?}");
        assert!(lines.iter().all(|line| !said.contains(line)), "the key is said: {said}");
    }
}

/// MCP 38.
#[test]
fn an_issuer_of_old_gets_its_token_endpoint_as_the_audience() {
    let assertion_audience = AssertionAudience::TokenEndpoint;
    let world = world_of(EC_PUBLIC, SandboxOptions { assertion_audience, ..SandboxOptions::default() });
    login_with(&world, EC, &[]).failed_with(4, "invalid_client");
    login_with(&world, EC, &["--assertion-audience", "token-endpoint"]).succeeded();
    assert_eq!(last_assertion(&world).1["aud"], format!("{}/token", world.sandbox.origin()));
    world.run(&["refresh", "box"]).succeeded();
}

#[test]
fn a_key_that_the_issuer_does_not_know_ends_the_login_and_is_tried_in_no_other_way() {
    let world = world_of(RSA_PUBLIC, SandboxOptions::default());
    login_with(&world, EC, &[]).failed_with(4, "invalid_client");
    let posts = world.sandbox.books().requests;
    assert_eq!(posts.iter().filter(|request| *request == "POST /token").count(), 1);
    assert!(world.records().is_empty());
}

/// MCP 45.
#[test]
fn a_machine_signs_in_with_its_key_and_again_whenever_it_needs_a_token() {
    let world = world_of(EC_PUBLIC, SandboxOptions::default());
    login_with(&world, EC, &["--grant", "client-credentials"]).succeeded();
    let sent = world.sandbox.books().last_token_request.unwrap();
    assert_eq!((sent["grant_type"].as_str(), sent.get("client_id")), ("client_credentials", None));
    assert_eq!(sent["resource"], world.url());
    world.run(&["refresh", "box"]).succeeded();
}

/// Metadata that promises another way to show a secret than the one that works.
fn misleading(world: &World, promised: &str) {
    let url = world.sandbox.origin().to_owned() + "/.well-known/oauth-authorization-server";
    let mut metadata: Value = serde_json::from_str(&get(&url).2).unwrap();
    metadata["token_endpoint_auth_methods_supported"] = json!([promised]);
    let lie = Fault::Body {
        endpoint: Endpoint::IssuerMetadata,
        status: 200,
        content_type: "application/json".into(),
        body: metadata.to_string(),
        times: 99,
    };
    world.sandbox.change(|options| options.faults = vec![lie]);
}

fn token_requests(world: &World) -> usize {
    world.sandbox.books().requests.iter().filter(|request| *request == "POST /token").count()
}

/// MCP 37.
#[test]
fn a_secret_is_shown_in_the_other_way_once_and_what_worked_is_kept() {
    for (promised, taken) in
        [("client_secret_basic", "client_secret_post"), ("client_secret_post", "client_secret_basic")]
    {
        let options = SandboxOptions {
            auth_methods: vec![taken.into()],
            registration: false,
            ..SandboxOptions::default()
        };
        let world = World::with(SandboxOptions { any_loopback_port: true, ..options });
        world.sandbox.add_client("brought", Some("s3cret"), &[REDIRECT]);
        misleading(&world, promised);

        let flags = ["--client-id", "brought", "--client-secret-stdin"];
        world.login_with_input(&flags, "s3cret\n").succeeded();
        assert_eq!(
            (world.sandbox.books().last_auth_method.as_deref(), token_requests(&world)),
            (Some(taken), 2)
        );
        // Neither the login nor the next one has to find out again.
        world.run(&["refresh", "box"]).succeeded();
        assert_eq!(token_requests(&world), 3);
        world.login(&[]).succeeded();
        assert_eq!(token_requests(&world), 4);
    }
}

/// MCP 37.
#[test]
fn an_issuer_that_changes_its_mind_about_secrets_costs_one_request_once() {
    let world = World::with(SandboxOptions {
        registration: false,
        any_loopback_port: true,
        ..SandboxOptions::default()
    });
    world.sandbox.add_client("brought", Some("s3cret"), &[REDIRECT]);
    let flags = ["--client-id", "brought", "--client-secret-stdin"];
    world.login_with_input(&flags, "s3cret").succeeded();
    let before = world.sandbox.books().last_auth_method.unwrap();
    let other = if before == "client_secret_post" { "client_secret_basic" } else { "client_secret_post" };
    world.sandbox.change(|options| options.auth_methods = vec![other.into()]);
    let asked = token_requests(&world);
    world.run(&["refresh", "box"]).succeeded();
    assert_eq!(token_requests(&world), asked + 2);
    world.run(&["refresh", "box"]).succeeded();
    assert_eq!(token_requests(&world), asked + 3);
    world.login(&[]).succeeded();
    assert_eq!(token_requests(&world), asked + 4);
}

#[test]
fn a_login_without_a_person_is_renewed_as_often_as_it_is_needed() {
    let world = world_of(EC_PUBLIC, SandboxOptions::default());
    login_with(&world, EC, &["--grant", "client-credentials"]).succeeded();
    for _ in 0..3 {
        world.run(&["refresh", "box"]).succeeded();
    }
    assert_eq!(world.sandbox.books().grants_asked["client_credentials"], 4);
}
