//! The messages of MCP and how they travel; and a request that looks like real traffic, for whoever wants to sign in.

pub mod era;
pub mod lines;
pub mod message;
pub mod modern;
pub mod sse;
pub mod tool_filter;
mod tool_headers;
pub mod tool_list;
pub mod translate;
pub mod unread;
pub mod websocket;

use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderValue};
use serde_json::{Value, json};
use url::Url;

use crate::http::{Body, Request};

/// The protocol revision that our own requests speak.
pub const REVISION: &str = "2025-11-25";

/// A JSON-RPC request.
pub fn message(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// The parameters of `initialize`.
pub fn initialize_params() -> Value {
    json!({
        "protocolVersion": REVISION,
        "capabilities": {},
        "clientInfo": { "name": "mcpauth", "version": env!("CARGO_PKG_VERSION") },
    })
}

/// The POST that carries a message (Streamable HTTP, Sending Messages to the Server).
pub fn post(url: &Url, message: Value) -> Request<'_> {
    let mut request = Request::new(Method::POST, url).body(Body::Json(message));
    request.headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    request
}
