//! The opening of a WebSocket (RFC 6455), as far as it is HTTP, and what its end means. MCP has no standard for this
//! transport: messages are text frames, and the subprotocol is called `mcp`, as the SDKs have it.

use reqwest::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::sse::EVENT_LIMIT;

/// The subprotocol.
const MCP: HeaderValue = HeaderValue::from_static("mcp");
/// Extensions change what frames mean; none is asked for.
const EXTENSIONS: HeaderName = HeaderName::from_static("sec-websocket-extensions");

/// What is said to open a connection.
pub struct Handshake {
    key: String,
}

impl Default for Handshake {
    fn default() -> Self {
        Self { key: generate_key() }
    }
}

impl Handshake {
    /// The headers of the request (section 4.1).
    pub fn headers(&self) -> HeaderMap {
        let key = HeaderValue::from_str(&self.key).unwrap_or(HeaderValue::from_static(""));
        HeaderMap::from_iter([
            (CONNECTION, HeaderValue::from_static("Upgrade")),
            (UPGRADE, HeaderValue::from_static("websocket")),
            (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
            (SEC_WEBSOCKET_PROTOCOL, MCP),
            (SEC_WEBSOCKET_KEY, key),
        ])
    }

    /// Whether an answer with status 101 is one to this request (section 4.1); what is wrong with it, if it is not.
    pub fn is_answered_by(&self, headers: &HeaderMap) -> Result<(), &'static str> {
        let says = |name: &HeaderName, word: &str| {
            let mut words = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            words.any(|words| words.split(',').any(|own| own.trim().eq_ignore_ascii_case(word)))
        };
        let accepted = headers.get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
        if !says(&UPGRADE, "websocket") || !says(&CONNECTION, "upgrade") {
            return Err("it switches to something that is no WebSocket");
        }
        if accepted != Some(derive_accept_key(self.key.as_bytes()).as_bytes()) {
            return Err("its handshake answers another one");
        }
        if headers.get(SEC_WEBSOCKET_PROTOCOL).is_some_and(|chosen| chosen != MCP) {
            return Err("it chooses a subprotocol that was not offered");
        }
        if headers.contains_key(EXTENSIONS) {
            return Err("it uses an extension that was not offered");
        }
        Ok(())
    }
}

/// How much is read ahead, and how large a message may be.
pub fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(64 * 1024)
        .max_message_size(Some(EVENT_LIMIT))
        .max_frame_size(Some(EVENT_LIMIT))
}

/// What the end of a connection means (section 7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Trouble that may pass.
    Broken,
    /// The server has had enough for now.
    Done,
    /// The server does not understand us, and will not the next time either.
    Refused,
}

impl From<CloseCode> for Ending {
    fn from(code: CloseCode) -> Self {
        match code {
            CloseCode::Normal => Self::Done,
            CloseCode::Protocol | CloseCode::Unsupported => Self::Refused,
            _ => Self::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server says that does as it should, with these changes.
    fn judged(changes: &[(HeaderName, &str)]) -> Result<(), &'static str> {
        // The example of section 1.3.
        let handshake = Handshake { key: "dGhlIHNhbXBsZSBub25jZQ==".into() };
        let mut headers = HeaderMap::new();
        let good = [
            (UPGRADE, "WebSocket"),
            (CONNECTION, "keep-alive, Upgrade"),
            (SEC_WEBSOCKET_ACCEPT, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ];
        for (name, value) in good.iter().chain(changes) {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        handshake.is_answered_by(&headers)
    }

    #[test]
    fn only_an_answer_to_this_very_handshake_opens_a_connection() {
        assert_eq!(judged(&[]), Ok(()));
        assert_eq!(judged(&[(SEC_WEBSOCKET_PROTOCOL, "mcp")]), Ok(()));
        for change in [
            (SEC_WEBSOCKET_ACCEPT, "s3pPLMBiTxaQ9kYGzzhZRbK+xOO="),
            (SEC_WEBSOCKET_ACCEPT, ""),
            (UPGRADE, "h2c"),
            (CONNECTION, "close"),
            (SEC_WEBSOCKET_PROTOCOL, "chat"),
            (EXTENSIONS, "permessage-deflate"),
        ] {
            assert!(judged(std::slice::from_ref(&change)).is_err(), "{change:?}");
        }
        assert_ne!(Handshake::default().key, Handshake::default().key);
    }

    #[test]
    fn what_a_close_means_for_the_next_connection() {
        assert_eq!(Ending::from(CloseCode::from(1000)), Ending::Done);
        assert_eq!([1002, 1003].map(|code| Ending::from(CloseCode::from(code))), [Ending::Refused; 2]);
        for code in [1001, 1006, 1011, 1012, 1013, 4000] {
            assert_eq!(Ending::from(CloseCode::from(code)), Ending::Broken, "{code}");
        }
    }
}
