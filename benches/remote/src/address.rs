//! Addresses, as simple as they are in a benchmark: `http://host:port/target`.

use crate::Outcome;

/// Where to connect to, and what to ask for there.
pub fn parts(url: &str) -> Outcome<(&str, &str)> {
    let rest = url.strip_prefix("http://").ok_or("not an http address")?;
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    Ok((&rest[..at], if at == rest.len() { "/" } else { &rest[at..] }))
}
