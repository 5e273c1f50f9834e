//! The life of a login after the browser is closed: refreshed, refused, revoked. Judged by the issuer's books.

#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;

mod crowd;
#[cfg(target_os = "linux")]
mod death;
mod logout;
mod renewal;
mod trouble;
