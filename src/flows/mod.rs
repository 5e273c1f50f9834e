//! The use cases. They touch people, time and the keychain only through [`Ports`], and never print an answer.

pub mod agent;
mod at_hand;
pub mod attempt;
pub mod brake;
pub mod bridge;
pub mod brought;
pub mod call;
pub mod condition;
pub mod dealings;
pub mod demo;
pub mod discover;
pub mod doctor;
mod enterprise;
pub mod exec;
mod explain;
pub mod handout;
mod host;
pub mod live;
pub mod login;
pub mod logout;
mod metadata_cache;
pub mod moving;
pub mod passphrase;
mod printed;
pub mod proxy;
pub mod redirect;
pub mod relay;
pub mod renewal;
pub mod server;
pub mod session;
mod sources;
pub mod store;
mod token_source;
pub mod trail;
mod unattended;
pub mod worker;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::audit::{Event, Kind, Trail};
use crate::browser::Browser;
use crate::clock::{Clock, UnixTime};
use crate::config::{Config, ConfigError, ServerProfile};
use crate::console::Console;
use crate::error::Error;
use crate::http::{Exchange, Http};
use crate::keychain::Keychain;
use crate::model::{ClientFacts, LoginKey, LoginSummary, Name, RegistrationSource, ServerArg, ServerUrl};
use crate::oauth;
use crate::store::{KeySource as _, KeychainKey, Kinds, Store, StoreError, StoreKind};
use crate::wording::quoted;

/// What a test cannot be: people, time, and the keychain that belongs to them.
#[derive(Clone)]
pub struct Ports {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Opens pages for the person.
    pub browser: Arc<dyn Browser>,
    /// Keeps one key.
    pub keychain: Arc<dyn Keychain>,
    /// Where the person sits.
    pub terminal: Arc<dyn crate::console::Terminal>,
    /// This program, to be started where something has to outlive us; without it nothing does.
    pub program: Option<PathBuf>,
}

/// What every use case works with.
pub struct App {
    /// People, time, keychain.
    pub ports: Ports,
    /// Speaks to the person.
    pub console: Console,
    /// What the user settled.
    pub config: Config,
    /// The server that is meant where none is named (`MCPAUTH_SERVER`).
    pub server_wish: Option<ServerArg>,
    /// The store that the command line asks for.
    pub store_wish: Option<StoreKind>,
    /// The file descriptor from which the passphrase of the store is to be read.
    pub passphrase_descriptor: Option<u32>,
    /// When the answer has to be there, for callers that do not wait longer.
    pub deadline: Option<Instant>,
    /// Whether we had to tell ourselves where the session bus is: what we become is told only what we were told.
    pub found_session_bus: bool,
    /// Where what happens is written down.
    pub trail: Trail,
    /// The store, once it was opened: its key is asked for once, however many logins are read.
    pub opened: OnceLock<Arc<Store>>,
}

impl App {
    /// The same program once more, for a thread of its own: what it settles or finds out is not seen here.
    pub fn another(&self) -> Result<Self, Error> {
        Ok(Self {
            ports: self.ports.clone(),
            console: Console::new(Arc::clone(&self.ports.terminal), self.console.tone()),
            config: Config::load(self.config.places().clone())?,
            server_wish: self.server_wish.clone(),
            store_wish: self.store_wish,
            passphrase_descriptor: self.passphrase_descriptor,
            deadline: self.deadline,
            found_session_bus: self.found_session_bus,
            trail: Trail::on_behalf_of(self.trail.caller().clone()),
            opened: self.opened.clone(),
        })
    }

    /// The time.
    pub fn now(&self) -> UnixTime {
        self.ports.clock.now()
    }

    /// Writes down what happened. Where that cannot be done the person is told, and the command goes on.
    pub fn audit(&self, event: &Event) {
        if let Err(error) = self.trail.note(self.config.places(), self.now(), event) {
            self.console.warn(&format!("{error}; what happens now is not written down"));
        }
    }

    /// An HTTP client for a server, with what is settled for it; costs nothing until it is used.
    pub fn http(&self, server: &ServerUrl) -> Http {
        // What cannot be read now is complained of where it is needed.
        let known = self.config.find(&ServerArg::Url(server.clone())).ok().flatten();
        let own = known.map(|known| known.own()).unwrap_or_default();
        self.plain_http(server).with(own)
    }

    /// The same for a profile as it is to be.
    pub fn http_to(&self, profile: &ServerProfile) -> Http {
        self.plain_http(&profile.url).with(profile.own())
    }

    fn plain_http(&self, server: &ServerUrl) -> Http {
        let terminal = Arc::clone(&self.ports.terminal);
        let tone = self.console.tone();
        let observer = move |exchange: &Exchange<'_>| {
            // A bridge makes thousands of them.
            if tone.verbose == 0 {
                return;
            }
            let outcome = match &exchange.outcome {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            };
            Console::new(Arc::clone(&terminal), tone).detail(&format!(
                "{} {} → {outcome} ({} ms)",
                exchange.method,
                exchange.url(),
                exchange.took.as_millis()
            ));
        };
        let mut settings = self.config.settings().network.clone();
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(Instant::now()).as_secs();
            settings.timeout = Some(settings.timeout.map_or(left, |own| own.min(left)));
        }
        Http::new(server, settings, Arc::new(observer))
    }

    /// The store that holds the logins. Touches neither disk nor keychain.
    pub fn store(&self) -> Result<Arc<Store>, Error> {
        if let Some(store) = self.opened.get() {
            return Ok(Arc::clone(store));
        }
        let kinds = match (self.config.settings().kinds(), self.store_wish) {
            (Some(kinds), Some(wish)) if !kinds.admit(wish) => return Err(pinned_elsewhere(kinds.to, wish)),
            (Some(kinds), _) => kinds,
            (None, wish) => Kinds::only(wish.unwrap_or(StoreKind::File)),
        };
        Ok(Arc::clone(self.opened.get_or_init(|| Arc::new(self.open_store(kinds)))))
    }

    /// The store for a new login: the pinned one, else the one that was asked for, else the keychain where one
    /// answers. It is tried out, and pinned, before anybody is sent to a browser. A keychain that is there but does
    /// not open is an error: falling back in silence would leave two truths.
    pub fn store_for_login(&mut self) -> Result<Arc<Store>, Error> {
        let settled = self.config.settings().kinds();
        let kinds = match (settled, self.store_wish) {
            (Some(kinds), Some(wish)) if !kinds.admit(wish) => {
                if kinds.from.is_some() || !self.store_is_empty(kinds)? {
                    return Err(pinned_elsewhere(kinds.to, wish));
                }
                Kinds::only(wish)
            }
            (Some(kinds), _) => kinds,
            (None, Some(wish)) => Kinds::only(wish),
            (None, None) => Kinds::only(self.choose_store()?),
        };
        self.leave_pointer()?;
        let opened = self.opened.take().filter(|store| store.kinds() == kinds);
        let store = opened.unwrap_or_else(|| Arc::new(self.open_store(kinds)));
        store.probe()?;
        self.pin(settled, kinds)?;
        Ok(Arc::clone(self.opened.get_or_init(|| store)))
    }

    /// Settles the kind of a store that was tried out, and where its keychain is.
    fn pin(&mut self, settled: Option<Kinds>, kinds: Kinds) -> Result<(), Error> {
        let kind = kinds.to;
        let is_new = settled != Some(kinds);
        let session_bus = session_bus();
        let has_moved = kind == StoreKind::Keychain && self.config.settings().session_bus != session_bus;
        if kind == StoreKind::Memory || !(is_new || has_moved) {
            return Ok(());
        }
        self.config.change(|settings| {
            // Another process may have settled something else meanwhile, or begun to move what is stored.
            if is_new && settings.kinds() == settled {
                settings.store = Some(kind);
            }
            settings.session_bus = session_bus.filter(|_| kind == StoreKind::Keychain);
        })?;
        Ok(())
    }

    fn choose_store(&self) -> Result<StoreKind, Error> {
        match KeychainKey::new(Arc::clone(&self.ports.keychain), self.config.places()).key() {
            Ok(_) | Err(StoreError::KeyMissing) => Ok(StoreKind::Keychain),
            Err(StoreError::Absent { .. }) => {
                self.console.warn(
                    "no keychain answers here, so logins are stored in plain files that only you can read; \
                     `mcpauth store move passphrase` seals them",
                );
                Ok(StoreKind::File)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Leaves word at the default place of where the directories are, for programs that start without the
    /// variables that moved them.
    pub fn leave_pointer(&self) -> Result<(), Error> {
        if let Some(warning) = self.config.places().leave_pointer().map_err(ConfigError::from)? {
            self.console.warn(&warning);
        }
        Ok(())
    }

    fn store_is_empty(&self, kinds: Kinds) -> Result<bool, Error> {
        Ok(self.open_store(kinds).summaries()?.is_empty())
    }

    fn open_store(&self, kinds: Kinds) -> Store {
        Store::of_kinds(self.config.places(), kinds, Box::new(self.sources()))
    }

    /// The profile that is meant: the named one, else the one of the environment, else the default, else the only
    /// one that there is or where somebody is signed in.
    pub fn profile(&self, server: Option<&ServerArg>) -> Result<ServerProfile, Error> {
        if let Some(server) = server.or(self.server_wish.as_ref()) {
            return self.config.find(server)?.ok_or_else(|| unknown(server));
        }
        if let Some(name) = &self.config.settings().default_server {
            return self.config.profile(name)?.ok_or_else(|| unknown(&ServerArg::Name(name.clone())));
        }
        let mut profiles = self.config.profiles()?;
        let only = match profiles.as_slice() {
            [_] => Some(0),
            [] => None,
            several => self.only_signed_in(several)?,
        };
        match only {
            Some(only) => Ok(profiles.swap_remove(only)),
            None => Err(Error::NoServer(profiles.into_iter().map(|profile| profile.name).collect())),
        }
    }

    /// Which of several servers is the only one where somebody is signed in.
    fn only_signed_in(&self, profiles: &[ServerProfile]) -> Result<Option<usize>, Error> {
        // A record that cannot be read may be of any server, so none of them is the only one.
        let Ok(summaries) = self.store()?.summaries()?.into_iter().collect::<Result<Vec<_>, _>>() else {
            return Ok(None);
        };
        let signed_in = |name: &Name| summaries.iter().any(|summary| summary.login.server == *name);
        let mut candidates = (0..profiles.len()).filter(|at| signed_in(&profiles[*at].name));
        Ok(candidates.next().filter(|_| candidates.next().is_none()))
    }

    /// What may be told of every login, with a warning for each that cannot be read. Where nothing else is left that
    /// is an error: it must not look as if nobody were signed in.
    pub fn readable_logins(&self) -> Result<Vec<LoginSummary>, Error> {
        let (mut logins, mut trouble) = (Vec::new(), Vec::new());
        for summary in self.store()?.summaries()? {
            match summary {
                Ok(summary) => logins.push(summary),
                Err(error) => trouble.push(error),
            }
        }
        let fatal = if logins.is_empty() { trouble.pop().or(self.store()?.is_there().err()) } else { None };
        for error in trouble {
            self.console.warn(&error.to_string());
        }
        fatal.map_or(Ok(logins), |error| Err(error.into()))
    }

    /// The login that is meant.
    pub fn login_key(&self, server: Option<&ServerArg>, account: &Name) -> Result<LoginKey, Error> {
        Ok(LoginKey { server: self.profile(server)?.name, account: account.clone() })
    }
}

fn pinned_elsewhere(pinned: StoreKind, wish: StoreKind) -> Error {
    Error::Usage {
        message: format!("logins are stored in the {pinned} store, not in the {wish} store"),
        hint: format!("leave out --store, or move them with `mcpauth store move {wish}`"),
    }
}

/// Where the session bus answers, as we were told or found out.
fn session_bus() -> Option<String> {
    std::env::var("DBUS_SESSION_BUS_ADDRESS").ok()
}

/// A server that no profile describes: of a URL it is said that nobody signed in there, of a name that it is unknown.
fn unknown(server: &ServerArg) -> Error {
    match server {
        ServerArg::Url(url) => Error::login_needed(format!("not signed in to {url}"), quoted(url.as_str())),
        // What looks like a host was probably meant as a URL.
        ServerArg::Name(name) if name.as_str().contains('.') => Error::Usage {
            message: format!("no server is named {name}"),
            hint: format!("run `mcpauth login https://{name}`; `mcpauth server list` shows the known ones"),
        },
        ServerArg::Name(name) => Error::Usage {
            message: format!("no server is named {name}"),
            hint: format!(
                "run `mcpauth login https://… --name {name}`; `mcpauth server list` shows the known ones"
            ),
        },
    }
}

/// What is written down of something that went wrong.
pub(crate) fn gone_wrong(kind: Kind, login: &LoginKey, error: &Error) -> Event {
    Event::new(kind, login).failed(error.code(), error.exit_code(), &error.to_string())
}

/// Drops a client that its issuer no longer knows, so that the next login registers anew. Only one that the issuer
/// gave, and only if no newer one has taken its place: a client that the user brought stays, whatever an issuer says.
fn forget_client(store: &Store, server: &Name, client: &ClientFacts) -> Result<(), StoreError> {
    let is_stored =
        || Ok(store.load_client(server)?.is_some_and(|own| own.facts.client_id == client.client_id));
    if client.source == RegistrationSource::Dynamic && is_stored()? {
        store.remove_client(server)?;
    }
    Ok(())
}

/// Names the server in an error of a conversation with it.
pub(crate) fn remote(server: impl ToString) -> impl FnOnce(oauth::Error) -> Error {
    move |source| {
        let server = quoted(&server.to_string());
        Error::Remote { command: format!("mcpauth login {server}"), server, source: Box::new(source) }
    }
}
