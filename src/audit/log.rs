//! The files: `audit.jsonl`, which grows, and the four before it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::line::{Chained, Link, hash};
use super::{Caller, Event, Line};
use crate::clock::UnixTime;
use crate::places::Places;
use crate::platform;

/// How long a file grows before the next one is begun.
const LIMIT: u64 = 4 * 1024 * 1024;
/// How many older files are kept.
pub(super) const KEPT: usize = 4;
/// How long it is waited for somebody who is writing a line: that takes a moment.
const WAIT: Duration = Duration::from_millis(200);
/// How long to sleep between two looks at the lock.
const POLL: Duration = Duration::from_millis(1);
/// Where the last line is looked for; no line is longer than the larger part.
const TAILS: [u64; 2] = [2 * 1024, 64 * 1024];
/// How much of the newest is read to say when a login was last used.
const NEWEST: u64 = 256 * 1024;

/// Why the log cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Somebody holds it for longer than any line takes.
    #[error("the audit log {} is held by another process", .0.display())]
    Busy(PathBuf),
    /// The system refused, or what is there is not fit.
    #[error("the audit log {} cannot be used: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl LogError {
    pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

/// One file of the log, whole.
pub(super) struct Part {
    pub(super) file: PathBuf,
    pub(super) bytes: Vec<u8>,
}

/// The log of one user.
pub struct Log {
    directory: PathBuf,
}

impl Log {
    /// Touches nothing.
    pub fn new(places: &Places) -> Self {
        Self { directory: places.state.join("audit") }
    }

    /// Where it lies.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file that grows, or one of those before it: the higher the number the older.
    pub(super) fn file(&self, number: usize) -> PathBuf {
        match number {
            0 => self.directory.join("audit.jsonl"),
            number => self.directory.join(format!("audit.{number}.jsonl")),
        }
    }

    /// Adds a line. Nothing is synced: a power cut may cost the last lines, but no command waits for a disk.
    pub fn append(&self, time: UnixTime, caller: &Caller, event: &Event) -> Result<(), LogError> {
        let mut file = self.open_for_writing()?;
        let path = self.file(0);
        let failed = LogError::at(&path);
        let written = file.seek(SeekFrom::End(0)).and_then(|length| {
            let last = self.last(&mut file, length)?;
            let mut bytes = Vec::with_capacity(1024);
            if last.is_cut {
                bytes.push(b'\n');
            }
            serde_json::to_writer(&mut bytes, &Line::new(time, caller, event, &last.link))?;
            bytes.push(b'\n');
            write_whole(&mut file, &bytes, length)
        });
        written.map_err(failed)
    }

    /// Whether a line could be added. Adds none, and makes nothing that is not there yet.
    pub fn try_out(&self) -> Result<(), LogError> {
        let path = self.file(0);
        if fs::symlink_metadata(&path).is_ok() { self.open_or_make(&path).map(drop) } else { Ok(()) }
    }

    /// Opens the file that grows and keeps others from writing to it until it is closed. One that has grown enough is
    /// put behind a new one.
    fn open_for_writing(&self) -> Result<File, LogError> {
        let path = self.file(0);
        let deadline = Instant::now() + WAIT;
        loop {
            let mut file = self.open_or_make(&path)?;
            lock(&file, &path, deadline)?;
            let length = file.seek(SeekFrom::End(0)).map_err(LogError::at(&path))?;
            // Somebody may have put it behind a new one while we waited.
            let is_current = platform::is_at(&file, &path).map_err(LogError::at(&path))?;
            // One that cannot be put away goes on growing: better a long log than none.
            if is_current && (length < LIMIT || self.rotate(length).is_err()) {
                return Ok(file);
            }
            if Instant::now() >= deadline {
                return Err(LogError::Busy(path));
            }
        }
    }

    fn open_or_make(&self, path: &Path) -> Result<File, LogError> {
        let failed = LogError::at(path);
        match platform::check_private_dir(&self.directory) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                platform::create_private_dir(&self.directory).map_err(LogError::at(&self.directory))?;
            }
            Err(error) => return Err(LogError::at(&self.directory)(error)),
        }
        platform::open_log(path).map_err(failed)
    }

    /// Puts every file one place further from the first free place down, so that a rotation that was cut short loses
    /// nothing to the next one. The caller holds the lock of the file that grew to this length.
    fn rotate(&self, length: u64) -> io::Result<()> {
        // Not every system can tell a file that was put away from the one in its place; its length can.
        if !fs::metadata(self.file(0)).is_ok_and(|metadata| metadata.len() == length) {
            return Ok(());
        }
        let free = (1..=KEPT).find(|number| !self.file(*number).exists()).unwrap_or(KEPT);
        for number in (0..free).rev() {
            platform::replace(&self.file(number), &self.file(number + 1))?;
        }
        Ok(())
    }

    /// What the next line is chained to; for the first line of a new file that is the last of the file before.
    fn last(&self, file: &mut File, length: u64) -> io::Result<Last> {
        let own = if length > 0 { Some(last_of(file, length)?) } else { None };
        if let Some(own @ Last { link: Link { seq: 1.., .. }, .. }) = own {
            return Ok(own);
        }
        let before = match platform::open_private(&self.file(1))? {
            Some(mut file) => {
                let length = file.metadata()?.len();
                last_of(&mut file, length)?.link
            }
            None => Link::first(),
        };
        Ok(match own {
            // Its only line was cut short and has no number.
            Some(Last { link, is_cut }) => Last { link: Link { seq: before.seq, ..link }, is_cut },
            None => Last { link: before, is_cut: false },
        })
    }

    /// Every file, the oldest first, as they are between two lines.
    pub(super) fn parts(&self) -> Result<Vec<Part>, LogError> {
        let newest = self.file(0);
        let held = platform::open_private(&newest).map_err(LogError::at(&newest))?;
        if let Some(file) = &held {
            // Without the lock a line may be read by half; a log that somebody holds is shown all the same.
            let _ = lock(file, &newest, Instant::now() + WAIT);
        }
        let mut parts = Vec::new();
        for number in (1..=KEPT).rev() {
            let file = self.file(number);
            if let Some(opened) = platform::open_private(&file).map_err(LogError::at(&file))? {
                parts.push(read(file, opened)?);
            }
        }
        if let Some(file) = held {
            parts.push(read(newest, file)?);
        }
        Ok(parts)
    }

    /// Every line that is whole, the oldest first.
    pub fn lines(&self) -> Result<Vec<String>, LogError> {
        Ok(self.parts()?.iter().flat_map(|part| whole_lines(&part.bytes)).collect())
    }

    /// The newest lines, some hundreds; none where they cannot be read.
    pub(super) fn newest(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for number in [1, 0] {
            let Ok(Some(mut file)) = platform::open_private(&self.file(number)) else { continue };
            let length = file.metadata().map_or(0, |metadata| metadata.len());
            lines.extend(tail(&mut file, length, NEWEST).map_or(Vec::new(), |bytes| whole_lines(&bytes)));
        }
        lines
    }
}

fn read(file: PathBuf, mut opened: File) -> Result<Part, LogError> {
    let mut bytes = Vec::new();
    opened.read_to_end(&mut bytes).map_err(LogError::at(&file))?;
    Ok(Part { file, bytes })
}

fn lock(file: &File, path: &Path, deadline: Instant) -> Result<(), LogError> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Interrupted => {
                return Err(LogError::at(path)(error));
            }
            Err(_) if Instant::now() >= deadline => return Err(LogError::Busy(path.to_owned())),
            Err(_) => thread::sleep(POLL),
        }
    }
}

/// The end of a file.
struct Last {
    link: Link,
    /// Whether its last line has no end: a power cut came between.
    is_cut: bool,
}

fn last_of(file: &mut File, length: u64) -> io::Result<Last> {
    let mut found = None;
    for limit in TAILS {
        let bytes = tail(file, length, limit)?;
        let is_cut = bytes.last() != Some(&b'\n');
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let mut lines = text.rsplit(|byte| *byte == b'\n');
        let hash = lines.next().map(hash).unwrap_or_default();
        // A line that was cut short has no number; the one before it has.
        let chained = text.rsplit(|byte| *byte == b'\n').find_map(Chained::parse);
        let is_known = chained.is_some();
        found = Some(Last { link: Link { seq: chained.map_or(0, |line| line.seq), hash }, is_cut });
        if is_known {
            break;
        }
    }
    found.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// The last bytes of a file.
fn tail(file: &mut File, length: u64, limit: u64) -> io::Result<Vec<u8>> {
    let start = length.saturating_sub(limit);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::with_capacity(usize::try_from(length - start).unwrap_or(0));
    file.take(length - start).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Every line with an end.
pub(super) fn whole_lines(bytes: &[u8]) -> Vec<String> {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    String::from_utf8_lossy(&bytes[..end]).lines().map(str::to_owned).collect()
}

/// Writes a line as one piece, or none of it.
fn write_whole(file: &mut File, bytes: &[u8], length: u64) -> io::Result<()> {
    let written = file.write(bytes)?;
    if written == bytes.len() {
        return Ok(());
    }
    // What is left of a line on a full disk would only have to be explained later.
    let _ = file.set_len(length);
    Err(io::ErrorKind::StorageFull.into())
}
