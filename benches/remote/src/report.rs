//! Tables, as the README shows them.

use std::cell::RefCell;

/// What is printed, and whether each goal holds here and now. Nothing fails because of a time.
#[derive(Default)]
pub(crate) struct Report {
    goals: RefCell<Vec<Goal>>,
}

struct Goal {
    what: String,
    limit: String,
    found: String,
    holds: bool,
}

impl Report {
    /// The heading of a table.
    pub(crate) fn table(&self, title: &str, columns: &[&str]) {
        println!("\n### {title}\n\n| | {} |\n|---|{}", columns.join(" | "), "---|".repeat(columns.len()));
    }

    pub(crate) fn row(&self, title: &str, values: &[String]) {
        println!("| {title} | {} |", values.join(" | "));
    }

    /// A goal that is a figure with a limit above it.
    pub(crate) fn at_most(&self, what: &str, found: f64, limit: f64, unit: &str) {
        self.goal(
            what,
            format!("≤ {}{unit}", figure(limit)),
            format!("{}{unit}", figure(found)),
            found <= limit,
        );
    }

    /// A goal that is a figure with a limit below it.
    pub(crate) fn at_least(&self, what: &str, found: f64, limit: f64, unit: &str) {
        self.goal(
            what,
            format!("≥ {}{unit}", figure(limit)),
            format!("{}{unit}", figure(found)),
            found >= limit,
        );
    }

    fn goal(&self, what: &str, limit: String, found: String, holds: bool) {
        self.goals.borrow_mut().push(Goal { what: what.into(), limit, found, holds });
    }

    /// All goals at the end.
    pub(crate) fn close(&self) {
        println!("\n### Goals\n\n| goal | limit | found | |\n|---|---|---|---|");
        for Goal { what, limit, found, holds } in self.goals.borrow().iter() {
            println!("| {what} | {limit} | {found} | {} |", if *holds { "holds" } else { "**missed**" });
        }
    }
}

/// A figure with as many digits as mean something.
pub(crate) fn figure(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "–".into(),
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
