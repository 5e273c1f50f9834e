//! What the user settled: `config.toml` for the program, `servers/NAME.toml` for each server profile. No secrets.

mod overrides;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::files;
use crate::http::{ClientCertificate, NetworkSettings, Own, Source};
use crate::model::grant::TokenSource;
use crate::model::{DpopChoice, GrantKind, Issuer, Name, ScopeSet, ServerArg, ServerUrl};
use crate::peer_text::PeerText;
use crate::places::{Places, PlacesError};
use crate::store::{Kinds, StoreError, StoreKind, Turn};

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file does not follow its grammar.
    #[error("{} cannot be read: {why}", .file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file cannot be opened or written.
    #[error("{}: {source}", .file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directories cannot be found.
    #[error(transparent)]
    Places(#[from] PlacesError),
    /// Nobody else could be kept from changing the settings at the same time.
    #[error(transparent)]
    Turn(#[from] StoreError),
    /// Two profiles would have one name, or two names one server.
    #[error("{0}")]
    Taken(String),
}

/// `config.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where logins rest: pinned by the first login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreKind>,
    /// Where they are moving to; `mcpauth store move` writes it, and removes it when the last one has arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moving_to: Option<StoreKind>,
    /// The profile that is meant when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_server: Option<Name>,
    /// The client id metadata document to offer where a server has none of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_metadata_url: Option<Url>,
    /// A command that prints the passphrase of the store, as a list of words; no shell reads it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passphrase_command: Vec<String>,
    /// Where the session bus answered at the last login, for programs that start without its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_bus: Option<String>,
    /// The network.
    #[serde(skip_serializing_if = "is_default")]
    pub network: NetworkSettings,
}

impl Settings {
    /// The kinds that records may have; `None` before the first login.
    pub fn kinds(&self) -> Option<Kinds> {
        match (self.store, self.moving_to) {
            (Some(from), Some(to)) if from != to => Some(Kinds { to, from: Some(from) }),
            (store, to) => to.or(store).map(Kinds::only),
        }
    }
}

fn is_default<Value: Default + PartialEq>(value: &Value) -> bool {
    *value == Value::default()
}

/// Whether, and as what, the server's resource identifier is sent (RFC 8707).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceChoice {
    /// What the server's metadata says, else its URL.
    #[default]
    Discovered,
    /// This, whatever the server says.
    Fixed(String),
    /// Nothing: some issuers refuse the parameter.
    Omitted,
}

/// Where the redirect of a login is awaited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CallbackSettings {
    /// The host in the redirect URI; `127.0.0.1` if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The port; any free one if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The path; `/callback` if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A redirect URI of the user's own that forwards to the listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<Url>,
}

/// Where the issuer answers, for servers and issuers that publish no metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ManualEndpoints {
    /// Where the browser is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Url>,
    /// Where tokens are asked for. Naming it means: look for no metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Url>,
    /// Where clients register.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<Url>,
    /// Where tokens are revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation: Option<Url>,
    /// Where a device asks for a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_authorization: Option<Url>,
}

/// Who vouches for the person in the enterprise grant: a login at an identity provider, or an ID token that something
/// else keeps, together with where to take it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnterpriseSettings {
    /// The profile of the identity provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Name>,
    /// Where the ID token is, if no login at a provider is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<TokenSource>,
    /// Who made that ID token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Issuer>,
    /// Where it is exchanged; found out from its issuer if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<Url>,
    /// As whom the identity provider knows this client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// A server that the user named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own, not the state of one machine"
)]
pub struct ServerProfile {
    /// Its name.
    pub name: Name,
    /// Where it is.
    pub url: ServerUrl,
    /// Its issuer, if the user settled that instead of asking the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Issuer>,
    /// The scope to ask for, instead of what the server says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeSet>,
    /// The environment variable into which `exec` puts the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// The client id metadata document to offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_metadata_url: Option<Url>,
    /// The resource parameter.
    #[serde(default, skip_serializing_if = "is_default")]
    pub resource: ResourceChoice,
    /// Sign in although the issuer does not advertise PKCE; PKCE is used all the same.
    #[serde(default, skip_serializing_if = "is_default")]
    pub assume_pkce: bool,
    /// How long the issuer's metadata may be kept, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_ttl: Option<u64>,
    /// Further parameters of the authorization request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub auth_params: BTreeMap<String, String>,
    /// How to sign in there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub grant: GrantKind,
    /// Issuers that the user vouches for: spellings in which the metadata may name the issuer, and issuers that may take
    /// the place of the one of a login.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_issuers: Vec<Issuer>,
    /// Take only metadata that is about this very URL, not about a parent of it: for hosts that many share.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strict_resource: bool,
    /// Take redirects that name no issuer from an issuer that promised to name itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tolerate_missing_iss: bool,
    /// Whether a refresh names the granted scope; what is known of the issuer decides if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_scope: Option<bool>,
    /// Whether tokens are bound to a key.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dpop: DpopChoice,
    /// The ways of known providers that apply here, by name; by the issuer's host if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quirks: Option<Vec<String>>,
    /// This is no MCP server but an issuer that vouches for people elsewhere.
    #[serde(default, skip_serializing_if = "is_default")]
    pub identity_provider: bool,
    /// Where the assertion of the workload grant is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion: Option<TokenSource>,
    /// Who vouches in the enterprise grant.
    #[serde(default, skip_serializing_if = "is_default")]
    pub enterprise: EnterpriseSettings,
    /// Where the issuer answers, if it publishes no metadata.
    #[serde(default, skip_serializing_if = "is_default")]
    pub endpoints: ManualEndpoints,
    /// Where the redirect is awaited.
    #[serde(default, skip_serializing_if = "is_default")]
    pub callback: CallbackSettings,
    /// Headers that the server wants with every request, by name, and where their values are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Source>,
    /// The certificate that the server wants to see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<ClientCertificate>,
}

impl ServerProfile {
    /// A profile with nothing settled but its name and place.
    pub fn new(name: Name, url: ServerUrl) -> Self {
        Self {
            name,
            url,
            issuer: None,
            scope: None,
            env: None,
            client_metadata_url: None,
            resource: ResourceChoice::Discovered,
            assume_pkce: false,
            metadata_ttl: None,
            auth_params: BTreeMap::new(),
            grant: GrantKind::default(),
            trusted_issuers: Vec::new(),
            strict_resource: false,
            tolerate_missing_iss: false,
            refresh_scope: None,
            dpop: DpopChoice::default(),
            quirks: None,
            identity_provider: false,
            assertion: None,
            enterprise: EnterpriseSettings::default(),
            endpoints: ManualEndpoints::default(),
            callback: CallbackSettings::default(),
            headers: BTreeMap::new(),
            client_certificate: None,
        }
    }

    /// Whether the user settled this header, so that nobody else can say it.
    pub fn settles(&self, header: &str) -> bool {
        self.headers.keys().any(|own| own.eq_ignore_ascii_case(header))
    }

    /// What the server wants beside a token.
    pub fn own(&self) -> Own {
        Own::new(self.headers.clone(), self.client_certificate.clone())
    }
}

/// The configuration as it was found, and the way to change it.
pub struct Config {
    places: Places,
    settings: Settings,
}

impl Config {
    /// Reads `config.toml`; an absent one settles nothing.
    pub fn load(places: Places) -> Result<Self, ConfigError> {
        let settings = read(&places.config.join("config.toml"))?.unwrap_or_default();
        Ok(Self { places, settings })
    }

    /// The configuration of somebody who settled nothing, whatever the file says.
    pub fn unsettled(places: Places) -> Self {
        Self { places, settings: Settings::default() }
    }

    /// Reads the settings again: another process may have changed them.
    pub fn reread(&mut self) -> Result<(), ConfigError> {
        self.settings = read(&self.places.config.join("config.toml"))?.unwrap_or_default();
        Ok(())
    }

    /// The directories.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// What the user settled for the program.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes the settings on disk, as they are there now, and in memory.
    pub fn change(&mut self, edit: impl FnOnce(&mut Settings)) -> Result<(), ConfigError> {
        // Of two who read before either writes, one would undo what the other did.
        let _turn = Turn::at_settings(&self.places)?;
        let file = self.places.config.join("config.toml");
        let mut settings: Settings = read(&file)?.unwrap_or_default();
        edit(&mut settings);
        write(&file, &settings)?;
        self.settings = settings;
        Ok(())
    }

    /// A profile by its name.
    pub fn profile(&self, name: &Name) -> Result<Option<ServerProfile>, ConfigError> {
        read(&self.profile_file(name))
    }

    /// A profile as the command line names it.
    pub fn find(&self, server: &ServerArg) -> Result<Option<ServerProfile>, ConfigError> {
        match server {
            ServerArg::Name(name) => self.profile(name),
            ServerArg::Url(url) => Ok(self.profiles()?.into_iter().find(|profile| profile.url == *url)),
        }
    }

    /// Every profile, by name.
    pub fn profiles(&self) -> Result<Vec<ServerProfile>, ConfigError> {
        let mut profiles = self.each_profile()?.into_iter().collect::<Result<Vec<_>, _>>()?;
        profiles.sort_by_key(|profile| profile.name.folded());
        Ok(profiles)
    }

    /// Every profile, or why it cannot be read, in no order.
    pub fn each_profile(&self) -> Result<Vec<Result<ServerProfile, ConfigError>>, ConfigError> {
        let directory = self.places.config.join("servers");
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(ConfigError::Io { file: directory, source }),
        };
        let files = entries.flatten().map(|entry| entry.path());
        Ok(files
            .filter(|file| file.extension().is_some_and(|extension| extension == "toml"))
            .filter_map(|file| read(&file).transpose())
            .collect())
    }

    /// Whether a profile could be saved beside the others.
    pub fn admits(&self, profile: &ServerProfile) -> Result<(), ConfigError> {
        if let Some(other) = self.profiles()?.iter().find(|p| p.url == profile.url && p.name != profile.name)
        {
            return Err(ConfigError::Taken(format!("{} is already named {}", profile.url, other.name)));
        }
        Ok(())
    }

    /// Writes a profile, new or changed.
    pub fn save_profile(&self, profile: &ServerProfile) -> Result<(), ConfigError> {
        self.admits(profile)?;
        write(&self.profile_file(&profile.name), profile)
    }

    /// Removes a profile; `false` if there was none.
    pub fn remove_profile(&self, name: &Name) -> Result<bool, ConfigError> {
        let file = self.profile_file(name);
        match std::fs::remove_file(&file) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(ConfigError::Io { file, source }),
        }
    }

    /// A name for a server that has none: its host, or the host and a number where that is taken by another server.
    pub fn name_for(&self, url: &ServerUrl) -> Result<Name, ConfigError> {
        let parsed = url.to_url();
        let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']).replace(':', "-");
        let legal: String = host
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
            .take(60)
            .collect();
        let candidates =
            std::iter::once(legal.clone()).chain((2..).map(|number| format!("{legal}-{number}")));
        for candidate in candidates.take(1000) {
            let Ok(name) = candidate.parse::<Name>() else { break };
            if self.profile(&name)?.is_none() {
                return Ok(name);
            }
        }
        Err(ConfigError::Taken(format!("no free name for {url}; give one with --name")))
    }

    fn profile_file(&self, name: &Name) -> PathBuf {
        self.places.config.join("servers").join(format!("{}.toml", name.folded()))
    }
}

fn read<Document: DeserializeOwned>(file: &Path) -> Result<Option<Document>, ConfigError> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(ConfigError::Io { file: file.into(), source }),
    };
    toml::from_str(&text)
        .map(Some)
        .map_err(|error| ConfigError::Unreadable { file: file.into(), why: explain(&text, &error) })
}

/// What is wrong with a file, and in which line. The line itself is not repeated: there may be a password in it.
fn explain(text: &str, error: &toml::de::Error) -> String {
    let why = PeerText::from(error.message());
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {why}", before.matches('\n').count() + 1),
        None => why.to_string(),
    }
}

fn write(file: &Path, document: &impl Serialize) -> Result<(), ConfigError> {
    let text = toml::to_string_pretty(document)
        .map_err(|error| ConfigError::Unreadable { file: file.into(), why: error.to_string() })?;
    files::write_private(file, text.as_bytes())
        .map_err(|source| ConfigError::Io { file: file.into(), source })
}
