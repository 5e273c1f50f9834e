//! `bridge --translate`: a host of one era and a server of the other.

use super::*;
use crate::hostile::server_that;
use crate::peer::answer;
use crate::support::steps::eventually;

/// A host of the old era that has greeted a server of the new one.
fn old_host(world: &World) -> Talk {
    let mut host = bridge(world, &["--translate"]);
    let greeted = host.ask("initialize", &greeting());
    assert_eq!(greeted["result"]["protocolVersion"], "2025-06-18", "{greeted}");
    host.tell("notifications/initialized", &json!({}));
    host
}

/// MCP 63.
#[test]
fn a_host_of_the_old_era_uses_a_server_without_sessions() {
    let world = world(Speaks::OnlyStateless);
    let mut untranslated = bridge(&world, &[]);
    let refused = untranslated.ask("initialize", &greeting());
    assert!(refused["error"]["message"].as_str().is_some_and(|why| why.contains(REVISION)), "{refused}");
    let (_, errors, _) = untranslated.end();
    assert!(errors.contains("with `mcpauth bridge --translate` this client can use it"), "{errors}");
    let mut host = old_host(&world);
    assert_eq!(host.ask("ping", &json!({}))["result"], json!({}));
    assert_eq!(host.ask("logging/setLevel", &json!({ "level": "info" }))["result"], json!({}));
    assert!(names(&host.ask("tools/list", &json!({}))).contains(&"echo".into()));
    assert_eq!(said(&host.ask("tools/call", &json!({ "name": "echo", "arguments": { "text": "x" } }))), "x");
    let arguments = json!({ "region": "Zürich", "limit": 7 });
    let answer = host.ask("tools/call", &json!({ "name": "query", "arguments": arguments }));
    assert_eq!(answer["result"]["structuredContent"], arguments, "{answer}");
    let (exit, _, _) = host.end();
    assert_eq!((exit, world.sandbox.books().sessions_opened), (0, 0));
}

/// MCP 63.
#[test]
fn what_a_server_without_sessions_asks_is_asked_as_one_with_sessions_asks() {
    let world = world(Speaks::OnlyStateless);
    let mut host = old_host(&world);
    for (what, method, answer) in [
        ("elicitation", "elicitation/create", json!({ "action": "accept", "content": { "name": "Ana" } })),
        ("roots", "roots/list", json!({ "roots": [{ "uri": "file:///a" }] })),
    ] {
        let call = host.begin("tools/call", &json!({ "name": "ask", "arguments": { "what": what } }));
        let question = await_method(&mut host, method);
        let reply = json!({ "jsonrpc": "2.0", "id": question["id"], "result": answer });
        host.write(reply.to_string().as_bytes());
        let told = host.answer(call);
        assert_eq!(told["result"]["structuredContent"], json!({ "answered": answer }), "{told}");
    }
    let refused = host.ask("tools/call", &json!({ "name": "ask", "arguments": { "what": "sampling" } }));
    assert_eq!(refused["error"]["code"], -32021, "{refused}");
}

/// MCP 63.
#[test]
fn a_host_of_the_old_era_hears_the_news_of_a_server_without_sessions() {
    let world = world(Speaks::OnlyStateless);
    let mut host = old_host(&world);
    assert!(world.sandbox.until(|books| books.subscriptions.len() == 1));
    world.sandbox.announce("notifications/tools/list_changed", &json!({}));
    await_method(&mut host, "notifications/tools/list_changed");
    let uri = json!({ "uri": "sandbox://note" });
    assert_eq!(host.ask("resources/subscribe", &uri)["result"], json!({}));
    world.sandbox.announce("notifications/resources/updated", &uri);
    assert_eq!(await_method(&mut host, "notifications/resources/updated")["params"]["uri"], "sandbox://note");
    assert_eq!(host.ask("resources/unsubscribe", &uri)["result"], json!({}));
    assert!(world.sandbox.until(|books| books.cancelled.len() == 1));
}

/// MCP 63, 64.
#[test]
fn what_a_host_of_the_old_era_cancels_is_cancelled_at_the_server() {
    let world = world(Speaks::OnlyStateless);
    let mut host = old_host(&world);
    let id = host.begin("tools/call", &json!({ "name": "hold" }));
    assert!(world.sandbox.until(|books| books.in_flight == 1));
    host.tell("notifications/cancelled", &json!({ "requestId": id }));
    assert!(world.sandbox.until(|books| books.cancelled == [json!(id)]));
    assert_eq!(world.sandbox.books().notifications, Vec::<String>::new());
}

/// MCP 61, 62.
#[test]
fn a_host_of_the_new_era_uses_a_server_with_sessions() {
    for status in [200, 400, 404, 405] {
        let world = world(Speaks::OnlySessions(status));
        let mut host = bridge(&world, &["--translate"]);
        let discovered = host.ask("server/discover", &modern(json!({})));
        assert_eq!(discovered["result"]["supportedVersions"], json!([REVISION]), "{status}: {discovered}");
        let listed = host.ask("tools/list", &modern(json!({})));
        assert_eq!(listed["result"]["resultType"], "complete", "{listed}");
        assert!(names(&listed).contains(&"echo".into()));
        let call = modern(json!({ "name": "echo", "arguments": { "text": "x" } }));
        assert_eq!(said(&host.ask("tools/call", &call)), "x");
        host.end();
        let books = world.sandbox.books();
        assert_eq!((books.sessions_opened, books.sessions_closed), (1, 1));
    }
}

/// MCP 62.
#[test]
fn what_a_server_with_sessions_asks_is_asked_as_one_without_asks() {
    let world = world(Speaks::OnlySessions(400));
    let mut host = bridge(&world, &["--translate"]);
    // The first words need not be about the server.
    let mut call = modern(json!({ "name": "ask", "arguments": { "what": "elicitation" } }));
    let asked = host.ask("tools/call", &call);
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    assert_eq!(asked["result"]["inputRequests"]["input"]["method"], "elicitation/create");
    let answer = json!({ "action": "accept", "content": { "name": "Ana" } });
    call["requestState"] = asked["result"]["requestState"].clone();
    call["inputResponses"] = json!({ "input": answer });
    let told = host.ask("tools/call", &call);
    assert_eq!(told["result"]["structuredContent"], json!({ "answered": answer }), "{told}");
    assert_eq!(world.sandbox.books().violations, Vec::<String>::new());
}

/// MCP 62.
#[test]
fn a_host_of_the_new_era_hears_the_news_of_a_server_with_sessions() {
    let world = world(Speaks::OnlySessions(404));
    let mut host = bridge(&world, &["--translate"]);
    host.ask("server/discover", &modern(json!({})));
    assert!(world.sandbox.until(|books| books.streams_opened == 1));
    let wanted = modern(json!({ "notifications": { "toolsListChanged": true } }));
    let id = host.begin("subscriptions/listen", &wanted);
    await_method(&mut host, "notifications/subscriptions/acknowledged");
    world.sandbox.announce("notifications/tools/list_changed", &json!({}));
    let news = await_method(&mut host, "notifications/tools/list_changed");
    assert_eq!(news["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], id, "{news}");
}

#[test]
fn whoever_understands_the_other_needs_no_translation() {
    let world = world(Speaks::Everything);
    let mut host = bridge(&world, &["--translate"]);
    host.ask("initialize", &greeting());
    host.tell("notifications/initialized", &json!({}));
    assert_eq!(said(&host.ask("tools/call", &json!({ "name": "echo", "arguments": { "text": "x" } }))), "x");
    host.end();
    assert_eq!(world.sandbox.books().sessions_opened, 1);
    let mut host = bridge(&world, &["--translate"]);
    let call = modern(json!({ "name": "echo", "arguments": { "text": "x" } }));
    assert_eq!(said(&host.ask("tools/call", &call)), "x");
    host.end();
    assert_eq!(world.sandbox.books().sessions_opened, 1);
}

/// What a server wants time for is put by, and asked again with no more than that.
#[test]
fn what_was_put_by_and_cancelled_is_not_sent_again() {
    let (world, peer) = server_that(|_, message| {
        let result = match message["method"].as_str()? {
            "server/discover" => json!({
                "resultType": "complete", "supportedVersions": [REVISION], "capabilities": {},
                "serverInfo": { "name": "peer", "version": "1" },
            }),
            "tools/call" => {
                json!({ "resultType": "input_required", "inputRequests": {}, "requestState": "later" })
            }
            _ => return Some(answer(400, "", b"")),
        };
        let said = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }).to_string();
        Some(answer(200, "content-type: application/json\r\n", said.as_bytes()))
    });
    let mut host = Talk::greeted(world.command(&["bridge", "other", "--translate"]), "2025-11-25");
    let calls = |name: &str| peer.seen().iter().filter(|seen| seen.body.contains(name)).count();
    let id = host.begin("tools/call", &json!({ "name": "first" }));
    eventually(|| calls("first") == 1);
    // Whoever is answered later finds it put by.
    assert!(host.ask("prompts/list", &json!({}))["error"].is_object());
    host.tell("notifications/cancelled", &json!({ "requestId": id }));
    host.begin("tools/call", &json!({ "name": "second" }));
    // Its second repetition comes later than the first one of another would.
    eventually(|| calls("second") == 3);
    assert_eq!(calls("first"), 1);
}
