//! A host of 2026-07-28 at a server of 2026-07-28: nothing but what the head of each request says is added.

use super::*;

/// MCP 57, 58.
#[test]
fn the_head_of_every_request_repeats_what_its_body_says() {
    let world = world(Speaks::OnlyStateless);
    let mut host = bridge(&world, &[]);
    let discovered = host.ask("server/discover", &modern(json!({})));
    assert_eq!(discovered["result"]["supportedVersions"], json!([REVISION]), "{discovered}");
    let listed = names(&host.ask("tools/list", &modern(json!({}))));
    assert!(listed.contains(&"query".into()) && !listed.contains(&"misnamed".into()), "{listed:?}");
    let arguments = json!({ "region": "Zürich ", "limit": -42, "options": { "urgent": false }, "text": "x" });
    let answer = host.ask("tools/call", &modern(json!({ "name": "query", "arguments": arguments })));
    assert_eq!(answer["result"]["structuredContent"], arguments, "{answer}");
    let none = json!({ "region": null, "options": {} });
    let answer = host.ask("tools/call", &modern(json!({ "name": "query", "arguments": none })));
    assert_eq!(answer["result"]["structuredContent"], none, "{answer}");
    let read = host.ask("resources/read", &modern(json!({ "uri": "sandbox://note" })));
    assert_eq!(read["result"]["contents"][0]["text"], "a note", "{read}");
    let (exit, errors, _) = host.end();
    assert!(errors.contains("the tool misnamed is left out, since `x-mcp-header` stands at"), "{errors}");
    let books = world.sandbox.books();
    assert_eq!((exit, books.violations, books.sessions_opened), (0, vec![], 0));
}

/// MCP 58.
#[test]
fn a_tool_that_wants_headers_nobody_knew_of_is_looked_up_and_called_once_more() {
    let world = world(Speaks::OnlyStateless);
    let mut host = bridge(&world, &[]);
    let arguments = json!({ "region": "north" });
    let answer = host.ask("tools/call", &modern(json!({ "name": "query", "arguments": arguments })));
    assert_eq!(answer["result"]["structuredContent"], arguments, "{answer}");
    assert_eq!(world.sandbox.books().tool_calls, 1);
}

/// MCP 64.
#[test]
fn what_a_modern_host_cancels_ends_with_its_stream() {
    let world = world(Speaks::OnlyStateless);
    let mut host = bridge(&world, &[]);
    let id = host.begin("tools/call", &modern(json!({ "name": "hold" })));
    assert!(world.sandbox.until(|books| books.in_flight == 1));
    host.tell("notifications/cancelled", &json!({ "requestId": id }));
    assert!(world.sandbox.until(|books| books.cancelled == [json!(id)]));
    let listed = host.ask("tools/list", &modern(json!({})));
    assert!(names(&listed).contains(&"hold".into()));
    // What is over already is not worth a word either.
    host.tell("notifications/cancelled", &json!({ "requestId": id }));
    assert_eq!(
        said(&host.ask("tools/call", &modern(json!({ "name": "echo", "arguments": { "text": "x" } })))),
        "x"
    );
    let (_, _, lines) = host.end();
    assert!(lines.iter().all(|line| !line.contains(&format!("\"id\":{id},"))), "{lines:?}");
    assert_eq!(world.sandbox.books().notifications, Vec::<String>::new());
}

/// MCP 62.
#[test]
fn a_modern_host_hears_from_an_old_server_what_makes_it_fall_back() {
    for status in [200, 400, 404, 405] {
        let world = world(Speaks::OnlySessions(status));
        let mut host = bridge(&world, &[]);
        let refused = host.ask("server/discover", &modern(json!({})));
        let code = refused["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {refused}"));
        assert!(
            !(-32099..=-32020).contains(&code),
            "{status}: a code that only modern servers have: {refused}"
        );
        let greeted = host.ask("initialize", &greeting());
        assert_eq!(greeted["result"]["protocolVersion"], "2025-06-18", "{greeted}");
        host.tell("notifications/initialized", &json!({}));
        // In that era nothing is repeated in a head, so that nothing can be impossible.
        assert!(names(&host.ask("tools/list", &json!({}))).contains(&"misnamed".into()));
    }
}

#[test]
fn a_host_sees_and_calls_the_tools_that_it_may() {
    let world = world(Speaks::Everything);
    let mut host = bridge(&world, &["--allow", "e*", "--allow", "who*", "--deny", "*ami"]);
    host.ask("initialize", &greeting());
    host.tell("notifications/initialized", &json!({}));
    assert_eq!(names(&host.ask("tools/list", &json!({}))), ["echo"]);
    assert_eq!(said(&host.ask("tools/call", &json!({ "name": "echo", "arguments": { "text": "x" } }))), "x");
    for name in ["whoami", "admin"] {
        let refused = host.ask("tools/call", &json!({ "name": name }));
        let why = format!("mcpauth was told not to let the tool {name} be called");
        assert_eq!(refused["error"]["message"], why, "{refused}");
    }
    assert_eq!(world.sandbox.books().tool_calls, 1);
}
