//! An HTTP answer as far as its end has to be found.

use mcpauth_remote_bench::Outcome;
use memchr::memmem;

/// How the end of a chunked body looks, if what is before it does not look like that.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// What has come of an answer.
#[derive(Default)]
pub(crate) struct Reply {
    head: Vec<u8>,
    /// Bytes of the body that are still to come; `None` before the head is complete, or if nobody said.
    left: Option<usize>,
    chunked: bool,
    tail: Vec<u8>,
}

impl Reply {
    /// Takes what came; true if that was all of it.
    pub(crate) fn take(&mut self, data: &[u8]) -> Outcome<bool> {
        if let Some(left) = self.left {
            self.left = Some(left.checked_sub(data.len()).ok_or("more than was announced")?);
            return Ok(self.left == Some(0));
        }
        if self.chunked {
            return Ok(self.ends(data));
        }
        self.head.extend_from_slice(data);
        let Some(at) = memmem::find(&self.head, b"\r\n\r\n") else { return Ok(false) };
        let body = self.head.split_off(at + 2).split_off(2);
        self.read_head()?;
        self.take(&body)
    }

    fn read_head(&mut self) -> Outcome {
        if !self.head.starts_with(b"HTTP/1.1 20") {
            return Err(String::from_utf8_lossy(&self.head).into());
        }
        let head = String::from_utf8_lossy(&self.head).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        self.chunked = length.is_none();
        self.left = length;
        Ok(())
    }

    fn ends(&mut self, data: &[u8]) -> bool {
        let kept = data.len().saturating_sub(LAST_CHUNK.len());
        self.tail.extend_from_slice(&data[kept..]);
        let old = self.tail.len().saturating_sub(LAST_CHUNK.len());
        self.tail.drain(..old);
        self.tail == LAST_CHUNK
    }
}
