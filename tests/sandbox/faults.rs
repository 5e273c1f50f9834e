//! What goes wrong on request, and that it stops when it should.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use mcpauth::sandbox::{Dice, Endpoint, Fault, Sandbox, SandboxOptions};
use serde_json::json;

use super::world::World;

fn with_fault(fault: Fault) -> World {
    World::with(|options| options.faults = vec![fault])
}

#[tokio::test]
async fn a_status_wears_off_after_its_times() {
    let world =
        with_fault(Fault::Status { endpoint: Endpoint::Token, status: 503, times: 2, retry_after: Some(7) });
    let code = world.code(&world.authorization()).await;
    for _ in 0..2 {
        let reply = world.post("/token", &world.redemption(&code)).await;
        assert_eq!((reply.status, reply.header("retry-after")), (503, "7"));
    }
    assert_eq!(world.post("/token", &world.redemption(&code)).await.status, 200);
}

#[tokio::test]
async fn an_answer_can_be_replaced() {
    let world = with_fault(Fault::Body {
        endpoint: Endpoint::Userinfo,
        status: 418,
        content_type: "text/teapot".into(),
        body: "short and stout".into(),
        times: 1,
    });
    let reply = world.get("/userinfo").await;
    assert_eq!(
        (reply.status, reply.header("content-type"), &*reply.text),
        (418, "text/teapot", "short and stout")
    );
    assert_eq!(world.get("/userinfo").await.status, 401);
    world.sandbox.change(|options| options.faults = vec![Fault::Html { endpoint: Endpoint::IssuerMetadata }]);
    let portal = world.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(portal.header("content-type"), "text/html; charset=utf-8");
    world
        .sandbox
        .change(|options| options.faults = vec![Fault::Huge { endpoint: Endpoint::ResourceMetadata }]);
    let huge = world.get("/.well-known/oauth-protected-resource").await;
    assert!(huge.text.len() > 10 * 1024 * 1024 && huge.json()["padding"].is_string());
}

#[tokio::test]
async fn a_lost_answer_was_a_real_one() {
    let world = World::new();
    let first = world.login().await.member("refresh_token");
    world.sandbox.change(|options| {
        options.faults = vec![Fault::LostAnswer { endpoint: Endpoint::Token, times: 1 }];
    });
    assert!(world.form("/token", &world.refreshing(&first)).send().await.is_err());
    assert_eq!(world.sandbox.books().refreshes, 1);
    assert_eq!(world.refresh(&first).await.error(), (400, "invalid_grant".into()));
}

#[tokio::test]
async fn a_late_answer_is_about_something_done_long_before() {
    let world = World::new();
    let first = world.login().await.member("refresh_token");
    world.sandbox.change(|options| {
        options.faults = vec![Fault::LateAnswer { endpoint: Endpoint::Token, milliseconds: 60_000 }];
    });
    let asked = world.form("/token", &world.refreshing(&first)).timeout(Duration::from_millis(500));
    assert!(asked.send().await.unwrap_err().is_timeout());
    assert_eq!(world.sandbox.books().refreshes, 1);
    world.sandbox.change(|options| {
        options.faults = vec![Fault::LateAnswer { endpoint: Endpoint::Userinfo, milliseconds: 1 }];
    });
    assert_eq!(world.get("/userinfo").await.status, 401);
}

#[tokio::test]
async fn a_silent_endpoint_says_nothing_and_keeps_nobody_from_stopping() {
    let world = with_fault(Fault::Silence { endpoint: Endpoint::Token });
    let asked = world.form("/token", &world.refreshing("x")).timeout(Duration::from_millis(300));
    assert!(asked.send().await.unwrap_err().is_timeout());
    assert_eq!(world.get("/").await.status, 200);
}

#[tokio::test]
async fn the_metadata_can_lie() {
    let world = World::with(|options| options.faults = vec![Fault::WrongIssuer, Fault::WrongResource]);
    let issuer = world.get("/.well-known/oauth-authorization-server").await.member("issuer");
    assert_eq!(issuer, "https://elsewhere.example");
    let resource = world.get("/.well-known/oauth-protected-resource/mcp").await.member("resource");
    assert_eq!(resource, "https://elsewhere.example/mcp");
}

#[tokio::test]
async fn the_redirect_can_lie() {
    let world = World::new();
    let answer = async |fault: Fault| {
        world.sandbox.change(|options| options.faults = vec![fault]);
        world.authorize(&world.authorization()).await.redirected()
    };
    assert_eq!(answer(Fault::WrongIss).await["iss"], "https://elsewhere.example");
    assert!(!answer(Fault::MissingIss).await.contains_key("iss"));
    assert_ne!(answer(Fault::WrongState).await["state"], "a state & more");
    assert_eq!(answer(Fault::Declined).await["error"], "access_denied");
}

#[tokio::test]
async fn the_token_answer_can_be_bent() {
    let world = World::new();
    let answer = async |fault: Fault| {
        let code = world.code(&world.authorization()).await;
        world.sandbox.change(|options| options.faults = vec![fault]);
        let reply = world.post("/token", &world.redemption(&code)).await;
        world.sandbox.change(|options| options.faults.clear());
        assert_eq!(reply.status, 200);
        reply.json()
    };
    assert!(answer(Fault::NoAccessToken).await.get("access_token").is_none());
    assert_eq!(answer(Fault::ErrorWith200).await["error"], "invalid_grant");
    assert_eq!(answer(Fault::Lifetime(json!("3600"))).await["expires_in"], "3600");
}

#[test]
fn a_dropped_sandbox_leaves_its_port_even_with_callers_on_the_line() {
    let sandbox = Sandbox::start(SandboxOptions::default()).unwrap();
    let address = sandbox.origin().strip_prefix("http://").unwrap().to_owned();
    let mut half = TcpStream::connect(&address).unwrap();
    half.write_all(b"POST /token HTTP/1.1\r\nhost: ").unwrap();
    drop(sandbox);
    assert!(TcpStream::connect(&address).is_err());
}

#[tokio::test]
async fn what_a_slow_issuer_was_asked_is_done_whoever_has_gone() {
    let world = World::new();
    let first = world.login().await.member("refresh_token");
    let dice = Dice::seeded(1);
    world.sandbox.change(|options| {
        options.faults = vec![Fault::Slow { endpoint: Endpoint::Token, least: 400, most: 400, dice }];
    });
    let asked = world.form("/token", &world.refreshing(&first)).timeout(Duration::from_millis(200));
    assert!(asked.send().await.unwrap_err().is_timeout());
    assert_eq!(world.sandbox.books().refresh_attempts, 1);
    let done = async {
        while world.sandbox.books().refreshes == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), done).await.unwrap();
}

#[tokio::test]
async fn a_reset_does_nothing() {
    let world = World::new();
    let first = world.login().await.member("refresh_token");
    world.sandbox.change(|options| {
        options.faults = vec![Fault::Reset { endpoint: Endpoint::Token, times: 1 }];
    });
    assert!(world.form("/token", &world.refreshing(&first)).send().await.is_err());
    assert_eq!(world.sandbox.books().refreshes, 0);
    assert_eq!(world.refresh(&first).await.status, 200);
}

#[tokio::test]
async fn weather_is_as_bad_as_it_is_said_and_repeats_itself() {
    let trouble = async |seed| {
        let world = World::new();
        let dice = Dice::seeded(seed);
        world.sandbox.change(|options| {
            options.faults = vec![Fault::Weather { endpoint: Endpoint::Userinfo, percent: 50, dice }];
        });
        let mut met = Vec::new();
        for _ in 0..40 {
            let request = reqwest::Client::new().get(format!("{}/userinfo", world.sandbox.origin()));
            met.push(request.send().await.map_or(0, |answer| answer.status().as_u16()));
        }
        met
    };
    let met = trouble(3).await;
    let spared = met.iter().filter(|status| **status == 401).count();
    assert!((10..=30).contains(&spared), "{met:?}");
    for kind in [0, 429, 500, 503] {
        assert!(met.contains(&kind), "no {kind} in {met:?}");
    }
    assert_eq!(trouble(3).await, met);
    assert_ne!(trouble(4).await, met);
}
