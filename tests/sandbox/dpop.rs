//! Tokens that are bound to a key (RFC 9449).

use mcpauth::sandbox::{Dpop, Preregistered, SandboxOptions};
use reqwest::RequestBuilder;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::keys::{Signer, changed, encoded, fresh_id, now};
use super::world::{REDIRECT, Reply, World, initialize};

fn with_dpop(mode: Dpop, edit: impl FnOnce(&mut SandboxOptions)) -> World {
    World::with(|options| {
        options.dpop = mode;
        edit(options);
    })
}

fn claims(world: &World, path: &str, token: Option<&str>) -> Value {
    let mut claims = json!({ "jti": fresh_id(), "htm": "POST", "htu": world.url(path), "iat": now() });
    if let Some(token) = token {
        claims["ath"] = encoded(digest(&SHA256, token.as_bytes()).as_ref()).into();
    }
    claims
}

fn proof(signer: &Signer, claims: &Value) -> String {
    signer.sign(json!({ "typ": "dpop+jwt", "jwk": signer.jwk() }), claims)
}

async fn redeem(world: &World, proof: Option<&str>) -> Reply {
    let form = world.redemption(&world.code(&world.authorization()).await);
    send(world, world.form("/token", &form), proof).await
}

async fn send(world: &World, request: RequestBuilder, proof: Option<&str>) -> Reply {
    world
        .send(match proof {
            Some(proof) => request.header("dpop", proof),
            None => request,
        })
        .await
}

fn knocking(world: &World, scheme: &str, token: &str) -> RequestBuilder {
    world.mcp(None, &initialize("2025-11-25")).header("authorization", format!("{scheme} {token}"))
}

async fn bound_token(world: &World, signer: &Signer) -> Reply {
    let reply = redeem(world, Some(&proof(signer, &claims(world, "/token", None)))).await;
    assert_eq!((reply.status, &*reply.member("token_type")), (200, "DPoP"), "{}", reply.text);
    reply
}

#[tokio::test]
async fn a_bound_token_opens_the_server_with_a_fresh_proof_of_its_key_only() {
    let (world, signer) = (with_dpop(Dpop::Required, |_| {}), Signer::es256());
    let stranger = world.send(world.mcp(None, &json!({}))).await;
    assert!(stranger.header("www-authenticate").starts_with("DPoP algs=\"ES256\", resource_metadata="));
    let resource = world.get("/.well-known/oauth-protected-resource/mcp").await.json();
    assert_eq!(resource["dpop_bound_access_tokens_required"], true);
    let issuer = world.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(issuer["dpop_signing_alg_values_supported"], json!(["ES256"]));

    assert_eq!(redeem(&world, None).await.error(), (400, "invalid_dpop_proof".into()));
    let token = bound_token(&world, &signer).await.member("access_token");
    let right = proof(&signer, &claims(&world, "/mcp", Some(&token)));
    assert_eq!(send(&world, knocking(&world, "DPoP", &token), Some(&right)).await.status, 200);
    let other = Signer::es256();
    for (scheme, proof, error) in [
        ("DPoP", Some(right), "invalid_dpop_proof"),
        ("DPoP", None, "invalid_dpop_proof"),
        ("DPoP", Some(proof(&signer, &claims(&world, "/mcp", None))), "invalid_dpop_proof"),
        ("DPoP", Some(proof(&signer, &claims(&world, "/mcp", Some("other")))), "invalid_dpop_proof"),
        ("DPoP", Some(proof(&other, &claims(&world, "/mcp", Some(&token)))), "invalid_token"),
        ("Bearer", Some(proof(&signer, &claims(&world, "/mcp", Some(&token)))), "invalid_token"),
    ] {
        let reply = send(&world, knocking(&world, scheme, &token), proof.as_deref()).await;
        let header = reply.header("www-authenticate");
        assert_eq!(reply.status, 401);
        assert!(header.starts_with(&format!("DPoP error=\"{error}\"")), "{header}");
    }
    // One for the token, one for the door, one that was good but of another key.
    assert_eq!(world.sandbox.books().proofs, 3);
}

#[tokio::test]
async fn a_proof_with_one_thing_wrong_proves_nothing() {
    let (world, signer) = (with_dpop(Dpop::Offered, |_| {}), Signer::es256());
    for change in [
        json!({ "htm": "GET" }),
        json!({ "htu": world.url("/mcp") }),
        json!({ "htu": null }),
        json!({ "iat": now() - 120 }),
        json!({ "iat": now() + 120 }),
        json!({ "iat": null }),
        json!({ "jti": null }),
        json!({ "ath": "x" }),
    ] {
        let claims = changed(claims(&world, "/token", None), &change);
        let reply = redeem(&world, Some(&proof(&signer, &claims))).await;
        assert_eq!(reply.error(), (400, "invalid_dpop_proof".into()), "{change}");
    }
    let [(rsa, _), _] = Signer::of_fixtures();
    for (signer, header) in [
        (&signer, json!({ "typ": "JWT", "jwk": signer.jwk() })),
        (&signer, json!({ "typ": "dpop+jwt", "jwk": Signer::es256().jwk() })),
        (&signer, json!({ "typ": "dpop+jwt" })),
        (&signer, json!({ "typ": "dpop+jwt", "jwk": changed(signer.jwk(), &json!({ "d": "x" })) })),
        (&rsa, json!({ "typ": "dpop+jwt", "jwk": rsa.jwk() })),
    ] {
        let proof = signer.sign(header.clone(), &claims(&world, "/token", None));
        assert_eq!(
            redeem(&world, Some(&proof)).await.error(),
            (400, "invalid_dpop_proof".into()),
            "{header}"
        );
    }
    let query = changed(claims(&world, "/token", None), &json!({ "htu": world.url("/token?a=b#c") }));
    assert_eq!(redeem(&world, Some(&proof(&signer, &query))).await.status, 200);
    assert_eq!(world.sandbox.books().proofs, 1);
}

#[tokio::test]
async fn who_does_not_want_a_bound_token_gets_none_where_that_is_allowed() {
    let (world, signer) = (with_dpop(Dpop::Offered, |_| {}), Signer::es256());
    let both = world.send(world.mcp(None, &json!({}))).await;
    let schemes: Vec<_> =
        both.headers.get_all("www-authenticate").iter().map(|value| &value.as_bytes()[..5]).collect();
    assert_eq!(schemes, [b"Beare", b"DPoP "]);
    let plain = redeem(&world, None).await;
    assert_eq!(plain.member("token_type"), "Bearer");
    let token = plain.member("access_token");
    assert_eq!(world.knock(&token).await, 200);
    let right = proof(&signer, &claims(&world, "/mcp", Some(&token)));
    assert_eq!(send(&world, knocking(&world, "DPoP", &token), Some(&right)).await.status, 401);
    world.sandbox.change(|options| options.dpop = Dpop::Off);
    let ignored = redeem(&world, Some("no proof at all")).await;
    assert_eq!((ignored.status, &*ignored.member("token_type")), (200, "Bearer"));
}

#[tokio::test]
async fn the_refresh_token_of_a_public_client_is_bound_too() {
    let (world, signer) = (with_dpop(Dpop::Offered, |_| {}), Signer::es256());
    let refresh = bound_token(&world, &signer).await.member("refresh_token");
    let other = Signer::es256();
    let with_other = proof(&other, &claims(&world, "/token", None));
    for proof in [None, Some(&*with_other)] {
        let reply = send(&world, world.form("/token", &world.refreshing(&refresh)), proof).await;
        assert_eq!(reply.error(), (400, "invalid_grant".into()));
    }
    let right = proof(&signer, &claims(&world, "/token", None));
    let renewed = send(&world, world.form("/token", &world.refreshing(&refresh)), Some(&right)).await;
    assert_eq!((renewed.status, &*renewed.member("token_type")), (200, "DPoP"));
}

#[tokio::test]
async fn a_client_with_a_secret_may_change_its_key() {
    let world = with_dpop(Dpop::Required, |options| {
        options.preregistered = vec![Preregistered {
            id: "secretive".into(),
            secret: Some("a secret".into()),
            key: None,
            grant_types: vec!["authorization_code".into(), "refresh_token".into()],
            redirect_uris: vec![REDIRECT.into()],
        }];
    });
    let code = world.code(&world.authorization().with("client_id", "secretive")).await;
    let mut form = world.redemption(&code);
    for _ in 0..2 {
        let mine = form.with("client_id", "secretive").with("client_secret", "a secret");
        let proof = proof(&Signer::es256(), &claims(&world, "/token", None));
        let reply = send(&world, world.form("/token", &mine), Some(&proof)).await;
        form = world.refreshing(&reply.member("refresh_token"));
    }
}

#[tokio::test]
async fn a_code_can_be_bound_before_it_is_there() {
    let (world, signer) = (with_dpop(Dpop::Offered, |_| {}), Signer::es256());
    let form = world.redemption(&world.code(&world.authorization().with("dpop_jkt", "of another key")).await);
    let right = proof(&signer, &claims(&world, "/token", None));
    let reply = send(&world, world.form("/token", &form), Some(&right)).await;
    assert_eq!(reply.error(), (400, "invalid_grant".into()));
}

#[tokio::test]
async fn issuer_and_server_each_want_their_own_nonce() {
    let world = with_dpop(Dpop::Required, |options| options.dpop_nonce = true);
    let signer = Signer::es256();
    let form = world.redemption(&world.code(&world.authorization()).await);
    let at_token = async |nonce: Option<&str>| {
        let claims = changed(claims(&world, "/token", None), &json!({ "nonce": nonce }));
        send(&world, world.form("/token", &form), Some(&proof(&signer, &claims))).await
    };
    let asked = at_token(None).await;
    assert_eq!(asked.error(), (400, "use_dpop_nonce".into()));
    // The code was not touched by that.
    let tokens = at_token(Some(asked.header("dpop-nonce"))).await;
    let token = tokens.member("access_token");

    let at_server = async |nonce: &str| {
        let claims = changed(claims(&world, "/mcp", Some(&token)), &json!({ "nonce": nonce }));
        send(&world, knocking(&world, "DPoP", &token), Some(&proof(&signer, &claims))).await
    };
    let asked = at_server(tokens.header("dpop-nonce")).await;
    assert_eq!(asked.status, 401);
    assert!(asked.header("www-authenticate").starts_with("DPoP error=\"use_dpop_nonce\""));
    let let_in = at_server(asked.header("dpop-nonce")).await;
    assert_eq!((let_in.status, let_in.header("dpop-nonce")), (200, asked.header("dpop-nonce")));
    world.sandbox.change_nonces();
    assert_eq!(at_server(asked.header("dpop-nonce")).await.status, 401);
    let books = world.sandbox.books();
    assert_eq!((books.nonces_asked, books.proofs, books.violations.len()), (3, 2, 0));
}
