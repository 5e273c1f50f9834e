//! What the MCP server says in every revision: results, errors, the outcome of a tool, and challenges
//! (RFC 6750 section 3, RFC 9728 section 5.1).

use serde_json::{Value, json};

use super::books::Visitor;
use super::calls::Talk;
use super::dpop::is_shown_as_dpop;
use super::ledger::Ledger;
use super::options::Dpop;
use super::tools;
use super::wire::{Answer, Request};

/// What the server says of itself in every revision.
pub(super) const INSTRUCTIONS: &str =
    "A development sandbox: echo, whoami, admin, and tools that take their time.";

/// The revisions with sessions, newest first.
pub(super) const SESSION_REVISIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// How the server introduces itself.
pub(super) fn server_info() -> Value {
    json!({ "name": "mcpauth-sandbox", "version": env!("CARGO_PKG_VERSION") })
}

/// A JSON-RPC result.
pub(super) fn result(id: &Value, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

/// A JSON-RPC error.
pub(super) fn error(id: &Value, code: i32, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

/// A message that answers at once, as JSON or as an event stream of one event.
pub(super) fn done(ledger: &Ledger, message: &Value) -> Answer {
    if ledger.options.event_streams {
        Answer::body(200, "text/event-stream", format!("event: message\ndata: {message}\n\n"))
    } else {
        Answer::json(200, message)
    }
}

/// An answer that is a JSON-RPC error.
pub(super) fn failed(status: u16, id: &Value, code: i32, message: &str) -> Answer {
    Answer::json(status, &error(id, code, message))
}

/// What a message is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something that wants an answer.
    Request,
    /// Something that wants none.
    Notification,
    /// An answer to a request of the server.
    Answer,
}

/// Tells what a message is.
pub(super) fn kind(message: &Value) -> Kind {
    if !message["method"].is_string() {
        Kind::Answer
    } else if message["id"].is_null() {
        Kind::Notification
    } else {
        Kind::Request
    }
}

/// Runs a tool; its result also gets the members that the revision adds to every result.
pub(super) async fn call_tool(talk: &Talk, message: &Value, visitor: &Visitor, added: &Value) -> Value {
    let id = &message["id"];
    match tools::run(talk, &message["params"], visitor).await {
        Ok(mut outcome) => {
            talk.site.ledger().books.tool_calls += 1;
            added.as_object().into_iter().flatten().for_each(|(name, value)| outcome[name] = value.clone());
            result(id, &outcome)
        }
        Err(why) => error(id, -32602, &why),
    }
}

/// 401 with the way to a token, in every scheme that is welcome; `error` only if a token was shown, and in the scheme
/// in which it was (RFC 6750 section 3.1, RFC 9449 section 7.1).
pub(super) fn challenge(ledger: &Ledger, request: &Request, error: Option<(&str, &str)>) -> Answer {
    let code = error.map_or("unauthorized", |(code, _)| code);
    let mut answer = Answer::json(401, &json!({ "error": code }));
    let door = door_of(request);
    let schemes: &[&str] = match ledger.options.dpop {
        Dpop::Off => &["Bearer"],
        Dpop::Offered => &["Bearer", "DPoP"],
        Dpop::Required => &["DPoP"],
    };
    let used = if is_shown_as_dpop(request) || !schemes.contains(&"Bearer") { "DPoP" } else { "Bearer" };
    for scheme in schemes {
        let parameters = parameters_of(ledger, door, scheme, error.filter(|_| *scheme == used));
        answer = answer.with("www-authenticate", format!("{scheme} {}", parameters.join(", ")).trim_end());
    }
    answer
}

fn parameters_of(ledger: &Ledger, door: &str, scheme: &str, error: Option<(&str, &str)>) -> Vec<String> {
    let mut parameters = Vec::new();
    if let Some((code, why)) = error {
        parameters.push(format!("error=\"{code}\""));
        parameters.push(format!("error_description=\"{why}\""));
    }
    parameters.extend((scheme == "DPoP").then(|| "algs=\"ES256\"".into()));
    parameters.extend(resource_metadata(ledger, door));
    parameters.extend(ledger.options.challenge_scope.as_ref().map(|scope| format!("scope=\"{scope}\"")));
    parameters
}

/// The way into the MCP server that a request has come.
fn door_of(request: &Request) -> &'static str {
    match request.path.as_str() {
        "/sse" | "/messages" => "/sse",
        "/ws" => "/ws",
        _ => "/mcp",
    }
}

fn resource_metadata(ledger: &Ledger, door: &str) -> Option<String> {
    let url = format!("{}/.well-known/oauth-protected-resource{door}", ledger.origin);
    ledger.options.resource_metadata.then(|| format!("resource_metadata=\"{url}\""))
}

/// 403 for a token that lacks the scope that a call needs, with the scope to ask for; `None` if it has it.
pub(super) fn insufficient_scope(
    ledger: &Ledger,
    request: &Request,
    message: &Value,
    visitor: &Visitor,
) -> Option<Answer> {
    let scope = tools::scope_missing(ledger, message, visitor)?;
    let scheme = if visitor.bound { "DPoP" } else { "Bearer" };
    let metadata = resource_metadata(ledger, door_of(request));
    let metadata = metadata.map(|text| format!(", {text}")).unwrap_or_default();
    let header = format!("{scheme} error=\"insufficient_scope\", scope=\"{scope}\"{metadata}");
    let answer = failed(403, &message["id"], -32600, "insufficient scope");
    Some(answer.with("www-authenticate", header))
}
