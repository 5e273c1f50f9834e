//! Staying with a command: signals go to it, its exit code comes from it, and it never outlives us.

use std::future::Future;
use std::pin::pin;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Child;

use super::keeper::Keeper;
use crate::error::Error;
use crate::flows::exec::{self, ExecRequest};
use crate::platform::{self, Signals};

/// How long a command that is to be started anew has to end by itself.
const GRACE: Duration = Duration::from_secs(10);

/// What came first.
pub(super) enum Happening<Other> {
    /// There is no command any more, and this is the exit code.
    Ended(u8),
    /// What was waited for besides.
    Other(Other),
}

/// The parent of a command.
pub(super) struct Supervisor {
    signals: Signals,
    keeper: Option<Arc<Keeper>>,
    command: Option<Child>,
    /// Whether somebody wants it to end for good.
    is_to_end: bool,
}

impl Supervisor {
    /// To be called before any thread starts.
    pub(super) fn new(keeper: Option<Arc<Keeper>>) -> Result<Self, Error> {
        let signals = Signals::catch().map_err(|error| Error::Unforeseen(error.to_string()))?;
        Ok(Self { signals, keeper, command: None, is_to_end: false })
    }

    pub(super) fn start(&mut self, request: &ExecRequest, command: Command) -> Result<(), Error> {
        let child = platform::start_supervised(command);
        let child = child.map_err(|error| exec::cannot_start(request, &error))?;
        self.have(Some(child));
        Ok(())
    }

    /// Has this command now, or none.
    fn have(&mut self, command: Option<Child>) {
        if let Some(keeper) = &self.keeper {
            keeper.watch(command.as_ref().and_then(Child::id));
        }
        self.command = command;
    }

    /// Stays with the command, if there is one yet, until it ends or something else has happened.
    pub(super) async fn attend<Other>(&mut self, other: impl Future<Output = Other>) -> Happening<Other> {
        let mut other = pin!(other);
        loop {
            tokio::select! {
                biased;
                code = ended(&mut self.command) => {
                    self.have(None);
                    return Happening::Ended(code);
                }
                Ok(received) = self.signals.next() => {
                    platform::pass_on(received, self.command.as_ref());
                    self.is_to_end |= received.asks_to_end();
                    if self.command.is_none() && received.asks_to_end() {
                        return Happening::Ended(received.exit_code());
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
