//! Where the passphrase of the store comes from: a file descriptor, a command, the terminal, in that order.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use super::printed;
use crate::console::Terminal;
use crate::platform;
use crate::secret::Passphrase;
use crate::store::{Ask, AskPassphrase, StoreError};

/// The longest passphrase that is read, in bytes.
const LONGEST: usize = 4096;

/// How long a passphrase command has: it may have a person type something first.
pub const COMMAND_LIMIT: Duration = Duration::from_mins(1);

/// Where a passphrase may come from.
pub struct PassphraseSource {
    /// The file descriptor that was named.
    pub descriptor: Option<u32>,
    /// The command that was settled, as words.
    pub command: Vec<String>,
    /// How long that command has.
    pub limit: Duration,
    /// The person.
    pub terminal: Arc<dyn Terminal>,
}

impl PassphraseSource {
    /// Reads the descriptor, else asks the command, else asks the person.
    pub fn asker(self) -> AskPassphrase {
        Box::new(move |ask| match (self.descriptor, self.command.split_first()) {
            (Some(number), _) => from_descriptor(number),
            (None, Some((program, arguments))) => from_command(program, arguments, self.limit),
            (None, None) => from_terminal(&*self.terminal, ask),
        })
    }
}

fn unavailable(why: impl Into<String>) -> StoreError {
    StoreError::NoPassphrase { why: why.into() }
}

fn from_descriptor(number: u32) -> Result<Passphrase, StoreError> {
    let failed = |error: std::io::Error| unavailable(format!("file descriptor {number}: {error}"));
    let mut text = String::new();
    let file = platform::open_descriptor(number).map_err(failed)?;
    file.take(LONGEST as u64).read_to_string(&mut text).map_err(failed)?;
    Ok(Passphrase::new(text))
}

fn from_command(program: &str, arguments: &[String], limit: Duration) -> Result<Passphrase, StoreError> {
    let printed = printed::by(program, arguments, limit, LONGEST);
    printed
        .map(|text| Passphrase::new(text.as_str()))
        .map_err(|why| unavailable(format!("passphrase_command: {why}")))
}

fn from_terminal(terminal: &dyn Terminal, ask: Ask) -> Result<Passphrase, StoreError> {
    if !terminal.is_interactive() {
        return Err(unavailable("there is no terminal to ask on"));
    }
    let read = |question: &str| {
        let answer = terminal.ask_secret(question).map_err(|error| unavailable(error.to_string()))?;
        Ok(Passphrase::new(answer))
    };
    let passphrase: Passphrase = read(match ask {
        Ask::Existing => "Passphrase of the mcpauth store",
        Ask::New => "New passphrase for the mcpauth store",
    })?;
    if ask == Ask::New && !passphrase.matches(read("The same once more")?.expose()) {
        return Err(unavailable("the two passphrases differ"));
    }
    Ok(passphrase)
}
