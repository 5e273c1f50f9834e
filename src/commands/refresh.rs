//! `mcpauth refresh`: new tokens now.

use serde::Serialize;

use super::all;
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
    #[arg(long, conflicts_with = "server")]
    all: bool,
}

#[derive(Serialize)]
struct Answer {
    refreshed: Vec<LoginSummary>,
}

impl RefreshArgs {
    pub(super) fn run(self, app: &App) -> Result<(), Error> {
        let freshness = Freshness { refresh: Refresh::Always, ..Freshness::default() };
        let renew = |key: &LoginKey| {
            let summary = LoginSummary::from(&session::fresh_login(app, key, &freshness)?);
            let left = super::status::time_left(&summary, app.now());
            app.console.success(&format!("refreshed {}, {left}", key.server));
            Ok(summary)
        };
        let (refreshed, ended) = if self.all {
            let mut logins = all::logins(app)?;
            logins.retain(|login| !matches!(login, Ok(summary) if !summary.tokens.refreshable));
            if logins.is_empty() {
                app.console.say("no login has a refresh token");
            }
            all::each(app, logins, renew)
        } else {
            (vec![renew(&self.login.key(app)?)?], Ok(()))
        };
        if app.console.tone().json {
            app.console.answer_as(&Answer { refreshed }, String::new)?;
        }
        ended
    }
}
