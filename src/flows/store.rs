//! What may be told of the store without opening a login, and changing its passphrase.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::App;
use super::passphrase::PassphraseSource;
use crate::error::Error;
use crate::store::{Kinds, Sources as _, StoreKind, Turn};

/// What there is to know about a store.
#[derive(Debug, Serialize)]
pub struct StoreReport {
    /// What keeps the secrets.
    pub store: StoreKind,
    /// Whether that is settled; until the first login it may still become another.
    pub is_settled: bool,
    /// Where they are going to, if a move was begun.
    pub moving_to: Option<StoreKind>,
    /// How many records have not arrived.
    pub left_to_move: usize,
    /// Where the records lie.
    pub data: PathBuf,
    /// How many logins there are.
    pub logins: usize,
    /// How many registered clients.
    pub clients: usize,
    /// How many records there are of each version.
    pub record_versions: BTreeMap<u32, usize>,
    /// What cannot be read, in words.
    pub unreadable: Vec<String>,
    /// The keys, one for each kind that seals.
    pub keys: Vec<KeyReport>,
}

/// A key and whether it can be had.
#[derive(Debug, Serialize)]
pub struct KeyReport {
    /// What it is the key of.
    pub store: StoreKind,
    /// Where it comes from.
    pub source: &'static str,
    /// Whether it answers; `None` if a person would have to be asked.
    pub answers: Option<bool>,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Looks at the store. Changes nothing and asks nobody.
pub fn report(app: &App) -> Result<StoreReport, Error> {
    let store = app.store()?;
    let Kinds { to, from } = store.kinds();
    let census = store.census()?;
    let mut record_versions = BTreeMap::new();
    for resident in census.residents() {
        *record_versions.entry(resident.version).or_default() += 1;
    }
    Ok(StoreReport {
        store: from.unwrap_or(to),
        is_settled: app.config.settings().store.is_some() || app.store_wish.is_some(),
        moving_to: from.map(|_| to),
        left_to_move: census.residents().filter(|resident| resident.kind != to).count(),
        data: app.config.places().data.clone(),
        logins: census.logins.len(),
        clients: census.clients.len(),
        record_versions,
        unreadable: census.unreadable.iter().map(ToString::to_string).collect(),
        keys: from.into_iter().chain([to]).filter_map(|kind| key_report(app, kind)).collect(),
    })
}

fn key_report(app: &App, kind: StoreKind) -> Option<KeyReport> {
    let sources = app.sources();
    let source = match kind {
        StoreKind::Keychain => app.ports.keychain.name(),
        StoreKind::Passphrase => sources.passphrase_origin(),
        StoreKind::File | StoreKind::Memory => return None,
    };
    let needs_person = kind == StoreKind::Passphrase && sources.asks_a_person();
    let outcome = (!needs_person).then(|| sources.of(kind).key().err().map(|error| error.to_string()));
    Some(KeyReport {
        store: kind,
        source,
        answers: outcome.as_ref().map(Option::is_none),
        why: outcome.flatten(),
    })
}

/// Gives the store another passphrase; `descriptor` is where the new one is read from, else a person is asked.
pub fn change_passphrase(app: &mut App, descriptor: Option<u32>) -> Result<(), Error> {
    // Two who change it at once would each believe that theirs is the one; and a move may be about to remove it.
    let _turn = Turn::at_moving(app.config.places())?;
    app.config.reread()?;
    let kinds = app.config.settings().kinds();
    if !kinds.is_some_and(|kinds| kinds.admit(StoreKind::Passphrase)) {
        let kind = kinds.map_or(StoreKind::File, |kinds| kinds.to);
        return Err(Error::Usage {
            message: format!("logins are stored in the {kind} store, which has no passphrase"),
            hint: "`mcpauth store move passphrase` seals them with one".into(),
        });
    }
    let terminal = Arc::clone(&app.ports.terminal);
    // The settled command prints the old one.
    let new = PassphraseSource { descriptor, command: Vec::new(), limit: Duration::ZERO, terminal };
    Ok(app.sources().passphrase_key().change(&new.asker())?)
}
