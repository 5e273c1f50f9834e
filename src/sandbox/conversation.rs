//! What the server makes of the messages of a client with a session, whichever way they came.

use std::sync::Arc;

use serde_json::{Value, json};

use super::books::{Session, Visitor};
use super::calls::Talk;
use super::feed::Feed;
use super::ledger::{Ledger, Site};
use super::messages::{INSTRUCTIONS, Kind, SESSION_REVISIONS, call_tool, error, kind, result, server_info};
use super::tools;

/// The revision that has a transport of its own.
pub(super) const FIRST_REVISION: &str = "2024-11-05";

/// What a client may say by `initialize`; the error is the answer to one that says too little.
pub(super) fn greeting(ledger: &mut Ledger, message: &Value) -> Result<(&'static str, Value), Value> {
    let parameters = &message["params"];
    let Some(asked) = parameters["protocolVersion"].as_str().filter(|_| parameters["clientInfo"].is_object())
    else {
        ledger.refused("initialize without protocolVersion or clientInfo");
        return Err(error(&message["id"], -32602, "initialize needs protocolVersion and clientInfo"));
    };
    let [newest, ..] = SESSION_REVISIONS;
    let version = SESSION_REVISIONS.into_iter().find(|version| *version == asked).unwrap_or(newest);
    Ok((version, parameters["capabilities"].clone()))
}

/// The answer to `initialize`.
pub(super) fn greeted(id: &Value, version: &str) -> Value {
    let change = json!({ "listChanged": true });
    result(
        id,
        &json!({
            "protocolVersion": version,
            "capabilities": {
                "tools": change, "prompts": change, "logging": {},
                "resources": { "listChanged": true, "subscribe": true },
            },
            "serverInfo": server_info(),
            "instructions": INSTRUCTIONS,
        }),
    )
}

/// The answer to a request; nothing if it was cancelled meanwhile.
pub(super) async fn reply(talk: &Talk, message: &Value, visitor: &Visitor) -> Option<Value> {
    talk.unless_cancelled(answer_of(talk, message, visitor)).await
}

async fn answer_of(talk: &Talk, message: &Value, visitor: &Visitor) -> Value {
    let id = &message["id"];
    match message["method"].as_str() {
        Some("tools/call") => call_tool(talk, message, visitor, &json!({})).await,
        Some(method) => match simple(&talk.site.ledger(), method, &message["params"]) {
            Some(outcome) => result(id, &outcome),
            None => error(id, -32601, "method not found"),
        },
        None => error(id, -32600, "there is no method"),
    }
}

/// What the methods answer that only look something up; `None` if there is no such method.
fn simple(ledger: &Ledger, method: &str, parameters: &Value) -> Option<Value> {
    Some(match method {
        "ping" | "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe" => json!({}),
        _ => lookup(ledger, method, parameters)?,
    })
}

/// What the methods answer that are the same in every revision.
pub(super) fn lookup(ledger: &Ledger, method: &str, parameters: &Value) -> Option<Value> {
    let note = json!({ "uri": NOTE, "name": "note", "mimeType": "text/plain" });
    Some(match method {
        "tools/list" => json!({ "tools": tools::list(ledger.options.misnamed_tool) }),
        "prompts/list" => json!({ "prompts": [{ "name": "greet", "description": "Greets" }] }),
        "prompts/get" if parameters["name"] == "greet" => {
            json!({ "messages": [{ "role": "user", "content": { "type": "text", "text": "Say hello" } }] })
        }
        "resources/list" => json!({ "resources": [note] }),
        "resources/templates/list" => json!({ "resourceTemplates": [] }),
        "resources/read" if parameters["uri"] == NOTE => {
            json!({ "contents": [{ "uri": NOTE, "mimeType": "text/plain", "text": "a note" }] })
        }
        _ => return None,
    })
}

/// The one resource.
const NOTE: &str = "sandbox://note";

/// Takes what wants no answer: a notification, or what the client answers to a request of the server.
pub(super) fn hear(ledger: &mut Ledger, session: &str, message: &Value) {
    if kind(message) == Kind::Notification {
        let method = message["method"].as_str().unwrap_or_default();
        ledger.books.notifications.push(method.to_owned());
        let about = message["params"]["requestId"].to_string();
        let own = ledger.sessions.get(session).and_then(|session| session.running.get(&about));
        if let Some(stop) = own.filter(|_| method == "notifications/cancelled") {
            stop.notify_one();
        }
        return;
    }
    ledger.books.answers.push(message.clone());
    let asked = message["id"].as_u64().and_then(|id| ledger.questions.remove(&id));
    match asked {
        // Whoever asked may have gone; that is no fault of the client.
        Some(asked) => drop(asked.send(message.clone())),
        None => ledger.refused("an answer to nothing that the server asked"),
    }
}

/// Takes any message of a client whose connection is its session; answers go where everything goes that the server
/// says there.
pub(super) fn take(site: &Arc<Site>, name: &str, message: Value, visitor: &Visitor) {
    let mut ledger = site.ledger();
    ledger.books.mcp_calls += 1;
    let Some(out) = ledger.sessions.get(name).map(|session| Arc::clone(&session.own)) else { return };
    if kind(&message) != Kind::Request {
        return hear(&mut ledger, name, &message);
    }
    if message["method"] == "initialize" {
        let answer = match greeting_here(&mut ledger, name, &message) {
            Ok(version) => greeted(&message["id"], version),
            Err(refusal) => refusal,
        };
        return out.push(answer.to_string());
    }
    if tools::scope_missing(&ledger, &message, visitor).is_some() {
        return out.push(error(&message["id"], -32600, "insufficient scope").to_string());
    }
    drop(ledger);
    let talk = Talk::new(site, Some(name), &message, out);
    tokio::spawn(work(talk, message, visitor.clone()));
}

/// `initialize` where the session exists already. A client of 2024-11-05 is met in its own revision.
fn greeting_here(ledger: &mut Ledger, name: &str, message: &Value) -> Result<&'static str, Value> {
    let (version, capabilities) = greeting(ledger, message)?;
    let is_first = message["params"]["protocolVersion"] == FIRST_REVISION;
    let version = if is_first { FIRST_REVISION } else { version };
    if let Some(session) = ledger.sessions.get_mut(name) {
        session.version = version;
        session.capabilities = capabilities;
    }
    Ok(version)
}

async fn work(talk: Talk, message: Value, visitor: Visitor) {
    if let Some(answer) = reply(&talk, &message, &visitor).await {
        talk.out.push(answer.to_string());
    }
}

/// A session that lasts as long as a connection.
pub(super) struct Connection {
    site: Arc<Site>,
    /// The name of the session.
    pub(super) name: String,
    /// What the server says there.
    pub(super) own: Arc<Feed>,
}

impl Connection {
    /// Opens one for somebody.
    pub(super) fn open(site: &Arc<Site>, name: String, visitor: &Visitor) -> Self {
        let session = Session::new(FIRST_REVISION, visitor.grant, json!({}));
        let own = Arc::clone(&session.own);
        let mut ledger = site.ledger();
        ledger.books.sessions_opened += 1;
        ledger.sessions.insert(name.clone(), session);
        drop(ledger);
        Self { site: Arc::clone(site), name, own }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut ledger = self.site.ledger();
        if let Some(session) = ledger.sessions.remove(&self.name) {
            ledger.books.sessions_closed += 1;
            session.end();
        }
    }
}
