//! How much of a scenario is run, and what comes of it.

/// How much is run.
pub(crate) struct Size {
    pub(crate) long: bool,
    pub(crate) rounds: Option<u64>,
    pub(crate) seed: u64,
}

/// One line: what was shown, or what was seen instead.
pub(crate) type Outcome = Result<String, String>;
