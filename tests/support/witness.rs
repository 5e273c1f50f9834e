//! A witness for stories that go wrong: what was in the home before, and an end for what does not end by itself.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Ran, finish, read_address};

/// No command of these stories takes longer; one that does is killed, and its story fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// Everything below a directory, byte for byte and with its modes.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<PathBuf, Entry>);

#[derive(Clone, PartialEq, Eq)]
enum Entry {
    Directory {
        mode: u32,
    },
    File {
        mode: u32,
        bytes: Vec<u8>,
    },
    Link(PathBuf),
    /// A pipe or a socket: it is enough that it is there.
    Other,
}

impl Snapshot {
    /// What is there now; nothing if there is no such directory.
    pub fn of(root: &Path) -> Self {
        let mut entries = BTreeMap::new();
        collect(root, root, &mut entries);
        Self(entries)
    }

    /// The same without what lies below this path.
    pub fn without(mut self, path: &str) -> Self {
        self.0.retain(|own, _| !own.starts_with(path));
        self
    }

    /// The bytes of a file.
    pub fn bytes(&self, path: &Path) -> Option<&[u8]> {
        match self.0.get(path) {
            Some(Entry::File { bytes, .. }) => Some(bytes),
            _ => None,
        }
    }

    /// What is there and was not the same in `before`, and what is gone since.
    pub fn changes_since(&self, before: &Self) -> Vec<PathBuf> {
        let differs = |path: &&PathBuf| self.0.get(*path) != before.0.get(*path);
        let mut changes: Vec<_> = self.0.keys().chain(before.0.keys()).filter(differs).cloned().collect();
        changes.sort();
        changes.dedup();
        changes
    }

    /// Makes the directory what it was.
    pub fn restore(&self, root: &Path) {
        let _ = fs::set_permissions(root, Permissions::from_mode(0o700));
        for entry in fs::read_dir(root).unwrap() {
            let path = entry.unwrap().path();
            let is_directory = path.is_dir() && !path.is_symlink();
            if is_directory { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
        }
        for (path, entry) in &self.0 {
            let path = root.join(path);
            match entry {
                Entry::Directory { mode } => {
                    fs::create_dir_all(&path).unwrap();
                    fs::set_permissions(&path, Permissions::from_mode(*mode)).unwrap();
                }
                Entry::File { mode, bytes } => {
                    fs::write(&path, bytes).unwrap();
                    fs::set_permissions(&path, Permissions::from_mode(*mode)).unwrap();
                }
                Entry::Link(target) => symlink(target, &path).unwrap(),
                Entry::Other => panic!("cannot make {} again", path.display()),
            }
        }
    }
}

fn collect(root: &Path, directory: &Path, entries: &mut BTreeMap<PathBuf, Entry>) {
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let mode = metadata.permissions().mode() & 0o7777;
        let kind = metadata.file_type();
        let entry = if kind.is_symlink() {
            Entry::Link(fs::read_link(&path).unwrap())
        } else if kind.is_dir() {
            collect(root, &path, entries);
            Entry::Directory { mode }
        } else if kind.is_file() {
            Entry::File { mode, bytes: fs::read(&path).unwrap() }
        } else {
            Entry::Other
        };
        entries.insert(path.strip_prefix(root).unwrap().to_owned(), entry);
    }
}

/// Kills a process that runs longer than [`DEADLINE`].
struct Deadline {
    met: Sender<()>,
    watch: JoinHandle<bool>,
}

impl Deadline {
    fn of(child: &Child) -> Self {
        let (met, wait) = channel();
        let id = rustix::process::Pid::from_child(child);
        let watch = std::thread::spawn(move || {
            let late = wait.recv_timeout(DEADLINE).is_err();
            if late {
                let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
            }
            late
        });
        Self { met, watch }
    }

    #[track_caller]
    fn was_met(self, ran: &Ran) {
        let _ = self.met.send(());
        assert!(!self.watch.join().unwrap(), "did not end within {} s: {ran:?}", DEADLINE.as_secs());
    }
}

fn start(mut command: Command, input: &str) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that refuses early does not read; that is its right.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child
}

/// Runs a command to its end, with something on its standard input.
#[track_caller]
pub fn run(command: Command, input: &str) -> Ran {
    let child = start(command, input);
    let deadline = Deadline::of(&child);
    let ran = finish(child, String::new());
    deadline.was_met(&ran);
    ran
}

/// Runs a login command to its end; `person` gets each address that it prints: whoever was refused as a client is asked
/// once more.
#[track_caller]
pub fn sign_in(command: Command, input: &str, mut person: impl FnMut(&str)) -> Ran {
    let mut child = start(command, input);
    let deadline = Deadline::of(&child);
    let mut seen = String::new();
    loop {
        let (said, address) = read_address(&mut child);
        seen += &said;
        let Some(address) = address else { break };
        person(&address);
    }
    let ran = finish(child, seen);
    deadline.was_met(&ran);
    ran
}
