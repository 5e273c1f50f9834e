//! The reader of requests that is given to the fuzzer; built with `--cfg fuzzing` only.

use super::head::{self, OwnPort};

/// Reads one request head, without its empty line: path and query, or nothing if it is refused.
pub fn callback(head: &[u8], port: u16) -> Option<(String, String)> {
    let request = head::check(head, OwnPort(port)).ok()?;
    Some((request.path().to_owned(), request.query().to_owned()))
}

/// Whether more is read of a connection that brought this so far, which is no whole head.
pub fn may_become_a_request(beginning: &[u8]) -> bool {
    head::check_beginning(beginning).is_ok()
}
