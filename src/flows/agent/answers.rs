//! What is said about ourselves, and what is refused, in the words of each era of MCP.

use serde_json::{Map, Value, json};

use crate::mcp::message::{self, INVALID_PARAMS, Id, METHOD_NOT_FOUND, Message};
use crate::mcp::modern::{self, META_CAPABILITIES, META_SERVER, META_VERSION, UNSUPPORTED_VERSION};

/// The revisions in which a host introduces itself, newest first.
const INTRODUCED: [&str; 4] = [NEWEST, "2025-06-18", "2025-03-26", "2024-11-05"];
/// The newest of them.
pub(super) const NEWEST: &str = "2025-11-25";
/// How long a host may keep the list of the tools, in milliseconds: it changes with the program.
const TTL: u64 = 3_600_000;
/// What a model is told of all tools together.
const INSTRUCTIONS: &str = "Signs the person in to remote MCP servers and APIs and sends requests for them. Tokens stay \
    with mcpauth and are never shown. To sign in: call auth_login, give the authorization_url to the person, and ask \
    auth_status until it says completed. Then api_call sends requests to that server.";

/// The result of a request, or why there is none.
pub(super) type Answer = Result<Value, Refusal>;

/// Which rules a request follows.
pub(super) enum Era {
    /// Each request says all about itself (2026-07-28).
    Modern,
    /// The host has introduced itself (`initialize`).
    Introduced,
}

/// Why a request is not served.
pub(super) struct Refusal {
    code: i64,
    why: String,
    data: Option<Value>,
}

impl Refusal {
    pub(super) fn new(code: i64, why: impl Into<String>) -> Self {
        Self { code, why: why.into(), data: None }
    }

    pub(super) fn unknown_method() -> Self {
        Self::new(METHOD_NOT_FOUND, "method not found")
    }

    /// As the answer to a request.
    pub(super) fn message(&self, id: &Id) -> Message {
        let plain = message::failure(Some(id), self.code, &self.why);
        let Some(data) = &self.data else { return plain };
        let error = json!({ "code": self.code, "message": self.why, "data": data });
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
        Message::read(text.into()).unwrap_or(plain)
    }
}

/// The parameters of a request; an empty object where there are none.
pub(super) fn params(message: &Message) -> Map<String, Value> {
    message.params().and_then(|params| serde_json::from_slice(params).ok()).unwrap_or_default()
}

/// Which rules a request follows: those that it names, else those of a host that introduces itself.
pub(super) fn era(message: &Message) -> Result<Era, Refusal> {
    let params = params(message);
    let meta = params.get("_meta").unwrap_or(&Value::Null);
    let version = &meta[META_VERSION];
    if version.is_null() && message.method() != "server/discover" {
        return Ok(Era::Introduced);
    }
    let Some(version) = version.as_str() else {
        return Err(Refusal::new(INVALID_PARAMS, format!("_meta lacks {META_VERSION}")));
    };
    if version != modern::REVISION {
        return Err(Refusal {
            data: Some(json!({ "supported": supported(), "requested": version })),
            ..Refusal::new(UNSUPPORTED_VERSION, "unsupported protocol version")
        });
    }
    if !meta[META_CAPABILITIES].is_object() {
        return Err(Refusal::new(INVALID_PARAMS, format!("_meta lacks {META_CAPABILITIES}")));
    }
    Ok(Era::Modern)
}

fn supported() -> Vec<&'static str> {
    std::iter::once(modern::REVISION).chain(INTRODUCED).collect()
}

/// The revision to speak with a host: the one that it asks for, else the newest.
pub(super) fn agreed(message: &Message) -> &'static str {
    let params = params(message);
    let wanted = params.get("protocolVersion").and_then(Value::as_str);
    INTRODUCED.into_iter().find(|revision| Some(*revision) == wanted).unwrap_or(NEWEST)
}

/// The answer to `initialize`.
pub(super) fn initialized(revision: &str) -> Value {
    json!({
        "protocolVersion": revision,
        "capabilities": { "tools": {} },
        "serverInfo": server_info(),
        "instructions": INSTRUCTIONS,
    })
}

/// The answer to `server/discover`.
pub(super) fn discovered() -> Value {
    let mut result = complete(json!({
        "supportedVersions": supported(),
        "capabilities": { "tools": {} },
        "instructions": INSTRUCTIONS,
    }));
    keepable(&mut result);
    result
}

/// A result as the revision without sessions has it.
pub(super) fn complete(mut result: Value) -> Value {
    result["resultType"] = "complete".into();
    result["_meta"] = json!({ META_SERVER: server_info() });
    result
}

/// Says for how long a result may be kept.
pub(super) fn keepable(result: &mut Value) {
    result["ttlMs"] = TTL.into();
    result["cacheScope"] = "public".into();
}

fn server_info() -> Value {
    json!({ "name": "mcpauth", "title": "mcpauth", "version": env!("CARGO_PKG_VERSION") })
}
