//! A file or a terminal as a stream: it does not tell when it is ready, so a thread waits for it.

use std::fs::File;
use std::io::{self, IoSlice, Read as _, Write as _};
use std::sync::Arc;

use tokio::task::{JoinHandle, spawn_blocking};

/// How much is read at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// Reads and writes where nobody is kept waiting.
pub(super) struct Patient {
    file: Arc<File>,
    /// What is being read. Whoever waited for it may be gone, and the next one gets it.
    reading: Option<JoinHandle<io::Result<Vec<u8>>>>,
    /// What was read and did not fit.
    rest: Vec<u8>,
}

impl Patient {
    pub(super) fn new(file: File) -> Self {
        Self { file: Arc::new(file), reading: None, rest: Vec::new() }
    }

    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            let file = &self.file;
            let reading = self.reading.get_or_insert_with(|| {
                let file = Arc::clone(file);
                spawn_blocking(move || {
                    let mut bytes = vec![0; CHUNK];
                    let read = (&*file).read(&mut bytes)?;
                    bytes.truncate(read);
                    Ok(bytes)
                })
            });
            let read = reading.await;
            self.reading = None;
            self.rest = read.map_err(io::Error::other)??;
        }
        let read = self.rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&self.rest[..read]);
        self.rest.drain(..read);
        Ok(read)
    }

    pub(super) async fn write(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(piece) = pieces.iter().find(|piece| !piece.is_empty()) else { return Ok(0) };
        let (file, bytes) = (Arc::clone(&self.file), piece.to_vec());
        let written = spawn_blocking(move || (&*file).write_all(&bytes).map(|()| bytes.len()));
        written.await.map_err(io::Error::other)?
    }
}
