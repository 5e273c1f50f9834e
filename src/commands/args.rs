//! Arguments that several commands share.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use crate::audit::Trail;
use crate::config::{Config, ConfigError};
use crate::console::{Console, Tone};
use crate::error::Error;
use crate::flows::{App, Ports};
use crate::model::{LoginKey, Name, ServerArg};
use crate::places::Places;
use crate::platform;
use crate::store::StoreKind;

/// What a person sees who starts by hand what a client is to start.
pub(super) const FOR_PROGRAMS: &str =
    "waiting for an MCP client, which sends one JSON-RPC message on each line; Ctrl-C ends this";

/// Flags that every command takes.
#[derive(clap::Args)]
pub struct GlobalArgs {
    /// Answer in JSON; errors are one line of JSON on standard error
    #[arg(long, global = true, help_heading = "Everywhere")]
    json: bool,

    /// Say nothing but answers, warnings and errors
    #[arg(long, short, global = true, help_heading = "Everywhere")]
    quiet: bool,

    /// Show each HTTP request and decision; never a secret
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Everywhere")]
    verbose: u8,

    /// Where logins are stored: keychain, passphrase, or file for plain files
    #[arg(long, global = true, value_enum, hide_possible_values = true, help_heading = "Everywhere")]
    store: Option<StoreKind>,

    /// Keep configuration, logins and state in this directory
    #[arg(long, global = true, value_name = "DIR", help_heading = "Everywhere")]
    config: Option<PathBuf>,

    /// Read the passphrase of the store from this file descriptor
    #[arg(long, global = true, value_name = "N", help_heading = "Everywhere")]
    passphrase_fd: Option<u32>,
}

impl GlobalArgs {
    /// How the program is to speak.
    pub(super) fn tone(&self) -> Tone {
        Tone { json: self.json, quiet: self.quiet, verbose: self.verbose, colorless: colorless() }
    }

    /// The program, with its configuration read, about to run this command; leniently, a configuration that cannot be
    /// read settles nothing.
    pub(super) fn app(&self, ports: Ports, command: &'static str, leniently: bool) -> Result<App, Error> {
        let places = Places::find(&|name| std::env::var_os(name), self.config.as_deref())
            .map_err(ConfigError::from)?;
        let config = match Config::load(places.clone()) {
            Err(_) if leniently => Config::unsettled(places),
            config => config?,
        };
        let settings = config.settings();
        let may_hold = |kind| settings.kinds().map_or(self.store.is_none(), |kinds| kinds.admit(kind));
        let keychain = self.store == Some(StoreKind::Keychain) || may_hold(StoreKind::Keychain);
        Ok(App {
            // Now, because no other thread runs yet.
            found_session_bus: keychain && platform::find_session_bus(settings.session_bus.as_deref()),
            console: Console::new(ports.terminal.clone(), self.tone()),
            ports,
            config,
            store_wish: self.store,
            passphrase_descriptor: self.passphrase_fd,
            deadline: None,
            trail: Trail::of(command),
            opened: OnceLock::new(),
            server_wish: server_wish()?,
        })
    }
}

/// Whether the user wants no colour (<https://no-color.org>).
pub(super) fn colorless() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// The server that `MCPAUTH_SERVER` names: the twin of every way to name one, used where none is named.
fn server_wish() -> Result<Option<ServerArg>, Error> {
    let named = std::env::var("MCPAUTH_SERVER").ok().filter(|text| !text.is_empty());
    Ok(named.map(|text| text.parse()).transpose()?)
}

/// Which login is meant.
#[derive(clap::Args)]
pub(super) struct LoginRef {
    /// URL or name of the MCP server; the default or only one if left out
    pub(super) server: Option<ServerArg>,

    #[command(flatten)]
    pub(super) account: AccountArg,
}

impl LoginRef {
    /// The login that is meant.
    pub(super) fn key(&self, app: &App) -> Result<LoginKey, Error> {
        app.login_key(self.server.as_ref(), &self.account.account)
    }
}

/// Which account is meant.
#[derive(clap::Args)]
pub(super) struct AccountArg {
    /// Which of several identities at the server
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(super) account: Name,
}

/// The longest span of time, in seconds: a hundred years, which can be added to any time.
const LONGEST_SPAN: i64 = 36_525 * 86_400;

/// A span of time: a number of seconds, or a number with `s`, `m`, `h` or `d`.
pub(super) fn span(text: &str) -> Result<i64, String> {
    let unit = text.chars().last().ok_or("empty")?;
    let (number, factor) = match unit {
        's' => (&text[..text.len() - 1], 1),
        'm' => (&text[..text.len() - 1], 60),
        'h' => (&text[..text.len() - 1], 3600),
        'd' => (&text[..text.len() - 1], 86_400),
        _ => (text, 1),
    };
    let number: i64 = number.parse().map_err(|_| "write it as 300, 300s, 5m, 2h or 1d".to_owned())?;
    let seconds = number.checked_mul(factor).filter(|seconds| (0..=LONGEST_SPAN).contains(seconds));
    seconds.ok_or_else(|| "out of range".to_owned())
}

/// The same for what is waited for.
pub(super) fn patience(text: &str) -> Result<Duration, String> {
    span(text).map(|seconds| Duration::from_secs(seconds.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_in_every_unit() {
        for (text, seconds) in [("300", 300), ("5m", 300), ("2h", 7200), ("1d", 86_400), ("0s", 0)] {
            assert_eq!(span(text), Ok(seconds));
        }
        for wrong in ["", "m", "-1", "1.5h", "99999999999999999d", "36526d", "5 m"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
