//! The company's identity provider vouches for the person (MCP Enterprise-Managed Authorization).

use mcpauth::sandbox::{Endpoint, Exchange, Fault, JagFault, Preregistered, SandboxOptions, TrustedIssuer};

use super::support::{Ran, World, call};
use super::{client, knowing, login_args};

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const SECRET: &str = "canary-here";

/// An identity provider, and a server whose issuer takes its word. One home is signed in to both.
struct Company {
    provider: World,
    server: World,
}

impl Company {
    fn new() -> Self {
        let there: Preregistered =
            client("there", None, &["authorization_code", "refresh_token", TOKEN_EXCHANGE]);
        let provider = World::with(SandboxOptions { require_resource: false, ..knowing(&[there]) });
        let trusted = TrustedIssuer { issuer: provider.sandbox.issuer(), key: provider.sandbox.public_key() };
        let here = client("here", Some(SECRET), &[JWT_BEARER]);
        let server = World::with(SandboxOptions { trusted_issuers: vec![trusted], ..knowing(&[here]) });
        let exchange = Exchange {
            client_id: "there".into(),
            audience: server.sandbox.issuer(),
            resource: server.sandbox.mcp_url(),
            client_id_there: "here".into(),
        };
        provider.sandbox.change(|options| options.exchanges = vec![exchange]);
        Self { provider, server }
    }

    /// Signs in at the provider, in the home of the server.
    fn sign_in_there(&self) -> Ran {
        let issuer = self.provider.sandbox.issuer();
        let args = ["login", &issuer, "--name", "idp", "--identity-provider", "--client-id", "there"];
        let rest = ["--no-browser", "--store", "file"];
        self.server.login_as(self.server.command(&[&args[..], &rest[..]].concat()))
    }

    /// Signs in at the server on the provider's word.
    fn sign_in_here(&self, flags: &[&str]) -> Ran {
        let flags = [&["--client-id", "here", "--client-secret-stdin"], flags].concat();
        self.server.run_with_input(&login_args(&self.server.url(), &flags), SECRET)
    }
}

/// MCP 46.
#[test]
fn one_sign_in_at_the_company_opens_its_servers_without_a_browser() {
    let company = Company::new();
    let world = &company.server;
    company.sign_in_there().succeeded();
    company.sign_in_here(&["--grant", "enterprise"]).succeeded();
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
    let books = world.sandbox.books();
    assert_eq!((books.assertions, books.codes_issued, &*books.families[0].sub), (1, 0, "sandy"));
    let exchange = company.provider.sandbox.books().last_token_request.unwrap();
    assert_eq!(exchange["audience"], world.sandbox.issuer());
    assert_eq!(exchange["resource"], world.url());
    // Asked for anew each time, and the assertion is kept nowhere.
    world.run(&["refresh", "box"]).succeeded();
    assert_eq!((world.sandbox.books().assertions, company.provider.sandbox.books().exchanges), (2, 2));
    let assertion = world.sandbox.books().last_token_request.unwrap()["assertion"].clone();
    assert!(!super::stored(world).contains(&assertion));

    // What the provider ends, ends here at the next question.
    let refusal = Fault::Body {
        endpoint: Endpoint::Token,
        status: 400,
        content_type: "application/json".into(),
        body: r#"{"error":"invalid_grant"}"#.into(),
        times: 1,
    };
    company.provider.sandbox.change(|options| options.faults = vec![refusal]);
    world.run(&["refresh", "box"]).failed_with(3, "idp no longer vouches for you");
}

/// MCP 46.
#[test]
fn an_id_token_that_something_else_keeps_will_do_as_well() {
    let company = Company::new();
    let world = &company.server;
    company.sign_in_there().succeeded();
    let id_token = world.run(&["token", "idp", "--field", "id_token"]).succeeded().stdout.clone();
    let file = world.home().join("id-token");
    std::fs::write(&file, id_token).unwrap();
    let (file, issuer) = (file.to_string_lossy().into_owned(), company.provider.sandbox.issuer());
    let subject = ["--subject-token-file", &file];
    company.sign_in_here(&subject).failed_with(2, "where to take it");
    let rest = ["--idp-issuer", &issuer, "--idp-client-id", "there"];
    company.sign_in_here(&[&subject[..], &rest[..]].concat()).succeeded();
    assert_eq!(call(&world.url(), &world.token(&[])), 200);
}

/// MCP 46.
#[test]
fn what_the_provider_says_of_somebody_or_something_else_goes_no_further() {
    let faults = [
        JagFault::Audience,
        JagFault::Resource,
        JagFault::Client,
        JagFault::Type,
        JagFault::IssuedTokenType,
        JagFault::TokenType,
        JagFault::Expired,
    ];
    let company = Company::new();
    company.sign_in_there().succeeded();
    for fault in faults {
        company.provider.sandbox.change(|options| options.faults = vec![Fault::Jag(fault)]);
        company.sign_in_here(&["--grant", "enterprise"]).failed_with(8, "token exchange answer");
    }
    let books = company.server.sandbox.books();
    assert_eq!((books.assertions, books.assertions_refused), (0, 0));
    assert!(company.server.run(&["status", "box"]).exit != 0);
}

/// MCP 46.
#[test]
fn nobody_vouches_for_whom_the_provider_does_not_know() {
    let company = Company::new();
    company.sign_in_here(&["--grant", "enterprise"]).failed_with(2, "which identity provider");
    company.sign_in_here(&["--idp", "elsewhere"]).failed_with(2, "no identity provider is named elsewhere");
    company.sign_in_there().succeeded();
    company.server.run(&["logout", "idp"]).succeeded();
    company.sign_in_here(&["--idp", "idp"]).failed_with(3, "not signed in to idp");
}

/// MCP 31, 46.
#[test]
fn what_one_provider_gave_is_not_shown_to_another_of_its_name() {
    let company = Company::new();
    let world = &company.server;
    company.sign_in_there().succeeded();
    company.sign_in_here(&["--grant", "enterprise"]).succeeded();
    world.run(&["logout", "idp"]).succeeded();
    world.run(&["server", "remove", "idp"]).succeeded();
    let there = client("there", None, &["authorization_code", "refresh_token", TOKEN_EXCHANGE]);
    let other = World::with(SandboxOptions { require_resource: false, ..knowing(&[there]) });
    let issuer = other.sandbox.issuer();
    let args = ["login", &issuer, "--name", "idp", "--identity-provider", "--client-id", "there"];
    world.login_as(world.command(&[&args[..], &["--no-browser"]].concat())).succeeded();
    let before = company.provider.sandbox.books().requests;
    let ran = world.run(&["refresh", "box"]);
    ran.failed_with(3, "vouched for you at box");
    assert_eq!(company.provider.sandbox.books().requests, before, "{ran:?}");
}
