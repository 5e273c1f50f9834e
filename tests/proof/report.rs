//! The figures, on a line each and as a table in a file.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use mcpauth::clock::{Clock as _, SystemClock};

use crate::settings::Size;

/// Between these lines of the file the figures stand.
const BEGIN: &str = "<!-- figures: written by the proof -->";
const END: &str = "<!-- end of the figures -->";

/// What came of a scenario.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) held: bool,
    /// The figures, or what went wrong.
    pub(crate) text: String,
    pub(crate) seconds: u64,
    pub(crate) seed: u64,
    /// Whether its time was over before it was.
    pub(crate) is_over: bool,
}

impl Row {
    fn as_table_row(&self, date: &str, long: bool) -> String {
        let Self { name, text, seconds, seed, .. } = self;
        let word = if self.held { "holds" } else { "**fails**" };
        let text = text.replace('|', "\\|").replace('\n', " ");
        let long = if long { "--long " } else { "" };
        format!("| {name} | {word} | {text} | {seconds} s | {date}, `{long}--seed {seed}` |\n")
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, text, seconds, seed, .. } = self;
        let word = if self.held { "ok" } else { "FAIL" };
        write!(formatter, "{word} {name}: {text} ({seconds} s, seed {seed})")
    }
}

/// Puts the figures into a file: in place of earlier ones where it has some, else at its end. `names` are those of all
/// scenarios, in the order of the table; what was not played now keeps the row that it has from the same machine.
pub(crate) fn write(file: &Path, rows: &[Row], names: &[&str], size: &Size) -> io::Result<()> {
    let before = fs::read_to_string(file).unwrap_or_default();
    let (head, rest) = before.split_once(BEGIN).unwrap_or((&before, ""));
    let (old, tail) = rest.split_once(END).unwrap_or(("", "\n"));
    fs::write(file, format!("{head}{BEGIN}\n\n{}\n{END}{tail}", figures(old, rows, names, size)))
}

fn figures(old: &str, rows: &[Row], names: &[&str], size: &Size) -> String {
    let date = SystemClock.now().to_string();
    let date = date.split('T').next().unwrap_or_default();
    let text = format!(
        "Taken on {}, each with `cargo test --test proof -- SCENARIO` and what stands beside it:\n\n\
         | scenario | | figures | time | taken |\n|---|---|---|---|---|\n",
        machine(),
    );
    // Numbers of different machines side by side would say nothing.
    let old = if old.trim_start().starts_with(&text) { old } else { "" };
    let row_of = |name: &&str| match rows.iter().find(|row| row.name == *name) {
        Some(row) => row.as_table_row(date, size.long),
        None => old.split_inclusive('\n').filter(|line| line.starts_with(&format!("| {name} |"))).collect(),
    };
    text + &names.iter().map(row_of).collect::<String>()
}

/// What it was measured on, in words.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores ({}), Linux {}", model.trim_start_matches([' ', '\t', ':']), kernel.trim())
}
