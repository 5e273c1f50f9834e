//! The server's side of the bridge, in the transport that its address names.

use std::rc::Rc;
use std::sync::Arc;

use super::BridgeRequest;
use super::standing::Ends;
use super::streamable::Streamable;
use super::translation::Translation;
use super::way::Way;
use super::websocket::WebSocket;
use crate::error::Error;
use crate::flows::host::Host;
use crate::mcp::message::Message;

/// Who takes what the host says.
pub(super) enum Upstream {
    /// A server that takes POSTs, or turns out to be an older one with a stream beside them.
    Http(Rc<Streamable>),
    /// A server behind a WebSocket.
    WebSocket(WebSocket),
    /// A server of another era than the host's.
    Translated(Rc<Translation>),
    /// Nobody, and why.
    Nobody(Arc<Host>, Error),
}

impl Upstream {
    /// The transport for a server, if it is known which; nothing is opened yet.
    pub(super) fn new(way: Result<Arc<Way>, Error>, host: &Arc<Host>, request: &BridgeRequest) -> Self {
        let host = Arc::clone(host);
        let way = match way {
            Ok(way) => way,
            Err(error) => return Self::Nobody(host, error),
        };
        let ends = Ends { way, host, filter: request.filter.clone() };
        if request.translate {
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
            Self::Nobody(host, error) => host.fail_message(&message, error).await,
        }
    }

    /// Passes on what the server says, where that does not go by itself; ends when nothing more can come.
    pub(super) async fn run(&self) {
        match self {
            Self::Http(_) | Self::WebSocket(_) | Self::Nobody(..) => std::future::pending().await,
            Self::Translated(server) => server.run().await,
        }
    }

    /// Takes leave.
    pub(super) async fn close(&self) {
        match self {
            Self::Http(server) => server.close().await,
            Self::WebSocket(server) => server.close().await,
            Self::Translated(server) => server.close().await,
            Self::Nobody(..) => {}
        }
    }

    /// What came of it in the end.
    pub(super) fn outcome(self) -> Result<(), Error> {
        match self {
            Self::Nobody(_, error) => Err(error),
            Self::Http(_) | Self::WebSocket(_) | Self::Translated(_) => Ok(()),
        }
    }
}
