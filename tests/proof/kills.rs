//! Rounds in which a refresh is killed at a random moment, and where the kills fell.

use std::fmt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use mcpauth::sandbox::{Dice, Endpoint, Fault, SandboxOptions};

use crate::Outcome;
use crate::settings::Size;
use crate::stage::Stage;
use crate::support::{Ran, finish};

/// How long the issuer of [`busy`] is at work at the most, before and after it rotates together.
const AT_WORK: Duration = Duration::from_millis(30);

/// Requests to refresh, and refreshes.
type Seen = (u64, u64);

/// An issuer that works for a while before it rotates a token, and again before it answers.
pub(crate) fn busy(size: &Size, grace: u64) -> SandboxOptions {
    let slow = Fault::Slow { endpoint: Endpoint::Token, least: 2, most: 15, dice: size.dice(1) };
    SandboxOptions { grace, faults: vec![slow], ..SandboxOptions::default() }
}

/// Where the kills fell, by the issuer's books.
#[derive(Clone, Copy, Default)]
pub(crate) struct Moments {
    /// Nothing had reached the issuer.
    before: u32,
    /// The issuer was at work and had not rotated the token.
    asked: u32,
    /// The token was rotated, and the command had not ended.
    rotated: u32,
    /// The command had ended by itself.
    after: u32,
}

impl fmt::Display for Moments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, asked, rotated, after } = self;
        write!(
            formatter,
            "kills before the issuer was asked {before}, before it rotated {asked}, before the end {rotated}, \
             after it {after}"
        )
    }
}

/// How a command is started, and how it is killed.
pub(crate) struct Weapon {
    pub(crate) prepare: fn(&mut Command),
    pub(crate) kill: Box<dyn Fn(&Child)>,
}

/// A stage on which commands are killed.
pub(crate) struct Hunt<'a> {
    pub(crate) stage: &'a Stage,
    weapon: Weapon,
    dice: Dice,
    longest: Duration,
    killed: u32,
    pub(crate) moments: Moments,
}

impl<'a> Hunt<'a> {
    /// Nobody has been killed yet.
    pub(crate) fn new(size: &Size, stage: &'a Stage, weapon: Weapon) -> Self {
        let longest = Duration::ZERO;
        Self { stage, weapon, dice: size.dice(2), longest, killed: 0, moments: Moments::default() }
    }

    /// So many kills, each followed by an undisturbed start that must find the login as if nothing had been.
    pub(crate) fn nobody_loses(&mut self, rounds: u32) -> Outcome {
        let (mut lost, mut first) = (0, None);
        for round in 1..=rounds {
            if let Err(why) = self.kill_one().and_then(|()| self.stage.check()) {
                lost += 1;
                first.get_or_insert_with(|| format!("; first in round {round}: {why}"));
                self.stage.sign_in();
            }
        }
        let figures = format!("{rounds} rounds: {lost} logins lost; {}", self.moments);
        first.map_or(Ok(figures.clone()), |first| Err(figures + &first))
    }

    /// Starts a command, kills it, and notes when that was. What it had answered until then must be true.
    pub(crate) fn kill_one(&mut self) -> Result<(), String> {
        // How long a refresh takes changes with what else the machine does.
        if self.killed.is_multiple_of(50) {
            self.longest = self.stage.usual_time()?;
        }
        self.killed += 1;
        let before = self.stage.world.sandbox.refreshes();
        let started = Instant::now();
        let mut child = self.stage.start(self.weapon.prepare);
        self.await_moment(&mut child, started, before);
        let has_ended = child.try_wait().unwrap().is_some();
        (self.weapon.kill)(&child);
        self.note(has_ended, before);
        self.believe(&finish(child, String::new()), has_ended)
    }

    /// Half of the kills fall anywhere in a refresh, the others while the issuer works: on a machine that has much to do
    /// that is only a small part of it.
    fn await_moment(&mut self, child: &mut Child, started: Instant, before: Seen) {
        let is_aimed = self.killed.is_multiple_of(2);
        if is_aimed {
            let is_asked = || self.stage.world.sandbox.refreshes().0 > before.0;
            while !is_asked() && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        let from = if is_aimed { Instant::now() } else { started };
        let span = if is_aimed { AT_WORK } else { self.longest };
        let moment = self.dice.between(0, u64::try_from(span.as_micros()).unwrap_or(u64::MAX));
        // The moment is the point, so there is nothing to wait for but time.
        std::thread::sleep(Duration::from_micros(moment).saturating_sub(from.elapsed()));
    }

    fn note(&mut self, has_ended: bool, before: Seen) {
        let now = self.stage.world.sandbox.refreshes();
        let moment = match &mut self.moments {
            Moments { after, .. } if has_ended => after,
            Moments { rotated, .. } if now.1 > before.1 => rotated,
            Moments { asked, .. } if now.0 > before.0 => asked,
            Moments { before, .. } => before,
        };
        *moment += 1;
    }

    /// A command that ended by itself must have gone well, and a token that was told must be one.
    fn believe(&self, ran: &Ran, has_ended: bool) -> Result<(), String> {
        if has_ended || ran.exit == 0 || ran.stdout.ends_with('\n') {
            let exit = if has_ended { ran.exit } else { 0 };
            let told = Ran { exit, stdout: ran.stdout.clone(), stderr: ran.stderr.clone() };
            return self.stage.accepts(&told);
        }
        Ok(())
    }
}
