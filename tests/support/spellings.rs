//! A secret, in every way in which it may be written.

use std::collections::{BTreeSet, HashMap};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use url::form_urlencoded;

/// How many characters of a secret are too many to be shown.
const PIECE: usize = 16;
/// By so many first bytes a spelling is looked up.
const HEAD: usize = 8;

/// Looks for many secrets at once, in every spelling.
pub struct Search {
    spellings: Vec<(Vec<u8>, String)>,
    by_head: HashMap<[u8; HEAD], Vec<usize>>,
}

impl Search {
    /// A search for secrets, each with what it is.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let named = |(what, secret): (&str, &[u8])| {
            spellings(secret)
                .into_iter()
                .map(|(how, text)| (text, format!("{what}, {how}")))
                .collect::<Vec<_>>()
        };
        let spellings: Vec<_> = secrets.into_iter().flat_map(named).collect();
        let mut by_head: HashMap<_, Vec<usize>> = HashMap::new();
        for (number, (text, what)) in spellings.iter().enumerate() {
            let head = text.first_chunk().unwrap_or_else(|| panic!("too short to be looked for: {what}"));
            by_head.entry(*head).or_default().push(number);
        }
        Self { spellings, by_head }
    }

    /// What is in a text, and how it is written there.
    pub fn within(&self, text: &[u8]) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for (at, head) in text.windows(HEAD).enumerate() {
            for &number in <[u8; HEAD]>::try_from(head)
                .ok()
                .and_then(|head| self.by_head.get(&head))
                .into_iter()
                .flatten()
            {
                let (spelling, what) = &self.spellings[number];
                if text[at..].starts_with(spelling) {
                    found.insert(what.as_str());
                }
            }
        }
        found
    }
}

/// Every way to write a secret that a reader could turn back, and the beginning and end of it.
fn spellings(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex = mcpauth::files::hex(secret);
    let form: String = form_urlencoded::byte_serialize(secret).collect();
    let each =
        |write: fn(u8) -> String| secret.iter().map(|&byte| write(byte)).collect::<String>().into_bytes();
    let mut spellings = vec![
        ("as it is", secret.to_vec()),
        ("backwards", secret.iter().rev().copied().collect()),
        ("in hex", hex.to_uppercase().into_bytes()),
        ("in hex", hex.into_bytes()),
        ("percent-encoded", form.replace('+', "%20").into_bytes()),
        ("percent-encoded", form.into_bytes()),
        ("percent-encoded", each(|byte| format!("%{byte:02X}"))),
        ("percent-encoded", each(|byte| format!("%{byte:02x}"))),
        ("as JSON", each(|byte| format!("\\u{byte:04x}"))),
        ("as UTF-16", secret.iter().flat_map(|&byte| [byte, 0]).collect()),
    ];
    if let Ok(text) = std::str::from_utf8(secret) {
        let json = serde_json::to_string(text).unwrap();
        spellings.push(("as JSON", json.trim_matches('"').as_bytes().to_vec()));
        spellings.push(("as UTF-16", text.encode_utf16().flat_map(u16::to_le_bytes).collect()));
    }
    // Within a longer text base64 depends on where the secret begins; its middle is the same thrice.
    for start in 0..3 {
        let whole = &secret[start..start + (secret.len() - start) / 3 * 3];
        spellings.push(("in base64", BASE64_STANDARD_NO_PAD.encode(whole).into_bytes()));
        spellings.push(("in base64url", BASE64_URL_SAFE_NO_PAD.encode(whole).into_bytes()));
    }
    // What the sandbox makes says first what it is, and that is no secret.
    let own = if secret.starts_with(b"sandbox_") { &secret[own_part(secret)..] } else { secret };
    if own.len() > PIECE {
        spellings.push(("its beginning", own[..PIECE].to_vec()));
        spellings.push(("its end", own[own.len() - PIECE..].to_vec()));
    }
    spellings
}

/// Where the random part of a secret of the sandbox begins: behind `sandbox_KIND_`.
fn own_part(secret: &[u8]) -> usize {
    let mut marks = secret.iter().enumerate().filter(|(_, byte)| **byte == b'_').map(|(at, _)| at + 1);
    marks.nth(1).unwrap_or(0)
}
