//! The least that a token can cost: read a file, print a line, end. `mcpauth token` is measured beside it.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    let path = std::env::args_os().nth(1).unwrap_or_default();
    let text = std::fs::read_to_string(path)?;
    let line = text.lines().next().unwrap_or_default();
    writeln!(std::io::stdout(), "{line}")
}
