//! Which tools of a server may be seen and called, whatever the server offers.

use std::convert::Infallible;
use std::str::FromStr;

use super::message::{self, INVALID_PARAMS, INVALID_REQUEST, Kind, Message};
use super::tool_list::ToolList;
use crate::http::Bytes;

/// Names of tools: `*` stands for any characters, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl FromStr for Pattern {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl Pattern {
    /// Whether a name is meant, as it is written.
    pub fn matches(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|start| name.strip_prefix(start)) else { return false };
        let Some(end) = parts.next_back() else { return rest.is_empty() };
        // The first place for each part leaves the most room for those behind it.
        for part in parts {
            let Some((_, behind)) = rest.split_once(part) else { return false };
            rest = behind;
        }
        rest.ends_with(end)
    }
}

/// The tools that may be used. The default lets all of them through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolFilter {
    /// These alone, unless it is empty.
    pub allow: Vec<Pattern>,
    /// None of these, also where they are allowed.
    pub deny: Vec<Pattern>,
}

impl ToolFilter {
    /// Whether there is anything to look for.
    pub fn is_open(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether a tool may be used.
    pub fn admits(&self, name: &str) -> bool {
        let is_in = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(name));
        (self.allow.is_empty() || is_in(&self.allow)) && !is_in(&self.deny)
    }

    /// What the host is told instead of the server's answer to `tools/list`; `None` where that stays as it is. A list that
    /// one reader may understand in another way than the next is not passed on at all.
    pub fn filtered_list(&self, answer: &Bytes) -> Option<Bytes> {
        if self.is_open() {
            return None;
        }
        match ToolList::read(answer) {
            Ok(Some(list)) => {
                let left = list.keeping(|tool| tool.name.as_deref().is_some_and(|name| self.admits(name)));
                (left != *answer).then_some(left)
            }
            Ok(None) => None,
            Err(unreadable) => {
                let read = Message::read(answer.clone()).ok();
                let text = format!("mcpauth cannot filter the server's answer: {unreadable}");
                let id = read.as_ref().and_then(Message::response_id);
                Some(message::failure(id, INVALID_REQUEST, &text).bytes().clone())
            }
        }
    }

    /// What the host is told instead of sending its message on; `None` where it may pass. Of a batch all parts pass or
    /// none. A call that wants no answer is refused without one.
    pub fn refusals(&self, message: &Message) -> Option<Vec<Message>> {
        if self.is_open() {
            return None;
        }
        let parts = match message.kind() {
            Kind::Batch(parts) => parts.as_slice(),
            _ => std::slice::from_ref(message),
        };
        let is_batch = matches!(message.kind(), Kind::Batch(_));
        // What comes back for a part of a batch is not known for the list that it is.
        let is_hidden = is_batch && parts.iter().any(|part| part.method() == "tools/list");
        let hidden = is_hidden
            .then(|| "mcpauth cannot filter a list of tools that is asked for in a batch".to_owned());
        let refused = hidden.or_else(|| parts.iter().find_map(|part| self.refusal(part)))?;
        let told = message.request_ids().into_iter();
        Some(told.map(|id| message::failure(Some(id), INVALID_PARAMS, &refused)).collect())
    }

    fn refusal(&self, message: &Message) -> Option<String> {
        if message.method() != "tools/call" {
            return None;
        }
        match message.subject() {
            Some(name) if self.admits(&name) => None,
            Some(name) => Some(format!("mcpauth was told not to let the tool {name} be called")),
            None => Some("mcpauth cannot tell which tool is to be called".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(allow: &[&str], deny: &[&str]) -> ToolFilter {
        let patterns = |list: &[&str]| list.iter().map(|text| Pattern((*text).to_owned())).collect();
        ToolFilter { allow: patterns(allow), deny: patterns(deny) }
    }

    fn read(text: &str) -> Message {
        Message::read(Bytes::copy_from_slice(text.as_bytes())).unwrap()
    }

    #[test]
    fn a_star_stands_for_anything_and_nothing_else_does() {
        for (pattern, name, is_meant) in [
            ("echo", "echo", true),
            ("echo", "echo2", false),
            ("echo", "Echo", false),
            ("*", "", true),
            ("*", "anything", true),
            ("", "", true),
            ("", "a", false),
            ("get_*", "get_", true),
            ("get_*", "forget_me", false),
            ("*_get", "x_get", true),
            ("*_get", "x_get_y", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("*ab*ab*", "xabab", true),
            ("*ab*ab*", "xaab", false),
            ("a**b", "ab", true),
            ("a.c", "abc", false),
            ("[ab]?", "a1", false),
        ] {
            assert_eq!(Pattern(pattern.to_owned()).matches(name), is_meant, "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_denied_is_so_also_where_it_is_allowed() {
        let names = ["echo", "admin", "get_a", "get_b"];
        let admitted = |filter: ToolFilter| {
            names.into_iter().filter(move |name| filter.admits(name)).collect::<Vec<_>>()
        };
        assert_eq!(admitted(filter(&[], &[])), names);
        assert_eq!(admitted(filter(&["get_*"], &[])), ["get_a", "get_b"]);
        assert_eq!(admitted(filter(&[], &["admin"])), ["echo", "get_a", "get_b"]);
        assert_eq!(admitted(filter(&["get_*", "echo"], &["*_b"])), ["echo", "get_a"]);
    }

    #[test]
    fn a_list_shows_only_what_may_be_called() {
        let answer = Bytes::from_static(
            br#"{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"a"},{"name":"b"},{"name":"a","name":"b"}],"nextCursor":"x"}}"#,
        );
        assert_eq!(filter(&[], &[]).filtered_list(&answer), None);
        let left = filter(&["a"], &[]).filtered_list(&answer).unwrap();
        assert_eq!(left, r#"{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"a"}],"nextCursor":"x"}}"#);
        assert_eq!(filter(&["a"], &[]).filtered_list(&left), None);
        let failed = Bytes::from_static(br#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"no"}}"#);
        assert_eq!(filter(&["a"], &[]).filtered_list(&failed), None);
        let double = br#"{"jsonrpc":"2.0","id":7,"result":{"tools":[],"tools":[{"name":"b"}]}}"#;
        let refused = filter(&["a"], &[]).filtered_list(&Bytes::from_static(double)).unwrap();
        assert!(refused.starts_with(br#"{"jsonrpc":"2.0","id":7,"error":"#), "{refused:?}");
    }

    #[test]
    fn a_call_that_may_not_be_is_answered_here() {
        let filter = filter(&[], &["admin*"]);
        let call = |name: &str| {
            read(&format!(
                r#"{{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{{"name":"{name}"}}}}"#
            ))
        };
        assert_eq!(filter.refusals(&call("echo")), None);
        assert_eq!(filter.refusals(&read(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)), None);
        for refused in ["admin", "adm\\u0069n", "a\",\"name\":\"echo"] {
            let told = filter.refusals(&call(refused)).unwrap();
            assert_eq!(told.len(), 1);
            assert_eq!(told[0].response_id(), Some(&message::Id::Text("x".into())));
        }
        let silent = read(r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"admin"}}"#);
        assert_eq!(filter.refusals(&silent), Some(vec![]));
        let batch = read(
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"admin"}}]"#,
        );
        assert_eq!(filter.refusals(&batch).map(|told| told.len()), Some(2));
        assert_eq!(ToolFilter::default().refusals(&batch), None);
        let listing = read(r#"[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]"#);
        assert_eq!(filter.refusals(&listing).map(|told| told.len()), Some(1));
    }
}
