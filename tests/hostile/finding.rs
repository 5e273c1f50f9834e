//! Where the issuer is looked for, whose word is taken, and what is remembered of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::peer::{
    ISSUER_METADATA, Peer, RESOURCE_METADATA, Said, Script, Seen, answer, at, bent, issuer_metadata,
    json_answer, resource_metadata,
};
use crate::victim::{Victim, ended};

const OPENID: &str = "/.well-known/openid-configuration";

/// How often a place was asked for.
fn asked(peer: &Peer, place: &str) -> usize {
    peer.seen().iter().filter(|seen| seen.path() == place).count()
}

/// A server whose document names these issuers.
fn naming(issuers: &[String]) -> Script {
    let issuers = issuers.to_vec();
    at(RESOURCE_METADATA, move |seen| {
        let change = json!({ "authorization_servers": issuers });
        json_answer(200, &bent(resource_metadata(seen), seen, &change))
    })
}

/// MCP 3, 11.
/// A place that is in trouble, or holds something that nobody can read, does not keep the document from being at the
/// next one.
#[test]
fn trouble_at_one_place_does_not_end_the_search() {
    let victim = Victim::new();
    for (place, otherwise) in
        [("/.well-known/oauth-protected-resource/mcp", RESOURCE_METADATA), (ISSUER_METADATA, OPENID)]
    {
        for said in [503, 429, 404, 200] {
            let peer = Peer::start(Box::new(move |seen| match seen.path() {
                path if path == place => Some(answer(said, "", b"{ no JSON")),
                path if path == otherwise && place == ISSUER_METADATA => {
                    Some(json_answer(200, &issuer_metadata(seen)))
                }
                _ => None,
            }));
            victim.sign_in_to(&peer, &[]).succeeded();
            assert_eq!((asked(&peer, place), asked(&peer, otherwise)), (1, 1), "{place} {said}");
            victim.run(&["logout", "other"]).succeeded();
            victim.run(&["server", "remove", "other"]).succeeded();
        }
    }
}

/// MCP 11, 14.
/// Trouble proves nothing: least of all that a server is of an age in which there were no documents.
#[test]
fn trouble_at_one_place_is_no_absence() {
    let victim = Victim::new();
    for (status, exit, message) in [(503, 6, "answered 503"), (429, 6, "answered 429"), (200, 8, "not JSON")]
    {
        let peer = Peer::start(Box::new(move |seen| match seen.path() {
            "/.well-known/oauth-protected-resource/mcp" => Some(answer(status, "", b"{ no JSON")),
            RESOURCE_METADATA => Some(answer(404, "", b"")),
            _ => None,
        }));
        ended(&victim.sign_in_to(&peer, &[]), "server", exit, message);
        assert_eq!(asked(&peer, RESOURCE_METADATA), 1);
        assert!(!peer.was_asked_for(ISSUER_METADATA), "{status} was taken for a no");

        let peer = Peer::start(at(ISSUER_METADATA, move |_| answer(status, "", b"{ no JSON")));
        ended(&victim.sign_in_to(&peer, &[]), "issuer", exit, message);
        assert_eq!(asked(&peer, OPENID), 1);
    }
    victim.is_unharmed();
}

/// MCP 14.
#[test]
fn the_revision_goes_with_every_request_for_metadata() {
    let peer = Peer::start(Box::new(|_| None));
    Victim::new().sign_in_to(&peer, &[]).succeeded();
    let seen = peer.seen();
    let documents: Vec<&Seen> = seen.iter().filter(|seen| seen.path().starts_with("/.well-known")).collect();
    assert_eq!(documents.len(), 2);
    assert!(documents.iter().all(|seen| seen.header("mcp-protocol-version") == mcpauth::mcp::REVISION));
}

/// MCP 7.
#[test]
fn of_several_issuers_the_first_is_taken_that_describes_itself() {
    let victim = Victim::new();
    let nobody = Peer::start(Box::new(|_| Some(answer(404, "", b""))));
    let liar = Peer::start(at(ISSUER_METADATA, |seen| {
        json_answer(200, &bent(issuer_metadata(seen), seen, &json!({ "issuer": "https://issuer.example" })))
    }));
    let (first, second) = (Peer::start(Box::new(|_| None)), Peer::start(Box::new(|_| None)));
    let issuers = [&nobody, &liar, &first, &second].map(Peer::origin);
    let server = Peer::start(naming(&issuers));
    victim.sign_in_to(&server, &[]).succeeded();
    assert!(first.was_asked_for("/token") && second.seen().is_empty(), "{:?}", second.seen());
    assert!(!liar.was_asked_for("/token"));
}

/// MCP 7, 27.
/// Once somebody is signed in at one of them, the order in which the server names them means nothing.
#[test]
fn of_several_issuers_the_one_that_knows_us_is_taken() {
    let victim = Victim::new();
    let (first, second) = (Peer::start(Box::new(|_| None)), Peer::start(Box::new(|_| None)));
    let turned = Arc::new(AtomicBool::new(false));
    let (issuers, has_turned) = ([first.origin(), second.origin()], Arc::clone(&turned));
    let server = Peer::start(at(RESOURCE_METADATA, move |seen| {
        let mut issuers = issuers.clone();
        if has_turned.load(Ordering::SeqCst) {
            issuers.reverse();
        }
        json_answer(200, &bent(resource_metadata(seen), seen, &json!({ "authorization_servers": issuers })))
    }));
    victim.sign_in_to(&server, &[]).succeeded();
    turned.store(true, Ordering::SeqCst);
    victim.sign_in_to(&server, &["--fresh"]).succeeded();
    assert_eq!(asked(&first, "/token"), 2);
    assert!(second.seen().is_empty(), "{:?}", second.seen());

    // One that is in trouble for a while is no reason to go to another.
    let busy = Peer::start(Box::new(|_| Some(answer(503, "", b""))));
    let server = Peer::start(naming(&[busy.origin(), second.origin()]));
    ended(&victim.sign_in_to_as("third", &server, &[]), "busy", 6, "answered 503");
    assert!(second.seen().is_empty(), "{:?}", second.seen());
}

/// MCP 7, 27. A stranger is refused before he hears anything, and the person is told what to type if it is genuine.
#[test]
fn a_server_that_names_another_issuer_than_before_is_refused() {
    let victim = Victim::new();
    let (first, second) = (Peer::start(Box::new(|_| None)), Peer::start(Box::new(|_| None)));
    let moved = Arc::new(AtomicBool::new(false));
    let (issuers, has_moved) = ([first.origin(), second.origin()], Arc::clone(&moved));
    let server = Peer::start(at(RESOURCE_METADATA, move |seen| {
        let issuer = &issuers[usize::from(has_moved.load(Ordering::SeqCst))];
        json_answer(200, &bent(resource_metadata(seen), seen, &json!({ "authorization_servers": [issuer] })))
    }));
    victim.sign_in_to(&server, &[]).succeeded();
    moved.store(true, Ordering::SeqCst);
    for after_logout in [false, true] {
        let ran = victim.sign_in_to(&server, &["--fresh"]);
        ended(&ran, "moved", 5, "names another issuer than before");
        assert!(ran.stderr.contains(&first.origin()) && ran.stderr.contains(&second.origin()), "{ran:?}");
        assert!(ran.stderr.contains(&format!("--trust-issuer {}", second.origin())), "{ran:?}");
        assert!(second.seen().is_empty(), "{:?}", second.seen());
        if !after_logout {
            victim.run(&["logout", "other"]).succeeded();
        }
    }
    victim.sign_in_to(&server, &["--issuer", &second.origin()]).succeeded();
    assert_eq!(asked(&second, "/token"), 1);
}

/// MCP 10. What the user trusts has to be in the hands of the host that was asked: else whoever runs a server could
/// name an issuer of his own that calls itself by a trusted name.
#[test]
fn another_spelling_of_an_issuer_is_taken_from_those_who_may_use_it() {
    let victim = Victim::new();
    let named = |name: &'static str| -> Script {
        at(ISSUER_METADATA, move |seen| {
            json_answer(200, &bent(issuer_metadata(seen), seen, &json!({ "issuer": name })))
        })
    };
    let peer = Peer::start(named("{origin}/{tenantid}/v2.0"));
    ended(&victim.sign_in_to(&peer, &[]), "not trusted", 5, "names another issuer");
    let template = format!("{}/{{tenantid}}/v2.0", peer.origin());
    victim.sign_in_to(&peer, &["--trust-issuer", &template]).succeeded();
    let status = victim.run(&["status", "other", "--json"]).json();
    assert_eq!(status["logins"][0]["client"]["issuer"], template, "{status}");

    let elsewhere = "https://issuer.example/pool";
    let peer = Peer::start(named(elsewhere));
    let flags = ["--trust-issuer", elsewhere];
    let ran = victim.sign_in_to_as("proxied", &peer, &flags);
    ended(&ran, "another host", 5, "names another issuer");
    let origin = peer.origin();
    assert!(ran.stderr.contains(&format!("--issuer {origin} --trust-issuer {elsewhere}")), "{ran:?}");
    victim.sign_in_to_as("proxied", &peer, &[&flags[..], &["--issuer", &origin]].concat()).succeeded();
}

/// MCP 5.
#[test]
fn a_parent_of_the_server_does_not_do_where_many_share_a_host() {
    let victim = Victim::new();
    let peer = Peer::start(at(RESOURCE_METADATA, |seen| {
        json_answer(200, &bent(resource_metadata(seen), seen, &json!({ "resource": "{origin}" })))
    }));
    let ran = victim.sign_in_to(&peer, &["--strict-resource"]);
    ended(&ran, "parent", 5, "is for another resource");
    assert!(!peer.was_asked_for(ISSUER_METADATA));
    victim.sign_in_to(&peer, &[]).succeeded();
    ended(&victim.sign_in_to(&peer, &["--strict-resource"]), "kept", 5, "is for another resource");
}

/// MCP 8. No document of the issuer is looked for, and the server need not say anything.
#[test]
fn endpoints_that_the_user_settled_need_no_metadata() {
    let victim = Victim::new();
    for server_says in [401, 404, 503] {
        let peer = Peer::start(Box::new(move |seen| match seen.path() {
            "/mcp" => Some(answer(server_says, "", b"")),
            path if path.starts_with("/.well-known") => Some(answer(404, "", b"")),
            _ => None,
        }));
        let at = |path: &str| peer.origin() + path;
        let (page, tokens, register) = (at("/authorize"), at("/token"), at("/register"));
        let flags = ["--authorize-url", &page, "--token-url", &tokens, "--register-url", &register];
        let ran = victim.sign_in_to(&peer, &[&flags[..], &["--explain"]].concat());
        assert!(ran.succeeded().stderr.contains("use the endpoints that you settled"), "{ran:?}");
        assert!(!ran.stderr.contains("advertises"), "nobody does: {ran:?}");
        assert!(!peer.was_asked_for(ISSUER_METADATA) && !peer.was_asked_for(OPENID));
        let status = victim.run(&["status", "other", "--json"]).json();
        assert_eq!(status["logins"][0]["client"]["issuer"], peer.origin(), "{status}");
        victim.run(&["refresh", "other"]).succeeded();
        victim.run(&["logout", "other", "--local-only"]).succeeded();
        victim.run(&["server", "remove", "other"]).succeeded();
    }
}

/// Nobody settles endpoints in order to be lied to.
#[test]
fn settled_endpoints_are_no_reason_to_trust_a_server_that_plays_false() {
    let victim = Victim::new();
    let peer = Peer::start(at(RESOURCE_METADATA, |seen| {
        json_answer(200, &bent(resource_metadata(seen), seen, &json!({ "resource": "https://bank.example" })))
    }));
    let (page, tokens) = (peer.origin() + "/authorize", peer.origin() + "/token");
    let flags = ["--authorize-url", &page, "--token-url", &tokens, "--client-id", "x"];
    ended(&victim.sign_in_to(&peer, &flags), "resource", 5, "is for another resource");
}

/// MCP 13. Two servers of one issuer share what it says of itself.
#[test]
fn an_issuer_is_asked_once_for_all_its_servers() {
    let victim = Victim::new();
    let issuer = Peer::start(Box::new(|_| None));
    for name in ["one", "two"] {
        let server = Peer::start(naming(&[issuer.origin()]));
        victim.sign_in_to_as(name, &server, &[]).succeeded();
    }
    assert_eq!(asked(&issuer, ISSUER_METADATA), 1);
    assert_eq!(asked(&issuer, "/token"), 2);
}

/// However long the peers say that their words are good.
#[test]
fn nobody_but_the_user_says_how_long_something_is_kept() {
    let victim = Victim::new();
    let forever = |document: serde_json::Value| -> Said {
        let headers = "content-type: application/json\r\ncache-control: max-age=315360000, immutable\r\n";
        answer(200, headers, document.to_string().as_bytes())
    };
    let peer = Peer::start(Box::new(move |seen| match seen.path() {
        path if path.starts_with(RESOURCE_METADATA) => Some(forever(resource_metadata(seen))),
        ISSUER_METADATA => Some(forever(issuer_metadata(seen))),
        _ => None,
    }));
    victim.sign_in_to(&peer, &[]).succeeded();
    victim.sign_in_to(&peer, &[]).succeeded();
    assert_eq!(asked(&peer, ISSUER_METADATA), 1);
    victim.age_metadata(24 * 3600);
    victim.sign_in_to(&peer, &[]).succeeded();
    assert_eq!(asked(&peer, ISSUER_METADATA), 2);
}

/// MCP 48.
#[test]
fn what_a_server_demands_of_tokens_is_told() {
    let victim = Victim::new();
    let says = |header: &'static str, demanded: bool| -> Script {
        Box::new(move |seen| match seen.path() {
            "/mcp" => Some(answer(401, header, b"")),
            path if path.starts_with(RESOURCE_METADATA) => {
                let change = json!({ "dpop_bound_access_tokens_required": demanded });
                Some(json_answer(200, &bent(resource_metadata(seen), seen, &change)))
            }
            _ => None,
        })
    };
    for (header, demanded, bound) in [
        ("www-authenticate: DPoP algs=\"ES256\"\r\n", false, "demanded"),
        ("www-authenticate: DPoP algs=\"ES256\"\r\nwww-authenticate: Bearer\r\n", false, "not_offered"),
        ("www-authenticate: Bearer\r\n", true, "demanded"),
    ] {
        let peer = Peer::start(says(header, demanded));
        let ran = victim.run(&["discover", &peer.url(), "--json"]);
        assert_eq!(ran.json()["found"]["dpop"], bound, "{header}");
    }
}
