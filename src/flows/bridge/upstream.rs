//! The server's side of the bridge, in the transport that its address names.

use std::rc::Rc;

use super::standing::Ends;
use super::streamable::Streamable;
use super::websocket::WebSocket;
use crate::mcp::message::Message;

/// Who takes what the host says.
pub(super) enum Upstream {
    /// A server that takes POSTs, or turns out to be an older one with a stream beside them.
    Http(Rc<Streamable>),
    /// A server behind a WebSocket.
    WebSocket(WebSocket),
}

impl Upstream {
    /// The transport for a server; nothing is opened yet.
    pub(super) fn new(ends: Ends) -> Self {
        if ends.way.relay().server().is_websocket() {
            return Self::WebSocket(WebSocket::new(ends));
        }
        Self::Http(Streamable::new(ends.way, ends.host, ends.filter))
    }

    /// Takes a message of the host, and comes back as soon as there is room for the next one.
    pub(super) async fn take(&self, message: Message) {
        match self {
            Self::Http(server) => server.take(message).await,
            Self::WebSocket(server) => server.take(message).await,
        }
    }

    /// Takes leave.
    pub(super) async fn close(&self) {
        match self {
            Self::Http(server) => server.close().await,
            Self::WebSocket(server) => server.close().await,
        }
    }
}
