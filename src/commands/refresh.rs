//! `mcpauth refresh`: new tokens now.

use serde::Serialize;

use super::args::LoginRef;
use crate::error::Error;
use crate::flows::App;
use crate::flows::session::{self, Freshness, Refresh};
use crate::model::{LoginKey, LoginSummary};

/// Refresh a login now
#[derive(clap::Args)]
pub(super) struct RefreshArgs {
    #[command(flatten)]
    login: LoginRef,

    /// Refresh every login that has a refresh token
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Answer {
    refreshed: Vec<LoginSummary>,
}

impl RefreshArgs {
    pub(super) fn run(self, app: &App) -> Result<(), Error> {
        let keys = if self.all { refreshable(app)? } else { vec![self.key(app)?] };
        let freshness = Freshness { refresh: Refresh::Always, ..Freshness::default() };
        let mut refreshed = Vec::new();
        let mut trouble = None;
        let all = keys.len();
        for key in keys {
            match session::fresh_login(app, &key, &freshness) {
                Ok(login) => {
                    let summary = LoginSummary::from(&login);
                    let left = super::status::time_left(&summary, app.now());
                    app.console.success(&format!("refreshed {}, {left}", key.server));
                    refreshed.push(summary);
                }
                Err(error) if self.all => {
                    app.console.error(&error);
                    trouble = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        let failed = all - refreshed.len();
        if app.console.tone().json {
            app.console.answer_as(&Answer { refreshed }, String::new);
        }
        trouble.map_or(Ok(()), |error| Err(Error::Partly { failed, all, exit_code: error.exit_code() }))
    }

    fn key(&self, app: &App) -> Result<LoginKey, Error> {
        app.login_key(self.login.server.as_ref(), &self.login.account.account)
    }
}

fn refreshable(app: &App) -> Result<Vec<LoginKey>, Error> {
    let summaries = app.store()?.summaries()?.into_iter().flatten();
    let summaries = summaries.filter(|summary| summary.tokens.refreshable);
    Ok(summaries.map(|s| LoginKey { server: s.login.server, account: s.login.account }).collect())
}
