//! An issuer with bad days.

use std::thread;

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};

use crate::Outcome;
use crate::inside::Inside;
use crate::settings::Size;

/// How many logins meet the weather at the same time: what takes long is waiting.
const LOGINS: u32 = 10;
/// How many of a hundred requests fail.
const PERCENT: u64 = 15;

/// Of a thousand hourly refreshes at least 990 go well without a person, and no login is lost.
pub(crate) fn play(size: &Size) -> Outcome {
    let each = size.rounds(200, 1000).div_ceil(LOGINS);
    let played: Vec<Played> = thread::scope(|scope| {
        let start = |login| scope.spawn(move || play_login(size, login, each));
        let started: Vec<_> = (0..LOGINS).map(start).collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let failures: Vec<&String> = played.iter().flat_map(|login| &login.failures).collect();
    let (all, lost) = (each * LOGINS, played.iter().filter(|login| !login.is_alive).count());
    let asked: u64 = played.iter().map(|login| login.asked).sum();
    let figures = format!(
        "{all} refreshes in {asked} requests, of which {PERCENT} % met transient failures: {} without a person, \
         {lost} logins lost",
        all as usize - failures.len()
    );
    match failures.first() {
        Some(first) if lost > 0 || failures.len() * 100 > all as usize => {
            Err(format!("{figures}; first of the failures: {first}"))
        }
        _ => Ok(figures),
    }
}

struct Played {
    failures: Vec<String>,
    /// How often the issuer was asked.
    asked: u64,
    is_alive: bool,
}

fn play_login(size: &Size, login: u32, hours: u32) -> Played {
    let inside = Inside::signed_in(size, SandboxOptions { grace: 10, ..SandboxOptions::default() });
    let dice = size.dice(3 + u64::from(login));
    let weather = Fault::Weather { endpoint: Endpoint::Token, percent: PERCENT, dice };
    inside.sandbox.change(|options| options.faults.push(weather));
    let tell = |hour| {
        let failed = inside.token_after_an_hour().err()?;
        Some(format!("login {login}, hour {hour}: {failed}"))
    };
    let failures = (1..=hours).filter_map(tell).collect();
    let asked = inside.sandbox.books().refresh_attempts;
    inside.sandbox.change(|options| options.faults.clear());
    let is_alive = inside.token_after_an_hour().is_ok() && inside.sandbox.books().families[0].alive;
    Played { failures, asked, is_alive }
}
