//! What servers and issuers said of themselves, kept for a day at most: a login that follows another one need not ask
//! again. Nothing in here is a secret, and whatever cannot be read is as good as absent; so nobody waits for the disk.

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::App;
use crate::clock::UnixTime;
use crate::config::ServerProfile;
use crate::files;
use crate::hash::sha256;
use crate::model::{Issuer, ServerArg, ServerUrl};
use crate::oauth::discovery::{Discovery, Kept, ServerWord};
use crate::oauth::metadata::IssuerMetadata;

/// The form of the files. One of another form is not read.
const FORM: u32 = 1;
/// More than any document that was taken.
const LIMIT: usize = 512 * 1024;
/// For how long something is kept at least: less would be no cache.
const SHORTEST: u64 = 300;
/// For how long at most, whatever anybody says.
const LONGEST: u64 = 24 * 3600;

/// One file.
#[derive(Serialize, Deserialize)]
struct Page<Word> {
    form: u32,
    /// Who said it.
    who: String,
    since: UnixTime,
    word: Word,
}

/// What an issuer says, with where it was found.
#[derive(Serialize, Deserialize)]
struct IssuerWord {
    openid: bool,
    metadata: IssuerMetadata,
}

/// What is kept, as one server's profile wants it kept.
pub(super) struct MetadataCache {
    directory: PathBuf,
    now: UnixTime,
    lifetime: i64,
}

impl MetadataCache {
    pub(super) fn new(app: &App, profile: &ServerProfile) -> Self {
        let lifetime = profile.metadata_ttl.unwrap_or(LONGEST).clamp(SHORTEST, LONGEST);
        Self {
            directory: directory(app),
            now: app.now(),
            lifetime: i64::try_from(lifetime).unwrap_or_default(),
        }
    }

    /// What a server said not long ago.
    pub(super) fn server(&self, server: &ServerUrl) -> Option<Kept<ServerWord>> {
        self.read("server", server.as_str())
    }

    /// What an issuer said not long ago, to whichever server's user.
    pub(super) fn issuer(&self, issuer: &Issuer) -> Option<Kept<IssuerMetadata>> {
        let Kept { word: IssuerWord { openid, metadata }, since } = self.read("issuer", issuer.as_str())?;
        Some(Kept { word: IssuerMetadata { openid, ..metadata }, since })
    }

    /// Keeps what a discovery learnt. Failing to is no reason to fail.
    pub(super) fn keep(&self, server: &ServerUrl, found: &Discovery) {
        if let Some(word) = &found.news.server {
            self.write("server", server.as_str(), word);
        }
        if let Some(issuer) = &found.news.issuer {
            let word = IssuerWord { openid: found.issuer.openid, metadata: found.issuer.clone() };
            self.write("issuer", issuer.as_str(), &word);
        }
    }

    fn read<Word: DeserializeOwned>(&self, kind: &str, who: &str) -> Option<Kept<Word>> {
        let page: Page<Word> = read(&self.directory.join(file_name(kind, who)), who)?;
        // Something from the future was written under another clock.
        let is_recent = page.since <= self.now && self.now < page.since.plus(self.lifetime);
        is_recent.then_some(Kept { word: page.word, since: page.since })
    }

    fn write<Word: Serialize>(&self, kind: &str, who: &str, word: &Word) {
        let page = Page { form: FORM, who: who.to_owned(), since: self.now, word };
        let path = self.directory.join(file_name(kind, who));
        let Ok(bytes) = serde_json::to_vec(&page) else { return };
        if bytes.len() > LIMIT || files::write_expendable(&path, &bytes).is_err() {
            // Older words must not outlive newer ones that could not be kept.
            let _ = files::discard(&path);
        }
    }
}

impl App {
    /// Forgets what a server and its issuers said of themselves, because something is not as they said: the next login
    /// asks them anew.
    pub fn forget_metadata(&self, server: &ServerUrl) {
        let profile = self.config.find(&ServerArg::Url(server.clone())).ok().flatten();
        self.forget_metadata_of(server, profile.and_then(|profile| profile.issuer).as_ref());
    }

    /// The same where the user named the issuer, perhaps for a server that has no profile yet.
    pub(super) fn forget_metadata_of(&self, server: &ServerUrl, pinned: Option<&Issuer>) {
        let directory = directory(self);
        let path = directory.join(file_name("server", server.as_str()));
        let word: Option<Page<ServerWord>> = read(&path, server.as_str());
        let listed = word.and_then(|page| page.word.resource_metadata);
        let listed = listed.map(|metadata| metadata.authorization_servers).unwrap_or_default();
        // An identity provider is asked under its own address.
        let own = Issuer::new(server.as_str());
        for issuer in listed.iter().chain([&own]).chain(pinned) {
            let _ = files::discard(&directory.join(file_name("issuer", issuer.as_str())));
        }
        let _ = files::discard(&path);
    }
}

fn directory(app: &App) -> PathBuf {
    app.config.places().state.join("metadata")
}

/// A hash, because a URL is no file name; whole, because a peer may choose what is hashed.
fn file_name(kind: &str, who: &str) -> String {
    format!("{}.json", files::hex(&sha256(&[kind.as_bytes(), b" ", who.as_bytes()])))
}

fn read<Word: DeserializeOwned>(path: &std::path::Path, who: &str) -> Option<Page<Word>> {
    let bytes = files::read_private(path, LIMIT as u64).ok().flatten()?;
    let page: Page<Word> = serde_json::from_slice(&bytes).ok()?;
    (page.form == FORM && page.who == who).then_some(page)
}
