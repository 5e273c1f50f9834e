//! The tools: what a model is told of each, and what each is asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answers::{Answer, Refusal, complete, discovered, keepable, params};
use super::requests;
use super::sign_ins::SignIns;
use crate::error::Error;
use crate::flows::App;
use crate::mcp::message::{INVALID_PARAMS, Message};
use crate::model::{Malformed, Name, ServerArg};
use crate::peer_text::PeerText;

/// Everything that an agent can have done.
pub(super) struct Tools {
    pub(super) app: Arc<App>,
    pub(super) sign_ins: SignIns,
}

/// What came of a tool: told as it is, to a model and to programs alike.
pub(super) struct Told {
    pub(super) content: Value,
    pub(super) failed: bool,
}

/// What `auth_login` is asked. Nothing here vouches for an issuer or chooses a program: those are the person's to say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignInWish {
    pub(super) server: String,
    #[serde(default)]
    pub(super) account: Name,
    #[serde(default)]
    pub(super) scope: String,
    #[serde(default)]
    pub(super) auth_params: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) open: bool,
}

/// What `auth_status` is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusWish {
    pub(super) session_id: Option<String>,
    pub(super) server: Option<String>,
    #[serde(default)]
    pub(super) account: Name,
}

/// What `api_call` is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestWish {
    pub(super) server: String,
    #[serde(default)]
    pub(super) account: Name,
    #[serde(default)]
    pub(super) method: Option<String>,
    pub(super) path: String,
    #[serde(default)]
    pub(super) body: Value,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
}

impl Tools {
    /// What a host is answered that has introduced itself.
    pub(super) async fn answer_introduced(&self, message: &Message) -> Answer {
        match message.method() {
            "ping" => Ok(json!({})),
            "tools/list" => listed(message),
            "tools/call" => self.call(message).await,
            _ => Err(Refusal::unknown_method()),
        }
    }

    /// The same in the revision without sessions.
    pub(super) async fn answer_modern(&self, message: &Message) -> Answer {
        match message.method() {
            "server/discover" => Ok(discovered()),
            "tools/list" => {
                let mut list = complete(listed(message)?);
                keepable(&mut list);
                Ok(list)
            }
            "tools/call" => self.call(message).await.map(complete),
            _ => Err(Refusal::unknown_method()),
        }
    }

    async fn call(&self, message: &Message) -> Answer {
        let params = params(message);
        let arguments = params.get("arguments").cloned().unwrap_or_else(|| json!({}));
        let told = match params.get("name").and_then(Value::as_str) {
            Some("auth_login") => match read(arguments) {
                Ok(wish) => self.sign_ins.begin(wish).await,
                Err(told) => told,
            },
            Some("auth_status") => match read(arguments) {
                Ok(wish) => self.sign_ins.status(&wish),
                Err(told) => told,
            },
            Some("api_call") => match read(arguments) {
                Ok(wish) => requests::send(&self.app, wish).await,
                Err(told) => told,
            },
            Some(other) => {
                let why = format!("there is no tool {}", PeerText::from(other));
                return Err(Refusal::new(INVALID_PARAMS, why));
            }
            None => return Err(Refusal::new(INVALID_PARAMS, "no tool is named")),
        };
        Ok(told.into_result())
    }
}

/// Reads the arguments of a tool; a model that made a mistake is told so as it is told of any other failure.
fn read<Wish: DeserializeOwned>(arguments: Value) -> Result<Wish, Told> {
    serde_json::from_value(arguments).map_err(|error| {
        Told::failed(json!({
            "status": "error",
            "error": "usage",
            "error_description": format!("the arguments do not fit: {}", PeerText::new(error.to_string())),
        }))
    })
}

impl Told {
    pub(super) fn well(content: Value) -> Self {
        Self { content, failed: false }
    }

    pub(super) fn failed(content: Value) -> Self {
        Self { content, failed: true }
    }

    fn into_result(self) -> Value {
        json!({
            "content": [{ "type": "text", "text": self.content.to_string() }],
            "structuredContent": self.content,
            "isError": self.failed,
        })
    }
}

/// The server that a model means.
pub(super) fn named(server: &str) -> Result<ServerArg, Error> {
    server.parse().map_err(|error: Malformed| Error::Usage {
        message: error.to_string(),
        hint: "give its URL, such as https://mcp.example.com/mcp, or the name under which it is known".into(),
    })
}

/// An error for a model: in words, and with what the person can type.
pub(super) fn describe(error: &Error) -> Value {
    let mut told = json!({
        "status": "error", "error": error.code(), "error_description": error.to_string(),
    });
    if let Some(hint) = error.hint() {
        told["hint"] = hint.into();
    }
    told
}

/// The answer to `tools/list`, which is one page.
fn listed(message: &Message) -> Answer {
    match params(message).get("cursor") {
        None | Some(Value::Null) => Ok(json!({ "tools": [auth_login(), auth_status(), api_call()] })),
        Some(_) => Err(Refusal::new(INVALID_PARAMS, "there is no further page")),
    }
}

fn server() -> Value {
    json!({ "type": "string", "description": "URL of the server, or the name under which it is known" })
}

fn account() -> Value {
    json!({ "type": "string", "description": "which of several identities at the server; `default` if left out" })
}

fn auth_login() -> Value {
    json!({
        "name": "auth_login",
        "title": "Sign in to a server",
        "description": "Begins a sign-in at a server. Gives the address of a page that the person has to open, and the id \
            of the session to ask auth_status about; mcpauth waits five minutes for the browser to come back. Never gives \
            a token.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "server": server(),
                "account": account(),
                "scope": { "type": "string", "description": "scopes to ask for beside those that the server names or the login has, separated by spaces" },
                "auth_params": {
                    "type": "object", "additionalProperties": { "type": "string" },
                    "description": "further parameters of the sign-in page, for this sign-in only",
                },
                "open": { "type": "boolean", "description": "also open the page in the browser of the person" },
            },
            "required": ["server"],
            "additionalProperties": false,
        },
        "outputSchema": {
            "type": "object",
            "properties": {
                "status": { "enum": ["pending", "completed", "error"] },
                "session_id": { "type": "string" },
                "authorization_url": { "type": "string" },
                "instructions": { "type": "string" },
                "error": { "type": "string" },
                "error_description": { "type": "string" },
                "hint": { "type": "string" },
            },
            "required": ["status"],
        },
        "annotations": {
            "title": "Sign in to a server", "readOnlyHint": false, "destructiveHint": false, "idempotentHint": true,
            "openWorldHint": true,
        },
    })
}

fn auth_status() -> Value {
    json!({
        "name": "auth_status",
        "title": "State of sign-ins",
        "description": "Tells how a sign-in stands, by its session_id or by its server: pending, completed or error. \
            Without arguments, all logins that there are. Never gives a token.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "session_id": { "type": "string", "description": "what auth_login gave" },
                "server": server(),
                "account": account(),
            },
            "additionalProperties": false,
        },
        "outputSchema": {
            "type": "object",
            "properties": {
                "status": { "enum": ["pending", "completed", "error"] },
                "logins": { "type": "array", "items": { "type": "object" } },
                "error": { "type": "string" },
                "error_description": { "type": "string" },
                "hint": { "type": "string" },
            },
        },
        "annotations": {
            "title": "State of sign-ins", "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true,
            "openWorldHint": false,
        },
    })
}

fn api_call() -> Value {
    json!({
        "name": "api_call",
        "title": "Send a request",
        "description": "Sends one HTTP request to a server where the person is signed in; mcpauth adds the access token. \
            It goes to that server only, and redirects are not followed.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "server": server(),
                "account": account(),
                "method": { "type": "string", "description": "such as GET, which is the default, or POST" },
                "path": { "type": "string", "description": "a path at the server, which begins with a slash; may have a query" },
                "body": { "description": "what to send: a text as it is, anything else as JSON" },
                "headers": { "type": "object", "additionalProperties": { "type": "string" } },
            },
            "required": ["server", "path"],
            "additionalProperties": false,
        },
        "outputSchema": {
            "type": "object",
            "properties": {
                "success": { "type": "boolean" },
                "status": { "type": ["integer", "string"], "description": "of the HTTP answer; `error` if there is none" },
                "content_type": { "type": "string" },
                "data": { "description": "the body: JSON where it is JSON, else a text" },
                "truncated": { "type": "boolean" },
                "error": { "type": "string" },
                "error_description": { "type": "string" },
                "hint": { "type": "string" },
            },
        },
        "annotations": {
            "title": "Send a request", "readOnlyHint": false, "destructiveHint": true, "idempotentHint": false,
            "openWorldHint": true,
        },
    })
}
