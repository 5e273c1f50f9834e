//! Which endpoint answers which path, and what goes wrong there when asked to.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::HeaderValue;
use serde_json::json;

use super::dice::Dice;
use super::form::Form;
use super::ledger::{Ledger, Site};
use super::options::{Endpoint, Fault};
use super::wire::{Answer, BODY_LIMIT, Refusal, Request};
use super::{
    authorization, device, dpop, identity, imitation, mcp, metadata, metadata_document, pages, registration,
    revocation, token,
};

/// The size of the answer of [`Fault::Huge`], in bytes.
const HUGE: usize = 10 * 1024 * 1024;

/// The answer to one request. An error closes the connection without one.
pub(super) async fn answer(site: &Arc<Site>, incoming: hyper::Request<Incoming>) -> io::Result<Answer> {
    let limit = match mcp::methods_of(incoming.uri().path()) {
        Some(_) => site.ledger().options.body_limit,
        None => BODY_LIMIT,
    };
    let mut request = match Request::read(incoming, limit).await {
        Ok(request) => request,
        Err(refusal) => return Ok(refusal),
    };
    if let Some(path) = imitation::strip_issuer_path(&site.ledger(), &request.path) {
        request.path = path;
    }
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
        Some(Fault::Slow { least, most, dice, .. }) => {
            // A task of its own: a connection that is closed must not undo what was asked for.
            let work = tokio::spawn(slowly(Arc::clone(site), request, least, most, dice));
            return work.await.map_err(io::Error::other);
        }
        Some(Fault::Reset { .. }) => return Err(io::ErrorKind::ConnectionReset.into()),
        Some(fault) => faulty(fault),
        None => respond(site, &request).await,
    };
    Ok(shared_with_loopback(answered, &request))
}

/// Does what was asked between two pauses.
async fn slowly(site: Arc<Site>, request: Request, least: u64, most: u64, mut dice: Dice) -> Answer {
    let mut pause = || tokio::time::sleep(Duration::from_millis(dice.between(least, most)));
    pause().await;
    let answered = respond(&site, &request).await;
    pause().await;
    shared_with_loopback(answered, &request)
}

/// Writes the request into the books, before anything can go wrong with it.
fn note(ledger: &mut Ledger, request: &Request) {
    ledger.books.requests.push(format!("{} {}", request.method, request.path));
    match request.path.as_str() {
        "/token" => token::note(ledger, request),
        "/authorize" => {
            let form = Form::parse(request.query.as_bytes());
            ledger.met("state", form.get("state"));
            ledger.books.last_authorize = Some(form.to_map());
        }
        path if mcp::methods_of(path).is_some() => {
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
    if let Some(methods) = mcp::methods_of(path) {
        return Some(methods);
    }
    Some(match path {
        "/" | "/authorize" | "/jwks" => "GET",
        "/token" | "/register" | "/revoke" | "/introspect" | "/consent" | "/device_authorization" => "POST",
        "/userinfo" | "/device" => "GET, POST",
        _ if path.starts_with("/register/") => "GET, DELETE",
        _ if path.contains("/.well-known/") => "GET",
        _ => return None,
    })
}

/// The answer of the page that a path belongs to.
async fn respond(site: &Arc<Site>, request: &Request) -> Answer {
    let Some(methods) = methods_of(&request.path) else {
        return Answer::json(404, &json!({ "error": "not_found" }));
    };
    if request.method == "OPTIONS" {
        return preflight(methods, request);
    }
    if !methods.split(", ").any(|method| method == request.method) {
        return Answer::json(405, &json!({ "error": "method_not_allowed" })).with("allow", methods);
    }
    if mcp::methods_of(&request.path).is_some() {
        let answer = mcp::answer(site, request).await;
        return dpop::with_nonce(&site.ledger(), request, answer);
    }
    let document = metadata_document::learn(site, request).await;
    let mut ledger = site.ledger();
    let ledger = &mut *ledger;
    let refused = imitation::refuse(ledger, request);
    let outcome = refused.unwrap_or_else(|| answer_of(ledger, request, document));
    let answer = outcome.unwrap_or_else(|refusal| {
        if refusal.is_fault_of_client() {
            ledger.refused(refusal.in_words());
        }
        refusal.into_answer()
    });
    imitation::dress(ledger, request, dpop::with_nonce(ledger, request, answer))
}

/// What the endpoint at a path answers. `document` tells how fetching the client's metadata document went.
fn answer_of(
    ledger: &mut Ledger,
    request: &Request,
    document: Result<(), String>,
) -> Result<Answer, Refusal> {
    match request.path.as_str() {
        "/" => Ok(pages::front(ledger)),
        "/authorize" => Ok(authorization::authorize(ledger, request, document)),
        "/consent" => Ok(authorization::consent(ledger, request)),
        "/device_authorization" => device::authorize(ledger, request),
        "/device" if request.method == "POST" => Ok(device::decide(ledger, request)),
        "/device" => Ok(device::page(request)),
        "/token" => token::answer(ledger, request),
        "/register" => registration::register(ledger, request),
        "/revoke" => revocation::revoke(ledger, request),
        "/introspect" => revocation::introspect(ledger, request),
        "/userinfo" => identity::userinfo(ledger, request),
        "/jwks" => Ok(identity::keys(ledger)),
        path => match path.strip_prefix("/register/") {
            Some(client_id) => registration::manage(ledger, request, client_id),
            None => Ok(metadata::answer(ledger, path)),
        },
    }
}

/// What a browser asks before it lets a page of this machine send its request.
fn preflight(methods: &str, request: &Request) -> Answer {
    if !request.comes_from_loopback() {
        return Answer::empty(403);
    }
    Answer::empty(204)
        .with("access-control-allow-methods", methods)
        .with("access-control-allow-headers", request.header("access-control-request-headers").unwrap_or("*"))
        .with("access-control-max-age", "600")
}

/// Lets pages of this machine read the answer, as browser clients such as MCP Inspector need it.
fn shared_with_loopback(answer: Answer, request: &Request) -> Answer {
    match request.header("origin") {
        Some(origin) if request.comes_from_loopback() => answer
            .with("access-control-allow-origin", origin)
            .with("access-control-expose-headers", "WWW-Authenticate, Mcp-Session-Id, DPoP-Nonce")
            .with("vary", "Origin"),
        _ => answer,
    }
}
