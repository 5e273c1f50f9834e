//! The protected MCP server: who may come in (RFC 6750), and which revision a message is meant for.

use serde_json::{Value, json};

use super::admission::{token_of, visitor};
use super::books::Visitor;
use super::ledger::Ledger;
use super::messages::{challenge, failed};
use super::wire::{Answer, Request};
use super::{sessions, stateless};

/// Any request to `/mcp`. The token is judged before everything else.
pub(super) fn answer(ledger: &mut Ledger, request: &Request) -> Answer {
    let visitor = match admit(ledger, request) {
        Ok(visitor) => visitor,
        Err(refusal) => return refusal,
    };
    if !request.comes_from_loopback() {
        ledger.refused("Origin is a page elsewhere");
        return failed(403, &Value::Null, -32600, "this page may not talk to the sandbox");
    }
    match request.method.as_str() {
        "POST" => post(ledger, request, &visitor),
        "DELETE" => sessions::close(ledger, request, &visitor),
        // The server never speaks first, so there is nothing to listen to.
        _ => Answer::json(405, &json!({ "error": "no event stream here" })).with("allow", "POST, DELETE"),
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

fn post(ledger: &mut Ledger, request: &Request, visitor: &Visitor) -> Answer {
    let accepted = request.header("accept").unwrap_or_default();
    if !accepted.contains("application/json") || !accepted.contains("text/event-stream") {
        ledger.refused("Accept must list application/json and text/event-stream");
        return failed(406, &Value::Null, -32600, "Accept must list application/json and text/event-stream");
    }
    if !request.is("application/json") {
        ledger.refused("Content-Type must be application/json");
        return failed(415, &Value::Null, -32600, "Content-Type must be application/json");
    }
    let Ok(message) = serde_json::from_slice::<Value>(&request.body) else {
        ledger.refused("the body is not JSON");
        return failed(400, &Value::Null, -32700, "the body is not JSON");
    };
    if !message.is_object() || message["jsonrpc"] != "2.0" {
        ledger.refused("the body is not one JSON-RPC message");
        return failed(400, &Value::Null, -32600, "the body is not one JSON-RPC 2.0 message");
    }
    ledger.books.mcp_calls += 1;
    if stateless::is_meant(request, &message) {
        stateless::answer(ledger, request, &message, visitor)
    } else {
        sessions::answer(ledger, request, &message, visitor)
    }
}
