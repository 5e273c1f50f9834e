//! `mcpauth list`: a line per login. Reads no secret and opens no keychain.

use serde::Serialize;

use super::status::{condition_in_words, time_left};
use crate::error::Error;
use crate::flows::App;
use crate::flows::condition::{Status, condition};
use crate::model::LoginSummary;

/// List the logins, a line each; never opens the keychain
#[derive(clap::Args)]
pub(super) struct ListArgs {}

#[derive(Serialize)]
struct Entry {
    #[serde(flatten)]
    summary: LoginSummary,
    status: Status,
}

#[derive(Serialize)]
struct Answer {
    logins: Vec<Entry>,
}

/// Prints the list.
pub(super) fn run(app: &App) -> Result<(), Error> {
    let store = app.store()?;
    let mut logins = Vec::new();
    for summary in app.readable_logins()? {
        let status = condition(app, &store, &summary).status;
        logins.push(Entry { summary, status });
    }
    if logins.is_empty() && !app.console.tone().json {
        app.console.say("not signed in anywhere; run `mcpauth login https://…`");
        return Ok(());
    }
    let wide =
        |read: fn(&LoginSummary) -> usize| logins.iter().map(|entry| read(&entry.summary)).max().unwrap_or(0);
    let server = wide(|summary| summary.login.server.as_str().len());
    let account = wide(|summary| summary.login.account.as_str().len());
    let line = |Entry { summary, status }: &Entry| {
        format!(
            "{:server$}  {:account$}  {:16}  {}{}\n",
            summary.login.server.as_str(),
            summary.login.account.as_str(),
            format!("{} {}", condition_in_words(*status), time_left(summary, app.now())).trim(),
            summary.login.url,
            if summary.tokens.is_bound() { "  DPoP" } else { "" },
        )
    };
    let text: String = logins.iter().map(line).collect();
    app.console.answer_as(&Answer { logins }, || text)
}
