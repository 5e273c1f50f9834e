//! `mcpauth login`: sign in to a server.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use url::Url;

use super::args::{AccountArg, patience};
use super::client::ClientArgs;
use super::profile::ProfileArgs;
use crate::config::ServerProfile;
use crate::error::Error;
use crate::flows::App;
use crate::flows::brought;
use crate::flows::login::{self, LoginOutcome, LoginRequest};
use crate::model::{GrantKind, LoginSummary, Name, ServerArg};
use crate::oauth;
use crate::oauth::discovery::Step;
use crate::store::StoreKind;
use crate::wording::span;

/// Sign in to an MCP server through the browser
///
/// Finds the server's issuer, registers as a client where that is needed, opens the issuer's page and waits for the
/// browser to come back. A login that is there is replaced only when the new one has succeeded. The address of the
/// page is always printed; on a terminal the address at which the browser ends up may be pasted, too.
#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct LoginArgs {
    /// URL of the MCP server, or the name of a known one; the default or only one if left out
    server: Option<ServerArg>,

    /// The name to give the server; by default its host
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,

    #[command(flatten)]
    account: AccountArg,

    /// Open no page, only print its address
    #[arg(long)]
    no_browser: bool,

    /// Do not listen; ask for the address at which the browser ends up
    #[arg(long)]
    paste: bool,

    /// How long to wait for you
    #[arg(long, value_name = "TIME", value_parser = patience, default_value = "300s")]
    timeout: Duration,

    #[command(flatten)]
    client: ClientArgs,

    /// Ask for this, too, beside what the login has already; may be repeated
    #[arg(long, value_name = "SCOPE", conflicts_with = "scope")]
    add_scope: Vec<String>,

    /// Sign in with a code that you type on another device, where the issuer offers that
    #[arg(long, conflicts_with_all = ["paste", "grant"])]
    device: bool,

    /// With --device, draw the address for the camera of a phone
    #[arg(long)]
    qr: bool,

    /// Ask the server and its issuer for everything, whatever is remembered of them
    #[arg(long)]
    fresh: bool,

    /// Show every step and decision, with the rule behind it and the flag that would change it
    #[arg(long)]
    explain: bool,

    #[command(flatten)]
    profile: ProfileArgs,
}

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    summary: LoginSummary,
    store: StoreKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<Step>>,
}

impl LoginArgs {
    pub(super) fn run(self, mut app: App) -> Result<(), Error> {
        let profile = self.profile(&app)?;
        let client = self.client.read()?;
        let grant = if self.device { GrantKind::Device } else { profile.grant };
        if self.qr && grant != GrantKind::Device {
            return Err(Error::Usage {
                message: "a phone could not come back to this machine from the address that --qr would draw"
                    .into(),
                hint: "add --device, where the issuer offers that".into(),
            });
        }
        let mut request = LoginRequest {
            profile,
            grant,
            account: self.account.account.clone(),
            client,
            browser: !self.no_browser && !self.paste,
            paste_only: self.paste,
            add_scope: self.add_scope.iter().flat_map(|text| text.split_ascii_whitespace()).collect(),
            extra_params: BTreeMap::new(),
            fresh: self.fresh,
            qr: self.qr,
            explain: self.explain,
            timeout: self.timeout,
            gives_way: false,
        };
        let outcome = match login::login(&mut app, &request) {
            // Where a person sits, what only he can know may as well be asked for.
            Err(error) if can_ask_for_client(&app, &error) => {
                app.console.error(&error);
                let again = login::again(&app, &request);
                let Some(client) = brought::ask(&app, &again)? else { return Err(error) };
                request.client = Some(client);
                let callback = &mut request.profile.callback;
                if callback.redirect_url.is_none() {
                    // The client was registered with the redirect URI that was just told, so it must stay the same.
                    callback.port = callback.port.or(told_port(&error));
                }
                login::login(&mut app, &request)?
            }
            outcome => outcome?,
        };
        self.tell(&app, outcome)
    }

    /// The profile that is meant, known or new, with what the flags settle.
    fn profile(&self, app: &App) -> Result<ServerProfile, Error> {
        let server = self.server.as_ref().or(app.server_wish.as_ref());
        let known = match server {
            Some(server) => app.config.find(server)?,
            None => Some(app.profile(None)?),
        };
        let mut profile = match (known, server, &self.name) {
            (Some(known), _, Some(name)) if known.name != *name => {
                return Err(Error::Usage {
                    message: format!("{} is already named {}", known.url, known.name),
                    hint: format!(
                        "for another identity there use `mcpauth login {} --account {name}`",
                        known.name
                    ),
                });
            }
            (Some(known), ..) => known,
            (None, Some(ServerArg::Url(url)), name) => {
                let name = name.clone().map_or_else(|| app.config.name_for(url), Ok)?;
                if let Some(taken) = app.config.profile(&name)? {
                    return Err(Error::Usage {
                        message: format!("the name {name} is taken by {}", taken.url),
                        hint: "choose another --name".into(),
                    });
                }
                ServerProfile::new(name, url.clone())
            }
            (None, server, _) => {
                app.profile(server)?;
                return Err(Error::Unforeseen("a server is known and unknown at once".into()));
            }
        };
        self.profile.apply(&mut profile)?;
        Ok(profile)
    }

    fn tell(&self, app: &App, outcome: LoginOutcome) -> Result<(), Error> {
        let store = app.store()?.kind();
        let LoginOutcome { summary, before, trace } = outcome;
        let console = &app.console;
        let who = summary
            .login
            .identity
            .label()
            .map(|label| format!(" as {}", crate::peer_text::PeerText::from(label)));
        console.success(&format!("signed in to {}{}", summary.login.server, who.unwrap_or_default()));
        if let Some(label) = before.as_ref().and_then(|before| before.label()) {
            console.warn(&format!("before, this account was {}", crate::peer_text::PeerText::from(label)));
        }
        console.say(&format!("  {} · {}", access(&summary, app), describe_store(app, store)));
        if !summary.tokens.refreshable {
            console.warn("the issuer gave no refresh token, so a new sign-in is needed when the access ends; some give one only for an \
                 --auth-param, or for the scope offline_access");
        }
        if console.tone().json {
            let steps = self.explain.then_some(trace.0);
            console.answer_as(&Answer { summary, store, steps }, String::new)?;
        }
        Ok(())
    }
}

fn can_ask_for_client(app: &App, error: &Error) -> bool {
    told_to_register(error).is_some() && app.ports.terminal.is_interactive() && !app.console.tone().json
}

/// The redirect URI that an error told the person to register a client with.
fn told_to_register(error: &Error) -> Option<&str> {
    match error {
        Error::Remote { source, .. } => match &**source {
            oauth::Error::NoRegistration { redirect_uri, .. } => Some(redirect_uri),
            _ => None,
        },
        _ => None,
    }
}

/// The port of that redirect URI.
fn told_port(error: &Error) -> Option<u16> {
    Url::parse(told_to_register(error)?).ok()?.port()
}

fn access(summary: &LoginSummary, app: &App) -> String {
    let life = match summary.tokens.expires_at {
        Some(end) => format!("access for {}", span(end.since(app.now()))),
        None => "access without a stated end".into(),
    };
    let renewal = if summary.tokens.refreshable { ", renewed by itself" } else { "" };
    format!("{life}{renewal}")
}

/// Where a login rests, in words.
fn describe_store(app: &App, store: StoreKind) -> String {
    match store {
        StoreKind::Keychain => format!("sealed on disk, the key is in the {}", app.ports.keychain.name()),
        StoreKind::Passphrase => "sealed on disk with your passphrase".into(),
        StoreKind::File => format!("in plain files under {}", app.config.places().data.display()),
        StoreKind::Memory => "not stored: it ends with this command".into(),
    }
}
