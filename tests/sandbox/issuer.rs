//! Metadata, authorization, codes, revocation.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::world::{REDIRECT, VERIFIER, World};

#[tokio::test]
async fn a_whole_login_ends_with_a_token_that_opens_the_server() {
    let world = World::new();
    let origin = world.sandbox.origin().to_owned();

    let stranger = world.send(world.mcp(None, &json!({}))).await;
    let metadata = format!("resource_metadata=\"{origin}/.well-known/oauth-protected-resource/mcp\"");
    assert_eq!(stranger.status, 401);
    assert_eq!(stranger.header("www-authenticate"), format!("Bearer {metadata}, scope=\"mcp:basic\""));

    let resource = world.get("/.well-known/oauth-protected-resource/mcp").await.json();
    assert_eq!(resource["resource"], world.sandbox.mcp_url());
    assert_eq!(resource["authorization_servers"], json!([origin]));
    let issuer = world.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(issuer["issuer"], origin);
    assert_eq!(issuer["token_endpoint"], format!("{origin}/token"));
    assert_eq!(issuer["code_challenge_methods_supported"], json!(["S256"]));

    let redirected = world.authorize(&world.authorization()).await;
    assert!(redirected.header("location").starts_with(REDIRECT));
    let answer = redirected.redirected();
    assert_eq!((answer["state"].as_str(), &answer["iss"]), ("a state & more", &origin));

    let reply = world.post("/token", &world.redemption(&answer["code"])).await;
    assert_eq!((reply.status, reply.header("cache-control")), (200, "no-store"));
    assert_eq!(reply.json()["expires_in"], 3600);
    assert_eq!(reply.member("scope"), "mcp:basic");
    assert_eq!(world.knock(&reply.member("access_token")).await, 200);
    assert_eq!(world.knock("sandbox_at_guessed").await, 401);

    let books = world.sandbox.books();
    assert_eq!((books.codes_issued, books.codes_redeemed, books.mcp_calls), (1, 1, 1));
    assert_eq!(books.requests.last().unwrap(), "POST /mcp");
    assert_eq!(books.last_authorize.unwrap()["resource"], world.sandbox.mcp_url());
    assert!(books.families.iter().all(|family| family.alive && family.sub == "sandy"));
    assert_eq!(books.families.len(), 1);
}

#[tokio::test]
async fn a_wrong_verifier_burns_the_code_for_the_right_one() {
    let world = World::new();
    let code = world.code(&world.authorization()).await;
    let wrong = world.redemption(&code).with("code_verifier", &VERIFIER.replace('a', "b"));
    assert_eq!(world.post("/token", &wrong).await.error(), (400, "invalid_grant".into()));
    assert_eq!(world.post("/token", &world.redemption(&code)).await.error(), (400, "invalid_grant".into()));
    assert!(world.sandbox.books().families.is_empty());
}

#[tokio::test]
async fn a_code_that_comes_twice_ends_what_it_became() {
    let world = World::new();
    let code = world.code(&world.authorization()).await;
    let access = world.post("/token", &world.redemption(&code)).await.member("access_token");
    assert_eq!(world.knock(&access).await, 200);
    assert_eq!(world.post("/token", &world.redemption(&code)).await.error(), (400, "invalid_grant".into()));
    assert_eq!(world.knock(&access).await, 401);
    let books = world.sandbox.books();
    assert_eq!((books.reuses, books.families[0].alive), (1, false));
}

#[tokio::test]
async fn a_code_is_worth_nothing_with_anything_else_than_it_was_made_for() {
    let world = World::new();
    world.sandbox.add_client("other", None, &[REDIRECT]);
    for (name, value, error) in [
        ("redirect_uri", "http://127.0.0.1:4111/callback/", "invalid_grant"),
        ("redirect_uri", "", "invalid_grant"),
        ("code_verifier", "", "invalid_grant"),
        ("client_id", "other", "invalid_grant"),
        ("resource", "", "invalid_target"),
        ("resource", "https://elsewhere.example/mcp", "invalid_target"),
    ] {
        let code = world.code(&world.authorization()).await;
        let reply = world.post("/token", &world.redemption(&code).with(name, value)).await;
        assert_eq!(reply.error(), (400, error.into()), "{name}={value}");
    }
    assert!(world.sandbox.books().families.is_empty());
    assert_eq!(world.sandbox.books().violations.len(), 6);
}

#[tokio::test]
async fn a_code_expires() {
    let world = World::with(|options| options.code_lifetime = 0);
    let code = world.code(&world.authorization()).await;
    assert_eq!(world.post("/token", &world.redemption(&code)).await.error(), (400, "invalid_grant".into()));
}

#[tokio::test]
async fn nobody_is_redirected_on_the_word_of_a_stranger() {
    let world = World::new();
    for parameters in [
        world.authorization().with("redirect_uri", "http://127.0.0.1:4112/callback"),
        world.authorization().with("redirect_uri", "https://elsewhere.example/callback"),
        world.authorization().without("redirect_uri"),
        world.authorization().and("redirect_uri", "https://elsewhere.example/callback"),
        world.authorization().with("client_id", "nobody"),
        world.authorization().without("client_id"),
    ] {
        let reply = world.authorize(&parameters).await;
        assert_eq!((reply.status, reply.header("location")), (400, ""), "{}", parameters.encoded());
        assert!(reply.text.contains("goes nowhere"));
    }
    assert_eq!(world.sandbox.books().codes_issued, 0);
}

#[tokio::test]
async fn a_loopback_redirect_may_change_its_port_only_where_that_is_allowed() {
    let world = World::with(|options| options.any_loopback_port = true);
    let elsewhere = world.authorization().with("redirect_uri", "http://127.0.0.1:5999/callback");
    assert!(world.authorize(&elsewhere).await.redirected().contains_key("code"));
    world.sandbox.change(|options| options.any_loopback_port = false);
    assert_eq!(world.authorize(&elsewhere).await.status, 400);
}

#[tokio::test]
async fn a_faulty_request_is_told_to_the_client_with_its_state() {
    let world = World::new();
    let authorization = || world.authorization();
    for (parameters, error) in [
        (authorization().without("resource"), "invalid_target"),
        (authorization().with("resource", "https://elsewhere.example/mcp"), "invalid_target"),
        (authorization().with("resource", &format!("{}/", world.sandbox.mcp_url())), "invalid_target"),
        (authorization().without("code_challenge"), "invalid_request"),
        (authorization().with("code_challenge", "short"), "invalid_request"),
        (authorization().with("code_challenge_method", "plain"), "invalid_request"),
        (authorization().without("code_challenge_method"), "invalid_request"),
        (authorization().without("response_type"), "invalid_request"),
        (authorization().with("response_type", "token"), "unsupported_response_type"),
        (authorization().with("scope", "mcp:basic offline_access"), "invalid_scope"),
        (authorization().and("scope", "mcp:admin"), "invalid_request"),
    ] {
        let answer = world.authorize(&parameters).await.redirected();
        assert_eq!(answer["error"], error, "{}", parameters.encoded());
        assert_eq!((answer["state"].as_str(), &*answer["iss"]), ("a state & more", world.sandbox.origin()));
        assert!(!answer.contains_key("code"));
    }
}

#[tokio::test]
async fn a_redirect_keeps_the_query_that_was_registered() {
    let world = World::new();
    world.sandbox.add_client("queried", None, &["http://127.0.0.1:4111/callback?tenant=a%26b"]);
    let parameters = world.authorization().with("client_id", "queried");
    let parameters = parameters.with("redirect_uri", "http://127.0.0.1:4111/callback?tenant=a%26b");
    let answer = world.authorize(&parameters).await.redirected();
    assert_eq!((answer["tenant"].as_str(), answer["state"].as_str()), ("a&b", "a state & more"));
    assert!(answer.contains_key("code"));
}

#[tokio::test]
async fn a_client_proves_itself_by_its_own_method_and_no_other() {
    let world = World::new();
    let registered = world.register(&json!({ "redirect_uris": [REDIRECT] })).await;
    let (id, secret) = (registered.member("client_id"), registered.member("client_secret"));
    let code = world.code(&world.authorization().with("client_id", &id)).await;
    let form = world.redemption(&code).with("client_id", &id);
    let basic = |secret: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")));
    let unknown = (401, "invalid_client".to_owned());

    assert_eq!(world.post("/token", &form).await.error(), unknown);
    assert_eq!(world.post("/token", &form.clone().with("client_secret", &secret)).await.error(), unknown);
    let guessed = world.form("/token", &form).header("authorization", basic("guessed"));
    let refused = world.send(guessed).await;
    assert_eq!((refused.error(), refused.header("www-authenticate")), (unknown, "Basic realm=\"sandbox\""));
    let twice = world.form("/token", &form.clone().with("client_secret", &secret));
    let twice = world.send(twice.header("authorization", basic(&secret))).await;
    assert_eq!(twice.error(), (400, "invalid_request".into()));
    // None of these reached the code.
    let right = world.form("/token", &form).header("authorization", basic(&secret));
    assert_eq!(world.send(right).await.status, 200);
    assert_eq!(world.sandbox.books().last_auth_method.as_deref(), Some("client_secret_basic"));
}

#[tokio::test]
async fn the_token_endpoint_reads_forms_and_nothing_else() {
    let world = World::new();
    let code = world.code(&world.authorization()).await;
    let body = world.redemption(&code).encoded();
    let plain = world.request("POST", "/token").header("content-type", "text/plain").body(body);
    assert_eq!(world.send(plain).await.error(), (400, "invalid_request".into()));
    let twice = world.redemption(&code).and("code", &code);
    assert_eq!(world.post("/token", &twice).await.error(), (400, "invalid_request".into()));
    assert_eq!(world.get("/token").await.status, 405);
    let unknown = world.redemption(&code).with("grant_type", "password");
    assert_eq!(world.post("/token", &unknown).await.error(), (400, "unsupported_grant_type".into()));
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let world = World::new();
    let request = world.request("POST", "/token").body("x".repeat(1024 * 1024 + 1));
    assert_eq!(world.send(request).await.status, 413);
}

#[tokio::test]
async fn the_person_is_told_apart_by_the_scope_openid() {
    let world = World::new();
    let ask = async |token: String| {
        let request = world.request("GET", "/userinfo").header("authorization", format!("Bearer {token}"));
        world.send(request).await
    };
    let plain = ask(world.login().await.member("access_token")).await;
    assert_eq!(plain.json(), json!({ "sub": "sandy" }));
    let open = ask(world.login_for("mcp:basic openid").await.member("access_token")).await;
    assert_eq!(open.json(), json!({ "sub": "sandy", "name": "Sandy Box", "email": "sandy@sandbox.example" }));
    assert_eq!(ask("guessed".into()).await.status, 401);
}

#[tokio::test]
async fn an_id_token_is_about_the_person_for_the_client_and_signed_by_the_published_key() {
    let world = World::new();
    let asked = world.authorization().with("scope", "mcp:basic openid").with("nonce", "n-1");
    let reply = world.post("/token", &world.redemption(&world.code(&asked).await)).await;
    let key = world.get("/jwks").await.json()["keys"][0].clone();
    let claims = super::keys::read(&reply.member("id_token"), &key);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(world.sandbox.origin()), &json!("client")));
    assert_eq!((&claims["sub"], &claims["nonce"]), (&json!("sandy"), &json!("n-1")));
    assert!(world.login().await.json().get("id_token").is_none());
}

#[tokio::test]
async fn the_metadata_can_be_thinned_out() {
    let world = World::with(|options| {
        options.openid_only = true;
        options.advertise_pkce = false;
        options.advertise_iss = false;
        options.registration = false;
        options.resource_metadata = false;
    });
    assert_eq!(world.get("/.well-known/oauth-protected-resource/mcp").await.status, 404);
    assert_eq!(world.get("/.well-known/oauth-authorization-server").await.status, 404);
    let document = world.get("/.well-known/openid-configuration").await.json();
    for absent in [
        "code_challenge_methods_supported",
        "registration_endpoint",
        "authorization_response_iss_parameter_supported",
    ] {
        assert!(document.get(absent).is_none(), "{absent}");
    }
    assert_eq!(document["subject_types_supported"], json!(["public"]));
    assert_eq!(world.register(&json!({ "redirect_uris": [REDIRECT] })).await.status, 404);
    assert!(!world.authorize(&world.authorization()).await.redirected().contains_key("iss"));
    let challenged = world.send(world.mcp(None, &json!({}))).await;
    assert_eq!(challenged.header("www-authenticate"), "Bearer scope=\"mcp:basic\"");
    world.sandbox.change(|options| options.issuer_metadata = false);
    assert_eq!(world.get("/.well-known/openid-configuration").await.status, 404);
}
