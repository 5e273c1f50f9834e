//! `mcpauth server`: the administrator's side. Profiles hold no secrets; a client secret goes into the store.

use clap::Subcommand;
use serde::Serialize;
use serde_json::json;

use super::args::{AccountArg, span};
use super::client::ClientArgs;
use super::profile::{ProfileArgs, SETTLED, Unset};
use crate::config::ServerProfile;
use crate::error::Error;
use crate::flows::App;
use crate::flows::discover::{self, Finding};
use crate::flows::server::{self, Change};
use crate::model::{Issuer, Name, ServerArg, ServerUrl};

/// Name servers and settle how to sign in to them
#[derive(clap::Args)]
pub(super) struct ServerArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Name a server, check it and settle how to sign in to it
    Add(AddArgs),
    /// Show what is settled for a server
    Show(WhichArgs),
    /// Change what is settled for a server
    Set(SetArgs),
    /// List the named servers
    List,
    /// Forget a server that nobody is signed in to
    Remove(WhichArgs),
    /// Try a server out: discovery, issuer, PKCE, and whether it takes the token
    Test(TestArgs),
}

#[derive(clap::Args)]
struct WhichArgs {
    /// URL or name of the MCP server; the default or only one if left out
    server: Option<ServerArg>,
}

#[derive(clap::Args)]
struct AddArgs {
    /// URL of the MCP server
    url: ServerUrl,

    /// The name to give the server; by default its host
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,

    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(clap::Args)]
struct SetArgs {
    #[command(flatten)]
    which: WhichArgs,

    /// Settle this no longer; may be repeated
    #[arg(long, value_name = "WHAT", value_enum)]
    unset: Vec<Unset>,

    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(clap::Args)]
struct TestArgs {
    #[command(flatten)]
    which: WhichArgs,

    #[command(flatten)]
    account: AccountArg,
}

#[derive(clap::Args)]
struct ChangeArgs {
    #[command(flatten)]
    profile: ProfileArgs,

    #[command(flatten)]
    client: ClientArgs,

    /// Mean this server where none is named
    #[arg(long, help_heading = SETTLED)]
    default: bool,

    /// How long the issuer's metadata may be kept, at least 5m; a day if left out
    #[arg(long, value_name = "TIME", value_parser = span, help_heading = SETTLED)]
    metadata_ttl: Option<i64>,
}

#[derive(Serialize)]
struct Servers {
    servers: Vec<ServerProfile>,
    default: Option<Name>,
}

#[derive(Serialize)]
struct Settled {
    server: Option<ServerProfile>,
    issuer: Option<Issuer>,
}

#[derive(Serialize)]
struct Findings {
    ok: bool,
    findings: Vec<Finding>,
}

impl ServerArgs {
    pub(super) fn run(self, mut app: App) -> Result<(), Error> {
        match self.action {
            Action::Add(args) => {
                let name = args.name.map_or_else(|| app.config.name_for(&args.url), Ok)?;
                if app.config.profile(&name)?.is_some() {
                    return Err(Error::Usage {
                        message: format!("there is a server named {name} already"),
                        hint: format!("change it with `mcpauth server set {name}`, or choose another --name"),
                    });
                }
                let profile = ServerProfile::new(name, args.url);
                change(&mut app, profile, &args.change)
            }
            Action::Set(args) => {
                let mut profile = app.profile(args.which.server.as_ref())?;
                args.unset.iter().for_each(|what| what.clear(&mut profile));
                change(&mut app, profile, &args.change)
            }
            Action::Show(args) => {
                let profile = app.profile(args.server.as_ref())?;
                app.console.answer_as(&profile, || toml::to_string_pretty(&profile).unwrap_or_default())
            }
            Action::List => list(&app),
            Action::Remove(args) => {
                let profile = app.profile(args.server.as_ref())?;
                server::remove(&mut app, &profile)?;
                app.console.success(&format!("forgot {}", profile.name));
                app.console.answer_as(&json!({ "removed": profile.name }), String::new)
            }
            Action::Test(args) => test(&app, &args),
        }
    }
}

fn change(app: &mut App, mut profile: ServerProfile, args: &ChangeArgs) -> Result<(), Error> {
    args.profile.apply(&mut profile)?;
    if let Some(seconds) = args.metadata_ttl {
        if seconds < 300 {
            return Err(Error::Usage {
                message: "metadata must be kept for at least five minutes".into(),
                hint: "give --metadata-ttl 5m or more".into(),
            });
        }
        profile.metadata_ttl = Some(seconds.unsigned_abs());
    }
    let client = args.client.read()?;
    let name = profile.name.clone();
    let issuer = server::settle(app, Change { profile, client, default: args.default })?;
    let found = issuer.as_ref().map(|issuer| format!(" (issuer {issuer})")).unwrap_or_default();
    app.console.success(&format!("settled {name}{found}"));
    app.console.say(&format!("  sign in with `mcpauth login {name}`"));
    if app.console.tone().json {
        let server = app.config.profile(&name)?;
        app.console.answer_as(&Settled { server, issuer }, String::new)?;
    }
    Ok(())
}

fn list(app: &App) -> Result<(), Error> {
    let servers = app.config.profiles()?;
    let default = app.config.settings().default_server.clone();
    if servers.is_empty() && !app.console.tone().json {
        app.console.say("no servers yet; `mcpauth login https://…` names one");
        return Ok(());
    }
    let line = |profile: &ServerProfile| {
        let mark = if Some(&profile.name) == default.as_ref() { " (default)" } else { "" };
        format!("{}{mark}  {}\n", profile.name, profile.url)
    };
    let text: String = servers.iter().map(line).collect();
    app.console.answer_as(&Servers { servers, default }, || text)
}

fn test(app: &App, args: &TestArgs) -> Result<(), Error> {
    let profile = app.profile(args.which.server.as_ref())?;
    let findings = discover::try_out(app, &profile, &args.account.account)?;
    let verdict = discover::verdict(findings.iter());
    let line = |f: &Finding| format!("{} {}: {}\n", if f.ok { "ok  " } else { "FAIL" }, f.what, f.seen);
    let text: String = findings.iter().map(line).collect();
    app.console.answer_as(&Findings { ok: verdict.is_ok(), findings }, || text)?;
    verdict
}
