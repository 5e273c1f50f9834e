//! JSON-RPC as far as a benchmark has to look at it: where the id is, and lines of a given size.

use memchr::memmem;

/// The ends of a message, where id and method are: before or after what is big.
const END: usize = 256;

/// The text of the id, if there is one near either end.
pub fn id(message: &[u8]) -> Option<&[u8]> {
    let head = &message[..message.len().min(END)];
    let tail = &message[message.len().saturating_sub(END)..];
    let found = memmem::find(head, b"\"id\":").map(|at| &head[at + 5..]);
    let found = found.or_else(|| memmem::rfind(tail, b"\"id\":").map(|at| &tail[at + 5..]))?;
    let end = found.iter().position(|byte| matches!(byte, b',' | b'}'))?;
    Some(found[..end].trim_ascii())
}

/// Whether it stands near either end of the message.
pub fn mentions(message: &[u8], what: &str) -> bool {
    let head = &message[..message.len().min(END)];
    let tail = &message[message.len().saturating_sub(END)..];
    [head, tail].iter().any(|end| memmem::find(end, what.as_bytes()).is_some())
}

/// A call of a tool, `size` bytes long without the end of the line, or as short as it can be.
pub fn call(id: u64, size: usize) -> Vec<u8> {
    let start = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"echo","arguments":{{"text":""#
    );
    filled(start.into_bytes(), b"\"}}}", size)
}

/// The answer to a call, as long as the call was.
pub fn answer(id: &[u8], size: usize) -> Vec<u8> {
    let mut start = Vec::with_capacity(size);
    start.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    start.extend_from_slice(id);
    start.extend_from_slice(br#","result":{"content":[{"type":"text","text":""#);
    filled(start, b"\"}]}}", size)
}

fn filled(mut message: Vec<u8>, end: &[u8], size: usize) -> Vec<u8> {
    message.resize((message.len()).max(size.saturating_sub(end.len())), b'x');
    message.extend_from_slice(end);
    message
}

/// How a host begins.
pub const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;
/// What a host says next.
pub const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
