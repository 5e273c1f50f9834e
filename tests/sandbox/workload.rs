//! A platform vouches for a workload, and its word becomes a token (RFC 7523 section 2.1).

use mcpauth::sandbox::{AssertionAudience, TrustedIssuer};
use serde_json::{Value, json};

use super::keys::{Signer, changed, now};
use super::world::{Parameters, World};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const PLATFORM: &str = "https://platform.example";

fn trusting(signer: &Signer) -> World {
    let trusted = TrustedIssuer { issuer: PLATFORM.into(), key: signer.public() };
    World::with(|options| options.trusted_issuers = vec![trusted])
}

fn claims(world: &World) -> Value {
    json!({ "iss": PLATFORM, "sub": "build-7", "aud": world.sandbox.origin(), "exp": now() + 3600 })
}

fn asking(world: &World, assertion: &str) -> Parameters {
    Parameters::new(&[
        ("grant_type", JWT_BEARER),
        ("assertion", assertion),
        ("scope", "mcp:basic"),
        ("resource", &world.sandbox.mcp_url()),
    ])
}

#[tokio::test]
async fn a_workload_comes_in_on_the_word_of_its_platform_as_often_as_it_likes() {
    let signer = Signer::es256();
    let world = trusting(&signer);
    let issuer = world.get("/.well-known/oauth-authorization-server").await.json();
    assert!(issuer["grant_types_supported"].as_array().unwrap().contains(&json!(JWT_BEARER)));
    let form = asking(&world, &signer.sign(json!({}), &claims(&world)));
    for _ in 0..2 {
        let tokens = world.post("/token", &form).await;
        assert_eq!((tokens.status, tokens.json().get("refresh_token")), (200, None), "{}", tokens.text);
        assert_eq!(world.knock(&tokens.member("access_token")).await, 200);
    }
    let books = world.sandbox.books();
    assert_eq!((books.assertions, books.assertions_refused, &*books.families[0].sub), (2, 0, "build-7"));
    assert_eq!(books.last_auth_method, None);
}

#[tokio::test]
async fn a_word_that_is_wrong_in_one_place_is_not_taken() {
    let signer = Signer::es256();
    let world = trusting(&signer);
    for (change, why) in [
        (json!({ "iss": "https://elsewhere.example" }), "not trusted"),
        (json!({ "sub": null }), "sub"),
        (json!({ "aud": "https://elsewhere.example" }), "aud"),
        (json!({ "exp": now() - 1 }), "expired"),
        (json!({ "exp": null }), "exp"),
    ] {
        let assertion = signer.sign(json!({}), &changed(claims(&world), &change));
        let reply = world.post("/token", &asking(&world, &assertion)).await;
        assert_eq!(reply.error(), (400, "invalid_grant".into()), "{change}");
        assert!(reply.member("error_description").contains(why), "{change}: {}", reply.text);
    }
    let forged = Signer::es256().sign(json!({}), &claims(&world));
    assert_eq!(world.post("/token", &asking(&world, &forged)).await.error(), (400, "invalid_grant".into()));
    let right = signer.sign(json!({}), &claims(&world));
    for (form, error) in [
        (asking(&world, "no assertion"), "invalid_grant"),
        (asking(&world, &right).without("assertion"), "invalid_request"),
        (asking(&world, &right).without("resource"), "invalid_target"),
        (asking(&world, &right).with("scope", "unheard"), "invalid_scope"),
        (asking(&world, &right).with("client_id", "client"), "unauthorized_client"),
    ] {
        assert_eq!(world.post("/token", &form).await.error(), (400, error.into()), "{}", form.encoded());
    }
    let books = world.sandbox.books();
    assert_eq!((books.assertions, books.assertions_refused), (0, 10));
    world.sandbox.change(|options| options.trusted_issuers.clear());
    assert_eq!(
        world.post("/token", &asking(&world, &right)).await.error(),
        (400, "unsupported_grant_type".into())
    );
}

#[tokio::test]
async fn a_platform_may_mean_the_token_endpoint() {
    let signer = Signer::es256();
    let world = trusting(&signer);
    let claims = changed(claims(&world), &json!({ "aud": world.url("/token") }));
    let form = asking(&world, &signer.sign(json!({}), &claims));
    assert_eq!(world.post("/token", &form).await.status, 400);
    world.sandbox.change(|options| options.assertion_audience = AssertionAudience::Either);
    assert_eq!(world.post("/token", &form).await.status, 200);
}
