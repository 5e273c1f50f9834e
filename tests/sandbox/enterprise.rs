//! An identity provider vouches for a person at another issuer (RFC 8693, then RFC 7523).

use mcpauth::sandbox::{Exchange, Fault, JagFault, Preregistered, TrustedIssuer};
use serde_json::{Value, json};

use super::keys::{Signer, changed, fresh_id, now, read};
use super::world::{Parameters, REDIRECT, Reply, World};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const TYPE: &str = "urn:ietf:params:oauth:token-type";

/// An identity provider, and an issuer that takes its word.
struct Enterprise {
    provider: World,
    issuer: World,
}

impl Enterprise {
    fn new() -> Self {
        let provider = World::with(|options| {
            options.require_resource = false;
            options.preregistered =
                vec![client("at-provider", None, &["authorization_code", "refresh_token", TOKEN_EXCHANGE])];
        });
        let trusted = TrustedIssuer { issuer: provider.sandbox.issuer(), key: provider.sandbox.public_key() };
        let issuer = World::with(|options| {
            options.trusted_issuers = vec![trusted];
            options.preregistered = vec![client("at-issuer", Some("a secret"), &[JWT_BEARER])];
        });
        let exchange = Exchange {
            client_id: "at-provider".into(),
            audience: issuer.sandbox.issuer(),
            resource: issuer.sandbox.mcp_url(),
            client_id_there: "at-issuer".into(),
        };
        provider.sandbox.change(|options| options.exchanges = vec![exchange]);
        Self { provider, issuer }
    }

    /// What the person's login at the provider gives.
    async fn sign_in(&self) -> Reply {
        let asked = self.provider.authorization().with("client_id", "at-provider").with("scope", "openid");
        let code = self.provider.code(&asked.without("resource")).await;
        let form = self.provider.redemption(&code).with("client_id", "at-provider").without("resource");
        self.provider.post("/token", &form).await
    }

    /// A correct request for an assertion.
    fn exchanging(&self, kind: &str, subject_token: &str) -> Parameters {
        Parameters::new(&[
            ("grant_type", TOKEN_EXCHANGE),
            ("client_id", "at-provider"),
            ("requested_token_type", &format!("{TYPE}:id-jag")),
            ("audience", &self.issuer.sandbox.issuer()),
            ("resource", &self.issuer.sandbox.mcp_url()),
            ("scope", "mcp:basic"),
            ("subject_token", subject_token),
            ("subject_token_type", &format!("{TYPE}:{kind}")),
        ])
    }

    async fn exchange(&self) -> Reply {
        let id_token = self.sign_in().await.member("id_token");
        self.provider.post("/token", &self.exchanging("id_token", &id_token)).await
    }

    /// A correct request for tokens.
    fn showing(&self, assertion: &str) -> Parameters {
        Parameters::new(&[
            ("grant_type", JWT_BEARER),
            ("client_id", "at-issuer"),
            ("client_secret", "a secret"),
            ("assertion", assertion),
            ("resource", &self.issuer.sandbox.mcp_url()),
        ])
    }
}

fn client(id: &str, secret: Option<&str>, grant_types: &[&str]) -> Preregistered {
    Preregistered {
        id: id.into(),
        secret: secret.map(str::to_owned),
        key: None,
        grant_types: grant_types.iter().copied().map(str::to_owned).collect(),
        redirect_uris: vec![REDIRECT.into()],
    }
}

#[tokio::test]
async fn a_login_at_the_provider_opens_the_server_of_another_issuer() {
    let enterprise = Enterprise::new();
    let (provider, issuer) = (&enterprise.provider, &enterprise.issuer);
    let document = issuer.get("/.well-known/oauth-authorization-server").await.json();
    let profiles = &document["authorization_grant_profiles_supported"];
    assert_eq!(profiles, &json!(["urn:ietf:params:oauth:grant-profile:id-jag"]));

    let exchanged = enterprise.exchange().await;
    assert_eq!((exchanged.status, &*exchanged.member("token_type")), (200, "N_A"), "{}", exchanged.text);
    assert_eq!(exchanged.member("issued_token_type"), format!("{TYPE}:id-jag"));
    let assertion = exchanged.member("access_token");
    let claims = read(&assertion, &provider.get("/jwks").await.json()["keys"][0]);
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("sandy"), &json!("at-issuer")));

    let tokens = issuer.post("/token", &enterprise.showing(&assertion)).await;
    assert_eq!((tokens.status, tokens.json().get("refresh_token")), (200, None), "{}", tokens.text);
    assert_eq!(tokens.member("scope"), "mcp:basic");
    assert_eq!(issuer.knock(&tokens.member("access_token")).await, 200);
    // An assertion works once, and is no access token.
    let again = issuer.post("/token", &enterprise.showing(&assertion)).await;
    assert_eq!(again.error(), (400, "invalid_grant".into()));
    assert_eq!((issuer.knock(&assertion).await, provider.knock(&assertion).await), (401, 401));
    let books = issuer.sandbox.books();
    assert_eq!((books.assertions, books.assertions_refused, &*books.families[0].sub), (1, 1, "sandy"));
    assert_eq!((provider.sandbox.books().exchanges, books.codes_issued), (1, 0));
}

#[tokio::test]
async fn a_refresh_token_of_the_provider_will_do_as_well() {
    let enterprise = Enterprise::new();
    let refresh = enterprise.sign_in().await.member("refresh_token");
    let form = enterprise.exchanging("refresh_token", &refresh);
    assert_eq!(enterprise.provider.post("/token", &form).await.status, 200);
    enterprise.provider.sandbox.revoke_everything();
    assert_eq!(enterprise.provider.post("/token", &form).await.error(), (400, "invalid_request".into()));
}

#[tokio::test]
async fn the_provider_is_strict_about_who_goes_where() {
    let enterprise = Enterprise::new();
    let signed_in = enterprise.sign_in().await;
    let right = enterprise.exchanging("id_token", &signed_in.member("id_token"));
    let other_key = Signer::es256().sign(
        json!({}),
        &json!({
            "iss": enterprise.provider.sandbox.issuer(), "aud": "at-provider", "sub": "sandy", "exp": now() + 60,
        }),
    );
    enterprise.provider.sandbox.preregister(client("other", None, &[TOKEN_EXCHANGE]));
    for (form, error) in [
        (right.clone().with("audience", "https://elsewhere.example"), "invalid_target"),
        (right.clone().without("audience"), "invalid_target"),
        (right.clone().with("resource", "https://elsewhere.example/mcp"), "invalid_target"),
        (right.clone().without("resource"), "invalid_target"),
        (right.clone().with("client_id", "other"), "invalid_target"),
        (right.clone().with("client_id", "client"), "unauthorized_client"),
        (right.clone().with("requested_token_type", &format!("{TYPE}:access_token")), "invalid_request"),
        (right.clone().with("subject_token_type", &format!("{TYPE}:refresh_token")), "invalid_request"),
        (right.clone().without("subject_token_type"), "invalid_request"),
        (right.clone().with("subject_token", &other_key), "invalid_request"),
        (right.clone().with("subject_token", &signed_in.member("access_token")), "invalid_request"),
    ] {
        let reply = enterprise.provider.post("/token", &form).await;
        assert_eq!(reply.error(), (400, error.into()), "{}", form.encoded());
    }
    assert_eq!(enterprise.provider.sandbox.books().exchanges, 0);
}

#[tokio::test]
async fn the_issuer_takes_only_what_is_meant_for_it_from_whom_it_is_meant_for() {
    let enterprise = Enterprise::new();
    let (issuer, provider) = (&enterprise.issuer, Signer::es256());
    let trusted = TrustedIssuer { issuer: "https://provider.example".into(), key: provider.public() };
    issuer.sandbox.change(|options| options.trusted_issuers = vec![trusted]);
    issuer.sandbox.preregister(client("other", Some("a secret"), &[JWT_BEARER]));
    issuer.sandbox.preregister(client("public", None, &[JWT_BEARER]));
    let claims = || {
        json!({
            "iss": "https://provider.example", "sub": "sandy", "aud": issuer.sandbox.issuer(),
            "resource": issuer.sandbox.mcp_url(), "client_id": "at-issuer", "scope": "mcp:basic",
            "jti": fresh_id(), "iat": now(), "exp": now() + 60,
        })
    };
    let signed = |claims: &Value| provider.sign(json!({ "typ": "oauth-id-jag+jwt" }), claims);
    for change in [
        json!({ "aud": issuer.url("/token") }),
        json!({ "resource": "https://elsewhere.example/mcp" }),
        json!({ "resource": null }),
        json!({ "client_id": "other" }),
        json!({ "exp": now() - 1 }),
        json!({ "exp": now() + 3600 }),
        json!({ "jti": null }),
    ] {
        let form = enterprise.showing(&signed(&changed(claims(), &change)));
        assert_eq!(issuer.post("/token", &form).await.error(), (400, "invalid_grant".into()), "{change}");
    }
    let right = || enterprise.showing(&signed(&claims()));
    for (form, status) in [
        (right().with("client_id", "other"), 400),
        (right().with("client_id", "public").without("client_secret"), 400),
        (right().without("client_id").without("client_secret"), 400),
        (right().with("client_secret", "guessed"), 401),
        (right().with("scope", "mcp:basic mcp:admin"), 400),
        (right().with("resource", &issuer.url("/other")), 400),
        (right(), 200),
    ] {
        assert_eq!(issuer.post("/token", &form).await.status, status, "{}", form.encoded());
    }
    assert_eq!(issuer.sandbox.books().families.len(), 1);
}

#[tokio::test]
async fn the_provider_can_be_made_to_lie() {
    let enterprise = Enterprise::new();
    let provider = &enterprise.provider;
    let key = provider.get("/jwks").await.json()["keys"][0].clone();
    let lie = async |fault| {
        provider.sandbox.change(|options| options.faults = vec![Fault::Jag(fault)]);
        let reply = enterprise.exchange().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        (read(&reply.member("access_token"), &key), reply)
    };
    assert_eq!(lie(JagFault::Audience).await.0["aud"], "https://elsewhere.example");
    assert_eq!(lie(JagFault::Resource).await.0["resource"], "https://elsewhere.example/mcp");
    assert_eq!(lie(JagFault::Client).await.0["client_id"], "somebody-else");
    assert!(lie(JagFault::Expired).await.0["exp"].as_i64().unwrap() < now());
    assert_eq!(
        lie(JagFault::IssuedTokenType).await.1.member("issued_token_type"),
        format!("{TYPE}:access_token")
    );
    assert_eq!(lie(JagFault::TokenType).await.1.member("token_type"), "Bearer");
    let (_, untyped) = lie(JagFault::Type).await;
    assert!(untyped.member("access_token").starts_with("eyJ0eXAiOiJKV1Qi"), "{}", untyped.text);
}
