//! What is played, and how much of it.

use std::path::PathBuf;

use mcpauth::clock::{Clock as _, SystemClock};
use mcpauth::sandbox::{Dice, SandboxOptions};

use crate::support::World;

/// How a scenario is to be played.
#[derive(Clone)]
pub(crate) struct Size {
    /// Whether the full numbers are wanted.
    pub(crate) long: bool,
    rounds: Option<u32>,
    /// Where chance starts.
    pub(crate) seed: u64,
    program: PathBuf,
}

impl Size {
    /// How many rounds, unless the command line has a number.
    pub(crate) fn rounds(&self, short: u32, long: u32) -> u32 {
        self.rounds.unwrap_or(if self.long { long } else { short })
    }

    /// Chance that falls the same way for the same seed; `salt` keeps two uses of it apart.
    pub(crate) fn dice(&self, salt: u64) -> Dice {
        Dice::seeded(self.seed.wrapping_add(salt << 32))
    }

    /// A world with the program that is judged.
    pub(crate) fn world(&self, options: SandboxOptions) -> World {
        World { program: self.program(), ..World::with(options) }
    }

    /// The program that is judged.
    pub(crate) fn program(&self) -> PathBuf {
        self.program.clone()
    }
}

/// The command line.
pub(crate) struct Settings {
    scenarios: Vec<String>,
    pub(crate) size: Size,
    pub(crate) report: Option<PathBuf>,
}

impl Settings {
    /// Reads the command line; the error says what is wrong with it.
    pub(crate) fn read(args: impl Iterator<Item = String>, known: &[&str]) -> Result<Self, String> {
        let program = std::env::var_os("MCPAUTH").unwrap_or_else(|| env!("CARGO_BIN_EXE_mcpauth").into());
        let program = PathBuf::from(program).canonicalize().map_err(|error| format!("MCPAUTH: {error}"))?;
        let seed = SystemClock.now().0.unsigned_abs();
        let size = Size { long: false, rounds: None, seed, program };
        let mut settings = Self { scenarios: Vec::new(), size, report: None };
        let mut args = args;
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--long" => settings.size.long = true,
                "--rounds" => settings.size.rounds = Some(number(&value()?)?),
                "--seed" => settings.size.seed = number(&value()?)?,
                "--report" => settings.report = Some(value()?.into()),
                name if known.contains(&name) => settings.scenarios.push(arg),
                _ => return Err(format!("there is no {arg}")),
            }
        }
        Ok(settings)
    }

    /// Whether a scenario is to be played: each one if none is named.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.scenarios.is_empty() || self.scenarios.iter().any(|own| own == name)
    }
}

fn number<Number: std::str::FromStr>(text: &str) -> Result<Number, String> {
    text.parse().map_err(|_| format!("{text} is not a number"))
}
