//! Server-sent events: what is read does not depend on where the network cuts, another reader reads the same, and no
//! event is larger than it may be.
#![no_main]

use std::convert::Infallible;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use libfuzzer_sys::fuzz_target;
use mcpauth::http::Bytes;
use mcpauth::mcp::sse::{Event, EventReader, one_line};
use sse_stream::SseByteStream;

fuzz_target!(|input: &[u8]| {
    let Some((&cut, text)) = input.split_first() else { return };
    let whole = read(&[text], usize::MAX).expect("no limit");
    let step = usize::from(cut) + 1;
    let pieces: Vec<&[u8]> = text.chunks(step).collect();
    assert_eq!(whole, read(&pieces, usize::MAX).expect("no limit"));
    // The other one gives up at the first byte that is no UTF-8, and so is asked about texts only.
    if std::str::from_utf8(text).is_ok() {
        assert_eq!(whole, read_elsewhere(text));
    }
    if let Ok(events) = read(&pieces, step) {
        assert!(events.iter().all(|event| event.data.len() <= step));
    }
    for event in whole {
        means_the_same(event.data);
    }
});

fn read(pieces: &[&[u8]], limit: usize) -> Option<Vec<Event>> {
    let mut reader = EventReader::new(limit);
    let mut events = Vec::new();
    for piece in pieces {
        reader.push(Bytes::copy_from_slice(piece));
        while let Some(event) = reader.next().ok()? {
            events.push(event);
        }
    }
    Some(events)
}

fn read_elsewhere(text: &[u8]) -> Vec<Event> {
    let mut events = SseByteStream::new(stream::iter([Ok::<_, Infallible>(Bytes::copy_from_slice(text))]));
    let mut context = Context::from_waker(Waker::noop());
    let mut read = Vec::new();
    while let Poll::Ready(Some(Ok(event))) = events.poll_next_unpin(&mut context) {
        read.push(Event {
            data: event.data.unwrap_or_default().into(),
            id: event.id,
            event: event.event,
            retry: event.retry.map(Duration::from_millis),
        });
    }
    read
}

fn means_the_same(data: Bytes) {
    let value = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes);
    let Ok(before) = value(&data) else { return };
    let line = one_line(data).expect("JSON goes on one line");
    assert!(!line.contains(&b'\n') && !line.contains(&b'\r'));
    assert_eq!(before, value(&line).expect("it is JSON still"));
}
