//! `mcpauth headers`: what Claude Code's `headersHelper` and Codex's `http_headers_helper` ask for.

use std::time::{Duration, Instant};

use serde_json::json;
use zeroize::Zeroizing;

use super::args::LoginRef;
use crate::error::Error;
use crate::flows::{App, handout, session};
use crate::platform;

/// How long the caller waits: clients give up after ten seconds, so this answers, or says why not, before that.
const LIMIT: Duration = Duration::from_secs(7);

/// An answer as long as this, in bytes, is too long for the callers.
const LONGEST: usize = 64 * 1024;

/// Print the request headers for an MCP client's header helper, as one JSON object
///
/// Never opens a browser and answers or gives up within 8 s. When the same client asks again and would get the
/// same token, which it does when a server refused it, the token is refreshed first, at most once a minute.
#[derive(clap::Args)]
pub(super) struct HeadersArgs {
    #[command(flatten)]
    login: LoginRef,

    /// Where a login is needed, print a header that says so instead of failing
    ///
    /// A client that gets no header starts a sign-in of its own; one that gets this names the helper.
    #[arg(long)]
    placeholder: bool,
}

impl HeadersArgs {
    pub(super) fn run(&self, mut app: App) -> Result<(), Error> {
        app.deadline = Some(Instant::now() + LIMIT);
        let handed_out =
            self.login.key(&app).and_then(|key| handout::hand_out(&app, &key, platform::caller()));
        let header = match handed_out {
            Ok(login) => session::field(&login, "header")?,
            Err(error) if self.placeholder => {
                app.console.error(&error);
                Zeroizing::new("Bearer login-needed".to_owned())
            }
            Err(error) => return Err(error),
        };
        // Not wrapped in a schema: the client's own contract is one flat object of names and texts.
        let answer = Zeroizing::new(json!({ "Authorization": *header }).to_string());
        if answer.len() + 1 >= LONGEST {
            return Err(Error::Usage {
                message: "the token is longer than a header helper may answer".into(),
                hint: "let a program that takes it ask with `mcpauth token`".into(),
            });
        }
        app.console.answer(&answer)
    }
}
