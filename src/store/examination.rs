//! A look at everything that is stored, by somebody who wants to know and not to change.

use std::path::PathBuf;

use super::record::{Record, SealedBy, Stored, StoredClient, Unreadable};
use super::{Store, StoreError};
use crate::model::{Login, LoginSummary};

/// How far a record is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What can be seen without the key.
    Header,
    /// Whether the key opens it.
    Body,
    /// The same, and a damaged one is set aside as every command would do it.
    Repair,
}

/// One file of the store.
#[derive(Debug)]
pub struct Examined<Found> {
    /// Where it is.
    pub file: PathBuf,
    /// What it holds, or why that cannot be had.
    pub found: Result<Found, StoreError>,
}

impl Store {
    /// Whether the source of the key gives one; makes none. A store that seals nothing needs none.
    pub fn try_key(&self) -> Result<(), StoreError> {
        if self.kind.seals() { self.key(|keys| keys.key()).map(drop) } else { Ok(()) }
    }

    /// Every record of a login.
    pub fn examine_logins(&self, depth: Depth) -> Result<Vec<Examined<LoginSummary>>, StoreError> {
        self.examine::<Login>(depth)
    }

    /// Every record of a client.
    pub fn examine_clients(&self, depth: Depth) -> Result<Vec<Examined<()>>, StoreError> {
        let clients = self.examine::<StoredClient>(depth)?;
        Ok(clients
            .into_iter()
            .map(|client| Examined { file: client.file, found: client.found.map(drop) })
            .collect())
    }

    fn examine<Of: Stored>(&self, depth: Depth) -> Result<Vec<Examined<Of::Summary>>, StoreError> {
        let mut records = Vec::new();
        for name in self.shelves.names(Of::FOLDER)? {
            let found = self.look_at::<Of>(&name, depth).transpose();
            let file = self.shelves.path(Of::FOLDER, &name);
            // One that went meanwhile is no finding.
            records.extend(found.map(|found| Examined { file, found }));
        }
        records.sort_by(|one, other| one.file.cmp(&other.file));
        Ok(records)
    }

    fn look_at<Of: Stored>(&self, name: &str, depth: Depth) -> Result<Option<Of::Summary>, StoreError> {
        if depth == Depth::Repair {
            self.read::<Of>(name)?;
        }
        let file = self.shelves.path(Of::FOLDER, name);
        let Some(bytes) = self.shelves.read(Of::FOLDER, name)? else { return Ok(None) };
        let unreadable = |unreadable| match unreadable {
            Unreadable::Newer => StoreError::Newer { file: file.clone() },
            Unreadable::Damaged(why) => StoreError::Damaged { file: file.clone(), kept: file.clone(), why },
        };
        let record = Record::<Of>::parse(name, &bytes).map_err(unreadable)?;
        if record.sealed_by != SealedBy::from(self.kind) {
            return Err(StoreError::OtherStore { file, sealed_by: record.sealed_by.into() });
        }
        if depth != Depth::Header {
            let key = self.key_of(&record, &file)?;
            record.open(name, &Self::sealing(key.as_deref())).map_err(unreadable)?;
            return Record::<Of>::parse(name, &bytes).map(|record| Some(record.summary)).map_err(unreadable);
        }
        Ok(Some(record.summary))
    }
}
