//! Headers that a server wants beside the token: for that server, and nobody else.

use serde_json::json;

use crate::peer::{ACCESS, Peer, RESOURCE_METADATA, answer, by_the_rules, json_answer};
use crate::support::World;

const HEADERS: [&str; 4] = ["--header", "X-Api-Key: env:API_KEY", "--header", "X-Tenant: file:tenant"];

/// A world whose server wants two headers and is vouched for by an issuer elsewhere.
fn signed_in(server: &Peer) -> World {
    let world = World::new();
    std::fs::write(world.home().join("tenant"), "hush-tenant\n").unwrap();
    let url = server.url();
    let login = ["login", &url, "--name", "other", "--no-browser", "--store", "file"];
    let mut login = world.command(&[&login[..], &HEADERS].concat());
    login.env("API_KEY", "hush-key").current_dir(world.home());
    world.login_as(login).succeeded();
    world
}

#[test]
fn the_server_gets_its_headers_and_its_issuer_does_not() {
    let issuer = Peer::start(Box::new(|seen| Some(by_the_rules(seen))));
    let named = issuer.origin();
    let server = Peer::start(Box::new(move |seen| {
        let is_known = seen.header("authorization") == format!("Bearer {ACCESS}");
        Some(match seen.path() {
            path if path.starts_with(RESOURCE_METADATA) => json_answer(
                200,
                &json!({ "resource": format!("{}/mcp", seen.origin()), "authorization_servers": [named] }),
            ),
            "/mcp" if is_known => answer(200, "", b"{}"),
            _ => by_the_rules(seen),
        })
    }));
    let world = signed_in(&server);
    let mut call = world.command(&["call", "other", "-d", "{}"]);
    // Wherever it runs: the file is named by its whole path.
    call.env("API_KEY", "hush-key").current_dir("/");
    assert!(call.output().unwrap().status.success());

    for seen in server.seen() {
        let own = (seen.header("x-api-key"), seen.header("x-tenant"));
        assert_eq!(own, ("hush-key".into(), "hush-tenant".into()), "{}", seen.what());
    }
    assert!(issuer.was_asked_for("/token"));
    assert!(issuer.seen().iter().all(|seen| !seen.holds("hush")));
    // What is settled says where the values are, and so does everything that shows it.
    for args in [&["server", "show", "other"][..], &["status", "other"], &["audit"]] {
        let ran = world.run(args);
        assert!(!ran.succeeded().stdout.contains("hush"), "{ran:?}");
    }
    assert!(world.run(&["server", "show", "other"]).stdout.contains("x-api-key = \"env:API_KEY\""));
}

#[test]
fn no_redirect_leads_them_elsewhere() {
    let elsewhere = Peer::sink();
    let location = format!("location: {}/stolen\r\n", elsewhere.origin());
    let server = Peer::start(Box::new(move |seen| {
        let is_known = seen.header("authorization") == format!("Bearer {ACCESS}");
        Some(if is_known { answer(307, &location, b"") } else { by_the_rules(seen) })
    }));
    let world = signed_in(&server);
    let mut call = world.command(&["call", "other", "-d", "{}"]);
    assert!(call.env("API_KEY", "hush-key").output().unwrap().status.success());
    assert_eq!(elsewhere.seen().len(), 0);
}

#[test]
fn without_its_value_nothing_is_sent() {
    let (world, server) = crate::peer_that(|_| answer(200, "", b"{}"));
    world.run(&["server", "set", "other", "--header", "X-Api-Key: env:API_KEY"]).succeeded();
    let asked = server.seen().len();
    let ran = world.run(&["call", "other", "-d", "{}"]);
    ran.failed_with(2, "cannot read the header x-api-key: the variable API_KEY is not set");
    assert_eq!(server.seen().len(), asked);
    world.run(&["server", "set", "other", "--unset", "headers"]).succeeded();
    world.run(&["call", "other", "-d", "{}"]).succeeded();
}

#[test]
fn what_is_settled_is_not_said_otherwise_on_the_way() {
    let (world, server) = crate::peer_that(|_| answer(200, "", b"{}"));
    let world_file = world.home().join("tenant");
    std::fs::write(&world_file, "hush-tenant").unwrap();
    let header = format!("X-Tenant: file:{}", world_file.display());
    world.run(&["server", "set", "other", "--header", &header]).succeeded();
    let asked = server.seen().len();
    let ran = world.run(&["call", "other", "-H", "x-TENANT: s3cret", "-d", "{}"]);
    ran.failed_with(2, "the header x-tenant is settled for other");
    assert!(!ran.stderr.contains("s3cret"), "{ran:?}");
    assert_eq!(server.seen().len(), asked);
    world.run(&["call", "other", "-H", "X-Other: y", "-d", "{}"]).succeeded();
    let seen = server.seen().pop().unwrap();
    assert_eq!((seen.header("x-tenant"), seen.header("x-other")), ("hush-tenant".into(), "y".into()));
}
