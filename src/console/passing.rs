//! A peer's bytes on their way to standard output: as they are for a program, harmless for a terminal.

use std::io;
use std::ops::ControlFlow;

use super::Console;
use crate::error::Error;
use crate::peer_text::harmless;

/// Passes bytes on, piece by piece and at once.
pub struct Passing<'a> {
    console: &'a Console,
    /// The beginning of a character whose end has not come yet.
    rest: Vec<u8>,
    /// Whether the line has not ended yet.
    in_line: bool,
}

impl<'a> Passing<'a> {
    /// Nothing was passed yet.
    pub fn new(console: &'a Console) -> Self {
        Self { console, rest: Vec::new(), in_line: false }
    }

    /// Passes a piece on. Breaks off where nobody reads any more.
    pub fn pass(&mut self, bytes: &[u8]) -> ControlFlow<Result<(), Error>> {
        self.in_line = bytes.last().map_or(self.in_line, |last| *last != b'\n');
        let terminal = &self.console.terminal;
        let written = if terminal.shows_answer() {
            terminal.write_answer(&shown(&mut self.rest, bytes))
        } else {
            terminal.write_bytes(bytes)
        };
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ControlFlow::Break(Ok(())),
            Err(error) => ControlFlow::Break(Err(Error::AnswerLost(error))),
        }
    }

    /// Passes on what is left. On a terminal the next word begins a line of its own.
    pub fn finish(mut self) -> Result<(), Error> {
        let rest = std::mem::take(&mut self.rest);
        // As a character that never ends, it is shown as one that is none.
        let text = harmless(&String::from_utf8_lossy(&rest));
        if !rest.is_empty() {
            self.pass(text.as_bytes()).break_value().unwrap_or(Ok(()))?;
        }
        let ends = self.in_line && self.console.terminal.shows_answer();
        if ends { self.pass(b"\n").break_value().unwrap_or(Ok(())) } else { Ok(()) }
    }
}

/// What may be shown by now; the rest waits for the next piece.
fn shown(rest: &mut Vec<u8>, bytes: &[u8]) -> String {
    rest.extend_from_slice(bytes);
    let whole = match std::str::from_utf8(rest) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        // Its line feed may be on its way.
        _ if rest.last() == Some(&b'\r') => rest.len() - 1,
        _ => rest.len(),
    };
    let text: Vec<u8> = rest.drain(..whole).collect();
    harmless(&String::from_utf8_lossy(&text).replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_shown_characters_and_never_driven() {
        let mut rest = Vec::new();
        let pieces: [&[u8]; 6] =
            [b"a\xc3", b"\xa9\r", b"\n\tb\x1b[2J", b"\xc2", b"\x9bc\xff", "\u{202e}d\re".as_bytes()];
        let all: String = pieces.iter().map(|piece| shown(&mut rest, piece)).collect();
        assert_eq!(all, "aé\n\tb\\u{1b}[2J\\u{9b}c\u{fffd}\\u{202e}d\\u{d}e");
    }
}
