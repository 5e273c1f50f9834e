//! Somebody else of the same machine, who looks at the processes of a world: their arguments and their environments.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::support::World;

/// Looks until it is told to stop.
pub(crate) struct Onlooker {
    eyes: Arc<Eyes>,
    thread: Option<JoinHandle<()>>,
}

struct Eyes {
    /// The world's own copy of the program.
    program: PathBuf,
    over: AtomicBool,
    /// The arguments of programs that are given a token.
    left_out: Mutex<BTreeSet<Vec<u8>>>,
    seen: Mutex<BTreeMap<String, BTreeSet<Vec<u8>>>>,
}

impl Onlooker {
    /// Looks at all processes of this world.
    pub(crate) fn of(world: &World) -> Self {
        let program = world.program.clone();
        let over = AtomicBool::new(false);
        let eyes = Arc::new(Eyes { program, over, left_out: Mutex::default(), seen: Mutex::default() });
        let own = Arc::clone(&eyes);
        let watch = move || {
            while !own.over.load(Ordering::SeqCst) {
                own.look();
                // As often as can be without taking the machine away from those who are looked at.
                std::thread::sleep(Duration::from_millis(2));
            }
        };
        Self { eyes, thread: Some(std::thread::spawn(watch)) }
    }

    /// Looks once more, now.
    pub(crate) fn look(&self) {
        self.eyes.look();
    }

    /// Does not look into the environment of what was started so: it is to have a token there.
    pub(crate) fn leave_out(&self, words: &[&str]) {
        let arguments = words.iter().flat_map(|word| [word.as_bytes(), b"\0"]).collect::<Vec<_>>().concat();
        self.eyes.left_out.lock().unwrap().insert(arguments);
    }

    /// Stops, and tells what was seen after whose it was.
    pub(crate) fn end(&mut self) -> Vec<(String, Vec<u8>)> {
        self.eyes.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        let seen = std::mem::take(&mut *self.eyes.seen.lock().unwrap());
        seen.into_iter()
            .flat_map(|(place, texts)| texts.into_iter().map(move |text| (place.clone(), text)))
            .collect()
    }
}

impl Eyes {
    fn look(&self) {
        for directory in self.world() {
            // Whoever has ended meanwhile is not there to be looked at.
            let Ok(arguments) = fs::read(directory.join("cmdline")) else { continue };
            let Ok(environment) = fs::read(directory.join("environ")) else { continue };
            let is_same = fs::read(directory.join("cmdline")).is_ok_and(|again| again == arguments);
            let name = String::from_utf8_lossy(&arguments).replace('\0', " ");
            let mut seen = self.seen.lock().unwrap();
            // One that has just become another program has another environment, too.
            if is_same && !self.left_out.lock().unwrap().contains(&arguments) {
                seen.entry(format!("the environment of {name}")).or_default().insert(environment);
            }
            seen.entry(format!("the arguments of {name}")).or_default().insert(arguments);
        }
    }

    /// The processes of this world: those that run its program, and whoever was started for it.
    fn world(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let numbered =
            entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())));
        let parents: BTreeMap<u32, (u32, PathBuf)> = numbered
            .filter_map(|(process, directory)| Some((process, (parent_of(&directory)?, directory))))
            .collect();
        let is_ours = |mut process: u32| {
            while let Some((parent, directory)) = parents.get(&process) {
                if *parent == std::process::id()
                    || fs::read_link(directory.join("exe")).is_ok_and(|exe| exe == self.program)
                {
                    return true;
                }
                process = *parent;
            }
            false
        };
        let ours = parents.iter().filter(|(process, _)| is_ours(**process));
        ours.map(|(_, (_, directory))| directory.clone()).collect()
    }
}

/// Who started a process: the second word behind its name, which stands in parentheses.
fn parent_of(directory: &Path) -> Option<u32> {
    let stat = fs::read_to_string(directory.join("stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
