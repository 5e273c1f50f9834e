//! What the person sees, and how much their click is worth.

use serde_json::json;

use super::world::{Parameters, REDIRECT, Reply, World};

fn ticket(page: &Reply) -> String {
    let (_, rest) = page.text.split_once("name=\"ticket\" value=\"").expect("a consent page");
    rest.split('"').next().unwrap().into()
}

fn choice(decision: &str, ticket: &str) -> Parameters {
    Parameters::new(&[("decision", decision), ("ticket", ticket)])
}

#[tokio::test]
async fn a_click_on_allow_brings_the_code_to_the_client_once() {
    let world = World::with(|options| options.auto_consent = false);
    let page = world.authorize(&world.authorization()).await;
    assert_eq!((page.status, world.sandbox.books().codes_issued), (200, 0));
    let form = choice("allow", &ticket(&page));
    let reply = world.post("/consent", &form).await;
    assert_eq!(reply.status, 303);
    let answer = reply.redirected();
    assert_eq!(answer["state"], "a state & more");
    assert_eq!(world.post("/token", &world.redemption(&answer["code"])).await.status, 200);
    assert_eq!(world.post("/consent", &form).await.status, 400);
    assert_eq!(world.sandbox.books().codes_issued, 1);
}

#[tokio::test]
async fn a_click_on_decline_brings_the_news() {
    let world = World::with(|options| options.auto_consent = false);
    let page = world.authorize(&world.authorization()).await;
    let answer = world.post("/consent", &choice("decline", &ticket(&page))).await.redirected();
    assert_eq!((answer["error"].as_str(), answer["state"].as_str()), ("access_denied", "a state & more"));
    assert!(answer.contains_key("iss") && !answer.contains_key("code"));
}

/// MCP 55.
#[tokio::test]
async fn nobody_else_can_click() {
    let world = World::with(|options| options.auto_consent = false);
    let page = world.authorize(&world.authorization()).await;
    assert_eq!(world.post("/consent", &choice("allow", "guessed")).await.status, 400);
    let form = choice("allow", &ticket(&page));
    let foreign = world.form("/consent", &form).header("origin", "https://elsewhere.example");
    assert_eq!(world.send(foreign).await.status, 403);
    assert_eq!(world.sandbox.books().codes_issued, 0);
    let own = world.form("/consent", &form).header("origin", world.sandbox.origin());
    assert_eq!(world.send(own).await.status, 303);
}

/// MCP 55.
#[tokio::test]
async fn the_page_says_who_wants_what_and_runs_nothing() {
    let world = World::with(|options| options.auto_consent = false);
    let name = "<img src=x onerror=alert(1)>\u{202e}";
    let metadata =
        json!({ "client_name": name, "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
    let id = world.register(&metadata).await.member("client_id");
    let parameters = world.authorization().with("client_id", &id).with("scope", "mcp:basic mcp:admin");
    let page = world.authorize(&parameters).await;
    assert!(page.text.contains("&lt;img src=x onerror=alert(1)&gt;\u{fffd}"), "{}", page.text);
    assert!(!page.text.contains("<img") && !page.text.contains("<script") && !page.text.contains('\u{202e}'));
    for said in [&world.sandbox.mcp_url(), REDIRECT, "mcp:admin", "for development only", "Sandy Box"] {
        assert!(page.text.contains(said), "{said}");
    }
    assert!(page.text.contains("id=\"allow\"") && page.text.contains("id=\"decline\""));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.contains("form-action 'self' http://127.0.0.1:4111;"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[tokio::test]
async fn the_page_of_refusal_repeats_nothing_as_markup() {
    let world = World::new();
    let reply = world.authorize(&world.authorization().with("client_id", "<script>alert(1)</script>")).await;
    assert_eq!(reply.status, 400);
    assert!(reply.text.contains("&lt;script&gt;") && !reply.text.contains("<script>"));
}

#[tokio::test]
async fn the_front_page_says_that_this_is_not_for_production() {
    let world = World::new();
    let page = world.get("/").await;
    assert!(page.text.contains("for development only") && page.text.contains(&world.sandbox.mcp_url()));
    assert_eq!(world.get("/nowhere").await.status, 404);
}
