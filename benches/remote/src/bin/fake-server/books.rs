//! What happened, and what is to happen.

use std::collections::BTreeMap;

use mcpauth_remote_bench::now;
use serde_json::{Value, json};

/// What the driver may turn.
#[derive(Default)]
pub(crate) struct Knobs {
    /// Milliseconds that an answer of the MCP server takes.
    pub(crate) answer: u64,
    /// Milliseconds that metadata and registration take.
    pub(crate) discovery: u64,
    /// Milliseconds that the token endpoint takes.
    pub(crate) token: u64,
    /// Seconds that an access token lives.
    pub(crate) lifetime: u64,
    /// Answers are events, not JSON.
    pub(crate) events: bool,
    /// A refresh token that comes twice ends the login.
    pub(crate) revoke: bool,
}

/// How often what was asked for.
#[derive(Default)]
pub(crate) struct Books {
    counts: BTreeMap<String, u64>,
    requests: u64,
    authorized: Option<(u64, u64)>,
}

impl Books {
    pub(crate) fn request(&mut self, what: &str) {
        self.requests += 1;
        if what == "GET /authorize" && self.authorized.is_none() {
            self.authorized = Some((self.requests - 1, now()));
        }
        self.count(what);
    }

    pub(crate) fn count(&mut self, what: &str) {
        match self.counts.get_mut(what) {
            Some(count) => *count += 1,
            None => _ = self.counts.insert(what.into(), 1),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "requests": self.requests,
            "before_browser": self.authorized.map(|(trips, _)| trips),
            "counts": self.counts,
        })
    }
}

impl Knobs {
    pub(crate) fn turn(&mut self, wanted: &Value) {
        let number = |name: &str, value: &mut u64| *value = wanted[name].as_u64().unwrap_or(*value);
        number("answer", &mut self.answer);
        number("discovery", &mut self.discovery);
        number("token", &mut self.token);
        number("lifetime", &mut self.lifetime);
        self.events = wanted["events"].as_bool().unwrap_or(self.events);
        self.revoke = wanted["revoke"].as_bool().unwrap_or(self.revoke);
    }
}
