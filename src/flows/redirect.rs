//! Awaiting the end of a sign-in: the redirect at our listener, the same address pasted by the person, or the end
//! of patience, whichever comes first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use url::Url;

use super::App;
use crate::browser::{ListenError, Listener, Stopper, Verdict, Waiting};
use crate::console::Terminal;
use crate::error::Error;
use crate::oauth;
use crate::oauth::authorization::{PendingAuthorization, Redirect};
use crate::secret::AuthorizationCode;

/// What came of it: the issuer's word, and the browser that still waits for ours.
pub struct Arrival {
    /// A code, or why there is none.
    pub code: Result<AuthorizationCode, oauth::Error>,
    /// The browser, if it came to the listener.
    pub browser: Option<Waiting>,
}

/// Waits at most `patience`.
pub async fn await_redirect(
    app: &App,
    pending: &Arc<PendingAuthorization>,
    listener: Option<Listener>,
    paste: bool,
    patience: Duration,
    command: &str,
) -> Result<Arrival, Error> {
    let until = Instant::now() + patience;
    let _stop = listener.as_ref().map(|listener| StopOnDrop(listener.stopper()));
    let listening = listener.map(|listener| listen(listener, Arc::clone(pending), until));
    let mut arrivals = listening.transpose()?;
    let mut lines = paste.then(|| read_lines(Arc::clone(&app.ports.terminal)));
    let instead = paste.then_some("or paste its last address");
    let waiting = app.console.waiting("waiting for your browser", instead, until);
    let mut pasted_wrong = false;
    loop {
        tokio::select! {
            arrival = received(&mut arrivals) => break arrival,
            line = next(&mut lines) => match line {
                Some(line) => match judge_paste(pending, &line) {
                    Some(code) => break Ok(Arrival { code, browser: None }),
                    None if line.trim().is_empty() => waiting.go_on(),
                    None => {
                        pasted_wrong = true;
                        app.console.warn("that is not the address that this login leads to; paste the whole of it");
                        waiting.go_on();
                    }
                },
                // The end of standard input: fatal only where nothing else can bring the answer.
                None if arrivals.is_some() => lines = None,
                None if pasted_wrong => break Err(Error::WrongPaste { command: command.to_owned() }),
                None => break Err(Error::Cancelled { command: command.to_owned() }),
            },
            () = tokio::time::sleep_until(until.into()) => {
                break Err(Error::TimedOut { seconds: patience.as_secs(), command: command.to_owned() });
            }
        }
    }
}

/// Ends the listening however the wait ends, also when somebody else breaks it off.
struct StopOnDrop(Stopper);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

type Arrivals = oneshot::Receiver<Result<Arrival, Error>>;

/// Listens on a thread of its own: `tiny_http` blocks.
fn listen(
    mut listener: Listener,
    pending: Arc<PendingAuthorization>,
    until: Instant,
) -> Result<Arrivals, Error> {
    let (sender, receiver) = oneshot::channel();
    let listening = move || {
        let mut code = None;
        let mut judge = |query: &str| match pending.receive(query) {
            Redirect::Foreign => Verdict::Ignore,
            Redirect::Answer(answer) => {
                code = Some(answer);
                Verdict::Take
            }
        };
        let taken = listener.receive(&mut judge, until);
        let arrival = match (taken, code) {
            (Ok(waiting), Some(code)) => Ok(Arrival { code, browser: Some(waiting) }),
            (Ok(_), None) => Err(Error::Unforeseen("a redirect was taken without being read".into())),
            // The other branches of the wait have ended it and say why.
            (Err(ListenError::Stopped | ListenError::TimedOut), _) => return,
            (Err(error), _) => Err(error.into()),
        };
        let _ = sender.send(arrival);
    };
    let started = std::thread::Builder::new().name("redirect".into()).spawn(listening);
    started.map(|_| receiver).map_err(|error| ListenError::Refused(error).into())
}

async fn received(arrivals: &mut Option<Arrivals>) -> Result<Arrival, Error> {
    let ended = match arrivals {
        Some(receiver) => receiver.await.ok(),
        None => None,
    };
    match ended {
        Some(arrival) => arrival,
        None => std::future::pending().await,
    }
}

/// Reads lines on a thread of its own. It may still wait for one when the program ends.
fn read_lines(terminal: Arc<dyn Terminal>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    let reading = move || {
        while let Ok(Some(line)) = terminal.next_line() {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    // Where no thread can be had it is as if standard input had ended.
    let _ = std::thread::Builder::new().name("terminal".into()).spawn(reading);
    receiver
}

async fn next(lines: &mut Option<mpsc::Receiver<String>>) -> Option<String> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

/// The answer in a pasted address; `None` if it is not the address that this login leads to, or not its answer.
fn judge_paste(
    pending: &PendingAuthorization,
    line: &str,
) -> Option<Result<AuthorizationCode, oauth::Error>> {
    let pasted = line.trim().trim_start_matches("\u{1b}[200~").trim_end_matches("\u{1b}[201~");
    let (pasted, expected) = (Url::parse(pasted).ok()?, Url::parse(&pending.redirect_uri).ok()?);
    if pasted.origin() != expected.origin() || pasted.path() != expected.path() {
        return None;
    }
    match pending.receive(pasted.query()?) {
        Redirect::Answer(answer) => Some(answer),
        Redirect::Foreign => None,
    }
}
