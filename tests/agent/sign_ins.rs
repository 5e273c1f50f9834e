//! Signing in for a person who sits at a browser.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use mcpauth::sandbox::{Fault, SandboxOptions};
use serde_json::{Value, json};

use crate::support::steps::{eventually, parameters};
use crate::support::talk::Talk;
use crate::support::{World, follow};
use crate::{NEWEST, agent, call_of_whoami, done, refused, told};

/// Asks until a sign-in is no longer pending.
fn ended(agent: &mut Talk, session: &Value) -> Value {
    let mut last = Value::Null;
    eventually(|| {
        last = agent.tool("auth_status", &json!({ "session_id": session }));
        told(&last)["status"] != "pending"
    });
    last
}

#[test]
fn an_agent_signs_its_person_in_and_never_sees_a_token() {
    let world = World::new();
    let mut agent = agent(&world);
    assert_eq!(done(&agent.tool("auth_status", &json!({})))["logins"], json!([]));
    let begun = agent.tool("auth_login", &json!({ "server": world.url(), "account": "work" }));
    let begun = done(&begun);
    assert_eq!((&begun["status"], &begun["opened"]), (&json!("pending"), &json!(false)));
    let (session, page) =
        (begun["session_id"].clone(), begun["authorization_url"].as_str().unwrap().to_owned());
    for named in [json!({ "session_id": session }), json!({ "server": world.url(), "account": "work" })] {
        assert_eq!(done(&agent.tool("auth_status", &named))["status"], "pending");
    }
    follow(&page);
    let ended = ended(&mut agent, &session);
    let ended = done(&ended);
    assert_eq!((&ended["status"], &ended["account"]), (&json!("completed"), &json!("work")));
    let by_server = agent.tool("auth_status", &json!({ "server": world.url(), "account": "work" }));
    assert_eq!(done(&by_server)["state"], "active");
    assert_eq!(done(&agent.tool("auth_status", &json!({})))["logins"].as_array().unwrap().len(), 1);

    let mut call = call_of_whoami(&world.url());
    call["account"] = "work".into();
    let answer = agent.tool("api_call", &call);
    assert_eq!((&done(&answer)["success"], &done(&answer)["status"]), (&json!(true), &json!(200)));
    assert!(done(&answer)["data"].to_string().contains("content"), "{answer}");

    let (exit, errors, said) = agent.end();
    assert_eq!(exit, 0, "{errors}");
    let all = said.join("\n") + &errors;
    let secrets = world.sandbox.secrets();
    assert!(
        secrets.iter().any(|(what, _)| what.contains("access")),
        "{:?}",
        secrets.iter().map(|s| s.0).collect::<Vec<_>>()
    );
    for (what, secret) in secrets {
        // The state is in the address of the page, which the person needs.
        assert!(what == "state" || !all.contains(&secret), "{what} in {all}");
    }
}

#[test]
fn a_sign_in_that_is_open_is_told_again_and_what_came_of_it_is_remembered() {
    let world = World::new();
    let mut agent = agent(&world);
    let wish = json!({ "server": world.url(), "scope": "mcp:admin", "auth_params": { "platform_url": "x" } });
    let first = agent.tool("auth_login", &wish);
    let again = agent.tool("auth_login", &wish);
    assert_eq!(done(&first)["session_id"], done(&again)["session_id"]);
    let page = done(&first)["authorization_url"].as_str().unwrap();
    let asked = parameters(page);
    assert!(asked["scope"].split(' ').any(|scope| scope == "mcp:admin"), "{asked:?}");
    assert_eq!(asked["platform_url"], "x");

    world.sandbox.change(|options| options.faults = vec![Fault::Declined]);
    follow(page);
    let ended = ended(&mut agent, &done(&first)["session_id"]);
    assert_eq!(refused(&ended)["error"], "login_not_completed");
    assert!(refused(&ended)["error_description"].as_str().unwrap().contains("declined"), "{ended}");
    assert!(world.records().is_empty());
}

/// What a parameter says is for one sign-in; what the user settled stays.
#[test]
fn what_an_agent_says_is_settled_nowhere() {
    let world = World::signed_in(SandboxOptions::default());
    let profile = world.home().join(".config/mcpauth/servers/box.toml");
    let before = fs::read_to_string(&profile).unwrap();
    let mut agent = agent(&world);
    let wish = json!({ "server": "box", "scope": "mcp:admin", "auth_params": { "hint": "ana" } });
    let begun = agent.tool("auth_login", &wish);
    follow(done(&begun)["authorization_url"].as_str().unwrap());
    assert_eq!(done(&ended(&mut agent, &done(&begun)["session_id"]))["status"], "completed");
    assert_eq!(fs::read_to_string(&profile).unwrap(), before);
}

#[test]
fn nothing_that_vouches_for_anybody_is_an_agents_to_say() {
    let world = World::new();
    let mut agent = agent(&world);
    for wish in [
        json!({ "server": world.url(), "trust_issuer": "https://evil.example" }),
        json!({ "server": world.url(), "assume_pkce": true }),
        json!({ "server": world.url(), "browser": "/bin/sh" }),
        json!({ "server": world.url(), "auth_params": { "redirect_uri": "https://evil.example" } }),
        json!({ "server": world.url(), "auth_params": { "state": "x" } }),
        json!({ "server": world.url(), "account": "../x" }),
        json!({ "server": "file:///etc/passwd" }),
        json!({ "server": "http://example.com/mcp" }),
        json!({ "server": "nobody" }),
        json!({ "server": 7 }),
        json!({}),
        json!([]),
    ] {
        refused(&agent.tool("auth_login", &wish));
    }
    assert_eq!(world.sandbox.books().requests, Vec::<String>::new());
}

#[test]
fn an_address_where_nobody_answers_is_an_error_and_not_a_page() {
    let mut world = World::new();
    let url = world.url();
    world.cut_off();
    let mut agent = agent(&world);
    let told = agent.tool("auth_login", &json!({ "server": url }));
    assert_eq!(refused(&told)["error"], "temporary");
    refused(&agent.tool("auth_status", &json!({ "session_id": "0123" })));
    assert_eq!(refused(&agent.tool("auth_status", &json!({ "server": url })))["error"], "login_needed");
}

#[test]
fn a_page_is_opened_where_that_is_asked_for_and_once() {
    let world = World::new();
    let (browser, opened) = (world.home().join("browser"), world.home().join("opened"));
    fs::write(&browser, format!("#!/bin/sh\nprintf '%s\\n' \"$1\" >> '{}'\n", opened.display())).unwrap();
    fs::set_permissions(&browser, Permissions::from_mode(0o755)).unwrap();
    let mut command = world.command(&["mcp", "--store", "file"]);
    command.env("BROWSER", &browser);
    let mut agent = Talk::greeted(command, NEWEST);
    let begun = agent.tool("auth_login", &json!({ "server": world.url(), "open": true }));
    assert_eq!(done(&begun)["opened"], true);
    let pages = || fs::read_to_string(&opened).unwrap_or_default();
    eventually(|| pages().ends_with('\n'));
    assert_eq!(pages().trim(), done(&begun)["authorization_url"].as_str().unwrap());
    follow(pages().trim());
    ended(&mut agent, &done(&begun)["session_id"]);

    // The same wish again: the address is given, and no second page opened.
    let again = agent.tool("auth_login", &json!({ "server": world.url(), "open": true }));
    assert_eq!((&done(&again)["opened"], &done(&again)["status"]), (&json!(false), &json!("pending")));
    assert_eq!(pages().lines().count(), 1);
}
