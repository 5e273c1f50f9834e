//! `mcpauth exec`: a command with fresh tokens in its environment.

use std::ffi::OsString;
use std::sync::Arc;

use super::args::{AccountArg, span};
use crate::error::Error;
use crate::flows::App;
use crate::flows::exec::{self, ExecRequest, Injection};
use crate::flows::live::{Live, Mask};
use crate::flows::session::Freshness;
use crate::model::ServerArg;

/// Run a command, such as a stdio MCP server, with a fresh token in its environment
///
/// Without -s or -e the token of the default or only server goes into the variable that its profile names, else
/// into `MCP_ACCESS_TOKEN`. The command replaces this process: same pid, same exit code, nothing in between.
///
/// An environment cannot change later. For a command that outlives its token, one of the live options keeps this process
/// as its parent, and so does --mask: signals go on to the command, and it ends with this process. Then a variable whose
/// token is live is not set itself; -e VAR=SERVER:token sets it all the same.
#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own, not the state of one machine")]
pub(super) struct ExecArgs {
    /// Put the token of this server into the variable that its profile names; may be repeated
    #[arg(long, short, value_name = "SERVER")]
    server: Vec<ServerArg>,

    /// Put this into that variable; may be repeated. FIELD is `token`, `header`, `url`, `expires_at`, `scope` or a
    /// member of the token answer; `token` if left out
    #[arg(long, short = 'e', value_name = "VAR=SERVER[:FIELD]")]
    inject: Vec<Injection>,

    #[command(flatten)]
    account: AccountArg,

    /// How long the token must be valid for at the start; by default 5m, or half of a shorter life
    #[arg(long, value_name = "TIME", value_parser = span)]
    min_ttl: Option<i64>,

    /// Start with nothing in the environment but HOME, LOGNAME, PATH, SHELL, TERM and USER
    #[arg(long)]
    clean_env: bool,

    /// With --clean-env, keep this variable, too; may be repeated
    #[arg(long, value_name = "VAR", requires = "clean_env")]
    allow_env: Vec<String>,

    /// Keep the token fresh in a private file while the command runs; its path is in `VAR_FILE`. The file is empty while
    /// there is no login
    #[arg(long)]
    token_file: bool,

    /// Give a fresh token, and a newline, to everybody of this user who connects to a Unix socket; its path is in
    /// `VAR_SOCKET`
    #[arg(long)]
    socket: bool,

    /// Give the command no token but a proxy on this machine that adds it; where its server is found there is in
    /// `VAR_URL`, which opens the proxy to whoever has it for as long as the command runs
    #[arg(long, conflicts_with_all = ["token_file", "socket"])]
    proxy: bool,

    /// End the command before its token ends, and start it with a new one; for what can do nothing else. A stdio server
    /// loses its session
    #[arg(long, conflicts_with_all = ["token_file", "socket", "proxy"])]
    restart_before_expiry: bool,

    /// Leave the token out of what the command writes to standard error, also where it is percent-encoded or in base64;
    /// standard output stays as it is
    #[arg(long)]
    mask: bool,

    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl ExecArgs {
    pub(super) fn run(self, app: App) -> Result<u8, Error> {
        exec::exec(
            app,
            ExecRequest {
                servers: self.server,
                injections: self.inject,
                account: self.account.account,
                freshness: Freshness { min_ttl: self.min_ttl, ..Freshness::default() },
                clean: self.clean_env.then_some(self.allow_env),
                live: Live {
                    token_file: self.token_file,
                    socket: self.socket,
                    proxy: self.proxy,
                    restart: self.restart_before_expiry,
                },
                mask: self.mask.then(Arc::<Mask>::default),
                command: self.command,
            },
        )
    }
}
