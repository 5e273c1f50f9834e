//! Messages over standard input: one a line.

use std::io;

use bytes::BytesMut;

use crate::http::Bytes;
use crate::platform::Stream;

/// The longest line that is read, in bytes.
pub const LINE_LIMIT: usize = 64 * 1024 * 1024;
/// How much of a longer one is kept, in bytes: as a rule it says whose it is.
const BEGINNING: usize = 4 * 1024;
/// How much is read at once, in bytes; pipes hold as much.
const CHUNK: usize = 64 * 1024;

/// What stood on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// These bytes, without the end of the line.
    Whole(Bytes),
    /// More than anybody keeps; all of it has been passed over, and this is how it begins.
    TooLong(Bytes),
}

/// Cuts a stream of bytes into lines.
#[derive(Default)]
pub struct LineReader {
    buffer: BytesMut,
    /// How much of the buffer is known to hold no end of a line.
    searched: usize,
    /// How a line begins that was too long, if the rest of it is still to come.
    skipped: Option<Bytes>,
    chunk: Vec<u8>,
}

impl LineReader {
    /// The next line that is not empty; `None` where the stream ends, also in the middle of a line. Nothing is lost if
    /// it is dropped while it waits.
    pub async fn next(&mut self, input: &mut Stream) -> io::Result<Option<Line>> {
        loop {
            if let Some(line) = self.cut() {
                return Ok(Some(line));
            }
            self.chunk.resize(CHUNK, 0);
            let read = input.read(&mut self.chunk).await?;
            if read == 0 {
                return Ok(None);
            }
            self.push(read);
        }
    }

    fn push(&mut self, read: usize) {
        self.buffer.extend_from_slice(&self.chunk[..read]);
    }

    /// A line that is there whole.
    fn cut(&mut self) -> Option<Line> {
        loop {
            let Some(end) = memchr::memchr(b'\n', &self.buffer[self.searched..]) else {
                self.searched = self.buffer.len();
                self.pass_over();
                return None;
            };
            let line = self.buffer.split_to(self.searched + end + 1).freeze();
            self.searched = 0;
            if let Some(beginning) = self.skipped.take() {
                return Some(Line::TooLong(beginning));
            }
            if !line.trim_ascii().is_empty() {
                return Some(Line::Whole(line.slice_ref(line.trim_ascii())));
            }
        }
    }

    /// Forgets the beginning of a line that nobody will read.
    fn pass_over(&mut self) {
        if self.skipped.is_some() || self.buffer.len() > LINE_LIMIT {
            let buffer = &self.buffer;
            self.skipped.get_or_insert_with(|| Bytes::copy_from_slice(&buffer[..BEGINNING]));
            self.buffer = BytesMut::new();
            self.searched = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a stream that comes in pieces.
    fn lines(pieces: &[&[u8]]) -> Vec<Line> {
        let (mut reader, mut lines) = (LineReader::default(), Vec::new());
        for piece in pieces {
            reader.chunk = piece.to_vec();
            reader.push(piece.len());
            lines.extend(std::iter::from_fn(|| reader.cut()));
        }
        lines
    }

    #[test]
    fn a_stream_is_cut_where_its_lines_end_wherever_its_pieces_do() {
        let whole = |text: &'static str| Line::Whole(Bytes::from_static(text.as_bytes()));
        assert_eq!(lines(&[b"a\nb\r\n\n \n c", b"c\n", b"d"]), [whole("a"), whole("b"), whole("cc")]);
    }

    #[test]
    fn a_line_without_end_is_passed_over_and_the_next_one_is_read() {
        let piece = vec![b'x'; 1024 * 1024];
        let mut pieces = vec![&piece[..]; LINE_LIMIT / piece.len() + 2];
        pieces.extend([&b"x\n{}\n"[..]]);
        let beginning = Bytes::copy_from_slice(&piece[..BEGINNING]);
        assert_eq!(lines(&pieces), [Line::TooLong(beginning), Line::Whole(Bytes::from_static(b"{}"))]);
    }
}
