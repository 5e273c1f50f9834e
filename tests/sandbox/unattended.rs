//! Clients that sign in without a person: by secret, or by an assertion (RFC 6749 section 4.4, RFC 7523).

use mcpauth::sandbox::{AssertionAudience, Preregistered};
use serde_json::{Value, json};

use super::keys::{Signer, changed, fresh_id, now};
use super::world::{Parameters, Reply, World};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn robot() -> Preregistered {
    Preregistered {
        id: "robot".into(),
        secret: None,
        key: None,
        grant_types: vec!["client_credentials".into()],
        redirect_uris: Vec::new(),
    }
}

fn asking(world: &World) -> Parameters {
    Parameters::new(&[
        ("grant_type", "client_credentials"),
        ("scope", "mcp:basic"),
        ("resource", &world.sandbox.mcp_url()),
    ])
}

fn claims(world: &World) -> Value {
    json!({
        "iss": "robot", "sub": "robot", "aud": world.sandbox.origin(), "jti": fresh_id(), "iat": now(),
        "exp": now() + 60,
    })
}

async fn assert(world: &World, assertion: &str) -> Reply {
    let form = asking(world).with("client_assertion_type", ASSERTION_TYPE);
    world.post("/token", &form.with("client_assertion", assertion)).await
}

#[tokio::test]
async fn a_robot_with_a_secret_gets_a_token_and_nothing_to_refresh() {
    let client = Preregistered { secret: Some("a secret".into()), ..robot() };
    let world = World::with(|options| options.preregistered = vec![client]);
    let issuer = world.get("/.well-known/oauth-authorization-server").await.json();
    assert!(issuer["grant_types_supported"].as_array().unwrap().contains(&json!("client_credentials")));

    let form = asking(&world).with("client_id", "robot").with("client_secret", "a secret");
    let tokens = world.post("/token", &form).await;
    assert_eq!((tokens.status, tokens.json().get("refresh_token")), (200, None));
    assert_eq!(world.knock(&tokens.member("access_token")).await, 200);
    let guessed = form.clone().with("client_secret", "guessed");
    assert_eq!(world.post("/token", &guessed).await.error(), (401, "invalid_client".into()));
    let elsewhere = form.clone().with("resource", "https://elsewhere.example/mcp");
    assert_eq!(world.post("/token", &elsewhere).await.error(), (400, "invalid_target".into()));
    assert_eq!(
        world.post("/token", &form.with("grant_type", "refresh_token")).await.error(),
        (400, "invalid_request".into())
    );
    let books = world.sandbox.books();
    assert_eq!((books.grants_asked["client_credentials"], &*books.families[0].sub), (3, "robot"));
}

#[tokio::test]
async fn a_robot_that_is_nobody_in_particular_gets_nothing() {
    let world = World::with(|options| options.preregistered = vec![robot()]);
    let form = asking(&world).with("client_id", "robot");
    assert_eq!(world.post("/token", &form).await.error(), (400, "unauthorized_client".into()));
    let person = asking(&world).with("client_id", "client");
    assert_eq!(world.post("/token", &person).await.error(), (400, "unauthorized_client".into()));
}

#[tokio::test]
async fn a_robot_signs_with_either_algorithm_and_a_key_in_either_form() {
    let in_pem = Signer::of_fixtures();
    let in_jwk = Signer::of_fixtures().map(|(signer, _)| {
        let key = signer.public();
        (signer, key)
    });
    for (signer, key) in in_pem.into_iter().chain(in_jwk) {
        let client = Preregistered { key: Some(key), ..robot() };
        let world = World::with(|options| options.preregistered = vec![client]);
        let issuer = world.get("/.well-known/oauth-authorization-server").await.json();
        let methods = issuer["token_endpoint_auth_methods_supported"].as_array().unwrap();
        assert!(methods.contains(&json!("private_key_jwt")));
        let assertion = signer.sign(json!({}), &claims(&world));
        assert_eq!(assert(&world, &assertion).await.status, 200);
        assert_eq!(world.sandbox.books().last_auth_method.as_deref(), Some("private_key_jwt"));
        // An assertion works once.
        assert_eq!(assert(&world, &assertion).await.error(), (401, "invalid_client".into()));
        assert_eq!(world.sandbox.books().client_assertions, 1);
        let other = Signer::es256().sign(json!({}), &claims(&world));
        assert_eq!(assert(&world, &other).await.error(), (401, "invalid_client".into()));
    }
}

#[tokio::test]
async fn an_assertion_with_one_thing_wrong_is_worth_nothing() {
    let signer = Signer::es256();
    let client = Preregistered { key: Some(signer.public()), ..robot() };
    let world = World::with(|options| options.preregistered = vec![client]);
    for (change, why) in [
        (json!({ "iss": "client" }), "iss"),
        (json!({ "sub": "client" }), "own method"),
        (json!({ "aud": world.url("/token") }), "aud"),
        (json!({ "aud": [world.sandbox.origin(), "https://elsewhere.example"] }), "aud"),
        (json!({ "aud": null }), "aud"),
        (json!({ "exp": now() - 1 }), "expired"),
        (json!({ "exp": now() + 3600 }), "300 s"),
        (json!({ "exp": null }), "exp"),
        (json!({ "iat": now() + 600 }), "iat"),
        (json!({ "nbf": now() + 600 }), "nbf"),
        (json!({ "jti": null }), "jti"),
    ] {
        let assertion = signer.sign(json!({}), &changed(claims(&world), &change));
        let reply = assert(&world, &assertion).await;
        assert_eq!(reply.error(), (401, "invalid_client".into()), "{change}");
        assert!(reply.member("error_description").contains(why), "{change}: {}", reply.text);
    }
    let unsigned = signer.sign(json!({ "alg": "none" }), &claims(&world));
    assert_eq!(assert(&world, &unsigned).await.status, 401);
    let two_ways = asking(&world).with("client_assertion_type", ASSERTION_TYPE).with("client_secret", "x");
    let two_ways = two_ways.with("client_assertion", &signer.sign(json!({}), &claims(&world)));
    assert_eq!(world.post("/token", &two_ways).await.error(), (400, "invalid_request".into()));
    assert_eq!(world.sandbox.books().client_assertions, 0);
    assert_eq!(assert(&world, &signer.sign(json!({}), &claims(&world))).await.status, 200);
}

#[tokio::test]
async fn some_issuers_want_the_token_endpoint_as_audience() {
    let signer = Signer::es256();
    let client = Preregistered { key: Some(signer.public()), ..robot() };
    let world = World::with(|options| options.preregistered = vec![client]);
    let status = async |audience: &str| {
        let claims = changed(claims(&world), &json!({ "aud": audience }));
        assert(&world, &signer.sign(json!({}), &claims)).await.status
    };
    let (issuer, endpoint) = (world.url(""), world.url("/token"));
    for (knob, statuses) in [
        (AssertionAudience::Issuer, (200, 401)),
        (AssertionAudience::TokenEndpoint, (401, 200)),
        (AssertionAudience::Either, (200, 200)),
    ] {
        world.sandbox.change(|options| options.assertion_audience = knob);
        assert_eq!((status(&issuer).await, status(&endpoint).await), statuses, "{knob:?}");
    }
}
