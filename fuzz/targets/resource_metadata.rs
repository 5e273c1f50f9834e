//! Protected resource metadata (RFC 9728): a document that is taken says the same when it is written again, and the
//! resource of one that is believed is the server or a parent of it, as a text and not only as a browser would see it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpauth::fuzzing;
use mcpauth::model::ServerUrl;

const ORIGIN: &str = "https://s.example";

fuzz_target!(|data: &[u8]| {
    let document = match fuzzing::resource_metadata(data) {
        Ok(document) => document,
        Err(error) => return is_one_plain_line(&error.to_string()),
    };
    // As it is kept for the next login.
    let again = serde_json::to_vec(&document).expect("what was read can be written");
    let again = fuzzing::resource_metadata(&again).expect("what was written can be read");
    assert_eq!(format!("{again:?}"), format!("{document:?}"));
    let server: ServerUrl = format!("{ORIGIN}/mcp/v1?tenant=a").parse().expect("a server");
    if fuzzing::covers(&document.resource, &server) {
        speaks_for_the_server(&document.resource);
    }
});

/// As a text, and not only as a parser that forgives sees it: it is sent on byte for byte.
fn speaks_for_the_server(resource: &str) {
    assert!(resource.bytes().all(|byte| byte.is_ascii_graphic()), "no URL: {resource:?}");
    let (origin, rest) = resource.split_at_checked(ORIGIN.len()).expect("as long as its origin");
    assert!(origin.eq_ignore_ascii_case(ORIGIN), "another origin: {resource:?}");
    let rest = rest.strip_prefix(":443").unwrap_or(rest);
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let parents = ["", "/", "/mcp", "/mcp/", "/mcp/v1", "/mcp/v1/"];
    assert!(parents.contains(&path), "another place: {resource:?}");
    assert!(query.is_none_or(|query| query == "tenant=a"), "another query: {resource:?}");
}

fn is_one_plain_line(text: &str) {
    assert!(!text.chars().any(char::is_control) && text.chars().count() < 600, "{text:?}");
}
