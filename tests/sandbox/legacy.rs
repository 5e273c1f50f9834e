//! The server of revision 2024-11-05: one stream, and an address to send messages to.

use serde_json::{Value, json};

use mcpauth::sandbox::Speaks;

use super::events::Stream;
use super::mcp::request;
use super::world::{World, initialize};

/// A client that has connected.
struct Connected<'a> {
    world: &'a World,
    token: String,
    stream: Stream,
    endpoint: String,
}

fn connecting(world: &World, token: &str, path: &str) -> reqwest::RequestBuilder {
    let request = world.request("GET", path).header("accept", "text/event-stream");
    request.header("authorization", format!("Bearer {token}"))
}

impl<'a> Connected<'a> {
    async fn open(world: &'a World, path: &str) -> Self {
        let token = world.login().await.member("access_token");
        let mut stream = Stream::open(connecting(world, &token, path)).await;
        let first = stream.next().await.unwrap();
        assert_eq!(first.kind, "endpoint");
        Self { world, token, stream, endpoint: first.data }
    }

    async fn post(&self, message: &Value) -> u16 {
        let request = self.world.request("POST", &self.endpoint).header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {}", self.token));
        self.world.send(request.body(message.to_string())).await.status
    }
}

#[tokio::test]
async fn everything_is_answered_on_the_one_stream() {
    let world = World::new();
    let mut client = Connected::open(&world, "/sse").await;
    assert_eq!(client.post(&initialize("2024-11-05")).await, 202);
    assert_eq!(client.stream.message().await["result"]["protocolVersion"], "2024-11-05");
    let call = request("tools/call", &json!({ "name": "stream", "arguments": { "events": 1 } }));
    assert_eq!(client.post(&call).await, 202);
    assert_eq!(client.stream.message().await["method"], "notifications/message");
    assert_eq!(client.stream.message().await["id"], 7);
    world.sandbox.ask("ping", &json!({}));
    assert_eq!(client.stream.message().await["method"], "ping");
    assert_eq!(client.post(&json!({ "jsonrpc": "2.0", "id": 1, "result": {} })).await, 202);
    assert_eq!(world.sandbox.books().answers.len(), 1);
    let admin = request("tools/call", &json!({ "name": "admin" }));
    assert_eq!(client.post(&admin).await, 403);
    let Connected { endpoint, token, stream, .. } = client;
    drop(stream);
    assert!(world.until(|books| books.sessions_closed == 1).await);
    let late = world.request("POST", &endpoint).header("authorization", format!("Bearer {token}"));
    assert_eq!(world.send(late.body("{}")).await.status, 404);
}

#[tokio::test]
async fn the_token_is_wanted_at_both_addresses() {
    let world = World::new();
    let refused = world.send(world.request("GET", "/sse")).await;
    assert_eq!(refused.status, 401);
    let metadata = world.url("/.well-known/oauth-protected-resource/sse");
    assert!(refused.header("www-authenticate").contains(&metadata));
    let document = world.get("/.well-known/oauth-protected-resource/sse").await;
    assert_eq!(document.member("resource"), world.sandbox.sse_url());
    let client = Connected::open(&world, "/sse").await;
    assert_eq!(world.send(world.request("POST", &client.endpoint).body("{}")).await.status, 401);
    let other = world.login().await.member("access_token");
    let stranger = world.request("POST", &client.endpoint).header("authorization", format!("Bearer {other}"));
    assert_eq!(world.send(stranger.body("{}")).await.status, 404);
}

#[tokio::test]
async fn a_hostile_server_names_an_address_elsewhere() {
    let world =
        World::with(|options| options.endpoint_event = Some("//evil.example:{port}/{session}".into()));
    let client = Connected::open(&world, "/sse").await;
    let port = world.sandbox.origin().rsplit(':').next().unwrap().to_owned();
    assert!(client.endpoint.starts_with(&format!("//evil.example:{port}/")), "{}", client.endpoint);
}

#[tokio::test]
async fn a_server_of_this_revision_alone_can_stand_at_the_usual_place() {
    let world = World::with(|options| options.speaks = Speaks::OnlyLegacy(405));
    let mut client = Connected::open(&world, "/mcp").await;
    let refused = world.send(world.mcp(Some(&client.token), &initialize("2025-11-25"))).await;
    assert_eq!(refused.status, 405);
    assert_eq!(client.post(&initialize("2024-11-05")).await, 202);
    assert_eq!(client.stream.message().await["id"], 1);
}
