//! Where logins rest: one record per login, sealed or plain, written as one step, changed only under a lock.

use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::files::Draft;
use crate::hash::sha256;
use crate::http;
use crate::model::{ClientRegistration, Login, LoginKey, LoginSummary, Name};
use crate::places::Places;
use crate::secret::{AccessToken, SealingKey};

mod error;
mod examination;
mod files;
mod fingerprint;
mod journal;
mod keys;
mod lock;
mod moving;
mod note;
mod passphrase;
mod record;
mod sealing;
mod sign_ins;
mod sources;
mod trouble;

pub use error::StoreError;
pub use examination::{Depth, Examined};
pub use files::Mark;
pub use journal::{Journal, JournalFacts, JournalState};
pub use keys::{GivenKey, KeySource, KeychainKey, NoKey};
pub use lock::LockState;
pub use moving::{Census, Resident, Turn};
pub use passphrase::{Ask, AskPassphrase, PassphraseKey};
pub use sign_ins::{Ending, SignIn, SignInTurn};
pub use sources::{Kinds, Sources};
pub use trouble::{Attempt, Trouble};

use files::{Folder, Guard, Shelves};
use record::{ClientSummary, Record, SealedBy, Stored, StoredClient, Unreadable};
use sealing::Sealing;
use sources::{Keys, OneSource};

/// How long to wait for somebody who registers a client: it is one write.
const CLIENT_WAIT: Duration = Duration::from_secs(10);

/// What keeps the secrets of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    /// Sealed with a key in the system keychain
    Keychain,
    /// Sealed with a key derived from a passphrase
    Passphrase,
    /// Plain files, not sealed
    File,
    /// Nothing is kept; for tests
    #[value(hide = true)]
    Memory,
}

impl StoreKind {
    /// What a person should know of it, wherever it is shown.
    pub fn description(self) -> &'static str {
        match self {
            Self::Keychain => "sealed, the key is in the system keychain",
            Self::Passphrase => "sealed with a passphrase",
            Self::File => "plain: every program of this user can read it",
            Self::Memory => "kept nowhere, gone with this process",
        }
    }

    /// Whether a key is needed at all.
    pub fn seals(self) -> bool {
        matches!(self, Self::Keychain | Self::Passphrase)
    }
}

/// The word that `--store` takes.
impl fmt::Display for StoreKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Keychain => "keychain",
            Self::Passphrase => "passphrase",
            Self::File => "file",
            Self::Memory => "memory",
        })
    }
}

/// A login that no other process may change until this is dropped.
///
/// Refresh tokens work once, so writing asks for one of these: a caller cannot forget to lock, or lock another
/// login.
pub struct LoginLock {
    key: LoginKey,
    guard: Guard,
}

/// Room on the disk for a login that is about to change.
pub struct LoginRoom(Option<Draft>);

impl LoginLock {
    /// Which login is locked.
    pub fn key(&self) -> &LoginKey {
        &self.key
    }

    /// The open file that the lock is on, to be handed to another process; `None` where the lock is no file.
    pub fn file(&self) -> Option<&File> {
        match &self.guard {
            Guard::File(file) => Some(file),
            Guard::Memory { .. } => None,
        }
    }
}

/// All logins and registered clients of this user.
pub struct Store {
    shelves: Shelves,
    keys: Keys,
}

impl Store {
    /// Touches nothing: the key is fetched once, when the first sealed body is opened or written.
    pub fn new(places: &Places, kind: StoreKind, keys: Box<dyn KeySource>) -> Self {
        Self::of_kinds(places, Kinds::only(kind), Box::new(OneSource(keys.into())))
    }

    /// The same for a store whose records may be on the move, by this process or by another one.
    pub fn of_kinds(places: &Places, kinds: Kinds, sources: Box<dyn Sources>) -> Self {
        let shelves = match kinds.to {
            StoreKind::Memory => Shelves::in_memory(),
            _ => Shelves::in_files(places),
        };
        Self { shelves, keys: Keys::new(kinds, sources) }
    }

    /// What keeps the secrets; while they move, of those that have arrived.
    pub fn kind(&self) -> StoreKind {
        self.keys.kinds().to
    }

    /// A login with its secrets. Takes no lock: what is read is always one whole state.
    pub fn load(&self, key: &LoginKey) -> Result<Option<Login>, StoreError> {
        self.read(&login_name(&key.server, &key.account))
    }

    /// What changes whenever a login does, found without reading it; `None` where that cannot be told.
    pub fn mark(&self, key: &LoginKey) -> Option<Mark> {
        self.shelves.mark(Folder::Logins, &login_name(&key.server, &key.account))
    }

    /// A login without its secrets; never asks for the key. Where a key seals the record, it also guards this
    /// part, but only [`Store::load`] can tell.
    pub fn summary(&self, key: &LoginKey) -> Result<Option<LoginSummary>, StoreError> {
        self.read_summary::<Login>(&login_name(&key.server, &key.account))
    }

    /// An error if there is no login to be found because the directory of the logins is lost, which must not look as if
    /// nobody were signed in.
    pub fn is_there(&self) -> Result<(), StoreError> {
        self.shelves.lost().map_or(Ok(()), |path| Err(StoreError::Gone { path }))
    }

    /// All logins without their secrets, by server and account; those that cannot be read come last. Never
    /// asks for the key.
    pub fn summaries(&self) -> Result<Vec<Result<LoginSummary, StoreError>>, StoreError> {
        let names = self.shelves.names(Folder::Logins)?;
        let mut summaries: Vec<_> =
            names.iter().filter_map(|name| self.read_summary::<Login>(name).transpose()).collect();
        summaries.sort_by_cached_key(|summary| match summary {
            Ok(LoginSummary { login, .. }) => (false, login.server.folded(), login.account.folded()),
            Err(error) => (true, error.to_string(), String::new()),
        });
        Ok(summaries)
    }

    /// Keeps other processes from changing a login, waiting at most `wait` for one that does.
    pub fn lock(&self, key: &LoginKey, wait: Duration) -> Result<LoginLock, StoreError> {
        let guard = self.shelves.lock(&login_name(&key.server, &key.account), wait)?;
        Ok(LoginLock { key: key.clone(), guard })
    }

    /// Whether somebody holds the lock of a login right now. Disturbs nobody who waits for it.
    pub fn lock_state(&self, key: &LoginKey) -> Result<LockState, StoreError> {
        self.shelves.look_at_lock(&login_name(&key.server, &key.account))
    }

    /// The lock that another process handed over with its open file. Whoever was given none, or another one, waits for
    /// the lock as anybody does.
    pub fn take_over(
        &self,
        key: &LoginKey,
        handed_over: Option<File>,
        wait: Duration,
    ) -> Result<LoginLock, StoreError> {
        let name = login_name(&key.server, &key.account);
        let adopted = handed_over.map(|file| self.shelves.adopt(&name, file)).transpose()?;
        match adopted.flatten() {
            Some(guard) => Ok(LoginLock { key: key.clone(), guard }),
            None => self.lock(key, wait),
        }
    }

    /// Takes the room that a login will need when it is saved next, so that a full disk or a directory that cannot be
    /// written to is found out before anything is spent.
    pub fn make_room(&self, lock: &LoginLock) -> Result<LoginRoom, StoreError> {
        // The issuer's answer is what makes a record long.
        const ROOM: u64 = http::ANSWER_LIMIT as u64 + 64 * 1024;
        let name = login_name(&lock.key.server, &lock.key.account);
        if let Some(bytes) = self.shelves.read(Folder::Logins, &name)?
            && let Ok(record) = Record::<Login>::parse(&name, &bytes)
        {
            self.back_up(&name, &record, &bytes)?;
        }
        self.shelves.draft(Folder::Logins, &name, ROOM).map(LoginRoom)
    }

    /// Replaces a login as one step. A stored login of a higher generation stays, and so does one that a newer
    /// release wrote.
    pub fn save(&self, lock: &LoginLock, login: &Login) -> Result<(), StoreError> {
        self.save_into(LoginRoom(None), lock, login)
    }

    /// The same, into the room that was made for it.
    pub fn save_into(&self, room: LoginRoom, lock: &LoginLock, login: &Login) -> Result<(), StoreError> {
        if login.key() != lock.key {
            return Err(StoreError::OtherLogin);
        }
        let name = login_name(&lock.key.server, &lock.key.account);
        if let Some(stored) = self.clear_the_way::<Login>(&name)?
            && stored.login.generation > login.facts.generation
        {
            return Err(StoreError::Outdated { stored: stored.login.generation });
        }
        let bytes = self.seal(&name, login, login.into())?;
        match room.0 {
            Some(draft) => draft
                .commit(&bytes)
                .map_err(|error| StoreError::at(&self.shelves.path(Folder::Logins, &name), error)),
            None => self.shelves.write(Folder::Logins, &name, &bytes),
        }?;
        self.keep_up(&name, login, &login.into())
    }

    /// Removes a login and what an unfinished refresh of it left; `false` if there was none.
    pub fn remove(&self, lock: &LoginLock) -> Result<bool, StoreError> {
        let name = login_name(&lock.key.server, &lock.key.account);
        // The journal first: one that outlives its record would be taken for that of the next login.
        self.remove_journal(&name)?;
        let removed = self.discard(Folder::Logins, &name)?;
        self.forget_trouble(Attempt::Refresh, &lock.key);
        Ok(removed)
    }

    /// A copy of the key, for a process that carries on what this one began; `None` if nothing is sealed.
    pub fn key_to_share(&self) -> Result<Option<SealingKey>, StoreError> {
        let key = self.key_for_writing()?;
        Ok(key.map(|key| SealingKey::new(*key.expose())))
    }

    /// The client that a profile registered.
    pub fn load_client(&self, server: &Name) -> Result<Option<ClientRegistration>, StoreError> {
        let stored: Option<StoredClient> = self.read(&client_name(server))?;
        Ok(stored.map(|StoredClient(client)| client))
    }

    /// Remembers the client that a profile registered, in place of an earlier one.
    pub fn save_client(&self, server: &Name, client: &ClientRegistration) -> Result<(), StoreError> {
        let name = client_name(server);
        let _guard = self.shelves.lock(&name, CLIENT_WAIT)?;
        self.clear_the_way::<StoredClient>(&name)?;
        let summary = ClientSummary { server: server.clone(), client: client.facts.clone() };
        let client = StoredClient(client.duplicate());
        self.write(&name, &client, summary.clone())?;
        self.keep_up(&name, &client, &summary)
    }

    /// Forgets the client that a profile registered; `false` if there was none.
    pub fn remove_client(&self, server: &Name) -> Result<bool, StoreError> {
        let name = client_name(server);
        let _guard = self.shelves.lock(&name, CLIENT_WAIT)?;
        self.discard(Folder::Clients, &name)
    }

    /// Tries out everything that a login will need: makes the key if there is none, then writes, reads and
    /// removes a record of no login.
    pub fn probe(&self) -> Result<(), StoreError> {
        let key = self.key_for_writing()?;
        let random = crate::files::random::<16>()
            .map_err(|error| StoreError::at("the random source".as_ref(), error))?;
        let name = format!("probe-{}", crate::files::hex(&random));
        let path = self.shelves.path(Folder::Logins, &name);
        let sealed = Self::sealing(key.as_deref())
            .seal(&name, "", &random)
            .map_err(|error| StoreError::at(&path, error))?;
        let read = self.shelves.try_out(Folder::Logins, &name, &sealed);
        let discarded = self.shelves.discard(Folder::Logins, &name);
        let (read, _) = (read?, discarded?);
        let is_same = read.is_some_and(|bytes| {
            Self::sealing(key.as_deref()).open(&name, "", &bytes).is_ok_and(|opened| *opened == random)
        });
        if is_same {
            Ok(())
        } else {
            Err(StoreError::Damaged {
                file: path.clone(),
                kept: path,
                why: "what was written did not come back",
            })
        }
    }

    /// What tells an access token from others in a log without telling anything of it. `None` where there is no key
    /// to take it with: no login is lost for want of one.
    pub fn fingerprint(&self, token: &AccessToken) -> Option<String> {
        let key = match self.key_for_writing().ok()? {
            Some(key) => key,
            None => Arc::new(self.shelves.fingerprint_key()?),
        };
        Some(fingerprint::take(&key, token))
    }

    fn read<Of: Stored>(&self, name: &str) -> Result<Option<Of>, StoreError> {
        self.read_with(name, |record| {
            let key = self.key_of(&record, name)?;
            Ok(record.open(name, &Self::sealing(key.as_deref())))
        })
    }

    fn read_summary<Of: Stored>(&self, name: &str) -> Result<Option<Of::Summary>, StoreError> {
        self.read_with(name, |record: Record<Of>| Ok(Ok(record.summary)))
    }

    /// Reads a record of this store and finishes it; a damaged one is set aside.
    fn read_with<Of: Stored, Out>(
        &self,
        name: &str,
        finish: impl Fn(Record<Of>) -> Result<Result<Out, Unreadable>, StoreError>,
    ) -> Result<Option<Out>, StoreError> {
        let file = || self.shelves.path(Of::FOLDER, name);
        let Some(bytes) = self.shelves.read(Of::FOLDER, name)? else { return Ok(None) };
        let made = match Record::<Of>::parse(name, &bytes) {
            Ok(record) if self.keys.kind_of(record.sealed_by).is_none() => {
                return Err(StoreError::OtherStore { file: file(), sealed_by: record.sealed_by.into() });
            }
            Ok(record) => finish(record)?,
            Err(unreadable) => Err(unreadable),
        };
        match made {
            Ok(out) => Ok(Some(out)),
            Err(Unreadable::Newer) => Err(StoreError::Newer { file: file() }),
            Err(Unreadable::Damaged(why)) => {
                // Under the lock, and only if nobody repaired it meanwhile: another process may just have
                // written a good record over this one. Whoever cannot have the lock leaves it to the next.
                let guard = self.shelves.lock(name, Duration::ZERO);
                if guard.is_err() {
                    return Err(StoreError::Damaged { file: file(), kept: file(), why });
                }
                if self.shelves.read(Of::FOLDER, name)?.is_some_and(|now| now == bytes) {
                    return Err(self.set_aside::<Of>(name, why));
                }
                drop(guard);
                self.read_with(name, finish)
            }
        }
    }

    /// Looks at what a write will replace: refuses if a newer release wrote it, keeps it if it is damaged. The
    /// caller holds the lock.
    fn clear_the_way<Of: Stored>(&self, name: &str) -> Result<Option<Of::Summary>, StoreError> {
        let Some(bytes) = self.shelves.read(Of::FOLDER, name)? else { return Ok(None) };
        match Record::<Of>::parse(name, &bytes) {
            Ok(record) => {
                self.back_up(name, &record, &bytes)?;
                Ok(Some(record.summary))
            }
            Err(Unreadable::Newer) => Err(StoreError::Newer { file: self.shelves.path(Of::FOLDER, name) }),
            Err(Unreadable::Damaged(why)) => match self.set_aside::<Of>(name, why) {
                StoreError::Damaged { .. } => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Keeps what a former release wrote, beside what this one is about to make of it. Not what is of another kind than
    /// what takes its place: that would outlive its key, or lie there in the clear. The caller holds the lock.
    fn back_up<Of: Stored>(&self, name: &str, record: &Record<Of>, bytes: &[u8]) -> Result<(), StoreError> {
        if !record.is_of_former_version() || record.sealed_by != SealedBy::from(self.kind()) {
            return Ok(());
        }
        let backup = backup_name(name, record.version);
        let is_kept = self.shelves.read(Folder::Backups, &backup)?.is_some_and(|kept| *kept == *bytes);
        if is_kept { Ok(()) } else { self.shelves.write(Folder::Backups, &backup, bytes) }
    }

    /// Moves a damaged record out of the way and says so. The caller holds the lock.
    fn set_aside<Of: Stored>(&self, name: &str, why: &'static str) -> StoreError {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        match self.shelves.set_aside(Of::FOLDER, name, time) {
            Ok(kept) => StoreError::Damaged { file: self.shelves.path(Of::FOLDER, name), kept, why },
            Err(error) => error,
        }
    }

    /// Removes what was kept of a record as former releases wrote it.
    fn remove_backups(&self, name: &str) -> Result<(), StoreError> {
        for version in 1..record::VERSION {
            self.shelves.remove(Folder::Backups, &backup_name(name, version))?;
        }
        Ok(())
    }

    /// Removes a record with what was kept of its former versions and what a move cut short left. The caller holds the
    /// lock.
    fn discard(&self, folder: Folder, name: &str) -> Result<bool, StoreError> {
        // The record last: as long as it is there, somebody can ask for the rest to be removed.
        self.remove_backups(name)?;
        self.shelves.remove(folder, &moving_name(name))?;
        self.shelves.remove(folder, name)
    }

    fn write<Of: Stored>(&self, name: &str, stored: &Of, summary: Of::Summary) -> Result<(), StoreError> {
        self.shelves.write(Of::FOLDER, name, &self.seal(name, stored, summary)?)
    }

    fn seal<Of: Stored>(
        &self,
        name: &str,
        stored: &Of,
        summary: Of::Summary,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let kind = self.kind();
        let key = self.keys.sealing(kind)?;
        let sealing = Self::sealing(key.as_deref());
        record::write(name, stored, summary, kind.into(), &sealing)
            .map_err(|error| StoreError::at(&self.shelves.path(Of::FOLDER, name), error))
    }

    fn sealing(key: Option<&SealingKey>) -> Sealing<'_> {
        key.map_or(Sealing::Plain, Sealing::Sealed)
    }

    /// The key that opens a record, if one does; an error if the store has another one.
    fn key_of<Of: Stored>(
        &self,
        record: &Record<Of>,
        name: &str,
    ) -> Result<Option<Arc<SealingKey>>, StoreError> {
        let Some(key) = self.keys.opening(record.sealed_by.into())? else { return Ok(None) };
        if record.key_id.as_deref() == Some(sealing::key_id(&key).as_str()) {
            Ok(Some(key))
        } else {
            Err(StoreError::OtherKey { file: self.shelves.path(Of::FOLDER, name) })
        }
    }

    fn key_for_writing(&self) -> Result<Option<Arc<SealingKey>>, StoreError> {
        self.keys.sealing(self.kind())
    }
}

/// The file of a login: a hash, so that no name is ever a path.
fn login_name(server: &Name, account: &Name) -> String {
    hashed(&["login", &server.folded(), &account.folded()])
}

/// The file of a registered client.
fn client_name(server: &Name) -> String {
    hashed(&["client", &server.folded()])
}

/// What is kept of a record of a former version.
fn backup_name(name: &str, version: u32) -> String {
    format!("{name}.v{version}")
}

/// What is to take the place of a record that moves.
fn moving_name(name: &str) -> String {
    format!("{name}.moving")
}

/// Parts contain no NUL, so no two lists hash alike.
fn hashed(parts: &[&str]) -> String {
    crate::files::hex(&sha256(&[parts.join("\0").as_bytes()]))
}

#[cfg(test)]
mod tests;
