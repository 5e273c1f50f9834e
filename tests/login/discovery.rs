//! Finding the issuer, and what is asked of it: scope, resource, PKCE.

use mcpauth::sandbox::SandboxOptions;

use crate::support::{World, call};

/// The parameters of the last authorization and token requests.
fn asked(world: &World, name: &str) -> [Option<String>; 2] {
    let books = world.sandbox.books();
    [books.last_authorize, books.last_token_request].map(|request| request.unwrap().get(name).cloned())
}

fn scope_of(options: SandboxOptions, flags: &[&str]) -> Option<String> {
    let world = World::with(options);
    world.login(flags).succeeded();
    let [authorize, token] = asked(&world, "scope");
    assert_eq!(token, None, "a code is redeemed for what was consented to");
    let registered = world.sandbox.books().last_registration.unwrap()["scope"].clone();
    assert_eq!(
        registered.as_str(),
        authorize.as_deref(),
        "some issuers refuse later what was not registered"
    );
    authorize
}

/// MCP 14.
#[test]
fn a_server_of_2025_03_26_is_its_own_issuer() {
    for issuer_metadata in [true, false] {
        let options =
            SandboxOptions { resource_metadata: false, issuer_metadata, ..SandboxOptions::default() };
        let world = World::with(options);

        let login = world.login(&[]);
        assert!(login.succeeded().stderr.contains("nothing vouches for the one at its own address"));
        assert_eq!(call(&world.url(), &world.token(&[])), 200);
        world.run(&["refresh", "box"]).succeeded();

        let books = world.sandbox.books();
        for place in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server"]
        {
            assert!(books.requests.contains(&format!("GET {place}")), "{:?}", books.requests);
        }
        for endpoint in ["POST /register", "GET /authorize", "POST /token"] {
            assert!(books.requests.contains(&endpoint.to_owned()), "{:?}", books.requests);
        }
        assert_eq!(books.violations, Vec::<String>::new());
    }
}

#[test]
fn what_is_meant_for_this_machine_goes_through_no_proxy() {
    let world = World::new();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    world.settle(&format!("[network]\nproxy = '{address}'"));
    let mut login =
        world.command(&["login", &world.url(), "--name", "box", "--no-browser", "--store", "file"]);
    login.env("HTTP_PROXY", &address).env("http_proxy", &address).env("ALL_PROXY", &address);
    world.login_as(login).succeeded();
    let error = proxy.accept().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

/// MCP 9.
#[test]
fn metadata_may_be_only_where_openid_connect_puts_it() {
    let world = World::signed_in(SandboxOptions { openid_only: true, ..SandboxOptions::default() });
    let requests = world.sandbox.books().requests;
    let at = |path: &str| requests.iter().position(|request| *request == format!("GET {path}"));
    let oauth = at("/.well-known/oauth-authorization-server");
    let openid = at("/.well-known/openid-configuration");
    assert!(oauth < openid && oauth.is_some(), "{requests:?}");
}

/// MCP 33.
#[test]
fn the_scope_is_the_users_else_the_challenges_else_the_servers_else_none() {
    let silent = || SandboxOptions { challenge_scope: None, ..SandboxOptions::default() };
    let words = |text: &str| Some(text.to_owned());

    assert_eq!(scope_of(SandboxOptions::default(), &["--scope", "mcp:admin"]), words("mcp:admin"));
    assert_eq!(scope_of(SandboxOptions::default(), &[]), words("mcp:basic"));
    assert_eq!(scope_of(silent(), &[]), words("mcp:basic mcp:admin"));
    assert_eq!(scope_of(SandboxOptions { scopes_supported: Vec::new(), ..silent() }, &[]), None);
}

/// MCP 34.
#[test]
fn offline_access_is_asked_for_where_it_is_listed_and_only_there() {
    let offline = || SandboxOptions { offline_access: true, ..SandboxOptions::default() };
    assert_eq!(scope_of(offline(), &[]).as_deref(), Some("mcp:basic offline_access"));
    assert_eq!(scope_of(SandboxOptions::default(), &[]).as_deref(), Some("mcp:basic"));

    let world = World::signed_in(offline());
    world.run(&["refresh", "box"]).succeeded();

    // Nobody adds to what the user asks for; what that means is said.
    let login = world.login(&["--scope", "mcp:basic"]);
    assert!(login.succeeded().stderr.contains("warning: the issuer gave no refresh token"), "{login:?}");
}

/// MCP 29, 32.
#[test]
fn the_resource_is_the_same_in_every_request() {
    let world = World::new();
    for (flags, resource) in [
        (&[][..], Some(world.url())),
        (&["--resource", &format!("{}/other", world.sandbox.origin())], {
            Some(format!("{}/other", world.sandbox.origin()))
        }),
        // Settled by the login before.
        (&[], Some(format!("{}/other", world.sandbox.origin()))),
    ] {
        world.login(flags).succeeded();
        assert_eq!(asked(&world, "resource"), [resource.clone(), resource.clone()]);
        world.run(&["refresh", "box"]).succeeded();
        let books = world.sandbox.books();
        assert_eq!(books.last_token_request.unwrap().get("resource"), resource.as_ref());
    }
}

/// MCP 32.
#[test]
fn an_issuer_that_takes_no_resource_gets_none() {
    let world = World::with(SandboxOptions { require_resource: false, ..SandboxOptions::default() });
    world.login(&["--no-resource"]).succeeded();
    assert_eq!(asked(&world, "resource"), [None, None]);
    world.run(&["refresh", "box"]).succeeded();
    assert_eq!(asked(&world, "resource"), [None, None]);
    assert_eq!(world.sandbox.books().refreshes, 1);
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
}

/// MCP 16.
#[test]
fn pkce_that_is_not_advertised_has_to_be_assumed_by_the_user() {
    let world = World::with(SandboxOptions { advertise_pkce: false, ..SandboxOptions::default() });
    let login = world.login(&[]);
    login.failed_with(5, "does not advertise PKCE with S256");
    assert!(login.stderr.contains("--assume-pkce"), "{login:?}");
    let requests = world.sandbox.books().requests;
    assert!(!requests.iter().any(|request| request.starts_with("POST /register")), "{requests:?}");

    // It is used all the same: the sandbox checks challenge and verifier.
    world.login(&["--assume-pkce"]).succeeded();
    assert_eq!(asked(&world, "code_challenge_method")[0].as_deref(), Some("S256"));
    world.login(&[]).succeeded();
}

#[test]
fn further_parameters_are_the_users() {
    let world = World::with(SandboxOptions::default());
    world.login(&["--auth-param", "audience=a b&c", "--auth-param", "tenant=x"]).succeeded();
    assert_eq!(asked(&world, "audience")[0].as_deref(), Some("a b&c"));
    assert_eq!(asked(&world, "tenant")[0].as_deref(), Some("x"));
}

/// MCP 8.
#[test]
fn an_issuer_that_the_user_names_is_the_only_one_asked() {
    let server = World::new();
    let elsewhere = World::new();
    let login = server.login(&["--issuer", elsewhere.sandbox.origin()]);
    // The other sandbox is strict: it gives no tokens for this server.
    assert_eq!(login.exit, 4, "{login:?}");
    let resource = elsewhere.sandbox.books().last_authorize.unwrap()["resource"].clone();
    assert_eq!(resource, server.url());
    assert!(!server.sandbox.books().requests.contains(&"GET /authorize".to_owned()));
}

#[test]
fn a_step_that_got_no_answer_is_shown_like_the_others() {
    let mut world = World::new();
    let url = world.url();
    world.cut_off();
    let ran = world.run(&["discover", &url]);
    ran.failed_with(6, "cannot reach 127.0.0.1");
    assert!(ran.stdout.starts_with(&format!("POST {url} tools/list")), "{ran:?}");
    assert!(ran.stdout.contains("cannot reach 127.0.0.1"), "{ran:?}");
    assert_eq!(world.run(&["discover", &url, "--json"]).json()["steps"].as_array().unwrap().len(), 1);
}

/// MCP 4.
#[test]
fn explain_names_each_step_and_its_rule() {
    let world = World::new();
    let login = world.login(&["--explain"]);
    for words in ["RFC 9728", "RFC 8414", "RFC 8707"] {
        assert!(login.succeeded().stderr.contains(words), "no {words}: {login:?}");
    }
}
