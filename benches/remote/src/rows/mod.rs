//! One question each.

mod crowd;
mod expiry;
mod latency;
mod login;
mod memory;
mod proxy;
mod start;
mod throughput;

use mcpauth_remote_bench::Outcome;

use crate::Run;

type Row = fn(&Run) -> Outcome;

/// In the order of the report.
pub(crate) const ALL: [(&str, Row); 8] = [
    ("start", start::row),
    ("latency", latency::row),
    ("throughput", throughput::row),
    ("memory", memory::row),
    ("expiry", expiry::row),
    ("crowd", crowd::row),
    ("login", login::row),
    ("proxy", proxy::row),
];
