//! Server-sent events: what is read does not depend on where the network cuts, and no event is larger than it may be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpauth::http::Bytes;
use mcpauth::mcp::sse::{Event, EventReader, Unreadable, one_line};

fuzz_target!(|input: &[u8]| {
    let Some((&cut, text)) = input.split_first() else { return };
    let step = usize::from(cut) + 1;
    let pieces: Vec<&[u8]> = text.chunks(step).collect();
    let whole = read(&[text], usize::MAX);
    assert_eq!(whole, read(&pieces, usize::MAX));
    // What waits is counted by pieces.
    let (events, end) = read(&pieces, step);
    assert!(events.iter().all(|event| event.data.len() <= 2 * step));
    assert!(end.is_ok() || whole.0.starts_with(&events));
    for event in whole.0 {
        means_the_same(event.data);
    }
});

/// The events, and how that ended.
fn read(pieces: &[&[u8]], limit: usize) -> (Vec<Event>, Result<(), Unreadable>) {
    let mut reader = EventReader::new(limit);
    let mut events = Vec::new();
    for piece in pieces {
        reader.push(Bytes::copy_from_slice(piece));
        loop {
            match reader.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Err(error)),
            }
        }
    }
    (events, Ok(()))
}

fn means_the_same(data: Bytes) {
    let value = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes);
    let Ok(before) = value(&data) else { return };
    let line = one_line(data).expect("JSON goes on one line");
    assert!(!line.contains(&b'\n') && !line.contains(&b'\r'));
    assert_eq!(before, value(&line).expect("it is JSON still"));
}
