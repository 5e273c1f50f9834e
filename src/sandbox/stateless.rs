//! The MCP server in revision 2026-07-28: no session, every request tells all about itself, and the header
//! repeats what the body says.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::books::Visitor;
use super::ledger::Ledger;
use super::messages::{SESSION_REVISIONS, call_tool, done, failed, server_info};
use super::tools;
use super::wire::{Answer, Request};

const REVISION: &str = "2026-07-28";
/// The header and the body contradict each other, or a header is missing.
const HEADER_MISMATCH: i32 = -32020;
/// The server does not speak this revision.
const UNSUPPORTED_VERSION: i32 = -32022;
const INVALID_PARAMETERS: i32 = -32602;
const METHOD_NOT_FOUND: i32 = -32601;

const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const META_CLIENT: &str = "io.modelcontextprotocol/clientInfo";

/// Why a request was not served: JSON-RPC code and reason.
type Fault = (i32, String);

/// Whether a message wants this revision: by its header, by its `_meta`, or by a method that no other has.
pub(super) fn is_meant(request: &Request, message: &Value) -> bool {
    request.header("mcp-protocol-version") == Some(REVISION)
        || !message["params"]["_meta"][META_VERSION].is_null()
        || message["method"] == "server/discover"
}

/// The answer to one message.
pub(super) fn answer(ledger: &mut Ledger, request: &Request, message: &Value, visitor: &Visitor) -> Answer {
    let id = &message["id"];
    if id.is_null() {
        return Answer::empty(202);
    }
    if let Err((code, why)) = judge(request, message) {
        ledger.refused(format!("{code}: {why}"));
        return match code {
            UNSUPPORTED_VERSION => unsupported_version(id, message),
            _ => failed(400, id, code, &why),
        };
    }
    let complete = json!({ "resultType": "complete" });
    match message["method"].as_str() {
        Some("server/discover") => done(ledger, id, &discovered()),
        Some("tools/list") => {
            let result = json!({
                "resultType": "complete", "tools": tools::list(), "ttlMs": 60_000, "cacheScope": "public",
            });
            done(ledger, id, &result)
        }
        Some("tools/call") => call_tool(ledger, message, visitor, &complete),
        _ => failed(404, id, METHOD_NOT_FOUND, "method not found"),
    }
}

fn supported() -> Vec<&'static str> {
    std::iter::once(REVISION).chain(SESSION_REVISIONS).collect()
}

fn discovered() -> Value {
    json!({
        "resultType": "complete",
        "supportedVersions": supported(),
        "capabilities": { "tools": {} },
        "serverInfo": server_info(),
        "instructions": "A development sandbox: echo, whoami and admin.",
        "ttlMs": 60_000,
        "cacheScope": "public",
    })
}

fn unsupported_version(id: &Value, message: &Value) -> Answer {
    let requested = &message["params"]["_meta"][META_VERSION];
    let error = json!({
        "code": UNSUPPORTED_VERSION,
        "message": "unsupported protocol version",
        "data": { "supported": supported(), "requested": requested },
    });
    Answer::json(400, &json!({ "jsonrpc": "2.0", "id": id, "error": error }))
}

/// The checks that come before the method is looked at.
fn judge(request: &Request, message: &Value) -> Result<(), Fault> {
    let mismatch = |why: &str| Err((HEADER_MISMATCH, why.to_owned()));
    let invalid = |why: String| Err((INVALID_PARAMETERS, why));
    let meta = &message["params"]["_meta"];
    let Some(header) = request.header("mcp-protocol-version") else {
        return mismatch("MCP-Protocol-Version is missing");
    };
    let Some(version) = meta[META_VERSION].as_str() else {
        return invalid(format!("_meta lacks {META_VERSION}"));
    };
    if header != version {
        return mismatch("MCP-Protocol-Version differs from _meta");
    }
    if version != REVISION {
        return Err((UNSUPPORTED_VERSION, format!("revision {version}")));
    }
    if !meta[META_CAPABILITIES].is_object() {
        return invalid(format!("_meta lacks {META_CAPABILITIES}"));
    }
    if !meta[META_CLIENT].is_null() && !meta[META_CLIENT]["name"].is_string() {
        return invalid(format!("{META_CLIENT} has no name"));
    }
    let method = message["method"].as_str();
    if method.is_none() || request.header("mcp-method") != method {
        return mismatch("Mcp-Method is missing or differs from the body");
    }
    judge_name(request, message)
}

/// `Mcp-Name` repeats what the request is about, for the three methods that are about something.
fn judge_name(request: &Request, message: &Value) -> Result<(), Fault> {
    let parameters = &message["params"];
    let named = match message["method"].as_str() {
        Some("tools/call" | "prompts/get") => &parameters["name"],
        Some("resources/read") => &parameters["uri"],
        _ => return Ok(()),
    };
    let header = request.header("mcp-name").and_then(decoded);
    if header.is_none() || header.as_deref() != named.as_str() {
        return Err((HEADER_MISMATCH, "Mcp-Name is missing or differs from the body".into()));
    }
    Ok(())
}

/// A header value that may stand in base64 between `=?base64?` and `?=`; `None` if that is malformed.
fn decoded(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Some(value.to_owned());
    };
    String::from_utf8(BASE64_STANDARD.decode(inner).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_header_value_comes_in_base64() {
        assert_eq!(decoded("echo").as_deref(), Some("echo"));
        assert_eq!(decoded("=?base64?SGVsbG8sIOS4lueVjA==?=").as_deref(), Some("Hello, 世界"));
        assert_eq!(decoded("=?base64?***?="), None);
    }
}
