//! What was done and decided on the way, and why: for those who want to know, and for those whose sign-in failed.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

/// One thing that was done or decided, and the rule behind it.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What was done, or what it was decided about.
    pub action: String,
    /// What came of it.
    pub outcome: String,
    /// Where it is written that it be done so.
    pub rule: Cow<'static, str>,
    /// The flag that would change it, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<Cow<'static, str>>,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}\n    → {}\n      [{}", self.action, self.outcome, self.rule)?;
        match &self.flag {
            Some(flag) => write!(formatter, "; {flag} changes it]"),
            None => formatter.write_str("]"),
        }
    }
}

/// The steps so far, in order. Kept also when discovery fails: that is when they are wanted.
#[derive(Default)]
pub struct Trace(pub Vec<Step>);

impl Trace {
    /// Writes down what was done.
    pub fn note(
        &mut self,
        action: impl Into<String>,
        outcome: impl Into<String>,
        rule: impl Into<Cow<'static, str>>,
    ) {
        let (action, outcome, rule) = (action.into(), outcome.into(), rule.into());
        self.0.push(Step { action, outcome, rule, flag: None });
    }

    /// Writes down what was decided, and the flag that would decide it otherwise.
    pub fn decide(
        &mut self,
        action: impl Into<String>,
        outcome: impl Into<String>,
        rule: impl Into<Cow<'static, str>>,
        flag: impl Into<Cow<'static, str>>,
    ) {
        let (action, outcome, rule) = (action.into(), outcome.into(), rule.into());
        self.0.push(Step { action, outcome, rule, flag: Some(flag.into()) });
    }
}
