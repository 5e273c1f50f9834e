//! What is answered where nothing is passed on, in a form that clients of MCP show to a person.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};

use super::pass::Reply;
use crate::error::{self, Error};
use crate::http::HttpError;
use crate::mcp::message::{self, Id, SERVER_ERROR};
use crate::oauth;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Why a request is not passed on, or its answer is not.
pub(super) struct Refusal {
    status: StatusCode,
    text: String,
    code: i64,
    id: Option<Id>,
    /// When to come again.
    wait: Option<Duration>,
}

impl Refusal {
    /// A refusal of our own.
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), code: SERVER_ERROR, id: None, wait: None }
    }

    /// Of somebody who does not know the secret.
    pub(super) fn unknown() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "this proxy wants its own secret as a bearer token; `mcpauth proxy` says where it is",
        )
    }

    /// Of somebody who has sent more than `--rate` allows (RFC 6585 section 4).
    pub(super) fn too_many(wait: Duration) -> Self {
        let seconds = whole_seconds(wait);
        let text = format!("more requests than the --rate of this proxy; the next one in {seconds} s");
        Self { wait: Some(wait), ..Self::new(StatusCode::TOO_MANY_REQUESTS, text) }
    }

    /// Because something went wrong on the way to the server.
    pub(super) fn of(error: &Error) -> Self {
        let hint = error.hint().map(|hint| format!("; hint: {hint}")).unwrap_or_default();
        Self::new(status(error), format!("{error}{hint}"))
    }

    /// The same as the answer to a request.
    pub(super) fn to(self, id: Option<Id>) -> Self {
        Self { id, ..self }
    }

    /// The same with another code of JSON-RPC.
    pub(super) fn coded(self, code: i64) -> Self {
        Self { code, ..self }
    }

    /// As it goes out. What was refused before its body was read ends the connection: nobody is going to read that.
    pub(super) fn into_reply(self, closes: bool) -> Reply {
        let failure = message::failure(self.id.as_ref(), self.code, &self.text);
        let mut reply = written(self.status, JSON, failure.bytes().clone());
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"mcpauth proxy\"");
            reply.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(wait) = self.wait {
            reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        if closes {
            reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        reply
    }
}

/// Seconds after which a time is certainly over.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// An answer of our own.
pub(super) fn written(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Either::Left(Full::new(body.into())));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    reply
}

/// None of them is 401: a client would begin a sign-in of its own, and it has none here.
fn status(error: &Error) -> StatusCode {
    match error {
        Error::ScopeNeeded { .. } | Error::ScopeHeld { .. } => StatusCode::FORBIDDEN,
        Error::Remote { source, .. } => match &**source {
            oauth::Error::Http(HttpError::Timeout { .. }) => StatusCode::GATEWAY_TIMEOUT,
            oauth::Error::Http(_) => StatusCode::BAD_GATEWAY,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        },
        error if matches!(error.exit_code(), error::LOGIN_NEEDED | error::TEMPORARY | 7) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
