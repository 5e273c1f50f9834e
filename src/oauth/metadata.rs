//! The two documents that say who issues tokens for a server, and how: protected resource metadata (RFC 9728) and
//! authorization server metadata (RFC 8414, OpenID Connect Discovery).

use serde::{Deserialize, Deserializer};
use url::Url;

use super::Error;
use crate::http::Http;
use crate::model::{Endpoints, Issuer};

/// Protected resource metadata (RFC 9728 section 2), as far as a client needs it.
#[derive(Clone, Debug, Deserialize)]
pub struct ResourceMetadata {
    /// The resource that the document speaks for.
    pub resource: String,
    /// Who issues tokens for it.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub authorization_servers: Vec<Issuer>,
    /// The scopes that it knows.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub scopes_supported: Vec<String>,
}

/// Authorization server metadata (RFC 8414 section 2), as far as a client needs it.
#[derive(Clone, Debug, Deserialize)]
pub struct IssuerMetadata {
    /// Whom the document describes.
    pub issuer: Issuer,
    /// Where the browser is sent; required only where a grant takes one (RFC 8414 section 2).
    pub authorization_endpoint: Option<Url>,
    /// Where codes and refresh tokens are redeemed.
    pub token_endpoint: Url,
    /// Where clients register.
    pub registration_endpoint: Option<Url>,
    /// Where tokens are revoked.
    pub revocation_endpoint: Option<Url>,
    /// Where the issuer tells who signed in.
    pub userinfo_endpoint: Option<Url>,
    /// Where a device asks for a code that a person types elsewhere (RFC 8628 section 4).
    pub device_authorization_endpoint: Option<Url>,
    /// The scopes that it knows.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub scopes_supported: Vec<String>,
    /// How clients may prove themselves at the token endpoint.
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// How a code may be bound to its request.
    pub code_challenge_methods_supported: Option<Vec<String>>,
    /// Whether a client may be known by the URL of its metadata document.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub client_id_metadata_document_supported: bool,
    /// Whether every redirect names its issuer (RFC 9207).
    #[serde(default, deserialize_with = "null_is_absent")]
    pub authorization_response_iss_parameter_supported: bool,
    /// Whether this is an OpenID provider: found at such a place, or listing the scope `openid`.
    #[serde(skip)]
    pub openid: bool,
}

/// Some programs write `null` where RFC 8414 and RFC 9728 would leave a member out.
fn null_is_absent<'de, Of, De>(deserializer: De) -> Result<Of, De::Error>
where
    Of: Default + Deserialize<'de>,
    De: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl IssuerMetadata {
    /// The endpoints, to be kept with the login.
    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            authorization: self.authorization_endpoint.clone(),
            token: self.token_endpoint.clone(),
            registration: self.registration_endpoint.clone(),
            revocation: self.revocation_endpoint.clone(),
            userinfo: self.userinfo_endpoint.clone(),
            device_authorization: self.device_authorization_endpoint.clone(),
        }
    }

    /// Whether PKCE with S256 is advertised. Its absence is a refusal (MCP 2025-11-25 and later).
    pub fn advertises_s256(&self) -> bool {
        self.code_challenge_methods_supported.iter().flatten().any(|method| method == "S256")
    }

    /// The endpoints of a server of MCP 2025-03-26 without metadata: fixed paths at its origin.
    pub(super) fn at_fixed_paths(origin: &Url) -> Self {
        let at = |path| well_known(origin, path, "");
        Self {
            issuer: Issuer::new(origin.origin().ascii_serialization()),
            authorization_endpoint: Some(at("/authorize")),
            token_endpoint: at("/token"),
            registration_endpoint: Some(at("/register")),
            revocation_endpoint: None,
            userinfo_endpoint: None,
            device_authorization_endpoint: None,
            scopes_supported: Vec::new(),
            token_endpoint_auth_methods_supported: None,
            // That revision demands PKCE of every server, so there is nothing to advertise.
            code_challenge_methods_supported: Some(vec!["S256".into()]),
            client_id_metadata_document_supported: false,
            authorization_response_iss_parameter_supported: false,
            openid: false,
        }
    }

    /// Vets the endpoints before any of them is used.
    pub(super) async fn vet(&self, http: &Http) -> Result<(), Error> {
        let optional = [
            &self.authorization_endpoint,
            &self.registration_endpoint,
            &self.revocation_endpoint,
            &self.userinfo_endpoint,
            &self.device_authorization_endpoint,
        ];
        for endpoint in [&self.token_endpoint].into_iter().chain(optional.into_iter().flatten()) {
            http.vet(endpoint).await?;
        }
        Ok(())
    }
}

/// `origin` with the path `prefix` + `suffix` and nothing else.
pub(super) fn well_known(origin: &Url, prefix: &str, suffix: &str) -> Url {
    let mut url = origin.clone();
    url.set_path(&format!("{prefix}{suffix}"));
    url.set_query(None);
    url.set_fragment(None);
    url
}
