//! A server that speaks over a WebSocket: the handshake is a request like others, and so bears the token.

use std::sync::Arc;
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

use super::host::Host;
use super::standing::{End, Received, Standing, Wire};
use super::way::Way;
use crate::error::Error;
use crate::flows::relay::{Outgoing, Payload};
use crate::http::{Bytes, HttpError, Method, Upgraded};
use crate::mcp::message::Message;
use crate::mcp::sse::one_line;
use crate::mcp::websocket::{Ending, Handshake, limits};
use crate::peer_text::PeerText;

/// How long the handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// How often the server is asked whether it is still there.
const PING: Duration = Duration::from_secs(30);

/// A server behind a WebSocket.
pub struct WebSocket(Standing<Socket>);

impl WebSocket {
    /// The way to a server whose handshake is at `url`; [`Self::run`] opens it.
    pub fn new(way: Arc<Way>, url: Url, host: Arc<Host>) -> Self {
        let server = way.relay().key().server.to_string();
        Self(Standing::new(Socket { way, url, server: server.clone() }, host, server))
    }

    /// Keeps the connection, for as long as that makes sense.
    pub async fn run(&self) {
        self.0.run().await;
    }

    /// Sends a message of the host.
    pub async fn send(&self, message: &Message) -> Result<(), Error> {
        self.0.send(message).await
    }

    /// Takes leave.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

/// How its connections are made.
struct Socket {
    way: Arc<Way>,
    url: Url,
    server: String,
}

type Sink = Arc<Mutex<SplitSink<WebSocketStream<Upgraded>, Frame>>>;

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
        let answer = self.way.send(&outgoing).await?;
        if answer.status != 101 {
            let (status, retry_after) = (answer.status, answer.retry_after());
            return Err(Error::Unserved { server: self.server.clone(), status, retry_after, said: None });
        }
        handshake.is_answered_by(&answer.headers).map_err(|why| self.nonsense(why))?;
        let upgraded = answer.upgrade().await.map_err(|error| self.trouble(error))?;
        let socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(limits())).await;
        let (sink, frames) = socket.split();
        let sink = Arc::new(Mutex::new(sink));
        let mut pings = tokio::time::interval_at(Instant::now() + PING, PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok((Source { frames, sink: Arc::clone(&sink), pings, is_alive: true }, sink))
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
        let text = Utf8Bytes::try_from(message.bytes().clone()).map_err(|error| self.nonsense(error))?;
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
            Some(Ok(Frame::Text(text))) => Ok(Some(self.read(text.into()))),
            Some(Ok(Frame::Binary(bytes))) => Ok(Some(self.read(bytes))),
            Some(Ok(Frame::Close(farewell))) => Err(self.closed(farewell)),
            Some(Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_))) => Ok(None),
            Some(Err(Trouble::Protocol(error))) => Err(End::Broken(self.nonsense(error))),
            Some(Err(error)) => Err(End::Broken(self.broken(&error))),
            None => Err(End::Broken(self.cut_off())),
        }
    }

    async fn ping(&self, source: &mut Source) -> Result<(), End> {
        if !std::mem::take(&mut source.is_alive) {
            return Err(End::Broken(self.cut_off()));
        }
        let sent = source.sink.lock().await.send(Frame::Ping(Bytes::new())).await;
        sent.map_err(|error| End::Broken(self.broken(&error)))
    }

    fn closed(&self, farewell: Option<CloseFrame>) -> End {
        let Some(farewell) = farewell else { return End::Broken(self.cut_off()) };
        match Ending::from(farewell.code) {
            Ending::Broken => End::Broken(self.cut_off()),
            Ending::Done => End::Done(self.cut_off()),
            Ending::Refused => {
                let code = u16::from(farewell.code);
                let words = PeerText::from(farewell.reason.as_str());
                End::Refused(format!("it closed the connection with code {code}: {words}"))
            }
        }
    }

    fn read(&self, bytes: Bytes) -> Received {
        let line = one_line(bytes).map_err(|error| error.to_string());
        let message = line.and_then(|line| Message::read(line).map_err(|error| error.to_string()));
        message.map_or_else(|why| Received::Unreadable(self.nonsense(why)), Received::Message)
    }

    fn broken(&self, trouble: &Trouble) -> Error {
        let host = self.url.host_str().unwrap_or_default().to_owned();
        match trouble {
            Trouble::Capacity(error) => self.nonsense(error),
            Trouble::Io(error) => self.trouble(HttpError::Broken { host, why: error.to_string() }),
            _ => self.cut_off(),
        }
    }

    fn cut_off(&self) -> Error {
        Error::CutOff { server: self.server.clone() }
    }

    fn trouble(&self, error: HttpError) -> Error {
        self.way.relay().trouble(error.into())
    }

    fn nonsense(&self, why: impl ToString) -> Error {
        Error::NoMessage { server: self.server.clone(), why: why.to_string() }
    }
}
