//! What comes in and what goes out: requests with bounded bodies, answers, and refusals in the words of OAuth.

use std::io;
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::upgrade::OnUpgrade;
use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};
use url::Url;

use super::form::Form;
use crate::model::is_loopback;

/// The largest body of a request to the issuer, in bytes.
pub(super) const BODY_LIMIT: usize = 1024 * 1024;
/// How long a client may take to send its header, and how long to send its body.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A request that has been read whole.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// What the connection becomes if the answer is that it changes to another protocol.
    pub(super) upgrade: Option<OnUpgrade>,
}

impl Request {
    /// Reads a request whole. The error is the answer to one that is larger than `limit` or takes too long.
    pub(super) async fn read(incoming: hyper::Request<Incoming>, limit: usize) -> Result<Self, Answer> {
        let (mut head, body) = incoming.into_parts();
        let body = match tokio::time::timeout(PATIENCE, Limited::new(body, limit).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => {
                let why = format!("the body is larger than {limit} bytes\n");
                return Err(Answer::body(413, "text/plain", why));
            }
            Err(_) => return Err(Answer::empty(408)),
        };
        Ok(Self {
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
            upgrade: head.extensions.remove(),
        })
    }

    /// A header as text; `None` if it is absent or is no text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// What follows an authentication scheme in `Authorization`, if that scheme is used.
    pub(super) fn credentials(&self, scheme: &str) -> Option<&str> {
        let (own, rest) = self.header("authorization")?.split_once(' ')?;
        own.eq_ignore_ascii_case(scheme).then(|| rest.trim_start())
    }

    /// Whether the body says it is of this type, whatever its parameters.
    pub(super) fn is(&self, content_type: &str) -> bool {
        let own = self.header("content-type").and_then(|value| value.split(';').next());
        own.is_some_and(|own| own.trim().eq_ignore_ascii_case(content_type))
    }

    /// The parameters of a form body (RFC 6749 appendix B), none of which may come twice.
    pub(super) fn form(&self) -> Result<Form, Refusal> {
        if !self.is("application/x-www-form-urlencoded") {
            return Err(Refusal::bad(
                "invalid_request",
                "the body must be application/x-www-form-urlencoded",
            ));
        }
        let form = Form::parse(&self.body);
        match form.repeated() {
            Some(name) => Err(Refusal::bad("invalid_request", format!("{name} came more than once"))),
            None => Ok(form),
        }
    }

    /// Whether a page of this machine sends the request, or no page at all.
    pub(super) fn comes_from_loopback(&self) -> bool {
        match self.headers.get(header::ORIGIN) {
            None => true,
            Some(origin) => {
                let text = origin.to_str().ok();
                text.and_then(|text| Url::parse(text).ok()).is_some_and(|url| is_loopback(&url))
            }
        }
    }
}

/// What flows out as the body of an answer.
pub(super) type Flow = UnsyncBoxBody<Bytes, io::Error>;

/// An answer, before hyper sees it.
pub(super) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
    /// What comes instead of the body, bit by bit.
    flow: Option<Flow>,
}

impl Answer {
    /// Only a status.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), flow: None }
    }

    /// An event stream. Nobody on the way may hold it back.
    pub(super) fn events(events: impl Body<Data = Bytes, Error = io::Error> + Send + 'static) -> Self {
        Self { flow: Some(events.boxed_unsync()), ..Self::body(200, "text/event-stream", "") }
            .with("x-accel-buffering", "no")
    }

    /// A body of any type. Nothing of the sandbox may be cached: its knobs turn between two requests.
    pub(super) fn body(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::empty(status) }
            .with("content-type", content_type)
            .with("cache-control", "no-store")
            .with("x-content-type-options", "nosniff")
    }

    /// A JSON document.
    pub(super) fn json(status: u16, value: &Value) -> Self {
        Self::body(status, "application/json", value.to_string())
    }

    /// The same with one more header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Its status.
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// The same with another status.
    pub(super) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same with another document, if it holds a JSON object.
    pub(super) fn edited(mut self, edit: impl FnOnce(&mut Map<String, Value>)) -> Self {
        if let Ok(mut document) = serde_json::from_slice(&self.body) {
            edit(&mut document);
            self.body = Value::Object(document).to_string().into();
        }
        self
    }

    /// The same for hyper. A header that cannot be one is left out.
    pub(super) fn into_response(self) -> Response<Flow> {
        let whole = |body| Full::new(body).map_err(|never| match never {}).boxed_unsync();
        let mut response = Response::new(self.flow.unwrap_or_else(|| whole(self.body)));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// An error answer of OAuth (RFC 6749 section 5.2), and a violation in the books.
pub(super) struct Refusal {
    status: u16,
    error: &'static str,
    why: String,
    challenge: Option<&'static str>,
}

impl Refusal {
    /// Status 400.
    pub(super) fn bad(error: &'static str, why: impl Into<String>) -> Self {
        Self { status: 400, error, why: why.into(), challenge: None }
    }

    /// No tokens yet, which is no fault of the client.
    pub(super) fn pending(why: impl Into<String>) -> Self {
        Self::bad("authorization_pending", why)
    }

    /// Whether the client did something wrong; to wait, and to learn of a nonce, is the ordinary course.
    pub(super) fn is_fault_of_client(&self) -> bool {
        !["authorization_pending", "use_dpop_nonce"].contains(&self.error)
    }

    /// A client that did not prove itself; with a challenge if it tried by header.
    pub(super) fn unknown_client(why: impl Into<String>, by_header: bool) -> Self {
        let challenge = by_header.then_some("Basic realm=\"sandbox\"");
        Self { status: 401, error: "invalid_client", why: why.into(), challenge }
    }

    /// A bearer token that is missing or wrong.
    pub(super) fn bad_token(why: impl Into<String>) -> Self {
        let challenge = Some("Bearer error=\"invalid_token\"");
        Self { status: 401, error: "invalid_token", why: why.into(), challenge }
    }

    /// The refusal in words, for the books.
    pub(super) fn in_words(&self) -> String {
        format!("{}: {}", self.error, self.why)
    }

    /// The refusal as the client gets it.
    pub(super) fn into_answer(self) -> Answer {
        let document = json!({ "error": self.error, "error_description": self.why });
        let answer = Answer::json(self.status, &document).with("pragma", "no-cache");
        match self.challenge {
            Some(challenge) => answer.with("www-authenticate", challenge),
            None => answer,
        }
    }
}
