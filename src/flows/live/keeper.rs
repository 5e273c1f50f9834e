//! The keeper: a small process that holds the token files of a command, and lives a moment longer than whoever renews
//! them. When that one ends, in whatever way, the keeper hears the end of its standard input and leaves nothing behind:
//! no file, no socket, no command.
//!
//! It holds nothing but what the command may read. Where the system lets files go with their process, that is this one,
//! and others of the user may look into it; into the one that can refresh they may not.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, PipeReader, PipeWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::process::Child;
use zeroize::Zeroizing;

use super::room::{self, Room};
use crate::error::Error;
use crate::files;
use crate::flows::{App, exec};
use crate::platform::{self, PassingFile};

/// The hidden command that is a keeper.
pub const COMMAND: &str = "live-keeper";
/// More than any token, in bytes.
const LONGEST_TOKEN: u64 = 1024 * 1024;

/// What a keeper is told, on a line of its own.
#[derive(Serialize, Deserialize)]
enum Order {
    /// This directory is to go in the end.
    Room(PathBuf),
    /// This is the command's process, or there is none.
    Watch(Option<u32>),
    /// So many bytes follow for this file; its path is the answer.
    Put { name: String, length: u64 },
}

/// What it answers.
#[derive(Serialize, Deserialize)]
enum Answer {
    At(PathBuf),
    Failed(String),
}

/// The other end of a keeper.
pub(super) struct Keeper(Mutex<Line>);

struct Line {
    orders: Option<PipeWriter>,
    answers: BufReader<PipeReader>,
}

impl Keeper {
    /// Starts one, within a runtime, which then tells when it has ended.
    pub(super) fn start(app: &App) -> Result<(Self, Child), Error> {
        let failed = |why: &str| Error::Unforeseen(format!("the process that keeps token files: {why}"));
        let program = app.ports.program.as_ref().ok_or_else(|| failed("where mcpauth lies is not known"))?;
        let mut command = Command::new(program);
        // A name such as /proc/self/exe would tell nobody anything.
        exec::set_name(&mut command, OsStr::new("mcpauth"));
        command.arg(COMMAND).env_clear().current_dir("/");
        let pipes = io::pipe().and_then(|orders| Ok((orders, io::pipe()?)));
        let ((input, orders), (answers, output)) = pipes.map_err(|error| failed(&error.to_string()))?;
        command.stdin(input).stdout(output).stderr(Stdio::null());
        // With the command go our copies of its ends of the pipes.
        let process = tokio::process::Command::from(command).spawn();
        let process = process.map_err(|error| failed(&error.to_string()))?;
        let line = Line { orders: Some(orders), answers: BufReader::new(answers) };
        Ok((Self(Mutex::new(line)), process))
    }

    /// Has a directory removed in the end.
    pub(super) fn has_room(&self, room: Option<&Room>) {
        if let Some(room) = room {
            // If it does not hear this it has ended, and then the next command removes the directory.
            let _ = self.line().order(&Order::Room(room.path().into()), b"");
        }
    }

    /// Says which process is to end if we are killed.
    pub(super) fn watch(&self, command: Option<u32>) {
        // As above; and the system may see to that, too.
        let _ = self.line().order(&Order::Watch(command), b"");
    }

    /// Puts this into the file of that name, which is made if it is missing, and gives its path.
    pub(super) fn put(&self, name: &str, content: &[u8]) -> Result<PathBuf, Error> {
        let gone = |error: io::Error| Error::Unforeseen(format!("the token file {name} is lost: {error}"));
        let path = self.line().put(name, content).map_err(gone)?;
        let readable = files::read_foreign(&path, LONGEST_TOKEN).map_err(|error| Error::Usage {
            message: format!("no other process can read the token file at {}: {error}", path.display()),
            hint: "use --socket, or let the command call `mcpauth token`".into(),
        })?;
        if *readable == content { Ok(path) } else { Err(gone(io::ErrorKind::InvalidData.into())) }
    }

    fn line(&self) -> std::sync::MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn order(&mut self, order: &Order, content: &[u8]) -> io::Result<()> {
        let orders = self.orders.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let line = serde_json::to_string(order)? + "\n";
        orders.write_all(line.as_bytes())?;
        orders.write_all(content)
    }

    fn put(&mut self, name: &str, content: &[u8]) -> io::Result<PathBuf> {
        self.order(&Order::Put { name: name.to_owned(), length: content.len() as u64 }, content)?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        match serde_json::from_str(&answer)? {
            Answer::At(path) => Ok(path),
            Answer::Failed(why) => Err(io::Error::other(why)),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // That is the end of its standard input; once its standard output has ended nothing is left.
        drop(self.orders.take());
        let _ = io::copy(&mut self.answers, &mut io::sink());
    }
}

/// Is a keeper.
pub fn keep() -> u8 {
    platform::detach();
    let mut kept = Kept::default();
    let mut orders = BufReader::new(io::stdin().lock());
    while let Some(order) = next_order(&mut orders) {
        let Some(answer) = kept.carry_out(order, &mut orders) else { continue };
        let line = serde_json::to_string(&answer).unwrap_or_default() + "\n";
        if io::stdout().write_all(line.as_bytes()).and_then(|()| io::stdout().flush()).is_err() {
            break;
        }
    }
    0
}

fn next_order(orders: &mut impl io::BufRead) -> Option<Order> {
    let mut line = String::new();
    orders.read_line(&mut line).ok()?;
    serde_json::from_str(&line).ok()
}

/// What goes when the keeper goes.
#[derive(Default)]
struct Kept {
    files: BTreeMap<String, PassingFile>,
    room: Option<PathBuf>,
    command: Option<u32>,
}

impl Kept {
    fn carry_out(&mut self, order: Order, orders: &mut impl io::Read) -> Option<Answer> {
        match order {
            Order::Room(path) => self.room = Some(path),
            Order::Watch(command) => self.command = command,
            Order::Put { name, length } => {
                let put = read(orders, length).and_then(|content| self.put(&name, &content));
                return Some(put.map_or_else(|error| Answer::Failed(error.to_string()), Answer::At));
            }
        }
        None
    }

    fn put(&mut self, name: &str, content: &[u8]) -> io::Result<PathBuf> {
        if !self.files.contains_key(name) {
            let directory = self.room.as_deref().unwrap_or(Path::new("/"));
            self.files.insert(name.to_owned(), PassingFile::new(directory, name)?);
        }
        let file = self.files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        file.put(content)?;
        Ok(file.path().to_owned())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.files.clear();
        if let Some(room) = &self.room {
            room::remove(room);
        }
        if let Some(command) = self.command {
            platform::end_orphan(command);
        }
    }
}

fn read(orders: &mut impl io::Read, length: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    if length > LONGEST_TOKEN {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut content = Zeroizing::new(vec![0; usize::try_from(length).unwrap_or(0)]);
    orders.read_exact(&mut content)?;
    Ok(content)
}
