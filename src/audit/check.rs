//! Whether the log holds together.

use serde::Serialize;

use super::line::{Chained, Link, hash};
use super::log::{KEPT, Log, LogError, Part};

/// A place where the log does not hold together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Break {
    /// The name of the file.
    pub file: String,
    /// The line in it.
    pub line: usize,
    /// What that means.
    pub why: String,
}

/// What a look at the whole log showed.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// How many lines there are.
    pub lines: usize,
    /// The number of the oldest line; more than 1 once older ones were put away for good.
    pub first: Option<u64>,
    /// The number of the newest line.
    pub last: Option<u64>,
    /// Where it does not hold together.
    pub breaks: Vec<Break>,
}

/// Follows the chain through every file, from the oldest line to the newest.
pub fn check(log: &Log) -> Result<Verdict, LogError> {
    let parts = log.parts()?;
    let mut verdict = Verdict { lines: 0, first: None, last: None, breaks: Vec::new() };
    // Only then have older lines been put away for good.
    let begins_late = parts.iter().any(|part| part.file == log.file(KEPT));
    let mut before = None;
    for (place, line) in parts.iter().flat_map(lines) {
        verdict.lines += 1;
        match judge(line, before.as_ref(), begins_late) {
            Ok(seq) => {
                verdict.first = verdict.first.or(Some(seq));
                verdict.last = Some(seq);
            }
            Err(why) => verdict.breaks.push(Break { why, ..place }),
        }
        let seq = Chained::parse(line).map_or(before.map_or(0, |link: Link| link.seq), |line| line.seq);
        before = Some(Link { seq, hash: hash(line) });
    }
    Ok(verdict)
}

/// Every line of a file, with its place.
fn lines(part: &Part) -> impl Iterator<Item = (Break, &[u8])> {
    let file = part.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = part.bytes.strip_suffix(b"\n").unwrap_or(&part.bytes);
    let lines = text.split(|byte| *byte == b'\n').enumerate();
    let place = move |number| Break { file: file.clone(), line: number + 1, why: String::new() };
    lines.filter(|_| !part.bytes.is_empty()).map(move |(number, line)| (place(number), line))
}

/// The number of a line that follows from the one before, else why it does not.
fn judge(line: &[u8], before: Option<&Link>, begins_late: bool) -> Result<u64, String> {
    let Some(Chained { seq, prev }) = Chained::parse(line) else {
        return Err("is no whole line: cut short, as by a power cut, or written by somebody else".into());
    };
    let Some(before) = before else {
        let is_first = seq == 1 && prev == Link::first().hash;
        return if is_first || (seq > 1 && begins_late) {
            Ok(seq)
        } else {
            Err(format!("is line {seq}, and what was before it is gone"))
        };
    };
    let expected = before.seq + 1;
    match (seq == expected, prev == before.hash) {
        (true, true) => Ok(seq),
        (true, false) => Err("does not follow from the line before, which was changed".into()),
        (false, _) if seq > expected => {
            Err(format!("is line {seq} where {expected} should be: some are gone"))
        }
        (false, _) => Err(format!("is line {seq} where {expected} should be: put in, or out of its place")),
    }
}
