//! Requests whose ends everybody finds in the same place (RFC 9112 section 6.3).
//!
//! The reader behind this one forgives what others read differently: a length that is told twice, or beside chunks, and
//! lines that end in half an end of line. Whoever disagrees on where a request ends can be made to see two, so none of
//! that gets as far.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use memchr::{memchr_iter, memmem};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Larger heads are refused behind us, too.
const LARGEST_HEAD: usize = 64 * 1024;
/// No request holds it anywhere in its head, so it is refused as the rest of any.
const REFUSED: &[u8] = b"\0";

/// A connection of which only plain requests are read.
pub(super) struct Plain<Stream> {
    stream: Stream,
    framing: Framing,
}

impl<Stream> Plain<Stream> {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, framing: Framing::default() }
    }
}

impl<Stream: AsyncRead + Unpin> AsyncRead for Plain<Stream> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.framing.part == Part::Refused {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let good = self.framing.follow(&buffer.filled()[before..]);
        if self.framing.part == Part::Refused {
            buffer.set_filled(before + good);
            // What is replaced has at least this length.
            buffer.put_slice(REFUSED);
        }
        Poll::Ready(Ok(()))
    }
}

impl<Stream: AsyncWrite + Unpin> AsyncWrite for Plain<Stream> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// In which part of a request the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Head,
    /// In a body with so many bytes left.
    Body(u64),
    /// In chunks. After them the connection is closed, so nobody has to find their end here.
    Chunks,
    /// What came is no plain request.
    Refused,
}

#[derive(Default)]
struct Framing {
    part: Part,
    /// The beginning of a head whose end has not come yet.
    head: Vec<u8>,
}

impl Framing {
    /// Reads on; gives how many of the bytes may be passed on.
    fn follow(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            match self.part {
                Part::Head => match self.head_ends(&bytes[at..]) {
                    Some(length) => at += length,
                    None if self.part == Part::Refused => return at,
                    None => return bytes.len(),
                },
                Part::Body(left) => {
                    let here = left.min((bytes.len() - at) as u64);
                    self.part = if here == left { Part::Head } else { Part::Body(left - here) };
                    at += usize::try_from(here).unwrap_or(usize::MAX);
                }
                Part::Chunks => return bytes.len(),
                Part::Refused => return at,
            }
        }
        bytes.len()
    }

    /// How many of the bytes belong to the head, if it ends among them.
    fn head_ends(&mut self, bytes: &[u8]) -> Option<usize> {
        let kept = self.head.len();
        // Most heads come in one piece, and then nothing is copied.
        let found = if kept == 0 {
            memmem::find(bytes, b"\r\n\r\n").map(|end| end + 4)
        } else {
            self.head.extend_from_slice(bytes);
            memmem::find(&self.head[kept.saturating_sub(3)..], b"\r\n\r\n")
                .map(|end| end + 4 + kept.saturating_sub(3))
        };
        let Some(length) = found else {
            if kept == 0 {
                self.head.extend_from_slice(bytes);
            }
            if self.head.len() > LARGEST_HEAD || !has_whole_line_ends(&self.head, false) {
                self.part = Part::Refused;
            }
            return None;
        };
        let part = if kept == 0 { body_after(&bytes[..length]) } else { body_after(&self.head[..length]) };
        self.head.clear();
        self.part = part.unwrap_or(Part::Refused);
        part.map(|_| length - kept)
    }
}

/// Whether every line ends in CR LF, and neither of the two stands alone.
fn has_whole_line_ends(head: &[u8], is_whole: bool) -> bool {
    let follows = |at: usize| head.get(at + 1).map_or(!is_whole, |next| *next == b'\n');
    memchr_iter(b'\n', head).all(|at| at > 0 && head[at - 1] == b'\r')
        && memchr_iter(b'\r', head).all(follows)
}

/// What follows a head; `None` if that can be read in more than one way.
fn body_after(head: &[u8]) -> Option<Part> {
    if !has_whole_line_ends(head, true) {
        return None;
    }
    let (mut length, mut chunks) = (None, false);
    for line in lines(head).skip(1) {
        // A line that goes on with the one before.
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return None;
        }
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let value = || line.get(colon + 1..).unwrap_or_default().trim_ascii();
        if line[..colon].eq_ignore_ascii_case(b"content-length") {
            if length.replace(number(value())?).is_some() {
                return None;
            }
        } else if line[..colon].eq_ignore_ascii_case(b"transfer-encoding") {
            if chunks || !value().eq_ignore_ascii_case(b"chunked") {
                return None;
            }
            chunks = true;
        }
    }
    match (length, chunks) {
        (Some(_), true) => None,
        (_, true) => Some(Part::Chunks),
        (None | Some(0), false) => Some(Part::Head),
        (Some(length), false) => Some(Part::Body(length)),
    }
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    // An empty line before a request is one that somebody else forgot (RFC 9112 section 2.2).
    let lines = memmem::find_iter(head, b"\r\n").map(move |end| {
        let line = &head[from..end];
        from = end + 2;
        line
    });
    lines.skip_while(|line| line.is_empty())
}

/// A number of digits only.
fn number(text: &[u8]) -> Option<u64> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_number)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

    fn post(headers: &str) -> String {
        format!("POST /a HTTP/1.1\r\nHost: x\r\n{headers}\r\n")
    }

    /// Whether all of it passes, read at once and byte by byte.
    fn passes(text: &str) -> bool {
        let mut whole = Framing::default();
        let at_once = whole.follow(text.as_bytes()) == text.len() && whole.part != Part::Refused;
        let mut framing = Framing::default();
        let in_pieces =
            text.as_bytes().iter().all(|byte| framing.follow(&[*byte]) == 1 && framing.part != Part::Refused);
        assert_eq!(at_once, in_pieces, "{text:?}");
        at_once
    }

    #[test]
    fn requests_are_followed_one_after_the_other() {
        let body = "GET / HTTP/1.1\nnot a head\r";
        let with_body = format!("{}{body}", post(&format!("Content-Length: {}\r\n", body.len())));
        assert!(passes(&format!("{GET}{with_body}\r\n{GET}{with_body}")));
        assert!(passes(&format!("{}2\r\n\nx\r\n0\r\n\r\n", post("transfer-encoding: Chunked\r\n"))));
        assert!(passes(&format!("{}{GET}", post("Content-Length: 0\r\n"))));
    }

    /// P-08.
    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for headers in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            "Content-Length: 5\r\ncontent-length: 5\r\n",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: -5\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length: \r\n",
            "Content-Length: 18446744073709551616\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "X: a\r\n b\r\n",
            "X: a\nContent-Length: 5\r\n",
            "X: a\rContent-Length: 5\r\n",
        ] {
            assert!(!passes(&post(headers)), "{headers:?}");
        }
        assert!(!passes("GET / HTTP/1.1\nHost: x\n\n"));
    }

    #[test]
    fn what_came_before_a_doubtful_request_is_passed_on() {
        let mut framing = Framing::default();
        let doubtful = format!("{GET}{}", post("Content-Length: +1\r\n"));
        assert_eq!(framing.follow(doubtful.as_bytes()), GET.len());
        assert_eq!(framing.part, Part::Refused);
    }

    #[test]
    fn a_head_has_an_end() {
        let mut framing = Framing::default();
        framing.follow(b"GET / HTTP/1.1\r\n");
        while framing.part == Part::Head {
            framing.follow(&[b'x'; 1024]);
        }
        assert_eq!((framing.part, framing.head.len() > LARGEST_HEAD), (Part::Refused, true));
    }
}
