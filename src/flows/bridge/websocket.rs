//! A server that speaks over a WebSocket: the handshake is a request like others, and so bears the token.

use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::Mutex;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Message as Frame, Role};
use tokio_tungstenite::tungstenite::{Error as Trouble, Utf8Bytes};
use url::Url;

use super::standing::{End, Ends, Received, Standing, Wire};
use crate::error::Error;
use crate::flows::relay::{Outgoing, Payload};
use crate::http::{Bytes, HttpError, Method, Upgraded};
use crate::mcp::message::Message;
use crate::mcp::websocket::{Ending, Handshake, limits};
use crate::peer_text::PeerText;

/// How long the handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// How often the server is asked whether it is still there.
const PING: Duration = Duration::from_secs(30);

/// A server behind a WebSocket.
pub(super) struct WebSocket(Rc<Standing<Socket>>);

impl WebSocket {
    /// The way to a server; nothing is opened yet.
    pub(super) fn new(ends: Ends) -> Self {
        let wire = Socket { url: ends.way.relay().server().to_url(), ends: ends.clone() };
        Self(Standing::new(wire, ends, None))
    }

    /// Takes a message of the host.
    pub(super) async fn take(&self, message: Message) {
        self.0.take(message).await;
    }

    /// Takes leave.
    pub(super) async fn close(&self) {
        self.0.close().await;
    }
}

/// How its connections are made.
struct Socket {
    ends: Ends,
    url: Url,
}

type Sink = Rc<Mutex<SplitSink<WebSocketStream<Upgraded>, Frame>>>;

/// An open connection.
struct Source {
    frames: SplitStream<WebSocketStream<Upgraded>>,
    sink: Sink,
    pings: Interval,
    /// Whether anything has come since the last ping.
    is_alive: bool,
}

impl Wire for Socket {
    type Source = Source;
    type Sink = Sink;

    async fn connect(&self) -> Result<(Source, Sink), Error> {
        let handshake = Handshake::default();
        let outgoing = Outgoing {
            method: Method::GET,
            url: self.url.clone(),
            headers: handshake.headers(),
            payload: Payload::Empty,
            patience: Some(HANDSHAKE),
        };
        let answer = self.ends.way.send(&outgoing).await?;
        if answer.status != 101 {
            let (status, retry_after) = (answer.status, answer.retry_after());
            return Err(Error::Unserved { server: self.ends.server(), status, retry_after, said: None });
        }
        handshake.is_answered_by(&answer.headers).map_err(|why| self.ends.nonsense(&why))?;
        let upgraded = answer.upgrade().await.map_err(|error| self.ends.trouble(error))?;
        let socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(limits())).await;
        let (sink, frames) = socket.split();
        let sink = Rc::new(Mutex::new(sink));
        let mut pings = tokio::time::interval_at(Instant::now() + PING, PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok((Source { frames, sink: Rc::clone(&sink), pings, is_alive: true }, sink))
    }

    async fn receive(&self, source: &mut Source) -> Result<Received, End> {
        loop {
            tokio::select! {
                // A host that has not read for a while has kept frames waiting: those come first.
                biased;
                frame = source.frames.next() => {
                    source.is_alive = true;
                    if let Some(received) = self.take(frame)? {
                        return Ok(received);
                    }
                }
                _ = source.pings.tick() => self.ping(source).await?,
            }
        }
    }

    async fn transmit(&self, sink: &Sink, message: &Message) -> Result<(), Error> {
        let text =
            Utf8Bytes::try_from(message.bytes().clone()).map_err(|error| self.ends.nonsense(&error))?;
        sink.lock().await.send(Frame::Text(text)).await.map_err(|error| self.broken(&error))
    }

    async fn hang_up(&self, sink: &Sink) {
        let farewell = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
        // Whoever does not listen need not be told.
        let _ = sink.lock().await.send(Frame::Close(Some(farewell))).await;
    }
}

impl Socket {
    /// What a frame brings; `None` where that concerns nobody but the connection.
    fn take(&self, frame: Option<Result<Frame, Trouble>>) -> Result<Option<Received>, End> {
        match frame {
            Some(Ok(Frame::Text(text))) => Ok(Some(self.ends.read(text.into()))),
            Some(Ok(Frame::Binary(bytes))) => Ok(Some(self.ends.read(bytes))),
            Some(Ok(Frame::Close(farewell))) => Err(self.closed(farewell)),
            Some(Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_))) => Ok(None),
            Some(Err(Trouble::Protocol(error))) => Err(End::Broken(self.ends.nonsense(&error))),
            Some(Err(error)) => Err(End::Broken(self.broken(&error))),
            None => Err(End::Broken(self.ends.cut_off())),
        }
    }

    async fn ping(&self, source: &mut Source) -> Result<(), End> {
        if !std::mem::take(&mut source.is_alive) {
            return Err(End::Broken(self.ends.cut_off()));
        }
        // Who is writing shows it anyway; waiting for that would keep us from reading, for which the server may wait.
        let Ok(mut sink) = source.sink.try_lock() else {
            source.is_alive = true;
            return Ok(());
        };
        let sent = sink.send(Frame::Ping(Bytes::new())).await;
        sent.map_err(|error| End::Broken(self.broken(&error)))
    }

    fn closed(&self, farewell: Option<CloseFrame>) -> End {
        let Some(farewell) = farewell else { return End::Broken(self.ends.cut_off()) };
        match Ending::from(farewell.code) {
            Ending::Broken => End::Broken(self.ends.cut_off()),
            Ending::Done => End::Done(self.ends.cut_off()),
            Ending::Refused => {
                let code = u16::from(farewell.code);
                let words = PeerText::from(farewell.reason.as_str());
                End::Refused(format!("it closed the connection with code {code}: {words}"))
            }
        }
    }

    fn broken(&self, trouble: &Trouble) -> Error {
        let host = self.url.host_str().unwrap_or_default().to_owned();
        match trouble {
            Trouble::Capacity(error) => self.ends.nonsense(&error),
            Trouble::Io(error) => self.ends.trouble(HttpError::Broken { host, why: error.to_string() }),
            _ => self.ends.cut_off(),
        }
    }
}
