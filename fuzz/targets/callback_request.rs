//! What comes to the port that waits for the browser: a request head, in which `STATE` stands for the state of the
//! attempt. It is judged a second time here, by other code, and both must agree: a request is taken as the answer if
//! and only if it names this machine and port once and carries the state once and nothing twice, and its code is
//! taken if and only if it is alone and from the right issuer.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mcpauth::fuzzing;
use mcpauth::oauth::authorization::{PendingAuthorization, Redirect};

const PORT: u16 = 4711;
const ISSUER: &[u8] = b"https://i.example";

struct Attempt {
    pending: PendingAuthorization,
    state: String,
    promises_iss: bool,
}

static ATTEMPTS: LazyLock<[Attempt; 2]> = LazyLock::new(|| [false, true].map(begin));

fn begin(promises_iss: bool) -> Attempt {
    let pending = fuzzing::pending(promises_iss);
    let state = pending.url.query_pairs().find(|(name, _)| name == "state").expect("a state").1.into_owned();
    Attempt { pending, state, promises_iss }
}

fuzz_target!(|data: &[u8]| {
    for attempt in ATTEMPTS.iter() {
        let sent = replace(data, b"STATE", attempt.state.as_bytes());
        let head = sent.windows(4).position(|four| four == b"\r\n\r\n").map_or(&sent[..], |end| &sent[..end]);
        let Some((_, query)) = fuzzing::callback(head, PORT) else { continue };
        names_this_machine(head);
        // Wherever the network cuts a good head, the rest of it is still waited for.
        for cut in [1, head.len() / 3, head.len() / 2, head.len() - 1] {
            assert!(fuzzing::may_become_a_request(&head[..cut.clamp(1, head.len())]), "cut off at {cut}");
        }
        attempt.judges(&query);
    }
});

impl Attempt {
    fn judges(&self, query: &str) {
        let pairs: Vec<(Vec<u8>, Vec<u8>)> =
            query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
        let values = |name: &[u8]| -> Vec<&[u8]> {
            pairs.iter().filter(|(own, _)| own == name).map(|(_, value)| &value[..]).collect()
        };
        let all = ["code", "state", "iss", "error", "error_description"].map(|name| values(name.as_bytes()));
        let [code, state, iss, error, _] = &all;
        let ours = state[..] == [self.state.as_bytes()] && all.iter().all(|values| values.len() < 2);
        let named = match iss[..] {
            [] => !self.promises_iss,
            [iss] => iss == ISSUER,
            _ => false,
        };
        match self.pending.receive(query) {
            Redirect::Foreign => assert!(!ours, "the answer was not known: {query}"),
            Redirect::Answer(answer) => {
                assert!(ours, "a stranger was believed: {query}");
                assert_eq!(answer.is_ok(), named && error.is_empty() && code.len() == 1, "{query}");
                match answer {
                    Ok(taken) => assert_eq!(taken.expose(), String::from_utf8_lossy(code[0])),
                    Err(error) => is_one_plain_line(&error.to_string()),
                }
            }
        }
    }
}

fn names_this_machine(head: &[u8]) {
    let head = std::str::from_utf8(head).expect("a head is text");
    let mut lines = head.split("\r\n");
    let first = lines.next().expect("a request line");
    assert!(first.starts_with("GET /") && first.contains(" HTTP/1."), "{first:?}");
    let hosts: Vec<String> = lines
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("host"))
        .map(|(_, value)| value.trim().to_ascii_lowercase())
        .collect();
    let ours = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{PORT}"));
    assert!(hosts.len() == 1 && ours.contains(&hosts[0]), "{hosts:?}");
}

/// One pair of a form, decoded once.
fn pair(text: &str) -> (Vec<u8>, Vec<u8>) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    (decoded(name.as_bytes()), decoded(value.as_bytes()))
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (mut out, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let escape = match &text[at..] {
            [b'%', high, low, ..] => digit(*high).zip(digit(*low)),
            _ => None,
        };
        out.push(match (escape, text[at]) {
            (Some((high, low)), _) => high * 16 + low,
            (None, b'+') => b' ',
            (None, other) => other,
        });
        at += if escape.is_some() { 3 } else { 1 };
    }
    out
}

fn replace(data: &[u8], wanted: &[u8], by: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::with_capacity(data.len()), 0);
    while at < data.len() {
        if data[at..].starts_with(wanted) {
            out.extend_from_slice(by);
            at += wanted.len();
        } else {
            out.push(data[at]);
            at += 1;
        }
    }
    out
}

fn is_one_plain_line(text: &str) {
    assert!(!text.chars().any(char::is_control) && text.chars().count() < 600, "{text:?}");
}
