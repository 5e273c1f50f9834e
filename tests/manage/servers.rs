//! The administrator's side: servers that are named and settled before anybody signs in.

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use serde_json::json;

use crate::support::steps::{Document, file_of, parameters, run};
use crate::support::{World, finish};

/// Where an issuer sends somebody with a client that was registered by hand.
const REDIRECT: &str = "http://127.0.0.1/callback";

#[test]
fn a_server_that_was_prepared_needs_only_a_person() {
    let world = World::with(SandboxOptions {
        registration: false,
        any_loopback_port: true,
        auth_methods: vec!["client_secret_basic".into()],
        ..SandboxOptions::default()
    });
    world.sandbox.add_client("by-hand", Some("hush"), &[REDIRECT]);
    let flags = [
        "--client-id",
        "by-hand",
        "--client-secret-stdin",
        "--env",
        "BOX_TOKEN",
        "--scope",
        "mcp:basic openid",
    ];
    let url = world.url();
    let args =
        [&["server", "add", &url, "--name", "Box", "--store", "file", "--default"], &flags[..]].concat();
    let added = world.run_with_input(&args, "hush\n");
    assert!(added.succeeded().stderr.contains(&format!("settled Box (issuer {})", world.sandbox.origin())));
    assert_eq!(world.sandbox.books().codes_redeemed, 0);

    world.login_as(world.command(&["login", "--no-browser"])).succeeded();
    let books = world.sandbox.books();
    assert_eq!(books.last_auth_method.as_deref(), Some("client_secret_basic"));
    assert_eq!(books.last_authorize.unwrap()["scope"], "mcp:basic openid");
    let ran = world.run(&["exec", "--", "sh", "-c", "printf %s \"$BOX_TOKEN\""]);
    assert_eq!(ran.succeeded().stdout, world.token(&[]));

    // The profile is no place for a secret.
    let profile = std::fs::read_to_string(world.home().join(".config/mcpauth/servers/box.toml")).unwrap();
    assert!(profile.contains("BOX_TOKEN") && !profile.contains("hush"), "{profile}");
}

#[test]
fn name_and_address_are_as_good_as_each_other() {
    let world = World::signed_in(SandboxOptions::default());
    let url = world.url();
    for server in ["box", "BOX", &url, &url.replace("http", "HTTP")] {
        let inject = format!("T={server}:url");
        for args in [
            &["token", server][..],
            &["headers", server],
            &["status", server],
            &["refresh", server],
            &["discover", server],
            &["exec", "-s", server, "--", "true"],
            &["exec", "-e", &inject, "--", "true"],
            &["server", "show", server],
            &["server", "set", server, "--env", "BOX"],
            &["server", "test", server],
        ] {
            world.run(args).succeeded();
        }
        world.login_as(world.command(&["login", server, "--no-browser"])).succeeded();
        world.run(&["logout", server]).succeeded();
        world.run(&["server", "remove", server]).succeeded();
        world.login(&[]).succeeded();
    }
}

#[test]
fn a_server_is_shown_changed_listed_and_forgotten() {
    let world = World::new();
    world.run(&["server", "add", &world.url(), "--name", "box"]).succeeded();
    let listed = format!("box  {}\n", world.url());
    assert_eq!(world.run(&["server", "list"]).succeeded().stdout, listed);
    world
        .run(&[
            "server",
            "set",
            "box",
            "--scope",
            "a b",
            "--no-resource",
            "--metadata-ttl",
            "1h",
            "--default",
        ])
        .succeeded();
    let shown = world.run(&["server", "show", "--json"]).succeeded().json();
    assert_eq!(
        (&shown["scope"], &shown["metadata_ttl"], &shown["resource"]),
        (&json!("a b"), &json!(3600), &json!("omitted"))
    );
    assert!(world.run(&["server", "list"]).stdout.starts_with("box (default)  "));
    // What one change does not speak of stays; an empty scope goes back to the server's.
    world.run(&["server", "set", "box", "--scope", ""]).succeeded();
    let shown = world.run(&["server", "show"]).succeeded().stdout.clone();
    assert!(shown.contains("metadata_ttl = 3600") && !shown.contains("scope"), "{shown}");

    world.run(&["server", "remove", "box"]).succeeded();
    assert_eq!(world.run(&["server", "list"]).succeeded().stdout, "");
    world.run(&["server", "show", "box"]).failed_with(2, "no server is named box");
    // Nor is it the default any more.
    world.run(&["token"]).failed_with(2, "no server named");
}

#[test]
fn what_was_settled_can_be_unsettled() {
    let world = World::new();
    let url = world.url();
    let plain = world.run(&["server", "add", &url, "--name", "box"]).succeeded().stdout.clone();
    let untouched = world.run(&["server", "show", "box"]).succeeded().stdout.clone();
    assert_eq!(plain, "");
    let settled = [
        ("scope", vec!["--scope", "a"]),
        ("env", vec!["--env", "BOX"]),
        ("issuer", vec!["--issuer", world.sandbox.origin()]),
        ("resource", vec!["--no-resource"]),
        ("auth-params", vec!["--auth-param", "audience=x"]),
        ("assume-pkce", vec!["--assume-pkce"]),
        ("client-metadata-url", vec!["--client-metadata-url", "https://you.example/mcpauth.json"]),
        ("callback", vec!["--callback-port", "8976", "--callback-path", "/back"]),
        ("metadata-ttl", vec!["--metadata-ttl", "1h"]),
    ];
    for (what, flags) in settled {
        world.run(&[&["server", "set", "box"], &flags[..]].concat()).succeeded();
        assert_ne!(world.run(&["server", "show", "box"]).stdout, untouched, "{what}");
        world.run(&["server", "set", "box", "--unset", what]).succeeded();
        assert_eq!(world.run(&["server", "show", "box"]).stdout, untouched, "{what}");
    }
}

#[test]
fn a_server_that_is_not_as_it_should_be_is_not_added() {
    let world = World::new();
    for (fault, exit) in [
        (Fault::WrongIssuer, 5),
        (Fault::WrongResource, 5),
        (Fault::Html { endpoint: Endpoint::IssuerMetadata }, 8),
    ] {
        let told = format!("{fault:?}");
        world.sandbox.change(|options| options.faults = vec![fault]);
        let ran = world.run(&["server", "add", &world.url(), "--name", "box"]);
        assert_eq!(ran.exit, exit, "{told}: {ran:?}");
        assert_eq!(world.run(&["server", "list"]).stdout, "", "{told}");
    }
}

#[test]
fn a_test_tells_what_works_and_what_does_not() {
    let world = World::signed_in(SandboxOptions::default());
    let ran = world.run(&["server", "test", "box"]);
    for line in [
        "ok   discovery: issuer ",
        "ok   PKCE: ",
        "ok   issuer of the login: ",
        "ok   token at the server: accepted",
    ] {
        assert!(ran.succeeded().stdout.contains(line), "no {line} in {ran:?}");
    }
    let down = |status| Fault::Status { endpoint: Endpoint::Mcp, status, times: 99, retry_after: None };
    for (fault, exit, line) in [
        (Fault::WrongIssuer, 5, "FAIL discovery: "),
        (down(503), 6, "FAIL token at the server: the server is in trouble (503)"),
        (down(403), 3, "FAIL token at the server: refused (403)"),
    ] {
        world.sandbox.change(|options| options.faults = vec![fault]);
        let ran = world.run(&["server", "test", "box"]);
        assert!(ran.failed_with(exit, "failed").stdout.contains(line), "no {line} in {ran:?}");
    }
    world.sandbox.change(|options| options.faults.clear());
    let ran = world.run(&["server", "test", "box", "--account", "work"]);
    assert!(
        ran.failed_with(3, "failed").stdout.contains("FAIL login: not signed in to box as account work"),
        "{ran:?}"
    );
}

/// The client that an attempt at `box` would sign in with.
fn client(world: &World, flags: &[&str], variables: &[(&str, &str)]) -> String {
    let args = [&["login", "box", "--no-browser", "--timeout", "1"], flags].concat();
    let mut command = world.after_a_while().command(&args);
    command.envs(variables.iter().copied());
    let (child, seen, address) = world.start_login(command);
    let client = parameters(&address.unwrap_or_else(|| panic!("{seen}")))["client_id"].clone();
    finish(child, seen).failed_with(4, "nobody finished");
    // One person would not come to nothing so often.
    std::fs::remove_dir_all(world.home().join(".local/state/mcpauth/login-trouble")).unwrap();
    client
}

#[test]
fn flag_variable_profile_and_configuration_are_asked_in_this_order() {
    let world = World::with(SandboxOptions { any_loopback_port: true, ..SandboxOptions::default() });
    let documents: Vec<Document> = ["/configuration", "/profile", "/variable", "/flag"]
        .map(|path| {
            Document::serve(path, |url| {
                json!({ "client_id": url, "client_name": "mcpauth", "redirect_uris": [REDIRECT],
            "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"] })
            })
        })
        .into();
    let [configuration, profile, variable, flag] = documents.as_slice() else { unreachable!() };
    let named = [("MCPAUTH_CLIENT_METADATA_URL", variable.url.as_str())];

    // By default there is none, and the client is registered.
    world.login(&[]).succeeded();
    assert!(client(&world, &[], &[]).starts_with("sandbox_client_"));
    world.settle(&format!("client_metadata_url = '{}'", configuration.url));
    assert_eq!(client(&world, &[], &[]), configuration.url);
    world.run(&["server", "set", "box", "--client-metadata-url", &profile.url]).succeeded();
    assert_eq!(client(&world, &[], &[]), profile.url);
    assert_eq!(client(&world, &[], &named), variable.url);
    assert_eq!(client(&world, &["--client-metadata-url", &flag.url], &named), flag.url);
    // A login that came to nothing has settled nothing.
    assert_eq!(client(&world, &[], &[]), profile.url);
}

#[test]
fn the_store_is_the_flags_else_the_variables() {
    let world = World::new();
    let url = world.url();
    let mut command = world.command(&["login", &url, "--name", "box", "--no-browser", "--store", "memory"]);
    command.env("MCPAUTH_STORE", "file");
    world.login_as(command).succeeded();
    assert!(world.records().is_empty());
    let mut command = world.command(&["login", "box", "--no-browser"]);
    command.env("MCPAUTH_STORE", "file").stdin(file_of(""));
    world.login_as(command).succeeded();
    assert_eq!(world.records().len(), 1);
    let mut command = world.command(&["token", "box"]);
    command.env("MCPAUTH_STORE", "keychain");
    run(command).failed_with(2, "logins are stored in the file store");
}
