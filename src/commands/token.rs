//! `mcpauth token`: one fresh access token on standard output, and nothing else there.

use serde::Serialize;

use super::args::{LoginRef, span};
use crate::error::Error;
use crate::flows::App;
use crate::flows::session::{self, Freshness, Refresh};
use crate::model::{Login, LoginSummary};

/// Print one fresh access token
#[derive(clap::Args)]
pub(super) struct TokenArgs {
    #[command(flatten)]
    login: LoginRef,

    /// How long the token must be valid for; by default 5m, or half of a shorter life
    #[arg(long, value_name = "TIME", value_parser = span)]
    min_ttl: Option<i64>,

    /// Refresh even if the token is still good
    #[arg(long, conflicts_with = "no_refresh")]
    force_refresh: bool,

    /// Ask no issuer: the stored token or nothing
    #[arg(long)]
    no_refresh: bool,

    /// Print a whole header: `Authorization: Bearer …`
    #[arg(long, conflicts_with = "field")]
    header: bool,

    /// Print another field: `url`, `expires_at`, `scope`, or a member of the token answer
    #[arg(long, value_name = "NAME")]
    field: Option<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    token_type: &'a str,
    expires_at: Option<i64>,
    scope: String,
    server: &'a str,
    account: &'a str,
    url: &'a str,
}

/// One field, in JSON.
#[derive(Serialize)]
struct Field<'a> {
    field: &'a str,
    value: &'a str,
}

impl TokenArgs {
    pub(super) fn run(&self, app: &App) -> Result<(), Error> {
        let key = self.login.key(app)?;
        let refresh = match (self.force_refresh, self.no_refresh) {
            (true, _) => Refresh::Always,
            (_, true) => Refresh::Never,
            _ => Refresh::IfNeeded,
        };
        let freshness = Freshness { min_ttl: self.min_ttl, refresh, ..Freshness::default() };
        let json = app.console.tone().json;
        let field = if self.header { Some("header") } else { self.field.as_deref() };
        let login = session::hand_out(app, &key, &freshness, field.unwrap_or("token"))?;
        let value = |name| session::field(&login, name);
        match field {
            None if json => tell(app, &login),
            Some(name) if json => {
                app.console.answer_as(&Field { field: name, value: &value(name)? }, String::new)
            }
            Some("header") if self.header => {
                app.console.answer(&format!("Authorization: {}", *value("header")?))
            }
            name => app.console.answer(&value(name.unwrap_or("token"))?),
        }
    }
}

/// The token with what belongs to it, in JSON.
fn tell(app: &App, login: &Login) -> Result<(), Error> {
    let LoginSummary { login: facts, tokens, .. } = LoginSummary::from(login);
    let answer = Answer {
        access_token: login.tokens.access_token.expose(),
        token_type: &tokens.token_type,
        expires_at: tokens.expires_at.map(|time| time.0),
        scope: tokens.scope.to_string(),
        server: facts.server.as_str(),
        account: facts.account.as_str(),
        url: facts.url.as_str(),
    };
    app.console.answer_as(&answer, String::new)
}
