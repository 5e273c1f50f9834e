//! The HTTP side: connections, bounded bodies, faults, and which page answers which path.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use url::Url;

use super::books::Ledger;
use super::form::Form;
use super::options::{Endpoint, Fault};
use super::{
    authorization, mcp, metadata, metadata_document, pages, registration, revocation, token, userinfo,
};
use crate::model::is_loopback;

/// The largest body of a request, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;
/// How long a client may take to send its header or its body.
const PATIENCE: Duration = Duration::from_secs(30);
/// The size of the answer of [`Fault::Huge`], in bytes.
const HUGE: usize = 10 * 1024 * 1024;

/// What all connections share.
pub(super) struct Site {
    ledger: Mutex<Ledger>,
}

impl Site {
    pub(super) fn new(ledger: Ledger) -> Self {
        Self { ledger: Mutex::new(ledger) }
    }

    /// The ledger, for one step that does not wait for anything.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that has been read whole.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Request {
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
}

/// An answer, before hyper sees it.
pub(super) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Answer {
    /// Only a status.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
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

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
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

/// An error answer of OAuth (RFC 6749 section 5.2), and an entry of [`super::Books::violations`].
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

    /// The answer; writes the refusal into the books.
    pub(super) fn into_answer(self, ledger: &mut Ledger) -> Answer {
        let document = json!({ "error": self.error, "error_description": self.why });
        ledger.refused(format!("{}: {}", self.error, self.why));
        let answer = Answer::json(self.status, &document).with("pragma", "no-cache");
        match self.challenge {
            Some(challenge) => answer.with("www-authenticate", challenge),
            None => answer,
        }
    }
}

/// Serves until `stop` is sent or dropped.
pub(super) async fn serve(
    listener: tokio::net::TcpListener,
    site: Arc<Site>,
    mut stop: oneshot::Receiver<()>,
) {
    loop {
        tokio::select! {
            _ = &mut stop => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tokio::spawn(converse(stream, Arc::clone(&site)))),
                // Out of file descriptors, most likely: give the open connections time to end.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
        }
    }
}

async fn converse(stream: tokio::net::TcpStream, site: Arc<Site>) {
    let service = service_fn(move |incoming| {
        let site = Arc::clone(&site);
        async move { answer(&site, incoming).await.map(Answer::into_response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    // A client that went away is no concern of the sandbox.
    drop(connection.await);
}

/// The answer to one request. An error closes the connection without one.
async fn answer(site: &Site, incoming: hyper::Request<Incoming>) -> io::Result<Answer> {
    let request = match read(incoming).await {
        Ok(request) => request,
        Err(refusal) => return Ok(refusal),
    };
    let fault = {
        let mut ledger = site.ledger();
        note(&mut ledger, &request);
        if !is_own_host(&ledger, &request) {
            ledger.refused("the Host header names another site");
            return Ok(Answer::body(403, "text/plain", "this is not the host you asked for\n"));
        }
        Endpoint::at(&request.path).and_then(|endpoint| ledger.take_fault(endpoint))
    };
    let answered = match fault {
        Some(Fault::Silence { .. }) => return std::future::pending().await,
        Some(Fault::LostAnswer { .. }) => {
            drop(respond(site, &request).await);
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Some(Fault::LateAnswer { milliseconds, .. }) => {
            let answered = respond(site, &request).await;
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            answered
        }
        Some(fault) => faulty(fault),
        None => respond(site, &request).await,
    };
    Ok(shared_with_loopback(answered, &request))
}

async fn read(incoming: hyper::Request<Incoming>) -> Result<Request, Answer> {
    let (head, body) = incoming.into_parts();
    let body = match tokio::time::timeout(PATIENCE, Limited::new(body, BODY_LIMIT).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return Err(Answer::body(413, "text/plain", "the body is larger than 1 MiB\n")),
        Err(_) => return Err(Answer::empty(408)),
    };
    Ok(Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
    })
}

/// Writes the request into the books, before anything can go wrong with it.
fn note(ledger: &mut Ledger, request: &Request) {
    ledger.books.requests.push(format!("{} {}", request.method, request.path));
    match request.path.as_str() {
        "/token" => token::note(ledger, request),
        "/authorize" => {
            ledger.books.last_authorize = Some(Form::parse(request.query.as_bytes()).to_map());
        }
        "/mcp" => {
            let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            let headers = request.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
            ledger.books.last_mcp_headers = headers.collect();
        }
        _ => {}
    }
}

/// Whether the request means this site: a page elsewhere whose name was made to resolve to 127.0.0.1 sends
/// its own name (DNS rebinding).
fn is_own_host(ledger: &Ledger, request: &Request) -> bool {
    let port = ledger.origin.rsplit(':').next().unwrap_or_default();
    let own =
        |host: &str| host.strip_suffix(port).is_some_and(|name| matches!(name, "127.0.0.1:" | "localhost:"));
    request.header("host").is_some_and(own)
}

/// Whether a page of this machine sends the request, or no page at all.
pub(super) fn comes_from_loopback(request: &Request) -> bool {
    match request.headers.get(header::ORIGIN) {
        None => true,
        Some(origin) => {
            origin.to_str().ok().and_then(|text| Url::parse(text).ok()).is_some_and(|url| is_loopback(&url))
        }
    }
}

/// Lets pages of this machine read the answer, as browser clients such as MCP Inspector need it.
fn shared_with_loopback(answer: Answer, request: &Request) -> Answer {
    match request.header("origin") {
        Some(origin) if comes_from_loopback(request) => answer
            .with("access-control-allow-origin", origin)
            .with("access-control-expose-headers", "WWW-Authenticate, Mcp-Session-Id")
            .with("vary", "Origin"),
        _ => answer,
    }
}

fn faulty(fault: Fault) -> Answer {
    match fault {
        Fault::Status { status, retry_after, .. } => {
            let answer = Answer::body(status, "text/plain", "the sandbox was told to fail here\n");
            match retry_after {
                Some(seconds) => answer.with("retry-after", seconds.to_string()),
                None => answer,
            }
        }
        Fault::Body { status, content_type, body, .. } => Answer::body(status, &content_type, body),
        Fault::Huge { .. } => {
            let mut text = String::with_capacity(HUGE + 16);
            text.push_str("{\"padding\":\"");
            text.extend(std::iter::repeat_n('x', HUGE));
            text.push_str("\"}");
            Answer::body(200, "application/json", text)
        }
        _ => pages::captive_portal(),
    }
}

/// The methods that a path answers to; `None` if nothing is there.
fn methods_of(path: &str) -> Option<&'static str> {
    Some(match path {
        "/" | "/authorize" | "/jwks" => "GET",
        "/token" | "/register" | "/revoke" | "/introspect" | "/consent" => "POST",
        "/userinfo" => "GET, POST",
        "/mcp" => "GET, POST, DELETE",
        _ if path.starts_with("/register/") => "GET, DELETE",
        _ if path.starts_with("/.well-known/") => "GET",
        _ => return None,
    })
}

/// The answer of the page that a path belongs to.
async fn respond(site: &Site, request: &Request) -> Answer {
    let Some(methods) = methods_of(&request.path) else {
        return Answer::json(404, &json!({ "error": "not_found" }));
    };
    if request.method == "OPTIONS" {
        return preflight(methods, request);
    }
    if !methods.split(", ").any(|method| method == request.method) {
        return Answer::json(405, &json!({ "error": "method_not_allowed" })).with("allow", methods);
    }
    let document = metadata_document::learn(site, request).await;
    let mut ledger = site.ledger();
    let ledger = &mut *ledger;
    let outcome = match request.path.as_str() {
        "/" => Ok(pages::front(ledger)),
        "/authorize" => Ok(authorization::authorize(ledger, request, document)),
        "/consent" => Ok(authorization::consent(ledger, request)),
        "/token" => token::answer(ledger, request),
        "/register" => registration::register(ledger, request),
        "/revoke" => revocation::revoke(ledger, request),
        "/introspect" => revocation::introspect(ledger, request),
        "/userinfo" => userinfo::answer(ledger, request),
        "/jwks" => Ok(Answer::json(200, &json!({ "keys": [] }))),
        "/mcp" => Ok(mcp::answer(ledger, request)),
        path => match path.strip_prefix("/register/") {
            Some(client_id) => registration::manage(ledger, request, client_id),
            None => Ok(metadata::answer(ledger, path)),
        },
    };
    outcome.unwrap_or_else(|refusal| refusal.into_answer(ledger))
}

/// What a browser asks before it lets a page of this machine send its request.
fn preflight(methods: &str, request: &Request) -> Answer {
    if !comes_from_loopback(request) {
        return Answer::empty(403);
    }
    Answer::empty(204)
        .with("access-control-allow-methods", methods)
        .with("access-control-allow-headers", request.header("access-control-request-headers").unwrap_or("*"))
        .with("access-control-max-age", "600")
}
