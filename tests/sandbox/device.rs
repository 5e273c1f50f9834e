//! Sign-in on another device (RFC 8628).

use serde_json::json;

use super::world::{Parameters, Reply, World};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn with_device(edit: impl FnOnce(&mut mcpauth::sandbox::SandboxOptions)) -> World {
    World::with(|options| {
        options.device = true;
        options.device_interval = 0;
        edit(options);
    })
}

fn asking(world: &World) -> Parameters {
    Parameters::new(&[
        ("client_id", "client"),
        ("scope", "mcp:basic"),
        ("resource", &world.sandbox.mcp_url()),
    ])
}

async fn ask(world: &World) -> Reply {
    let reply = world.post("/device_authorization", &asking(world)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply
}

async fn poll(world: &World, asked: &Reply) -> Reply {
    let form = asking(world).with("grant_type", DEVICE_CODE);
    world.post("/token", &form.with("device_code", &asked.member("device_code"))).await
}

fn ticket(page: &Reply) -> String {
    let (_, rest) = page.text.split_once("name=\"ticket\" value=\"").expect("a consent page");
    rest.split('"').next().unwrap().into()
}

#[tokio::test]
async fn a_person_who_needs_a_moment_lets_the_device_in() {
    let world = with_device(|options| options.device_polls = 2);
    let issuer = world.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(issuer["device_authorization_endpoint"], world.url("/device_authorization"));
    assert!(issuer["grant_types_supported"].as_array().unwrap().contains(&json!(DEVICE_CODE)));

    let asked = ask(&world).await;
    assert_eq!((&asked.json()["interval"], &asked.json()["expires_in"]), (&json!(0), &json!(600)));
    for _ in 0..2 {
        assert_eq!(poll(&world, &asked).await.error(), (400, "authorization_pending".into()));
    }
    let tokens = poll(&world, &asked).await;
    assert_eq!((tokens.status, tokens.member("scope").as_str()), (200, "mcp:basic"));
    assert_eq!(world.knock(&tokens.member("access_token")).await, 200);
    assert_eq!(world.refresh(&tokens.member("refresh_token")).await.status, 200);
    assert_eq!(poll(&world, &asked).await.error(), (400, "invalid_grant".into()));

    let books = world.sandbox.books();
    assert_eq!((books.device_polls, books.grants_asked[DEVICE_CODE]), (4, 4));
    assert_eq!(books.violations, ["invalid_grant: unknown device code"]);
    assert_eq!(books.codes_issued, 0);
}

#[tokio::test]
async fn whoever_polls_too_fast_is_slowed_down() {
    let world = with_device(|options| {
        options.device_interval = 60;
        options.device_polls = 9;
    });
    let asked = ask(&world).await;
    assert_eq!(poll(&world, &asked).await.error(), (400, "authorization_pending".into()));
    let slower = poll(&world, &asked).await;
    assert_eq!(slower.error(), (400, "slow_down".into()));
    assert!(slower.member("error_description").contains("65 s"), "{}", slower.text);
}

#[tokio::test]
async fn a_device_code_expires_and_a_person_declines() {
    let world = with_device(|options| options.device_lifetime = 0);
    let asked = ask(&world).await;
    assert_eq!(poll(&world, &asked).await.error(), (400, "expired_token".into()));
    world.sandbox.change(|options| {
        options.device_lifetime = 600;
        options.faults = vec![mcpauth::sandbox::Fault::Declined];
    });
    let asked = ask(&world).await;
    assert_eq!(poll(&world, &asked).await.error(), (400, "access_denied".into()));
    assert!(world.sandbox.books().families.is_empty());
}

#[tokio::test]
async fn a_person_types_the_code_sees_what_it_is_for_and_decides_once() {
    let world = with_device(|options| options.auto_consent = false);
    let asked = ask(&world).await;
    let code = asked.member("user_code");
    let page = world.get(&format!("/device?user_code={code}")).await;
    assert!(page.text.contains(&format!("value=\"{code}\"")), "{}", page.text);
    assert_eq!(poll(&world, &asked).await.error(), (400, "authorization_pending".into()));

    let typed = |code: &str| Parameters::new(&[("user_code", code)]);
    assert_eq!(world.post("/device", &typed("BBBB-BBBB")).await.status, 400);
    let foreign = world.form("/device", &typed(&code)).header("origin", "https://elsewhere.example");
    assert_eq!(world.send(foreign).await.status, 403);
    let sloppily = code.to_lowercase().replace('-', " ");
    let page = world.post("/device", &typed(&sloppily)).await;
    for said in [&*code, &world.sandbox.mcp_url(), "mcp:basic", "Sandy Box", "for development only"] {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    let decision = Parameters::new(&[("ticket", &ticket(&page)), ("decision", "allow")]);
    assert_eq!(world.post("/device", &decision).await.status, 200);
    assert_eq!(world.post("/device", &decision).await.status, 400);
    assert_eq!(poll(&world, &asked).await.status, 200);
}

#[tokio::test]
async fn a_device_asks_in_good_order() {
    let world = with_device(|_| {});
    for (form, error) in [
        (asking(&world).without("client_id"), (401, "invalid_client")),
        (asking(&world).without("resource"), (400, "invalid_target")),
        (asking(&world).with("scope", "unheard"), (400, "invalid_scope")),
    ] {
        let (status, code) = error;
        assert_eq!(world.post("/device_authorization", &form).await.error(), (status, code.into()));
    }
    let asked = ask(&world).await;
    let form = asking(&world).with("grant_type", DEVICE_CODE).without("resource");
    let form = form.with("device_code", &asked.member("device_code"));
    assert_eq!(world.post("/token", &form).await.error(), (400, "invalid_target".into()));
    world.sandbox.add_client("other", None, &[]);
    assert_eq!(
        world.post("/token", &form.with("client_id", "other")).await.error(),
        (400, "invalid_grant".into())
    );
}

#[tokio::test]
async fn a_client_registers_for_the_device_grant_without_a_redirect() {
    let world = with_device(|_| {});
    let metadata =
        json!({ "token_endpoint_auth_method": "none", "grant_types": [DEVICE_CODE, "refresh_token"] });
    let id = world.register(&metadata).await.member("client_id");
    let reply = world.post("/device_authorization", &asking(&world).with("client_id", &id)).await;
    assert_eq!(reply.status, 200);
    let browser = json!({ "redirect_uris": [super::world::REDIRECT], "token_endpoint_auth_method": "none" });
    let id = world.register(&browser).await.member("client_id");
    let reply = world.post("/device_authorization", &asking(&world).with("client_id", &id)).await;
    assert_eq!(reply.error(), (400, "unauthorized_client".into()));
    world.sandbox.change(|options| options.device = false);
    assert_eq!(world.post("/device_authorization", &asking(&world)).await.status, 404);
}
