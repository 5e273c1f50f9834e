//! The two documents that say who issues tokens for a server, and how: protected resource metadata (RFC 9728) and
//! authorization server metadata (RFC 8414, OpenID Connect Discovery).

use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use super::Error;
use crate::http::Http;
use crate::model::{Endpoints, Issuer};

/// Protected resource metadata (RFC 9728 section 2), as far as a client needs it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ResourceMetadata {
    /// The resource that the document speaks for.
    pub resource: String,
    /// Who issues tokens for it.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub authorization_servers: Vec<Issuer>,
    /// The scopes that it knows.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub scopes_supported: Vec<String>,
    /// Where in a request it takes a token: `header`, `body`, `query`; `None` if it does not say.
    pub bearer_methods_supported: Option<Vec<String>>,
    /// Whether it takes only tokens that are bound to a key (RFC 9449).
    #[serde(default, deserialize_with = "null_is_absent")]
    pub dpop_bound_access_tokens_required: bool,
    /// How proofs for it may be signed.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub dpop_signing_alg_values_supported: Vec<String>,
}

/// Authorization server metadata (RFC 8414 section 2), as far as a client needs it.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// What its sign-in page answers with, such as `code`.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub response_types_supported: Vec<String>,
    /// The grants that it knows; `None` if it does not say, which means `authorization_code` and `implicit`.
    pub grant_types_supported: Option<Vec<String>>,
    /// The profiles of grants that it knows, such as that of ID-JAG (draft-ietf-oauth-identity-assertion-authz-grant).
    #[serde(default, deserialize_with = "null_is_absent")]
    pub authorization_grant_profiles_supported: Vec<String>,
    /// How clients may prove themselves at the token endpoint.
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// How clients may sign that proof.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// How clients may prove themselves where tokens are revoked.
    pub revocation_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// How proofs of a key may be signed (RFC 9449 section 5.1); empty if it knows no such proofs.
    #[serde(default, deserialize_with = "null_is_absent")]
    pub dpop_signing_alg_values_supported: Vec<String>,
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
            authorization_endpoint: Some(at("/authorize")),
            registration_endpoint: Some(at("/register")),
            // That revision demands PKCE of every server, so there is nothing to advertise.
            code_challenge_methods_supported: Some(vec!["S256".into()]),
            ..Self::silent(Issuer::new(origin.origin().ascii_serialization()), at("/token"))
        }
    }

    /// The endpoints that the user settled, for an issuer that publishes nothing.
    pub(super) fn settled(issuer: Issuer, endpoints: &Endpoints) -> Self {
        Self {
            authorization_endpoint: endpoints.authorization.clone(),
            registration_endpoint: endpoints.registration.clone(),
            revocation_endpoint: endpoints.revocation.clone(),
            userinfo_endpoint: endpoints.userinfo.clone(),
            device_authorization_endpoint: endpoints.device_authorization.clone(),
            // Whoever settles the endpoints answers for what is behind them. PKCE is used there, too.
            code_challenge_methods_supported: Some(vec!["S256".into()]),
            ..Self::silent(issuer, endpoints.token.clone())
        }
    }

    /// An issuer that says no more of itself than where it gives tokens.
    fn silent(issuer: Issuer, token_endpoint: Url) -> Self {
        Self {
            issuer,
            authorization_endpoint: None,
            token_endpoint,
            registration_endpoint: None,
            revocation_endpoint: None,
            userinfo_endpoint: None,
            device_authorization_endpoint: None,
            scopes_supported: Vec::new(),
            response_types_supported: Vec::new(),
            grant_types_supported: None,
            authorization_grant_profiles_supported: Vec::new(),
            token_endpoint_auth_methods_supported: None,
            token_endpoint_auth_signing_alg_values_supported: Vec::new(),
            revocation_endpoint_auth_methods_supported: None,
            dpop_signing_alg_values_supported: Vec::new(),
            code_challenge_methods_supported: None,
            client_id_metadata_document_supported: false,
            authorization_response_iss_parameter_supported: false,
            openid: false,
        }
    }

    /// Vets the endpoints before any of them is used.
    pub async fn vet(&self, http: &Http) -> Result<(), Error> {
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
