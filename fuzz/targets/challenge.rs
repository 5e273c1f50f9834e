//! `WWW-Authenticate`: one header value a line. Whatever a server writes, nothing is made up, and what was read is
//! read again the same from a header that is written by the book.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpauth::fuzzing;

fuzz_target!(|data: &[u8]| {
    let lines = || data.split(|byte| *byte == b'\n');
    let challenge = fuzzing::challenge(lines());
    if let Some(challenge) = &challenge {
        for name in ["resource_metadata", "scope", "error", "error_description"] {
            for value in challenge.all(name) {
                assert!(!value.contains(['\r', '\n', '\0']), "a value with a line end: {value:?}");
            }
        }
    }
    for line in lines().filter_map(|line| std::str::from_utf8(line).ok()) {
        let read = fuzzing::challenges(line);
        for (scheme, parameters) in &read {
            assert!(line.contains(scheme.as_str()), "a scheme that nobody wrote");
            for (name, value) in parameters {
                assert!(line.contains(name.as_str()), "a name that nobody wrote");
                assert!(is_within(value, line), "a value that nobody wrote: {value:?}");
            }
        }
        assert_eq!(fuzzing::challenges(&by_the_book(&read)), read);
    }
});

/// Whether the characters of a value stand in a line in this order.
fn is_within(value: &str, line: &str) -> bool {
    let mut rest = line.chars();
    value.chars().all(|wanted| rest.any(|own| own == wanted))
}

/// The challenges as RFC 9110 section 11.6.1 writes them, every value in quotes.
fn by_the_book(challenges: &[(String, Vec<(String, String)>)]) -> String {
    let mut parts = Vec::new();
    for (scheme, parameters) in challenges {
        let mut scheme = format!("{scheme} ");
        for (name, value) in parameters {
            let value = value.replace('\\', r"\\").replace('"', "\\\"");
            parts.push(format!("{scheme}{name}=\"{value}\""));
            scheme.clear();
        }
        if !scheme.is_empty() {
            parts.push(scheme);
        }
    }
    parts.join(", ")
}
