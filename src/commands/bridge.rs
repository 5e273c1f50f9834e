//! `mcpauth bridge`: a remote server for a host that only speaks to programs.

use clap::ValueEnum;

use super::args::{AccountArg, FOR_PROGRAMS};
use crate::error::Error;
use crate::flows::App;
use crate::flows::attempt::Policy;
use crate::flows::bridge::{self, BridgeRequest};
use crate::mcp::tool_filter::{Pattern, ToolFilter};
use crate::model::ServerArg;

/// Connect an MCP client that starts programs with a remote server, always signed in
///
/// Takes the place of a stdio server in the client's configuration: MCP on standard input and output here, HTTP there,
/// with a fresh token in every request. If nobody is signed in and the server asks for that, one browser page is opened,
/// and whatever the client asks waits for it; no page is opened twice within ten minutes. Ends when the client does.
#[derive(clap::Args)]
pub(super) struct BridgeArgs {
    /// URL or name of the MCP server; the default or only one if left out
    server: Option<ServerArg>,

    #[command(flatten)]
    account: AccountArg,

    /// Whether a browser may be opened where a sign-in is needed
    #[arg(long, value_enum, default_value_t = Login::Auto)]
    login: Login,

    /// Show and pass on only tools whose name matches this pattern, in which `*` stands for anything; may be repeated
    #[arg(long, value_name = "PATTERN")]
    allow: Vec<Pattern>,

    /// Hide and refuse tools whose name matches this pattern, also if they are allowed; may be repeated
    #[arg(long, value_name = "PATTERN")]
    deny: Vec<Pattern>,

    /// Let a client of one era of MCP use a server of the other: before 2026-07-28 with sessions, since then without
    #[arg(long)]
    translate: bool,
}

/// When a browser is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Login {
    /// Where there is a display, once in ten minutes
    Auto,
    /// The client gets an error that names the command to type
    Never,
}

impl BridgeArgs {
    pub(super) fn run(self, app: App) -> Result<(), Error> {
        let policy = match self.login {
            Login::Auto => Policy::Auto,
            Login::Never => Policy::Never,
        };
        app.console.say_to_typist(FOR_PROGRAMS);
        bridge::bridge(
            app,
            BridgeRequest {
                server: self.server,
                account: self.account.account,
                policy,
                filter: ToolFilter { allow: self.allow, deny: self.deny },
                translate: self.translate,
            },
        )
    }
}
