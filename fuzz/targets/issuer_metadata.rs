//! Authorization server metadata (RFC 8414, OpenID Connect Discovery): what is taken was written so, and no endpoint
//! that passes the vetting of a public server leads inside, to plain http, or to a password.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mcpauth::fuzzing;
use mcpauth::http::Http;
use serde_json::Value;
use url::{Host, Url};

static HTTP: LazyLock<Http> =
    LazyLock::new(|| fuzzing::http(&"https://93.184.215.14/mcp".parse().expect("a server")));

fuzz_target!(|data: &[u8]| {
    let metadata = match fuzzing::issuer_metadata(data) {
        Ok(metadata) => metadata,
        Err(error) => return is_one_plain_line(&error.to_string()),
    };
    // As it is kept for the next login.
    let again = serde_json::to_vec(&metadata).expect("what was read can be written");
    let again = fuzzing::issuer_metadata(&again).expect("what was written can be read");
    assert_eq!(format!("{again:?}"), format!("{metadata:?}"));
    let body = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    // Members that nobody reads are passed over without a look at how their texts are encoded.
    let Ok(document) = serde_json::from_slice::<Value>(body) else { return };
    assert_eq!(document["issuer"], metadata.issuer.as_str(), "the issuer is kept byte for byte");
    let methods = document["code_challenge_methods_supported"].as_array();
    assert_eq!(metadata.advertises_s256(), methods.is_some_and(|methods| methods.contains(&"S256".into())));
    match fuzzing::vet(&metadata, &HTTP) {
        Ok(()) => {
            let endpoints = serde_json::to_value(metadata.endpoints()).expect("endpoints can be written");
            endpoints.as_object().expect("they have names").values().for_each(is_outside);
        }
        Err(error) => is_one_plain_line(&error.to_string()),
    }
});

/// Written apart from the gate that it judges, and stricter where that is right for a public server.
fn is_outside(endpoint: &Value) {
    let url: Url = endpoint.as_str().and_then(|text| text.parse().ok()).expect("an endpoint is a URL");
    assert!(url.username().is_empty() && url.password().is_none(), "a password: {url}");
    assert!(url.as_str().bytes().all(|byte| byte.is_ascii_graphic()), "no address: {url}");
    match url.host().expect("a host") {
        // A name is judged once it is looked up; `localhost` by then leads inside and is refused.
        Host::Domain(name) => assert!(url.scheme() == "https" || name == "localhost", "plain http: {url}"),
        Host::Ipv4(address) => {
            let [a, b, ..] = address.octets();
            let inside = matches!(
                (a, b),
                (0 | 10 | 127, _) | (169, 254) | (172, 16..32) | (192, 168) | (100, 64..128)
            );
            assert!(!inside && a < 224 && url.scheme() == "https", "inside: {url}");
        }
        Host::Ipv6(address) => {
            let first = address.segments()[0];
            let inside = address.is_loopback() || address.is_unspecified() || first & 0xfe00 == 0xfc00;
            assert!(!inside && first & 0xffc0 != 0xfe80 && first < 0xff00, "inside: {url}");
            assert!(url.scheme() == "https", "plain http: {url}");
        }
    }
}

fn is_one_plain_line(text: &str) {
    assert!(!text.chars().any(char::is_control) && text.chars().count() < 600, "{text:?}");
}
