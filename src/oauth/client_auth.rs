//! How a client proves itself at the token, revocation and other direct endpoints (RFC 6749 section 2.3, RFC 7523
//! section 2.2).

use serde_json::json;
use url::Url;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use crate::clock::UnixTime;
use crate::http::{Authorization, Body, Http, Request};
use crate::model::grant::AssertionAudience;
use crate::model::{AssertionFacts, ClientAuthMethod, ClientRegistration, Endpoints};
use crate::oauth::Error;
use crate::oauth::jwt::{self, Header, SigningKey};
use crate::secret::{Assertion, ClientKey, ClientSecret, DpopKey};

/// What kind of proof an assertion is (RFC 7523 section 2.2).
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long an assertion is good for, in seconds: long enough for clocks that differ, and no longer.
const LIFETIME: i64 = 180;

/// A client that asks its issuer for something.
#[derive(Clone, Copy)]
pub struct Applicant<'a> {
    /// The way there.
    pub http: &'a Http,
    /// Where the issuer answers.
    pub endpoints: &'a Endpoints,
    /// Who asks.
    pub client: &'a ClientRegistration,
    /// The key that tokens are to be bound to, if they are (RFC 9449).
    pub dpop_key: Option<&'a DpopKey>,
    /// When it asks.
    pub now: UnixTime,
}

/// The parameters of a form, in order. Values may be secrets: they are not copied before the whole is encoded, into
/// room enough that it is not copied about while it grows.
#[derive(Clone, Default)]
pub(super) struct Form<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Form<'a> {
    /// A form that begins with its `grant_type`, or with whatever comes first.
    pub(super) fn new(name: &'a str, value: &'a str) -> Self {
        Self(vec![(name, value)])
    }

    /// Adds a parameter.
    pub(super) fn with(mut self, name: &'a str, value: &'a str) -> Self {
        self.0.push((name, value));
        self
    }

    /// Adds a parameter if there is a value.
    pub(super) fn with_optional(self, name: &'a str, value: Option<&'a str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The same form without a parameter.
    pub(super) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(own, _)| *own != name);
        self
    }

    /// A parameter's value.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(own, _)| *own == name).map(|(_, value)| *value)
    }

    /// As it is sent; wiped on drop.
    fn encode(&self) -> Zeroizing<String> {
        // No byte becomes more than three.
        let room = self.0.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
        let mut form = Serializer::new(String::with_capacity(room));
        form.extend_pairs(&self.0);
        Zeroizing::new(form.finish())
    }
}

impl<'a> Applicant<'a> {
    /// A POST of a form that carries the client's proof by its own method.
    pub(super) fn post(&self, url: &'a Url, form: Form<'_>) -> Result<Request<'a>, Error> {
        self.post_by(self.client.facts.auth_method, url, form)
    }

    /// A POST of a form that carries the client's proof: exactly one method per request.
    pub(super) fn post_by(
        &self,
        method: ClientAuthMethod,
        url: &'a Url,
        form: Form<'_>,
    ) -> Result<Request<'a>, Error> {
        let client = self.client;
        let id = client.facts.client_id.as_str();
        let (body, authorization) = match method {
            // Whoever has no client has no id to name.
            ClientAuthMethod::None if id.is_empty() => (form.encode(), Authorization::Anonymous),
            ClientAuthMethod::None => (form.with("client_id", id).encode(), Authorization::Anonymous),
            ClientAuthMethod::ClientSecretBasic => (form.encode(), Authorization::Basic(id, secret(client)?)),
            ClientAuthMethod::ClientSecretPost => {
                let secret = secret(client)?.expose();
                let form = form.with("client_id", id).with("client_secret", secret);
                (form.encode(), Authorization::Anonymous)
            }
            ClientAuthMethod::PrivateKeyJwt => (self.with_assertion(form)?, Authorization::Anonymous),
        };
        Ok(Request::new(reqwest::Method::POST, url).authorization(authorization).body(Body::Form(body)))
    }

    /// The form with an assertion, which names the client. So does `client_id`, except where MCP's extension for client
    /// credentials leaves it out.
    fn with_assertion(&self, form: Form<'_>) -> Result<Zeroizing<String>, Error> {
        let named = form.get("grant_type") == Some("client_credentials");
        let id = (!named).then_some(self.client.facts.client_id.as_str());
        let assertion = self.assertion()?;
        let form = form.with_optional("client_id", id).with("client_assertion_type", ASSERTION);
        Ok(form.with("client_assertion", assertion.expose()).encode())
    }

    /// A fresh statement that this client is who it is, meant for its issuer alone. The issuer is named in one text,
    /// and alike at every endpoint: whoever is named beside it could use the statement there.
    fn assertion(&self) -> Result<Assertion, Error> {
        let ClientRegistration { facts, key, .. } = self.client;
        let (Some(key), Some(how)) = (key, &facts.assertion) else {
            return Err(unprovable(self.client, "key"));
        };
        let audience = match how.audience {
            AssertionAudience::Issuer => facts.issuer.as_str(),
            AssertionAudience::TokenEndpoint => self.endpoints.token.as_str(),
        };
        let claims = json!({
            "iss": facts.client_id,
            "sub": facts.client_id,
            "aud": audience,
            "jti": jwt::fresh_id()?,
            "iat": self.now.0,
            "exp": self.now.0 + LIFETIME,
        });
        let header = Header { typ: "client-authentication+jwt", kid: how.key_id.as_deref(), jwk: None };
        SigningKey::from_pem(key)?.sign(&header, &claims)
    }
}

/// Looks at a private key that somebody brings, and tells how a client signs with it.
pub fn examine_key(
    key: &ClientKey,
    key_id: Option<String>,
    audience: AssertionAudience,
) -> Result<AssertionFacts, Error> {
    Ok(AssertionFacts { algorithm: SigningKey::from_pem(key)?.algorithm(), key_id, audience })
}

fn secret(client: &ClientRegistration) -> Result<&ClientSecret, Error> {
    client.secret.as_ref().ok_or_else(|| unprovable(client, "secret"))
}

fn unprovable(client: &ClientRegistration, what: &str) -> Error {
    Error::Malformed {
        host: client.facts.issuer.to_string(),
        why: format!("client {} must prove itself with a {what} but has none", client.facts.client_id),
    }
}
