//! Server-sent events out of whatever chunks the network cuts (WHATWG HTML, section 9.2), and lines out of events.
//!
//! A reader of our own, although `sse-stream` is a good one: that one takes everything in before it can say how much it
//! is, gives up the whole stream for one byte that is no UTF-8, and copies each event into a text of its own. Here what
//! waits is counted, bad bytes are the affair of the event that has them, and an event that came in one piece stays
//! where it lies. That both read the same is a test below.

use std::collections::VecDeque;
use std::time::Duration;

use crate::http::Bytes;

/// The most bytes of one event that are waited for, where nobody says otherwise.
pub const EVENT_LIMIT: usize = 64 * 1024 * 1024;

/// One event. Nothing is taken over from the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// What it carries: its `data` lines, joined by line feeds; empty if there are none.
    pub data: Bytes,
    /// Where a stream can be taken up again. Empty where it says so: then not at all.
    pub id: Option<String>,
    /// The name of its kind.
    pub event: Option<String>,
    /// How long to wait before coming back.
    pub retry: Option<Duration>,
}

impl Event {
    /// Whether this is of the kind that messages have.
    pub fn is_message(&self) -> bool {
        self.event.as_deref().is_none_or(|kind| kind.is_empty() || kind == "message")
    }
}

/// An event does not end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event with more than {limit} bytes")]
pub struct TooLarge {
    /// How many would have been taken.
    pub limit: usize,
}

/// Reads events. What was pushed and not asked for yet is kept as it is; of what was asked for, no more than one event.
#[derive(Debug)]
pub struct EventReader {
    limit: usize,
    chunks: VecDeque<Bytes>,
    /// The beginning of a line that goes on in the next chunk.
    line: Vec<u8>,
    /// Whether a line feed would only end the line that a carriage return has ended.
    after_return: bool,
    at_start: bool,
    event: Event,
    /// Whether a line of the event has been understood.
    has_begun: bool,
    has_data: bool,
    /// Data of more than one line.
    joined: Vec<u8>,
}

impl EventReader {
    /// A reader that waits for no more than this of one event.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            chunks: VecDeque::new(),
            line: Vec::new(),
            after_return: false,
            at_start: true,
            event: Event::default(),
            has_begun: false,
            has_data: false,
            joined: Vec::new(),
        }
    }

    /// Takes the next piece of the stream.
    pub fn push(&mut self, chunk: Bytes) {
        self.chunks.push_back(chunk);
    }

    /// The next whole event of what was pushed. After an error there is nothing more to be had from this stream.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator would be over where this one waits for more"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, TooLarge> {
        while let Some(line) = self.next_line()? {
            if !line.is_empty() {
                self.take_field(&line)?;
            } else if std::mem::take(&mut self.has_begun) {
                return Ok(Some(self.finish()));
            }
        }
        Ok(None)
    }

    /// The next line, without its end, once all of it is there.
    fn next_line(&mut self) -> Result<Option<Bytes>, TooLarge> {
        while let Some(mut chunk) = self.chunks.pop_front() {
            if !chunk.is_empty() && std::mem::take(&mut self.after_return) && chunk[0] == b'\n' {
                chunk = chunk.slice(1..);
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', &chunk) else {
                self.keep(&chunk)?;
                continue;
            };
            let piece = chunk.split_to(end);
            self.after_return = chunk[0] == b'\r';
            self.chunks.push_front(chunk.slice(1..));
            return self.complete(piece).map(Some);
        }
        Ok(None)
    }

    /// Keeps the beginning of a line. Of a comment one byte is enough to know it by.
    fn keep(&mut self, piece: &[u8]) -> Result<(), TooLarge> {
        let is_comment = self.line.first().or(piece.first()) == Some(&b':');
        let piece = if is_comment { &piece[..piece.len().min(1)] } else { piece };
        if is_comment && !self.line.is_empty() {
            return Ok(());
        }
        self.admit(self.line.len() + piece.len())?;
        self.line.extend_from_slice(piece);
        Ok(())
    }

    /// A line whose last piece this is; one in a single piece stays where it lies.
    fn complete(&mut self, piece: Bytes) -> Result<Bytes, TooLarge> {
        let mut line = piece;
        if !self.line.is_empty() {
            self.keep(&line)?;
            line = std::mem::take(&mut self.line).into();
        }
        let is_first = std::mem::take(&mut self.at_start);
        Ok(if is_first && line.starts_with(b"\xef\xbb\xbf") { line.slice(3..) } else { line })
    }

    /// Refuses what would make the event larger than it may be.
    fn admit(&self, more: usize) -> Result<(), TooLarge> {
        let named = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let held =
            self.event.data.len() + self.joined.len() + named(&self.event.id) + named(&self.event.event);
        if held + more > self.limit { Err(TooLarge { limit: self.limit }) } else { Ok(()) }
    }

    fn take_field(&mut self, line: &Bytes) -> Result<(), TooLarge> {
        // Most lines are data, and may be long: nobody looks for their colon.
        let colon = if line.starts_with(b"data:") { Some(4) } else { memchr::memchr(b':', line) };
        let (name, mut value) = match colon {
            Some(0) => return Ok(()),
            Some(colon) => (&line[..colon], line.slice(colon + 1..)),
            None => (&line[..], Bytes::new()),
        };
        if value.first() == Some(&b' ') {
            value = value.slice(1..);
        }
        self.admit(value.len())?;
        match name {
            b"data" => self.take_data(value),
            b"event" => self.event.event = Some(text(&value)),
            b"id" if !value.contains(&0) => self.event.id = Some(text(&value)),
            b"retry" if milliseconds(&value).is_some() => self.event.retry = milliseconds(&value),
            _ => return Ok(()),
        }
        self.has_begun = true;
        Ok(())
    }

    fn take_data(&mut self, value: Bytes) {
        if !std::mem::replace(&mut self.has_data, true) {
            self.event.data = value;
            return;
        }
        let first = std::mem::take(&mut self.event.data);
        self.joined.extend_from_slice(&first);
        self.joined.push(b'\n');
        self.joined.extend_from_slice(&value);
    }

    fn finish(&mut self) -> Event {
        self.has_data = false;
        let mut event = std::mem::take(&mut self.event);
        if !self.joined.is_empty() {
            event.data = std::mem::take(&mut self.joined).into();
        }
        event
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

fn milliseconds(value: &[u8]) -> Option<Duration> {
    let digits =
        std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().map(Duration::from_millis)
}

/// Why a text is no message for somebody who reads lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLine {
    /// JSON is UTF-8 (RFC 8259 section 8.1).
    #[error("it is not UTF-8")]
    NotUtf8,
    /// A string may not hold a bare line end (RFC 8259 section 7).
    #[error("a string in it is cut by a line end")]
    CutString,
}

/// The same JSON on one line: line ends between its parts become spaces. What has none stays where it lies.
pub fn one_line(json: Bytes) -> Result<Bytes, NoLine> {
    if std::str::from_utf8(&json).is_err() {
        return Err(NoLine::NotUtf8);
    }
    let Some(first) = memchr::memchr2(b'\n', b'\r', &json) else { return Ok(json) };
    let mut line = Vec::from(json);
    let (mut in_string, mut escaped) = (false, false);
    for (at, byte) in line.iter_mut().enumerate() {
        match *byte {
            b'\n' | b'\r' if in_string => return Err(NoLine::CutString),
            b'\n' | b'\r' if at >= first => *byte = b' ',
            b'"' if !escaped => in_string = !in_string,
            _ => {}
        }
        escaped = in_string && *byte == b'\\' && !escaped;
    }
    Ok(line.into())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::task::{Context, Poll, Waker};

    use futures_util::{StreamExt as _, stream};
    use sse_stream::SseByteStream;

    use super::*;

    /// What is read of a stream that comes in these chunks.
    fn read(chunks: &[&[u8]]) -> Vec<Event> {
        let mut reader = EventReader::new(1000);
        let mut events = Vec::new();
        for chunk in chunks {
            reader.push(Bytes::copy_from_slice(chunk));
            while let Some(event) = reader.next().unwrap() {
                events.push(event);
            }
        }
        events
    }

    /// What somebody else reads of it.
    fn read_elsewhere(chunks: &[&[u8]]) -> Vec<Event> {
        let chunks: Vec<_> =
            chunks.iter().map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk))).collect();
        let mut events = SseByteStream::new(stream::iter(chunks));
        let mut context = Context::from_waker(Waker::noop());
        let mut read = Vec::new();
        while let Poll::Ready(Some(event)) = events.poll_next_unpin(&mut context) {
            let event = event.unwrap();
            read.push(Event {
                data: event.data.unwrap_or_default().into(),
                id: event.id,
                event: event.event,
                retry: event.retry.map(Duration::from_millis),
            });
        }
        read
    }

    const STREAMS: [&str; 20] = [
        "data: one\n\ndata:two\r\n\r\ndata:  three\r\rdata\n\n",
        "\u{feff}data: after the mark\n\ndata: \u{feff}\n\n",
        "\u{feff}\u{feff}data: two marks\n\ndata: x\n\n",
        "data: {\"a\":\ndata: 1}\ndata\ndata:\n\n",
        "data:\ndata:\n\n",
        "id: 7\ndata:\n\nid: 8\n\nid:\n\nid\n\nid: a\0b\n\n",
        "retry: 1500\n\nretry: -1\n\nretry:\n\nretry: 1x\n\nretry: 99999999999999999999\n\nretry: 0\ndata: x\n\n",
        ": a comment\n\n: and: another\ndata: x\n:\n\n",
        ":\r\n:\r\r\ndata: x\r\n\n",
        "event: endpoint\ndata: /messages?id=1\n\nevent\ndata: x\n\nevent: a\nevent: b\n\n",
        "unknown: x\n\n data: x\n\nDATA: x\n\ndata : x\n\n",
        "data: cut off",
        "data: cut off\n",
        "\n\n\r\n\rdata: x\n\n\n\n",
        "data: \u{2028} \u{2029} \u{85} ü € 𝄞\n\n",
        "data:{\"a\": \"b: c\"}\n\n",
        "id: 1\nid: 2\ndata: x\nretry: 1\nretry: 2\nretry: x\n\ndata: y\n\n",
        "",
        "\u{feff}",
        "\u{feff}\n\ndata: x\n\n",
    ];

    #[test]
    fn a_stream_reads_the_same_wherever_it_is_cut_and_whoever_reads_it() {
        for stream in STREAMS {
            let whole = read(&[stream.as_bytes()]);
            assert_eq!(whole, read_elsewhere(&[stream.as_bytes()]), "{stream:?}");
            let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
            assert_eq!(whole, read(&bytes), "byte by byte: {stream:?}");
            for at in 0..stream.len() {
                let (head, tail) = stream.as_bytes().split_at(at);
                assert_eq!(whole, read(&[head, b"", tail]), "at {at}: {stream:?}");
            }
        }
    }

    #[test]
    fn an_event_in_one_piece_stays_where_it_lies() {
        let chunk = Bytes::from_static(b"id: 1\ndata: {\"result\":{}}\n\n");
        let mut reader = EventReader::new(EVENT_LIMIT);
        reader.push(chunk.clone());
        let event = reader.next().unwrap().unwrap();
        assert_eq!(event.data.as_ptr(), chunk[12..].as_ptr());
        assert_eq!(one_line(event.data.clone()).unwrap().as_ptr(), event.data.as_ptr());
    }

    #[test]
    fn what_waits_has_a_limit_and_what_passes_has_none() {
        let mut reader = EventReader::new(8);
        let mut feed = |text: &'static [u8]| {
            reader.push(Bytes::from_static(text));
            std::iter::from_fn(|| reader.next().transpose()).collect::<Result<Vec<_>, _>>()
        };
        // However much of it there is: comments, lines that nobody knows, events.
        for _ in 0..10 {
            assert_eq!(feed(b": a comment that goes on").unwrap(), []);
            assert_eq!(feed(b" and on\n\nx:\n").unwrap(), []);
            assert_eq!(feed(b"data: 12345678\n\n").unwrap().len(), 1);
        }
        for lines in
            ["data:123456789\n", "data:1234\ndata:5678\ndata:9\n", "id:12345\nevent:6789\n", "x123456789"]
        {
            let mut reader = EventReader::new(8);
            for piece in lines.as_bytes().chunks(3) {
                reader.push(Bytes::copy_from_slice(piece));
            }
            assert_eq!(reader.next(), Err(TooLarge { limit: 8 }), "{lines:?}");
        }
    }

    #[test]
    fn bad_bytes_are_the_affair_of_the_event_that_has_them() {
        let events = read(&[b"data: \xff\n\n", b"id: \xff\ndata: {}\n\n"]);
        assert_eq!(one_line(events[0].data.clone()), Err(NoLine::NotUtf8));
        assert_eq!((events[1].id.as_deref(), &events[1].data[..]), (Some("\u{fffd}"), &b"{}"[..]));
    }

    #[test]
    fn json_means_the_same_on_one_line_or_is_none() {
        let value = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
        for json in [
            "{\n  \"a\\\\\": \"\\\"\\n\",\r\n  \"b\": [1,\n2]\n}\n",
            "\n{\"\\\"\":\n1}",
            "{\"a\":\"\u{2028}\"}",
        ] {
            let line = one_line(Bytes::from_static(json.as_bytes())).unwrap();
            assert!(!line.contains(&b'\n') && !line.contains(&b'\r'), "{json:?}");
            assert_eq!(value(&line), value(json.as_bytes()));
            assert_eq!(line.len(), json.len());
        }
        for cut in ["{\"a\":\"b\nc\"}", "{\"a\\\\\\\"\n\":1}", "{\n\"a\":\"b\rc\"}"] {
            assert_eq!(one_line(Bytes::from_static(cut.as_bytes())), Err(NoLine::CutString), "{cut:?}");
        }
    }
}
