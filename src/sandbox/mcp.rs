//! The protected MCP server: who may come in (RFC 6750, RFC 9728 section 5.1), and the sessions of the
//! revisions before 2026-07-28.

use serde_json::{Value, json};

use super::books::{Ledger, Session, random_text};
use super::http::{Answer, Request, comes_from_loopback};
use super::stateless;
use super::tools::{self, ToolOutcome};
use crate::model::ScopeSet;

/// The revisions with sessions, newest first.
pub(super) const SESSION_REVISIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// Who stands behind a request.
#[derive(Default)]
pub(super) struct Visitor {
    /// The grant; none where nobody had to show a token.
    pub(super) grant: Option<usize>,
    pub(super) sub: String,
    pub(super) client_id: String,
    pub(super) scope: ScopeSet,
}

/// Any request to `/mcp`. The token is judged before everything else.
pub(super) fn answer(ledger: &mut Ledger, request: &Request) -> Answer {
    let visitor = match admit(ledger, request) {
        Ok(visitor) => visitor,
        Err(refusal) => return refusal,
    };
    if !comes_from_loopback(request) {
        ledger.refused("Origin is a page elsewhere");
        return failed(403, &Value::Null, -32600, "this page may not talk to the sandbox");
    }
    match request.method.as_str() {
        "POST" => post(ledger, request, &visitor),
        "DELETE" => close_session(ledger, request, &visitor),
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
    let Some(token) = request.credentials("Bearer").filter(|token| !token.is_empty()) else {
        if ledger.options.open_initialize && request.header("authorization").is_none() && is_greeting(request)
        {
            return Ok(Visitor::default());
        }
        return Err(challenge(ledger, None));
    };
    let why = match ledger.grant_of(token) {
        Some((number, grant, access)) if grant.resource == ledger.mcp_url() => {
            let (sub, client_id) = (grant.sub.clone(), grant.client_id.clone());
            return Ok(Visitor { grant: Some(number), sub, client_id, scope: access.scope.clone() });
        }
        Some(_) => "the token is for another resource",
        None => "the token is unknown, has expired or was revoked",
    };
    ledger.refused(format!("invalid_token: {why}"));
    Err(challenge(ledger, Some(("invalid_token", why))))
}

/// Whether a message only asks what kind of server this is.
fn is_greeting(request: &Request) -> bool {
    let message: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let greetings = ["initialize", "notifications/initialized", "server/discover"];
    request.method == "POST" && message["method"].as_str().is_some_and(|method| greetings.contains(&method))
}

/// 401 with the way to a token; `error` only if a token was shown (RFC 6750 section 3.1).
fn challenge(ledger: &Ledger, error: Option<(&str, &str)>) -> Answer {
    let mut parameters = Vec::new();
    if let Some((code, why)) = error {
        parameters.push(format!("error=\"{code}\""));
        parameters.push(format!("error_description=\"{why}\""));
    }
    parameters.extend(resource_metadata(ledger));
    parameters.extend(ledger.options.challenge_scope.as_ref().map(|scope| format!("scope=\"{scope}\"")));
    let header = format!("Bearer {}", parameters.join(", "));
    let code = error.map_or("unauthorized", |(code, _)| code);
    Answer::json(401, &json!({ "error": code })).with("www-authenticate", header.trim_end())
}

fn resource_metadata(ledger: &Ledger) -> Option<String> {
    let url = format!("{}/.well-known/oauth-protected-resource/mcp", ledger.origin);
    ledger.options.resource_metadata.then(|| format!("resource_metadata=\"{url}\""))
}

/// 403 for a token that lacks a scope, with the scope to ask for.
fn insufficient_scope(ledger: &Ledger, id: &Value, scope: &str) -> Answer {
    let metadata = resource_metadata(ledger).map(|text| format!(", {text}")).unwrap_or_default();
    let header = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"{metadata}");
    failed(403, id, -32600, "insufficient scope").with("www-authenticate", header)
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
        in_session(ledger, request, &message, visitor)
    }
}

/// A message of one of the revisions with sessions.
fn in_session(ledger: &mut Ledger, request: &Request, message: &Value, visitor: &Visitor) -> Answer {
    let id = &message["id"];
    if message["method"] == "initialize" && !id.is_null() {
        return open_session(ledger, message, visitor);
    }
    if let Err(refusal) = judge_session(ledger, request, id, visitor) {
        return refusal;
    }
    let Some(method) = message["method"].as_str().filter(|_| !id.is_null()) else {
        return Answer::empty(202);
    };
    match method {
        "ping" => done(ledger, id, &json!({})),
        "tools/list" => done(ledger, id, &json!({ "tools": tools::list() })),
        "tools/call" => call_tool(ledger, message, visitor, &json!({})),
        _ => failed(200, id, -32601, "method not found"),
    }
}

fn open_session(ledger: &mut Ledger, message: &Value, visitor: &Visitor) -> Answer {
    let parameters = &message["params"];
    let Some(asked) = parameters["protocolVersion"].as_str().filter(|_| parameters["clientInfo"].is_object())
    else {
        ledger.refused("initialize without protocolVersion or clientInfo");
        return failed(400, &message["id"], -32602, "initialize needs protocolVersion and clientInfo");
    };
    let [newest, ..] = SESSION_REVISIONS;
    let version = SESSION_REVISIONS.into_iter().find(|version| *version == asked).unwrap_or(newest);
    let session = random_text("");
    ledger.sessions.insert(session.clone(), Session { version, grant: visitor.grant });
    let result = json!({
        "protocolVersion": version,
        "capabilities": { "tools": {} },
        "serverInfo": server_info(),
        "instructions": "A development sandbox: echo, whoami and admin.",
    });
    done(ledger, &message["id"], &result).with("mcp-session-id", session)
}

/// How the server introduces itself.
pub(super) fn server_info() -> Value {
    json!({ "name": "mcpauth-sandbox", "version": env!("CARGO_PKG_VERSION") })
}

/// Whether the session is known and belongs to the visitor, and the revision is the one it agreed on.
fn judge_session(
    ledger: &mut Ledger,
    request: &Request,
    id: &Value,
    visitor: &Visitor,
) -> Result<(), Answer> {
    let (status, why) = match request.header("mcp-session-id") {
        None => (400, "there is no Mcp-Session-Id"),
        Some(name) => match ledger.sessions.get(name) {
            // A session that was opened without a token belongs to nobody, so to everybody.
            Some(session) if session.grant.is_none() || session.grant == visitor.grant => {
                match request.header("mcp-protocol-version") {
                    Some(stated) if stated == session.version => return Ok(()),
                    None if session.version == "2025-03-26" => return Ok(()),
                    _ => (400, "MCP-Protocol-Version is not the one that was agreed on"),
                }
            }
            _ => (404, "unknown session"),
        },
    };
    ledger.refused(why);
    Err(failed(status, id, -32600, why))
}

fn close_session(ledger: &mut Ledger, request: &Request, visitor: &Visitor) -> Answer {
    match judge_session(ledger, request, &Value::Null, visitor) {
        Ok(()) => {
            request.header("mcp-session-id").map(|name| ledger.sessions.remove(name));
            Answer::empty(204)
        }
        Err(refusal) => refusal,
    }
}

/// A JSON-RPC result, as JSON or as an event stream of one event.
pub(super) fn done(ledger: &Ledger, id: &Value, result: &Value) -> Answer {
    let message = json!({ "jsonrpc": "2.0", "id": id, "result": result });
    if ledger.options.event_streams {
        Answer::body(200, "text/event-stream", format!("event: message\ndata: {message}\n\n"))
    } else {
        Answer::json(200, &message)
    }
}

/// A JSON-RPC error.
pub(super) fn failed(status: u16, id: &Value, code: i32, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } }),
    )
}

/// Runs a tool; its result also gets the members that the revision adds to every result.
pub(super) fn call_tool(ledger: &mut Ledger, message: &Value, visitor: &Visitor, added: &Value) -> Answer {
    let id = &message["id"];
    match tools::call(&message["params"], visitor) {
        ToolOutcome::Done(mut result) => {
            ledger.books.tool_calls += 1;
            added.as_object().into_iter().flatten().for_each(|(name, value)| result[name] = value.clone());
            done(ledger, id, &result)
        }
        ToolOutcome::Wrong(why) => failed(200, id, -32602, &why),
        ToolOutcome::NeedsScope(scope) => insufficient_scope(ledger, id, scope),
    }
}
