//! The MCP server in revision 2024-11-05: one event stream for everything that the server says, and an address to which
//! the client sends what it says.

use std::sync::Arc;

use serde_json::{Value, json};

use super::books::Visitor;
use super::conversation::{self, Connection};
use super::events::Events;
use super::form::Form;
use super::ledger::{Ledger, Site, random_text};
use super::messages::{failed, insufficient_scope};
use super::wire::{Answer, Request};

/// `GET`: the stream, whose first event tells where to send messages.
pub(super) fn connect(site: &Arc<Site>, request: &Request, visitor: &Visitor) -> Answer {
    if !request.header("accept").unwrap_or("*/*").contains("text/event-stream") {
        site.ledger().refused("Accept must list text/event-stream");
        return Answer::json(406, &json!({ "error": "not_acceptable" }));
    }
    let connection = Connection::open(site, random_text(""), visitor);
    let endpoint = endpoint(&site.ledger(), &connection.name);
    let feed = Arc::clone(&connection.own);
    let events = Events::new(site, feed, None).opening(format!("event: endpoint\ndata: {endpoint}\n\n"));
    Answer::events(events.holding(connection))
}

fn endpoint(ledger: &Ledger, session: &str) -> String {
    let port = ledger.origin.rsplit(':').next().unwrap_or_default();
    match &ledger.options.endpoint_event {
        Some(knob) => knob.replace("{session}", session).replace("{port}", port),
        None => format!("/messages?sessionId={session}"),
    }
}

/// `POST`: one message of a client. What is answered to it comes on the stream.
pub(super) fn take(site: &Arc<Site>, request: &Request, visitor: &Visitor) -> Answer {
    let form = Form::parse(request.query.as_bytes());
    let name = form.get("sessionId").unwrap_or_default();
    let refuse = |status: u16, code: i32, why: &str| {
        site.ledger().refused(why);
        failed(status, &Value::Null, code, why)
    };
    let is_known = site.ledger().sessions.get(name).is_some_and(|session| session.belongs_to(visitor));
    if !is_known {
        return refuse(404, -32600, "unknown session");
    }
    let Ok(message) = serde_json::from_slice::<Value>(&request.body) else {
        return refuse(400, -32700, "the body is not JSON");
    };
    if !request.is("application/json") || !message.is_object() || message["jsonrpc"] != "2.0" {
        return refuse(400, -32600, "the body is not one JSON-RPC 2.0 message");
    }
    if let Some(refusal) = insufficient_scope(&site.ledger(), request, &message, visitor) {
        return refusal;
    }
    conversation::take(site, name, message, visitor);
    Answer::body(202, "text/plain", "Accepted")
}
