//! How a client proves itself at the token, revocation and other direct endpoints (RFC 6749 section 2.3).

use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use crate::http::{Authorization, Body, Request};
use crate::model::{ClientAuthMethod, ClientRegistration};
use crate::oauth::Error;
use crate::secret::ClientSecret;

/// The parameters of a form, in order. Values may be secrets: the encoded text is wiped on drop.
pub(super) struct Form(Serializer<'static, String>);

impl Form {
    /// A form that begins with its `grant_type`, or with whatever comes first.
    pub(super) fn new(name: &str, value: &str) -> Self {
        // Room enough that the text is not copied about, unwiped, while it grows.
        let mut form = Serializer::new(String::with_capacity(16 * 1024));
        form.append_pair(name, value);
        Self(form)
    }

    /// Adds a parameter.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.append_pair(name, value);
        self
    }

    /// Adds a parameter if there is a value.
    pub(super) fn with_optional(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

/// A POST of `form` to `url` that carries the client's proof: exactly one method per request.
pub(super) fn authenticated_post<'a>(
    url: &'a url::Url,
    form: Form,
    client: &'a ClientRegistration,
) -> Result<Request<'a>, Error> {
    let id = client.facts.client_id.as_str();
    let (form, authorization) = match client.facts.auth_method {
        // Whoever has no client has no id to name.
        ClientAuthMethod::None if id.is_empty() => (form, Authorization::Anonymous),
        ClientAuthMethod::None => (form.with("client_id", id), Authorization::Anonymous),
        ClientAuthMethod::ClientSecretBasic => (form, Authorization::Basic(id, secret(client)?)),
        ClientAuthMethod::ClientSecretPost => {
            let secret = secret(client)?.expose();
            (form.with("client_id", id).with("client_secret", secret), Authorization::Anonymous)
        }
        ClientAuthMethod::PrivateKeyJwt => {
            return Err(Error::Malformed { host: client.facts.issuer.to_string(), why: "no key".into() });
        }
    };
    let mut form = form;
    let body = Body::Form(Zeroizing::new(form.0.finish()));
    Ok(Request::new(reqwest::Method::POST, url).authorization(authorization).body(body))
}

fn secret(client: &ClientRegistration) -> Result<&ClientSecret, Error> {
    client.secret.as_ref().ok_or_else(|| Error::Malformed {
        host: client.facts.issuer.to_string(),
        why: format!("client {} must prove itself with a secret but was given none", client.facts.client_id),
    })
}
