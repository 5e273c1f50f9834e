//! Which methods and tools of MCP may be used here. Without rules nothing is read, and everything passes as it is.

use std::collections::BTreeMap;

use hyper::StatusCode;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use serde_json::value::RawValue;

use super::refusal::Refusal;
use crate::http::Bytes;
use crate::mcp::message::{INVALID_PARAMS, INVALID_REQUEST, Kind, METHOD_NOT_FOUND, Message};
use crate::mcp::tool_filter::{Pattern, ToolFilter};
use crate::peer_text::PeerText;

/// Methods that are needed to speak at all.
const NEEDED: [&str; 3] = ["initialize", "ping", "server/discover"];
/// The members of a message that say what it does, and that of its parameters.
const TELLING: [&str; 5] = ["jsonrpc", "id", "method", "params", "name"];

/// What may be used.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The tools.
    pub tools: ToolFilter,
    /// The methods; all if there is none.
    pub methods: Vec<Pattern>,
}

impl Rules {
    /// Whether everything may be used.
    pub(super) fn are_none(&self) -> bool {
        self.tools.is_open() && self.methods.is_empty()
    }

    fn admit_method(&self, name: &str) -> bool {
        let is_allowed = || self.methods.iter().any(|pattern| pattern.matches(name));
        let is_needed = || NEEDED.contains(&name) || name.starts_with("notifications/");
        self.methods.is_empty() || is_needed() || is_allowed()
    }

    /// Judges what a client wants to send.
    pub(super) fn judge(&self, headers: &HeaderMap, body: &Bytes) -> Result<(), Refusal> {
        check_encoding(headers)?;
        let unreadable = |why: String| Refusal::new(StatusCode::BAD_REQUEST, why).coded(INVALID_REQUEST);
        let message = Message::read(body.clone());
        let message = message.map_err(|error| unreadable(format!("the body cannot be judged: {error}")))?;
        match message.kind() {
            Kind::Batch(parts) => parts.iter().try_for_each(|part| self.judge_one(part)),
            _ => self.judge_one(&message).and_then(|()| check_headers(headers, &message)),
        }
    }

    fn judge_one(&self, message: &Message) -> Result<(), Refusal> {
        let id = message.request_id().cloned();
        if is_ambiguous(message.bytes()) || message.params().is_some_and(|params| is_ambiguous(params)) {
            let why = "a member of the message has a name that others may read as another one";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, why).coded(INVALID_REQUEST).to(id));
        }
        let method = message.method();
        if !method.is_empty() && !self.admit_method(method) {
            let why = format!("this proxy does not pass on {}", PeerText::from(method));
            return Err(refused(why, METHOD_NOT_FOUND, message));
        }
        if method == "tools/call" { self.judge_call(message) } else { Ok(()) }
    }

    /// A call whose tool cannot be told is none that may be made: the server may be able to tell.
    fn judge_call(&self, message: &Message) -> Result<(), Refusal> {
        let why = match message.subject() {
            _ if self.tools.is_open() => return Ok(()),
            Some(tool) if self.tools.admits(&tool) => return Ok(()),
            Some(tool) => format!("this proxy does not pass on calls of the tool {}", PeerText::from(&*tool)),
            None => "this proxy cannot tell which tool is to be called".to_owned(),
        };
        Err(refused(why, INVALID_PARAMS, message))
    }

    /// What goes back instead of an answer that lists tools which may not be called; `None` if it stays as it is.
    pub(super) fn instead_of(&self, answer: &Bytes) -> Option<Bytes> {
        // Most answers list none, and those are not read.
        memchr::memmem::find(answer, b"tools")?;
        self.tools.filtered_list(answer)
    }
}

/// A request gets an answer that its client understands; who wants none learns it by the status.
fn refused(why: String, code: i64, message: &Message) -> Refusal {
    let id = message.request_id().cloned();
    let status = if id.is_some() { StatusCode::OK } else { StatusCode::FORBIDDEN };
    Refusal::new(status, why).coded(code).to(id)
}

/// Refuses a body that its headers tell the server to read in another way than it was judged: in UTF-7, which several
/// frameworks know, other text says `tools/call` (RFC 8259 section 8.1 knows UTF-8 alone).
fn check_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    let refuse = |why| Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why).coded(INVALID_REQUEST));
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let parameters: Vec<&str> = content_type.split(';').skip(1).map(str::trim).collect();
    let is_utf_8 = |text: &&str| {
        text.eq_ignore_ascii_case("charset=utf-8") || text.eq_ignore_ascii_case("charset=\"utf-8\"")
    };
    if parameters.len() > 1 || !parameters.iter().all(is_utf_8) {
        return refuse("where there are rules, messages are passed on in UTF-8 only");
    }
    if headers.contains_key(CONTENT_ENCODING) {
        return refuse("where there are rules, messages are passed on uncompressed only");
    }
    Ok(())
}

/// Headers that say what the body does have to say the same (2026-07-28, Streamable HTTP, Request Headers).
fn check_headers(headers: &HeaderMap, message: &Message) -> Result<(), Refusal> {
    let subject = message.subject();
    let told = [("mcp-method", Some(message.method())), ("mcp-name", subject.as_deref())];
    for (name, value) in told {
        let is_other = |header: &&_| Some(<_ as AsRef<[u8]>>::as_ref(*header)) != value.map(str::as_bytes);
        // A name that no header can hold is sent encoded, and judged by the body.
        let is_encoded = |header: &&hyper::header::HeaderValue| header.as_bytes().starts_with(b"=?");
        if headers.get_all(name).iter().filter(|header| !is_encoded(header)).any(|header| is_other(&header)) {
            let why = format!("the header {name} says something else than the body");
            let id = message.request_id().cloned();
            return Err(Refusal::new(StatusCode::BAD_REQUEST, why).coded(INVALID_REQUEST).to(id));
        }
    }
    Ok(())
}

/// Whether a member is called almost like one that says what is done: some readers take no notice of case.
fn is_ambiguous(object: &[u8]) -> bool {
    let folded = |name: &str| name.to_uppercase().to_lowercase();
    let Ok(members) = serde_json::from_slice::<BTreeMap<String, &RawValue>>(object) else { return false };
    members.keys().any(|name| !TELLING.contains(&&**name) && TELLING.contains(&&*folded(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(allowed: &[&str], denied: &[&str], methods: &[&str]) -> Rules {
        let own = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        Rules { tools: ToolFilter { allow: own(allowed), deny: own(denied) }, methods: own(methods) }
    }

    fn passes(rules: &Rules, json: &str) -> bool {
        rules.judge(&HeaderMap::new(), &Bytes::copy_from_slice(json.as_bytes())).is_ok()
    }

    fn call(tool: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}"}}}}"#)
    }

    #[test]
    fn a_call_passes_if_its_tool_may_be_used() {
        let rules = rules(&["list_*", "echo"], &["*_all"], &[]);
        assert!(passes(&rules, &call("list_some")) && passes(&rules, &call("echo")));
        assert!(!passes(&rules, &call("list_all")) && !passes(&rules, &call("admin")));
        assert!(passes(&rules, r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#));
        assert!(!passes(&rules, r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#));
        assert!(!passes(&rules, &format!("[{},{}]", call("echo"), call("admin"))));
    }

    #[test]
    fn what_another_reader_may_understand_differently_does_not_pass() {
        let rules = rules(&["echo"], &[], &[]);
        for sly in [
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":{"name":"admin"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","NAME":"admin"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"},"param\u017f":{"name":"admin"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","name":"admin"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"admin"}}"#,
            "tools/call",
        ] {
            assert!(!passes(&rules, sly), "{sly}");
        }
        let mut headers = HeaderMap::new();
        headers.insert("mcp-name", "admin".parse().unwrap());
        assert!(rules.judge(&headers, &call("echo").into()).is_err());
        headers.insert("mcp-name", "echo".parse().unwrap());
        assert!(rules.judge(&headers, &call("echo").into()).is_ok());
    }

    /// A list of what is denied has no place for a tool whose name nobody here can read.
    #[test]
    fn a_call_of_nobody_knows_what_does_not_pass() {
        let rules = rules(&[], &["admin"], &[]);
        assert!(passes(&rules, &call("echo")));
        for params in [
            r#"{"name":"echo","name":"admin"}"#,
            r#"{"name":"admin","uri":7}"#,
            r#"{"name":"admin","uri":"a","uri":"b"}"#,
            r#"{"name":["admin"]}"#,
            r#"{"name":null}"#,
            "{}",
            "7",
        ] {
            let sly = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
            assert!(!passes(&rules, &sly), "{params}");
        }
        assert!(!passes(&rules, r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#));
    }

    #[test]
    fn a_body_is_judged_in_the_encoding_that_the_server_is_told() {
        let judge = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            rules(&[], &["admin"], &[]).judge(&headers, &call("+AGEAZABtAGkAbg-").into()).is_ok()
        };
        for plain in ["", "; charset=utf-8", ";charset=\"UTF-8\""] {
            assert!(judge("content-type", &format!("application/json{plain}")), "{plain}");
        }
        for other in ["; charset=utf-7", ";charset=utf-8; charset=utf-7", "; charset=utf-16", "; x=y", "; "] {
            assert!(!judge("content-type", &format!("application/json{other}")), "{other}");
        }
        assert!(!judge("content-encoding", "gzip"));
    }

    #[test]
    fn methods_may_be_chosen_but_not_those_without_which_nothing_works() {
        let rules = rules(&[], &[], &["tools/*"]);
        assert!(passes(&rules, &call("anything")));
        for (method, may) in [("initialize", true), ("resources/read", false), ("tools/list", true)] {
            let json = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
            assert_eq!(passes(&rules, &json), may, "{method}");
        }
        assert!(passes(&rules, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#));
        assert!(passes(&rules, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#));
    }

    #[test]
    fn a_list_of_tools_loses_those_that_may_not_be_called() {
        let rules = rules(&[], &["admin"], &[]);
        let list = br#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"echo"},{"name":"admin"}]}}"#;
        let left = rules.instead_of(&Bytes::from_static(list)).unwrap();
        assert_eq!(left, r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"echo"}]}}"#);
        assert_eq!(rules.instead_of(&left), None);
    }
}
