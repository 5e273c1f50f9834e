//! Becoming a client of an issuer, in the order of MCP Client Registration: pre-registered, by metadata document,
//! by dynamic registration (RFC 7591); and ceasing to be one (RFC 7592).

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::metadata::IssuerMetadata;
use super::{Error, ErrorResponse, discovery, read_json};
use crate::clock::UnixTime;
use crate::http::{Authorization, Body, Http, Request};
use crate::model::{ClientAuthMethod, ClientFacts, ClientRegistration, Issuer, RegistrationSource, ScopeSet};
use crate::secret::{ClientSecret, RegistrationToken};

/// What there is to become a client with.
pub struct Candidates<'a> {
    /// What the store holds for this server: a client the user brought, or one registered earlier.
    pub stored: Option<ClientRegistration>,
    /// The URL of a client id metadata document that describes this client.
    pub metadata_document: Option<&'a Url>,
}

/// What the client is to be good for.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The redirect URI that the listener already answers; `None` for a grant without a browser here.
    pub redirect_uri: Option<&'a str>,
    /// `grant_types` (RFC 7591 section 2).
    pub grants: &'a [&'a str],
    /// What will be asked for, because some issuers refuse later what was not registered.
    pub scope: &'a ScopeSet,
}

/// Becomes a client.
pub async fn register(
    http: &Http,
    issuer: &IssuerMetadata,
    candidates: Candidates<'_>,
    wanted: &Wanted<'_>,
    now: UnixTime,
) -> Result<ClientRegistration, Error> {
    let stored = candidates.stored;
    // A client that has to be replaced because more is wanted has a successor that is good for both.
    let replaced = stored.as_ref().filter(|client| client.facts.issuer == issuer.issuer);
    let earlier = replaced.map(|client| client.facts.scope.clone()).unwrap_or_default();
    let stored = stored.map(|client| reuse(client, issuer, wanted, now)).transpose()?.flatten();
    let document = candidates.metadata_document.filter(|_| issuer.client_id_metadata_document_supported);
    match (stored, document) {
        // What was registered before anybody named a document comes after it, like registering does.
        (Some(client), Some(document)) if client.facts.source == RegistrationSource::Dynamic => {
            return Ok(by_metadata_document(document, &issuer.issuer));
        }
        (Some(client), _) => return Ok(client),
        (None, Some(document)) => return Ok(by_metadata_document(document, &issuer.issuer)),
        (None, None) => {}
    }
    let Some(endpoint) = &issuer.registration_endpoint else {
        return Err(Error::NoRegistration {
            issuer: issuer.issuer.clone(),
            redirect_uri: wanted.redirect_uri.unwrap_or_default().to_owned(),
        });
    };
    let wanted = Wanted { scope: &earlier.union(wanted.scope), ..*wanted };
    register_dynamically(http, endpoint, issuer, &wanted).await
}

/// A stored client, if it can be shown to this issuer. One that the user brought is an error elsewhere: it must be
/// neither sent to a stranger nor silently replaced.
fn reuse(
    client: ClientRegistration,
    issuer: &IssuerMetadata,
    wanted: &Wanted<'_>,
    now: UnixTime,
) -> Result<Option<ClientRegistration>, Error> {
    let facts = &client.facts;
    let same_issuer = facts.issuer == issuer.issuer;
    match facts.source {
        RegistrationSource::Preregistered if !same_issuer => Err(Error::ForeignClient {
            client_id: facts.client_id.clone(),
            bound: facts.issuer.clone(),
            found: issuer.issuer.clone(),
        }),
        RegistrationSource::Preregistered => Ok(Some(client)),
        RegistrationSource::MetadataDocument | RegistrationSource::Unregistered => Ok(None),
        RegistrationSource::Dynamic => {
            let alive = facts.secret_expires_at.is_none_or(|end| now < end);
            let same_redirect = facts.redirect_uri.as_deref() == wanted.redirect_uri;
            // Whoever was registered for less is refused the rest at many issuers, and only on the person's page.
            let wide_enough = facts.scope.is_empty() || facts.scope.covers(wanted.scope);
            Ok((same_issuer && alive && same_redirect && wide_enough).then_some(client))
        }
    }
}

/// A client id metadata document is a public client whose id is the document's URL.
fn by_metadata_document(document: &Url, issuer: &Issuer) -> ClientRegistration {
    ClientRegistration::public(RegistrationSource::MetadataDocument, issuer, document.as_str())
}

/// The method to ask for: a program on a person's machine keeps no secret, so `none` wherever it is offered.
pub fn preferred_auth_method(issuer: &IssuerMetadata, has_secret: bool) -> ClientAuthMethod {
    let Some(listed) = &issuer.token_endpoint_auth_methods_supported else {
        // RFC 8414: an issuer that lists nothing takes client_secret_basic.
        return if has_secret { ClientAuthMethod::ClientSecretBasic } else { ClientAuthMethod::None };
    };
    if !has_secret && listed.iter().any(|method| method == "none") {
        return ClientAuthMethod::None;
    }
    // Of the two ways to show a secret the one that the issuer names first: the MCP Python SDK, and every server built
    // on it, names client_secret_post first and turns HTTP Basic away unless the body repeats the client id.
    let first = listed.iter().find_map(|method| match method.as_str() {
        "client_secret_basic" => Some(ClientAuthMethod::ClientSecretBasic),
        "client_secret_post" => Some(ClientAuthMethod::ClientSecretPost),
        _ => None,
    });
    let neither = if has_secret { ClientAuthMethod::ClientSecretBasic } else { ClientAuthMethod::None };
    first.unwrap_or(neither)
}

/// The registration answer (RFC 7591 section 3.2.1), which governs over what was asked for.
#[derive(Deserialize)]
struct Registered {
    client_id: String,
    client_secret: Option<String>,
    client_secret_expires_at: Option<i64>,
    token_endpoint_auth_method: Option<ClientAuthMethod>,
    redirect_uris: Option<Vec<String>>,
    registration_client_uri: Option<Url>,
    registration_access_token: Option<String>,
}

async fn register_dynamically(
    http: &Http,
    endpoint: &Url,
    issuer: &IssuerMetadata,
    wanted: &Wanted<'_>,
) -> Result<ClientRegistration, Error> {
    let mut metadata = json!({
        "client_name": "mcpauth",
        "software_id": "mcpauth",
        "software_version": env!("CARGO_PKG_VERSION"),
        "application_type": "native",
        "redirect_uris": wanted.redirect_uri.as_slice(),
        "grant_types": wanted.grants,
        "response_types": wanted.redirect_uri.map(|_| "code").as_slice(),
        "token_endpoint_auth_method": preferred_auth_method(issuer, false),
    });
    if !wanted.scope.is_empty() {
        metadata["scope"] = wanted.scope.to_string().into();
    }
    let request = Request::new(Method::POST, endpoint).body(Body::Json(metadata));
    let answer = http.send(request).await?;
    if answer.is_transient() {
        return Err(discovery::temporary(&answer));
    }
    if !answer.is_success() {
        return Err(Error::RegistrationRefused {
            issuer: issuer.issuer.clone(),
            reason: ErrorResponse::from_answer(&answer),
            redirect_uri: wanted.redirect_uri.unwrap_or_default().to_owned(),
        });
    }
    let registered: Registered = read_json(&answer, "registration answer")?;
    accept(registered, &issuer.issuer, wanted).map_err(|why| Error::Malformed {
        host: answer.host.clone(),
        why: format!("registration answer: {why}"),
    })
}

/// When a secret ends (RFC 7591 section 3.2.1: seconds). Some issuers write milliseconds, which would be thousands of
/// years from now.
fn end(written: i64) -> UnixTime {
    const YEAR_5138: i64 = 100_000_000_000;
    UnixTime(if written > YEAR_5138 { written / 1000 } else { written })
}

fn accept(
    answer: Registered,
    issuer: &Issuer,
    wanted: &Wanted<'_>,
) -> Result<ClientRegistration, &'static str> {
    // RFC 6749 appendix A.1: the id is of visible ASCII characters.
    let legal = |c: char| (' '..='~').contains(&c);
    if answer.client_id.is_empty() || answer.client_id.len() > 4096 || !answer.client_id.chars().all(legal) {
        return Err("client_id is empty, too long or of illegal characters");
    }
    if wanted
        .redirect_uri
        .is_some_and(|own| answer.redirect_uris.is_some_and(|uris| !uris.iter().any(|uri| uri == own)))
    {
        return Err("it does not allow the redirect URI that was asked for");
    }
    // A public client is given none by some issuers and an empty one by others.
    let secret = answer.client_secret.filter(|secret| !secret.is_empty());
    let has_secret = secret.is_some();
    let implied = if has_secret { ClientAuthMethod::ClientSecretBasic } else { ClientAuthMethod::None };
    let auth_method = answer.token_endpoint_auth_method.unwrap_or(implied);
    if auth_method != ClientAuthMethod::None && !has_secret {
        return Err("it demands a secret and gives none");
    }
    Ok(ClientRegistration {
        facts: ClientFacts {
            source: RegistrationSource::Dynamic,
            issuer: issuer.clone(),
            client_id: answer.client_id,
            auth_method,
            redirect_uri: wanted.redirect_uri.map(str::to_owned),
            // What was asked for, not what came of it: an issuer that grants less would be asked anew at every login.
            scope: wanted.scope.clone(),
            secret_expires_at: answer.client_secret_expires_at.filter(|end| *end != 0).map(end),
            management_url: answer.registration_client_uri,
            assertion: None,
        },
        secret: secret.map(ClientSecret::new),
        key: None,
        management_token: answer.registration_access_token.map(RegistrationToken::new),
    })
}

/// What became of a registration that was to be deleted.
pub enum Unregistered {
    /// The issuer deleted it.
    Deleted,
    /// The issuer offers no deletion for it.
    NotOffered,
}

/// Deletes a dynamic registration at its issuer (RFC 7592 section 2.3).
pub async fn unregister(http: &Http, client: &ClientRegistration) -> Result<Unregistered, Error> {
    let (Some(url), Some(token)) = (&client.facts.management_url, &client.management_token) else {
        return Ok(Unregistered::NotOffered);
    };
    let request = Request::new(Method::DELETE, url).authorization(Authorization::Registration(token));
    let answer = http.send(request).await?;
    match answer.status {
        // 401 and 404: it knows no such registration, which is what was wanted.
        200..=299 | 401 | 404 => Ok(Unregistered::Deleted),
        _ if answer.is_transient() => Err(discovery::temporary(&answer)),
        _ => {
            let reason = ErrorResponse::from_answer(&answer).without(&[token.expose()]);
            Err(Error::Refused { host: answer.host.clone(), reason })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REDIRECT: &str = "http://127.0.0.1:7/callback";

    fn wanted(scope: &ScopeSet) -> Wanted<'_> {
        Wanted { redirect_uri: Some(REDIRECT), grants: &[], scope }
    }

    fn read(answer: serde_json::Value) -> Result<ClientRegistration, String> {
        let answer: Registered = serde_json::from_value(answer).map_err(|error| error.to_string())?;
        accept(answer, &Issuer::new("https://i.example"), &wanted(&ScopeSet::default()))
            .map_err(str::to_owned)
    }

    /// MCP 26.
    #[test]
    fn the_answer_governs() {
        let client = read(json!({
            "client_id": "c", "client_secret": "s", "client_secret_expires_at": 0,
            "token_endpoint_auth_method": "client_secret_post", "redirect_uris": [REDIRECT],
        }))
        .unwrap();
        assert_eq!(client.facts.auth_method, ClientAuthMethod::ClientSecretPost);
        assert_eq!(client.facts.secret_expires_at, None);
        for (written, expires) in [(1_900_000_000, 1_900_000_000), (1_900_000_000_000_i64, 1_900_000_000)] {
            let client = read(json!({ "client_id": "c", "client_secret": "s",
                "client_secret_expires_at": written }));
            assert_eq!(client.unwrap().facts.secret_expires_at, Some(UnixTime(expires)));
        }
        for public in [json!({ "client_id": "c" }), json!({ "client_id": "c", "client_secret": "" })] {
            assert_eq!(read(public).unwrap().facts.auth_method, ClientAuthMethod::None);
        }
    }

    /// MCP 37.
    #[test]
    fn a_secret_is_shown_in_the_way_that_the_issuer_names_first() {
        let preferred = |listed: Option<&[&str]>, has_secret| {
            let issuer: IssuerMetadata = serde_json::from_value(json!({
                "issuer": "https://i.example", "authorization_endpoint": "https://i.example/a",
                "token_endpoint": "https://i.example/t", "token_endpoint_auth_methods_supported": listed }))
            .unwrap();
            preferred_auth_method(&issuer, has_secret)
        };
        let (basic, post) = ("client_secret_basic", "client_secret_post");
        for has_secret in [true, false] {
            for (listed, expected) in [
                (&[post, basic], ClientAuthMethod::ClientSecretPost),
                (&[basic, post], ClientAuthMethod::ClientSecretBasic),
                (&["private_key_jwt", post], ClientAuthMethod::ClientSecretPost),
            ] {
                assert_eq!(preferred(Some(listed), has_secret), expected);
            }
        }
        assert_eq!(preferred(Some(&[post, "none"]), false), ClientAuthMethod::None);
        assert_eq!(preferred(Some(&[post, "none"]), true), ClientAuthMethod::ClientSecretPost);
        assert_eq!(preferred(None, true), ClientAuthMethod::ClientSecretBasic);
        assert_eq!(preferred(Some(&["tls_client_auth"]), false), ClientAuthMethod::None);
    }

    /// MCP 26.
    #[test]
    fn an_answer_that_cannot_be_used_is_refused() {
        for answer in [
            json!({}),
            json!({ "client_id": "" }),
            json!({ "client_id": { "a": 1 } }),
            json!({ "client_id": "a\u{7}" }),
            json!({ "client_id": "x".repeat(100_000) }),
            json!({ "client_id": "c", "redirect_uris": ["https://elsewhere.example"] }),
            json!({ "client_id": "c", "token_endpoint_auth_method": "client_secret_basic" }),
        ] {
            assert!(read(answer).is_err());
        }
    }

    /// MCP 24, 27.
    #[test]
    fn a_registration_is_shown_to_no_other_issuer() {
        let issuer: IssuerMetadata = serde_json::from_value(json!({
            "issuer": "https://other.example", "authorization_endpoint": "https://other.example/a",
            "token_endpoint": "https://other.example/t" }))
        .unwrap();
        let scope = ScopeSet::default();
        let dynamic = read(json!({ "client_id": "c" })).unwrap();
        assert!(reuse(dynamic, &issuer, &wanted(&scope), UnixTime(0)).unwrap().is_none());
        let mut brought = read(json!({ "client_id": "c" })).unwrap();
        brought.facts.source = RegistrationSource::Preregistered;
        assert!(matches!(
            reuse(brought, &issuer, &wanted(&scope), UnixTime(0)),
            Err(Error::ForeignClient { .. })
        ));
    }
}
