//! One login whose access token has ended, before every round; and what is found of it afterwards.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mcpauth::sandbox::{Books, Fault, SandboxOptions};

use crate::settings::Size;
use crate::support::{Ran, World, call};

/// The world of a scenario.
pub(crate) struct Stage {
    pub(crate) world: World,
}

impl Stage {
    /// Signs in. The issuer's tokens live for an hour; that they end at once is only what it says of the first, and of
    /// those that [`Stage::check`] gets, so that each round begins with a token that has to be refreshed.
    pub(crate) fn new(size: &Size, options: SandboxOptions) -> Self {
        let stage = Self { world: size.world(options) };
        stage.sign_in();
        stage
    }

    /// Signs in as a person does, in place of a login that was lost.
    pub(crate) fn sign_in(&self) {
        self.say_that_tokens_end(true);
        self.world.login(&[]).succeeded();
        self.say_that_tokens_end(false);
    }

    fn say_that_tokens_end(&self, at_once: bool) {
        self.world.sandbox.change(|options| {
            options.faults.retain(|fault| !matches!(fault, Fault::Lifetime(_)));
            if at_once {
                options.faults.push(Fault::Lifetime(0.into()));
            }
        });
    }

    /// Starts a command that has to refresh; `prepare` has the last word on how.
    pub(crate) fn start(&self, prepare: impl FnOnce(&mut Command)) -> Child {
        let mut command = self.world.command(&["token", "box"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        prepare(&mut command);
        command.spawn().unwrap()
    }

    /// What nine of ten undisturbed refreshes take at most, from the start of the command to its end.
    pub(crate) fn usual_time(&self) -> Result<Duration, String> {
        let times = (0..10).map(|_| {
            let started = Instant::now();
            self.accepts(&self.world.run(&["token", "box"]))?;
            let took = started.elapsed();
            self.check().map(|()| took)
        });
        let mut times: Vec<Duration> = times.collect::<Result<_, String>>()?;
        times.sort_unstable();
        Ok(times[times.len() * 9 / 10 - 1])
    }

    /// What an undisturbed start finds: the login is there, a new token can be had, the server takes it, and the issuer
    /// has not ended anything.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.say_that_tokens_end(true);
        let ran = self.world.run(&["token", "box", "--force-refresh"]);
        self.say_that_tokens_end(false);
        self.accepts(&ran)?;
        if self.is_alive() { Ok(()) } else { Err("the issuer ended the login".into()) }
    }

    /// Whether a command gave a token that the server takes.
    pub(crate) fn accepts(&self, ran: &Ran) -> Result<(), String> {
        if ran.exit != 0 {
            return Err(format!("exit {}: {}", ran.exit, ran.stderr.trim_end().replace('\n', "; ")));
        }
        match call(&self.world.url(), ran.stdout.trim_end()) {
            200 => Ok(()),
            status => Err(format!("the server answers {status} to the token that was handed out")),
        }
    }

    /// Whether the newest login lives on at the issuer.
    pub(crate) fn is_alive(&self) -> bool {
        self.books().families.last().is_some_and(|family| family.alive)
    }

    /// The issuer's books.
    pub(crate) fn books(&self) -> Books {
        self.world.sandbox.books()
    }
}
