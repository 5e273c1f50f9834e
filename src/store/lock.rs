//! Locks between processes.
//!
//! A lock is a file that is never removed or renamed by us; the system releases it when its holder dies,
//! however it dies. The process id inside is only a hint for the message.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::StoreError;
use crate::platform;

/// Whether a login is being changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockState {
    /// Nobody changes it.
    Free,
    /// This process does, if it is known.
    Held(Option<u32>),
}

/// How long to sleep between two looks at a lock.
pub(super) const POLL: Duration = Duration::from_millis(5);

/// Where the lock of a record, or of the key of the store, lies.
pub(super) fn path(state: &Path, name: &str) -> PathBuf {
    state.join("locks").join(format!("{name}.lock"))
}

/// Locks the file at `path`, which is made if it is missing, waiting at most `wait`. The lock lasts until the
/// file is dropped.
pub(super) fn acquire(path: &Path, wait: Duration) -> Result<File, StoreError> {
    let deadline = Instant::now() + wait;
    let mut file = open(path)?;
    loop {
        match file.try_lock() {
            // Somebody may have put another file there while we waited; whoever comes next would lock that one.
            Ok(()) if platform::is_at(&file, path).map_err(|error| StoreError::at(path, error))? => {
                leave_hint(&file);
                return Ok(file);
            }
            Ok(()) => file = open(path)?,
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(source)) => {
                return Err(StoreError::NoLocks { path: path.into(), source });
            }
        }
        if Instant::now() >= deadline {
            return Err(StoreError::Busy { holder: read_hint(&file) });
        }
        thread::sleep(POLL);
    }
}

/// Whether somebody holds the lock at `path`. Looks by sharing it for a moment, and makes no file.
pub(super) fn look(path: &Path) -> Result<LockState, StoreError> {
    let file = platform::open_private(path).map_err(|error| StoreError::at(path, error))?;
    let Some(file) = file else { return Ok(LockState::Free) };
    match file.try_lock_shared() {
        Ok(()) => Ok(LockState::Free),
        Err(TryLockError::WouldBlock) => Ok(LockState::Held(read_hint(&file))),
        Err(TryLockError::Error(source)) => Err(StoreError::NoLocks { path: path.into(), source }),
    }
}

/// Takes over a lock together with the open file that it is on; `None` unless that is the file at `path` and the lock
/// is on no other one. Where the system does not say, waiting for the lock would be waiting for oneself: an error.
pub(super) fn adopt(file: File, path: &Path) -> Result<Option<File>, StoreError> {
    if !platform::is_at(&file, path).map_err(|error| StoreError::at(path, error))? {
        return Ok(None);
    }
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(source)) => {
                return Err(StoreError::NoLocks { path: path.into(), source });
            }
        }
    }
    leave_hint(&file);
    Ok(Some(file))
}

fn open(path: &Path) -> Result<File, StoreError> {
    let failed = |at: &Path| {
        let at = at.to_owned();
        move |error| StoreError::at(&at, error)
    };
    if let Some(directory) = path.parent() {
        platform::create_private_dir(directory).map_err(failed(directory))?;
        platform::check_private_dir(directory).map_err(failed(directory))?;
    }
    platform::open_lock_file(path).map_err(failed(path))
}

/// Says who holds the lock. Failing to say so is no reason not to hold it.
fn leave_hint(mut file: &File) {
    let _ = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(format!("pid {}\n", std::process::id()).as_bytes()));
}

fn read_hint(mut file: &File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.strip_prefix("pid ")?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    use std::fs;

    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn a_held_lock_names_its_holder_and_is_free_when_dropped() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("locks/one.lock");
        let held = acquire(&path, NOW).unwrap();
        let error = acquire(&path, Duration::from_millis(12)).unwrap_err();
        assert!(
            matches!(error, StoreError::Busy { holder: Some(id) } if id == std::process::id()),
            "{error}"
        );
        drop(held);
        acquire(&path, NOW).unwrap();
        assert!(path.exists());
    }

    #[test]
    fn a_waiting_process_gets_the_lock_as_soon_as_it_is_free() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("locks/one.lock");
        let held = acquire(&path, NOW).unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| acquire(&path, Duration::from_mins(1)));
            drop(held);
            waiting.join().unwrap().unwrap();
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_lock_on_a_removed_file_is_not_a_lock() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("locks/one.lock");
        let held = acquire(&path, NOW).unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| acquire(&path, Duration::from_mins(1)).unwrap());
            // Until the other thread has the file open that is about to go.
            while descriptors_of(&path) < 2 {
                thread::yield_now();
            }
            fs::remove_file(&path).unwrap();
            drop(held);
            let lock = waiting.join().unwrap();
            assert!(platform::is_at(&lock, &path).unwrap());
        });
    }

    #[cfg(target_os = "linux")]
    fn descriptors_of(path: &Path) -> usize {
        let open = fs::read_dir("/proc/self/fd").unwrap().flatten();
        open.filter(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == path)).count()
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_place_of_the_lock_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let locks = scratch.path().join("locks");
        platform::create_private_dir(&locks).unwrap();
        std::os::unix::fs::symlink(scratch.path().join("victim"), locks.join("one.lock")).unwrap();
        let error = acquire(&locks.join("one.lock"), NOW).unwrap_err();
        assert!(matches!(error, StoreError::Symlink { .. }), "{error}");
        assert!(!scratch.path().join("victim").exists());
    }
}
