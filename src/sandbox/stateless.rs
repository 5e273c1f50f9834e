//! The MCP server in revision 2026-07-28: no session, every request tells all about itself, and the header
//! repeats what the body says.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::books::{Subscription, Visitor};
use super::calls::Talk;
use super::conversation::lookup;
use super::events::Events;
use super::feed::Feed;
use super::ledger::{Ledger, Site, random_text};
use super::messages::{
    INSTRUCTIONS, SESSION_REVISIONS, call_tool, error, failed, insufficient_scope, result, server_info,
};
use super::options::Speaks;
use super::tools;
use super::wire::{Answer, Request};

const REVISION: &str = "2026-07-28";
/// The header and the body contradict each other, or a header is missing.
const HEADER_MISMATCH: i32 = -32020;
/// The client does not offer what the server needs.
const MISSING_CAPABILITY: i32 = -32021;
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
pub(super) async fn answer(
    site: &Arc<Site>,
    request: &Request,
    message: &Value,
    visitor: &Visitor,
) -> Answer {
    let id = &message["id"];
    if id.is_null() {
        site.ledger().books.notifications.push(message["method"].as_str().unwrap_or_default().into());
        return Answer::empty(202);
    }
    if let Err((code, why)) = judge(request, message) {
        let mut ledger = site.ledger();
        ledger.refused(format!("{code}: {why}"));
        return refused(&ledger, message, code, &why);
    }
    if let Some(refusal) = insufficient_scope(&site.ledger(), request, message, visitor) {
        return refusal;
    }
    if message["method"] == "subscriptions/listen" {
        return listen(site, message);
    }
    if let Some(answer) = more_input(&mut site.ledger(), message) {
        return answer;
    }
    let streams = tools::says_more(message) || site.ledger().options.event_streams;
    if streams {
        return streamed(site, message, visitor);
    }
    let talk = Talk::new(site, None, message, Arc::new(Feed::new()));
    let outcome = talk.unless_cancelled(reply(&talk, message, visitor)).await.unwrap_or_default();
    let unknown = outcome["error"]["code"] == METHOD_NOT_FOUND;
    Answer::json(if unknown { 404 } else { 200 }, &outcome)
}

/// The whole answer to a request that has passed every check.
async fn reply(talk: &Talk, message: &Value, visitor: &Visitor) -> Value {
    let id = &message["id"];
    let complete = json!({ "resultType": "complete" });
    let method = message["method"].as_str().unwrap_or_default();
    match method {
        "server/discover" => result(id, &discovered(&talk.site.ledger())),
        "tools/call" => call_tool(talk, message, visitor, &complete).await,
        _ => match lookup(&talk.site.ledger(), method, &message["params"]) {
            Some(found) => result(id, &cacheable(method, found)),
            None => error(id, METHOD_NOT_FOUND, "method not found"),
        },
    }
}

/// Adds what the revision adds to what was looked up.
fn cacheable(method: &str, mut found: Value) -> Value {
    found["resultType"] = "complete".into();
    if method != "prompts/get" {
        found["ttlMs"] = 60_000.into();
        found["cacheScope"] = "public".into();
    }
    found
}

/// An answer that is an event stream. If the client closes it, that cancels the request.
fn streamed(site: &Arc<Site>, message: &Value, visitor: &Visitor) -> Answer {
    let feed = Arc::new(Feed::new());
    let talk = Talk::new(site, None, message, Arc::clone(&feed));
    let (message, visitor) = (message.clone(), visitor.clone());
    let work = tokio::spawn(async move {
        if let Some(outcome) = talk.unless_cancelled(reply(&talk, &message, &visitor)).await {
            talk.out.push(outcome.to_string());
        }
        talk.out.end();
    });
    Answer::events(Events::new(site, feed, None).holding(EndsWith(work)))
}

/// Work that ends when nobody holds this any more.
struct EndsWith(tokio::task::JoinHandle<()>);

impl Drop for EndsWith {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// `subscriptions/listen`: a stream that stays open and tells what was asked for.
fn listen(site: &Arc<Site>, message: &Value) -> Answer {
    let wanted = message["params"]["notifications"].clone();
    if !wanted.is_object() {
        return failed(400, &message["id"], INVALID_PARAMETERS, "there is no filter of notifications");
    }
    let feed = Arc::new(Feed::new());
    let subscription =
        Subscription { id: message["id"].clone(), wanted: wanted.clone(), feed: Arc::clone(&feed) };
    subscription.tell("notifications/subscriptions/acknowledged", json!({ "notifications": wanted }));
    let mut ledger = site.ledger();
    ledger.books.subscriptions.push(wanted);
    let number = ledger.books.subscriptions.len() as u64;
    ledger.subscriptions.insert(number, subscription);
    drop(ledger);
    let listening = Listening { site: Arc::clone(site), number };
    Answer::events(Events::new(site, feed, None).holding(listening))
}

/// A subscription lasts as long as its stream. One that the client closed was cancelled by it.
struct Listening {
    site: Arc<Site>,
    number: u64,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut ledger = self.site.ledger();
        if let Some(subscription) = ledger.subscriptions.remove(&self.number) {
            ledger.books.cancelled.push(subscription.id);
        }
    }
}

/// The tool `ask` in this revision: it asks in its result and is called again with what was answered. `None` for every
/// other request.
fn more_input(ledger: &mut Ledger, message: &Value) -> Option<Answer> {
    let (id, parameters) = (&message["id"], &message["params"]);
    if message["method"] != "tools/call" || parameters["name"] != "ask" {
        return None;
    }
    let what = parameters["arguments"]["what"].as_str().unwrap_or("elicitation");
    let Some((capability, method, asked)) = tools::question(what) else {
        return Some(failed(400, id, INVALID_PARAMETERS, "there is nothing of this kind to ask"));
    };
    if parameters["_meta"][META_CAPABILITIES].get(capability).is_none() {
        let needed = json!({ "requiredCapabilities": { capability: {} } });
        return Some(refusal(id, MISSING_CAPABILITY, "the client lacks a capability", &needed));
    }
    let given = &parameters["inputResponses"]["answer"];
    let state = parameters["requestState"].as_str().unwrap_or_default();
    if given.is_null() {
        let state = random_text("sandbox_state_");
        ledger.input_states.insert(state.clone());
        let question = json!({ "answer": { "method": method, "params": asked } });
        let outcome =
            json!({ "resultType": "input_required", "inputRequests": question, "requestState": state });
        return Some(Answer::json(200, &result(id, &outcome)));
    }
    if !ledger.input_states.remove(state) {
        ledger.refused("requestState is not the one that was given");
        return Some(failed(400, id, INVALID_PARAMETERS, "requestState is not the one that was given"));
    }
    ledger.books.answers.push(given.clone());
    ledger.books.tool_calls += 1;
    let mut outcome = tools::told(json!({ "answered": given }));
    outcome["resultType"] = "complete".into();
    Some(Answer::json(200, &result(id, &outcome)))
}

fn supported(ledger: &Ledger) -> Vec<&'static str> {
    let older = SESSION_REVISIONS.into_iter().filter(|_| ledger.options.speaks == Speaks::Everything);
    std::iter::once(REVISION).chain(older).collect()
}

fn discovered(ledger: &Ledger) -> Value {
    let change = json!({ "listChanged": true });
    json!({
        "resultType": "complete",
        "supportedVersions": supported(ledger),
        "capabilities": {
            "tools": change, "prompts": change, "resources": { "listChanged": true, "subscribe": true },
        },
        "serverInfo": server_info(),
        "instructions": INSTRUCTIONS,
        "ttlMs": 60_000,
        "cacheScope": "public",
    })
}

/// The answer to a request that did not pass a check. Whoever opens as older revisions do learns which ones there are.
fn refused(ledger: &Ledger, message: &Value, code: i32, why: &str) -> Answer {
    let id = &message["id"];
    let requested = message["params"]["_meta"][META_VERSION].clone();
    match code {
        UNSUPPORTED_VERSION => {
            let data = json!({ "supported": supported(ledger), "requested": requested });
            refusal(id, code, "unsupported protocol version", &data)
        }
        _ if message["method"] == "initialize" => {
            let why = format!("{why}; this server speaks {REVISION} only");
            refusal(id, code, &why, &json!({ "supported": supported(ledger) }))
        }
        _ => failed(400, id, code, why),
    }
}

fn refusal(id: &Value, code: i32, why: &str, data: &Value) -> Answer {
    let mut document = error(id, code, why);
    document["error"]["data"] = data.clone();
    Answer::json(400, &document)
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
        if header != REVISION {
            return Err((UNSUPPORTED_VERSION, format!("revision {header}")));
        }
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
    judge_name(request, message)?;
    judge_repeated(request, message)
}

/// What a tool wants to see in the header as well is there, and is the same; what is not given is not there.
fn judge_repeated(request: &Request, message: &Value) -> Result<(), Fault> {
    let parameters = &message["params"];
    let name = parameters["name"].as_str().filter(|_| message["method"] == "tools/call").unwrap_or_default();
    for (pointer, header) in tools::repeated(name) {
        let given = parameters["arguments"].pointer(pointer).filter(|value| !value.is_null());
        let shown = request.header(header);
        let fits = match (given, shown) {
            (None, shown) => shown.is_none(),
            (Some(given), Some(shown)) => decoded(shown).is_some_and(|shown| is_same(given, &shown)),
            (Some(_), None) => false,
        };
        if !fits {
            return Err((HEADER_MISMATCH, format!("{header} is missing or differs from the body")));
        }
    }
    Ok(())
}

/// Numbers are compared as numbers.
fn is_same(given: &Value, shown: &str) -> bool {
    match given {
        Value::String(given) => given == shown,
        Value::Number(given) => shown.parse().ok() == given.as_f64(),
        Value::Bool(given) => shown.parse() == Ok(*given),
        _ => false,
    }
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
