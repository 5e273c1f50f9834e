//! What is counted, in the text format that Prometheus reads.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::mount::{Mount, Mounts};

/// The classes of a status, by its first digit.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What was counted at one server.
#[derive(Default)]
pub(super) struct Counts {
    answers: [AtomicU64; 5],
    refused_here: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    open: AtomicU64,
}

impl Counts {
    /// A request was answered.
    pub(super) fn answered(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, CLASSES.len());
        self.answers[class - 1].fetch_add(1, Ordering::Relaxed);
    }

    /// The rules or the rate did not let a request pass.
    pub(super) fn refused(&self) {
        self.refused_here.fetch_add(1, Ordering::Relaxed);
    }

    /// So many bytes of a body went to the server.
    pub(super) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// So many came back.
    pub(super) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// An answer that is being passed on, counted for as long as that takes.
pub(super) struct Open(Arc<Counts>);

impl Open {
    pub(super) fn of(counts: &Arc<Counts>) -> Self {
        counts.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counts))
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.0
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A line of what is told of each server: its name, its kind, what it says, and how it is looked up.
type Told = (&'static str, &'static str, &'static str, fn(&Mount) -> u64);

const TOLD: [Told; 6] = [
    ("refused_tokens_total", "counter", "Answers with status 401 of the server", |mount| {
        mount.relay.refusals()
    }),
    ("renewed_tokens_total", "counter", "New tokens that were taken up", |mount| mount.relay.renewals()),
    ("blocked_messages_total", "counter", "Requests that the rules or the rate did not let pass", |mount| {
        mount.counts.refused_here.load(Ordering::Relaxed)
    }),
    ("sent_bytes_total", "counter", "Bytes of bodies sent to the server", |mount| {
        mount.counts.sent.load(Ordering::Relaxed)
    }),
    ("received_bytes_total", "counter", "Bytes of bodies received from the server", |mount| {
        mount.counts.received.load(Ordering::Relaxed)
    }),
    ("open_answers", "gauge", "Answers that are being passed on, such as event streams", |mount| {
        mount.counts.open.load(Ordering::Relaxed)
    }),
];

/// All of it.
pub(super) fn text(mounts: &Mounts) -> String {
    let mut text = String::from(
        "# HELP mcpauth_proxy_requests_total Requests by the class of the status that they were answered with\n\
         # TYPE mcpauth_proxy_requests_total counter\n",
    );
    // Writing into a text does not fail.
    for mount in mounts.iter() {
        for (class, count) in CLASSES.iter().zip(&mount.counts.answers) {
            let (server, count) = (&mount.profile.name, count.load(Ordering::Relaxed));
            let _ = writeln!(
                text,
                r#"mcpauth_proxy_requests_total{{server="{server}",status="{class}"}} {count}"#
            );
        }
    }
    for (name, kind, help, look) in TOLD {
        let _ = writeln!(text, "# HELP mcpauth_proxy_{name} {help}\n# TYPE mcpauth_proxy_{name} {kind}");
        for mount in mounts.iter() {
            let _ =
                writeln!(text, r#"mcpauth_proxy_{name}{{server="{}"}} {}"#, mount.profile.name, look(mount));
        }
    }
    text
}
