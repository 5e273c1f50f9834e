//! Clients that make themselves known.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use serde_json::{Value, json};

use super::world::{REDIRECT, World};

#[tokio::test]
async fn a_registered_client_can_log_in_and_delete_itself() {
    let world = World::new();
    let metadata = json!({
        "client_name": "a test", "redirect_uris": [REDIRECT], "application_type": "native",
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    });
    let reply = world.register(&metadata).await;
    assert_eq!(reply.status, 201);
    let document = reply.json();
    assert!(document.get("client_secret").is_none());
    for (name, value) in metadata.as_object().unwrap() {
        assert_eq!(document[name], *value, "{name}");
    }
    let id = reply.member("client_id");
    let code = world.code(&world.authorization().with("client_id", &id)).await;
    let tokens = world.post("/token", &world.redemption(&code).with("client_id", &id)).await;
    assert_eq!(world.knock(&tokens.member("access_token")).await, 200);

    let path = format!("/register/{id}");
    assert_eq!(reply.member("registration_client_uri"), world.url(&path));
    let manage = async |method: &str, token: &str| {
        let request = world.request(method, &path).header("authorization", format!("Bearer {token}"));
        world.send(request).await.status
    };
    let token = reply.member("registration_access_token");
    assert_eq!((manage("DELETE", "guessed").await, manage("GET", &token).await), (401, 200));
    assert_eq!((manage("DELETE", &token).await, manage("GET", &token).await), (204, 401));
    assert_eq!(world.knock(&tokens.member("access_token")).await, 401);
    assert_eq!(world.authorize(&world.authorization().with("client_id", &id)).await.status, 400);
    let books = world.sandbox.books();
    assert_eq!((books.registrations, books.deletions), (1, 1));
    assert_eq!(books.last_registration, Some(metadata));
}

#[tokio::test]
async fn a_client_without_the_refresh_grant_gets_no_refresh_token() {
    let world = World::new();
    let metadata = json!({ "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
    let id = world.register(&metadata).await.member("client_id");
    let code = world.code(&world.authorization().with("client_id", &id)).await;
    let tokens = world.post("/token", &world.redemption(&code).with("client_id", &id)).await;
    assert_eq!(tokens.status, 200);
    assert!(tokens.json().get("refresh_token").is_none());
}

#[tokio::test]
async fn a_registration_that_makes_no_sense_is_refused() {
    let world = World::with(|options| options.auth_methods = vec!["none".into()]);
    let public = |extra: Value| {
        let mut metadata = json!({ "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
        let members = extra.as_object().unwrap().clone();
        metadata.as_object_mut().unwrap().extend(members);
        metadata
    };
    for (metadata, error) in [
        (json!({ "token_endpoint_auth_method": "none" }), "invalid_redirect_uri"),
        (public(json!({ "redirect_uris": [] })), "invalid_redirect_uri"),
        (public(json!({ "redirect_uris": ["http://example.com/cb"] })), "invalid_redirect_uri"),
        (public(json!({ "redirect_uris": ["javascript:alert(1)"] })), "invalid_redirect_uri"),
        (public(json!({ "application_type": "web" })), "invalid_redirect_uri"),
        (public(json!({ "application_type": "toaster" })), "invalid_client_metadata"),
        (public(json!({ "redirect_uris": "x" })), "invalid_client_metadata"),
        (public(json!({ "grant_types": ["client_credentials"] })), "invalid_client_metadata"),
        (public(json!({ "response_types": ["token"] })), "invalid_client_metadata"),
        (json!({ "redirect_uris": [REDIRECT] }), "invalid_client_metadata"),
        (json!([]), "invalid_client_metadata"),
    ] {
        assert_eq!(world.register(&metadata).await.error(), (400, error.into()), "{metadata}");
    }
    assert_eq!(world.register(&public(json!({}))).await.status, 201);
    world.sandbox.change(|options| options.require_application_type = true);
    assert_eq!(world.register(&public(json!({}))).await.error(), (400, "invalid_redirect_uri".into()));
    assert_eq!(world.register(&public(json!({ "application_type": "native" }))).await.status, 201);
}

/// Serves one document at `/client.json` of a port of its own, as often as it is asked.
fn publish(edit: impl Fn(&mut Value)) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/client.json", listener.local_addr().unwrap());
    let mut document = json!({
        "client_id": url, "client_name": "<published>", "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
    });
    edit(&mut document);
    let body = document.to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut seen = Vec::new();
            let mut byte = [0];
            while !seen.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                seen.extend(byte);
            }
            let head = format!("content-type: application/json\r\ncontent-length: {}", body.len());
            write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\nconnection: close\r\n\r\n{body}").unwrap();
        }
    });
    url
}

#[tokio::test]
async fn a_client_can_be_a_document_on_the_web() {
    let world = World::new();
    let id = publish(|_| {});
    let code = world.code(&world.authorization().with("client_id", &id)).await;
    // The issuer may have forgotten it in between; it looks again.
    world.sandbox.forget_clients();
    let tokens = world.post("/token", &world.redemption(&code).with("client_id", &id)).await;
    assert_eq!((tokens.status, tokens.json().get("refresh_token").is_some()), (200, true));
    world.sandbox.change(|options| options.metadata_documents = false);
    world.sandbox.forget_clients();
    assert_eq!(world.authorize(&world.authorization().with("client_id", &id)).await.status, 400);
}

#[tokio::test]
async fn a_document_must_be_about_itself_small_and_public() {
    type Edit = fn(&mut Value);
    let world = World::new();
    let wrong: [(Edit, &str); 6] = [
        (
            |document| document["client_id"] = "https://elsewhere.example/client.json".into(),
            "not its own URL",
        ),
        (|document| document["client_secret"] = "a secret".into(), "must not hold a secret"),
        (|document| document["token_endpoint_auth_method"] = "client_secret_basic".into(), "must be none"),
        (|document| document["client_name"] = Value::Null, "no client_name"),
        (|document| document["redirect_uris"] = json!(["http://example.com/cb"]), "for loopback only"),
        (|document| document["padding"] = "x".repeat(5 * 1024).into(), "larger than 5 KiB"),
    ];
    for (edit, why) in wrong {
        let id = publish(edit);
        let reply = world.authorize(&world.authorization().with("client_id", &id)).await;
        assert_eq!(reply.status, 400);
        assert!(reply.text.contains(why), "{why}: {}", reply.text);
    }
    let plain = world.authorization().with("client_id", "http://example.com/client.json");
    assert!(world.authorize(&plain).await.text.contains("must be a plain https URL"));
}
