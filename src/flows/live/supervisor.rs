//! Staying with a command: signals go to it, its exit code comes from it, and it never outlives us.

use std::future::Future;
use std::pin::pin;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Child;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::keeper::Keeper;
use crate::error::Error;
use crate::flows::App;
use crate::flows::exec::{self, ExecRequest};
use crate::platform::{self, Signals};

/// How long a command that is to be started anew has to end by itself.
const GRACE: Duration = Duration::from_secs(10);
/// How long to wait for the last words of a command that has ended: others may hold its standard error open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What came first.
pub(super) enum Happening<Other> {
    /// There is no command any more, and this is the exit code.
    Ended(u8),
    /// What was waited for besides.
    Other(Other),
}

/// Whoever tidies up after us.
pub(super) struct Guard {
    keeper: Arc<Keeper>,
    process: Child,
}

impl Guard {
    /// Starts one.
    pub(super) fn start(app: &App) -> Result<Self, Error> {
        let (keeper, process) = Keeper::start(app)?;
        Ok(Self { keeper: Arc::new(keeper), process })
    }

    pub(super) fn keeper(&self) -> Arc<Keeper> {
        Arc::clone(&self.keeper)
    }
}

/// The parent of a command.
pub(super) struct Supervisor {
    app: Arc<App>,
    signals: Signals,
    guard: Option<Guard>,
    command: Option<Child>,
    /// Ends once everything has been passed on that the command had to say.
    words: Option<oneshot::Receiver<()>>,
    /// Whether somebody wants it to end for good.
    is_to_end: bool,
    /// When it is not asked any more.
    deadline: Option<Instant>,
}

impl Supervisor {
    /// To be called before any thread starts.
    pub(super) fn new(app: &Arc<App>, guard: Option<Guard>) -> Result<Self, Error> {
        let signals = Signals::catch().map_err(|error| Error::Unforeseen(error.to_string()))?;
        let app = Arc::clone(app);
        Ok(Self { app, signals, guard, command: None, words: None, is_to_end: false, deadline: None })
    }

    pub(super) fn start(&mut self, request: &ExecRequest, mut command: Command) -> Result<(), Error> {
        let covered = request.mask.as_ref().map(|mask| mask.cover(&mut command)).transpose();
        let covered = covered.map_err(|error| exec::cannot_start(request, &error))?;
        let child = platform::start_supervised(command);
        let child = child.map_err(|error| exec::cannot_start(request, &error))?;
        self.words = covered.map(|covered| covered.pass_on(&self.app));
        self.have(Some(child));
        Ok(())
    }

    /// Has this command now, or none.
    fn have(&mut self, command: Option<Child>) {
        if let Some(guard) = &self.guard {
            guard.keeper.watch(command.as_ref().and_then(Child::id));
        }
        self.command = command;
    }

    /// Without whoever tidies up after us nothing goes on: the files with the tokens may have gone with it.
    fn is_forsaken(&mut self) {
        self.guard = None;
        let why =
            "the process that keeps the tokens of the command has ended, so the command has to end, too";
        self.app.console.warn(why);
        if let Some(command) = &self.command {
            platform::ask_to_end(command);
        }
        self.is_to_end = true;
        self.deadline = Some(Instant::now() + GRACE);
    }

    /// Waits for what a command that has ended said last.
    async fn hear_out(&mut self) {
        if let Some(words) = self.words.take() {
            let _ = tokio::time::timeout(LAST_WORDS, words).await;
        }
    }

    /// Stays with the command, if there is one yet, until it ends or something else has happened.
    pub(super) async fn attend<Other>(&mut self, other: impl Future<Output = Other>) -> Happening<Other> {
        let mut other = pin!(other);
        loop {
            tokio::select! {
                biased;
                code = ended(&mut self.command) => {
                    self.have(None);
                    self.hear_out().await;
                    return Happening::Ended(code);
                }
                Ok(received) = self.signals.next() => {
                    platform::pass_on(received, self.command.as_ref());
                    self.is_to_end |= received.asks_to_end();
                    if self.command.is_none() && received.asks_to_end() {
                        return Happening::Ended(received.exit_code());
                    }
                }
                () = gone(&mut self.guard) => {
                    self.is_forsaken();
                    if self.command.is_none() {
                        return Happening::Ended(1);
                    }
                }
                () = reached(self.deadline) => {
                    self.deadline = None;
                    if let Some(command) = &mut self.command {
                        // Fails only for one that has ended.
                        let _ = command.start_kill();
                    }
                }
                value = &mut other => return Happening::Other(value),
            }
        }
    }

    /// Ends the command so that it can be started anew. Gives its exit code if it ended for another reason.
    pub(super) async fn stop(&mut self) -> Option<u8> {
        if let Some(command) = &self.command {
            platform::ask_to_end(command);
        }
        let code = match self.attend(tokio::time::sleep(GRACE)).await {
            Happening::Ended(code) => code,
            Happening::Other(()) => self.end().await,
        };
        self.is_to_end.then_some(code)
    }

    async fn end(&mut self) -> u8 {
        if let Some(command) = &mut self.command {
            // Fails only for one that has ended.
            let _ = command.start_kill();
        }
        self.wait().await
    }

    /// Stays with the command to its end, and gives its exit code.
    pub(super) async fn wait(&mut self) -> u8 {
        match self.attend(std::future::pending()).await {
            Happening::Ended(code) => code,
            Happening::<std::convert::Infallible>::Other(never) => match never {},
        }
    }
}

/// The exit code of a command, once it has ended.
async fn ended(command: &mut Option<Child>) -> u8 {
    match command {
        Some(command) => command.wait().await.map_or(1, platform::exit_code),
        None => std::future::pending().await,
    }
}

/// Waits for the end of whoever tidies up.
async fn gone(guard: &mut Option<Guard>) {
    match guard {
        // Where its end cannot be waited for there is nothing to tell.
        Some(guard) => drop(guard.process.wait().await),
        None => std::future::pending().await,
    }
}

async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
