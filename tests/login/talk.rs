//! What a login says, to whom, and what it keeps to itself.

use std::process::Stdio;

use mcpauth::sandbox::SandboxOptions;
use serde_json::json;

use crate::support::{World, finish, get};

#[test]
fn the_json_answer_has_a_stable_shape() {
    let world = World::new();
    let login = world.login(&["--json", "--scope", "mcp:basic openid"]);
    let answer = login.succeeded().json();

    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&answer), ["schema", "login", "client", "tokens", "store"]);
    assert_eq!(answer["schema"], 1);
    assert_eq!(answer["store"], "file");
    assert_eq!(answer["login"]["server"], "box");
    assert_eq!(answer["login"]["account"], "default");
    assert_eq!(answer["login"]["url"], world.url());
    assert_eq!(answer["login"]["resource"], world.url());
    assert_eq!(answer["login"]["state"], json!({ "is": "active" }));
    assert_eq!(answer["login"]["identity"]["sub"], "sandy");
    assert_eq!(answer["client"]["issuer"], world.sandbox.origin());
    assert_eq!(answer["client"]["source"], "dynamic");
    assert_eq!(answer["tokens"]["scope"], "mcp:basic openid");
    assert_eq!(answer["tokens"]["refreshable"], true);
    assert!(!login.stdout.contains("sandbox_at_") && !login.stdout.contains("sandbox_rt_"), "{login:?}");

    let steps = world.login(&["--json", "--explain"]).json()["steps"].clone();
    assert_eq!(keys(&steps[0]), ["action", "outcome", "rule"]);
}

#[test]
fn a_failure_in_json_is_one_line_on_standard_error() {
    let world = World::with(SandboxOptions { advertise_pkce: false, ..SandboxOptions::default() });
    let login = world.login(&["--json"]);
    assert_eq!((login.exit, login.stdout.as_str()), (5, ""));
    let error: serde_json::Value = serde_json::from_str(&login.stderr).unwrap();
    assert_eq!((&error["schema"], &error["error"]["code"]), (&json!(1), &json!("refused")));
    assert_eq!(error["error"]["exit"], 5);
    assert!(error["error"]["hint"].as_str().unwrap().contains("--assume-pkce"));
}

#[test]
fn the_details_show_each_request_and_no_secret() {
    let options =
        SandboxOptions { auth_methods: vec!["client_secret_post".into()], ..SandboxOptions::default() };
    let world = World::with(options);
    let args = ["login", &world.url(), "--name", "box", "--no-browser", "--store", "file", "-vv"];
    let (child, seen, address) = world.start_login(world.command(&args));
    let redirect = get(&address.unwrap()).1.unwrap();
    get(&redirect);
    let login = finish(child, seen);

    for request in
        ["POST {}/mcp", "GET {}/.well-known/oauth-authorization-server", "POST {}/register", "POST {}/token"]
    {
        let request = request.replace("{}", world.sandbox.origin());
        assert!(login.succeeded().stderr.contains(&request), "no {request}: {login:?}");
    }
    let sent = world.sandbox.books().last_token_request.unwrap();
    let record = world.record();
    for secret in ["code", "code_verifier", "client_secret"] {
        assert!(!login.stderr.contains(&sent[secret]), "{secret}: {login:?}");
    }
    for prefix in ["sandbox_at_", "sandbox_rt_", "sandbox_reg_", "sandbox_code_", "sandbox_secret_"] {
        assert!(!login.stderr.contains(prefix), "{prefix}: {login:?}");
        // The record is what shows that there was something to be found.
        assert!(record.contains(prefix) || prefix == "sandbox_code_", "{prefix}");
    }
    let refresh = world.run(&["refresh", "box", "-vv"]);
    assert!(refresh.succeeded().stderr.contains("/token"), "{refresh:?}");
    assert!(
        !refresh.stderr.contains("sandbox_at_") && !refresh.stderr.contains("sandbox_rt_"),
        "{refresh:?}"
    );
}

#[test]
fn quiet_says_only_where_to_go() {
    let world = World::new();
    let login = world.login(&["--quiet"]);
    let said: Vec<_> = login.succeeded().stderr.lines().filter(|line| !line.is_empty()).collect();
    assert!(matches!(said.as_slice(), [address] if address.starts_with("http")), "{login:?}");
    assert_eq!(login.stdout, "");
}

#[test]
fn what_the_flags_settle_is_kept_for_the_server() {
    let world = World::new();
    world.login(&["--env", "BOX_TOKEN"]).succeeded();
    let seen = world.run(&["exec", "-s", "box", "--", "sh", "-c", "printf %s \"$BOX_TOKEN\""]);
    assert_eq!(seen.stdout, world.token(&[]));

    // Afterwards name and URL both work everywhere, and the name without regard to case.
    for server in ["box", "BOX", &world.url()] {
        assert_eq!(world.run(&["token", server]).succeeded().stdout.trim_end(), world.token(&[]));
    }
    world.login(&[]).succeeded();
    let shown = world.run(&["server", "show", "box", "--json"]).json().to_string();
    assert!(shown.contains("BOX_TOKEN"), "{shown}");
}

#[test]
fn a_server_has_one_name() {
    let world = World::signed_in(SandboxOptions::default());
    let url = world.url();
    let args = ["login", &url, "--name", "other", "--no-browser", "--store", "file"];
    world.run(&args).failed_with(2, "is already named box");
    world
        .run(&["login", "https://else.example/mcp", "--name", "box"])
        .failed_with(2, "the name box is taken");

    // Without a name of the user's it is the host.
    let unnamed = World::new();
    unnamed
        .login_as(unnamed.command(&["login", &unnamed.url(), "--no-browser", "--store", "file"]))
        .succeeded();
    unnamed.run(&["token", "127.0.0.1"]).succeeded();
}

#[test]
fn the_login_after_the_first_needs_only_the_name() {
    let world = World::signed_in(SandboxOptions::default());
    let mut command = world.command(&["login", "box", "--no-browser"]);
    command.stdin(Stdio::null());
    world.login_as(command).succeeded();
    assert_eq!(world.sandbox.books().codes_redeemed, 2);
}
