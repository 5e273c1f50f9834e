//! The token endpoint (RFC 6749 section 5): two bytes of status, of which the first bit says whether the request came
//! with a proof of a key, then the body. What is taken as a token fits into a
//! header, its end is a time that can be reckoned with, and a refusal is one plain line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpauth::clock::UnixTime;
use mcpauth::fuzzing;
use mcpauth::model::TokenSet;
use mcpauth::oauth::Error;

const NOW: UnixTime = UnixTime(1_800_000_000);
const HUNDRED_YEARS: i64 = 100 * 365 * 24 * 3600;

fuzz_target!(|data: &[u8]| {
    let Some((status, body)) = data.split_first_chunk() else { return };
    let (with_proof, status) = (status[0] & 0x80 != 0, 100 + (u16::from_be_bytes(*status) & 0x7fff) % 500);
    match fuzzing::token_answer(status, body, with_proof, NOW) {
        Ok(tokens) => can_be_used(status, with_proof, &tokens),
        Err(error) => is_told_plainly(&error),
    }
});

fn can_be_used(status: u16, with_proof: bool, tokens: &TokenSet) {
    assert!((200..300).contains(&status), "a token out of a refusal");
    fits_into_a_header(tokens.access_token.expose());
    if let Some(token) = &tokens.refresh_token {
        fits_into_a_header(token.expose());
    }
    assert_eq!(tokens.facts.refreshable, tokens.refresh_token.is_some());
    assert!(!tokens.facts.scope.is_empty(), "an answer without a scope grants what was asked for");
    let lives = tokens.facts.expires_at.map_or(0, |end| end.0 - NOW.0);
    assert!((0..=HUNDRED_YEARS).contains(&lives), "lives {lives} s");
    for taken in ["access_token", "refresh_token", "expires_in", "scope", "token_type"] {
        assert!(tokens.extra.get(taken).is_none(), "{taken} is kept twice");
    }
    fits_into_a_header(&tokens.facts.token_type);
    assert!(with_proof || !tokens.facts.is_bound(), "a token bound to no key of ours");
    assert!(["mac", "n_a"].iter().all(|other| !tokens.facts.token_type.eq_ignore_ascii_case(other)));
}

fn fits_into_a_header(token: &str) {
    assert!(!token.is_empty() && token.len() <= 64 * 1024);
    assert!(token.bytes().all(|byte| byte.is_ascii_graphic()), "{token:?}");
}

fn is_told_plainly(error: &Error) {
    let text = error.to_string();
    assert!(!text.chars().any(char::is_control) && text.chars().count() < 600, "{text:?}");
    // What broke the protocol may be a token: it is never repeated, however short.
    if let Error::Malformed { why, .. } = error {
        assert!(why.is_ascii() && why.len() < 120, "{why:?}");
    }
}
