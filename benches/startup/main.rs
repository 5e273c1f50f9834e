//! What a start of the program costs, beside the least that it could cost: `cargo bench`, or `benches/run` for the
//! keychain too. benches/README.md tells how to read it.
//!
//! Nothing here asserts a time: a table is printed, and whether each goal holds on this machine at this moment.

#[cfg(unix)]
mod rounds;
#[cfg(unix)]
#[path = "../../tests/support/mod.rs"]
mod support;

#[cfg(unix)]
mod report;

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    report::main()
}

#[cfg(not(unix))]
fn main() {}
