//! Where programs and scratch files are.

use std::path::{Path, PathBuf};

use mcpauth_remote_bench::Outcome;
use tempfile::TempDir;

/// A program of this package.
pub(crate) fn own(name: &str) -> Outcome<PathBuf> {
    Ok(std::env::current_exe()?.parent().ok_or("no place")?.join(name))
}

/// The program that all this is about: what `MCPAUTH` names, or the release build.
pub(crate) fn mcpauth() -> PathBuf {
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/mcpauth");
    std::env::var_os("MCPAUTH").map_or_else(built, Into::into)
}

/// mcp-remote as npm unpacks it.
pub(crate) fn mcp_remote() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/mcp-remote/dist/proxy.js")
}

/// A home in which nothing has happened yet, with the browser that [`crate::home`] looks for. On the disk of the
/// programs, so that they can be linked there.
pub(crate) fn scratch() -> Outcome<TempDir> {
    Ok(TempDir::new_in(std::env::current_exe()?.parent().ok_or("no place")?)?)
}
