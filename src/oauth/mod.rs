//! The OAuth client: one file per family of standards. Nothing here stores, prints or asks.

pub mod authorization;
pub mod challenge;
pub mod client_auth;
pub mod device;
pub mod discovery;
pub mod dpop;
pub mod exchange;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod grants;
pub mod identity;
mod jwt;
pub mod metadata;
pub mod registration;
pub mod token;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::http::{Answer, HttpError};
use crate::model::{Issuer, ServerUrl};
use crate::peer_text::{PeerText, blot_out};

/// Why a conversation with a server or an issuer came to no good end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There was no answer, or the URL was not acceptable.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The server answers without a token and names no issuer.
    #[error("{0} asks for no sign-in: it answered without a token and publishes no authorization metadata")]
    NoSignIn(ServerUrl),
    /// Nothing that names or describes an issuer was found.
    #[error("found no usable metadata of {what}: {why}")]
    NoMetadata {
        /// Whose metadata.
        what: String,
        /// What was found instead.
        why: String,
    },
    /// A document names another issuer than the one it was asked for (RFC 8414 section 3.3).
    #[error("the metadata of issuer {expected} names another issuer: {found}")]
    IssuerMismatch {
        /// Who was asked.
        expected: Issuer,
        /// Who answered.
        found: Issuer,
    },
    /// The server names another issuer than the one of the login that there is (MCP, Authorization Server Binding).
    #[error("the server names another issuer than before: it was {bound}, now it is {found}")]
    IssuerChanged {
        /// Who knows the login, or the client.
        bound: Issuer,
        /// Whom the server names now.
        found: Issuer,
    },
    /// The key of a client cannot be used. What is wrong is said without repeating any of it.
    #[error("the client's key: {0}")]
    BadKey(&'static str),
    /// The resource metadata speaks for another server (RFC 9728 section 3.3).
    #[error("the metadata of {server} is for another resource: {}", PeerText::new(.resource.as_str()))]
    ResourceMismatch {
        /// The server that was called.
        server: ServerUrl,
        /// The resource that its metadata names.
        resource: String,
    },
    /// Several challenges name different issuers.
    #[error("{0} names several resource metadata documents with different issuers")]
    AmbiguousChallenge(ServerUrl),
    /// The issuer does not say that it supports PKCE with S256.
    #[error("issuer {0} does not advertise PKCE with S256")]
    NoPkce(Issuer),
    /// The issuer does not offer what this way of signing in takes.
    #[error("issuer {issuer} does not offer {what}")]
    NotOffered {
        /// The issuer.
        issuer: Issuer,
        /// What is missing.
        what: &'static str,
    },
    /// The issuer gives no codes to devices (RFC 8628).
    #[error("issuer {0} offers no sign-in on another device")]
    NoDevices(Issuer),
    /// The issuer offers no way to become a client without a person.
    #[error("issuer {issuer} registers no clients by itself")]
    NoRegistration {
        /// The issuer.
        issuer: Issuer,
        /// The redirect URI to register there.
        redirect_uri: String,
    },
    /// The issuer refused to register this client (RFC 7591 section 3.2.2).
    #[error("issuer {issuer} refused to register this client: {reason}")]
    RegistrationRefused {
        /// The issuer.
        issuer: Issuer,
        /// Its words.
        reason: ErrorResponse,
        /// The redirect URI that was asked for.
        redirect_uri: String,
    },
    /// A stored client belongs to another issuer than the one the server names now.
    #[error("the stored client {client_id} belongs to issuer {bound}, but the server now names {found}")]
    ForeignClient {
        /// The client.
        client_id: String,
        /// Who knows it.
        bound: Issuer,
        /// Who asked for it.
        found: Issuer,
    },
    /// The person, or the issuer, said no (`access_denied`).
    #[error("the sign-in was declined{}", parenthesis(.0.as_ref()))]
    Declined(Option<PeerText>),
    /// Nobody entered the code of a device in time (RFC 8628 section 3.5).
    #[error("the code ended before anybody had finished the sign-in")]
    CodeEnded,
    /// The authorization endpoint answered with an error (RFC 6749 section 4.1.2.1).
    #[error("the issuer ended the sign-in: {0}")]
    AuthorizationFailed(ErrorResponse),
    /// The redirect does not come from the issuer that was asked (RFC 9207).
    #[error("the redirect {0}")]
    WrongIss(&'static str),
    /// The redirect carries neither code nor error.
    #[error("the redirect holds neither a code nor an error")]
    EmptyRedirect,
    /// The token endpoint refused (RFC 6749 section 5.2).
    #[error("{host} refused the request: {reason}")]
    Refused {
        /// Who refused.
        host: String,
        /// Its words.
        reason: ErrorResponse,
    },
    /// The other side is in trouble that is likely to pass.
    #[error("{host} answered {}", .word.map_or(.status.to_string(), str::to_owned))]
    Temporary {
        /// Who answered.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What it said, where that says more than the status.
        word: Option<&'static str>,
        /// Seconds to wait, if it said.
        retry_after: Option<u64>,
    },
    /// Something answered in place of the issuer, as the sign-in page of a hotel does.
    #[error("{host} answered {status} with {} instead of OAuth (a captive portal?)", in_place(*.redirects))]
    Intercepted {
        /// Who was asked.
        host: String,
        /// The HTTP status.
        status: u16,
        /// Whether the answer leads elsewhere instead of being a page.
        redirects: bool,
    },
    /// The answer is not what the standard asks for.
    #[error("{host} broke the protocol: {why}")]
    Malformed {
        /// Who answered.
        host: String,
        /// What is wrong with the answer.
        why: String,
    },
}

impl Error {
    /// Whether the other side may have acted on the request, although there is no answer.
    pub fn may_have_arrived(&self) -> bool {
        matches!(self, Self::Http(error) if error.may_have_arrived())
    }

    /// Whether the trouble is likely to pass, so that the same request may succeed in a while.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Http(error) => error.is_passing(),
            Self::Temporary { .. } | Self::Intercepted { .. } => true,
            _ => false,
        }
    }

    /// How many seconds the other side asked to be left alone.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Temporary { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

fn in_place(redirects: bool) -> &'static str {
    if redirects { "a redirect" } else { "a web page" }
}

fn parenthesis(text: Option<&PeerText>) -> String {
    text.map(|text| format!(" ({text})")).unwrap_or_default()
}

/// An error as the standards write it: a code and, perhaps, words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    /// `error`, such as `invalid_grant`; `http_401` and the like where there was none.
    pub code: String,
    /// `error_description`.
    pub description: Option<PeerText>,
}

impl std::fmt::Display for ErrorResponse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}{}", PeerText::new(&self.code), parenthesis(self.description.as_ref()))
    }
}

impl ErrorResponse {
    /// Reads an error out of a JSON object, whatever the status it came with: RFC 6749's shape, an object in
    /// `error`, a bare `message`. `None` if the object holds none.
    fn from_json(body: &Map<String, Value>) -> Option<Self> {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let error = body.get("error")?;
        let code = text(error).or_else(|| text(error.get("code")?))?;
        let words =
            body.get("error_description").or_else(|| body.get("message")).or_else(|| error.get("message"));
        Some(Self { code, description: words.and_then(text).map(PeerText::new) })
    }

    /// The same with the secrets of the request blotted out, if the issuer repeated them.
    fn without(self, secrets: &[&str]) -> Self {
        Self {
            code: blot_out(&self.code, secrets),
            description: self.description.map(|words| words.without(secrets)),
        }
    }

    /// The error in an answer that is no success; the status stands in where the body says nothing.
    fn from_answer(answer: &Answer) -> Self {
        let body: Map<String, Value> = serde_json::from_slice(&answer.body).unwrap_or_default();
        Self::from_json(&body).unwrap_or_else(|| Self {
            code: format!("http_{}", answer.status),
            description: body.get("message").and_then(|text| text.as_str()).map(PeerText::from),
        })
    }
}

/// Reads a JSON answer. The error says what is wrong without repeating any of it: it may hold secrets.
fn read_json<Document: DeserializeOwned>(answer: &Answer, what: &str) -> Result<Document, Error> {
    let body = answer.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&answer.body);
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        let html = body.trim_ascii_start().first() == Some(&b'<');
        let why = match error.classify() {
            _ if html => "it is HTML".to_owned(),
            serde_json::error::Category::Data => {
                format!("a member is missing, double or of the wrong type ({place})")
            }
            _ => format!("it is not JSON ({place})"),
        };
        Error::Malformed { host: answer.host.clone(), why: format!("{what}: {why}") }
    })
}
