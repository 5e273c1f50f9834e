//! What the MCP server says in every revision: results, errors, the outcome of a tool, and challenges
//! (RFC 6750 section 3, RFC 9728 section 5.1).

use serde_json::{Value, json};

use super::books::Visitor;
use super::dpop::is_shown_as_dpop;
use super::ledger::Ledger;
use super::options::Dpop;
use super::tools::{self, ToolOutcome};
use super::wire::{Answer, Request};

/// The revisions with sessions, newest first.
pub(super) const SESSION_REVISIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// How the server introduces itself.
pub(super) fn server_info() -> Value {
    json!({ "name": "mcpauth-sandbox", "version": env!("CARGO_PKG_VERSION") })
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
        ToolOutcome::NeedsScope(scope) => insufficient_scope(ledger, id, visitor, scope),
    }
}

/// 401 with the way to a token, in every scheme that is welcome; `error` only if a token was shown, and in the scheme
/// in which it was (RFC 6750 section 3.1, RFC 9449 section 7.1).
pub(super) fn challenge(ledger: &Ledger, request: &Request, error: Option<(&str, &str)>) -> Answer {
    let code = error.map_or("unauthorized", |(code, _)| code);
    let mut answer = Answer::json(401, &json!({ "error": code }));
    let schemes: &[&str] = match ledger.options.dpop {
        Dpop::Off => &["Bearer"],
        Dpop::Offered => &["Bearer", "DPoP"],
        Dpop::Required => &["DPoP"],
    };
    let used = if is_shown_as_dpop(request) || !schemes.contains(&"Bearer") { "DPoP" } else { "Bearer" };
    for scheme in schemes {
        let parameters = parameters_of(ledger, scheme, error.filter(|_| *scheme == used));
        answer = answer.with("www-authenticate", format!("{scheme} {}", parameters.join(", ")).trim_end());
    }
    answer
}

fn parameters_of(ledger: &Ledger, scheme: &str, error: Option<(&str, &str)>) -> Vec<String> {
    let mut parameters = Vec::new();
    if let Some((code, why)) = error {
        parameters.push(format!("error=\"{code}\""));
        parameters.push(format!("error_description=\"{why}\""));
    }
    parameters.extend((scheme == "DPoP").then(|| "algs=\"ES256\"".into()));
    parameters.extend(resource_metadata(ledger));
    parameters.extend(ledger.options.challenge_scope.as_ref().map(|scope| format!("scope=\"{scope}\"")));
    parameters
}

fn resource_metadata(ledger: &Ledger) -> Option<String> {
    let url = format!("{}/.well-known/oauth-protected-resource/mcp", ledger.origin);
    ledger.options.resource_metadata.then(|| format!("resource_metadata=\"{url}\""))
}

/// 403 for a token that lacks a scope, with the scope to ask for.
fn insufficient_scope(ledger: &Ledger, id: &Value, visitor: &Visitor, scope: &str) -> Answer {
    let scheme = if visitor.bound { "DPoP" } else { "Bearer" };
    let metadata = resource_metadata(ledger).map(|text| format!(", {text}")).unwrap_or_default();
    let header = format!("{scheme} error=\"insufficient_scope\", scope=\"{scope}\"{metadata}");
    failed(403, id, -32600, "insufficient scope").with("www-authenticate", header)
}
