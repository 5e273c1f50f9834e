//! What a refresh is about to do and what came of it, on disk before anything else happens.
//!
//! ```text
//! mcpauth-journal 1 {"generation":7,"since":1763712000,"process":4711}\n
//! 1234\n
//! the answer, sealed
//! ```
//!
//! The first line is the intent: it is on disk before the refresh token leaves. The rest is the issuer's answer, as it
//! came, on disk before anybody looks at it. A file of this kind is made once per login and then written in place, so
//! that each of the two costs one flush. An answer is bound to its intent: of a line or an answer that was cut short
//! nothing is believed.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::files::Shelves;
use super::{LoginLock, Store, StoreError, lock, login_name};
use crate::clock::UnixTime;
use crate::model::LoginKey;
use crate::{files, http, platform};

/// Begins every journal; the version follows.
const MAGIC: &str = "mcpauth-journal 1 ";
/// How long to wait for somebody who has the journal and not the lock.
const PATIENCE: Duration = Duration::from_secs(20);
/// Room for both lines, in bytes.
const LINES: u64 = 4096;
/// Room for the longest answer, sealed, with what stands around it, in bytes.
const ROOM: u64 = LINES + http::ANSWER_LIMIT as u64 + LINES;

/// What may be told of a refresh that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalFacts {
    /// The generation of the login whose refresh token is spent.
    pub generation: u64,
    /// When it was begun.
    pub since: UnixTime,
    /// Who began it.
    pub process: u32,
}

/// How far a refresh came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalState {
    /// To its end, or none was begun.
    Clear,
    /// The refresh token may have left, and no answer is here.
    InDoubt(JournalFacts),
    /// The answer is here and not yet in the record.
    Answered(JournalFacts),
}

/// The journal of a login, open for whoever holds its lock.
pub struct Journal<'store> {
    store: &'store Store,
    name: String,
    path: PathBuf,
    /// `None` where nothing is kept at all.
    file: Option<File>,
    intent: Option<(u64, u64)>,
}

impl Store {
    /// How far the last refresh of a login came, as its files say it. Needs neither the key nor the lock.
    pub fn journal_state(&self, key: &LoginKey) -> Result<JournalState, StoreError> {
        let Some(bytes) = self.read_journal(&login_name(&key.server, &key.account))? else {
            return Ok(JournalState::Clear);
        };
        let Some((facts, rest)) = read_intent(&bytes) else { return Ok(JournalState::Clear) };
        match self.summary(key)? {
            Some(summary) if summary.login.generation == facts.generation => Ok(match sealed_answer(rest) {
                Some(_) => JournalState::Answered(facts),
                None => JournalState::InDoubt(facts),
            }),
            // The record has gone on, so whatever is left here is history.
            _ => Ok(JournalState::Clear),
        }
    }

    /// The answer to the refresh that spent the token of this generation, if it is here and whole.
    pub fn journaled_answer(
        &self,
        lock: &LoginLock,
        generation: u64,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let name = login_name(&lock.key.server, &lock.key.account);
        let Some(bytes) = self.read_journal(&name)? else { return Ok(None) };
        match read_intent(&bytes) {
            Some((facts, rest)) if facts.generation == generation => match sealed_answer(rest) {
                Some(answer) => self.open_note(&note_name(&name, generation), answer),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// Opens the journal of the login that is locked, for us alone: a lock file may have been removed from under its
    /// holder, who is still at it then. So whoever wants to refresh opens this first and reads the login afterwards.
    pub fn journal(&self, lock: &LoginLock) -> Result<Journal<'_>, StoreError> {
        let name = login_name(&lock.key.server, &lock.key.account);
        let Shelves::Files { state, .. } = &self.shelves else {
            return Ok(Journal { store: self, name, path: PathBuf::new(), file: None, intent: None });
        };
        let path = journal_path(state, &name);
        let file = open(&path).map_err(|error| StoreError::at(&path, error))?;
        self.wait_for(&file, &path, &lock.key)?;
        Ok(Journal { store: self, name, path, file: Some(file), intent: None })
    }

    fn wait_for(&self, file: &File, path: &Path, key: &LoginKey) -> Result<(), StoreError> {
        let deadline = Instant::now() + PATIENCE;
        while !platform::hold(file).map_err(|source| StoreError::NoLocks { path: path.into(), source })? {
            if Instant::now() >= deadline {
                let holder = match self.journal_state(key)? {
                    JournalState::Clear => None,
                    JournalState::InDoubt(facts) | JournalState::Answered(facts) => Some(facts.process),
                };
                return Err(StoreError::Busy { holder });
            }
            thread::sleep(lock::POLL);
        }
        Ok(())
    }

    /// Removes what the journal of a login holds. The caller holds the lock.
    pub(super) fn remove_journal(&self, name: &str) -> Result<(), StoreError> {
        let Shelves::Files { state, .. } = &self.shelves else { return Ok(()) };
        let path = journal_path(state, name);
        files::remove(&path).map(drop).map_err(|error| StoreError::at(&path, error))
    }

    fn read_journal(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let Shelves::Files { state, .. } = &self.shelves else { return Ok(None) };
        let path = journal_path(state, name);
        files::read_private(&path, ROOM).map_err(|error| StoreError::at(&path, error))
    }
}

impl Journal<'_> {
    /// Writes down that the refresh token of this generation is about to leave, and takes the room that the answer
    /// will need: whatever fails here has cost nothing.
    pub fn intend(&mut self, facts: &JournalFacts) -> Result<(), StoreError> {
        let path = self.path.clone();
        self.write_intent(facts).map_err(|error| StoreError::at(&path, error))
    }

    fn write_intent(&mut self, facts: &JournalFacts) -> io::Result<()> {
        let line = format!("{MAGIC}{}\n", serde_json::to_string(facts)?);
        self.intent = Some((facts.generation, line.len() as u64));
        let Some(file) = &mut self.file else { return Ok(()) };
        // Nothing of an earlier refresh may stand behind this line.
        file.set_len(0)?;
        platform::reserve(file, ROOM)?;
        file.rewind()?;
        file.write_all(line.as_bytes())?;
        file.sync_data()
    }

    /// Writes down what the issuer answered, before anybody looks at it.
    pub fn keep(&mut self, answer: &[u8]) -> Result<(), StoreError> {
        let Some((generation, end)) = self.intent else { return Ok(()) };
        let note = self.store.seal_note(&note_name(&self.name, generation), answer)?;
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut bytes = Zeroizing::new(Vec::with_capacity(note.len() + 16));
        bytes.extend_from_slice(format!("{}\n", note.len()).as_bytes());
        bytes.extend_from_slice(&note);
        let written = file.seek(SeekFrom::Start(end)).and_then(|_| file.write_all(&bytes));
        written.and_then(|()| file.sync_data()).map_err(|error| StoreError::at(&self.path, error))
    }

    /// Forgets everything. Not flushed: what comes back after a power cut is older than the record by then.
    pub fn clear(self) -> Result<(), StoreError> {
        let Some(file) = &self.file else { return Ok(()) };
        file.set_len(0).map_err(|error| StoreError::at(&self.path, error))
    }
}

fn journal_path(state: &Path, name: &str) -> PathBuf {
    state.join("journals").join(name)
}

/// Ties an answer to its login and to the refresh token that bought it.
fn note_name(name: &str, generation: u64) -> String {
    format!("journal {name} {generation}")
}

/// Opens a journal, and makes sure that a new one is found again after a power cut.
fn open(path: &Path) -> io::Result<File> {
    let Some(directory) = path.parent() else { return Err(io::ErrorKind::InvalidInput.into()) };
    platform::create_private_dir(directory)?;
    platform::check_private_dir(directory)?;
    let is_new = !path.try_exists()?;
    let file = platform::open_lock_file(path)?;
    if is_new {
        platform::sync_dir(directory)?;
    }
    Ok(file)
}

/// The intent, if it is whole, and what stands behind it.
fn read_intent(bytes: &[u8]) -> Option<(JournalFacts, &[u8])> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let facts = serde_json::from_slice(bytes[..end].strip_prefix(MAGIC.as_bytes())?).ok()?;
    Some((facts, &bytes[end + 1..]))
}

/// The answer as it was sealed, if it is as long as it says.
fn sealed_answer(rest: &[u8]) -> Option<&[u8]> {
    let end = rest.iter().take(8).position(|&byte| byte == b'\n')?;
    let length = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    rest[end + 1..].get(..length)
}
