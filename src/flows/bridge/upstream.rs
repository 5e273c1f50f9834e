//! The server's side of the bridge, in the transport that its address names.

use std::rc::Rc;

use super::standing::Ends;
use super::streamable::Streamable;
use super::translation::Translation;
use super::websocket::WebSocket;
use crate::mcp::message::Message;

/// Who takes what the host says.
pub(super) enum Upstream {
    /// A server that takes POSTs, or turns out to be an older one with a stream beside them.
    Http(Rc<Streamable>),
    /// A server behind a WebSocket.
    WebSocket(WebSocket),
    /// A server of another era than the host's.
    Translated(Rc<Translation>),
}

impl Upstream {
    /// The transport for a server; nothing is opened yet.
    pub(super) fn new(ends: Ends, translate: bool) -> Self {
        if translate {
            return Self::Translated(Translation::new(ends.way, ends.host, ends.filter));
        }
        if ends.way.relay().server().is_websocket() {
            return Self::WebSocket(WebSocket::new(ends));
        }
        Self::Http(Streamable::new(ends.way, ends.host, ends.filter, true))
    }

    /// Takes a message of the host, and comes back as soon as there is room for the next one.
    pub(super) async fn take(&self, message: Message) {
        match self {
            Self::Http(server) => server.take(message).await,
            Self::WebSocket(server) => server.take(message).await,
            Self::Translated(server) => server.take(message).await,
        }
    }

    /// Passes on what the server says, where that does not go by itself; ends when nothing more can come.
    pub(super) async fn run(&self) {
        match self {
            Self::Http(_) | Self::WebSocket(_) => std::future::pending().await,
            Self::Translated(server) => server.run().await,
        }
    }

    /// Takes leave.
    pub(super) async fn close(&self) {
        match self {
            Self::Http(server) => server.close().await,
            Self::WebSocket(server) => server.close().await,
            Self::Translated(server) => server.close().await,
        }
    }
}
