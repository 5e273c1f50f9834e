//! What belongs to one server and its issuer goes to no other, in the words in which they named themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::peer::{
    ACCESS, CODE, ISSUER_METADATA, Peer, REFRESH, RESOURCE_METADATA, Seen, at, bent, issuer_metadata,
    json_answer, resource_metadata,
};
use crate::victim::Victim;

/// What was asked of a place, in its query or its body.
fn sent(peer: &Peer, place: &str, name: &str) -> Vec<String> {
    let asked = peer.seen().into_iter().filter(|seen| seen.path() == place);
    asked.map(|seen| seen.parameter(name) + &seen.field(name)).collect()
}

/// MCP 30.
/// A document may speak for the whole host, without the slash that every URL library would add.
#[test]
fn the_resource_of_the_document_is_sent_as_it_stands() {
    for resource in ["{origin}", "{origin}/", "{origin}/mcp"] {
        let victim = Victim::new();
        let peer = Peer::start(at(RESOURCE_METADATA, move |seen| {
            json_answer(200, &bent(resource_metadata(seen), seen, &json!({ "resource": resource })))
        }));
        victim.sign_in_to(&peer, &[]).succeeded();
        victim.run(&["refresh", "other"]).succeeded();
        let resource = resource.replace("{origin}", &peer.origin());
        assert_eq!(sent(&peer, "/authorize", "resource"), [resource.as_str()]);
        assert_eq!(sent(&peer, "/token", "resource"), [resource.as_str(); 2]);
    }
}

/// MCP 6.
/// A document that speaks for a server at another origin has to be its own, not that of a parent.
#[test]
fn a_document_from_elsewhere_must_name_this_very_server() {
    for (resource, exit) in [("{server}/mcp", 0), ("{server}", 5)] {
        let victim = Victim::new();
        let origin = Arc::new(std::sync::OnceLock::<String>::new());
        let own = Arc::clone(&origin);
        let elsewhere = Peer::start(Box::new(move |_| {
            let server = own.get().unwrap();
            let resource = resource.replace("{server}", server);
            Some(json_answer(200, &json!({ "resource": resource, "authorization_servers": [server] })))
        }));
        let header = format!("www-authenticate: Bearer resource_metadata=\"{}/x\"\r\n", elsewhere.origin());
        let peer = Peer::start(at("/mcp", move |_| crate::peer::answer(401, &header, b"")));
        origin.set(peer.origin()).unwrap();
        let ran = victim.sign_in_to(&peer, &[]);
        assert_eq!(ran.exit, exit, "{ran:?}");
        assert_eq!(elsewhere.seen().len(), 1, "nothing else is asked there");
    }
}

/// MCP 19.
/// The page of an issuer that lies at another host is named before anybody types a password there.
#[test]
fn a_page_at_another_host_is_named() {
    let victim = Victim::new();
    let peer = Peer::start(at(ISSUER_METADATA, |seen| {
        let page = seen.origin().replace("127.0.0.1", "localhost") + "/authorize";
        json_answer(200, &bent(issuer_metadata(seen), seen, &json!({ "authorization_endpoint": page })))
    }));
    let ran = victim.sign_in_to(&peer, &[]);
    let issuer = format!("issuer  {}, sign-in at localhost", peer.origin());
    assert!(ran.succeeded().stderr.contains(&issuer), "{ran:?}");
}

/// A server with two issuers to choose from, of which it names the second after a while.
struct Moving {
    server: Peer,
    first: Peer,
    second: Peer,
    moved: Arc<AtomicBool>,
}

impl Moving {
    fn new() -> Self {
        let issuer = |id: &'static str| {
            Peer::start(at("/register", move |_| json_answer(201, &json!({ "client_id": id }))))
        };
        let (first, second) = (issuer("client-of-the-first"), issuer("client-of-the-second"));
        let moved = Arc::new(AtomicBool::new(false));
        let (origins, has_moved) = ([first.origin(), second.origin()], Arc::clone(&moved));
        let server = Peer::start(at(RESOURCE_METADATA, move |seen| {
            let issuer = &origins[usize::from(has_moved.load(Ordering::SeqCst))];
            let change = json!({ "authorization_servers": [issuer] });
            json_answer(200, &bent(resource_metadata(seen), seen, &change))
        }));
        Self { server, first, second, moved }
    }
}

fn hold(seen: &[Seen], secrets: &[&str]) -> bool {
    seen.iter().any(|seen| secrets.iter().any(|secret| seen.holds(secret)))
}

/// MCP 27, 31.
/// A refresh goes where the login came from, whatever the server says meanwhile.
#[test]
fn a_login_stays_with_its_issuer_when_the_server_names_another() {
    let victim = Victim::new();
    let Moving { server, first, second, moved } = Moving::new();
    victim.sign_in_to(&server, &[]).succeeded();
    moved.store(true, Ordering::SeqCst);
    victim.run(&["refresh", "other"]).succeeded();
    victim.run(&["token", "other", "--force-refresh"]).succeeded();
    assert_eq!(sent(&first, "/token", "client_id"), ["client-of-the-first"; 3]);
    victim.run(&["logout", "other"]);
    assert!(second.seen().is_empty(), "{:?}", second.seen());
    assert!(!hold(&server.seen(), &[CODE, ACCESS, REFRESH, "client-of-the-first"]), "{:?}", server.seen());
}

/// MCP 7, 27.
/// Its client is not shown to the new issuer, and nothing else of the old login is.
#[test]
fn a_new_issuer_gets_a_client_of_its_own() {
    let victim = Victim::new();
    let Moving { server, first: _first, second, moved } = Moving::new();
    victim.sign_in_to(&server, &[]).succeeded();
    moved.store(true, Ordering::SeqCst);
    victim.sign_in_to(&server, &["--trust-issuer", &second.origin()]).succeeded();
    assert_eq!(sent(&second, "/authorize", "client_id"), ["client-of-the-second"]);
    assert_eq!(sent(&second, "/token", "client_id"), ["client-of-the-second"]);
    assert!(!hold(&second.seen(), &["client-of-the-first", REFRESH]), "{:?}", second.seen());
}

/// MCP 24.
/// One that the user brought is neither shown to the new issuer nor silently replaced.
#[test]
fn a_client_that_the_user_brought_is_not_taken_to_another_issuer() {
    let victim = Victim::new();
    let Moving { server, first, second, moved } = Moving::new();
    victim.sign_in_to(&server, &["--client-id", "brought"]).succeeded();
    moved.store(true, Ordering::SeqCst);
    let ran = victim.sign_in_to(&server, &["--trust-issuer", &second.origin()]);
    crate::victim::ended(&ran, "brought", 5, "the stored client brought belongs to issuer");
    assert!(ran.stderr.contains(&first.origin()) && ran.stderr.contains(&second.origin()), "{ran:?}");
    for place in ["/register", "/authorize", "/token"] {
        assert!(!second.was_asked_for(place), "{place}");
    }
    let advice = format!("--trust-issuer {} --client-id ID", second.origin());
    assert!(ran.stderr.contains(&advice), "{ran:?}");
    let flags = ["--trust-issuer", &second.origin(), "--client-id", "another"];
    victim.sign_in_to(&server, &flags).succeeded();
    assert_eq!(sent(&second, "/token", "client_id"), ["another"]);
}

/// MCP 31, 52.
#[test]
fn a_token_goes_to_its_own_server_in_a_header_only() {
    let victim = Victim::new();
    let peer = Peer::start(at("/mcp", |seen| {
        if seen.holds(ACCESS) {
            json_answer(200, &json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": [] } }))
        } else {
            crate::peer::answer(401, "www-authenticate: Bearer\r\n", b"")
        }
    }));
    victim.sign_in_to(&peer, &[]).succeeded();
    let test = victim.run(&["server", "test", "other"]);
    assert!(test.succeeded().stdout.contains("accepted (200)"), "{test:?}");
    let with_token: Vec<Seen> = peer.seen().into_iter().filter(|seen| seen.holds(ACCESS)).collect();
    assert_eq!(with_token.len(), 1, "{with_token:?}");
    assert_eq!(with_token[0].header("authorization"), format!("Bearer {ACCESS}"));
    assert_eq!(with_token[0].what(), "POST /mcp");
    assert!(!with_token[0].body.contains(ACCESS));
}

/// MCP 28, 46.
/// A client that its issuer forgot is asked for once more, also where no person is; what the identity provider says of
/// its own client says nothing of that one.
#[test]
fn a_forgotten_client_of_the_enterprise_grant_is_replaced_once() {
    const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    for forgets in [JWT_BEARER, "urn:ietf:params:oauth:grant-type:token-exchange"] {
        let victim = Victim::new();
        let peer = Peer::start(at("/token", move |seen| {
            if seen.field("grant_type") == forgets {
                json_answer(401, &json!({ "error": "invalid_client" }))
            } else {
                let types = json!({ "token_type": "N_A",
                    "issued_token_type": "urn:ietf:params:oauth:token-type:id-jag" });
                json_answer(200, &bent(crate::peer::tokens(), seen, &types))
            }
        }));
        let file = victim.world.home().join("id-token");
        std::fs::write(&file, "an-id-token").unwrap();
        let (file, idp) = (file.to_string_lossy().into_owned(), peer.origin());
        let flags = ["--subject-token-file", &file, "--idp-issuer", &idp, "--idp-client-id", "there"];
        assert_ne!(victim.sign_in_to(&peer, &flags).exit, 0);
        let registered = peer.seen().iter().filter(|seen| seen.path() == "/register").count();
        assert_eq!(registered, if forgets == JWT_BEARER { 2 } else { 1 }, "{forgets}");
    }
}
