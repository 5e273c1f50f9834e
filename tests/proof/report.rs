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
    fn as_table_row(&self) -> String {
        let Self { name, text, seconds, .. } = self;
        let word = if self.held { "holds" } else { "**fails**" };
        let text = text.replace('|', "\\|").replace('\n', " ");
        format!("| {name} | {word} | {text} | {seconds} s |\n")
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, text, seconds, seed, .. } = self;
        let word = if self.held { "ok" } else { "FAIL" };
        write!(formatter, "{word} {name}: {text} ({seconds} s, seed {seed})")
    }
}

/// Puts the figures into a file: in place of earlier ones where it has some, else at its end.
pub(crate) fn write(file: &Path, rows: &[Row], size: &Size) -> io::Result<()> {
    let before = fs::read_to_string(file).unwrap_or_default();
    let (head, rest) = before.split_once(BEGIN).unwrap_or((&before, ""));
    let tail = rest.split_once(END).map_or("\n", |(_, tail)| tail);
    fs::write(file, format!("{head}{BEGIN}\n\n{}\n{END}{tail}", figures(rows, size)))
}

fn figures(rows: &[Row], size: &Size) -> String {
    let date = SystemClock.now().to_string();
    let names: Vec<&str> = rows.iter().map(|row| row.name).collect();
    let long = if size.long { " --long" } else { "" };
    let mut text = format!(
        "Taken on {} on {}, with `cargo test --test proof -- {}{long} --seed {}`:\n\n\
         | scenario | | figures | time |\n|---|---|---|---|\n",
        date.split('T').next().unwrap_or_default(),
        machine(),
        names.join(" "),
        size.seed,
    );
    text.extend(rows.iter().map(Row::as_table_row));
    text
}

/// What it was measured on, in words.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores ({}), Linux {}", model.trim_start_matches([' ', '\t', ':']), kernel.trim())
}
