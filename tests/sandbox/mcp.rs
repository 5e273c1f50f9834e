//! The protected server, in both eras of its transport.

use mcpauth::sandbox::Speaks;
use serde_json::{Value, json};

use super::events::Stream;
use super::world::{Reply, World, initialize};

const REVISION: &str = "2026-07-28";

pub(crate) fn request(method: &str, parameters: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": parameters })
}

/// A client of the revisions with sessions.
pub(crate) struct Session<'a> {
    pub(crate) world: &'a World,
    pub(crate) token: String,
    pub(crate) id: String,
    pub(crate) version: &'static str,
}

impl<'a> Session<'a> {
    pub(crate) async fn open(world: &'a World, scope: &str, version: &'static str) -> Self {
        let token = world.login_for(scope).await.member("access_token");
        let reply = world.send(world.mcp(Some(&token), &initialize(version))).await;
        assert_eq!(reply.json()["result"]["protocolVersion"], version);
        Self { world, token, id: reply.header("mcp-session-id").into(), version }
    }

    pub(crate) fn request(&self, message: &Value) -> reqwest::RequestBuilder {
        let request = self.world.mcp(Some(&self.token), message).header("mcp-session-id", &self.id);
        request.header("mcp-protocol-version", self.version)
    }

    pub(crate) async fn send(&self, message: &Value) -> Reply {
        self.world.send(self.request(message)).await
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Reply {
        self.send(&request("tools/call", &json!({ "name": tool, "arguments": arguments }))).await
    }
}

#[tokio::test]
async fn a_session_goes_from_initialize_to_delete() {
    let world = World::new();
    let session = Session::open(&world, "mcp:basic", "2025-11-25").await;
    let greeted = session.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
    assert_eq!((greeted.status, greeted.text.as_str()), (202, ""));
    assert_eq!(session.send(&request("ping", &json!({}))).await.json()["result"], json!({}));
    let tools = session.send(&request("tools/list", &json!({}))).await.json();
    let names: Vec<&str> = tools["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    assert_eq!(names[..4], ["echo", "whoami", "admin", "scoped"]);

    let said = session.call("echo", json!({ "text": "hello" })).await.json();
    assert_eq!(said["result"]["content"][0]["text"], "hello");
    let told = session.call("whoami", json!({})).await.json();
    let known = json!({ "sub": "sandy", "client_id": "client", "scopes": ["mcp:basic"] });
    assert_eq!(told["result"]["structuredContent"], known);
    assert_eq!(session.send(&request("no/such", &json!({}))).await.json()["error"]["code"], -32601);
    assert_eq!(world.sandbox.books().tool_calls, 2);

    let delete = |session: &Session<'_>| {
        let request =
            world.request("DELETE", "/mcp").header("authorization", format!("Bearer {}", session.token));
        request.header("mcp-session-id", &session.id).header("mcp-protocol-version", session.version)
    };
    assert_eq!(world.send(delete(&session)).await.status, 204);
    assert_eq!(session.send(&request("ping", &json!({}))).await.status, 404);
}

#[tokio::test]
async fn a_session_needs_its_id_its_revision_and_its_owner() {
    let world = World::new();
    let mut session = Session::open(&world, "mcp:basic", "2025-06-18").await;
    let ping = request("ping", &json!({}));
    let bare = world.mcp(Some(&session.token), &ping);
    assert_eq!(world.send(bare).await.status, 400);
    let unversioned = world.mcp(Some(&session.token), &ping).header("mcp-session-id", &session.id);
    assert_eq!(world.send(unversioned).await.status, 400);
    session.version = "2025-11-25";
    assert_eq!(session.send(&ping).await.status, 400);
    session.version = "2025-06-18";
    assert_eq!(session.send(&ping).await.status, 200);
    session.token = world.login().await.member("access_token");
    assert_eq!(session.send(&ping).await.status, 404);

    let old = Session::open(&world, "mcp:basic", "2025-03-26").await;
    let unversioned = world.mcp(Some(&old.token), &ping).header("mcp-session-id", &old.id);
    assert_eq!(world.send(unversioned).await.status, 200);
    world.sandbox.forget_sessions();
    assert_eq!(old.send(&ping).await.status, 404);
}

#[tokio::test]
async fn an_unknown_revision_is_answered_with_the_newest() {
    let world = World::new();
    let token = world.login().await.member("access_token");
    let reply = world.send(world.mcp(Some(&token), &initialize("1999-12-31"))).await;
    assert_eq!(reply.json()["result"]["protocolVersion"], "2025-11-25");
}

#[tokio::test]
async fn admin_needs_a_scope_and_names_it() {
    let world = World::new();
    let basic = Session::open(&world, "mcp:basic", "2025-11-25").await;
    let refused = basic.call("admin", json!({})).await;
    assert_eq!(refused.status, 403);
    let metadata = world.url("/.well-known/oauth-protected-resource/mcp");
    let challenge =
        format!("Bearer error=\"insufficient_scope\", scope=\"mcp:admin\", resource_metadata=\"{metadata}\"");
    assert_eq!(refused.header("www-authenticate"), challenge);
    let admin = Session::open(&world, "mcp:basic mcp:admin", "2025-11-25").await;
    assert_eq!(admin.call("admin", json!({})).await.status, 200);
}

#[tokio::test]
async fn the_token_is_judged_before_everything_else() {
    let world = World::new();
    let good = world.login().await.member("access_token");
    let other = world.authorization().with("resource", &world.url("/other"));
    let code = world.code(&other).await;
    let redemption = world.redemption(&code).with("resource", &world.url("/other"));
    let foreign = world.post("/token", &redemption).await.member("access_token");
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzYW5keSJ9.";
    for header in [
        String::new(),
        "Bearer".into(),
        "Bearer ".into(),
        format!("Basic {good}"),
        format!("Token {good}"),
        format!("Bearer {unsigned}"),
        format!("Bearer {good}x"),
        format!("Bearer {foreign}"),
        format!("Bearer {}", "x".repeat(8 * 1024)),
    ] {
        let reply = world.send(world.mcp(None, &json!([])).header("authorization", &header)).await;
        assert_eq!(reply.status, 401, "{header}");
        assert!(reply.header("www-authenticate").starts_with("Bearer "));
    }
    let in_query = world.request("POST", &format!("/mcp?access_token={good}"));
    assert_eq!(world.send(in_query).await.status, 401);
    let twice = world.mcp(Some(&good), &initialize("2025-11-25")).header("authorization", "Bearer x");
    assert_eq!(world.send(twice).await.status, 400);
    assert_eq!(world.knock(&good).await, 200);
    let lower = world.mcp(None, &initialize("2025-11-25")).header("authorization", format!("bearer {good}"));
    assert_eq!(world.send(lower).await.status, 200);
}

#[tokio::test]
async fn an_open_door_greets_strangers_and_no_more() {
    let world = World::with(|options| options.open_initialize = true);
    let greeted = world.send(world.mcp(None, &initialize("2025-11-25"))).await;
    assert_eq!(greeted.status, 200);
    let session = greeted.header("mcp-session-id");
    let list = world.mcp(None, &request("tools/list", &json!({}))).header("mcp-session-id", session);
    assert_eq!(world.send(list.header("mcp-protocol-version", "2025-11-25")).await.status, 401);
    assert_eq!(world.knock("guessed").await, 401);
}

#[tokio::test]
async fn a_page_elsewhere_reaches_nothing() {
    let world = World::new();
    let token = world.login().await.member("access_token");
    let foreign =
        world.mcp(Some(&token), &initialize("2025-11-25")).header("origin", "https://elsewhere.example");
    let reply = world.send(foreign).await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (403, ""));
    let local = world.mcp(Some(&token), &initialize("2025-11-25")).header("origin", "http://localhost:6274");
    let reply = world.send(local).await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, "http://localhost:6274"));
    for host in ["elsewhere.example", "127.0.0.1.elsewhere.example:1", "127.0.0.1"] {
        let rebound = world.request("GET", "/.well-known/oauth-authorization-server").header("host", host);
        assert_eq!(world.send(rebound).await.status, 403, "{host}");
    }
}

#[tokio::test]
async fn what_is_not_a_message_is_refused() {
    let world = World::new();
    let token = world.login().await.member("access_token");
    let post = |accept: &str, kind: &str, body: &str| {
        let request = world.request("POST", "/mcp").header("authorization", format!("Bearer {token}"));
        request.header("accept", accept).header("content-type", kind).body(body.to_owned())
    };
    let (both, json) = ("application/json, text/event-stream", "application/json");
    assert_eq!(world.send(post("application/json", json, "{}")).await.status, 406);
    assert_eq!(world.send(post(both, "text/plain", "{}")).await.status, 415);
    assert_eq!(world.send(post(both, json, "{")).await.json()["error"]["code"], -32700);
    assert_eq!(world.send(post(both, json, "[]")).await.json()["error"]["code"], -32600);
    assert_eq!(world.send(post(both, json, "{}")).await.json()["error"]["code"], -32600);
    let get = world.request("GET", "/mcp").header("authorization", format!("Bearer {token}"));
    assert_eq!(world.send(get).await.status, 405);
}

#[tokio::test]
async fn an_answer_can_come_as_an_event_stream() {
    let world = World::with(|options| options.event_streams = true);
    let token = world.login().await.member("access_token");
    let reply = world.send(world.mcp(Some(&token), &initialize("2025-11-25"))).await;
    assert_eq!(reply.header("content-type"), "text/event-stream");
    let data = reply.text.strip_prefix("event: message\ndata: ").and_then(|rest| rest.strip_suffix("\n\n"));
    assert_eq!(serde_json::from_str::<Value>(data.unwrap()).unwrap()["id"], 1);
}

/// A request of the stateless revision, with headers that fit it.
fn stateless(
    world: &World,
    token: &str,
    method: &str,
    parameters: &Value,
) -> (reqwest::RequestBuilder, Value) {
    let mut parameters = parameters.clone();
    parameters["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
    });
    let message = request(method, &parameters);
    let request = world.mcp(Some(token), &message).header("mcp-protocol-version", REVISION);
    (request.header("mcp-method", method), message)
}

#[tokio::test]
async fn the_stateless_revision_needs_no_session() {
    let world = World::new();
    let token = world.login().await.member("access_token");
    let found = world.send(stateless(&world, &token, "server/discover", &json!({})).0).await;
    assert_eq!(found.header("mcp-session-id"), "");
    let found = found.json();
    assert_eq!(found["result"]["supportedVersions"][0], REVISION);
    let tools = world.send(stateless(&world, &token, "tools/list", &json!({})).0).await.json();
    assert_eq!((&tools["result"]["resultType"], tools["id"].as_u64()), (&"complete".into(), Some(7)));
    let parameters = json!({ "name": "echo", "arguments": { "text": "hello" } });
    let call = stateless(&world, &token, "tools/call", &parameters).0;
    let said = world.send(call.header("mcp-name", "=?base64?ZWNobw==?=")).await.json();
    assert_eq!(said["result"]["content"][0]["text"], "hello");
    assert_eq!(said["result"]["resultType"], "complete");
    let admin = stateless(&world, &token, "tools/call", &json!({ "name": "admin" })).0;
    let refused = world.send(admin.header("mcp-name", "admin")).await;
    assert_eq!(refused.status, 403);
    assert!(refused.header("www-authenticate").contains("scope=\"mcp:admin\""));
}

#[tokio::test]
async fn the_stateless_revision_checks_the_header_against_the_body() {
    let world = World::new();
    let token = world.login().await.member("access_token");
    let tell = async |request: reqwest::RequestBuilder| {
        let reply = world.send(request).await;
        (reply.status, reply.json()["error"]["code"].as_i64().unwrap())
    };
    let echo = json!({ "name": "echo", "arguments": { "text": "x" } });
    let (unnamed, call) = stateless(&world, &token, "tools/call", &echo);
    assert_eq!(tell(unnamed).await, (400, -32020));
    assert_eq!(
        tell(stateless(&world, &token, "tools/call", &echo).0.header("mcp-name", "admin")).await,
        (400, -32020)
    );
    let headers = |version: &str, method: &str| {
        world.mcp(Some(&token), &call).header("mcp-protocol-version", version).header("mcp-method", method)
    };
    assert_eq!(tell(headers(REVISION, "tools/list").header("mcp-name", "echo")).await, (400, -32020));
    assert_eq!(tell(headers("2025-11-25", "tools/call").header("mcp-name", "echo")).await, (400, -32020));
    assert_eq!(tell(world.mcp(Some(&token), &call)).await, (400, -32020));
    assert_eq!(tell(stateless(&world, &token, "no/such", &json!({})).0).await, (404, -32601));
    let bare = world.mcp(Some(&token), &request("tools/list", &json!({}))).header("mcp-method", "tools/list");
    assert_eq!(tell(bare.header("mcp-protocol-version", REVISION)).await, (400, -32602));
    assert_eq!(world.sandbox.books().tool_calls, 0);
}

#[tokio::test]
async fn a_revision_of_the_future_is_told_which_ones_there_are() {
    let world = World::new();
    let token = world.login().await.member("access_token");
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2031-01-01",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let message = request("tools/list", &json!({ "_meta": meta }));
    let request = world.mcp(Some(&token), &message).header("mcp-protocol-version", "2031-01-01");
    let reply = world.send(request.header("mcp-method", "tools/list")).await;
    let error = reply.json()["error"].clone();
    assert_eq!((reply.status, error["code"].as_i64()), (400, Some(-32022)));
    assert_eq!(error["data"]["requested"], "2031-01-01");
    assert!(error["data"]["supported"].as_array().unwrap().contains(&REVISION.into()));
}

/// A call in the stateless revision, with the header that it needs.
fn stateless_call(
    world: &World,
    token: &str,
    parameters: &Value,
    capabilities: &Value,
) -> reqwest::RequestBuilder {
    let mut parameters = parameters.clone();
    parameters["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    });
    let message = request("tools/call", &parameters);
    let request = world.mcp(Some(token), &message).header("mcp-protocol-version", REVISION);
    request.header("mcp-method", "tools/call").header("mcp-name", parameters["name"].as_str().unwrap())
}

#[tokio::test]
async fn the_stateless_revision_asks_in_its_result() {
    let world = World::new();
    let token = world.login().await.member("access_token");
    let mut ask = json!({ "name": "ask", "arguments": { "what": "elicitation" } });
    let unable = world.send(stateless_call(&world, &token, &ask, &json!({}))).await;
    let error = unable.json()["error"].clone();
    assert_eq!((unable.status, error["code"].as_i64()), (400, Some(-32021)));
    assert_eq!(error["data"]["requiredCapabilities"], json!({ "elicitation": {} }));

    let able = json!({ "elicitation": {} });
    let asked = world.send(stateless_call(&world, &token, &ask, &able)).await.json()["result"].clone();
    assert_eq!(asked["resultType"], "input_required");
    assert_eq!(asked["inputRequests"]["answer"]["method"], "elicitation/create");
    let answer = json!({ "action": "accept", "content": { "name": "octocat" } });
    ask["inputResponses"] = json!({ "answer": answer });
    ask["requestState"] = "of another".into();
    assert_eq!(world.send(stateless_call(&world, &token, &ask, &able)).await.status, 400);
    ask["requestState"] = asked["requestState"].clone();
    let told = world.send(stateless_call(&world, &token, &ask, &able)).await.json();
    assert_eq!(told["result"]["structuredContent"], json!({ "answered": answer }));
    assert_eq!(told["result"]["resultType"], "complete");
    assert_eq!(world.send(stateless_call(&world, &token, &ask, &able)).await.status, 400);
}

#[tokio::test]
async fn the_stateless_revision_sees_arguments_in_the_header() {
    let world = World::new();
    let token = world.login().await.member("access_token");
    let arguments = json!({ "region": "süd", "limit": 42, "options": { "urgent": true }, "text": null });
    let call =
        || stateless_call(&world, &token, &json!({ "name": "query", "arguments": arguments }), &json!({}));
    let tell = async |request: reqwest::RequestBuilder| {
        let reply = world.send(request).await;
        (reply.status, reply.json()["error"]["code"].as_i64())
    };
    assert_eq!(tell(call()).await, (400, Some(-32020)));
    let two = || call().header("mcp-param-region", "=?base64?c8O8ZA==?=").header("mcp-param-limit", "42.0");
    assert_eq!(tell(two().header("mcp-param-urgent", "false")).await, (400, Some(-32020)));
    assert_eq!(tell(two().header("mcp-param-urgent", "true")).await, (200, None));
    let none = stateless_call(&world, &token, &json!({ "name": "query", "arguments": {} }), &json!({}));
    assert_eq!(tell(none.header("mcp-param-region", "")).await, (400, Some(-32020)));
    let tools = world.send(stateless(&world, &token, "tools/list", &json!({})).0).await;
    assert!(!tools.text.contains("misnamed"));
    world.sandbox.change(|options| options.misnamed_tool = true);
    let tools = world.send(stateless(&world, &token, "tools/list", &json!({})).0).await;
    assert!(tools.text.contains("misnamed"));
}

#[tokio::test]
async fn a_subscription_tells_what_was_asked_for_until_it_is_closed() {
    let world = World::new();
    let token = world.login().await.member("access_token");
    let wanted = json!({ "toolsListChanged": true, "resourceSubscriptions": ["sandbox://note"] });
    let listen = || stateless(&world, &token, "subscriptions/listen", &json!({ "notifications": wanted })).0;
    let mut stream = Stream::open(listen()).await;
    let first = stream.message().await;
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(first["params"]["notifications"], wanted);
    world.sandbox.announce("notifications/prompts/list_changed", &json!({}));
    world.sandbox.announce("notifications/tools/list_changed", &json!({}));
    world.sandbox.announce("notifications/resources/updated", &json!({ "uri": "sandbox://other" }));
    world.sandbox.announce("notifications/resources/updated", &json!({ "uri": "sandbox://note" }));
    for method in ["notifications/tools/list_changed", "notifications/resources/updated"] {
        let message = stream.message().await;
        assert_eq!(message["method"], method);
        assert_eq!(message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 7);
    }
    drop(stream);
    assert!(world.until(|books| books.cancelled == [json!(7)]).await);
    let mut stream = Stream::open(listen()).await;
    stream.message().await;
    world.sandbox.end_subscriptions();
    let last = stream.message().await;
    assert_eq!((&last["id"], &last["result"]["resultType"]), (&7.into(), &"complete".into()));
    assert!(stream.ends_well().await);
    assert_eq!(world.sandbox.books().cancelled.len(), 1);
}

#[tokio::test]
async fn to_close_the_stream_is_to_cancel_in_the_stateless_revision() {
    let world = World::with(|options| options.event_streams = true);
    let token = world.login().await.member("access_token");
    let hold = stateless_call(&world, &token, &json!({ "name": "hold", "arguments": {} }), &json!({}));
    let stream = Stream::open(hold).await;
    assert!(world.until(|books| books.in_flight == 1).await);
    drop(stream);
    assert!(world.until(|books| books.in_flight == 0 && books.cancelled == [json!(7)]).await);
}

#[tokio::test]
async fn a_server_of_the_stateless_revision_alone_says_so() {
    let world = World::with(|options| options.speaks = Speaks::OnlyStateless);
    let token = world.login().await.member("access_token");
    let refused = world.send(world.mcp(Some(&token), &initialize("2025-11-25"))).await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &(-32020).into()));
    assert_eq!(refused.json()["error"]["data"]["supported"], json!([REVISION]));
    let stated =
        world.mcp(Some(&token), &initialize("2025-11-25")).header("mcp-protocol-version", "2025-11-25");
    assert_eq!(world.send(stated).await.json()["error"]["code"], -32022);
    for method in ["GET", "DELETE"] {
        let request = world.request(method, "/mcp").header("authorization", format!("Bearer {token}"));
        assert_eq!(world.send(request).await.status, 405);
    }
    assert_eq!(world.send(stateless(&world, &token, "tools/list", &json!({})).0).await.status, 200);
}

#[tokio::test]
async fn a_server_with_sessions_alone_refuses_in_one_of_many_ways() {
    let world = World::new();
    let token = world.login().await.member("access_token");
    for (status, code) in [(200, json!(-32601)), (400, json!(-32000)), (404, Value::Null)] {
        world.sandbox.change(|options| options.speaks = Speaks::OnlySessions(status));
        let reply = world.send(stateless(&world, &token, "server/discover", &json!({})).0).await;
        let said = serde_json::from_str::<Value>(&reply.text).unwrap_or_default();
        assert_eq!((reply.status, &said["error"]["code"]), (status, &code));
        assert_eq!(world.knock(&token).await, 200);
    }
}
