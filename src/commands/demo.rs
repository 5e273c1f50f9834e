//! `mcpauth demo`: all of it in one go, on this machine only, leaving nothing behind.

use std::time::Duration;

use serde_json::json;

use super::args::patience;
use crate::config::ServerProfile;
use crate::error::Error;
use crate::flows::login::{self, LoginRequest};
use crate::flows::session::{self, Freshness};
use crate::flows::{App, demo};
use crate::model::{LoginKey, Name, ScopeSet, ServerUrl};
use crate::sandbox::{Sandbox, SandboxOptions};

/// See it work: sign in to a sandbox, get a token, run an MCP server with it
///
/// Everything happens on this machine and in a temporary directory that is removed at the end. Where there is a
/// browser you are asked to consent in it; where there is none the sandbox consents by itself, and says so.
#[derive(clap::Args)]
pub(super) struct DemoArgs {
    /// Let the sandbox consent by itself even where there is a browser
    #[arg(long)]
    auto_consent: bool,

    /// How long to wait for your consent
    #[arg(long, value_name = "TIME", value_parser = patience, default_value = "300s")]
    timeout: Duration,
}

impl DemoArgs {
    pub(super) fn run(&self, app: &App) -> Result<(), Error> {
        let failed =
            |error: std::io::Error| Error::Unforeseen(format!("cannot set up the demonstration: {error}"));
        let home = tempfile::tempdir().map_err(failed)?;
        let by_itself = self.auto_consent || !app.ports.browser.available();
        let options = SandboxOptions { auto_consent: by_itself, ..SandboxOptions::default() };
        let sandbox = Sandbox::start(options).map_err(failed)?;
        let mut stage = demo::stage(app, home.path(), by_itself)?;
        let console = &app.console;

        let origin = sandbox.origin();
        console.say(&format!("1. a sandbox runs at {origin}: an issuer and a protected MCP server\n"));

        console.say("2. mcpauth login");
        if by_itself {
            console.say("   (no browser here, so the sandbox consents by itself)");
        }
        let request = self.login_request(&sandbox)?;
        let outcome = login::login(&mut stage, &request)?;
        let who = outcome.summary.login.identity.label().unwrap_or("somebody").to_owned();
        console.success(&format!("signed in as {who}\n"));

        console.say("3. mcpauth token demo");
        let key = LoginKey { server: request.profile.name, account: request.account };
        let login = session::fresh_login(&stage, &key, &Freshness::default())?;
        let length = login.tokens.access_token.expose().len();
        console.success(&format!("a fresh access token of {length} characters\n"));

        console.say("4. mcpauth exec -- a stdio MCP server, which calls the protected one with its token");
        let answer = demo::run_server(home.path())?;
        console.success("its tool whoami was answered:");
        console.answer_as(&json!({ "answer": answer }), || answer.clone())?;

        console.say("\nthat was all of it, and nothing of it is left; now try `mcpauth login https://…`");
        Ok(())
    }

    /// A login that also asks who signs in.
    fn login_request(&self, sandbox: &Sandbox) -> Result<LoginRequest, Error> {
        let url: ServerUrl = sandbox.mcp_url().parse()?;
        let scope = Some(ScopeSet::from("openid mcp:basic"));
        let profile = ServerProfile { scope, ..ServerProfile::new("demo".parse()?, url) };
        Ok(LoginRequest::by_itself(profile, Name::default(), ScopeSet::default(), self.timeout))
    }
}
