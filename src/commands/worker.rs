//! The hidden commands that do something for another process of ours.

use crate::console::{Console, Tone};
use crate::error::Error;
use crate::flows::{Ports, attempt, live, worker};

/// Does what the command is for, if it is one of these, whoever dies meanwhile, and gives the exit code. What it has to
/// say goes to whoever started it, an error as one line of JSON.
pub(super) fn run(command: &str, ports: &Ports) -> Option<u8> {
    let work: fn(Ports) -> Result<(), Error> = match command {
        worker::COMMAND => worker::work,
        attempt::COMMAND => attempt::work,
        live::KEEPER_COMMAND => return Some(live::keep()),
        _ => return None,
    };
    let console = Console::new(ports.terminal.clone(), Tone { json: true, ..Tone::default() });
    Some(match work(ports.clone()) {
        Ok(()) => 0,
        Err(error) => {
            console.error(&error);
            error.exit_code()
        }
    })
}
