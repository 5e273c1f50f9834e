//! An MCP host: starts a bridge and speaks with it over its standard input and output.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use mcpauth_remote_bench::{Outcome, message};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// A bridge that runs.
pub(crate) struct Host {
    child: Child,
    input: Option<ChildStdin>,
    output: Option<BufReader<ChildStdout>>,
    line: Vec<u8>,
    /// Keeps the bridge running when somebody else has the pipes.
    kept: Option<OwnedFd>,
}

impl Host {
    pub(crate) fn start(mut command: Command) -> Outcome<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().map(|output| BufReader::with_capacity(64 * 1024, output));
        Ok(Self { input: child.stdin.take(), output, child, line: Vec::new(), kept: None })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Says a line without waiting.
    pub(crate) fn say(&mut self, line: &[u8]) -> Outcome {
        let input = self.input.as_mut().ok_or("closed")?;
        Ok(input.write_all(&[line, b"\n"].concat())?)
    }

    /// The next line, whenever it comes.
    pub(crate) fn hear(&mut self) -> Outcome<&[u8]> {
        self.line.clear();
        if self.output.as_mut().ok_or("closed")?.read_until(b'\n', &mut self.line)? == 0 {
            return Err("the bridge ended".into());
        }
        Ok(&self.line)
    }

    /// The next line, if it comes in time. Lines of a megabyte are not for this.
    pub(crate) fn hear_within(&mut self, patience: Duration) -> Outcome<&[u8]> {
        let output = self.output.as_ref().ok_or("closed")?;
        if output.buffer().is_empty() {
            let mut waiting = [PollFd::new(output.get_ref().as_fd(), PollFlags::POLLIN)];
            let patience = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
            if poll(&mut waiting, patience)? == 0 {
                return Err("no answer in time".into());
            }
        }
        self.hear()
    }

    /// The start of a session, until the first answer.
    pub(crate) fn initialize(&mut self) -> Outcome {
        self.say(message::INITIALIZE.as_bytes())?;
        good(self.hear_within(Duration::from_secs(60))?)?;
        self.say(message::INITIALIZED.as_bytes())
    }

    /// A call that is expected to go well, as quick as it may be.
    pub(crate) fn call(&mut self, id: u64, size: usize) -> Outcome {
        self.say(&message::call(id, size))?;
        good(self.hear()?)
    }

    /// The pipes, for whoever wants to use them otherwise. The bridge still ends with this.
    pub(crate) fn pipes(&mut self) -> Outcome<(OwnedFd, OwnedFd)> {
        let output = self.output.take().ok_or("closed")?.into_inner();
        let input = OwnedFd::from(self.input.take().ok_or("closed")?);
        self.kept = Some(input.try_clone()?);
        Ok((input, output.into()))
    }

    /// Hangs up, and waits for the end. How long that took.
    pub(crate) fn hang_up(mut self) -> Outcome<Duration> {
        let start = Instant::now();
        self.input = None;
        self.child.wait()?;
        Ok(start.elapsed())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether an answer is a result and no error.
pub(crate) fn good(answer: &[u8]) -> Outcome {
    if message::mentions(answer, "\"result\"") {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&answer[..answer.len().min(400)]).into())
}
