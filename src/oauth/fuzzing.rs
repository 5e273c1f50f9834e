//! The readers of this floor that are given to the fuzzer; built with `--cfg fuzzing` only.

#![expect(clippy::expect_used, reason = "the fuzzer stops where its own world cannot be set up")]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use zeroize::Zeroizing;

use super::authorization::{AuthorizationRequest, PendingAuthorization};
use super::challenge::Challenge;
use super::metadata::{IssuerMetadata, ResourceMetadata};
use super::{Error, challenge, discovery, metadata, read_json, token};
use crate::clock::UnixTime;
use crate::http::{Answer, Http, NetworkSettings};
use crate::model::{ScopeSet, ServerUrl, TokenSet};

/// Reads `WWW-Authenticate` headers, of those values that can be one.
pub fn challenge<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<Challenge> {
    let mut headers = HeaderMap::new();
    for value in values.filter_map(|value| HeaderValue::from_bytes(value).ok()) {
        headers.append(WWW_AUTHENTICATE, value);
    }
    Challenge::from_headers(&headers)
}

/// Splits one header value into challenges with their parameters.
pub fn challenges(header: &str) -> Vec<(String, Vec<(String, String)>)> {
    challenge::parse(header)
}

/// Reads the metadata of a resource.
pub fn resource_metadata(body: &[u8]) -> Result<ResourceMetadata, Error> {
    read_json(&answer(200, body), "protected resource metadata")
}

/// Whether a resource identifier speaks for a server.
pub fn covers(resource: &str, server: &ServerUrl) -> bool {
    discovery::server::covers(resource, server)
}

/// Reads the metadata of an issuer.
pub fn issuer_metadata(body: &[u8]) -> Result<IssuerMetadata, Error> {
    read_json(&answer(200, body), "authorization server metadata")
}

/// A client for a server at a literal address, so that vetting asks nobody.
pub fn http(server: &ServerUrl) -> Http {
    Http::new(server, NetworkSettings::default(), Arc::new(|_| {}))
}

/// Vets the endpoints of an issuer, as is done before any is used.
pub fn vet(metadata: &IssuerMetadata, http: &Http) -> Result<(), Error> {
    match pin!(metadata.vet(http)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(vetted) => vetted,
        Poll::Pending => unreachable!("vetting asks nobody"),
    }
}

/// Reads the answer of a token endpoint to a request for the scope `asked`, with a proof of a key or without.
pub fn token_answer(status: u16, body: &[u8], with_proof: bool, now: UnixTime) -> Result<TokenSet, Error> {
    let expected = token::Expected { scope: &ScopeSet::from("asked"), member: None };
    token::read_tokens(&answer(status, body), &expected, with_proof, now)
}

/// An attempt to sign in at `https://i.example`, which promises to name itself or does not.
pub fn pending(promises_iss: bool) -> PendingAuthorization {
    let issuer = IssuerMetadata {
        authorization_response_iss_parameter_supported: promises_iss,
        ..metadata::IssuerMetadata::at_fixed_paths(&url::Url::parse("https://i.example").expect("a URL"))
    };
    PendingAuthorization::begin(&AuthorizationRequest {
        client: &client(&issuer),
        issuer: &issuer,
        redirect_uri: "http://127.0.0.1:4711/callback",
        resource: None,
        scope: &ScopeSet::default(),
        parameters: &[],
        tolerates_missing_iss: false,
        answer_member: None,
    })
    .expect("a request")
}

fn client(issuer: &IssuerMetadata) -> crate::model::ClientFacts {
    let known = serde_json::json!({
        "source": "dynamic", "issuer": issuer.issuer, "client_id": "c", "auth_method": "none" });
    serde_json::from_value(known).expect("a client")
}

fn answer(status: u16, body: &[u8]) -> Answer {
    Answer {
        status,
        headers: HeaderMap::new(),
        body: Zeroizing::new(body.to_vec()),
        host: "i.example".into(),
    }
}
