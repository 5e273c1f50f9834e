//! What a command of the user's prints: a passphrase, an assertion. No shell reads it, and what it prints is a secret.

use std::io::{self, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

/// Runs a command to its end, within `limit`, and gives at most `longest` bytes of what it printed. The error says what
/// went wrong, and nothing that was printed. What it says on standard error the person sees.
pub(super) fn by(
    program: &str,
    arguments: &[String],
    limit: Duration,
    longest: usize,
) -> Result<Zeroizing<String>, String> {
    let failed = |error: io::Error| format!("{program}: {error}");
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(failed)?;
    let Some((status, text)) = within(child, limit, longest).map_err(failed)? else {
        return Err(format!("{program} took longer than {} s", limit.as_secs()));
    };
    if !status.success() {
        return Err(format!("{program} ended with {status}"));
    }
    let text = std::str::from_utf8(&text).map_err(|_| format!("what {program} printed is not text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// What a child printed, once it has ended; `None` if that took too long, and then it is ended here.
fn within(
    mut child: Child,
    limit: Duration,
    longest: usize,
) -> io::Result<Option<(ExitStatus, Zeroizing<Vec<u8>>)>> {
    let deadline = Instant::now() + limit;
    let out = child.stdout.take();
    let (sender, printed) = mpsc::channel();
    // On a thread of its own, which is left behind if somebody keeps the pipe open for good.
    thread::Builder::new().name("printed".into()).spawn(move || {
        // Room for all of it, so that no buffer grows and leaves an unwiped copy behind.
        let mut text = Zeroizing::new(Vec::with_capacity(longest + 1));
        let read = out.map_or(Ok(0), |out| out.take(longest as u64).read_to_end(&mut text));
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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn printed_by(script: &str, limit: Duration) -> Result<String, String> {
        let arguments = ["-c".to_owned(), script.to_owned()];
        by("sh", &arguments, limit, 4096).map(|text| text.to_string())
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
