//! Where the passphrase of the store comes from: a file descriptor, a command, the terminal, in that order.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::console::Terminal;
use crate::platform;
use crate::secret::Passphrase;
use crate::store::{Ask, AskPassphrase, StoreError};

/// The longest passphrase that is read, in bytes.
const LONGEST: usize = 4096;
/// Room for it, so that no buffer grows and leaves an unwiped copy behind.
const ROOM: usize = LONGEST + 1;

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
    let failed = |error: std::io::Error| unavailable(format!("passphrase_command: {program}: {error}"));
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(failed)?;
    let output = within(child, limit).map_err(failed)?;
    let Some((status, text)) = output else {
        let limit = limit.as_secs();
        return Err(unavailable(format!("passphrase_command: {program} took longer than {limit} s")));
    };
    if !status.success() {
        return Err(unavailable(format!("passphrase_command: {program} ended with {status}")));
    }
    let text = std::str::from_utf8(&text).map(Passphrase::new);
    text.map_err(|_| unavailable("passphrase_command: its output is not text"))
}

/// What a child printed, once it has ended; `None` if that took too long, and then it is ended here.
fn within(mut child: Child, limit: Duration) -> io::Result<Option<(ExitStatus, Zeroizing<Vec<u8>>)>> {
    let deadline = Instant::now() + limit;
    let out = child.stdout.take();
    let (sender, printed) = mpsc::channel();
    // On a thread of its own, which is left behind if somebody keeps the pipe open for good.
    thread::Builder::new().name("passphrase".into()).spawn(move || {
        let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
        let read = out.map_or(Ok(0), |out| out.take(LONGEST as u64).read_to_end(&mut text));
        // Nobody listens any more if the time is over.
        let _ = sender.send(read.map(|_| text));
    })?;
    let Ok(text) = printed.recv_timeout(limit) else {
        child.kill()?;
        return child.wait().map(|_| None);
    };
    loop {
        if let Some(status) = child.try_wait()? {
            return text.map(|text| Some((status, text)));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            return child.wait().map(|_| None);
        }
        thread::sleep(Duration::from_millis(1));
    }
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn printed_by(script: &str, limit: Duration) -> Result<String, String> {
        let arguments = ["-c".to_owned(), script.to_owned()];
        let passphrase = from_command("sh", &arguments, limit);
        passphrase.map(|passphrase| passphrase.expose().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_command_that_does_not_end_is_given_up() {
        // One prints nothing, one closes its output and stays.
        for script in ["exec sleep 1000", "exec sleep 1000 >&-"] {
            let error = printed_by(script, Duration::from_millis(20)).unwrap_err();
            assert!(error.contains("took longer than"), "{script}: {error}");
        }
    }

    #[test]
    fn a_command_that_ends_in_time_is_heard() {
        assert_eq!(printed_by("echo sesame", Duration::from_mins(1)).unwrap(), "sesame\n");
        assert!(printed_by("exit 3", Duration::from_mins(1)).unwrap_err().contains("ended with"));
    }
}
