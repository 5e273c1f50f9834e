//! MCP messages of revision 2026-07-28, two a run: what a server lists as its tools, and on the next line what a host
//! sends. Whatever they hold, a message passes through as it was written, no tool is made up, and nothing gets into the
//! head of a request that is longer than a head may be or decodes to anything else than what the body says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpauth::http::Bytes;
use mcpauth::mcp::message::Message;
use mcpauth::mcp::modern::{self, ToolHeaders};
use mcpauth::mcp::tool_filter::{Pattern, ToolFilter};
use mcpauth::mcp::tool_list::ToolList;
use mcpauth::mcp::translate::Translator;

fuzz_target!(|data: &[u8]| {
    let (listed, sent) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let (listed, sent) = (Bytes::copy_from_slice(listed), Bytes::copy_from_slice(sent));
    let mut tools = ToolHeaders::default();
    let learned = tools.learn(&listed);
    judge_lists(&listed, &learned.answer);
    let filter = ToolFilter { allow: vec![], deny: vec![pattern("a*b"), pattern("*")] };
    if let Some(left) = filter.filtered_list(&listed) {
        let left = ToolList::read(&left).expect("what is left is a list or an error");
        assert!(left.is_none_or(|left| left.tools().is_empty()), "a tool that nobody may call");
    }
    let Ok(message) = Message::read(sent) else { return };
    assert!(!message.bytes().contains(&b'\n'), "a message over several lines");
    let again = Message::read(message.bytes().clone()).expect("a message is one again");
    assert_eq!(again, message);
    if let Ok(head) = modern::headers(&message, &tools) {
        let length: usize = head.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        assert!(length <= 8 * 1024, "a head without end");
        assert!(head.is_empty() || modern::is_modern(&message));
    }
    translate(&message, &listed);
});

fn pattern(text: &str) -> Pattern {
    text.parse().expect("every text is a pattern")
}

/// What was learned from is the list without some of its tools, each as it was.
fn judge_lists(former: &Bytes, left: &Bytes) {
    let Ok(Some(former)) = ToolList::read(former) else { return assert_eq!(former, left) };
    let left = ToolList::read(left).expect("it could be read before").expect("it was a list before");
    let mut former = former.tools().iter();
    for tool in left.tools() {
        assert!(former.any(|own| own.definition == tool.definition), "a tool that nobody has listed");
    }
}

/// A host that sends this and a server that answers that make nobody fall over, whoever of them comes first.
fn translate(message: &Message, listed: &Bytes) {
    for was_let_in in [true, false] {
        let mut translator = Translator::default();
        translator.from_host(message.clone());
        if let Ok(answer) = Message::read(listed.clone()) {
            if was_let_in {
                translator.from_server(answer)
            } else {
                translator.kept_out(answer)
            };
        }
        translator.from_host(message.clone());
    }
}
