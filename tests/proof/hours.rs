//! A month of hours: a login that is used all the time stays one login.

use std::fs;

use mcpauth::sandbox::SandboxOptions;

use crate::Outcome;
use crate::inside::Inside;
use crate::settings::Size;

/// One refresh an hour, for thirty days, with an issuer that rotates and forgives nothing.
pub(crate) fn play(size: &Size) -> Outcome {
    let hours = size.rounds(720, 720);
    let inside = Inside::signed_in(size, SandboxOptions::default());
    for hour in 1..=hours {
        inside.token_after_an_hour().map_err(|why| format!("hour {hour}: {why}"))?;
    }
    let status = inside.run(&["status", "box", "--json"]).json();
    let counted = status["logins"][0]["login"]["refresh_count"].as_u64();
    let records = fs::read_dir(inside.home.path().join("data/logins")).unwrap().count();
    let books = inside.sandbox.books();
    let seen =
        (counted, books.refreshes, books.refresh_attempts, books.codes_redeemed, books.reuses, records);
    let hours = u64::from(hours);
    if seen != (Some(hours), hours, hours, 1, 0, 1) || !books.families[0].alive {
        return Err(format!("counted, refreshes, requests, logins, reuses and records are {seen:?}"));
    }
    Ok(format!(
        "{hours} hourly refreshes: refresh count {hours}, one login, one record, nobody signed in again"
    ))
}
