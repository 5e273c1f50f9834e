//! The MCP server in the revisions with sessions, those before 2026-07-28.

use serde_json::{Value, json};

use super::books::{Session, Visitor};
use super::ledger::{Ledger, random_text};
use super::messages::{SESSION_REVISIONS, call_tool, done, failed, server_info};
use super::tools;
use super::wire::{Answer, Request};

/// A message of one of the revisions with sessions.
pub(super) fn answer(ledger: &mut Ledger, request: &Request, message: &Value, visitor: &Visitor) -> Answer {
    let id = &message["id"];
    if message["method"] == "initialize" && !id.is_null() {
        return open(ledger, message, visitor);
    }
    if let Err(refusal) = judge(ledger, request, id, visitor) {
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

fn open(ledger: &mut Ledger, message: &Value, visitor: &Visitor) -> Answer {
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

/// Whether the session is known and belongs to the visitor, and the revision is the one it agreed on.
fn judge(ledger: &mut Ledger, request: &Request, id: &Value, visitor: &Visitor) -> Result<(), Answer> {
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

/// `DELETE`: the client is done with its session.
pub(super) fn close(ledger: &mut Ledger, request: &Request, visitor: &Visitor) -> Answer {
    match judge(ledger, request, &Value::Null, visitor) {
        Ok(()) => {
            request.header("mcp-session-id").map(|name| ledger.sessions.remove(name));
            Answer::empty(204)
        }
        Err(refusal) => refusal,
    }
}
