//! `mcpauth server`: the administrator's side. Profiles hold no secrets; a client secret goes into the store.

use clap::Subcommand;
use serde::Serialize;
use url::Url;

use super::args::{AccountArg, span};
use super::login::read_client_secret;
use crate::config::{ResourceChoice, ServerProfile};
use crate::error::Error;
use crate::flows::App;
use crate::flows::discover::{self, Finding};
use crate::flows::server::{self, Change};
use crate::model::{Issuer, Name, ScopeSet, ServerArg, ServerUrl};

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
    /// URL or name of the server; the default or only one if left out
    server: Option<ServerArg>,
}

#[derive(clap::Args)]
struct AddArgs {
    /// URL of the MCP server
    url: ServerUrl,

    /// The name to give it; by default its host
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,

    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(clap::Args)]
struct SetArgs {
    #[command(flatten)]
    which: WhichArgs,

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

    /// A client that was registered at the issuer by hand
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,

    /// Read that client's secret from standard input, into the store
    #[arg(long, requires = "client_id")]
    client_secret_stdin: bool,

    /// Mean this server where none is named
    #[arg(long)]
    default: bool,

    /// How long the issuer's metadata may be kept; at least 5m
    #[arg(long, value_name = "TIME", value_parser = span)]
    metadata_ttl: Option<i64>,
}

/// What `login` and `server` settle alike for a server.
#[derive(clap::Args)]
#[command(next_help_heading = "Settled for this server")]
pub(super) struct ProfileArgs {
    /// Scope to ask for, instead of what the server says
    #[arg(long)]
    scope: Option<String>,

    /// Variable into which `exec` puts the token
    #[arg(long, value_name = "VAR")]
    env: Option<crate::flows::exec::Variable>,

    /// The issuer, instead of asking the server for it
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// The resource parameter, instead of what the server says
    #[arg(long, value_name = "URI")]
    resource: Option<String>,

    /// Send no resource parameter
    #[arg(long, conflicts_with = "resource")]
    no_resource: bool,

    /// A further parameter of the sign-in page's address
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    auth_param: Vec<(String, String)>,

    /// Sign in although the issuer does not advertise PKCE
    #[arg(long)]
    assume_pkce: bool,

    /// URL of a document that describes this client, for issuers that take one as client id
    #[arg(long, value_name = "URL")]
    client_metadata_url: Option<Url>,

    /// Host in the redirect URI: `127.0.0.1`, `localhost` or `[::1]`
    #[arg(long, value_name = "HOST", value_parser = ["127.0.0.1", "localhost", "[::1]"])]
    callback_host: Option<String>,

    /// Port of the redirect URI; any free one if left out
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    callback_port: Option<u16>,

    /// Path of the redirect URI
    #[arg(long, value_name = "PATH", value_parser = path)]
    callback_path: Option<String>,

    /// A redirect URI of your own that forwards to the listener
    #[arg(long, value_name = "URL")]
    redirect_url: Option<Url>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    const OURS: [&str; 9] = [
        "response_type",
        "client_id",
        "redirect_uri",
        "state",
        "code_challenge",
        "code_challenge_method",
        "resource",
        "scope",
        "request",
    ];
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    if name.is_empty() || OURS.contains(&name) {
        return Err(format!("`{name}` is not yours to set this way"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn path(text: &str) -> Result<String, String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
    if text.starts_with('/') && text.len() > 1 && text.chars().all(legal) {
        Ok(text.to_owned())
    } else {
        Err("a path begins with a slash and holds letters, digits, slashes, dots and dashes".into())
    }
}

impl ProfileArgs {
    /// Settles what the flags say and leaves the rest as it was.
    pub(super) fn apply(&self, profile: &mut ServerProfile) {
        fn settle<Value: Clone>(own: &mut Option<Value>, flag: Option<&Value>) {
            if let Some(value) = flag {
                *own = Some(value.clone());
            }
        }
        if let Some(scope) = &self.scope {
            // An empty scope goes back to what the server says.
            profile.scope = Some(ScopeSet::from(scope.as_str())).filter(|scope| !scope.is_empty());
        }
        settle(&mut profile.env, self.env.as_ref().map(|variable| variable.as_str().to_owned()).as_ref());
        settle(&mut profile.issuer, self.issuer.as_ref().map(Issuer::new).as_ref());
        settle(&mut profile.client_metadata_url, self.client_metadata_url.as_ref());
        settle(&mut profile.callback.host, self.callback_host.as_ref());
        settle(&mut profile.callback.port, self.callback_port.as_ref());
        settle(&mut profile.callback.path, self.callback_path.as_ref());
        settle(&mut profile.callback.redirect_url, self.redirect_url.as_ref());
        profile.auth_params.extend(self.auth_param.iter().cloned());
        profile.assume_pkce |= self.assume_pkce;
        if let Some(resource) = &self.resource {
            profile.resource = ResourceChoice::Fixed(resource.clone());
        } else if self.no_resource {
            profile.resource = ResourceChoice::Omitted;
        }
    }
}

#[derive(Serialize)]
struct Servers {
    servers: Vec<ServerProfile>,
    default: Option<Name>,
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
                change(&mut app, profile, args.change)
            }
            Action::Set(args) => {
                let profile = app.profile(args.which.server.as_ref())?;
                change(&mut app, profile, args.change)
            }
            Action::Show(args) => {
                let profile = app.profile(args.server.as_ref())?;
                app.console.answer_as(&profile, || toml::to_string_pretty(&profile).unwrap_or_default());
                Ok(())
            }
            Action::List => list(&app),
            Action::Remove(args) => {
                let profile = app.profile(args.server.as_ref())?;
                server::remove(&mut app, &profile)?;
                app.console.success(&format!("forgot {}", profile.name));
                Ok(())
            }
            Action::Test(args) => test(&app, &args),
        }
    }
}

fn change(app: &mut App, mut profile: ServerProfile, args: ChangeArgs) -> Result<(), Error> {
    args.profile.apply(&mut profile);
    if let Some(seconds) = args.metadata_ttl {
        if seconds < 300 {
            return Err(Error::Usage {
                message: "metadata must be kept for at least five minutes".into(),
                hint: "give --metadata-ttl 5m or more".into(),
            });
        }
        profile.metadata_ttl = Some(seconds.unsigned_abs());
    }
    let secret = args.client_secret_stdin.then(read_client_secret).transpose()?;
    let client = args.client_id.map(|id| crate::flows::login::BroughtClient { id, secret });
    let name = profile.name.clone();
    let issuer = server::settle(app, Change { profile, client, default: args.default })?;
    let issuer = issuer.map(|issuer| format!(" (issuer {issuer})")).unwrap_or_default();
    app.console.success(&format!("settled {name}{issuer}"));
    app.console.say(&format!("  sign in with `mcpauth login {name}`"));
    Ok(())
}

fn list(app: &App) -> Result<(), Error> {
    let servers = app.config.profiles()?;
    let default = app.config.settings().default_server.clone();
    let lines = || {
        let line = |profile: &ServerProfile| {
            let mark = if Some(&profile.name) == default.as_ref() { " (default)" } else { "" };
            format!("{}{mark}  {}\n", profile.name, profile.url)
        };
        servers.iter().map(line).collect()
    };
    if servers.is_empty() && !app.console.tone().json {
        app.console.say("no servers yet; `mcpauth login https://…` names one");
        return Ok(());
    }
    let text: String = lines();
    app.console.answer_as(&Servers { servers, default }, || text);
    Ok(())
}

fn test(app: &App, args: &TestArgs) -> Result<(), Error> {
    let profile = app.profile(args.which.server.as_ref())?;
    let findings = discover::try_out(app, &profile, &args.account.account)?;
    let (all, failed) = (findings.len(), findings.iter().filter(|finding| !finding.ok).count());
    let text = || {
        let line = |f: &Finding| format!("{} {}: {}\n", if f.ok { "ok  " } else { "FAIL" }, f.what, f.seen);
        findings.iter().map(line).collect()
    };
    let text: String = text();
    app.console.answer_as(&Findings { ok: failed == 0, findings }, || text);
    if failed == 0 { Ok(()) } else { Err(Error::Partly { failed, all, exit_code: 5 }) }
}
