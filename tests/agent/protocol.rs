//! What is said to hosts of every revision.

use serde_json::{Value, json};

use crate::support::World;
use crate::support::talk::Talk;
use crate::{agent, told};

const META: &str = "io.modelcontextprotocol";

/// The parameters of a request in the revision without sessions.
fn modern(mut params: Value, version: &str) -> Value {
    params["_meta"] = json!({
        format!("{META}/protocolVersion"): version,
        format!("{META}/clientCapabilities"): {},
        format!("{META}/clientInfo"): { "name": "host", "version": "1" },
    });
    params
}

#[test]
fn a_host_that_introduces_itself_is_answered_in_its_revision() {
    let world = World::new();
    for (asked, agreed) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let mut agent = Talk::start(world.command(&["mcp"]));
        let params = json!({ "protocolVersion": asked, "capabilities": {}, "clientInfo": { "name": "h", "version": "1" } });
        let answer = agent.ask("initialize", &params);
        assert_eq!(answer["result"]["protocolVersion"], agreed, "{answer}");
        assert!(answer["result"]["capabilities"]["tools"].is_object(), "{answer}");
        assert_eq!(agent.ask("ping", &json!({}))["result"], json!({}));
        let tools = agent.ask("tools/list", &json!({}));
        let tools = tools["result"]["tools"].as_array().unwrap();
        let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["auth_login", "auth_status", "api_call"]);
        for tool in tools {
            assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
            assert!(tool["annotations"]["readOnlyHint"].is_boolean(), "{tool}");
        }
        let (exit, errors, _) = agent.end();
        assert_eq!((exit, errors.as_str()), (0, ""));
    }
}

/// MCP 57.
#[test]
fn a_host_without_sessions_is_answered_by_what_each_request_says() {
    let world = World::new();
    let mut agent = Talk::start(world.command(&["mcp", "--store", "file"]));
    let found = agent.ask("server/discover", &modern(json!({}), "2026-07-28"));
    assert_eq!(found["result"]["resultType"], "complete", "{found}");
    let versions = found["result"]["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!("2026-07-28")) && versions.contains(&json!("2024-11-05")), "{found}");
    let tools = agent.ask("tools/list", &modern(json!({}), "2026-07-28"));
    assert_eq!(tools["result"]["tools"].as_array().unwrap().len(), 3);
    assert!(tools["result"]["ttlMs"].is_u64(), "{tools}");
    let call = modern(json!({ "name": "auth_status", "arguments": {} }), "2026-07-28");
    let called = agent.ask("tools/call", &call);
    assert_eq!(
        (&called["result"]["resultType"], &told(&called["result"])["logins"]),
        (&json!("complete"), &json!([]))
    );

    let other = agent.ask("tools/list", &modern(json!({}), "2099-01-01"));
    assert_eq!(
        (&other["error"]["code"], &other["error"]["data"]["requested"]),
        (&json!(-32022), &json!("2099-01-01"))
    );
    assert!(other["error"]["data"]["supported"].is_array(), "{other}");
    let bare = json!({ "_meta": { format!("{META}/protocolVersion"): "2026-07-28" } });
    assert_eq!(agent.ask("tools/list", &bare)["error"]["code"], -32602);
    assert_eq!(agent.ask("server/discover", &json!({}))["error"]["code"], -32602);
    for gone in ["ping", "initialize", "resources/list"] {
        assert_eq!(agent.ask(gone, &modern(json!({}), "2026-07-28"))["error"]["code"], -32601, "{gone}");
    }
}

#[test]
fn what_is_not_known_is_refused_by_its_number() {
    let world = World::new();
    let mut agent = agent(&world);
    for (method, params, code) in [
        ("resources/list", json!({}), -32601),
        ("nothing", json!({}), -32601),
        ("tools/call", json!({ "name": "nothing" }), -32602),
        ("tools/call", json!({}), -32602),
        ("tools/call", json!([1, 2]), -32602),
        ("tools/list", json!({ "cursor": "x" }), -32602),
    ] {
        let answer = agent.ask(method, &params);
        assert_eq!(answer["error"]["code"], code, "{method} {params} {answer}");
    }
}

#[test]
fn several_messages_come_as_one_only_where_the_revision_says_so() {
    let world = World::new();
    let batch = json!([
        { "jsonrpc": "2.0", "id": "a", "method": "ping" },
        { "jsonrpc": "2.0", "method": "notifications/initialized" },
        { "jsonrpc": "2.0", "id": "b", "method": "nothing" },
    ]);
    let mut with = Talk::greeted(world.command(&["mcp"]), "2025-03-26");
    with.write(batch.to_string().as_bytes());
    let answer = with.next().unwrap();
    let ids: Vec<&Value> = answer.as_array().unwrap().iter().map(|part| &part["id"]).collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!((&answer[0]["result"], &answer[1]["error"]["code"]), (&json!({}), &json!(-32601)));

    let mut without = agent(&world);
    without.write(batch.to_string().as_bytes());
    for id in ["a", "b"] {
        let answer = without.next().unwrap();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(id), &json!(-32600)));
    }
}
