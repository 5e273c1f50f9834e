//! `mcpauth list`: a line per login. Reads no secret and opens no keychain.

use serde::Serialize;

use super::status::{state_in_words, time_left};
use crate::error::Error;
use crate::flows::App;
use crate::model::LoginSummary;

/// List the logins, a line each; never opens the keychain
#[derive(clap::Args)]
pub(super) struct ListArgs {}

#[derive(Serialize)]
struct Answer {
    logins: Vec<LoginSummary>,
}

/// Prints the list.
pub(super) fn run(app: &App) -> Result<(), Error> {
    let logins = app.readable_logins()?;
    if logins.is_empty() && !app.console.tone().json {
        app.console.say("not signed in anywhere; run `mcpauth login https://…`");
        return Ok(());
    }
    let wide = |read: fn(&LoginSummary) -> usize| logins.iter().map(read).max().unwrap_or(0);
    let server = wide(|summary| summary.login.server.as_str().len());
    let account = wide(|summary| summary.login.account.as_str().len());
    let line = |summary: &LoginSummary| {
        format!(
            "{:server$}  {:account$}  {:16}  {}\n",
            summary.login.server.as_str(),
            summary.login.account.as_str(),
            format!("{} {}", state_in_words(&summary.login.state), time_left(summary, app.now())).trim(),
            summary.login.url,
        )
    };
    let text: String = logins.iter().map(line).collect();
    app.console.answer_as(&Answer { logins }, || text)
}
