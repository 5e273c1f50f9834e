#![expect(clippy::needless_pass_by_value, reason = "a talk reads better without a borrow at every message")]

use serde_json::{Value, json};

use super::*;
use crate::http::Bytes;
use crate::mcp::modern::{META_LOG_LEVEL, META_SERVER, META_SUBSCRIPTION};

/// What happens, in words: who is told what.
#[derive(Debug, PartialEq)]
enum Told {
    Server(Value),
    Host(Value),
    ServerLater(Value, u32),
}
use Told::{Host, Server, ServerLater};

/// A host, a server, and the translator between them.
#[derive(Default)]
struct Talk(Translator);

impl Talk {
    fn host(&mut self, message: Value) -> Vec<Told> {
        told(self.0.from_host(read(&message)))
    }

    fn server(&mut self, message: Value) -> Vec<Told> {
        told(self.0.from_server(read(&message)))
    }

    /// A host of the old era at a server of the new one, both introduced.
    fn old() -> Self {
        let mut talk = Self::default();
        talk.host(initialize());
        talk.server(error(0, -32601));
        let capabilities =
            json!({ "tools": { "listChanged": true }, "resources": { "subscribe": true }, "logging": {} });
        talk.server(describes("mcpauth:1", &capabilities));
        talk
    }

    /// A host of the new era at a server of the old one, both introduced.
    fn modern() -> Self {
        let mut talk = Self::default();
        talk.host(modern(1, "server/discover", json!({})));
        talk.server(error(1, -32601));
        let capabilities = json!({
            "tools": { "listChanged": true }, "resources": { "subscribe": true, "listChanged": true }, "logging": {},
        });
        talk.server(result(
            "mcpauth:1",
            json!({ "protocolVersion": OLD_REVISION, "capabilities": capabilities,
            "serverInfo": { "name": "s", "version": "1" } }),
        ));
        talk
    }
}

fn told(effects: Vec<Effect>) -> Vec<Told> {
    let value = |message: &Message| serde_json::from_slice(message.bytes()).unwrap();
    let told = effects.iter().map(|effect| match effect {
        Effect::ToServer(message) => Server(value(message)),
        Effect::ToHost(message) => Host(value(message)),
        Effect::Later { message, times } => ServerLater(value(message), *times),
    });
    told.collect()
}

fn read(message: &Value) -> Message {
    Message::read(Bytes::from(message.to_string())).unwrap()
}

fn request(id: impl Into<Value>, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id.into(), "method": method, "params": params })
}

fn notify(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

fn result(id: impl Into<Value>, result: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id.into(), "result": result })
}

fn error(id: impl Into<Value>, code: i64) -> Value {
    json!({ "jsonrpc": "2.0", "id": id.into(), "error": { "code": code, "message": "no" } })
}

fn client() -> Value {
    json!({ "name": "h", "version": "1" })
}

fn offers() -> Value {
    json!({ "elicitation": {}, "roots": { "listChanged": true }, "extensions": { "example.org/x": {} } })
}

fn initialize() -> Value {
    request(
        0,
        "initialize",
        json!({
            "protocolVersion": "2025-06-18", "capabilities": offers(), "clientInfo": client(),
        }),
    )
}

fn describes(id: &str, capabilities: &Value) -> Value {
    result(
        id,
        json!({
            "resultType": "complete", "supportedVersions": [REVISION], "capabilities": capabilities,
            "_meta": { "io.modelcontextprotocol/serverInfo": { "name": "s", "version": "1" } },
            "instructions": "be kind", "ttlMs": 0, "cacheScope": "public",
        }),
    )
}

/// What a request says of the host.
fn meta() -> Value {
    json!({ META_VERSION: REVISION, META_CLIENT: client(), META_CAPABILITIES: offers() })
}

fn with_meta(mut params: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        params["_meta"][name] = value.clone();
    }
    params
}

fn modern(id: impl Into<Value>, method: &str, params: Value) -> Value {
    request(id, method, with_meta(params, &meta()))
}

fn cancel(id: impl Into<Value>) -> Value {
    notify("notifications/cancelled", json!({ "requestId": id.into() }))
}

#[test]
fn whoever_understands_the_other_is_left_alone() {
    let mut talk = Talk::default();
    assert_eq!(talk.host(initialize()), [Server(initialize())]);
    let greeting = result(0, json!({ "protocolVersion": "2025-06-18", "capabilities": {} }));
    assert_eq!(talk.server(greeting.clone()), [Host(greeting)]);
    let odd = notify("notifications/initialized", json!({ "x": [1.50] }));
    assert_eq!(talk.host(odd.clone()), [Server(odd)]);

    let mut talk = Talk::default();
    let list = modern(1, "tools/list", json!({}));
    assert_eq!(talk.host(list.clone()), [Server(modern("mcpauth:1", "server/discover", json!({})))]);
    let second = modern(2, "tools/list", json!({}));
    assert_eq!(talk.host(second.clone()), []);
    assert_eq!(talk.server(describes("mcpauth:1", &json!({}))), [Server(list), Server(second.clone())]);
    assert_eq!(talk.host(second.clone()), [Server(second)]);

    let mut talk = Talk::default();
    let discover = modern(1, "server/discover", json!({}));
    assert_eq!(talk.host(discover.clone()), [Server(discover.clone())]);
    assert_eq!(talk.server(error(1, -32022)), [Host(error(1, -32022))]);
    assert_eq!(talk.host(discover.clone()), [Server(discover)]);
}

/// MCP 63.
#[test]
fn a_host_that_greets_gets_a_greeting_from_a_server_that_knows_none() {
    let mut talk = Talk::default();
    talk.host(initialize());
    let discover = request("mcpauth:1", "server/discover", json!({ "_meta": meta() }));
    assert_eq!(talk.server(error(0, -32020)), [Server(discover)]);
    let capabilities = json!({ "tools": { "listChanged": true }, "prompts": {} });
    let greeting = json!({
        "protocolVersion": "2025-06-18", "capabilities": capabilities,
        "serverInfo": { "name": "s", "version": "1" }, "instructions": "be kind",
    });
    assert_eq!(talk.server(describes("mcpauth:1", &capabilities)), [Host(result(0, greeting))]);
    let listen = json!({ "notifications": { "toolsListChanged": true }, "_meta": meta() });
    assert_eq!(
        talk.host(notify("notifications/initialized", json!({}))),
        [Server(request("mcpauth:2", "subscriptions/listen", listen))]
    );
    assert_eq!(talk.host(request(1, "ping", json!({}))), [Host(result(1, json!({})))]);
}

#[test]
fn a_server_that_is_neither_tells_the_host_why_itself() {
    let mut talk = Talk::default();
    talk.host(initialize());
    talk.server(error(0, -32603));
    assert_eq!(talk.server(error("mcpauth:1", -32601)), [Host(error(0, -32603))]);
    // Another time it may be another server.
    assert_eq!(talk.host(initialize()), [Server(initialize())]);
    talk.server(error(0, -32020));
    let mut newer = describes("mcpauth:2", &json!({}));
    newer["result"]["supportedVersions"] = json!(["2099-01-01\u{1b}"]);
    let [Host(refusal)] = &talk.server(newer)[..] else { panic!() };
    let why = "the server speaks other revisions of MCP than mcpauth: 2099-01-01\\u{1b}";
    assert_eq!((&refusal["id"], &refusal["error"]["message"]), (&json!(0), &json!(why)));
}

#[test]
fn a_host_that_was_put_off_looks_again_when_the_server_is_there() {
    let mut talk = Talk::default();
    talk.host(initialize());
    assert_eq!(talk.0.unanswered(), Some(&read(&initialize())));
    talk.0.put_off();
    assert_eq!(talk.0.unanswered(), None);
    assert_eq!(talk.host(request(1, "tools/list", json!({}))), []);
    talk.server(error(0, -32020));
    let told = talk.server(describes("mcpauth:1", &json!({})));
    let changed = |kind: &str| {
        Host(json!({ "jsonrpc": "2.0", "method": format!("notifications/{kind}/list_changed") }))
    };
    assert_eq!(told[..3], [changed("tools"), changed("prompts"), changed("resources")]);
    assert_eq!(told[3..], [Server(modern(1, "tools/list", json!({})))]);
}

/// MCP 47, 57, 63.
#[test]
fn every_request_says_what_the_host_said_once() {
    let mut talk = Talk::old();
    let call = json!({ "name": "t", "arguments": { "a": 1 }, "_meta": { "progressToken": 7 } });
    assert_eq!(
        talk.host(request("x", "tools/call", call.clone())),
        [Server(modern("x", "tools/call", call))]
    );
    assert_eq!(
        talk.host(json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" })),
        [Server(modern(2, "tools/list", json!({})))]
    );
    assert_eq!(
        talk.host(request(3, "logging/setLevel", json!({ "level": "info" }))),
        [Host(result(3, json!({})))]
    );
    let leveled = with_meta(json!({ "_meta": meta() }), &json!({ META_LOG_LEVEL: "info" }));
    assert_eq!(talk.host(request(4, "tools/list", json!({}))), [Server(request(4, "tools/list", leveled))]);
    let progress = notify("notifications/progress", json!({ "progressToken": 7, "progress": 1 }));
    assert_eq!(talk.server(progress.clone()), [Host(progress)]);
    let done =
        result("x", json!({ "resultType": "complete", "content": [], "structuredContent": { "a": 1 } }));
    assert_eq!(talk.server(done.clone()), [Host(done.clone())]);
    assert_eq!(talk.server(done), [], "nobody waits for it any more");
    assert_eq!(talk.server(error(2, -32602)), [Host(error(2, -32602))]);
    let [Host(refused)] = &talk.host(request(5, "tools/list", json!([])))[..] else { panic!() };
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(5), &json!(-32602)));
}

#[test]
fn a_batch_is_taken_apart() {
    let mut talk = Talk::old();
    let batch = json!([request(1, "ping", json!({})), request(2, "tools/list", json!({}))]);
    assert_eq!(talk.host(batch), [Host(result(1, json!({}))), Server(modern(2, "tools/list", json!({})))]);
}

#[test]
fn what_a_host_of_the_old_era_would_choke_on_is_left_out() {
    let mut talk = Talk::old();
    talk.host(request(1, "tools/call", json!({ "name": "t" })));
    let list = json!({ "content": [], "structuredContent": [1] });
    assert_eq!(talk.server(result(1, list)), [Host(result(1, json!({ "content": [] })))]);
    talk.host(request(2, "tools/list", json!({})));
    let tools = json!([{ "name": "a", "outputSchema": { "type": "array" } }, { "name": "b", "outputSchema": { "type": "object" } }]);
    let left = json!([{ "name": "a" }, { "name": "b", "outputSchema": { "type": "object" } }]);
    assert_eq!(
        talk.server(result(2, json!({ "tools": tools, "ttlMs": 1 }))),
        [Host(result(2, json!({ "tools": left, "ttlMs": 1 })))]
    );
}

fn wants(questions: &Value) -> Value {
    json!({ "resultType": "input_required", "inputRequests": questions, "requestState": "s\u{e9}1" })
}

/// MCP 63.
#[test]
fn what_the_server_wants_to_know_is_asked_of_the_host_and_sent_with_the_request() {
    let mut talk = Talk::old();
    let call = json!({ "name": "t", "arguments": {} });
    talk.host(request(1, "tools/call", call.clone()));
    let form = json!({ "method": "elicitation/create", "params": { "mode": "form", "message": "who?" } });
    let page =
        json!({ "method": "elicitation/create", "params": { "mode": "url", "url": "https://a.example" } });
    let roots = json!({ "method": "roots/list" });
    let asked = talk.server(result(1, wants(&json!({ "a": form, "b": page, "c": roots }))));
    let page = json!({ "mode": "url", "url": "https://a.example", "elicitationId": "mcpauth:3" });
    assert_eq!(
        asked,
        [
            Host(request("mcpauth:2", "elicitation/create", form["params"].clone())),
            Host(request("mcpauth:3", "elicitation/create", page)),
            Host(request("mcpauth:4", "roots/list", json!({}))),
        ]
    );
    assert_eq!(talk.host(result("mcpauth:4", json!({ "roots": [] }))), []);
    assert_eq!(talk.host(result("mcpauth:2", json!({ "action": "accept", "content": { "n": 1.5 } }))), []);
    let mut again = call;
    again["inputResponses"] = json!({
        "a": { "action": "accept", "content": { "n": 1.5 } }, "b": { "action": "cancel" }, "c": { "roots": [] },
    });
    again["requestState"] = "sé1".into();
    assert_eq!(talk.host(error("mcpauth:3", -32601)), [Server(modern("mcpauth:5", "tools/call", again))]);
    assert_eq!(
        talk.server(result("mcpauth:5", json!({ "content": [] }))),
        [Host(result(1, json!({ "content": [] })))]
    );
}

#[test]
fn a_host_is_not_asked_what_it_cannot_answer() {
    let mut talk = Talk::old();
    for (id, method) in [(1, "sampling/createMessage"), (2, "tools/call")] {
        talk.host(request(id, "tools/call", json!({ "name": "t" })));
        let told = talk.server(result(id, wants(&json!({ "a": { "method": method, "params": {} } }))));
        let [Host(refused)] = &told[..] else { panic!("{told:?}") };
        assert_eq!(refused["id"], id);
        let why = format!("the server asks for {method}, which this host does not offer");
        assert_eq!(refused["error"]["message"], why);
    }
    talk.host(request(3, "tools/call", json!({ "name": "t" })));
    talk.server(result(
        3,
        wants(&json!({ "a": { "method": "roots/list" }, "b": { "method": "roots/list" } })),
    ));
    let Told::Host(failed) = &talk.host(error("mcpauth:4", -32603))[0] else { panic!() };
    assert_eq!(failed["id"], 3);
    assert_eq!(talk.host(result("mcpauth:5", json!({ "roots": [] }))), [], "what is too late has no effect");
}

#[test]
fn a_server_that_wants_only_time_gets_it_but_not_for_ever() {
    let mut talk = Talk::old();
    talk.host(request("r", "tools/call", json!({ "name": "t" })));
    let mut id = json!("r");
    for times in 1..=25 {
        let told =
            talk.server(result(id.clone(), json!({ "resultType": "input_required", "requestState": "x" })));
        let [ServerLater(again, counted)] = &told[..] else { panic!("{told:?}") };
        assert_eq!((&again["params"]["requestState"], *counted), (&json!("x"), times));
        assert_eq!(again["params"].get("inputResponses"), None);
        assert_ne!(again["id"], id);
        id = again["id"].clone();
    }
    let told = talk.server(result(id, json!({ "resultType": "input_required", "requestState": "x" })));
    let [Host(failed)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&failed["id"], failed["error"].is_object()), (&json!("r"), true));
}

/// MCP 64.
#[test]
fn what_the_host_cancels_ends_by_the_name_that_the_other_side_knows() {
    let mut talk = Talk::old();
    talk.host(request(1, "tools/call", json!({ "name": "t" })));
    assert_eq!(talk.host(cancel(1)), [Server(cancel(1))]);
    assert_eq!(talk.server(result(1, json!({}))), []);
    talk.host(request(2, "tools/call", json!({ "name": "t" })));
    talk.server(result(2, wants(&json!({ "a": { "method": "roots/list" } }))));
    assert_eq!(talk.host(cancel(2)), [Host(cancel("mcpauth:2"))]);
    assert_eq!(talk.host(result("mcpauth:2", json!({ "roots": [] }))), []);
    talk.host(request(3, "tools/call", json!({ "name": "t" })));
    talk.server(result(3, wants(&json!({ "a": { "method": "roots/list" } }))));
    talk.host(result("mcpauth:3", json!({ "roots": [] })));
    assert_eq!(talk.host(cancel(3)), [Server(cancel("mcpauth:4"))]);
    assert_eq!(talk.host(cancel(99)), []);
}

fn news_of(id: &str, method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({ META_SUBSCRIPTION: id });
    notify(method, params)
}

const AGREED: &str = "notifications/subscriptions/acknowledged";

/// MCP 63.
#[test]
fn news_is_listened_for_and_again_when_the_stream_ends() {
    let mut talk = Talk::old();
    talk.host(notify("notifications/initialized", json!({})));
    assert_eq!(talk.server(news_of("mcpauth:2", AGREED, json!({ "notifications": {} }))), []);
    let changed = news_of("mcpauth:2", "notifications/tools/list_changed", json!({}));
    assert_eq!(talk.server(changed.clone()), [Host(changed)]);
    let told = talk.server(error("mcpauth:2", -32000));
    let [ServerLater(again, 1)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&again["method"], &again["id"]), (&json!("subscriptions/listen"), &json!("mcpauth:3")));
    let missed = notify("notifications/tools/list_changed", json!({}));
    assert_eq!(talk.server(news_of("mcpauth:3", AGREED, json!({ "notifications": {} }))), [Host(missed)]);
    let told = talk.server(result("mcpauth:3", json!({ "resultType": "complete" })));
    assert!(matches!(&told[..], [ServerLater(_, 2)]), "{told:?}");
    assert_eq!(talk.server(error("mcpauth:4", -32601)), [], "it will never know");
}

/// MCP 63.
#[test]
fn a_subscription_to_a_resource_is_a_stream_of_its_own() {
    let mut talk = Talk::old();
    let uri = json!({ "uri": "file:///a" });
    let told = talk.host(request(1, "resources/subscribe", uri.clone()));
    let listen = json!({ "notifications": { "resourceSubscriptions": ["file:///a"] }, "_meta": meta() });
    assert_eq!(told, [Server(request("mcpauth:2", "subscriptions/listen", listen))]);
    let agreed = json!({ "notifications": { "resourceSubscriptions": ["file:///a"] } });
    assert_eq!(talk.server(news_of("mcpauth:2", AGREED, agreed)), [Host(result(1, json!({})))]);
    let told = talk.host(request(2, "resources/unsubscribe", uri.clone()));
    assert_eq!(told, [Server(cancel("mcpauth:2")), Host(result(2, json!({})))]);
    talk.host(request(3, "resources/subscribe", uri.clone()));
    let told = talk.server(news_of("mcpauth:3", AGREED, json!({ "notifications": {} })));
    let [Host(refused), Server(ended)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&refused["id"], ended), (&json!(3), &cancel("mcpauth:3")));
    talk.host(request(4, "resources/subscribe", uri));
    assert_eq!(talk.server(error("mcpauth:4", -32603)), [Host(error(4, -32603))]);
}

/// MCP 47, 62.
#[test]
fn a_host_that_does_not_greet_gets_a_session_that_is_kept_for_it() {
    let mut talk = Talk::default();
    let discover = modern(1, "server/discover", json!({}));
    assert_eq!(talk.host(discover.clone()), [Server(discover)]);
    let greeting = json!({ "protocolVersion": OLD_REVISION, "capabilities": { "elicitation": {}, "roots": {}, "extensions": { "example.org/x": {} } },
        "clientInfo": client() });
    assert_eq!(talk.server(error(1, -32000)), [Server(request("mcpauth:1", "initialize", greeting))]);
    assert_eq!(talk.host(modern(2, "tools/list", json!({}))), []);
    let greeted = json!({ "protocolVersion": "2025-06-18", "capabilities": { "tools": {} },
        "serverInfo": { "name": "s", "version": "1" }, "instructions": "be kind" });
    let described = json!({ "resultType": "complete", "supportedVersions": [REVISION], "capabilities": { "tools": {} },
        "instructions": "be kind", "_meta": { META_SERVER: { "name": "s", "version": "1" } },
        "ttlMs": 0, "cacheScope": "private" });
    assert_eq!(
        talk.server(result("mcpauth:1", greeted)),
        [
            Server(notify("notifications/initialized", json!({}))),
            Host(result(1, described)),
            Server(request(2, "tools/list", json!({}))),
        ]
    );
    let list = json!({ "resultType": "complete", "ttlMs": 0, "cacheScope": "private" });
    let Told::Host(listed) = &talk.server(result(2, json!({ "tools": [] })))[0] else { panic!() };
    assert_eq!(listed["result"], with_tools(list));
}

fn with_tools(mut list: Value) -> Value {
    list["tools"] = json!([]);
    list
}

#[test]
fn a_server_that_takes_no_greeting_either_is_told_of() {
    let mut talk = Talk::default();
    talk.host(modern(7, "tools/list", json!({})));
    talk.server(error("mcpauth:1", -32601));
    assert_eq!(talk.server(error("mcpauth:2", -32000)), [Host(error(7, -32000))]);
    assert_eq!(talk.host(modern(8, "tools/list", json!({}))).len(), 1);
}

#[test]
fn a_server_of_the_old_era_gets_nothing_that_it_does_not_know() {
    let mut talk = Talk::modern();
    let call = json!({ "name": "t", "_meta": { "progressToken": 7, "traceparent": "x" } });
    assert_eq!(talk.host(modern(2, "tools/call", call.clone())), [Server(request(2, "tools/call", call))]);
    let mut leveled = json!({ "name": "t" });
    leveled["_meta"] = json!({ META_LOG_LEVEL: "info" });
    let said = notify("notifications/message", json!({ "level": "info", "data": "x" }));
    assert_eq!(talk.server(said.clone()), [], "nobody has asked for it");
    assert_eq!(
        talk.host(modern(3, "tools/call", leveled.clone())),
        [
            Server(request("mcpauth:2", "logging/setLevel", json!({ "level": "info" }))),
            Server(request(3, "tools/call", json!({ "name": "t" }))),
        ]
    );
    assert_eq!(talk.server(result("mcpauth:2", json!({}))), []);
    assert_eq!(talk.server(said.clone()), [Host(said)]);
    assert_eq!(
        talk.host(modern(4, "tools/call", leveled)),
        [Server(request(4, "tools/call", json!({ "name": "t" })))]
    );
    assert_eq!(talk.server(request(9, "ping", json!({}))), [Server(result(9, json!({})))]);
    assert_eq!(talk.host(cancel(4)), [Server(cancel(4))]);
    assert_eq!(talk.server(result(4, json!({}))), []);
}

#[test]
fn a_question_of_the_server_becomes_an_answer_and_the_retry_an_answer_to_it() {
    let mut talk = Talk::modern();
    let question = request(9, "elicitation/create", json!({ "message": "who?" }));
    let refused = talk.server(question.clone());
    assert!(
        matches!(&refused[..], [Server(told)] if told["error"].is_object()),
        "no call waits: {refused:?}"
    );
    let call = json!({ "name": "t" });
    talk.host(modern(2, "tools/call", call.clone()));
    let sampling = talk.server(request(8, "sampling/createMessage", json!({})));
    assert!(matches!(&sampling[..], [Server(told)] if told["error"]["code"] == -32601), "{sampling:?}");
    let asked = json!({ "input": { "method": "elicitation/create", "params": { "message": "who?" } } });
    let wanted =
        json!({ "resultType": "input_required", "inputRequests": asked, "requestState": "mcpauth:2" });
    assert_eq!(talk.server(question.clone()), [Host(result(2, wanted))]);
    // What comes while the host is away waits for it.
    assert_eq!(talk.server(request(10, "roots/list", json!({}))), []);
    let mut back = call;
    back["requestState"] = "mcpauth:2".into();
    back["inputResponses"] = json!({ "input": { "action": "accept" } });
    let told = talk.host(modern(3, "tools/call", back.clone()));
    let [Server(answered), Host(next)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(*answered, result(9, json!({ "action": "accept" })));
    assert_eq!(
        (&next["id"], &next["result"]["inputRequests"]["input"]["method"]),
        (&json!(3), &json!("roots/list"))
    );
    assert_eq!(talk.server(result(2, json!({ "content": [] }))), []);
    back["requestState"] = next["result"]["requestState"].clone();
    back["inputResponses"] = json!({ "input": { "roots": [] } });
    assert_eq!(
        talk.host(modern(4, "tools/call", back.clone())),
        [
            Server(result(10, json!({ "roots": [] }))),
            Host(result(4, json!({ "content": [], "resultType": "complete" }))),
        ]
    );
    let [Host(late)] = &talk.host(modern(5, "tools/call", back))[..] else { panic!() };
    assert_eq!((&late["id"], &late["error"]["code"]), (&json!(5), &json!(-32602)));
}

#[test]
fn whoever_listens_hears_what_the_session_tells() {
    let mut talk = Talk::modern();
    let wanted =
        json!({ "toolsListChanged": true, "promptsListChanged": true, "resourceSubscriptions": ["a:b"] });
    let told = talk.host(modern("l", "subscriptions/listen", json!({ "notifications": wanted })));
    let agreed = json!({ "toolsListChanged": true, "resourceSubscriptions": ["a:b"] });
    assert_eq!(
        told,
        [
            Host(news_of("l", AGREED, json!({ "notifications": agreed }))),
            Server(request("mcpauth:2", "resources/subscribe", json!({ "uri": "a:b" }))),
        ]
    );
    talk.host(modern(
        "m",
        "subscriptions/listen",
        json!({ "notifications": { "resourceSubscriptions": ["a:b"] } }),
    ));
    let changed = "notifications/tools/list_changed";
    assert_eq!(talk.server(notify(changed, json!({}))), [Host(news_of("l", changed, json!({})))]);
    assert_eq!(talk.server(notify("notifications/resources/list_changed", json!({}))), []);
    let updated = "notifications/resources/updated";
    assert_eq!(talk.server(notify(updated, json!({ "uri": "a:c" }))), []);
    assert_eq!(talk.server(notify(updated, json!({ "uri": "a:b" }))).len(), 2);
    assert_eq!(talk.host(cancel("l")), []);
    assert_eq!(
        talk.host(cancel("m")),
        [Server(request("mcpauth:3", "resources/unsubscribe", json!({ "uri": "a:b" })))]
    );
}
