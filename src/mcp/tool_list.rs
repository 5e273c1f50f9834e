//! The answer to `tools/list`, taken apart: tools can be taken out of it, and everything else stays as it was written.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::http::Bytes;

/// The answer is no list that every reader understands in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its list of tools cannot be read")]
pub struct Unreadable;

/// The tools of an answer, with the text around them.
pub struct ToolList {
    answer: Bytes,
    array: Range<usize>,
    tools: Vec<Tool>,
}

/// One tool as its server defines it.
pub struct Tool {
    /// `None` where it has no name, or two of them.
    pub name: Option<String>,
    /// As it came.
    pub definition: Bytes,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

impl ToolList {
    /// Reads an answer. `None` is one that lists no tools, an error above all.
    pub fn read(answer: &Bytes) -> Result<Option<Self>, Unreadable> {
        let Some(result) = read::<Answer<'_>>(answer)?.result else { return Ok(None) };
        let Some(array) = read::<Listed<'_>>(result.get().as_bytes())?.tools else { return Ok(None) };
        let array = array.get().as_bytes();
        let start = array.as_ptr() as usize - answer.as_ptr() as usize;
        let definitions: Vec<&RawValue> = read(array)?;
        let tools = definitions.into_iter().map(|tool| Tool::new(answer.slice_ref(tool.get().as_bytes())));
        Ok(Some(Self { answer: answer.clone(), array: start..start + array.len(), tools: tools.collect() }))
    }

    /// The tools in their order.
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// The answer with these tools alone.
    pub fn keeping(&self, is_kept: impl Fn(&Tool) -> bool) -> Bytes {
        let kept: Vec<&[u8]> =
            self.tools.iter().filter(|tool| is_kept(tool)).map(|tool| &tool.definition[..]).collect();
        if kept.len() == self.tools.len() {
            return self.answer.clone();
        }
        let (before, after) = (&self.answer[..self.array.start], &self.answer[self.array.end..]);
        [before, b"[", &kept.join(&b','), b"]", after].concat().into()
    }
}

impl Tool {
    fn new(definition: Bytes) -> Self {
        let name = serde_json::from_slice(&definition).ok().map(|Named { name }| name.into_owned());
        Self { name, definition }
    }
}

fn read<'a, Part: Deserialize<'a>>(json: &'a [u8]) -> Result<Part, Unreadable> {
    serde_json::from_slice(json).map_err(|_| Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(answer: &'static str) -> Result<Option<ToolList>, Unreadable> {
        ToolList::read(&Bytes::from_static(answer.as_bytes()))
    }

    #[test]
    fn what_is_kept_stands_as_it_was_written() {
        let list = list(
            r#"{"id":1, "result":{"a":1.50,"tools": [ {"name":"a","x":1e2}, {"name":"b"},{"name":"\u0063"} ] ,"nextCursor":"n"},"jsonrpc":"2.0"}"#,
        );
        let list = list.unwrap().unwrap();
        let names: Vec<_> = list.tools().iter().map(|tool| tool.name.as_deref()).collect();
        assert_eq!(names, [Some("a"), Some("b"), Some("c")]);
        let kept = list.keeping(|tool| tool.name.as_deref() != Some("b"));
        let expected = r#"{"id":1, "result":{"a":1.50,"tools": [{"name":"a","x":1e2},{"name":"\u0063"}] ,"nextCursor":"n"},"jsonrpc":"2.0"}"#;
        assert_eq!(kept, expected);
        assert_eq!(list.keeping(|_| true), list.answer);
        assert_eq!(
            list.keeping(|_| false),
            r#"{"id":1, "result":{"a":1.50,"tools": [] ,"nextCursor":"n"},"jsonrpc":"2.0"}"#
        );
    }

    #[test]
    fn an_answer_without_tools_is_told_from_one_that_readers_understand_differently() {
        for answer in [
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"tools":null}}"#,
        ] {
            assert!(list(answer).unwrap().is_none(), "{answer}");
        }
        for answer in [
            r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[],"tools":[]}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"tools":{}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":7}"#,
            "no JSON",
        ] {
            assert_eq!(list(answer).err(), Some(Unreadable), "{answer}");
        }
        let twice = list(r#"{"result":{"tools":[{"name":"a","name":"b"},{}]}}"#).unwrap().unwrap();
        assert!(twice.tools().iter().all(|tool| tool.name.is_none()));
    }
}
