//! A private directory for what lasts as long as one command.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::places::Places;
use crate::store::StoreError;
use crate::{files, platform};

/// The directory. It is removed by the keeper, also where we are killed, or by the next command that makes one.
pub(super) struct Room {
    path: PathBuf,
    /// Held for as long as the directory is in use.
    _lock: File,
}

impl Room {
    pub(super) fn new(places: &Places) -> Result<Self, Error> {
        let shelf = shelf(places);
        let failed = |error| Error::from(StoreError::at(&shelf, error));
        platform::create_private_dir(&shelf).map_err(failed)?;
        platform::check_private_dir(&shelf).map_err(failed)?;
        sweep(&shelf);
        Self::on(&shelf).map_err(failed)
    }

    fn on(shelf: &Path) -> io::Result<Self> {
        let path = shelf.join(files::hex(&files::random::<8>()?));
        let lock = lock_of(&path);
        loop {
            let file = platform::open_lock_file(&lock)?;
            // Somebody who tidies up may have removed it before it was held.
            if platform::hold(&file)? && platform::is_at(&file, &lock)? {
                platform::create_private_dir(&path)?;
                return Ok(Self { path, _lock: file });
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Where the rooms are: below the directory that ends with the user's session, where there is one, because a socket
/// has to have a short name and none of it is to outlast the machine.
fn shelf(places: &Places) -> PathBuf {
    let session = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let fitting = session.filter(|path| path.is_absolute() && platform::check_private_dir(path).is_ok());
    fitting.map_or_else(|| places.state.join("live"), |path| path.join("mcpauth"))
}

fn lock_of(room: &Path) -> PathBuf {
    room.with_extension("lock")
}

/// Removes a room and what is in it.
pub(super) fn remove(room: &Path) {
    // It may be gone, and a read-only directory is no reason to fail.
    let _ = fs::remove_dir_all(room);
    let _ = fs::remove_file(lock_of(room));
}

/// Removes the rooms that nobody is in.
fn sweep(shelf: &Path) {
    let Ok(entries) = fs::read_dir(shelf) else { return };
    for lock in entries.flatten().map(|entry| entry.path()) {
        if lock.extension().is_some_and(|extension| extension == "lock")
            && let Ok(file) = platform::open_lock_file(&lock)
            && platform::hold(&file).unwrap_or(false)
        {
            remove(&lock.with_extension(""));
        }
    }
}
