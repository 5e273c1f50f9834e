//! What a command writes to its standard error, without the tokens that it was given.
//!
//! Found is a token as it is, and in the forms in which programs write it down: percent-encoded, with the slashes of JSON
//! escaped, and in base64, wherever in the encoded text it stands. However it is cut into pieces on the way.

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::flows::App;

/// What stands in the place of a token.
const MARK: &[u8] = b"[redacted]";
/// A shorter value is no secret, and would be found everywhere.
const SHORTEST: usize = 6;
/// How many tokens are remembered: renewals have left the older ones worth nothing.
const REMEMBERED: usize = 32;
/// How much is read at once.
const PIECE: usize = 64 * 1024;

/// The tokens that a command was given.
#[derive(Default)]
pub struct Mask(Mutex<VecDeque<Forms>>);

/// Every form of one token.
type Forms = Vec<Zeroizing<Vec<u8>>>;

impl Mask {
    /// The command gets this.
    pub(crate) fn learn(&self, secret: &str) {
        let mut known = self.known();
        let is_known = known.iter().any(|forms| forms.first().is_some_and(|own| **own == *secret.as_bytes()));
        if secret.len() < SHORTEST || is_known {
            return;
        }
        if known.len() == REMEMBERED {
            known.pop_front();
        }
        known.push_back(forms(secret));
    }

    fn known(&self) -> MutexGuard<'_, VecDeque<Forms>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the command write its standard error to us from its next start on.
    pub(super) fn cover(self: &Arc<Self>, command: &mut Command) -> io::Result<Covered> {
        let (reader, writer) = io::pipe()?;
        command.stderr(writer);
        Ok(Covered { reader, mask: Arc::clone(self) })
    }
}

/// A token in every form that is looked for, first as it is.
fn forms(secret: &str) -> Forms {
    let bytes = secret.as_bytes();
    let mut forms: Forms = vec![Zeroizing::new(bytes.to_vec())];
    let mut add = |form: Vec<u8>| {
        let form = Zeroizing::new(form);
        if !forms.contains(&form) {
            forms.push(form);
        }
    };
    // Programs differ in what they leave as it is (RFC 3986 section 2.3, and what forms and JavaScript do).
    for kept in ["-_.", "-_.~", "*-._", "-_.!~*'()"] {
        let encoded = percent_encoded(bytes, kept.as_bytes());
        add(encoded.to_vec());
        add(in_small_digits(&encoded));
    }
    add(secret.replace('/', "\\/").into_bytes());
    for before in 0..3 {
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            add(in_base64(bytes, before, engine));
        }
    }
    forms
}

fn percent_encoded(bytes: &[u8], kept: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut encoded = Zeroizing::new(Vec::with_capacity(bytes.len() * 3));
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || kept.contains(byte) {
            encoded.push(*byte);
        } else {
            encoded.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    encoded
}

/// The same with `%2f` instead of `%2F`.
fn in_small_digits(encoded: &[u8]) -> Vec<u8> {
    let mut small = encoded.to_vec();
    for at in memchr::memchr_iter(b'%', encoded) {
        small[at + 1..at + 3].make_ascii_lowercase();
    }
    small
}

/// What base64 makes of bytes that stand so many bytes behind a whole group of three (RFC 4648 section 4), without the
/// characters in which others have a part.
fn in_base64(bytes: &[u8], before: usize, engine: &impl Engine) -> Vec<u8> {
    let framed = Zeroizing::new([&[0; 2][..before], bytes].concat());
    let encoded = Zeroizing::new(engine.encode(&*framed));
    let (first, end) = ((before * 8).div_ceil(6), framed.len() * 8 / 6);
    encoded.as_bytes()[first..end].to_vec()
}

/// The standard error of a command that is about to start.
pub(super) struct Covered {
    reader: PipeReader,
    mask: Arc<Mask>,
}

impl Covered {
    /// Passes on what the command writes, until nobody can write any more. Then what is given here ends.
    pub(super) fn pass_on(self, app: &Arc<App>) -> oneshot::Receiver<()> {
        let (passing, passed) = oneshot::channel();
        let app = Arc::clone(app);
        thread::spawn(move || {
            self.pass_all(&app);
            // Whoever waited may have gone.
            let _ = passing.send(());
        });
        passed
    }

    fn pass_all(mut self, app: &App) {
        let (mut filter, mut piece) = (Filter::default(), Zeroizing::new(vec![0; PIECE]));
        loop {
            let read = match self.reader.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.unwrap_or(0),
            };
            let passed = filter.next(&self.mask.known(), &piece[..read], read == 0);
            // The command learns that nobody reads as it would learn it alone.
            if app.console.pass_bytes_on(&passed).is_err() || read == 0 {
                return;
            }
        }
    }
}

/// Finds tokens in a text that comes in pieces.
#[derive(Default)]
struct Filter {
    /// The end of what has come, which may be the beginning of a token.
    held: Zeroizing<Vec<u8>>,
}

impl Filter {
    /// What may be passed on by now.
    fn next(&mut self, known: &VecDeque<Forms>, piece: &[u8], is_last: bool) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        let (mut passed, mut at) = (Vec::new(), 0);
        loop {
            let rest = &self.held[at..];
            let waits = if is_last { rest.len() } else { beginning(known, rest) };
            match found(known, rest) {
                // What begins before it may turn out to be a longer one.
                Some((start, length)) if is_last || start < waits => {
                    passed.extend_from_slice(&rest[..start]);
                    passed.extend_from_slice(MARK);
                    at += start + length;
                }
                _ => {
                    passed.extend_from_slice(&rest[..waits]);
                    let left = Zeroizing::new(rest[waits..].to_vec());
                    self.held = left;
                    return passed;
                }
            }
        }
    }
}

/// Where the first token stands, and how long it is; of two at one place the longer one.
fn found(known: &VecDeque<Forms>, text: &[u8]) -> Option<(usize, usize)> {
    let places = known.iter().flatten().filter_map(|form| Some((memmem::find(text, form)?, form.len())));
    places.min_by_key(|(start, length)| (*start, usize::MAX - length))
}

/// Where the end of a text begins that a token may begin with.
fn beginning(known: &VecDeque<Forms>, text: &[u8]) -> usize {
    let held = |form: &Zeroizing<Vec<u8>>| {
        let most = (form.len() - 1).min(text.len());
        (1..=most).rev().find(|length| text.ends_with(&form[..*length])).unwrap_or(0)
    };
    text.len() - known.iter().flatten().map(held).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    const TOKEN: &str = "eyJ.a+b/c~d-e_f==?g";

    fn mask(tokens: &[&str]) -> Mask {
        let mask = Mask::default();
        for token in tokens {
            mask.learn(token);
        }
        mask
    }

    fn passed(mask: &Mask, pieces: &[&[u8]]) -> String {
        let mut filter = Filter::default();
        let mut all = Vec::new();
        for piece in pieces {
            all.extend(filter.next(&mask.known(), piece, false));
        }
        all.extend(filter.next(&mask.known(), b"", true));
        String::from_utf8(all).unwrap()
    }

    ///
    #[test]
    fn a_token_is_found_wherever_it_is_cut() {
        let (mask, text) = (mask(&[TOKEN]), format!("a {TOKEN}{TOKEN} eyJ {TOKEN}"));
        let expected = "a [redacted][redacted] eyJ [redacted]";
        for cut in 0..=text.len() {
            let (one, other) = text.as_bytes().split_at(cut);
            assert_eq!(passed(&mask, &[one, other]), expected, "{cut}");
        }
        let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(passed(&mask, &single), expected);
    }

    ///
    #[test]
    fn a_token_is_found_in_what_programs_make_of_it() {
        let mask = mask(&[TOKEN]);
        let form: String = url::form_urlencoded::byte_serialize(TOKEN.as_bytes()).collect();
        for written in [
            form.clone(),
            form.replace("%2B", "%2b")
                .replace("%2F", "%2f")
                .replace("%7E", "%7e")
                .replace("%3D", "%3d")
                .replace("%3F", "%3f"),
            form.replace("%7E", "~"),
            TOKEN.replace('/', "\\/"),
        ] {
            assert_eq!(passed(&mask, &[b"t=", written.as_bytes(), b"&"]), "t=[redacted]&", "{written}");
        }
        for around in ["", "a", "ab", "abc", "user:", "x:y"] {
            for encoded in
                [&STANDARD, &URL_SAFE].map(|engine| engine.encode(format!("{around}{TOKEN}{around}")))
            {
                let shown = passed(&mask, &[encoded.as_bytes()]);
                assert!(shown.contains("[redacted]"), "{around} {encoded}");
                let left = shown.replace("[redacted]", "");
                assert!(left.len() <= around.len() * 3 + 6, "{around} {shown}");
            }
        }
    }

    #[test]
    fn what_is_no_token_passes_at_once_and_as_it_is() {
        let mask = mask(&[TOKEN, "short"]);
        let mut filter = Filter::default();
        let mut next = |piece: &[u8]| filter.next(&mask.known(), piece, false);
        assert_eq!(next(b"short \xff\x00\r\n? "), b"short \xff\x00\r\n? ");
        assert_eq!((next(b"line ey"), next(b"e\n")), (b"line ".to_vec(), b"eye\n".to_vec()));
        assert_eq!(passed(&mask, &[&TOKEN.as_bytes()[..TOKEN.len() - 1]]), &TOKEN[..TOKEN.len() - 1]);
    }

    #[test]
    fn of_two_tokens_the_longer_one_is_found_and_the_newest_are_known() {
        assert_eq!(
            passed(&mask(&["abcdef", "abcdefgh"]), &[b"abcdef", b"gh abcdef"]),
            "[redacted] [redacted]"
        );
        let many: Vec<String> = (100..200).map(|number| format!("token-{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let mask = mask(&many);
        assert_eq!(mask.known().len(), REMEMBERED);
        assert_eq!(passed(&mask, &[b"token-199 token-100"]), "[redacted] token-100");
    }
}
