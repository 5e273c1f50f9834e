//! Becoming a client: brought by the user, by metadata document, by registration, or not at all.

use std::net::TcpListener;

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use serde_json::json;

use crate::support::steps::{Document, callback_port, parameters, port_of_its_own};
use crate::support::{World, call, get};

/// What a person registers by hand: loopback redirects with any port (RFC 8252 section 7.3).
const REDIRECT: &str = "http://127.0.0.1/callback";
/// Every character that one of the two ways to send it has to encode.
const SECRET: &str = "s3cret: a+b&c=d%2F/ä";

/// An issuer whose clients are registered by hand.
fn by_hand() -> SandboxOptions {
    SandboxOptions {
        registration: false,
        metadata_documents: false,
        any_loopback_port: true,
        ..SandboxOptions::default()
    }
}

fn client_id(world: &World) -> String {
    world.sandbox.books().last_authorize.unwrap()["client_id"].clone()
}

/// MCP 23.
#[test]
fn a_client_that_the_user_brings_comes_before_every_other_way() {
    let world = World::with(SandboxOptions { any_loopback_port: true, ..SandboxOptions::default() });
    world.sandbox.add_client("brought", None, &[REDIRECT]);
    let document = "https://client.example/mcpauth.json";

    world.login(&["--client-id", "brought", "--client-metadata-url", document]).succeeded();
    assert_eq!(client_id(&world), "brought");
    assert_eq!(world.sandbox.books().last_auth_method.as_deref(), Some("none"));

    // It is remembered, so the next login needs no flag.
    world.login(&[]).succeeded();
    assert_eq!(client_id(&world), "brought");
    assert_eq!(world.sandbox.books().registrations, 0);
}

/// Many issuers refuse a client what it was not registered for, and say so only on the person's page.
#[test]
fn a_client_that_was_registered_for_less_is_replaced_by_one_that_is_good_for_both() {
    let scopes_supported = ["mcp:tools", "mcp:more"].map(String::from).into();
    let world = World::with(SandboxOptions { scopes_supported, ..SandboxOptions::default() });
    let registered = || world.sandbox.books().last_registration.unwrap()["scope"].clone();
    world.login(&["--scope", "mcp:tools"]).succeeded();
    assert_eq!(registered(), "mcp:tools");
    world.login(&["--add-scope", "mcp:more"]).succeeded();
    assert_eq!(registered(), "mcp:tools mcp:more");
    for less in [["--scope", "mcp:tools"], ["--scope", "mcp:more"]] {
        world.login(&less).succeeded();
    }
    assert_eq!(world.sandbox.books().registrations, 2);
}

/// MCP 37.
#[test]
fn a_public_client_needs_no_secret_where_none_is_not_advertised() {
    let world = World::with(by_hand());
    world.sandbox.add_client("public", None, &[REDIRECT]);
    let metadata = world.sandbox.origin().to_owned() + "/.well-known/oauth-authorization-server";
    let mut metadata: serde_json::Value = serde_json::from_str(&get(&metadata).2).unwrap();
    metadata["token_endpoint_auth_methods_supported"] = json!(["client_secret_basic", "client_secret_post"]);
    let lie = Fault::Body {
        endpoint: Endpoint::IssuerMetadata,
        status: 200,
        content_type: "application/json".into(),
        body: metadata.to_string(),
        times: 99,
    };
    world.sandbox.change(|options| options.faults = vec![lie]);

    world.login(&["--client-id", "public"]).succeeded();
    world.run(&["refresh", "box"]).succeeded();
    assert_eq!(world.sandbox.books().last_auth_method.as_deref(), Some("none"));
}

/// MCP 37.
#[test]
fn a_client_secret_is_shown_in_the_way_that_the_issuer_takes() {
    for method in ["client_secret_basic", "client_secret_post"] {
        let world = World::with(SandboxOptions { auth_methods: vec![method.into()], ..by_hand() });
        world.sandbox.add_client("brought", Some(SECRET), &[REDIRECT]);

        let flags = ["--client-id", "brought", "--client-secret-stdin", "-v"];
        let login = world.login_with_input(&flags, &format!("{SECRET}\n"));
        assert!(!login.succeeded().stderr.contains("s3cret"), "{login:?}");
        assert_eq!(world.sandbox.books().last_auth_method.as_deref(), Some(method));

        world.run(&["refresh", "box"]).succeeded();
        let books = world.sandbox.books();
        assert_eq!((books.refreshes, books.last_auth_method.as_deref()), (1, Some(method)));
        assert_eq!(books.violations, Vec::<String>::new());
    }
}

#[test]
fn a_client_without_a_secret_is_public_also_where_only_secrets_are_listed() {
    let listed = ["client_secret_basic", "client_secret_post"].map(String::from).into();
    let world = World::with(SandboxOptions { auth_methods: listed, ..by_hand() });
    world.sandbox.add_client("brought", None, &[REDIRECT]);
    world.login(&["--client-id", "brought"]).succeeded();
    assert_eq!(world.sandbox.books().last_auth_method.as_deref(), Some("none"));
}

#[test]
fn a_wrong_client_secret_ends_the_login_and_leaves_nothing() {
    let world = World::with(by_hand());
    world.sandbox.add_client("brought", Some(SECRET), &[REDIRECT]);

    let flags = ["--client-id", "brought", "--client-secret-stdin"];
    world.login_with_input(&flags, "another").failed_with(4, "invalid_client");
    world.login_with_input(&flags, "").failed_with(2, "no client secret on standard input");
    assert!(world.records().is_empty());
}

/// MCP 23, 25.
#[test]
fn a_metadata_document_comes_before_registration() {
    let world = World::with(SandboxOptions { any_loopback_port: true, ..SandboxOptions::default() });
    let document = Document::serve("/client.json", |url| {
        json!({ "client_id": url, "client_name": "mcpauth", "redirect_uris": [REDIRECT],
            "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"] })
    });

    world.login(&["--client-metadata-url", &document.url]).succeeded();
    assert_eq!(client_id(&world), document.url);
    world.run(&["refresh", "box"]).succeeded();
    let books = world.sandbox.books();
    assert_eq!((books.registrations, books.refreshes), (0, 1));
    assert_eq!(books.violations, Vec::<String>::new());

    // An issuer that does not take such documents gets a registration.
    world.sandbox.change(|options| options.metadata_documents = false);
    world.login(&["--fresh"]).succeeded();
    assert_ne!(client_id(&world), document.url);
    assert_eq!(world.sandbox.books().registrations, 1);

    // Once it takes them, the document comes before what was registered meanwhile, too.
    world.sandbox.change(|options| options.metadata_documents = true);
    world.login(&["--fresh"]).succeeded();
    assert_eq!(client_id(&world), document.url);
}

/// MCP 26.
#[test]
fn a_registration_says_that_this_is_a_native_application() {
    let options = SandboxOptions { require_application_type: true, ..SandboxOptions::default() };
    let world = World::signed_in(options);

    let books = world.sandbox.books();
    let registration = books.last_registration.unwrap();
    assert_eq!(registration["application_type"], "native");
    assert_eq!(registration["token_endpoint_auth_method"], "none");
    assert_eq!(registration["grant_types"], json!(["authorization_code", "refresh_token"]));
    assert_eq!(registration["redirect_uris"], json!([books.last_authorize.unwrap()["redirect_uri"]]));
}

/// MCP 37.
#[test]
fn an_issuer_that_registers_only_with_a_secret_gets_it_shown() {
    let method = "client_secret_post";
    let options = SandboxOptions { auth_methods: vec![method.into()], ..SandboxOptions::default() };
    let world = World::signed_in(options);

    world.run(&["refresh", "box"]).succeeded();
    let books = world.sandbox.books();
    assert_eq!((books.refreshes, books.last_auth_method.as_deref()), (1, Some(method)));
}

/// MCP 23.
#[test]
fn without_any_way_the_message_says_what_to_register_and_what_to_type() {
    let world = World::with(SandboxOptions { any_loopback_port: false, ..by_hand() });
    let login = world.login(&[]);
    login.failed_with(2, "registers no clients by itself");

    // Doing as told leads to a login.
    let (_, rest) = login.stderr.split_once("with the redirect URI ").unwrap();
    let (redirect, rest) = rest.split_once(',').unwrap();
    let (command, _) = rest.split_once("`mcpauth ").unwrap().1.split_once('`').unwrap();
    world.sandbox.add_client("by-hand", None, &[redirect]);
    let command = command.replace("--client-id ID", "--client-id by-hand --no-browser --store file");
    let args: Vec<&str> = command.split_whitespace().collect();
    world.login_as(world.command(&args)).succeeded();
    assert_eq!(client_id(&world), "by-hand");
}

/// MCP 20.
#[test]
fn a_second_login_keeps_the_registration_and_its_port() {
    let world = World::signed_in(SandboxOptions::default());
    let redirect = || world.sandbox.books().last_authorize.unwrap()["redirect_uri"].clone();
    let first = redirect();

    world.login(&[]).succeeded();
    assert_eq!((redirect(), world.sandbox.books().registrations), (first.clone(), 1));

    // The issuer compares redirects as strings, so another port needs another registration.
    let port = url::Url::parse(&first).unwrap().port().unwrap();
    let occupied = TcpListener::bind(("127.0.0.1", port)).unwrap();
    world.login(&[]).succeeded();
    let second = redirect();
    assert_ne!(second, first);
    assert_eq!(world.sandbox.books().registrations, 2);

    drop(occupied);
    world.login(&[]).succeeded();
    assert_eq!((redirect(), world.sandbox.books().registrations), (second, 2));
    assert_eq!(world.sandbox.books().violations, Vec::<String>::new());
}

#[test]
fn a_login_that_nobody_finished_keeps_its_registration_for_the_next() {
    let world = World::new();
    world.run(&["login", &world.url(), "--no-browser", "--store", "file", "--timeout", "1"]);
    world.run(&["login", &world.url(), "--no-browser", "--store", "file", "--timeout", "1"]);
    assert_eq!(world.sandbox.books().registrations, 1);
}

#[test]
fn whoever_signed_out_may_choose_another_store_and_gets_another_client() {
    let world = World::signed_in(SandboxOptions::default());
    world.run(&["logout", "--all"]).succeeded();
    let settings = world.home().join(".config/mcpauth/config.toml");
    let with_passphrase =
        std::fs::read_to_string(&settings).unwrap() + "passphrase_command = ['echo', 'horse']\n";
    std::fs::write(&settings, with_passphrase).unwrap();

    let login = world.login_as(world.command(&["login", "box", "--no-browser", "--store", "passphrase"]));
    login.succeeded();
    assert!(login.stderr.contains("stays behind in the file store"), "{login:?}");
    assert_eq!(world.sandbox.books().registrations, 2);
    assert_eq!(call(&world.url(), world.run(&["token", "box"]).stdout.trim_end()), 200);
}

/// MCP 20.
#[test]
fn a_callback_of_the_users_own_is_registered_and_answered() {
    let world = World::new();
    let free = port_of_its_own().to_string();
    let callback = ["--callback-host", "localhost", "--callback-port", &free, "--callback-path", "/here"];
    world.login(&callback).succeeded();
    let books = world.sandbox.books();
    assert_eq!(books.last_authorize.unwrap()["redirect_uri"], format!("http://localhost:{free}/here"));

    // It is settled for the server, and no other port will do.
    let _occupied = TcpListener::bind(format!("127.0.0.1:{free}")).unwrap();
    world.login(&[]).failed_with(6, &format!("port {free} is in use"));
}

#[test]
fn the_printed_address_is_the_one_that_the_issuer_saw() {
    let world = World::new();
    let args = ["login", &world.url(), "--name", "box", "--no-browser", "--store", "file"];
    let (child, seen, address) = world.start_login(world.command(&args));
    let address = address.unwrap();
    assert_ne!(callback_port(&address), 0);
    crate::support::follow(&address);
    crate::support::finish(child, seen).succeeded();
    let seen = world.sandbox.books().last_authorize.unwrap();
    assert_eq!(parameters(&address), seen.into_iter().collect());
}
