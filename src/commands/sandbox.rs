//! `mcpauth sandbox`: an issuer and a protected MCP server on this machine, for development.

use serde_json::json;

use super::args::span;
use crate::error::Error;
use crate::flows::App;
use crate::sandbox::{Dpop, Imitation, KNOWN_CLIENT, Sandbox, SandboxOptions, Speaks, imitations};

/// Run a development issuer with a protected MCP server, on this machine only
///
/// Speaks the same protocols as a real one and is strict about them. Good for trying things out, for tests and for
/// MCP Inspector; not for production.
#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct SandboxArgs {
    /// Port to listen on; any free one if left out
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,

    /// Grant every request without asking
    #[arg(long)]
    auto_consent: bool,

    /// How long access tokens live
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "1h")]
    access_ttl: i64,

    /// Keep refresh tokens valid after use instead of rotating them
    #[arg(long)]
    no_rotation: bool,

    /// How long a spent refresh token still yields its successor
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "0")]
    grace: i64,

    /// Register no clients: there is one, sandbox-client
    #[arg(long)]
    no_registration: bool,

    /// Let devices sign in: a code is shown there and typed at /device
    #[arg(long)]
    device: bool,

    /// Bind tokens to a key of the client (DPoP): for those who want it, or for everybody
    #[arg(long, value_name = "WHO", value_enum)]
    dpop: Option<DpopArg>,

    /// Publish no protected resource metadata, like servers of MCP 2025-03-26
    #[arg(long)]
    no_resource_metadata: bool,

    /// Speak only this revision of MCP; 2025-11-25 stands for all that have sessions
    #[arg(long, value_name = "REVISION", value_enum)]
    only: Option<RevisionArg>,

    /// Imitate a provider that has ways of its own, as far as people reported them
    #[arg(long, value_name = "NAME", value_parser = imitated)]
    imitate: Option<String>,
}

/// What `--imitate` takes. A function and no list: the file is read only where the flag is used.
fn imitated(name: &str) -> Result<String, String> {
    let known: Vec<&str> = imitations().iter().map(|imitation| imitation.name.as_str()).collect();
    if known.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(format!("there are imitations of {}", known.join(", ")))
}

/// The revisions that differ in how messages travel.
#[derive(Clone, Copy, clap::ValueEnum)]
enum RevisionArg {
    /// One stream for all answers
    #[value(name = "2024-11-05")]
    Legacy,
    /// Sessions
    #[value(name = "2025-11-25")]
    Sessions,
    /// No sessions
    #[value(name = "2026-07-28")]
    Stateless,
}

impl RevisionArg {
    fn knob(self) -> Speaks {
        match self {
            Self::Legacy => Speaks::OnlyLegacy(405),
            Self::Sessions => Speaks::OnlySessions(400),
            Self::Stateless => Speaks::OnlyStateless,
        }
    }
}

/// Whose tokens are bound to a key.
#[derive(Clone, Copy, clap::ValueEnum)]
enum DpopArg {
    /// Clients that send a proof
    Offered,
    /// All clients; who sends no proof gets no token
    Required,
}

impl DpopArg {
    fn knob(self) -> Dpop {
        match self {
            Self::Offered => Dpop::Offered,
            Self::Required => Dpop::Required,
        }
    }
}

impl SandboxArgs {
    pub(super) fn run(self, app: &App) -> Result<(), Error> {
        let options = self.options()?;
        let failed = |error: std::io::Error| Error::Usage {
            message: format!("cannot listen on port {}: {error}", self.port),
            hint: "choose another --port, or leave it out for any free one".into(),
        };
        let imitation = options.imitation.clone();
        let registers = options.registration;
        let sandbox = Sandbox::start(options).map_err(failed)?;
        if !registers {
            // Where nobody can register, somebody has to be known, or nobody could ever sign in.
            let redirects = ["http://127.0.0.1/callback", "http://localhost/callback"];
            sandbox.add_client(KNOWN_CLIENT, None, &redirects);
        }
        let url = sandbox.mcp_url();
        let answer = json!({ "url": url, "sse_url": sandbox.sse_url(), "websocket_url": sandbox.websocket_url(),
            "issuer": sandbox.origin(),
            "imitates": imitation.as_ref().map(|imitation| &imitation.name) });
        app.console.answer_as(&answer, || url.clone())?;
        app.console.say(&told(&sandbox, registers, imitation.as_ref()));
        let waited = crate::http::block_on(crate::platform::interrupted());
        drop(sandbox);
        waited.map_err(|error| Error::Unforeseen(error.to_string()))
    }

    /// The knobs that the flags turn.
    fn options(&self) -> Result<SandboxOptions, Error> {
        let options = SandboxOptions {
            port: self.port,
            auto_consent: self.auto_consent,
            access_lifetime: self.access_ttl.unsigned_abs(),
            rotation: !self.no_rotation,
            grace: self.grace.unsigned_abs(),
            registration: !self.no_registration,
            metadata_documents: !self.no_registration,
            any_loopback_port: self.no_registration,
            device: self.device,
            dpop: self.dpop.map_or(Dpop::Off, DpopArg::knob),
            resource_metadata: !self.no_resource_metadata,
            speaks: self.only.map_or(Speaks::Everything, RevisionArg::knob),
            ..SandboxOptions::default()
        };
        let Some(name) = &self.imitate else { return Ok(options) };
        options.imitate(name).ok_or_else(|| Error::Unforeseen(format!("no imitation {name}")))
    }
}

/// What to do next, and what this is not.
fn told(sandbox: &Sandbox, registers: bool, imitation: Option<&Imitation>) -> String {
    let (url, sse, websocket) = (sandbox.mcp_url(), sandbox.sse_url(), sandbox.websocket_url());
    let imitates = imitation.map(|Imitation { name, what, .. }| {
        format!(
            "\n  imitates: {name}, as far as people reported it: it {what}; it is not the provider itself"
        )
    });
    let client = (!registers).then(|| format!(" --client-id {KNOWN_CLIENT}"));
    let quirks = imitation.map(|imitation| format!(" --quirks {}", imitation.name));
    format!(
        "sandbox for development, not for production{}\n  sign in:  mcpauth login {url}{}{}\n  also at:  {sse} (MCP 2024-11-05), {websocket} (WebSocket)\n  stop:     Ctrl-C",
        imitates.unwrap_or_default(),
        client.unwrap_or_default(),
        quirks.unwrap_or_default(),
    )
}
