//! Where an issuer is found, what it calls itself, and servers that name several.

use mcpauth::sandbox::{Endpoint, Fault};
use serde_json::json;

use super::world::World;

const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn an_issuer_with_a_path_is_found_where_the_standards_put_it() {
    let world = World::with(|options| options.issuer_path = Some("/tenant".into()));
    let issuer = world.url("/tenant");
    assert_eq!(world.sandbox.issuer(), issuer);
    let resource = world.get("/.well-known/oauth-protected-resource/mcp").await.json();
    assert_eq!(resource["authorization_servers"], json!([issuer]));
    let found = async |path: String| {
        let reply = world.get(&path).await;
        if reply.status == 200 {
            assert_eq!(reply.member("issuer"), issuer);
        }
        reply.status
    };
    let places = [
        format!("{OAUTH}/tenant"),
        format!("{OPENID}/tenant"),
        format!("/tenant{OPENID}"),
        OAUTH.into(),
        OPENID.into(),
    ];
    for (appended, statuses) in [(false, [200, 200, 200, 404, 404]), (true, [404, 404, 200, 404, 404])] {
        world.sandbox.change(|options| options.path_appended = appended);
        for (place, status) in places.iter().zip(statuses) {
            assert_eq!(found(place.clone()).await, status, "{place}");
        }
    }
    assert_eq!(world.authorize(&world.authorization()).await.redirected()["iss"], issuer);
    let status =
        Fault::Status { endpoint: Endpoint::IssuerMetadata, status: 503, times: 1, retry_after: None };
    world.sandbox.change(|options| options.faults = vec![status]);
    assert_eq!(found(format!("/tenant{OPENID}")).await, 503);
}

#[tokio::test]
async fn an_issuer_may_spell_itself_otherwise() {
    let world = World::new();
    let slashed = world.url("/");
    world.sandbox.change(|options| options.issuer_spelling = Some(slashed.clone()));
    assert_eq!(world.get(OAUTH).await.member("issuer"), slashed);
    assert_eq!(world.authorize(&world.authorization()).await.redirected()["iss"], slashed);
    let resource = world.get("/.well-known/oauth-protected-resource/mcp").await.json();
    assert_eq!(resource["authorization_servers"], json!([world.sandbox.origin()]));
}

#[tokio::test]
async fn a_server_can_take_the_tokens_of_another_sandbox() {
    let (server, issuer) = (World::new(), World::new());
    let both = vec![server.sandbox.origin().to_owned(), issuer.sandbox.origin().to_owned()];
    server.sandbox.change(|options| options.authorization_servers = Some(both.clone()));
    let resource = server.get("/.well-known/oauth-protected-resource/mcp").await.json();
    assert_eq!(resource["authorization_servers"], json!(both));

    let asked = issuer.authorization().with("resource", &server.sandbox.mcp_url());
    assert_eq!(issuer.authorize(&asked).await.redirected()["error"], "invalid_target");
    server.sandbox.take_tokens_of(&issuer.sandbox);
    let form = issuer.redemption(&issuer.code(&asked).await).with("resource", &server.sandbox.mcp_url());
    let token = issuer.post("/token", &form).await.member("access_token");
    assert_eq!((server.knock(&token).await, issuer.knock(&token).await), (200, 401));
    // A token that the other sandbox gave for itself opens nothing here.
    let own = issuer.login().await.member("access_token");
    assert_eq!((server.knock(&own).await, issuer.knock(&own).await), (401, 200));
    issuer.sandbox.revoke_everything();
    assert_eq!(server.knock(&token).await, 401);
}
