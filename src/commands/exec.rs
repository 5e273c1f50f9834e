//! `mcpauth exec`: a command with fresh tokens in its environment.

use std::ffi::OsString;

use super::args::{AccountArg, span};
use crate::error::Error;
use crate::flows::App;
use crate::flows::exec::{self, ExecRequest, Injection};
use crate::flows::session::Freshness;
use crate::model::ServerArg;

/// Run a command, such as a stdio MCP server, with a fresh token in its environment
///
/// Without -s or -e the token of the default or only server goes into the variable that its profile names, else
/// into `MCP_ACCESS_TOKEN`. The command replaces this process: same pid, same exit code, nothing in between. An
/// environment cannot change later, so a command that outlives its token should ask `mcpauth token` itself.
#[derive(clap::Args)]
pub(super) struct ExecArgs {
    /// A server whose token is wanted, in the variable that its profile names
    #[arg(long, short, value_name = "SERVER")]
    server: Vec<ServerArg>,

    /// A variable and where its value comes from; FIELD is `token`, `header`, `url`, `expires_at`, `scope` or a member of the
    /// token answer
    #[arg(long, short, value_name = "VAR=SERVER[:FIELD]")]
    env: Vec<Injection>,

    #[command(flatten)]
    account: AccountArg,

    /// How long the token must be valid for at the start
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "5m")]
    min_ttl: i64,

    /// Start with nothing in the environment but HOME, LOGNAME, PATH, SHELL, TERM and USER
    #[arg(long)]
    clean_env: bool,

    /// With --clean-env: keep this variable, too
    #[arg(long, value_name = "VAR", requires = "clean_env")]
    allow_env: Vec<String>,

    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl ExecArgs {
    pub(super) fn run(self, app: &App) -> Result<u8, Error> {
        exec::exec(
            app,
            &ExecRequest {
                servers: self.server,
                injections: self.env,
                account: self.account.account,
                freshness: Freshness { min_ttl: Some(self.min_ttl), ..Freshness::default() },
                clean: self.clean_env.then_some(self.allow_env),
                command: self.command,
            },
        )
    }
}
