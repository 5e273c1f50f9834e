//! What a record looks like on disk.
//!
//! ```text
//! mcpauth-record 3 {"kind":"login","sealed_by":"keychain","key_id":"…","summary":{…}}\n
//! body
//! ```
//!
//! The header is what may be told, so that a list never needs the key. The body is what may not: the secrets
//! as JSON, sealed together with the file's name and the header, so that neither can be changed or swapped
//! unnoticed. This file is the only place where secrets are serialized.
//!
//! Versions 1 and 2 looked the same, and what they say means the same. They knew fewer states of a login, fewer facts
//! about its tokens, and no keys, so that the releases that wrote them must not replace what came after.

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::StoreKind;
use super::files::Folder;
use super::sealing::Sealing;
use crate::model::{ClientFacts, ClientRegistration, ExtraFields, Login, LoginSummary, Name, TokenSet};
use crate::secret::{AccessToken, ClientKey, ClientSecret, DpopKey, RefreshToken, RegistrationToken};

/// Begins every record; the version follows.
const MAGIC: &str = "mcpauth-record ";
/// The version that is written.
pub(super) const VERSION: u32 = 3;

/// Why the bytes of a record cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// A newer release wrote them.
    Newer,
    /// Nobody wrote them so.
    Damaged(&'static str),
}

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RecordKind {
    Login,
    Client,
}

/// What seals a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SealedBy {
    Keychain,
    Passphrase,
    Nothing,
}

impl From<StoreKind> for SealedBy {
    fn from(kind: StoreKind) -> Self {
        match kind {
            StoreKind::Keychain => Self::Keychain,
            StoreKind::Passphrase => Self::Passphrase,
            StoreKind::File | StoreKind::Memory => Self::Nothing,
        }
    }
}

impl From<SealedBy> for StoreKind {
    fn from(sealed_by: SealedBy) -> Self {
        match sealed_by {
            SealedBy::Keychain => Self::Keychain,
            SealedBy::Passphrase => Self::Passphrase,
            SealedBy::Nothing => Self::File,
        }
    }
}

/// The first line, after the version.
#[derive(Serialize, Deserialize)]
struct Header<Summary> {
    kind: RecordKind,
    sealed_by: SealedBy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    summary: Summary,
}

/// What may be told of the client that a profile uses.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ClientSummary {
    pub(super) server: Name,
    pub(super) client: ClientFacts,
}

/// What can be stored: facts for the header, secrets for the body, and the file that it belongs into.
pub(super) trait Stored: Sized {
    /// What may be told of it.
    type Summary: Serialize + DeserializeOwned + Clone;
    /// The word in the header.
    const KIND: RecordKind;
    /// Where its records lie.
    const FOLDER: Folder;

    /// The name of the file.
    fn name(summary: &Self::Summary) -> String;
    /// Writes the secrets as JSON.
    fn write_secrets(&self, to: &mut dyn io::Write) -> serde_json::Result<()>;
    /// Puts both halves together again.
    fn assemble(summary: Self::Summary, secrets: &[u8]) -> serde_json::Result<Self>;
}

/// A record whose header was read and whose body was not.
pub(super) struct Record<'bytes, Of: Stored> {
    pub(super) summary: Of::Summary,
    pub(super) sealed_by: SealedBy,
    pub(super) key_id: Option<String>,
    pub(super) version: u32,
    line: &'bytes str,
    body: &'bytes [u8],
    /// The secrets, where no key is needed: there the check of the whole has already given them.
    plain: Option<Zeroizing<Vec<u8>>>,
}

impl<'bytes, Of: Stored> Record<'bytes, Of> {
    /// Reads the header of the record in the file `name`. Unless a key seals it, the whole is checked.
    pub(super) fn parse(name: &str, bytes: &'bytes [u8]) -> Result<Self, Unreadable> {
        let (version, line, header) = split_header(bytes)?;
        let body = &bytes[line.len()..];
        let header: Header<Of::Summary> =
            serde_json::from_str(header).map_err(|_| Unreadable::Damaged("header does not parse"))?;
        let Header { kind, sealed_by, key_id, summary } = header;
        if kind != Of::KIND || Of::name(&summary) != name {
            return Err(Unreadable::Damaged("header names something else than the file"));
        }
        let plain = match (sealed_by, &key_id) {
            (SealedBy::Nothing, _) => {
                let checked = Sealing::Plain.open(name, line, body);
                Some(checked.map_err(|_| Unreadable::Damaged("checksum does not fit"))?)
            }
            (_, None) => return Err(Unreadable::Damaged("header names no key")),
            (_, Some(_)) => None,
        };
        Ok(Self { summary, sealed_by, key_id, version, line, body, plain })
    }

    /// Whether a former release wrote it.
    pub(super) fn is_of_former_version(&self) -> bool {
        self.version < VERSION
    }

    /// Whether the header says this and nothing else.
    pub(super) fn tells(&self, summary: &Of::Summary) -> bool {
        let text = |summary| serde_json::to_string(summary).ok();
        text(&self.summary).is_some_and(|own| Some(own) == text(summary))
    }

    /// Opens the body.
    pub(super) fn open(self, name: &str, sealing: &Sealing) -> Result<Of, Unreadable> {
        let secrets = match self.plain {
            Some(secrets) => secrets,
            None => sealing
                .open(name, self.line, self.body)
                .map_err(|_| Unreadable::Damaged("its seal is broken"))?,
        };
        Of::assemble(self.summary, &secrets).map_err(|_| Unreadable::Damaged("its secrets do not parse"))
    }
}

/// The version, the first line with its end, and the JSON in it.
fn split_header(bytes: &[u8]) -> Result<(u32, &str, &str), Unreadable> {
    let rest = bytes.strip_prefix(MAGIC.as_bytes()).ok_or(Unreadable::Damaged("not a record"))?;
    let cut = Unreadable::Damaged("cut short");
    let space = rest.iter().position(|&byte| byte == b' ').ok_or(cut)?;
    let version = known_version(&rest[..space])?;
    let end = bytes.iter().position(|&byte| byte == b'\n').ok_or(cut)?;
    let line = std::str::from_utf8(&bytes[..=end]).map_err(|_| Unreadable::Damaged("header is not UTF-8"))?;
    let header = line.get(MAGIC.len() + space + 1..).ok_or(cut)?;
    Ok((version, line, header))
}

fn known_version(version: &[u8]) -> Result<u32, Unreadable> {
    let digits = version.iter().all(u8::is_ascii_digit);
    match version {
        [b'1'..=b'9', ..] if digits => {
            let version = std::str::from_utf8(version).ok().and_then(|text| text.parse().ok());
            version.filter(|version| *version <= VERSION).ok_or(Unreadable::Newer)
        }
        _ => Err(Unreadable::Damaged("its version is no number")),
    }
}

/// The bytes of a record, for the file `name`.
pub(super) fn write<Of: Stored>(
    name: &str,
    stored: &Of,
    summary: Of::Summary,
    sealed_by: SealedBy,
    sealing: &Sealing,
) -> io::Result<Zeroizing<Vec<u8>>> {
    let header = Header { kind: Of::KIND, sealed_by, key_id: sealing.key_id(), summary };
    let line = format!("{MAGIC}{VERSION} {}\n", serde_json::to_string(&header)?);
    let secrets = secrets_of(stored)?;
    let body = sealing.seal(name, &line, &secrets)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(line.len() + body.len()));
    bytes.extend_from_slice(line.as_bytes());
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

fn secrets_of(stored: &impl Stored) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut length = Length(0);
    stored.write_secrets(&mut length)?;
    // Sized beforehand: a buffer that grows leaves unwiped copies of the secrets behind.
    let mut secrets = Zeroizing::new(Vec::with_capacity(length.0));
    stored.write_secrets(&mut *secrets)?;
    Ok(secrets)
}

/// Whether two have the same secrets.
pub(super) fn same<Of: Stored>(one: &Of, other: &Of) -> bool {
    matches!((secrets_of(one), secrets_of(other)), (Ok(one), Ok(other)) if one == other)
}

/// Counts what is written to it.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The secrets of a client, borrowed to be written.
#[derive(Serialize)]
struct ClientSecrets<'a> {
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    management_token: Option<&'a str>,
}

impl<'a> ClientSecrets<'a> {
    fn of(client: &'a ClientRegistration) -> Self {
        Self {
            secret: client.secret.as_ref().map(ClientSecret::expose),
            key: client.key.as_ref().map(ClientKey::expose),
            management_token: client.management_token.as_ref().map(RegistrationToken::expose),
        }
    }
}

/// The same, owned. Each string moves into its secret type without being copied.
#[derive(Deserialize)]
struct OwnedClientSecrets {
    #[serde(default)]
    secret: Option<String>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    management_token: Option<String>,
}

impl OwnedClientSecrets {
    fn with(self, facts: ClientFacts) -> ClientRegistration {
        let Self { secret, key, management_token } = self;
        ClientRegistration {
            facts,
            secret: secret.map(ClientSecret::new),
            key: key.map(ClientKey::new),
            management_token: management_token.map(RegistrationToken::new),
        }
    }
}

/// The secrets of a login, borrowed to be written.
#[derive(Serialize)]
struct LoginSecrets<'a> {
    access_token: &'a str,
    refresh_token: Option<&'a str>,
    extra: &'a ExtraFields,
    #[serde(skip_serializing_if = "Option::is_none")]
    dpop_key: Option<&'a str>,
    client: ClientSecrets<'a>,
}

/// The same, owned.
#[derive(Deserialize)]
struct OwnedLoginSecrets {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    extra: ExtraFields,
    #[serde(default)]
    dpop_key: Option<String>,
    client: OwnedClientSecrets,
}

impl Stored for Login {
    type Summary = LoginSummary;
    const KIND: RecordKind = RecordKind::Login;
    const FOLDER: Folder = Folder::Logins;

    fn name(summary: &LoginSummary) -> String {
        super::login_name(&summary.login.server, &summary.login.account)
    }

    fn write_secrets(&self, to: &mut dyn io::Write) -> serde_json::Result<()> {
        let secrets = LoginSecrets {
            access_token: self.tokens.access_token.expose(),
            refresh_token: self.tokens.refresh_token.as_ref().map(RefreshToken::expose),
            extra: &self.tokens.extra,
            dpop_key: self.dpop_key.as_ref().map(DpopKey::expose),
            client: ClientSecrets::of(&self.client),
        };
        serde_json::to_writer(to, &secrets)
    }

    fn assemble(summary: LoginSummary, secrets: &[u8]) -> serde_json::Result<Self> {
        let secrets: OwnedLoginSecrets = serde_json::from_slice(secrets)?;
        let tokens = TokenSet {
            facts: summary.tokens,
            access_token: AccessToken::new(secrets.access_token),
            refresh_token: secrets.refresh_token.map(RefreshToken::new),
            extra: secrets.extra,
        };
        let dpop_key = secrets.dpop_key.map(DpopKey::new);
        Ok(Self { facts: summary.login, client: secrets.client.with(summary.client), tokens, dpop_key })
    }
}

/// The client that a profile uses for its next login.
pub(super) struct StoredClient(pub(super) ClientRegistration);

impl Stored for StoredClient {
    type Summary = ClientSummary;
    const KIND: RecordKind = RecordKind::Client;
    const FOLDER: Folder = Folder::Clients;

    fn name(summary: &ClientSummary) -> String {
        super::client_name(&summary.server)
    }

    fn write_secrets(&self, to: &mut dyn io::Write) -> serde_json::Result<()> {
        serde_json::to_writer(to, &ClientSecrets::of(&self.0))
    }

    fn assemble(summary: ClientSummary, secrets: &[u8]) -> serde_json::Result<Self> {
        let secrets: OwnedClientSecrets = serde_json::from_slice(secrets)?;
        Ok(Self(secrets.with(summary.client)))
    }
}
