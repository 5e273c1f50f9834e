//! Reading the log while it grows.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::line::hash;
use super::log::{KEPT, Log, LogError, whole_lines};
use crate::platform;

/// What tells one file of the log from another, whatever it is called by now: how it begins.
const BEGINNING: u64 = 4096;

/// Gives each line once, also across a change of files.
pub struct Follower {
    log: Log,
    /// How far it has read.
    seen: Option<Mark>,
}

/// A place in a file of the log.
#[derive(Clone)]
struct Mark {
    /// What tells that file from others.
    beginning: String,
    /// How many bytes lie before.
    offset: u64,
}

impl Follower {
    /// Begins with the oldest line.
    pub fn new(log: Log) -> Self {
        Self { log, seen: None }
    }

    /// The lines that came since the last time.
    pub fn read_on(&mut self) -> Result<Vec<String>, LogError> {
        loop {
            let newest = self.beginning(0)?;
            let (lines, seen) = self.read_from(self.where_it_was())?;
            // Where the files moved on meanwhile, one may have been missed.
            if self.beginning(0)? == newest {
                self.seen = seen;
                return Ok(lines);
            }
        }
    }

    /// What is new in this file and those after it, and where that ends.
    fn read_from(&self, oldest: usize) -> Result<(Vec<String>, Option<Mark>), LogError> {
        let (mut lines, mut last) = (Vec::new(), self.seen.clone());
        for number in (0..=oldest).rev() {
            let path = self.log.file(number);
            let Some((mut file, beginning)) = open(&path)? else { continue };
            let seen = self.seen.as_ref().filter(|mark| mark.beginning == beginning);
            let offset = seen.map_or(0, |mark| mark.offset);
            let mut bytes = Vec::new();
            let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_to_end(&mut bytes));
            read.map_err(LogError::at(&path))?;
            lines.extend(whole_lines(&bytes));
            // A line that is being written is for the next time.
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            last = Some(Mark { beginning, offset: offset + whole as u64 });
        }
        Ok((lines, last))
    }

    fn beginning(&self, number: usize) -> Result<Option<String>, LogError> {
        Ok(open(&self.log.file(number))?.map(|(_, beginning)| beginning))
    }

    /// The number that the file has by now that was read last; the oldest of all if there is none.
    fn where_it_was(&self) -> usize {
        let Some(Mark { beginning, .. }) = &self.seen else { return KEPT };
        let is_it = |number: &usize| self.beginning(*number).is_ok_and(|own| own.as_ref() == Some(beginning));
        (0..=KEPT).find(is_it).unwrap_or(KEPT)
    }
}

/// A file of the log and what tells it from others; `None` as long as it has no line.
fn open(path: &Path) -> Result<Option<(File, String)>, LogError> {
    let failed = LogError::at(path);
    let Some(file) = platform::open_private(path).map_err(&failed)? else { return Ok(None) };
    let mut beginning = Vec::new();
    (&file).take(BEGINNING).read_to_end(&mut beginning).map_err(failed)?;
    let end = beginning.iter().position(|byte| *byte == b'\n');
    Ok(end.map(|end| (file, hash(&beginning[..end]))))
}
