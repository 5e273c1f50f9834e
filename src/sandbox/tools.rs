//! The three tools of the MCP server.

use serde_json::{Value, json};

use super::books::Visitor;

/// What came of calling a tool.
pub(super) enum ToolOutcome {
    /// Its result.
    Done(Value),
    /// There is no such tool, or its arguments are wrong; the reason.
    Wrong(String),
    /// The token lacks this scope.
    NeedsScope(&'static str),
}

/// All tools, as `tools/list` shows them.
pub(super) fn list() -> Value {
    let nothing = json!({ "type": "object", "additionalProperties": false });
    json!([
        {
            "name": "echo",
            "description": "Says what you say",
            "inputSchema": {
                "type": "object",
                "properties": { "text": { "type": "string", "description": "What to say" } },
                "required": ["text"],
            },
        },
        { "name": "whoami", "description": "Tells whose token this is, and what it may do", "inputSchema": nothing },
        { "name": "admin", "description": "Works only with the scope mcp:admin", "inputSchema": nothing },
    ])
}

/// Runs a tool for somebody.
pub(super) fn call(parameters: &Value, visitor: &Visitor) -> ToolOutcome {
    match parameters["name"].as_str() {
        Some("echo") => match parameters["arguments"]["text"].as_str() {
            Some(text) => ToolOutcome::Done(said(text)),
            None => ToolOutcome::Wrong("echo needs the argument text".into()),
        },
        Some("whoami") => {
            let scopes: Vec<&str> = visitor.scope.iter().collect();
            let facts = json!({ "sub": visitor.sub, "client_id": visitor.client_id, "scopes": scopes });
            let mut result = said(&facts.to_string());
            result["structuredContent"] = facts;
            ToolOutcome::Done(result)
        }
        Some("admin") if visitor.scope.contains("mcp:admin") => {
            ToolOutcome::Done(said("you are an administrator"))
        }
        Some("admin") => ToolOutcome::NeedsScope("mcp:admin"),
        Some(other) => ToolOutcome::Wrong(format!("unknown tool: {other}")),
        None => ToolOutcome::Wrong("there is no tool name".into()),
    }
}

fn said(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }], "isError": false })
}
