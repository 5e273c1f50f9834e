//! Which methods and tools of MCP may be used here. Without rules nothing is read, and everything passes as it is.

use std::collections::BTreeMap;

use hyper::StatusCode;
use hyper::header::HeaderMap;
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
        let tool = if method == "tools/call" { message.subject().unwrap_or_default() } else { return Ok(()) };
        if !self.tools.admits(&tool) {
            let why = format!("this proxy does not pass on calls of the tool {}", PeerText::from(&*tool));
            return Err(refused(why, INVALID_PARAMS, message));
        }
        Ok(())
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
