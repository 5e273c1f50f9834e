//! What a server says about itself and its issuer.

use serde_json::{Value, json};

use crate::peer::{
    ISSUER_METADATA, Peer, RESOURCE_METADATA, Said, Script, answer, at, bent, issuer_metadata, json_answer,
    resource_metadata,
};
use crate::victim::{Victim, ended, says_nothing_raw};

/// One lie, and what it ends in.
struct Lie {
    what: String,
    script: Script,
    exit: i32,
    message: &'static str,
}

fn lie(what: impl Into<String>, exit: i32, message: &'static str, script: Script) -> Lie {
    Lie { what: what.into(), script, exit, message }
}

/// Tells every lie to somebody who signs in. None is believed far enough for a browser to be sent anywhere, or for a
/// client to be registered.
fn tell(lies: Vec<Lie>) {
    let victim = Victim::new();
    for Lie { what, script, exit, message } in lies {
        let peer = Peer::start(script);
        let ran = victim.sign_in_to(&peer, &["-vvv"]);
        ended(&ran, &what, exit, message);
        assert!(!ran.stderr.contains("response_type=code"), "{what}: an address was printed: {ran:?}");
        for place in ["/register", "/authorize", "/token"] {
            assert!(!peer.was_asked_for(place), "{what}: {place} was asked: {ran:?}");
        }
        assert!(peer.seen().len() <= 20, "{what}: {} requests", peer.seen().len());
        victim.keeps_everything();
    }
    victim.is_unharmed();
}

fn issuer_says(change: Value) -> Script {
    at(ISSUER_METADATA, move |seen| json_answer(200, &bent(issuer_metadata(seen), seen, &change)))
}

fn resource_says(change: Value) -> Script {
    at(RESOURCE_METADATA, move |seen| json_answer(200, &bent(resource_metadata(seen), seen, &change)))
}

/// MCP 10.
#[test]
fn the_issuer_must_be_the_one_that_was_asked_byte_for_byte() {
    let mut lies: Vec<_> = [
        "https://issuer.example",
        "{origin}//",
        "{origin}/tenant",
        "{origin}%2F",
        "{origin}?",
        "{origin}:80",
        "HTTP://127.0.0.1",
        "",
    ]
    .map(|issuer| {
        lie(format!("issuer {issuer}"), 5, "names another issuer", issuer_says(json!({ "issuer": issuer })))
    })
    .into();
    lies.push(lie("no issuer", 8, "broke the protocol", issuer_says(json!({ "issuer": null }))));
    lies.push(lie("issuer of a number", 8, "broke the protocol", issuer_says(json!({ "issuer": 7 }))));
    tell(lies);
}

/// MCP 10. The one exception: a bare host is no other issuer because somebody wrote a slash after it.
#[test]
fn a_lone_slash_after_a_bare_host_is_let_pass_and_recorded_as_the_document_has_it() {
    let victim = Victim::new();
    let peer = Peer::start(issuer_says(json!({ "issuer": "{origin}/" })));
    let ran = victim.sign_in_to(&peer, &["--explain"]);
    assert!(ran.succeeded().stderr.contains("warning: it was asked as"), "{ran:?}");
    let status = victim.run(&["status", "other", "--json"]).json();
    assert_eq!(status["logins"][0]["client"]["issuer"], format!("{}/", peer.origin()), "{status}");
}

/// MCP 14.
/// A server of MCP 2025-03-26 names no issuer, so its own origin is the only one that is believed.
#[test]
fn without_resource_metadata_no_other_origin_is_the_issuer() {
    let mut lies = Vec::new();
    for issuer in ["https://issuer.example", "{origin}0", "no url"] {
        let script: Script = Box::new(move |seen| match seen.path() {
            path if path.starts_with(RESOURCE_METADATA) => Some(answer(404, "", b"")),
            ISSUER_METADATA => {
                Some(json_answer(200, &bent(issuer_metadata(seen), seen, &json!({ "issuer": issuer }))))
            }
            _ => None,
        });
        lies.push(lie(format!("issuer {issuer}"), 5, "names another issuer", script));
    }
    tell(lies);
}

/// MCP 12.
#[test]
fn no_endpoint_is_used_that_is_no_safe_web_address() {
    let mut lies = Vec::new();
    for endpoint in ["authorization_endpoint", "token_endpoint", "registration_endpoint"] {
        for (url, exit, message) in [
            ("javascript:alert(1)//\u{1b}[2J", 5, "not https"),
            ("file:///etc/passwd", 5, "not https"),
            ("data:text/html,<script>alert(1)</script>", 5, "not https"),
            ("vbscript:x", 5, "not https"),
            ("ms-msdt:/id", 5, "not https"),
            ("http://issuer.example/", 5, "not https"),
            ("http://localhost.evil.example/", 5, "not https"),
            ("http://127.0.0.1.evil.example/", 5, "not https"),
            ("https://ana:secret@issuer.example/", 5, "a user name or password in it"),
            ("https://169.254.169.254/latest/meta-data/", 5, "in a private network"),
            ("https://[::ffff:169.254.169.254]/", 5, "in a private network"),
            ("calc.exe", 8, "broke the protocol"),
            ("-oProxyCommand=x", 8, "broke the protocol"),
        ] {
            let script = issuer_says(json!({ endpoint: url }));
            lies.push(lie(format!("{endpoint} {url}"), exit, message, script));
        }
    }
    let long = format!("javascript:{}", "x".repeat(100_000));
    lies.push(lie("a long address", 5, "not https", issuer_says(json!({ "token_endpoint": long }))));
    tell(lies);
}

/// MCP 16.
#[test]
fn an_issuer_without_pkce_is_refused() {
    let lies = [json!(null), json!([]), json!(["plain"])].map(|methods| {
        let what = format!("methods {methods}");
        let script = issuer_says(json!({ "code_challenge_methods_supported": methods }));
        lie(what, 5, "does not advertise PKCE with S256", script)
    });
    tell(lies.into());
}

/// MCP 5.
#[test]
fn the_resource_must_be_the_server_that_was_called() {
    let mut lies: Vec<_> = [
        "https://elsewhere.example/mcp",
        "{origin}/mcpx",
        "{origin}/mc",
        "{origin}/mcp/sub",
        "{origin}0/mcp",
        "{origin}/mcp?tenant=b",
        "{origin}/mcp#x",
        "{origin}/mcp\u{1b}",
        "\u{0}{origin}/mcp",
        "{origin}/\nerror: all is well\n/../mcp",
        "{origin}/mcp\u{202e}",
        "/mcp",
        "",
    ]
    .map(|resource| {
        let script = resource_says(json!({ "resource": resource }));
        lie(format!("resource {resource:?}"), 5, "is for another resource", script)
    })
    .into();
    for resource in [json!(null), json!(7), json!(["{origin}/mcp"])] {
        let what = format!("resource {resource}");
        lies.push(lie(what, 8, "broke the protocol", resource_says(json!({ "resource": resource }))));
    }
    tell(lies);
}

/// MCP 7.
#[test]
fn an_issuer_that_cannot_be_asked_is_none() {
    let many: Vec<_> = (0..3_000).map(|number| format!("{{origin}}/tenant{number}")).collect();
    let mut lies = Vec::new();
    for (issuers, exit, message) in [
        (json!(null), 8, "it names no authorization server"),
        (json!([]), 8, "it names no authorization server"),
        (json!("{origin}"), 8, "broke the protocol"),
        (json!([7]), 8, "broke the protocol"),
        (json!(["no url \u{1b}[2J"]), 8, "the issuer is no URL"),
        (json!(["file:///etc/passwd"]), 5, "not https"),
        (json!(["javascript:alert(1)"]), 5, "not https"),
        (json!(["http://issuer.example"]), 5, "not https"),
        (json!(["https://169.254.169.254"]), 5, "in a private network"),
        (json!(["{origin}/\u{1b}]0;title\u{7}"]), 8, "none of the well-known places has it"),
        (json!(["{origin}/\u{202e}gpj"]), 8, "none of the well-known places has it"),
        (json!(many), 8, "none of the well-known places has it"),
    ] {
        let what: String = format!("issuers {issuers}").chars().take(60).collect();
        lies.push(lie(what, exit, message, resource_says(json!({ "authorization_servers": issuers }))));
    }
    tell(lies);
}

/// MCP 56.
/// An issuer may have an ugly name as long as its metadata has the same. It is shown, so it is shown safely.
#[test]
fn the_name_of_an_issuer_drives_no_terminal() {
    const UGLY: &str = "{origin}/\u{1b}]0;title\u{7}\u{202e}";
    for command in ["login", "discover"] {
        let victim = Victim::new();
        let peer = Peer::start(Box::new(|seen| {
            let issuer = json!({ "issuer": UGLY, "registration_endpoint": null });
            match seen.path() {
                path if path.starts_with(RESOURCE_METADATA) => {
                    let change = json!({ "authorization_servers": [UGLY] });
                    Some(json_answer(200, &bent(resource_metadata(seen), seen, &change)))
                }
                path if path.starts_with(ISSUER_METADATA) => {
                    Some(json_answer(200, &bent(issuer_metadata(seen), seen, &issuer)))
                }
                _ => None,
            }
        }));
        let ran = if command == "login" {
            let ran = victim.sign_in_to(&peer, &["-vvv"]);
            ended(&ran, command, 2, "registers no clients by itself");
            ran
        } else {
            victim.run(&["discover", &peer.url(), "-vvv"])
        };
        says_nothing_raw(&ran, command);
        // It is there, in other words.
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains(r"\u{1b}]0;title\u{7}\u{202e}"), "{ran:?}");
        victim.is_unharmed();
    }
}

/// MCP 11.
#[test]
fn documents_that_are_none_are_not_read() {
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let utf16: Vec<u8> = "{\"issuer\":\"x\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut lies = Vec::new();
    for place in [ISSUER_METADATA, RESOURCE_METADATA] {
        for (what, body) in [
            ("deep JSON", deep.clone()),
            ("deep JSON in a member", [b"{\"x\":", &deep[..], b"}"].concat()),
            ("invalid UTF-8", b"{\"issuer\":\"\xff\xfe\",\"resource\":\"\xff\"}".to_vec()),
            ("UTF-16", utf16.clone()),
            ("nothing", Vec::new()),
            ("an array", b"[]".to_vec()),
            ("null", b"null".to_vec()),
            ("half a document", b"{\"issuer\":\"http://127.0.0.1\",\"resour".to_vec()),
            ("a lone surrogate", br#"{"issuer":"\ud800","resource":"\ud800"}"#.to_vec()),
            ("a large number", br#"{"issuer":1e400,"resource":1e400}"#.to_vec()),
        ] {
            let script = at(place, move |_| answer(200, "content-type: application/json\r\n", &body));
            lies.push(lie(format!("{what} at {place}"), 8, "broke the protocol", script));
        }
        let compressed = at(place, |_| answer(200, "content-encoding: gzip\r\n", b"\x1f\x8b\x08\x00bomb"));
        lies.push(lie(format!("compression at {place}"), 8, "broke the protocol", compressed));
        let endless = at(place, |_| Said::Endless);
        lies.push(lie(format!("no end at {place}"), 8, "answered with more than", endless));
    }
    let double = |place, member: &'static str, document: fn(&_) -> Value| {
        let script = at(place, move |seen| {
            let text = document(seen).to_string();
            let text = text.replacen('{', &format!("{{\"{member}\":\"https://evil.example\","), 1);
            answer(200, "content-type: application/json\r\n", text.as_bytes())
        });
        lie(format!("{member} twice"), 8, "double", script)
    };
    lies.push(double(ISSUER_METADATA, "issuer", issuer_metadata));
    lies.push(double(ISSUER_METADATA, "token_endpoint", issuer_metadata));
    lies.push(double(RESOURCE_METADATA, "resource", resource_metadata));
    tell(lies);
}

/// MCP 11.
#[test]
fn a_web_page_is_no_document() {
    let page = || answer(200, "content-type: text/html\r\n", b"<!doctype html><title>\x1b]0;x\x07</title>");
    tell(vec![
        lie(
            "at the issuer's",
            8,
            "none of the well-known places has it",
            at(ISSUER_METADATA, move |_| page()),
        ),
        lie("at the server's", 8, "names a document that is not there", {
            Box::new(move |seen| match seen.path() {
                "/mcp" => Some(answer(
                    401,
                    "www-authenticate: Bearer resource_metadata=\"/.well-known/oauth-protected-resource\"\r\n",
                    b"",
                )),
                path if path.starts_with(RESOURCE_METADATA) => Some(page()),
                _ => None,
            })
        }),
        // A captive portal, or the URL of something else.
        lie("everywhere", 8, "web page", Box::new(move |_| Some(page()))),
    ]);
}

#[test]
fn a_byte_order_mark_is_no_harm() {
    let victim = Victim::new();
    let peer = Peer::start(at(ISSUER_METADATA, |seen| {
        let document = issuer_metadata(seen).to_string();
        answer(200, "", &[b"\xef\xbb\xbf", document.as_bytes()].concat())
    }));
    victim.sign_in_to(&peer, &[]).succeeded();
    assert_eq!(victim.world.records().len(), 2);
}

/// MCP 51.
#[test]
fn metadata_is_followed_within_its_origin_only() {
    let sink = Peer::sink();
    let mut lies = Vec::new();
    for place in [ISSUER_METADATA, RESOURCE_METADATA] {
        for (target, message) in [
            (sink.origin() + "/", "a redirect to another origin"),
            ("http://localhost:1/".into(), "a redirect to another origin"),
            ("file:///etc/passwd".into(), "a redirect to another origin"),
            (place.into(), "too many redirects"),
        ] {
            let script = at(place, move |_| answer(302, &format!("location: {target}\r\n"), b""));
            lies.push(lie(format!("{place} redirects"), 5, message, script));
        }
    }
    tell(lies);
    assert!(sink.seen().is_empty(), "{:?}", sink.seen());
}

#[test]
fn a_redirect_within_the_origin_is_followed() {
    let victim = Victim::new();
    let peer = Peer::start(Box::new(|seen| match seen.path() {
        ISSUER_METADATA => Some(answer(307, "location: /elsewhere\r\n", b"")),
        "/elsewhere" => Some(json_answer(200, &issuer_metadata(seen))),
        _ => None,
    }));
    victim.sign_in_to(&peer, &[]).succeeded();
}

fn challenges(header: impl Into<String>) -> Script {
    let header = header.into();
    at("/mcp", move |seen| answer(401, &header.replace("{origin}", &seen.origin()), b""))
}

/// MCP 6.
#[test]
fn a_challenge_leads_nowhere_dangerous() {
    let sink = Peer::sink();
    let mut lies = Vec::new();
    for (target, exit, message) in [
        ("file:///etc/passwd".to_owned(), 5, "not https"),
        ("javascript:alert(1)".into(), 5, "not https"),
        ("http://169.254.169.254/latest/meta-data/".into(), 5, "not https"),
        ("https://169.254.169.254/latest/meta-data/".into(), 5, "in a private network"),
        ("http://[".into(), 8, "is no URL"),
        // Another origin may hold the document, but only if it speaks for exactly this server.
        (sink.origin() + "/", 8, "broke the protocol"),
    ] {
        let header = format!("www-authenticate: Bearer resource_metadata=\"{target}\"\r\n");
        lies.push(lie(format!("challenge {target}"), exit, message, challenges(header)));
    }
    tell(lies);
    assert!(sink.seen().iter().all(|seen| !seen.body.contains("canary")), "{:?}", sink.seen());
}

/// MCP 2.
#[test]
fn challenges_that_disagree_are_refused() {
    let script: Script = Box::new(|seen| match seen.path() {
        "/mcp" => Some(answer(
            401,
            "www-authenticate: Bearer resource_metadata=\"/a\"\r\nwww-authenticate: Bearer resource_metadata=\"/b\"\r\n",
            b"",
        )),
        "/a" => Some(json_answer(200, &resource_metadata(seen))),
        "/b" => {
            let change = json!({ "authorization_servers": ["https://evil.example"] });
            Some(json_answer(200, &bent(resource_metadata(seen), seen, &change)))
        }
        _ => None,
    });
    tell(vec![lie("two documents", 5, "different issuers", script)]);
}

/// MCP 1.
#[test]
fn odd_challenges_are_read_by_the_grammar() {
    let victim = Victim::new();
    let document = "{origin}/.well-known/oauth-protected-resource/mcp";
    for header in [
        format!("WWW-Authenticate: Basic realm=\"a, Bearer x\", bearer resource_metadata={document}\r\n"),
        format!(
            "www-authenticate: Basic realm=x\r\nwww-authenticate: BEARER resource_metadata=\"{document}\"\r\n"
        ),
        format!("www-authenticate: Bearer realm=\"\\\"\", resource_metadata = \"{document}\"\r\n"),
        format!("www-authenticate: Bearer realm=\"{}\"\r\n", "x".repeat(64 * 1024)),
        format!("www-authenticate: Bearer {}\r\n", ",=\"".repeat(1000)),
        "www-authenticate: \r\n".into(),
        "www-authenticate: Bearer scope=\"\u{fc} \\\"x\"\r\n".into(),
        String::new(),
    ] {
        let peer = Peer::start(challenges(header.clone()));
        let ran = victim.sign_in_to(&peer, &[]);
        let shown: String = header.chars().take(100).collect();
        assert_eq!(ran.exit, 0, "{shown}: {ran:?}");
        says_nothing_raw(&ran, &shown);
        victim.run(&["logout", "other"]).succeeded();
        victim.run(&["server", "remove", "other"]).succeeded();
    }
    victim.is_unharmed();
}

/// MCP 13.
#[test]
fn null_means_that_a_member_is_absent() {
    let with_null = |mut document: Value, members: &[&str]| {
        for member in members {
            document[member] = Value::Null;
        }
        Some(json_answer(200, &document))
    };
    let peer = Peer::start(Box::new(move |seen| match seen.path() {
        path if path.starts_with(RESOURCE_METADATA) => {
            with_null(resource_metadata(seen), &["scopes_supported"])
        }
        ISSUER_METADATA => {
            with_null(issuer_metadata(seen), &["scopes_supported", "client_id_metadata_document_supported"])
        }
        _ => None,
    }));
    Victim::new().sign_in_to(&peer, &[]).succeeded();
}

#[test]
fn a_document_that_two_challenges_name_is_fetched_once() {
    let victim = Victim::new();
    let url = format!("{{origin}}{RESOURCE_METADATA}/mcp");
    let header = format!(
        "www-authenticate: Bearer resource_metadata=\"{url}\"\r\nwww-authenticate: DPoP resource_metadata=\"{url}\"\r\n"
    );
    let peer = Peer::start(challenges(header));
    victim.sign_in_to(&peer, &[]).succeeded();
    let fetched = peer.seen().iter().filter(|seen| seen.path().starts_with(RESOURCE_METADATA)).count();
    assert_eq!(fetched, 1);
}

/// MCP 8.
#[test]
fn whoever_names_the_issuer_needs_no_document_of_the_server() {
    let victim = Victim::new();
    let header =
        format!("www-authenticate: Bearer resource_metadata=\"{{origin}}{RESOURCE_METADATA}/mcp\"\r\n");
    let peer = Peer::start(Box::new(move |seen| match seen.path() {
        "/mcp" => Some(answer(401, &header.replace("{origin}", &seen.origin()), b"")),
        path if path.starts_with(RESOURCE_METADATA) => Some(answer(404, "", b"")),
        _ => None,
    }));
    ended(&victim.sign_in_to(&peer, &[]), "no document", 8, "--issuer names the issuer");
    victim.sign_in_to(&peer, &["--issuer", &peer.origin()]).succeeded();
}

/// MCP 14.
#[test]
fn a_mistyped_url_is_no_server_of_2025_03_26() {
    tell(vec![lie(
        "404 everywhere",
        8,
        "it answers 404 and publishes none",
        Box::new(|_| Some(answer(404, "", b""))),
    )]);
}
