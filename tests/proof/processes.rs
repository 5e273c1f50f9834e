//! Every process of one world: those that run its own copy of the program, whatever their environment and session.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::World;
use crate::support::steps::copy_program;

/// Gives the world a name of the program that nobody else runs.
pub(crate) fn own_program(world: &mut World) {
    let own = world.home().join("mcpauth");
    if fs::hard_link(&world.program, &own).is_err() {
        copy_program(&world.program, &own);
    }
    world.program = own;
}

/// Kills until nobody is left: a process that is born meanwhile is found by the next look.
pub(crate) fn kill_all(program: &Path) {
    loop {
        let alive = running(program);
        if alive.is_empty() {
            return;
        }
        for process in alive {
            // It may have ended by itself since.
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

/// Who runs a program. A process that has ended and was not waited for runs none.
fn running(program: &Path) -> Vec<Pid> {
    let runs = |directory: &PathBuf| fs::read_link(directory.join("exe")).is_ok_and(|exe| exe == program);
    let number = |directory: PathBuf| directory.file_name()?.to_str()?.parse().ok().and_then(Pid::from_raw);
    let entries = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    entries.filter(runs).filter_map(number).collect()
}
