//! Revision 2026-07-28 on HTTP: no session, every request says in `_meta` what it speaks, and the head of its POST
//! repeats what stands in the body (Streamable HTTP, Request Metadata).

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::message::Message;
pub use super::tool_headers::{Flaw, Learned, ToolHeaders};
use crate::http::{HeaderMap, HeaderName, HeaderValue};

/// The first revision without sessions.
pub const REVISION: &str = "2026-07-28";
/// What a request speaks.
pub const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// Who asks.
pub const META_CLIENT: &str = "io.modelcontextprotocol/clientInfo";
/// What whoever asks can do.
pub const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// How much whoever asks wants to hear of the work.
pub const META_LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// Who answers.
pub const META_SERVER: &str = "io.modelcontextprotocol/serverInfo";
/// The request that a notification goes back to.
pub const META_SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// The head and the body contradict each other.
pub const HEADER_MISMATCH: i64 = -32020;
/// The request needs something that its sender did not say it can do.
pub const MISSING_CAPABILITY: i64 = -32021;
/// The server does not speak the revision of the request.
pub const UNSUPPORTED_VERSION: i64 = -32022;

/// What a head repeats of a body, altogether: common servers take 16 KiB for the whole head.
const MOST_REPEATED: usize = 8 * 1024;
/// The largest integer that every reader of JSON has (RFC 8259 section 6).
const LARGEST_INTEGER: u64 = (1 << 53) - 1;

/// A message names or holds more than a head can repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what the server wants to see in headers is longer than 8 KiB")]
pub struct TooLong;

/// The parameters that a head repeats.
#[derive(Default, Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    uri: Option<Cow<'a, str>>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, rename = "_meta")]
    meta: Option<Meta<'a>>,
}

#[derive(Deserialize)]
struct Meta<'a> {
    #[serde(borrow, rename = "io.modelcontextprotocol/protocolVersion")]
    version: Option<Cow<'a, str>>,
}

impl<'a> Params<'a> {
    /// What cannot be read is for the server to refuse. What has not even the word in it is not read at all: a megabyte of
    /// the old era costs next to nothing here.
    fn of(message: &'a Message) -> Self {
        let params = message.params().filter(|params| may_be_modern(params));
        params.and_then(|params| serde_json::from_slice(params).ok()).unwrap_or_default()
    }

    fn version(&self) -> Option<&str> {
        self.meta.as_ref()?.version.as_deref()
    }
}

/// Whether the name of the member can stand in a text, as it is or with escaped letters.
fn may_be_modern(params: &[u8]) -> bool {
    memmem::find(params, b"modelcontextprotocol").is_some() || memmem::find(params, br"\u00").is_some()
}

/// The revision that a message says it speaks, as only modern ones do.
pub fn version(message: &Message) -> Option<String> {
    Params::of(message).version().map(str::to_owned)
}

/// Whether a message needs no session.
pub fn is_modern(message: &Message) -> bool {
    Params::of(message).version().is_some()
}

/// What the head of the POST with this message repeats of it; nothing for a message of the old era.
pub fn headers(message: &Message, tools: &ToolHeaders) -> Result<HeaderMap, TooLong> {
    let params = Params::of(message);
    let mut head = Head::default();
    let Some(version) = params.version() else { return Ok(head.headers) };
    head.add(HeaderName::from_static("mcp-protocol-version"), version.to_owned())?;
    head.add(HeaderName::from_static("mcp-method"), message.method().to_owned())?;
    let subject = match message.method() {
        "tools/call" | "prompts/get" => params.name.as_deref(),
        "resources/read" => params.uri.as_deref(),
        _ => None,
    };
    if let Some(subject) = subject {
        head.add(HeaderName::from_static("mcp-name"), encoded(subject))?;
    }
    if message.method() == "tools/call" {
        head.add_arguments(subject.unwrap_or_default(), params.arguments, tools)?;
    }
    Ok(head.headers)
}

/// A request of our own for the tools of a server, in the name of whoever has sent a message. `None` for one of the old
/// era.
pub fn question_for_tools(like: &Message, page: Option<&str>) -> Option<Message> {
    let params: Value = serde_json::from_slice(like.params()?).ok()?;
    let mut asked = json!({ "_meta": params.get("_meta").filter(|_| is_modern(like))? });
    if let Some(page) = page {
        asked["cursor"] = page.into();
    }
    let message = json!({ "jsonrpc": "2.0", "id": "mcpauth:tools", "method": "tools/list", "params": asked });
    Message::read(message.to_string().into()).ok()
}

/// What the next page of a list is asked for with, if there is one.
pub fn next_page(answer: &Message) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer {
        result: Page,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Page {
        next_cursor: Option<String>,
    }
    serde_json::from_slice::<Answer>(answer.bytes()).ok()?.result.next_cursor
}

/// Headers, and how long they may still become.
struct Head {
    headers: HeaderMap,
    room: usize,
}

impl Default for Head {
    fn default() -> Self {
        Self { headers: HeaderMap::new(), room: MOST_REPEATED }
    }
}

impl Head {
    /// A value that no head can hold is left to the server to miss.
    fn add(&mut self, name: HeaderName, value: String) -> Result<(), TooLong> {
        self.room = self.room.checked_sub(name.as_str().len() + value.len()).ok_or(TooLong)?;
        if let Ok(value) = HeaderValue::try_from(value) {
            self.headers.insert(name, value);
        }
        Ok(())
    }

    fn add_arguments(
        &mut self,
        tool: &str,
        arguments: Option<&RawValue>,
        tools: &ToolHeaders,
    ) -> Result<(), TooLong> {
        let (wanted, Some(arguments)) = (tools.of(tool), arguments) else { return Ok(()) };
        if wanted.is_empty() {
            return Ok(());
        }
        let arguments: Value = serde_json::from_str(arguments.get()).unwrap_or_default();
        for argument in wanted {
            let value = argument.path.iter().try_fold(&arguments, |value, name| value.get(name));
            if let Some(text) = value.and_then(as_text) {
                self.add(argument.header.clone(), encoded(&text))?;
            }
        }
        Ok(())
    }
}

/// An argument as a header has it. What is absent, `null`, composed or no safe integer is not mirrored.
fn as_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Bool(truth) => Some(truth.to_string().into()),
        Value::Number(number) => {
            let number = number.as_f64()?;
            #[expect(
                clippy::cast_precision_loss,
                reason = "the largest integer without loss is what it is about"
            )]
            let is_safe = number.abs() <= LARGEST_INTEGER as f64;
            is_safe.then(|| number.to_string().into())
        }
        _ => None,
    }
}

/// A value as a header can carry it: as it is where that is harmless, else in base64 between two marks. A text that looks
/// marked already is marked once more.
fn encoded(value: &str) -> String {
    let is_plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~')) && value.trim() == value;
    let looks_marked = value.starts_with("=?base64?") && value.ends_with("?=");
    if is_plain && !looks_marked {
        return value.to_owned();
    }
    format!("=?base64?{}?=", BASE64_STANDARD.encode(value))
}

/// An error that only a modern server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// The head and the body contradict each other, or a header is missing.
    HeaderMismatch,
    /// The request needs something that its sender did not say it can do.
    MissingCapability,
    /// It speaks other revisions.
    UnsupportedVersion {
        /// Those that it speaks.
        supported: Vec<String>,
    },
}

#[derive(Deserialize)]
struct Failure {
    error: Fault,
}

#[derive(Deserialize)]
struct Fault {
    code: i64,
    #[serde(default)]
    data: Value,
}

impl Complaint {
    /// Finds the error in an answer.
    pub fn read(answer: &[u8]) -> Option<Self> {
        let Failure { error } = serde_json::from_slice(answer).ok()?;
        match error.code {
            HEADER_MISMATCH => Some(Self::HeaderMismatch),
            MISSING_CAPABILITY => Some(Self::MissingCapability),
            UNSUPPORTED_VERSION => {
                let versions = error.data["supported"].as_array().into_iter().flatten();
                let supported = versions.filter_map(|version| version.as_str().map(str::to_owned)).collect();
                Some(Self::UnsupportedVersion { supported })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Bytes;

    fn message(method: &str, params: &Value) -> Message {
        let text = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        Message::read(text.to_string().into()).unwrap()
    }

    fn modern(method: &str, mut params: Value) -> Message {
        params["_meta"] = json!({ META_VERSION: REVISION, META_CAPABILITIES: {} });
        message(method, &params)
    }

    fn head(message: &Message, tools: &ToolHeaders) -> Vec<(String, String)> {
        let headers = headers(message, tools).unwrap();
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// MCP 57.
    #[test]
    fn the_head_repeats_revision_method_and_subject() {
        let none = ToolHeaders::default();
        let plain = [("mcp-protocol-version", REVISION)];
        for (method, params, rest) in [
            ("tools/list", json!({ "name": "x" }), vec![("mcp-method", "tools/list")]),
            ("tools/call", json!({ "name": "x" }), vec![("mcp-method", "tools/call"), ("mcp-name", "x")]),
            ("prompts/get", json!({ "name": "x" }), vec![("mcp-method", "prompts/get"), ("mcp-name", "x")]),
            (
                "resources/read",
                json!({ "name": "x", "uri": "file:///y" }),
                vec![("mcp-method", "resources/read"), ("mcp-name", "file:///y")],
            ),
        ] {
            assert_eq!(head(&modern(method, params), &none), pairs(&[&plain[..], &rest].concat()));
        }
    }

    #[test]
    fn a_message_of_the_old_era_gets_no_such_head() {
        for params in
            [json!({}), json!({ "_meta": { "progressToken": 1 } }), json!([]), json!({ "_meta": null })]
        {
            let message = message("tools/call", &params);
            assert!(!is_modern(&message) && head(&message, &ToolHeaders::default()).is_empty(), "{params}");
        }
        let batch = Message::read(Bytes::from_static(br#"[{"jsonrpc":"2.0","method":"x"}]"#)).unwrap();
        assert!(!is_modern(&batch));
        assert_eq!(version(&modern("x", json!({}))).as_deref(), Some(REVISION));
        for spelling in
            [r"io.modelcontextprotocol\/protocolVersion", r"io.model\u0063ontextprotocol/protocolVersion"]
        {
            let text = format!(
                r#"{{"jsonrpc":"2.0","method":"x","params":{{"_meta":{{"{spelling}":"2026-07-28"}}}}}}"#
            );
            assert!(is_modern(&Message::read(text.into()).unwrap()), "{spelling}");
        }
    }

    /// MCP 58.
    #[test]
    fn values_that_are_no_header_come_in_base64() {
        for (value, header) in [
            ("us-west1", "us-west1"),
            ("us west 1", "us west 1"),
            ("", ""),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("a\tb", "=?base64?YQli?="),
            ("\u{7f}", "=?base64?fw==?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
            ("=?base64?=", "=?base64?PT9iYXNlNjQ/PQ==?="),
            ("=?BASE64?x?=", "=?BASE64?x?="),
        ] {
            assert_eq!(encoded(value), header, "{value:?}");
        }
    }

    /// MCP 58.
    #[test]
    fn arguments_are_mirrored_as_the_tool_asks() {
        let property = |name: &str, kind: &str| json!({ "type": kind, "x-mcp-header": name });
        let schema = json!({ "properties": {
            "region": property("Region", "string"), "count": property("Count", "integer"),
            "loud": property("Loud", "boolean"), "query": { "type": "string" },
            "in": { "properties": { "deep": property("Deep", "string") } },
        }});
        let list = json!({ "result": { "tools": [{ "name": "t", "inputSchema": schema }] } }).to_string();
        let mut tools = ToolHeaders::default();
        tools.learn(&list.into());
        let mirrored = |arguments: Value| {
            let head = head(&modern("tools/call", json!({ "name": "t", "arguments": arguments })), &tools);
            head.into_iter().filter(|(name, _)| name.starts_with("mcp-param-")).collect::<Vec<_>>()
        };
        assert_eq!(
            mirrored(
                json!({ "region": "ä", "count": 42, "loud": false, "query": "q", "in": { "deep": "d" } })
            ),
            pairs(&[
                ("mcp-param-region", "=?base64?w6Q=?="),
                ("mcp-param-count", "42"),
                ("mcp-param-loud", "false"),
                ("mcp-param-deep", "d"),
            ])
        );
        assert_eq!(mirrored(json!({ "region": null, "in": "x", "loud": [] })), []);
        assert_eq!(mirrored(json!({ "count": -7.0 })), pairs(&[("mcp-param-count", "-7")]));
        assert_eq!(
            mirrored(json!({ "count": LARGEST_INTEGER })),
            pairs(&[("mcp-param-count", "9007199254740991")])
        );
        assert_eq!(mirrored(json!({ "count": LARGEST_INTEGER + 1 })), []);
        assert_eq!(mirrored(json!([])), []);
    }

    #[test]
    fn a_head_does_not_grow_without_end() {
        let long = modern("tools/call", json!({ "name": "x".repeat(MOST_REPEATED) }));
        assert_eq!(headers(&long, &ToolHeaders::default()), Err(TooLong));
        // Nothing of it gets into the head that is no header.
        let odd = modern("a\r\nb", json!({}));
        assert_eq!(head(&odd, &ToolHeaders::default()), pairs(&[("mcp-protocol-version", REVISION)]));
    }

    #[test]
    fn the_tools_are_asked_for_in_the_name_of_whoever_calls_one() {
        let call = modern("tools/call", json!({ "name": "t" }));
        let asked = |page| {
            let question = question_for_tools(&call, page).unwrap();
            serde_json::from_slice::<Value>(question.params().unwrap()).unwrap()
        };
        let meta = json!({ META_VERSION: REVISION, META_CAPABILITIES: {} });
        assert_eq!(asked(None), json!({ "_meta": meta }));
        assert_eq!(asked(Some("2")), json!({ "_meta": meta, "cursor": "2" }));
        assert_eq!(question_for_tools(&message("tools/call", &json!({ "name": "t" })), None), None);
        let answer = |result: Value| {
            let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": result });
            next_page(&Message::read(answer.to_string().into()).unwrap())
        };
        assert_eq!(answer(json!({ "tools": [], "nextCursor": "2" })).as_deref(), Some("2"));
        assert_eq!((answer(json!({ "nextCursor": null })), answer(json!([]))), (None, None));
    }

    #[test]
    fn complaints_of_a_modern_server_are_known_by_their_number() {
        let answer = |error: Value| json!({ "jsonrpc": "2.0", "id": 1, "error": error }).to_string();
        let read = |error: Value| Complaint::read(answer(error).as_bytes());
        assert_eq!(read(json!({ "code": -32020, "message": "" })), Some(Complaint::HeaderMismatch));
        assert_eq!(read(json!({ "code": -32021, "message": "" })), Some(Complaint::MissingCapability));
        let supported = json!({ "code": -32022, "message": "", "data": { "supported": [REVISION, 7] } });
        assert_eq!(read(supported), Some(Complaint::UnsupportedVersion { supported: vec![REVISION.into()] }));
        let bare = json!({ "code": -32022, "message": "", "data": [] });
        assert_eq!(read(bare), Some(Complaint::UnsupportedVersion { supported: vec![] }));
        for other in [json!({ "code": -32000 }), json!({ "code": "-32020" }), json!("no")] {
            assert_eq!(read(other), None);
        }
        assert_eq!(Complaint::read(b"<html>"), None);
    }
}
