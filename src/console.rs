//! The one place that speaks. Standard output carries the answer, standard error everything else; prompts and
//! spinners appear only on a terminal.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::platform;

mod passing;
mod qr;
mod waiting;
pub use passing::Passing;
use waiting::PromptWords;
pub use waiting::Waiting;

/// How long to leave a reader of standard error who has fallen behind, where the system does not wait for him.
const FULL: std::time::Duration = std::time::Duration::from_millis(5);
/// The longest line that is read, in bytes: a pasted address is shorter.
const LONGEST_LINE: u64 = 64 * 1024;

/// A person's end of the line, and a script's. A port, so that a test can sit there.
pub trait Terminal: Send + Sync {
    /// Writes to standard output.
    fn write_answer(&self, text: &str) -> io::Result<()>;
    /// The same with bytes that need not be text.
    fn write_bytes(&self, bytes: &[u8]) -> io::Result<()>;
    /// Writes to standard error.
    fn write_talk(&self, text: &str) -> io::Result<()>;
    /// The same with bytes that need not be text.
    fn write_talk_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        self.write_talk(&String::from_utf8_lossy(bytes))
    }
    /// Whether a person can be asked: standard input and standard error are terminals.
    fn is_interactive(&self) -> bool;
    /// Whether standard error is a terminal, so that colour and movement mean something.
    fn shows_talk(&self) -> bool;
    /// Whether standard output is a terminal, which some bytes would drive.
    fn shows_answer(&self) -> bool;
    /// Asks for a line, which may be empty, that is not shown while it is typed.
    fn ask_secret(&self, question: &str) -> io::Result<String>;
    /// Asks for a line.
    fn ask(&self, question: &str) -> io::Result<String>;
    /// The next line of standard input; `None` at its end. Blocks.
    fn next_line(&self) -> io::Result<Option<String>>;
}

/// The terminal, or the pipes, that the program was started with.
pub struct SystemTerminal;

impl Terminal for SystemTerminal {
    fn write_answer(&self, text: &str) -> io::Result<()> {
        self.write_bytes(text.as_bytes())
    }

    fn write_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        // Flushed at once: one answer is one write, and one that gets lost is noticed here.
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    fn write_talk(&self, text: &str) -> io::Result<()> {
        io::stderr().lock().write_all(text.as_bytes())
    }

    fn write_talk_bytes(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            // Not held in between: others have something to say, too.
            match io::stderr().write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                // Somebody who shares it does not want to be kept waiting there; we have the time.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(FULL),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn is_interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn shows_talk(&self) -> bool {
        io::stderr().is_terminal()
    }

    fn shows_answer(&self) -> bool {
        io::stdout().is_terminal()
    }

    fn ask_secret(&self, question: &str) -> io::Result<String> {
        let _guard = platform::guard_terminal();
        let asked = dialoguer::Password::new().with_prompt(question).allow_empty_password(true).interact();
        asked.map_err(|dialoguer::Error::IO(error)| error)
    }

    fn ask(&self, question: &str) -> io::Result<String> {
        let asked = dialoguer::Input::<String>::new().with_prompt(question).allow_empty(true).interact_text();
        asked.map_err(|dialoguer::Error::IO(error)| error)
    }

    fn next_line(&self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let read = io::stdin().lock().take(LONGEST_LINE).read_line(&mut line)?;
        Ok((read > 0).then_some(line))
    }
}

/// How much is said, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tone {
    /// Answers and errors are JSON.
    pub json: bool,
    /// Only answers and errors.
    pub quiet: bool,
    /// 1: each HTTP exchange and decision; more says no more yet.
    pub verbose: u8,
    /// Whether the user asked for no colour (`NO_COLOR`).
    pub colorless: bool,
}

/// Speaks in one tone through one terminal.
pub struct Console {
    terminal: Arc<dyn Terminal>,
    tone: Tone,
}

impl Console {
    /// A voice for a terminal.
    pub fn new(terminal: Arc<dyn Terminal>, tone: Tone) -> Self {
        Self { terminal, tone }
    }

    /// How it speaks.
    pub fn tone(&self) -> Tone {
        self.tone
    }

    /// The answer: text and a newline on standard output, nothing more. A reader that has gone has seen enough; an
    /// answer that got lost otherwise, such as on a full disk, must not look like one that was given.
    pub fn answer(&self, text: &str) -> Result<(), Error> {
        let line = Zeroizing::new(format!("{text}\n"));
        match self.terminal.write_answer(&line) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::AnswerLost(error)),
            _ => Ok(()),
        }
    }

    /// The answer in the form that was asked for: JSON with its schema number, or the text.
    pub fn answer_as(&self, json: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Error> {
        if self.tone.json {
            return self.answer(&with_schema(json).to_string());
        }
        let text = text();
        // Nothing to tell is no empty line.
        if text.is_empty() { Ok(()) } else { self.answer(text.trim_end_matches('\n')) }
    }

    /// Says something that helps but that no script waits for.
    pub fn say(&self, text: &str) {
        if !self.tone.quiet {
            let _ = self.terminal.write_talk(&format!("{text}\n"));
        }
    }

    /// Says something to a person who has started by hand what a program is to speak with.
    pub fn say_to_typist(&self, text: &str) {
        if self.terminal.is_interactive() {
            self.say(text);
        }
    }

    /// Says something that went well, with a tick.
    pub fn success(&self, text: &str) {
        self.say(&format!("{} {text}", self.paint("✓", "32")));
    }

    /// Says something that the person should know although the command goes on.
    pub fn warn(&self, text: &str) {
        let _ = self.terminal.write_talk(&format!("{} {text}\n", self.paint("warning:", "33")));
    }

    /// Shows what a person cannot go on without, so also to somebody who wants to be told nothing else.
    pub fn show(&self, text: &str) {
        let _ = self.terminal.write_talk(&format!("{text}\n"));
    }

    /// Draws an address for the camera of a phone.
    pub fn show_qr(&self, address: &str) {
        let on_screen = self.terminal.shows_talk();
        let room = if on_screen { waiting::columns() } else { usize::MAX };
        match qr::lines(address, on_screen && !self.tone.colorless, room) {
            Some(lines) => self.show(&format!("{}\n", lines.join("\n"))),
            None => self.warn("there is no room here to draw the address"),
        }
    }

    /// A text that is to be seen first.
    pub fn strong(&self, text: &str) -> String {
        self.paint(text, "1")
    }

    /// Says a detail, with `-v`.
    pub fn detail(&self, text: &str) {
        if self.tone.verbose > 0 {
            let _ = self.terminal.write_talk(&format!("{}\n", self.paint(text, "2")));
        }
    }

    /// Passes on what another process of ours had to say, in the words that it found.
    pub fn pass_on(&self, line: &str) {
        let _ = self.terminal.write_talk(&format!("{line}\n"));
    }

    /// Passes on what a command of the user had to say, as it is.
    pub fn pass_bytes_on(&self, bytes: &[u8]) -> io::Result<()> {
        self.terminal.write_talk_bytes(bytes)
    }

    /// Says what went wrong: one line and a hint, or with `--json` one line of JSON.
    pub fn error(&self, error: &Error) {
        let line = if self.tone.json {
            let error = serde_json::json!({
                "code": error.code(), "exit": error.exit_code(), "message": error.to_string(), "hint": error.hint(),
            });
            with_schema(&serde_json::json!({ "error": error })).to_string()
        } else {
            let hint = error.hint().map(|hint| format!("\n{} {hint}", self.paint("hint:", "36")));
            format!("{} {error}{}", self.paint("error:", "31"), hint.unwrap_or_default())
        };
        let _ = self.terminal.write_talk(&format!("{line}\n"));
    }

    /// Shows that something is awaited, and how long it will be, until the guard is dropped. Where a person may
    /// type something instead, `instead` says what. Silent off a terminal.
    pub fn waiting(&self, what: &str, instead: Option<&str>, until: Instant) -> Waiting {
        if !self.terminal.shows_talk() || self.tone.quiet || self.tone.json {
            return Waiting::unseen();
        }
        match instead {
            None => Waiting::spinner(what, until),
            Some(instead) => {
                let (what, instead) = (what.to_owned(), instead.to_owned());
                let colorless = self.tone.colorless;
                Waiting::prompt(self.terminal.clone(), PromptWords { what, until, instead, colorless })
            }
        }
    }

    fn paint(&self, text: &str, code: &str) -> String {
        if self.terminal.shows_talk() && !self.tone.colorless {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Every answer says which version of its shape it has.
fn with_schema(answer: &impl Serialize) -> serde_json::Value {
    let mut object = serde_json::Map::from_iter([("schema".to_owned(), 1.into())]);
    match serde_json::to_value(answer) {
        Ok(serde_json::Value::Object(members)) => object.extend(members),
        Ok(other) => drop(object.insert("value".into(), other)),
        Err(error) => drop(object.insert("error".into(), error.to_string().into())),
    }
    object.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_json_answer_carries_its_schema_first() {
        assert_eq!(with_schema(&serde_json::json!({ "a": 1 })).to_string(), r#"{"schema":1,"a":1}"#);
    }
}
