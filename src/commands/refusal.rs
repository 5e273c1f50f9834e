//! What the parser refuses, said like every other error: one line, a hint, or one line of JSON.

use std::ffi::OsString;

use clap::builder::{FalseyValueParser, TypedValueParser as _};
use clap::error::{ContextKind, ContextValue};

use crate::error::Error;
use crate::peer_text::PeerText;

/// The error in our own words. What was typed is repeated in short, and a password in it not at all.
pub(super) fn in_our_words(refusal: &clap::Error, args: &[OsString]) -> Error {
    let mut text = refusal.to_string();
    for kind in [ContextKind::InvalidValue, ContextKind::InvalidArg, ContextKind::InvalidSubcommand] {
        if let Some(ContextValue::String(typed)) = refusal.get(kind) {
            text = text.replace(typed.as_str(), &PeerText::from(typed.as_str()).to_string());
        }
    }
    let text = without_password(&text);
    let mut paragraphs = text.split("\n\n").map(one_line);
    let message = paragraphs.next().unwrap_or_default();
    let tips =
        paragraphs.filter_map(|paragraph| paragraph.strip_prefix("tip: ").map(|tip| tip.to_owned() + "; "));
    let tips: String = tips.collect();
    Error::Usage {
        message: message.strip_prefix("error: ").unwrap_or(&message).to_owned(),
        hint: format!("{tips}`{} --help` shows what it takes", command_of(args)),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A URL may be refused because there is a password in it, and an error must not show it. Where the password ends is
/// not certain in a URL that does not parse, so everything up to the last `@` goes.
fn without_password(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(end)) if scheme < end => format!("{}…{}", &text[..scheme + 3], &text[end..]),
        _ => text.to_owned(),
    }
}

/// The command that was meant, as far as it exists: `mcpauth server add`.
fn command_of(args: &[OsString]) -> String {
    let mut command = &super::command();
    let mut words = String::from("mcpauth");
    for word in args.iter().skip(1).filter_map(|word| word.to_str()) {
        if let Some(below) = command.find_subcommand(word) {
            words = format!("{words} {word}");
            command = below;
        }
    }
    words
}

/// Whether errors are to be JSON, on a command line that could not be read as a whole.
pub(super) fn wants_json(args: &[OsString]) -> bool {
    let variable = std::env::var_os("MCPAUTH_JSON").unwrap_or_default();
    let by_variable = FalseyValueParser::new().parse_ref(&clap::Command::new(""), None, &variable);
    by_variable.unwrap_or(false) || args.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}
