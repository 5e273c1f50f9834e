//! Small private files that are never half written.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::platform;

/// How old a temporary file of an unknown writer must be to count as left behind by a crash.
const STALE: Duration = Duration::from_hours(1);

/// Begins the name of a file that is tried out and removed again.
const PROBE: &str = "probe-";

/// Reads a whole file of ours, at most `limit` bytes; `None` if there is none.
///
/// Fails with a [`platform::Unfit`] inside if the file is not private, and with
/// [`io::ErrorKind::FileTooLarge`] beyond the limit. The buffer is wiped on drop, and never grows: growing
/// would leave unwiped copies behind.
pub fn read_private(path: &Path, limit: u64) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let Some(file) = platform::open_private(path)? else { return Ok(None) };
    let length = file.metadata()?.len();
    if length > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1));
    // Our own files are replaced, never extended: what lies beyond the first look is not ours.
    file.take(length).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Reads a whole file that is the user's and not ours, whoever may read it: at most `limit` bytes, wiped on drop. Fails
/// with [`io::ErrorKind::FileTooLarge`] beyond the limit. A pipe will do, too.
pub fn read_foreign(path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    // Room for all of it at once: growing would leave unwiped copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(limit).unwrap_or(0) + 1));
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// Replaces a file as one step: afterwards it holds either its old content or all of `bytes`, also after a
/// power cut. Makes the directory if it is missing.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    Draft::new(path, 0)?.commit(bytes)
}

/// The same for what nobody misses: after a power cut it may be gone, or make no sense. Does not wait for the disk.
pub fn write_expendable(path: &Path, bytes: &[u8]) -> io::Result<()> {
    Draft::new(path, 0)?.place(bytes)
}

/// What a file is to become. Dropped without [`Draft::commit`] it leaves nothing behind.
pub struct Draft {
    file: File,
    temporary: Temporary,
    path: PathBuf,
}

/// A file that goes with its owner, unless it was renamed.
struct Temporary(Option<PathBuf>);

impl Draft {
    /// Makes room for `room` bytes beside the file. Once this is there, neither a full disk nor a directory that cannot
    /// be written to stands in the way of a content of that length. Makes the directory if it is missing.
    pub fn new(path: &Path, room: u64) -> io::Result<Self> {
        let directory = directory_of(path)?;
        platform::create_private_dir(directory)?;
        let name = directory.join(temporary_name(path)?);
        let file = platform::create_private(&name)?;
        let draft = Self { file, temporary: Temporary(Some(name)), path: path.into() };
        if room > 0 {
            platform::reserve(&draft.file, room)?;
            // Some file systems say only now that there is no room, or that the disk fails.
            draft.file.sync_all()?;
        }
        Ok(draft)
    }

    /// Puts the content in place of the file, as one step that lasts.
    pub fn commit(mut self, bytes: &[u8]) -> io::Result<()> {
        self.fill(bytes)?;
        self.file.sync_all()?;
        let Self { file, temporary, path } = self;
        drop(file);
        temporary.replace(&path)?;
        platform::sync_dir(directory_of(&path)?)
    }

    /// The same as a step that a power cut may undo.
    pub fn place(mut self, bytes: &[u8]) -> io::Result<()> {
        self.fill(bytes)?;
        let Self { file, temporary, path } = self;
        drop(file);
        temporary.replace(&path)
    }

    fn fill(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.rewind()?;
        self.file.write_all(bytes)?;
        self.file.set_len(bytes.len() as u64)
    }
}

impl Temporary {
    fn replace(mut self, path: &Path) -> io::Result<()> {
        if let Some(name) = &self.0 {
            platform::replace(name, path)?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(name) = &self.0 {
            // After a failed fsync the content is unknown, so this file is not tried again.
            let _ = fs::remove_file(name);
        }
    }
}

/// Puts one file in place of another in the same directory, and makes that last.
pub fn replace(from: &Path, to: &Path) -> io::Result<()> {
    platform::replace(from, to)?;
    platform::sync_dir(directory_of(to)?)
}

/// Removes a file and makes that last; `false` if there was none.
pub fn remove(path: &Path) -> io::Result<bool> {
    let was_there = discard(path)?;
    if was_there {
        platform::sync_dir(directory_of(path)?)?;
    }
    Ok(was_there)
}

/// Removes a file that does little harm if a power cut brings it back; `false` if there was none.
pub fn discard(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes temporary files that crashed writers left: those of `path`, whose lock the caller holds, and those
/// of other files after an hour. Failing to tidy up is no reason to fail.
pub fn sweep(path: &Path) {
    let Ok(directory) = directory_of(path) else { return };
    let Ok(entries) = fs::read_dir(directory) else { return };
    let own = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(target) = name.to_str().and_then(target_of_temporary) else { continue };
        if target == own || is_stale(&entry) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A name in a directory for a file that is tried out and removed again.
pub fn probe(directory: &Path) -> io::Result<PathBuf> {
    Ok(directory.join(format!("{PROBE}{}", hex(&random::<8>()?))))
}

/// The temporary files in a directory that crashed writers left more than an hour ago.
pub fn leftovers(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let is_probe = |name: &str| {
        let random = name.strip_prefix(PROBE).unwrap_or_default();
        random.len() >= 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let is_left = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let is_temporary = |name: &str| target_of_temporary(name).is_some() || is_probe(name);
        name.to_str().is_some_and(is_temporary) && is_stale(entry)
    };
    Ok(fs::read_dir(directory)?.flatten().filter(is_left).map(|entry| entry.path()).collect())
}

fn is_stale(entry: &fs::DirEntry) -> bool {
    let age = |modified| SystemTime::now().duration_since(modified).unwrap_or_default();
    entry.metadata().and_then(|metadata| metadata.modified()).is_ok_and(|modified| age(modified) > STALE)
}

/// `.<name>.<16 random digits>.tmp`: cannot be guessed, and never collides with what a crash left.
fn temporary_name(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str()).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(format!(".{name}.{}.tmp", hex(&random::<8>()?)).into())
}

/// The name of the file that a temporary file was to become.
fn target_of_temporary(name: &str) -> Option<&str> {
    let (target, random) = name.strip_prefix('.')?.strip_suffix(".tmp")?.rsplit_once('.')?;
    (random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(target)
}

fn directory_of(path: &Path) -> io::Result<&Path> {
    path.parent().ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// Bytes that nobody can guess.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("the system gives no random bytes"))?;
    Ok(bytes)
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_replaces_everything_and_leaves_nothing_else() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("deep/file");
        write_private(&path, b"a longer first content").unwrap();
        write_private(&path, b"second").unwrap();
        assert_eq!(read_private(&path, 100).unwrap().unwrap().as_slice(), b"second");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(read_private(&path, 5).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert!(remove(&path).unwrap());
        assert!(!remove(&path).unwrap());
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_temporary() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("file");
        // A directory cannot be replaced by a file, so the rename fails.
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), "").unwrap();
        write_private(&path, b"new").unwrap_err();
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_thousand_leftovers_are_swept_and_strangers_are_not() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        let long_ago = SystemTime::now() - STALE * 2;
        for number in 0..1000 {
            let left = fs::File::create(at(&format!(".other.{number:016x}.tmp"))).unwrap();
            left.set_modified(long_ago).unwrap();
        }
        fs::write(at(".mine.0123456789abcdef.tmp"), "").unwrap();
        fs::write(at(".other.ffffffffffffffff.tmp"), "being written just now").unwrap();
        fs::write(at(".notes.tmp"), "not ours").unwrap();
        fs::File::open(at(".notes.tmp")).unwrap().set_modified(long_ago).unwrap();
        sweep(&at("mine"));
        let mut left: Vec<_> =
            fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".notes.tmp", ".other.ffffffffffffffff.tmp"]);
    }
}
