//! `mcpauth mcp`: sign-ins and requests for an agent, as the tools of an MCP server.

use super::args::FOR_PROGRAMS;
use crate::error::Error;
use crate::flows::{App, agent};

/// Be an MCP server for an agent: it can begin sign-ins and send requests, and never sees a token
///
/// Speaks MCP on standard input and output, for the configuration of a client. Its tools are `auth_login`, which gives the
/// address of the page to open; `auth_status`, which tells how a sign-in stands; and `api_call`, which sends one request to
/// a server where you are signed in. Ends when the client does.
#[derive(clap::Args)]
pub(super) struct McpArgs {}

impl McpArgs {
    #[expect(clippy::unused_self, reason = "every command is run in the same way")]
    pub(super) fn run(self, app: App) -> Result<(), Error> {
        app.console.say_to_typist(FOR_PROGRAMS);
        agent::serve(app)
    }
}
