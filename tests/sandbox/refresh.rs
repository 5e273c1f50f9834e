//! Refresh tokens: rotation, reuse, grace, and the ways in which a grant ends.

use super::world::{Parameters, REDIRECT, World};

#[tokio::test]
async fn each_refresh_gives_a_new_pair_for_the_same_grant() {
    let world = World::new();
    let first = world.login().await;
    let second = world.refresh(&first.member("refresh_token")).await;
    let third = world.refresh(&second.member("refresh_token")).await;
    assert_ne!(second.member("refresh_token"), third.member("refresh_token"));
    assert_eq!(world.knock(&third.member("access_token")).await, 200);
    let books = world.sandbox.books();
    assert_eq!((books.refreshes, books.refresh_attempts, books.reuses), (2, 2, 0));
    assert_eq!((books.families.len(), books.families[0].refreshes), (1, 2));
    assert_eq!(books.last_token_request.unwrap()["refresh_token"], second.member("refresh_token"));
}

#[tokio::test]
async fn a_spent_refresh_token_ends_the_family_of_its_successor() {
    let world = World::new();
    let first = world.login().await;
    let second = world.refresh(&first.member("refresh_token")).await;
    assert_eq!(world.refresh(&first.member("refresh_token")).await.error(), (400, "invalid_grant".into()));
    assert_eq!(world.refresh(&second.member("refresh_token")).await.error(), (400, "invalid_grant".into()));
    assert_eq!(world.knock(&second.member("access_token")).await, 401);
    let books = world.sandbox.books();
    assert_eq!((books.reuses, books.refreshes, books.families[0].alive), (1, 1, false));
}

#[tokio::test]
async fn within_the_grace_a_spent_token_yields_the_same_successor() {
    let world = World::with(|options| options.grace = 3600);
    let first = world.login().await.member("refresh_token");
    let second = world.refresh(&first).await;
    let again = world.refresh(&first).await;
    assert_eq!(second.member("refresh_token"), again.member("refresh_token"));
    assert_eq!(second.member("access_token"), again.member("access_token"));
    let books = world.sandbox.books();
    assert_eq!((books.refreshes, books.grace_replays, books.reuses), (1, 1, 0));
    world.sandbox.change(|options| options.grace = 0);
    assert_eq!(world.refresh(&first).await.error(), (400, "invalid_grant".into()));
}

#[tokio::test]
async fn without_rotation_the_same_token_is_used_again() {
    let world = World::with(|options| options.rotation = false);
    let first = world.login().await.member("refresh_token");
    for _ in 0..2 {
        let reply = world.refresh(&first).await;
        assert_eq!(reply.status, 200);
        assert!(reply.json().get("refresh_token").is_none());
    }
}

#[tokio::test]
async fn a_refresh_asks_for_the_same_resource_and_for_no_more_scope() {
    let world = World::new();
    let token = world.login_for("mcp:basic openid").await.member("refresh_token");
    let refreshing = || world.refreshing(&token);
    for (form, error) in [
        (refreshing().without("resource"), "invalid_target"),
        (refreshing().with("resource", "https://elsewhere.example/mcp"), "invalid_target"),
        (refreshing().with("scope", "mcp:basic mcp:admin"), "invalid_scope"),
    ] {
        assert_eq!(world.post("/token", &form).await.error(), (400, error.into()));
    }
    // None of these spent the token, which may also be used for less.
    let less = world.post("/token", &refreshing().with("scope", "mcp:basic")).await;
    assert_eq!(less.member("scope"), "mcp:basic");
    assert_eq!(world.refresh(&less.member("refresh_token")).await.member("scope"), "mcp:basic openid");
}

#[tokio::test]
async fn a_refresh_token_works_for_its_own_client_only() {
    let world = World::new();
    world.sandbox.add_client("other", None, &[REDIRECT]);
    let token = world.login().await.member("refresh_token");
    let stolen = world.refreshing(&token).with("client_id", "other");
    assert_eq!(world.post("/token", &stolen).await.error(), (400, "invalid_grant".into()));
    assert_eq!(world.refresh(&token).await.status, 200);
}

#[tokio::test]
async fn refresh_tokens_are_given_to_those_who_may_have_them() {
    let world = World::with(|options| options.offline_access = true);
    assert!(world.login().await.json().get("refresh_token").is_none());
    assert!(world.login_for("mcp:basic offline_access").await.json().get("refresh_token").is_some());
    let scopes =
        world.get("/.well-known/oauth-authorization-server").await.json()["scopes_supported"].clone();
    assert!(scopes.as_array().unwrap().contains(&"offline_access".into()));
    world.sandbox.change(|options| options.issue_refresh_token = false);
    assert!(world.login_for("mcp:basic offline_access").await.json().get("refresh_token").is_none());
}

#[tokio::test]
async fn tokens_end_when_their_time_is_over() {
    let world = World::with(|options| options.refresh_lifetime = Some(0));
    let reply = world.login().await;
    assert_eq!(world.refresh(&reply.member("refresh_token")).await.error(), (400, "invalid_grant".into()));
    let access = reply.member("access_token");
    assert_eq!(world.knock(&access).await, 200);
    world.sandbox.expire_access_tokens();
    let refused = world.send(world.mcp(Some(&access), &serde_json::json!({}))).await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").starts_with("Bearer error=\"invalid_token\""));
    assert_eq!(world.knock(&world.login().await.member("access_token")).await, 200);
}

#[tokio::test]
async fn revoking_a_refresh_token_takes_the_whole_grant_along() {
    let world = World::new();
    world.sandbox.add_client("other", None, &[REDIRECT]);
    let reply = world.login().await;
    let (access, refresh) = (reply.member("access_token"), reply.member("refresh_token"));
    let revoke = |client: &str, token: &str| Parameters::new(&[("client_id", client), ("token", token)]);

    assert_eq!(world.post("/revoke", &revoke("other", &refresh)).await.status, 400);
    assert_eq!(world.post("/revoke", &revoke("client", "never issued")).await.status, 200);
    assert_eq!(world.knock(&access).await, 200);
    let told = world.post("/introspect", &revoke("client", &access)).await.json();
    assert_eq!((&told["active"], &told["sub"]), (&true.into(), &"sandy".into()));

    assert_eq!(world.post("/revoke", &revoke("client", &refresh)).await.status, 200);
    assert_eq!(world.knock(&access).await, 401);
    assert_eq!(world.refresh(&refresh).await.error(), (400, "invalid_grant".into()));
    let told = world.post("/introspect", &revoke("client", &access)).await.json();
    assert_eq!(told, serde_json::json!({ "active": false }));
    assert_eq!(world.sandbox.books().revocations, 1);
}

#[tokio::test]
async fn revoking_an_access_token_leaves_the_grant_alone() {
    let world = World::new();
    let reply = world.login().await;
    let access = reply.member("access_token");
    let form =
        Parameters::new(&[("client_id", "client"), ("token", &access), ("token_type_hint", "access_token")]);
    assert_eq!(world.post("/revoke", &form).await.status, 200);
    assert_eq!(world.knock(&access).await, 401);
    assert_eq!(world.refresh(&reply.member("refresh_token")).await.status, 200);
}

#[tokio::test]
async fn the_administrator_can_end_everything_at_once() {
    let world = World::new();
    let reply = world.login().await;
    world.sandbox.revoke_everything();
    assert_eq!(world.knock(&reply.member("access_token")).await, 401);
    assert_eq!(world.refresh(&reply.member("refresh_token")).await.error(), (400, "invalid_grant".into()));
    world.sandbox.forget_clients();
    assert_eq!(world.refresh(&reply.member("refresh_token")).await.error(), (401, "invalid_client".into()));
}
