//! Where the passphrase of the store comes from: a file descriptor, a command, the terminal, in that order.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::console::Terminal;
use crate::platform;
use crate::secret::Passphrase;
use crate::store::{Ask, AskPassphrase, StoreError};

/// The longest passphrase that is read, in bytes.
const LONGEST: u64 = 4096;

/// An answerer that reads the descriptor, else asks the command, else asks the person.
pub fn asker(descriptor: Option<u32>, command: Vec<String>, terminal: Arc<dyn Terminal>) -> AskPassphrase {
    Box::new(move |ask| match (descriptor, command.split_first()) {
        (Some(number), _) => from_descriptor(number),
        (None, Some((program, arguments))) => from_command(program, arguments),
        (None, None) => from_terminal(&*terminal, ask),
    })
}

fn unavailable(why: impl Into<String>) -> StoreError {
    StoreError::NoPassphrase { why: why.into() }
}

fn from_descriptor(number: u32) -> Result<Passphrase, StoreError> {
    let failed = |error: std::io::Error| unavailable(format!("file descriptor {number}: {error}"));
    let mut text = String::new();
    let file = platform::open_descriptor(number).map_err(failed)?;
    file.take(LONGEST).read_to_string(&mut text).map_err(failed)?;
    Ok(Passphrase::new(text))
}

fn from_command(program: &str, arguments: &[String]) -> Result<Passphrase, StoreError> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| unavailable(format!("passphrase_command: {program}: {error}")))?;
    if !output.status.success() {
        return Err(unavailable(format!("passphrase_command: {program} ended with {}", output.status)));
    }
    let text = String::from_utf8(output.stdout);
    text.map(Passphrase::new).map_err(|_| unavailable("passphrase_command: its output is not text"))
}

fn from_terminal(terminal: &dyn Terminal, ask: Ask) -> Result<Passphrase, StoreError> {
    if !terminal.is_interactive() {
        return Err(unavailable("there is no terminal to ask on"));
    }
    let read = |question: &str| {
        let answer = terminal.ask_secret(question).map_err(|error| unavailable(error.to_string()))?;
        Ok(Passphrase::new(answer))
    };
    let passphrase: Passphrase = read("Passphrase of the mcpauth store")?;
    if ask == Ask::New && !passphrase.matches(read("The same once more")?.expose()) {
        return Err(unavailable("the two passphrases differ"));
    }
    Ok(passphrase)
}
