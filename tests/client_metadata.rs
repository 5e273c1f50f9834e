//! The client id metadata document that is ready to be hosted: what the draft demands of it, and that issuers take it.

#[path = "support/mod.rs"]
mod support;

use mcpauth::sandbox::SandboxOptions;
use serde_json::{Value, json};

use support::World;

const DOCUMENT: &str = include_str!("../docs/client-metadata.json");

/// MCP 25.
#[test]
fn the_document_is_what_the_draft_demands() {
    assert!(DOCUMENT.len() <= 5 * 1024);
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let id = url::Url::parse(document["client_id"].as_str().unwrap()).unwrap();
    assert!(id.scheme() == "https" && id.path().len() > 1 && id.query().is_none() && id.fragment().is_none());
    assert_eq!(document["token_endpoint_auth_method"], "none");
    assert_eq!(document["application_type"], "native");
    assert!(document.get("client_secret").is_none() && document["client_name"].is_string());
    for grant in ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"] {
        assert!(document["grant_types"].as_array().unwrap().contains(&json!(grant)), "{grant}");
    }
    // Portless for issuers that take any port of this machine, with a port for those that compare texts.
    let redirects = document["redirect_uris"].as_array().unwrap();
    let ports =
        mcpauth::flows::login::PUBLISHED_PORTS.map(|port| format!("http://127.0.0.1:{port}/callback"));
    let bare = ["127.0.0.1", "[::1]", "localhost"].map(|host| format!("http://{host}/callback"));
    for redirect in ports.iter().chain(&bare) {
        assert!(redirects.contains(&json!(redirect)), "{redirect}");
    }
}

/// MCP 25.
#[test]
fn a_login_with_a_document_waits_at_a_port_that_the_document_names() {
    let world = World::with(SandboxOptions { any_loopback_port: true, ..SandboxOptions::default() });
    // The sandbox refuses a document that it cannot fetch; where the browser is to come back is settled before that.
    let url = world.url();
    let args = ["login", &url, "--name", "box", "--no-browser", "--store", "file", "--client-metadata-url"];
    let document = "https://client.example/client-metadata.json";
    let (mut child, _, address) = world.start_login(world.command(&[&args[..], &[document]].concat()));
    let address = url::Url::parse(&address.unwrap()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let asked: std::collections::HashMap<_, _> = address.query_pairs().into_owned().collect();
    assert_eq!(asked["client_id"], document);
    let port = url::Url::parse(&asked["redirect_uri"]).unwrap().port().unwrap();
    let taken = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_err();
    let published = mcpauth::flows::login::PUBLISHED_PORTS;
    assert!(published.contains(&port) || published.iter().all(|port| taken(*port)), "{port}");
}
