//! A look at everything that is stored, by somebody who wants to know and not to change.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::files::{Shelves, is_name};
use super::record::{Record, Stored, StoredClient, Unreadable};
use super::{Kinds, Store, StoreError};
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
        let Kinds { to, from } = self.kinds();
        [Some(to), from].into_iter().flatten().try_for_each(|kind| self.keys.opening(kind).map(drop))
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

    /// Journals of logins that are not there any more. One beside a record that was set aside is not meant: it may hold
    /// the newest tokens of that login.
    pub fn orphaned_journals(&self) -> Result<Vec<PathBuf>, StoreError> {
        let Shelves::Files { data, state } = &self.shelves else { return Ok(Vec::new()) };
        let logins = data.join("logins");
        // Where the logins cannot be seen, as on a disk that is not there just now, none of them is known to be gone.
        if let Err(error) = fs::read_dir(&logins) {
            return if error.kind() == io::ErrorKind::NotFound {
                Ok(Vec::new())
            } else {
                Err(StoreError::at(&logins, error))
            };
        }
        let (logins, journals) = (names_in(&logins), names_in(&state.join("journals")));
        let has_record = |name: &String| logins.iter().any(|login| login.starts_with(name.as_str()));
        let orphans = journals.into_iter().filter(|name| is_name(name) && !has_record(name));
        Ok(orphans.map(|name| state.join("journals").join(name)).collect())
    }

    /// Removes such a journal, unless somebody signs in to that server just now.
    pub fn remove_orphan(&self, journal: &Path) -> Result<(), StoreError> {
        let name = journal.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let _guard = self.shelves.lock(name, Duration::ZERO)?;
        if self.orphaned_journals()?.iter().any(|orphan| orphan == journal) {
            self.remove_journal(name)?;
        }
        Ok(())
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
        if self.keys.kind_of(record.sealed_by).is_none() {
            return Err(StoreError::OtherStore { file, sealed_by: record.sealed_by.into() });
        }
        if depth != Depth::Header {
            let key = self.key_of(&record, name)?;
            record.open(name, &Self::sealing(key.as_deref())).map_err(unreadable)?;
            return Record::<Of>::parse(name, &bytes).map(|record| Some(record.summary)).map_err(unreadable);
        }
        Ok(Some(record.summary))
    }
}

/// What is in a directory; nothing if it cannot be read.
fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
