//! The protected MCP server: who may come in (RFC 6750), by which way, and which revision a message is meant for.

use std::sync::Arc;

use serde_json::{Value, json};

use super::admission::{token_of, visitor};
use super::books::Visitor;
use super::ledger::{Ledger, Site};
use super::messages::{challenge, failed};
use super::options::Speaks;
use super::wire::{Answer, Request};
use super::{legacy, sessions, stateless, websocket};

/// The methods that the ways into the server answer to; `None` if a path is none of them.
pub(super) fn methods_of(path: &str) -> Option<&'static str> {
    Some(match path {
        "/mcp" => "GET, POST, DELETE",
        "/sse" | "/ws" => "GET",
        "/messages" => "POST",
        _ => return None,
    })
}

/// Any request to the server. The token is judged before everything else.
pub(super) async fn answer(site: &Arc<Site>, request: &Request) -> Answer {
    let admitted = admit(&mut site.ledger(), request);
    let visitor = match admitted {
        Ok(visitor) => visitor,
        Err(refusal) => return refusal,
    };
    if !request.comes_from_loopback() {
        site.ledger().refused("Origin is a page elsewhere");
        return failed(403, &Value::Null, -32600, "this page may not talk to the sandbox");
    }
    match request.path.as_str() {
        "/sse" => legacy::connect(site, request, &visitor),
        "/messages" => legacy::take(site, request, &visitor),
        "/ws" => websocket::accept(site, request, &visitor),
        _ => streamable(site, request, &visitor).await,
    }
}

/// Lets in whoever has a token for this server, and anybody to a door that stands open.
fn admit(ledger: &mut Ledger, request: &Request) -> Result<Visitor, Answer> {
    if request.headers.get_all("authorization").iter().count() > 1 {
        ledger.refused("invalid_request: more than one Authorization header");
        return Err(Answer::json(400, &json!({ "error": "invalid_request" })));
    }
    if request.query.split('&').any(|pair| pair.starts_with("access_token=")) {
        ledger.refused("a token in the query string");
    }
    let Some(token) = token_of(request) else {
        if ledger.options.open_initialize && request.header("authorization").is_none() && is_greeting(request)
        {
            return Ok(Visitor::default());
        }
        return Err(challenge(ledger, request, None));
    };
    let resource = ledger.mcp_url();
    visitor(ledger, request, token, Some(&resource)).map_err(|(error, why)| {
        if error != "use_dpop_nonce" {
            ledger.refused(format!("{error}: {why}"));
        }
        challenge(ledger, request, Some((error, &why)))
    })
}

/// Whether a message only asks what kind of server this is.
fn is_greeting(request: &Request) -> bool {
    let message: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let greetings = ["initialize", "notifications/initialized", "server/discover"];
    request.method == "POST" && message["method"].as_str().is_some_and(|method| greetings.contains(&method))
}

/// `/mcp`, as the revision has it that the server speaks.
async fn streamable(site: &Arc<Site>, request: &Request, visitor: &Visitor) -> Answer {
    let nothing =
        |allow: &str| Answer::json(405, &json!({ "error": "no event stream here" })).with("allow", allow);
    let (speaks, get_stream) = {
        let options = &site.ledger().options;
        (options.speaks, options.get_stream)
    };
    match (request.method.as_str(), speaks) {
        ("GET", Speaks::OnlyLegacy(_)) => legacy::connect(site, request, visitor),
        (_, Speaks::OnlyLegacy(status)) => {
            Answer::body(status, "text/plain", "this is a server of 2024-11-05\n")
        }
        ("POST", _) => post(site, request, visitor).await,
        (_, Speaks::OnlyStateless) => nothing("POST"),
        ("DELETE", _) => sessions::close(&mut site.ledger(), request, visitor),
        // Without a session there is nothing to listen to.
        _ if !get_stream || request.header("mcp-session-id").is_none() => nothing("POST, DELETE"),
        _ => sessions::listen(site, request, visitor),
    }
}

async fn post(site: &Arc<Site>, request: &Request, visitor: &Visitor) -> Answer {
    let message = match message_of(request) {
        Ok(message) => message,
        Err((status, code, why)) => {
            site.ledger().refused(why);
            return failed(status, &Value::Null, code, why);
        }
    };
    let speaks = {
        let mut ledger = site.ledger();
        ledger.books.mcp_calls += 1;
        ledger.options.speaks
    };
    let modern = stateless::is_meant(request, &message);
    match speaks {
        Speaks::OnlySessions(status) if modern => unheard_of(status, &message["id"]),
        Speaks::OnlyStateless => stateless::answer(site, request, &message, visitor).await,
        _ if modern => stateless::answer(site, request, &message, visitor).await,
        _ => sessions::answer(site, request, &message, visitor).await,
    }
}

/// The JSON-RPC message of a request, or the array of them; or status, code and reason why it is none.
fn message_of(request: &Request) -> Result<Value, (u16, i32, &'static str)> {
    let accepted = request.header("accept").unwrap_or_default();
    if !accepted.contains("application/json") || !accepted.contains("text/event-stream") {
        return Err((406, -32600, "Accept must list application/json and text/event-stream"));
    }
    if !request.is("application/json") {
        return Err((415, -32600, "Content-Type must be application/json"));
    }
    let message: Value =
        serde_json::from_slice(&request.body).map_err(|_| (400, -32700, "the body is not JSON"))?;
    let is_message = |value: &Value| value.is_object() && value["jsonrpc"] == "2.0";
    let is_good = match &message {
        Value::Array(messages) => !messages.is_empty() && messages.iter().all(is_message),
        message => is_message(message),
    };
    if is_good { Ok(message) } else { Err((400, -32600, "the body is not one JSON-RPC 2.0 message")) }
}

/// How servers of the revisions with sessions refuse what they have never heard of: in many ways.
fn unheard_of(status: u16, id: &Value) -> Answer {
    match status {
        200 => failed(200, id, -32601, "Method not found"),
        400 => failed(400, &Value::Null, -32000, "Bad Request: Server not initialized"),
        status => Answer::body(status, "text/plain", "no such thing here\n"),
    }
}
