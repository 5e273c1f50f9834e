//! The hidden command that carries out a refresh for another process of ours.

use crate::console::{Console, Tone};
use crate::flows::{Ports, worker};

/// Carries a refresh out, whoever dies meanwhile, and gives the exit code. What it has to say goes to whoever started
/// it, an error as one line of JSON.
pub(super) fn run(ports: Ports) -> u8 {
    let console = Console::new(ports.terminal.clone(), Tone { json: true, ..Tone::default() });
    match worker::work(ports) {
        Ok(()) => 0,
        Err(error) => {
            console.error(&error);
            error.exit_code()
        }
    }
}
