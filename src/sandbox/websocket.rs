//! The MCP server on a WebSocket (RFC 6455): no revision has it, but servers do. One message per text frame, the subprotocol
//! `mcp`, and the token at the handshake.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};

use super::books::Visitor;
use super::conversation::{self, Connection};
use super::ledger::{Site, random_text};
use super::messages::error;
use super::options::WebSocketEnd;
use super::wire::{Answer, Request};

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// The handshake; what follows goes on by itself.
pub(super) fn accept(site: &Arc<Site>, request: &Request, visitor: &Visitor) -> Answer {
    let refuse = |why: &str| {
        site.ledger().refused(why);
        Answer::json(400, &json!({ "error": why }))
    };
    let is = |name: &str, word: &str| {
        request
            .header(name)
            .is_some_and(|value| value.split(',').any(|own| own.trim().eq_ignore_ascii_case(word)))
    };
    let (Some(key), Some(upgrade)) = (request.header("sec-websocket-key"), request.upgrade.clone()) else {
        return refuse("this is no WebSocket handshake");
    };
    if !is("upgrade", "websocket") || !is("connection", "upgrade") || !is("sec-websocket-version", "13") {
        return refuse("this is no WebSocket handshake of version 13");
    }
    if !is("sec-websocket-protocol", "mcp") {
        return refuse("the subprotocol mcp is not offered");
    }
    let (site, visitor) = (Arc::clone(site), visitor.clone());
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            converse(&site, upgraded, &visitor).await;
        }
    });
    Answer::empty(101)
        .with("upgrade", "websocket")
        .with("connection", "Upgrade")
        .with("sec-websocket-protocol", "mcp")
        .with("sec-websocket-accept", derive_accept_key(key.as_bytes()))
}

async fn converse(site: &Arc<Site>, upgraded: Upgraded, visitor: &Visitor) {
    let limit = Some(site.ledger().options.body_limit);
    let config = WebSocketConfig::default().max_message_size(limit).max_frame_size(limit);
    let mut socket =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let connection = Connection::open(site, random_text(""), visitor);
    let mut place = connection.own.follow(None);
    let mut end = site.ledger().options.websocket_end;
    loop {
        if let Some(WebSocketEnd { after: 0, code }) = end {
            return close(socket, code).await;
        }
        let deaf = site.ledger().options.websocket_deaf;
        tokio::select! {
            message = connection.own.next(&mut place) => {
                let Some((_, message)) = message else { return close(socket, Some(1000)).await };
                let text = String::from_utf8_lossy(&message).into_owned();
                if !is_sent(&mut socket, text).await {
                    return;
                }
                if let Some(end) = &mut end {
                    end.after -= 1;
                }
            }
            received = socket.next(), if !deaf => match received {
                Some(Ok(received)) => take(site, &connection, received, visitor),
                Some(Err(_)) | None => return,
            },
        }
    }
}

/// Sends what the server says; the word for a ping is no message of anybody.
async fn is_sent(socket: &mut Socket, text: String) -> bool {
    let message = if text == PING { Message::Ping("sandbox".into()) } else { Message::text(text) };
    socket.send(message).await.is_ok()
}

/// Stands on a feed for a ping.
pub(super) const PING: &str = "ping";

fn take(site: &Arc<Site>, connection: &Connection, received: Message, visitor: &Visitor) {
    match received {
        Message::Text(text) => match serde_json::from_str::<Value>(&text) {
            Ok(message) => conversation::take(site, &connection.name, message, visitor),
            Err(_) => connection.own.push(error(&Value::Null, -32700, "this is not JSON").to_string()),
        },
        Message::Pong(_) => site.ledger().books.pongs += 1,
        Message::Close(frame) => {
            let code = frame.map_or(1005, |frame| u16::from(frame.code));
            site.ledger().books.websocket_closes.push(code);
        }
        Message::Binary(_) => site.ledger().refused("a binary frame"),
        Message::Ping(_) | Message::Frame(_) => {}
    }
}

/// Closes with a code, and waits for the client to agree; or drops the connection.
async fn close(mut socket: Socket, code: Option<u16>) {
    let Some(code) = code else { return };
    let frame = CloseFrame { code: CloseCode::from(code), reason: "the sandbox was told to".into() };
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        while let Some(Ok(_)) = socket.next().await {}
    }
}
