//! A command dies with everything around it, as when a client ends its children.

use std::os::unix::process::CommandExt as _;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::Outcome;
use crate::kills::{Hunt, Weapon, busy};
use crate::settings::Size;
use crate::stage::Stage;

/// The whole process group is killed at a random moment of a refresh; a strict issuer forgives nothing.
pub(crate) fn play(size: &Size) -> Outcome {
    let rounds = size.rounds(100, 1000);
    let stage = Stage::new(size, busy(size, 0));
    let weapon = Weapon {
        prepare: |command| {
            command.process_group(0);
        },
        // It may have ended by itself, but was not waited for: nobody else has its number yet.
        kill: Box::new(|child| {
            let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
        }),
    };
    Hunt::new(size, &stage, weapon).nobody_loses(rounds)
}
