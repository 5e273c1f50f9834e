//! Server-sent events: what is read does not depend on where the network cuts, and no event is larger than it may be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpauth::http::Bytes;
use mcpauth::mcp::sse::{Event, EventReader, Unreadable};

fuzz_target!(|input: &[u8]| {
    let Some((&cut, text)) = input.split_first() else { return };
    let step = usize::from(cut) + 1;
    let pieces: Vec<&[u8]> = text.chunks(step).collect();
    let whole = read(&[text], usize::MAX);
    assert_eq!(whole, read(&pieces, usize::MAX));
    // What waits is counted by pieces, and not what came with the end of another event.
    let (events, end) = read(&pieces, step);
    assert!(events.iter().all(|event| event.data.len() <= 3 * step));
    assert!(end.is_ok() || whole.0.starts_with(&events));
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
