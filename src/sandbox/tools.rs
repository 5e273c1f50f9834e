//! The tools of the MCP server.
//!
//! | tool | arguments | what it does |
//! |---|---|---|
//! | `echo` | `text` | says it |
//! | `whoami` | | tells whose token this is |
//! | `admin` | | needs the scope `mcp:admin` |
//! | `scoped` | | needs the scope that the knob of this name names |
//! | `slow` | `milliseconds` | answers after that time |
//! | `hold` | | answers when `Sandbox::release` lets it |
//! | `large` | `bytes` | answers a text of that many bytes |
//! | `stream` | `events`, `every_ms` | so many messages (progress, if the request has a token for it), then its result |
//! | `ask` | `what` | asks the client: `elicitation`, `sampling`, `roots` or `ping`; its result is what was answered |
//! | `query` | `region`, `limit`, `options.urgent`, `text` | the first three are repeated in the header (2026-07-28) |

use std::time::Duration;

use serde_json::{Value, json};

use super::books::Visitor;
use super::calls::Talk;
use super::ledger::Ledger;

/// The largest text of the tool `large`, in bytes.
const LARGEST: u64 = 512 * 1024 * 1024;

/// All tools, as `tools/list` shows them; with one that no client of 2026-07-28 may use if `misnamed`.
pub(super) fn list(misnamed: bool) -> Value {
    let mut tools = vec![
        tool(
            "echo",
            "Says what you say",
            &json!({ "text": { "type": "string", "description": "What to say" } }),
        ),
        tool("whoami", "Tells whose token this is, and what it may do", &json!({})),
        tool("admin", "Works only with the scope mcp:admin", &json!({})),
        tool("scoped", "Works only with a scope that the sandbox was told", &json!({})),
        tool("slow", "Answers after a while", &json!({ "milliseconds": { "type": "integer" } })),
        tool("hold", "Answers when the sandbox is told to let go", &json!({})),
        tool("large", "Answers a text of so many bytes", &json!({ "bytes": { "type": "integer" } })),
        tool(
            "stream",
            "Tells how far it is, again and again, before it answers",
            &json!({ "events": { "type": "integer" }, "every_ms": { "type": "integer" } }),
        ),
        tool(
            "ask",
            "Asks the client something before it answers",
            &json!({ "what": { "enum": ["elicitation", "sampling", "roots", "ping"] } }),
        ),
        tool("query", "Repeats some of its arguments in the header (2026-07-28)", &query_schema()),
    ];
    if misnamed {
        let number = json!({ "amount": { "type": "number", "x-mcp-header": "Amount" } });
        tools.push(tool("misnamed", "Has an annotation where none may be", &number));
    }
    tools.into()
}

fn tool(name: &str, description: &str, properties: &Value) -> Value {
    let required: Vec<&String> = match name {
        "echo" => properties.as_object().into_iter().flat_map(serde_json::Map::keys).collect(),
        _ => Vec::new(),
    };
    let mut schema = json!({ "type": "object" });
    if properties.as_object().is_none_or(serde_json::Map::is_empty) {
        schema["additionalProperties"] = false.into();
    } else {
        schema["properties"] = properties.clone();
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    json!({ "name": name, "description": description, "inputSchema": schema })
}

fn query_schema() -> Value {
    json!({
        "region": { "type": "string", "x-mcp-header": "Region" },
        "limit": { "type": "integer", "x-mcp-header": "Limit" },
        "options": {
            "type": "object",
            "properties": { "urgent": { "type": "boolean", "x-mcp-header": "Urgent" } },
        },
        "text": { "type": "string" },
    })
}

/// Where the arguments of a tool stand that are repeated in the header, and the header that repeats them.
pub(super) fn repeated(name: &str) -> &'static [(&'static str, &'static str)] {
    match name {
        "query" => &[
            ("/region", "mcp-param-region"),
            ("/limit", "mcp-param-limit"),
            ("/options/urgent", "mcp-param-urgent"),
        ],
        _ => &[],
    }
}

/// The scope that a call needs and the token lacks.
pub(super) fn scope_missing(ledger: &Ledger, message: &Value, visitor: &Visitor) -> Option<String> {
    if message["method"] != "tools/call" {
        return None;
    }
    let needed = match message["params"]["name"].as_str()? {
        "admin" => "mcp:admin",
        "scoped" => &ledger.options.scoped,
        _ => return None,
    };
    (!visitor.scope.contains(needed)).then(|| needed.to_owned())
}

/// Whether a request says something before it is answered, so that only an event stream can carry it.
pub(super) fn says_more(message: &Value) -> bool {
    let name = message["params"]["name"].as_str().unwrap_or_default();
    message["method"] == "tools/call" && matches!(name, "stream" | "ask")
}

/// Runs a tool for somebody who may run it. The error says why it cannot run.
pub(super) async fn run(talk: &Talk, parameters: &Value, visitor: &Visitor) -> Result<Value, String> {
    let arguments = &parameters["arguments"];
    let number = |name: &str| arguments[name].as_u64().unwrap_or_default();
    match parameters["name"].as_str() {
        Some("echo") => arguments["text"].as_str().map(said).ok_or("echo needs the argument text".into()),
        Some("whoami") => Ok(whoami(visitor)),
        Some("admin") => Ok(said("you are an administrator")),
        Some("scoped") => Ok(said("you have the scope")),
        Some("slow") => {
            tokio::time::sleep(Duration::from_millis(number("milliseconds"))).await;
            Ok(said("that took a while"))
        }
        Some("hold") => {
            if let Ok(permit) = talk.site.gate.acquire().await {
                permit.forget();
            }
            Ok(said("released"))
        }
        Some("large") => {
            Ok(said(&"x".repeat(usize::try_from(number("bytes").min(LARGEST)).unwrap_or_default())))
        }
        Some("stream") => Ok(stream(talk, number("events"), Duration::from_millis(number("every_ms"))).await),
        Some("ask") => ask(talk, arguments["what"].as_str().unwrap_or("elicitation")).await,
        Some("query") => Ok(told(arguments.clone())),
        Some(other) => Err(format!("unknown tool: {other}")),
        None => Err("there is no tool name".into()),
    }
}

async fn stream(talk: &Talk, events: u64, pause: Duration) -> Value {
    for step in 1..=events {
        talk.out.room().await;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        talk.progress(step, events);
    }
    said(&format!("{events} events"))
}

/// What the server can ask a client: the capability that it takes, the method and its parameters.
pub(super) fn question(what: &str) -> Option<(&'static str, &'static str, Value)> {
    Some(match what {
        "elicitation" => {
            let schema = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
            let parameters = json!({ "message": "What is your name?", "requestedSchema": schema });
            ("elicitation", "elicitation/create", parameters)
        }
        "sampling" => {
            let message = json!({ "role": "user", "content": { "type": "text", "text": "Say something" } });
            ("sampling", "sampling/createMessage", json!({ "messages": [message], "maxTokens": 100 }))
        }
        "roots" => ("roots", "roots/list", json!({})),
        _ => return None,
    })
}

async fn ask(talk: &Talk, what: &str) -> Result<Value, String> {
    if what == "ping" {
        return Ok(answered(&talk.ask("ping", &json!({})).await));
    }
    let (capability, method, parameters) = question(what).ok_or("there is nothing of this kind to ask")?;
    if !talk.client_can(capability) {
        return Err(format!("the client does not offer {capability}"));
    }
    Ok(answered(&talk.ask(method, &parameters).await))
}

/// The result of a tool that was told something by the client: its result, or its error.
fn answered(answer: &Value) -> Value {
    told(json!({ "answered": answer.get("result").or(answer.get("error")) }))
}

fn whoami(visitor: &Visitor) -> Value {
    let scopes: Vec<&str> = visitor.scope.iter().collect();
    told(json!({ "sub": visitor.sub, "client_id": visitor.client_id, "scopes": scopes }))
}

/// A result with something for programs to read.
pub(super) fn told(facts: Value) -> Value {
    let mut result = said(&facts.to_string());
    result["structuredContent"] = facts;
    result
}

fn said(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }], "isError": false })
}
