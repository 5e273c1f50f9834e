//! The server on a WebSocket, and the ways in which one ends.

use futures_util::{SinkExt, StreamExt};
use mcpauth::sandbox::WebSocketEnd;
use reqwest::Upgraded;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};

use super::mcp::request;
use super::world::{World, initialize};

type Socket = WebSocketStream<Upgraded>;

fn handshake(world: &World, token: Option<&str>, subprotocol: &str) -> reqwest::RequestBuilder {
    let request = world
        .request("GET", "/ws")
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", subprotocol);
    match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    }
}

async fn open(world: &World) -> Socket {
    let token = world.login().await.member("access_token");
    let response = handshake(world, Some(&token), "mcp").send().await.unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["sec-websocket-protocol"], "mcp");
    // The example of RFC 6455 section 1.3.
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let upgraded = response.upgrade().await.unwrap();
    WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await
}

async fn say(socket: &mut Socket, message: &Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

async fn hear(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn messages_go_both_ways_on_one_connection() {
    let world = World::new();
    let mut socket = open(&world).await;
    say(&mut socket, &initialize("2025-11-25")).await;
    assert_eq!(hear(&mut socket).await["result"]["protocolVersion"], "2025-11-25");
    say(&mut socket, &request("tools/call", &json!({ "name": "echo", "arguments": { "text": "hi" } }))).await;
    assert_eq!(hear(&mut socket).await["result"]["content"][0]["text"], "hi");
    say(&mut socket, &request("tools/call", &json!({ "name": "admin" }))).await;
    assert_eq!(hear(&mut socket).await["error"]["message"], "insufficient scope");
    world.sandbox.announce("notifications/tools/list_changed", &json!({}));
    assert_eq!(hear(&mut socket).await["method"], "notifications/tools/list_changed");
    world.sandbox.ping_websockets();
    assert!(matches!(socket.next().await, Some(Ok(Message::Ping(_)))));
    socket.flush().await.unwrap();
    assert!(world.until(|books| books.pongs == 1).await);
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    assert!(world.until(|books| books.sessions_closed == 1).await);
    assert_eq!(world.sandbox.books().websocket_closes, [1005]);
}

#[tokio::test]
async fn the_handshake_wants_a_token_and_the_subprotocol() {
    let world = World::new();
    let refused = world.send(handshake(&world, None, "mcp")).await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").contains("/.well-known/oauth-protected-resource/ws"));
    let token = world.login().await.member("access_token");
    assert_eq!(world.send(handshake(&world, Some(&token), "graphql-ws")).await.status, 400);
    let plain = world.request("GET", "/ws").header("authorization", format!("Bearer {token}"));
    assert_eq!(world.send(plain).await.status, 400);
}

#[tokio::test]
async fn a_connection_ends_as_it_was_told_to() {
    let world = World::new();
    for code in [Some(1000), Some(1001), Some(1011), None] {
        world.sandbox.change(|options| options.websocket_end = Some(WebSocketEnd { after: 1, code }));
        let mut socket = open(&world).await;
        say(&mut socket, &initialize("2025-11-25")).await;
        assert_eq!(hear(&mut socket).await["id"], 1);
        let last = socket.next().await;
        let closed = match &last {
            Some(Ok(Message::Close(Some(frame)))) => Some(u16::from(frame.code)),
            Some(Err(_)) | None => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(closed, code, "{last:?}");
    }
}

#[tokio::test]
async fn a_deaf_server_speaks_and_hears_nothing() {
    let world = World::with(|options| options.websocket_deaf = true);
    let mut socket = open(&world).await;
    assert!(world.until(|books| books.sessions_opened == 1).await);
    say(&mut socket, &request("ping", &json!({}))).await;
    for _ in 0..100 {
        world.sandbox.announce("notifications/tools/list_changed", &json!({}));
        assert_eq!(hear(&mut socket).await["method"], "notifications/tools/list_changed");
    }
    assert_eq!(world.sandbox.books().mcp_calls, 0);
}
