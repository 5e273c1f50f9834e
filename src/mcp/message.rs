//! One JSON-RPC message, read only as far as needed to know where it belongs: its bytes pass through as they are.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr2_iter;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::http::Bytes;

/// Deeper nesting serves nobody but whoever wants a reader of it to run out of stack.
const DEEPEST: usize = 512;
/// The code of an error that no standard gives a number (JSON-RPC 2.0 section 5.1, `-32000` to `-32099`).
pub const SERVER_ERROR: i64 = -32000;
/// What came is no JSON (JSON-RPC 2.0 section 5.1).
pub const PARSE_ERROR: i64 = -32700;
/// What came is no message (JSON-RPC 2.0 section 5.1).
pub const INVALID_REQUEST: i64 = -32600;
/// The method is unknown (JSON-RPC 2.0 section 5.1).
pub const METHOD_NOT_FOUND: i64 = -32601;
/// The parameters are not what the method wants (JSON-RPC 2.0 section 5.1).
pub const INVALID_PARAMS: i64 = -32602;

/// What a response repeats of its request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Id {
    /// A number, as it was written.
    Number(Box<str>),
    /// A text, without its quotes and escapes.
    Text(Box<str>),
    /// An error that belongs to no request.
    Null,
}

impl Id {
    /// Reads the JSON text of an id.
    pub fn read(json: &str) -> Option<Self> {
        match json.as_bytes().first()? {
            b'"' => Some(Self::Text(serde_json::from_str(json).ok()?)),
            b'-' | b'0'..=b'9' => Some(Self::Number(json.into())),
            b'n' => Some(Self::Null),
            _ => None,
        }
    }
}

impl fmt::Display for Id {
    /// As it is written in JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(text) => f.write_str(text),
            Self::Text(text) => f.write_str(&serde_json::Value::from(&**text).to_string()),
            Self::Null => f.write_str("null"),
        }
    }
}

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It wants an answer.
    Request {
        /// What the answer will repeat.
        id: Id,
        /// What is to be done.
        method: Box<str>,
    },
    /// It wants none.
    Notification {
        /// What happened.
        method: Box<str>,
    },
    /// It is an answer, a result or an error.
    Response {
        /// What the request said.
        id: Id,
    },
    /// Several at once, as revision 2025-03-26 has them.
    Batch(Vec<Message>),
}

/// Why something is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is no JSON at all.
    #[error("it is not JSON")]
    NotJson,
    /// It is JSON, but nested without end.
    #[error("it is nested too deeply")]
    TooDeep,
    /// It is JSON, but no JSON-RPC 2.0.
    #[error("it is not one JSON-RPC 2.0 message")]
    NotRpc,
}

impl Malformed {
    /// Its code (JSON-RPC 2.0 section 5.1).
    pub fn code(self) -> i64 {
        match self {
            Self::NotJson => PARSE_ERROR,
            Self::TooDeep | Self::NotRpc => INVALID_REQUEST,
        }
    }
}

/// A JSON-RPC message with its bytes, which hold no line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    bytes: Bytes,
    params: Option<Bytes>,
    error: Option<Bytes>,
    kind: Kind,
}

/// The members that say where a message belongs. One that stands there twice is refused: readers differ in which
/// of the two they take.
#[derive(Deserialize)]
struct Members<'a> {
    jsonrpc: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "as_written")]
    error: Option<&'a RawValue>,
}

/// A member that is there, also where it is `null`.
fn as_written<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// What a request is about, and what it says beside that.
#[derive(Deserialize)]
struct Subject<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    uri: Option<Cow<'a, str>>,
}

impl Message {
    /// Reads a message. Line ends within it, which JSON allows between its parts, become spaces.
    pub fn read(bytes: Bytes) -> Result<Self, Malformed> {
        let bytes = on_one_line(bytes)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| Malformed::NotJson)?;
        if is_too_deep(&bytes) {
            return Err(Malformed::TooDeep);
        }
        if text.trim_start().starts_with('[') {
            let parts: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Malformed::NotJson)?;
            let read = |part: &RawValue| Self::read_one(&bytes.slice_ref(part.get().as_bytes()), part.get());
            let parts = parts.into_iter().map(read);
            let parts = parts.collect::<Result<Vec<_>, _>>()?;
            let kind = if parts.is_empty() { return Err(Malformed::NotRpc) } else { Kind::Batch(parts) };
            return Ok(Self { bytes, params: None, error: None, kind });
        }
        Self::read_one(&bytes, text)
    }

    /// `text` is what the bytes say.
    fn read_one(bytes: &Bytes, text: &str) -> Result<Self, Malformed> {
        let members: Members<'_> = serde_json::from_str(text)
            .map_err(|error| if error.is_data() { Malformed::NotRpc } else { Malformed::NotJson })?;
        let kind = members.kind().ok_or(Malformed::NotRpc)?;
        let params = members.params.map(|params| bytes.slice_ref(params.get().as_bytes()));
        let error = members.error.map(|error| bytes.slice_ref(error.get().as_bytes()));
        Ok(Self { bytes: bytes.clone(), params, error, kind })
    }

    /// Gives up what it says, and keeps what it is.
    pub fn let_go(&mut self) {
        (self.bytes, self.params, self.error) = (Bytes::new(), None, None);
        if let Kind::Batch(parts) = &mut self.kind {
            parts.iter_mut().for_each(Self::let_go);
        }
    }

    /// As it came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What it is.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The id of a request that wants an answer.
    pub fn request_id(&self) -> Option<&Id> {
        match &self.kind {
            Kind::Request { id, .. } => Some(id),
            _ => None,
        }
    }

    /// The id of the request that this answers.
    pub fn response_id(&self) -> Option<&Id> {
        match &self.kind {
            Kind::Response { id } => Some(id),
            _ => None,
        }
    }

    /// Every request in it that wants an answer: one, those of a batch, or none.
    pub fn request_ids(&self) -> Vec<&Id> {
        match &self.kind {
            Kind::Batch(parts) => parts.iter().filter_map(Self::request_id).collect(),
            _ => self.request_id().into_iter().collect(),
        }
    }

    /// Every request that it answers: one, those of a batch, or none.
    pub fn response_ids(&self) -> Vec<&Id> {
        match &self.kind {
            Kind::Batch(parts) => parts.iter().filter_map(Self::response_id).collect(),
            _ => self.response_id().into_iter().collect(),
        }
    }

    /// The method of a request or notification; empty for others.
    pub fn method(&self) -> &str {
        match &self.kind {
            Kind::Request { method, .. } | Kind::Notification { method } => method,
            Kind::Response { .. } | Kind::Batch(_) => "",
        }
    }

    /// The parameters as they came.
    pub fn params(&self) -> Option<&Bytes> {
        self.params.as_ref()
    }

    /// The error of a response that bears one, as it came.
    pub fn error(&self) -> Option<&Bytes> {
        self.error.as_ref()
    }

    /// The same error as the answer to another request.
    pub fn failing(&self, id: &Id) -> Option<Self> {
        let error = std::str::from_utf8(self.error()?).ok()?;
        Self::read(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#).into()).ok()
    }

    /// What a request is about: the name of its tool or prompt, or the address of its resource. `None` if it is about
    /// nothing, or names it twice.
    pub fn subject(&self) -> Option<String> {
        let subject: Subject<'_> = serde_json::from_slice(self.params()?).ok()?;
        let subject = if self.method() == "resources/read" { subject.uri } else { subject.name };
        subject.map(Cow::into_owned)
    }
}

impl Members<'_> {
    fn kind(&self) -> Option<Kind> {
        if self.jsonrpc != "2.0" {
            return None;
        }
        let id = self.id.map(|id| Id::read(id.get()));
        let answers = self.result.is_some() || self.error.is_some();
        match (&self.method, id) {
            (Some(method), Some(Some(id))) if !answers && id != Id::Null => {
                Some(Kind::Request { id, method: method.as_ref().into() })
            }
            (Some(method), None) if !answers => Some(Kind::Notification { method: method.as_ref().into() }),
            (None, Some(Some(id))) if answers => Some(Kind::Response { id }),
            // An error about something that had no readable id.
            (None, None) if self.error.is_some() => Some(Kind::Response { id: Id::Null }),
            _ => None,
        }
    }
}

/// The request that its sender does not wait for any more, if this says so.
pub fn cancelled(message: &Message) -> Option<Id> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Cancelled<'a> {
        #[serde(borrow)]
        request_id: &'a RawValue,
    }
    if message.method() != "notifications/cancelled" {
        return None;
    }
    let cancelled: Cancelled<'_> = serde_json::from_slice(message.params()?).ok()?;
    Id::read(cancelled.request_id.get())
}

/// The same JSON on one line: an end of line can stand between its parts, where a space means the same, but not in a
/// text, where it would not (RFC 8259 section 7).
fn on_one_line(bytes: Bytes) -> Result<Bytes, Malformed> {
    let trimmed = bytes.trim_ascii();
    let bytes = if trimmed.len() == bytes.len() { bytes } else { bytes.slice_ref(trimmed) };
    if memchr::memchr2(b'\n', b'\r', &bytes).is_none() {
        return Ok(bytes);
    }
    let mut line = Vec::from(bytes);
    let (mut is_text, mut is_escaped) = (false, false);
    for byte in &mut line {
        match *byte {
            b'\n' | b'\r' if is_text => return Err(Malformed::NotJson),
            b'\n' | b'\r' => *byte = b' ',
            b'"' if !is_escaped => is_text = !is_text,
            _ => {}
        }
        is_escaped = is_text && *byte == b'\\' && !is_escaped;
    }
    Ok(line.into())
}

/// Whether the nesting passes all measure. Most messages do not even have so many brackets.
fn is_too_deep(bytes: &[u8]) -> bool {
    if memchr2_iter(b'{', b'[', bytes).nth(DEEPEST).is_none() {
        return false;
    }
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b'{' | b'[' if !is_text => depth += 1,
            b'}' | b']' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return true;
        }
    }
    false
}

/// The answer that something went wrong. Without an id it answers what could not be read.
pub fn failure(id: Option<&Id>, code: i64, text: &str) -> Message {
    let id = id.cloned().unwrap_or(Id::Null);
    let text = serde_json::Value::from(text);
    let error = format!(r#"{{"code":{code},"message":{text}}}"#);
    let bytes = Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#));
    let error = bytes.slice(bytes.len() - error.len() - 1..bytes.len() - 1);
    Message { bytes, params: None, error: Some(error), kind: Kind::Response { id } }
}

/// The answer that something was done.
pub fn success(id: &Id, result: &serde_json::Value) -> Message {
    let json = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
    Message { bytes: json.into(), params: None, error: None, kind: Kind::Response { id: id.clone() } }
}

/// What a host is told that is to look again at everything that a server lists.
pub fn lists_changed() -> impl Iterator<Item = Message> {
    ["tools", "prompts", "resources"].into_iter().map(|list| {
        let method = format!("notifications/{list}/list_changed");
        let bytes = Bytes::from(format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#));
        Message { bytes, params: None, error: None, kind: Kind::Notification { method: method.into() } }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Message, Malformed> {
        Message::read(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn a_message_is_known_by_its_members_and_keeps_its_bytes() {
        let number = |text: &str| Id::Number(text.into());
        for (text, kind) in [
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
                Kind::Request { id: number("1"), method: "ping".into() },
            ),
            (
                r#"{ "id" : "a\u00e9", "result":{}, "jsonrpc":"2.0" }"#,
                Kind::Response { id: Id::Text("aé".into()) },
            ),
            (r#"{"jsonrpc":"2.0","method":"x","params":null}"#, Kind::Notification { method: "x".into() }),
            (
                r#"{"jsonrpc":"2.0","error":{"code":1,"message":""},"id":null}"#,
                Kind::Response { id: Id::Null },
            ),
            (r#"{"jsonrpc":"2.0","error":{"code":1,"message":""}}"#, Kind::Response { id: Id::Null }),
            (r#"{"jsonrpc":"2.0","id":-7,"result":null}"#, Kind::Response { id: number("-7") }),
        ] {
            let message = read(text).unwrap();
            assert_eq!((message.kind(), &message.bytes()[..]), (&kind, text.as_bytes()));
        }
        let Kind::Batch(parts) =
            read(r#"[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","method":"b"}]"#).unwrap().kind
        else {
            panic!("no batch")
        };
        assert_eq!((parts.len(), parts[0].method(), parts[1].method()), (2, "a", "b"));
    }

    #[test]
    fn what_readers_may_understand_differently_is_no_message() {
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#,
            r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{},"params":{}}"#,
            r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#,
            r#"{"jsonrpc":"2.0","id":{},"method":"a"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"a","result":{}}"#,
            r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"id":1,"method":"a"}"#,
            "[]",
            "7",
        ] {
            assert_eq!(read(text), Err(Malformed::NotRpc), "{text}");
        }
        for text in ["", "x", r#"{"jsonrpc":"2.0""#, r#"{"jsonrpc":"2.0","method":"x"} {}"#, "\u{feff}{}"] {
            assert_eq!(read(text), Err(Malformed::NotJson), "{text}");
        }
        assert_eq!(
            Message::read(Bytes::from_static(b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}")),
            Err(Malformed::NotJson)
        );
        let named =
            read(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}"#);
        assert_eq!(named.unwrap().subject(), None);
    }

    #[test]
    fn nesting_has_an_end_but_brackets_in_a_text_are_none() {
        let deep = |depth: usize| {
            let params = "[".repeat(depth) + &"]".repeat(depth);
            read(&format!(r#"{{"jsonrpc":"2.0","method":"x","params":{params}}}"#))
        };
        assert!(deep(DEEPEST - 1).is_ok());
        assert_eq!(deep(DEEPEST), Err(Malformed::TooDeep));
        assert_eq!(deep(100_000), Err(Malformed::TooDeep));
        let text = format!(r#"{{"jsonrpc":"2.0","method":"x","params":["\"{}"]}}"#, "[{".repeat(5000));
        assert!(read(&text).is_ok());
    }

    #[test]
    fn a_message_over_several_lines_becomes_one() {
        let message = read("{\"jsonrpc\":\"2.0\",\r\n \"method\":\"x\"}\n").unwrap();
        assert_eq!(&message.bytes()[..], b"{\"jsonrpc\":\"2.0\",   \"method\":\"x\"}");
        let params = "{\"jsonrpc\":\"2.0\",\n\"method\":\"x\",\"params\":[\"\\\"\\\\\",\r\"\\n\u{2028}\"]}";
        let message = read(params).unwrap();
        assert_eq!(message.bytes().len(), params.len());
        assert_eq!(&message.params().unwrap()[..], "[\"\\\"\\\\\", \"\\n\u{2028}\"]".as_bytes());
    }

    #[test]
    fn an_end_of_line_in_a_text_does_not_become_something_else() {
        for text in ["a\nb", "\\\"\n", "\\\\\r"] {
            let message = format!("{{\"jsonrpc\":\"2.0\",\n\"method\":\"x\",\"params\":[\"{text}\"]}}");
            assert_eq!(read(&message), Err(Malformed::NotJson), "{message:?}");
        }
    }

    #[test]
    fn a_message_that_has_let_go_holds_nothing_and_is_still_known() {
        let text = r#"[{"jsonrpc":"2.0","id":1,"method":"a","params":{}},{"jsonrpc":"2.0","method":"b"}]"#;
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let mut message = Message::read(bytes.clone()).unwrap();
        assert!(!bytes.is_unique());
        message.let_go();
        assert!(bytes.is_unique());
        assert_eq!(message.request_ids(), [&Id::Number("1".into())]);
    }

    #[test]
    fn an_answer_of_our_own_is_a_message() {
        let id = Id::Text("a\"b".into());
        let message = failure(Some(&id), SERVER_ERROR, "no \"x\"\nhere");
        assert_eq!(Message::read(message.bytes().clone()).unwrap(), message);
        let message = success(&Id::Number("1".into()), &serde_json::json!({}));
        assert_eq!(Message::read(message.bytes().clone()).unwrap(), message);
        for message in lists_changed() {
            assert_eq!(Message::read(message.bytes().clone()).unwrap(), message);
        }
    }
}
