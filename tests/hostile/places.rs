//! Where documents are looked for, in which order, and where they are not.

use serde_json::json;

use crate::peer::{
    Peer, RESOURCE_METADATA, answer, at, bent, issuer_metadata, json_answer, resource_metadata,
};
use crate::victim::Victim;

const ROOTS: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

/// Which documents were asked for.
fn documents(peer: &Peer) -> Vec<String> {
    let paths = peer.seen().into_iter().map(|seen| seen.path().to_owned());
    paths.filter(|path| path.contains("/.well-known/")).collect()
}

/// MCP 3.
#[test]
fn without_a_challenge_the_place_with_the_path_comes_before_the_root() {
    let victim = Victim::new();
    let at_root = Peer::start(Box::new(|seen| match seen.path() {
        path if path == format!("{RESOURCE_METADATA}/mcp") => Some(answer(404, "", b"")),
        RESOURCE_METADATA => {
            let change = json!({ "resource": "{origin}" });
            Some(json_answer(200, &bent(resource_metadata(seen), seen, &change)))
        }
        _ => None,
    }));
    victim.sign_in_to(&at_root, &[]).succeeded();
    assert_eq!(documents(&at_root)[..2], [format!("{RESOURCE_METADATA}/mcp"), RESOURCE_METADATA.into()]);

    let victim = Victim::new();
    let with_path = Peer::start(Box::new(|_| None));
    victim.sign_in_to(&with_path, &[]).succeeded();
    assert_eq!(documents(&with_path), [format!("{RESOURCE_METADATA}/mcp"), ROOTS[0].into()]);
}

/// MCP 3.
#[test]
fn what_the_challenge_names_is_the_only_place() {
    let victim = Victim::new();
    let peer = Peer::start(Box::new(|seen| match seen.path() {
        "/mcp" => {
            let header =
                format!("www-authenticate: Bearer resource_metadata=\"{}/custom/x\"\r\n", seen.origin());
            Some(answer(401, &header, b""))
        }
        "/custom/x" => Some(json_answer(200, &resource_metadata(seen))),
        _ => None,
    }));
    victim.sign_in_to(&peer, &[]).succeeded();
    assert!(peer.was_asked_for("/custom/x"));
    assert!(!peer.was_asked_for(RESOURCE_METADATA), "{:?}", documents(&peer));
}

/// MCP 9.
#[test]
fn an_issuer_with_a_path_has_three_places_in_this_order() {
    let places =
        [format!("{}/tenant", ROOTS[0]), format!("{}/tenant", ROOTS[1]), format!("/tenant{}", ROOTS[1])];
    for found in 0..places.len() {
        let victim = Victim::new();
        let place = places[found].clone();
        let peer = Peer::start(Box::new(move |seen| {
            let change = json!({ "authorization_servers": ["{origin}/tenant"] });
            let named = json!({ "issuer": "{origin}/tenant" });
            match seen.path() {
                path if path.starts_with(RESOURCE_METADATA) => {
                    Some(json_answer(200, &bent(resource_metadata(seen), seen, &change)))
                }
                path if path == place => Some(json_answer(200, &bent(issuer_metadata(seen), seen, &named))),
                path if path.contains("/.well-known/") => Some(answer(404, "", b"")),
                _ => None,
            }
        }));
        victim.sign_in_to(&peer, &[]).succeeded();
        assert_eq!(documents(&peer)[1..], places[..=found], "the root is no place of a tenant");
    }
}

/// MCP 11.
#[test]
fn trouble_that_passes_is_no_absence() {
    for status in [429, 503] {
        let victim = Victim::new();
        let peer = Peer::start(at(RESOURCE_METADATA, move |_| answer(status, "", b"")));
        let ran = victim.sign_in_to(&peer, &[]);
        assert_eq!(ran.exit, 6, "{ran:?}");
        for place in ["/register", "/authorize", "/token"] {
            assert!(!peer.was_asked_for(place), "{status}: an issuer was made up: {ran:?}");
        }
    }
}
