//! The session that a server of a revision before 2026-07-28 may keep for us (Streamable HTTP, Session Management).

use serde::Deserialize;

use crate::http::{HeaderMap, HeaderName, HeaderValue};
use crate::mcp::message::Message;

/// The header that names the session.
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// The header that names the revision (since 2025-06-18).
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The longest name of a session that is sent back, in bytes.
const LONGEST_NAME: usize = 1024;
/// The revision that had no header yet.
const WITHOUT_HEADER: &str = "2025-03-26";

/// What was agreed on.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    /// Grows with every session, so that an old one is known as such.
    pub(super) generation: u64,
    /// The headers that every request bears.
    pub(super) headers: HeaderMap,
    /// Whether the host's greeting has been answered by the server.
    pub(super) is_open: bool,
    /// The host's greeting, to be said again to a server that has forgotten us.
    pub(super) initialize: Option<Message>,
    /// The same for what the host said after it.
    pub(super) initialized: Option<Message>,
}

/// What is wrong with a server's greeting.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) String);

/// What a server answers to `initialize`.
#[derive(Deserialize)]
struct Greeting {
    result: Option<Agreed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Agreed {
    protocol_version: String,
}

impl Session {
    /// Whether the server has given it a name.
    pub(super) fn has_name(&self) -> bool {
        self.headers.contains_key(SESSION)
    }

    /// Notes what the server answered to the greeting: the revision in the message, the name in the header.
    pub(super) fn open(&mut self, answer: &Message, name: Option<&HeaderValue>) -> Result<(), Malformed> {
        let greeting: Greeting = serde_json::from_slice(answer.bytes()).map_err(|_| malformed("greeting"))?;
        // An error is passed on to the host, and no session has begun.
        let Some(agreed) = greeting.result else { return Ok(()) };
        self.headers.clear();
        if let Some(name) = name {
            self.headers.insert(SESSION, may_be_sent_back(name)?);
        }
        if agreed.protocol_version != WITHOUT_HEADER {
            let version = HeaderValue::from_str(&agreed.protocol_version);
            self.headers
                .insert(VERSION, may_be_sent_back(&version.map_err(|_| malformed("protocol version"))?)?);
        }
        self.generation += 1;
        self.is_open = true;
        Ok(())
    }
}

/// Visible ASCII of a decent length: nothing else is a name of a session, or safe in a header.
fn may_be_sent_back(value: &HeaderValue) -> Result<HeaderValue, Malformed> {
    let is_visible = value.as_bytes().iter().all(u8::is_ascii_graphic);
    if is_visible && !value.is_empty() && value.len() <= LONGEST_NAME {
        return Ok(value.clone());
    }
    Err(malformed("session id"))
}

fn malformed(what: &str) -> Malformed {
    Malformed(format!("its {what} is not what the protocol allows"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Bytes;

    #[test]
    fn only_what_is_safe_in_a_header_is_sent_back() {
        let answer = |version: &str| {
            let json = format!(r#"{{"jsonrpc":"2.0","id":0,"result":{{"protocolVersion":"{version}"}}}}"#);
            Message::read(Bytes::from(json)).unwrap()
        };
        let open = |version: &str, name: &[u8]| {
            let mut session = Session::default();
            let name = HeaderValue::from_bytes(name).unwrap();
            session.open(&answer(version), Some(&name)).map(|()| session.headers.len())
        };
        assert_eq!(open("2025-11-25", b"s-1").unwrap(), 2);
        assert_eq!(open("2025-03-26", b"s-1").unwrap(), 1);
        for name in [&b"a b"[..], b"", b"\xff", b"a\tb", &[b'x'; 1025]] {
            assert!(open("2025-11-25", name).is_err());
        }
        assert!(open("2025 11", b"s").is_err());
    }
}
