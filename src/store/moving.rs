//! Records that go over to another kind of store, each under its lock and as one step: whoever reads meanwhile finds
//! the one or the other, and both open.

use std::fs::File;
use std::time::Duration;

use super::files::Folder;
use super::record::{self, Record, SealedBy, Stored, StoredClient, Unreadable};
use super::{
    CLIENT_WAIT, Kinds, LoginLock, Store, StoreError, StoreKind, client_name, lock, login_name, moving_name,
};
use crate::model::{Login, Name};
use crate::places::Places;

/// What may be told of any record without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// What keeps its secrets.
    pub kind: StoreKind,
    /// The version of its format.
    pub version: u32,
}

/// Everything that lies in a store.
#[derive(Debug, Default)]
pub struct Census {
    /// One for each login.
    pub logins: Vec<Resident>,
    /// One for each registered client.
    pub clients: Vec<Resident>,
    /// What can be neither.
    pub unreadable: Vec<StoreError>,
}

impl Census {
    /// Every record.
    pub fn residents(&self) -> impl Iterator<Item = &Resident> {
        self.logins.iter().chain(&self.clients)
    }
}

impl Store {
    /// The kinds that records may have here.
    pub fn kinds(&self) -> Kinds {
        self.keys.kinds()
    }

    /// Counts what is there, of whatever kind. Asks for no key and changes nothing.
    pub fn census(&self) -> Result<Census, StoreError> {
        let mut census = Census::default();
        census.logins = self.residents::<Login>(&mut census.unreadable)?;
        census.clients = self.residents::<StoredClient>(&mut census.unreadable)?;
        Ok(census)
    }

    fn residents<Of: Stored>(&self, unreadable: &mut Vec<StoreError>) -> Result<Vec<Resident>, StoreError> {
        let mut residents = Vec::new();
        for name in self.shelves.names(Of::FOLDER)? {
            let file = || self.shelves.path(Of::FOLDER, &name);
            match self.shelves.read(Of::FOLDER, &name) {
                Ok(Some(bytes)) => match Record::<Of>::parse(&name, &bytes) {
                    Ok(Record { sealed_by, version, .. }) => {
                        residents.push(Resident { kind: sealed_by.into(), version });
                    }
                    Err(Unreadable::Newer) => unreadable.push(StoreError::Newer { file: file() }),
                    Err(Unreadable::Damaged(why)) => {
                        unreadable.push(StoreError::Damaged { file: file(), kept: file(), why });
                    }
                },
                Ok(None) => {}
                Err(error) => unreadable.push(error),
            }
        }
        Ok(residents)
    }

    /// The servers for which a client is registered; an error for each record that cannot be read.
    pub fn client_servers(&self) -> Result<Vec<Result<Name, StoreError>>, StoreError> {
        let names = self.shelves.names(Folder::Clients)?;
        let read = |name: &String| self.read_summary::<StoredClient>(name).transpose();
        Ok(names.iter().filter_map(read).map(|read| read.map(|summary| summary.server)).collect())
    }

    /// Takes a login over into the kind that is written. `false` if it is there already, or there is none.
    pub fn move_login(&self, lock: &LoginLock) -> Result<bool, StoreError> {
        self.reseal::<Login>(&login_name(&lock.key.server, &lock.key.account))
    }

    /// The same for the client that a profile registered.
    pub fn move_client(&self, server: &Name) -> Result<bool, StoreError> {
        let name = client_name(server);
        let _guard = self.shelves.lock(&name, CLIENT_WAIT)?;
        self.reseal::<StoredClient>(&name)
    }

    /// Writes a record anew beside the one that is there, reads it back, and only then puts it in its place. The caller
    /// holds the lock.
    fn reseal<Of: Stored>(&self, name: &str) -> Result<bool, StoreError> {
        let Kinds { to, .. } = self.kinds();
        // What a move into another kind, or a writer of it, left here when it was ended, perhaps in the clear.
        self.shelves.remove(Of::FOLDER, &moving_name(name))?;
        self.shelves.sweep(Of::FOLDER, name);
        let sealed_by = self.read_with(name, |record: Record<Of>| Ok(Ok(record.sealed_by)))?;
        if sealed_by.is_none_or(|sealed_by| sealed_by == SealedBy::from(to)) {
            return Ok(false);
        }
        let (Some(stored), Some(summary)) = (self.read::<Of>(name)?, self.read_summary::<Of>(name)?) else {
            return Ok(false);
        };
        let path = self.shelves.path(Of::FOLDER, name);
        let failed = |error| StoreError::at(&path, error);
        let key = self.keys.sealing(to)?;
        let sealing = Self::sealing(key.as_deref());
        let bytes = record::write(name, &stored, summary.clone(), to.into(), &sealing).map_err(failed)?;
        let beside = moving_name(name);
        self.shelves.write(Of::FOLDER, &beside, &bytes)?;
        let copy = self.shelves.read(Of::FOLDER, &beside)?.unwrap_or_default();
        let opened = Record::<Of>::parse(name, &copy).and_then(|record| record.open(name, &sealing));
        let is_same = opened.is_ok_and(|opened| record::same(&stored, &opened))
            && Record::<Of>::parse(name, &copy).is_ok_and(|record| record.tells(&summary));
        if !is_same {
            self.shelves.remove(Of::FOLDER, &beside)?;
            let why = "what was written did not come back";
            return Err(StoreError::Damaged { file: path.clone(), kept: path, why });
        }
        self.shelves.rename(Of::FOLDER, &beside, name)?;
        // What a former release wrote is sealed as it was, or not at all.
        self.remove_backups(name)?;
        Ok(true)
    }

    /// Writes again what was just written, if another process settled another kind meanwhile: one that moves the
    /// records may not have seen this one. The caller holds the lock.
    pub(super) fn keep_up<Of: Stored>(
        &self,
        name: &str,
        stored: &Of,
        summary: &Of::Summary,
    ) -> Result<(), StoreError> {
        while self.keys.catch_up() {
            self.write(name, stored, summary.clone())?;
        }
        Ok(())
    }
}

/// Keeps others from what only one process may do at a time, until it is dropped.
pub struct Turn {
    _lock: File,
}

impl Turn {
    /// At changing `config.toml`, which waits for whoever is at it.
    pub fn at_settings(places: &Places) -> Result<Self, StoreError> {
        Self::at(places, "config", "changing the settings", Duration::from_secs(10))
    }

    /// At moving the store, which nobody waits for.
    pub fn at_moving(places: &Places) -> Result<Self, StoreError> {
        Self::at(places, "store-move", "moving the store", Duration::ZERO)
    }

    fn at(places: &Places, name: &str, doing: &'static str, wait: Duration) -> Result<Self, StoreError> {
        match lock::acquire(&lock::path(&places.state, name), wait) {
            Ok(lock) => Ok(Self { _lock: lock }),
            Err(StoreError::Busy { holder }) => Err(StoreError::Engaged { holder, doing }),
            Err(error) => Err(error),
        }
    }
}
