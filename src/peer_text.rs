//! Text that came from a peer, on its way to a terminal or a log.

use std::fmt;

use url::form_urlencoded;

/// The longest piece of a peer's text that is shown, in characters.
const SHOWN: usize = 200;

/// Text that a server or an issuer wrote. Displaying it is safe: one line, at most 200 characters, every control,
/// bidirectional and invisible character escaped, so that it can neither drive a terminal nor pose as ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerText(String);

impl PeerText {
    /// Takes the text as it came.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The same with these secrets blotted out.
    pub fn without(&self, secrets: &[&str]) -> Self {
        Self(blot_out(&self.0, secrets))
    }
}

/// A text with these secrets blotted out, as they are and as a form writes them: some peers repeat in their words
/// what they were sent.
pub fn blot_out(text: &str, secrets: &[&str]) -> String {
    secrets.iter().filter(|secret| !secret.is_empty()).fold(text.to_owned(), |text, secret| {
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        text.replace(secret, "[redacted]").replace(&encoded, "[redacted]")
    })
}

impl From<&str> for PeerText {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for PeerText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.trim();
        let (mut shown, mut room) = (String::new(), SHOWN);
        for character in text.chars() {
            let before = shown.len();
            write_harmless(&mut shown, character, character.is_control() || is_invisible(character))?;
            // What is shown counts, not what it stands for: a number takes ten times the room of its character.
            match room.checked_sub(shown[before..].chars().count()) {
                Some(left) => room = left,
                None => return write!(formatter, "{}…", &shown[..before]),
            }
        }
        formatter.write_str(&shown)
    }
}

/// A longer text as a terminal may show it: with its lines and tabs, and every other character escaped that could drive
/// the terminal or deceive its reader.
pub fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let is_layout = matches!(character, '\n' | '\t');
        let hides = !is_layout && (character.is_control() || is_invisible(character));
        // A string takes everything.
        let _ = write_harmless(&mut shown, character, hides);
    }
    shown
}

fn write_harmless(to: &mut impl fmt::Write, character: char, escaped: bool) -> fmt::Result {
    if escaped { write!(to, "\\u{{{:x}}}", u32::from(character)) } else { to.write_char(character) }
}

/// Characters that a reader cannot see or that change the order of those that he can: bidirectional controls, zero
/// width, separators of lines and paragraphs, tags, private use.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e007f}'
        | '\u{f0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MCP 56.
    #[test]
    fn what_could_drive_a_terminal_is_shown_as_its_number() {
        let shown = PeerText::new("a\u{1b}[2Jb\r\nc\u{202e}d\u{9b}e").to_string();
        assert_eq!(shown, r"a\u{1b}[2Jb\u{d}\u{a}c\u{202e}d\u{9b}e");
    }

    #[test]
    fn secrets_are_blotted_out_in_both_spellings() {
        let text = PeerText::new("no s3cret/x, no s3cret%2Fx");
        assert_eq!(text.without(&["", "s3cret/x"]).to_string(), "no [redacted], no [redacted]");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(PeerText::new("x".repeat(500)).to_string().chars().count(), SHOWN + 1);
        assert_eq!(PeerText::new("x".repeat(SHOWN)).to_string(), "x".repeat(SHOWN));
        let numbers = PeerText::new("\u{10ffff}".repeat(500)).to_string();
        assert_eq!(numbers, r"\u{10ffff}".repeat(SHOWN / 10) + "…");
    }
}
