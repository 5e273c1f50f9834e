//! Where the bytes of records lie: in files, or in memory for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use zeroize::Zeroizing;

use super::{LockState, StoreError, fingerprint, lock};
use crate::files::{self, Draft};
use crate::places::Places;
use crate::platform;
use crate::secret::SealingKey;

/// No record is longer.
const LIMIT: u64 = 4 * 1024 * 1024;

/// Which records are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Folder {
    Logins,
    Clients,
    /// Records as a former release wrote them.
    Backups,
}

impl Folder {
    fn as_str(self) -> &'static str {
        match self {
            Self::Logins => "logins",
            Self::Clients => "clients",
            Self::Backups => "backups",
        }
    }
}

/// Tells one state of a record from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    file: Option<u64>,
    changed: SystemTime,
    length: u64,
}

/// Something held by nobody else until it is dropped.
pub(super) enum Guard {
    File(File),
    Memory { name: String, held: Arc<Mutex<BTreeSet<String>>> },
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Self::Memory { name, held } = self {
            enter(held).remove(name);
        }
    }
}

/// The records of a process that keeps nothing.
type Memory = BTreeMap<(Folder, String), Zeroizing<Vec<u8>>>;

/// The bytes of all records.
pub(super) enum Shelves {
    Files { data: PathBuf, state: PathBuf },
    Memory { records: Mutex<Memory>, held: Arc<Mutex<BTreeSet<String>>> },
}

impl Shelves {
    pub(super) fn in_files(places: &Places) -> Self {
        Self::Files { data: places.data.clone(), state: places.state.clone() }
    }

    pub(super) fn in_memory() -> Self {
        Self::Memory { records: Mutex::default(), held: Arc::default() }
    }

    /// Where a record lies, for messages; in memory a path that exists nowhere.
    pub(super) fn path(&self, folder: Folder, name: &str) -> PathBuf {
        match self {
            Self::Files { data, .. } => data.join(folder.as_str()).join(name),
            Self::Memory { .. } => Path::new("memory").join(folder.as_str()).join(name),
        }
    }

    /// A record's bytes, whole; `None` if there is none.
    pub(super) fn read(&self, folder: Folder, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        match self {
            Self::Files { .. } => {
                let path = self.path(folder, name);
                if !self.is_private(folder)? {
                    return Ok(None);
                }
                files::read_private(&path, LIMIT).map_err(|error| StoreError::at(&path, error))
            }
            Self::Memory { records, .. } => Ok(enter(records).get(&(folder, name.to_owned())).cloned()),
        }
    }

    /// What changes whenever a record does: each is a new file in the place of the old one.
    pub(super) fn mark(&self, folder: Folder, name: &str) -> Option<Mark> {
        let Self::Files { .. } = self else { return None };
        let found = fs::symlink_metadata(self.path(folder, name)).ok()?;
        Some(Mark {
            file: platform::file_number(&found),
            changed: found.modified().ok()?,
            length: found.len(),
        })
    }

    /// Replaces a record as one step. The caller holds its lock.
    pub(super) fn write(&self, folder: Folder, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        match self {
            Self::Files { .. } => {
                let path = self.path(folder, name);
                let failed = |error| StoreError::at(&path, error);
                path.parent().map_or(Ok(()), platform::create_private_dir).map_err(failed)?;
                self.is_private(folder)?;
                files::sweep(&path);
                files::write_private(&path, bytes).map_err(failed)
            }
            Self::Memory { records, .. } => {
                let bytes = Zeroizing::new(bytes.to_vec());
                enter(records).insert((folder, name.to_owned()), bytes);
                Ok(())
            }
        }
    }

    /// Makes room for a record of that many bytes beside the one that is there. The caller holds its lock.
    pub(super) fn draft(&self, folder: Folder, name: &str, room: u64) -> Result<Option<Draft>, StoreError> {
        let Self::Files { .. } = self else { return Ok(None) };
        let path = self.path(folder, name);
        self.is_private(folder)?;
        files::sweep(&path);
        Draft::new(&path, room).map(Some).map_err(|error| StoreError::at(&path, error))
    }

    /// Writes what is no record, and reads it again. The disk is asked for room and nothing else: a power cut may take it.
    pub(super) fn try_out(
        &self,
        folder: Folder,
        name: &str,
        bytes: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        match self.draft(folder, name, bytes.len() as u64)? {
            Some(draft) => {
                draft.place(bytes).map_err(|error| StoreError::at(&self.path(folder, name), error))?;
            }
            None => self.write(folder, name, bytes)?,
        }
        self.read(folder, name)
    }

    /// Removes what was tried out.
    pub(super) fn discard(&self, folder: Folder, name: &str) -> Result<bool, StoreError> {
        match self {
            Self::Files { .. } => {
                let path = self.path(folder, name);
                files::discard(&path).map_err(|error| StoreError::at(&path, error))
            }
            Self::Memory { .. } => self.remove(folder, name),
        }
    }

    /// Removes a record and what crashed writers of it left. The caller holds its lock.
    pub(super) fn remove(&self, folder: Folder, name: &str) -> Result<bool, StoreError> {
        match self {
            Self::Files { .. } => {
                let path = self.path(folder, name);
                files::sweep(&path);
                files::remove(&path).map_err(|error| StoreError::at(&path, error))
            }
            Self::Memory { records, .. } => Ok(enter(records).remove(&(folder, name.to_owned())).is_some()),
        }
    }

    /// Removes what crashed writers of a record left. The caller holds its lock.
    pub(super) fn sweep(&self, folder: Folder, name: &str) {
        if let Self::Files { .. } = self {
            files::sweep(&self.path(folder, name));
        }
    }

    /// Puts what was written under one name in place of a record, as one step. The caller holds its lock.
    pub(super) fn rename(&self, folder: Folder, from: &str, to: &str) -> Result<(), StoreError> {
        match self {
            Self::Files { .. } => {
                let path = self.path(folder, to);
                let renamed = files::replace(&self.path(folder, from), &path);
                renamed.map_err(|error| StoreError::at(&path, error))
            }
            Self::Memory { records, .. } => {
                let mut records = enter(records);
                if let Some(bytes) = records.remove(&(folder, from.to_owned())) {
                    records.insert((folder, to.to_owned()), bytes);
                }
                Ok(())
            }
        }
    }

    /// Renames a record so that it is neither read nor lost, and tells where it is. The caller holds its lock.
    pub(super) fn set_aside(&self, folder: Folder, name: &str, time: u64) -> Result<PathBuf, StoreError> {
        let path = self.path(folder, name);
        // Never over an earlier one of the same second.
        let mut kept = path.with_file_name(format!("{name}.damaged-{time}"));
        for number in 2.. {
            if fs::symlink_metadata(&kept).is_err() {
                break;
            }
            kept = path.with_file_name(format!("{name}.damaged-{time}-{number}"));
        }
        match self {
            Self::Files { .. } => fs::rename(&path, &kept).map_err(|error| StoreError::at(&path, error))?,
            Self::Memory { records, .. } => {
                enter(records).remove(&(folder, name.to_owned()));
            }
        }
        Ok(kept)
    }

    /// The key that fingerprints are taken with where nothing else gives one.
    pub(super) fn fingerprint_key(&self) -> Option<SealingKey> {
        match self {
            Self::Files { data, state } => fingerprint::own_key(data, state),
            Self::Memory { .. } => None,
        }
    }

    /// The names of all records.
    pub(super) fn names(&self, folder: Folder) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Files { data, .. } => {
                if !self.is_private(folder)? {
                    return Ok(Vec::new());
                }
                let directory = data.join(folder.as_str());
                let failed = |error| StoreError::at(&directory, error);
                let mut names = Vec::new();
                for entry in fs::read_dir(&directory).map_err(failed)? {
                    names.extend(
                        entry.map_err(failed)?.file_name().into_string().ok().filter(|name| is_name(name)),
                    );
                }
                Ok(names)
            }
            Self::Memory { records, .. } => Ok(enter(records)
                .keys()
                .filter(|(own, _)| *own == folder)
                .map(|(_, name)| name.clone())
                .collect()),
        }
    }

    /// Takes the lock of a record, waiting at most `wait`.
    pub(super) fn lock(&self, name: &str, wait: Duration) -> Result<Guard, StoreError> {
        match self {
            Self::Files { state, .. } => lock::acquire(&lock::path(state, name), wait).map(Guard::File),
            Self::Memory { held, .. } => {
                let deadline = Instant::now() + wait;
                while !enter(held).insert(name.to_owned()) {
                    if Instant::now() >= deadline {
                        return Err(StoreError::Busy { holder: Some(std::process::id()) });
                    }
                    thread::sleep(lock::POLL);
                }
                Ok(Guard::Memory { name: name.to_owned(), held: Arc::clone(held) })
            }
        }
    }

    /// Whether somebody holds the lock of a record.
    pub(super) fn look_at_lock(&self, name: &str) -> Result<LockState, StoreError> {
        match self {
            Self::Files { state, .. } => lock::look(&lock::path(state, name)),
            Self::Memory { held, .. } if enter(held).contains(name) => Ok(LockState::Held(None)),
            Self::Memory { .. } => Ok(LockState::Free),
        }
    }

    /// Takes a lock over from a process that handed over its open file; `None` if that file is no such lock.
    pub(super) fn adopt(&self, name: &str, file: File) -> Result<Option<Guard>, StoreError> {
        let Self::Files { state, .. } = self else { return Ok(None) };
        Ok(lock::adopt(file, &lock::path(state, name))?.map(Guard::File))
    }

    /// The directory of the logins, if it is not there although logins were: their locks tell, which nobody removes.
    pub(super) fn lost(&self) -> Option<PathBuf> {
        let Self::Files { data, state } = self else { return None };
        let logins = data.join(Folder::Logins.as_str());
        let was_locked = |entry: fs::DirEntry| {
            entry.file_name().to_str().and_then(|name| name.strip_suffix(".lock")).is_some_and(is_name)
        };
        let is_absent = matches!(logins.try_exists(), Ok(false));
        let locks = || fs::read_dir(state.join("locks")).into_iter().flatten().flatten();
        (is_absent && locks().any(was_locked)).then_some(logins)
    }

    /// Whether the directory of a folder and the one above are there; an error if they let others in.
    fn is_private(&self, folder: Folder) -> Result<bool, StoreError> {
        let Self::Files { data, .. } = self else { return Ok(true) };
        for directory in [data, &data.join(folder.as_str())] {
            match platform::check_private_dir(directory) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(StoreError::at(directory, error)),
            }
        }
        Ok(true)
    }
}

/// Whether a file is a record, and not a temporary or damaged one.
pub(super) fn is_name(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A panic while holding one of these locks cannot leave half a change behind.
fn enter<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
