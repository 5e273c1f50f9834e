//! Whether a request has begun to leave this machine.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

/// Tells whether a body has been asked for. That happens on an open connection only, before anything is written to
/// it: whatever was not asked for has not left.
#[derive(Default)]
pub(super) struct Sending(Arc<AtomicBool>);

impl Sending {
    /// A body that is watched. It can be sent once only: nothing below may repeat what carries a secret.
    pub(super) fn watch(&self, bytes: Bytes) -> reqwest::Body {
        reqwest::Body::wrap(Watched { bytes: Some(bytes), begun: Arc::clone(&self.0) })
    }

    /// There is no body, so the worst is assumed.
    pub(super) fn cannot_be_watched(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether a byte may have left.
    pub(super) fn has_begun(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

struct Watched {
    bytes: Option<Bytes>,
    begun: Arc<AtomicBool>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.begun.store(true, Ordering::SeqCst);
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
