//! `mcpauth logout`: end a login at its issuer and here.

use serde::Serialize;

use super::all;
use super::args::LoginRef;
use crate::error::Error;
use crate::flows::App;
use crate::flows::logout::{self, Ended, LogoutOutcome, LogoutRequest};
use crate::model::LoginKey;

/// Sign out: revoke the tokens at the issuer, then delete the login here
///
/// The login is deleted here whatever the issuer says; what was and was not ended there is told.
#[derive(clap::Args)]
pub(super) struct LogoutArgs {
    #[command(flatten)]
    login: LoginRef,

    /// Sign out of every server
    #[arg(long, conflicts_with = "server")]
    all: bool,

    /// Delete the client that was registered for this server, too
    #[arg(long)]
    forget_client: bool,

    /// Ask no issuer, only delete here
    #[arg(long, conflicts_with = "forget_client")]
    local_only: bool,

    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    logouts: Vec<LogoutOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl LogoutArgs {
    pub(super) fn run(self, app: &App) -> Result<(), Error> {
        let request = LogoutRequest {
            reason: self.reason.clone(),
            local_only: self.local_only,
            forget_client: self.forget_client,
        };
        let end = |key: &LoginKey| {
            let outcome = logout::logout(app, key, &request)?;
            tell(app, &outcome);
            Ok(outcome)
        };
        let (logouts, ended) = if self.all {
            let logins = all::logins(app)?;
            if logins.is_empty() {
                app.console.say("not signed in anywhere");
            }
            all::each(app, logins, end)
        } else {
            (vec![end(&self.login.key(app)?)?], Ok(()))
        };
        if app.console.tone().json {
            app.console.answer_as(&Answer { logouts, reason: self.reason }, String::new)?;
        }
        ended
    }
}

fn tell(app: &App, outcome: &LogoutOutcome) {
    let console = &app.console;
    console.success(&format!("signed out of {}", outcome.server));
    if outcome.refresh_token == Ended::NotAsked {
        console
            .say("  nothing was revoked: the issuer was not asked, and the tokens live there until they end");
    }
    let parts = [
        ("refresh token", &outcome.refresh_token),
        ("access token", &outcome.access_token),
        ("client", &outcome.client),
    ];
    for (what, ended) in parts {
        match ended {
            Ended::Failed(_) => console.warn(&format!("{what} at the issuer: {}", ended.in_words())),
            // Nobody asked about the client unless it was to be forgotten.
            Ended::NotAsked => {}
            ended => console.say(&format!("  {what} at the issuer: {}", ended.in_words())),
        }
    }
    console
        .say(&format!("  login here: {}", if outcome.deleted_here { "deleted" } else { "there was none" }));
}
