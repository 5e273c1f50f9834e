//! Taking everything that is stored over into another kind of store.
//!
//! Each record is copied under its lock, the copy is read back, and then it takes the record's place. While that lasts
//! `config.toml` names both kinds, and whoever reads a record opens it with the key of the kind that it has. So whatever
//! ends this half-way, every login still works, and doing it again goes on where it ended.

use std::time::Duration;

use serde::Serialize;

use super::{App, renewal, session_bus};
use crate::error::Error;
use crate::model::{LoginKey, Name};
use crate::store::{Kinds, LoginLock, Sources as _, Store, StoreError, StoreKind, Turn};

/// How long to wait for a process that is refreshing a login.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a move did.
#[derive(Debug, Serialize)]
pub struct Moved {
    /// Where everything was, unless it was here already.
    pub from: Option<StoreKind>,
    /// Where it is.
    pub to: StoreKind,
    /// How many logins were taken over.
    pub logins: usize,
    /// How many clients.
    pub clients: usize,
    /// The keychain in which the key stays behind: another directory may have records that it seals.
    pub key_left_in: Option<&'static str>,
}

/// Takes everything over. `remove_key` removes the key from a keychain that nothing here needs any more.
pub fn move_store(app: &mut App, to: StoreKind, remove_key: bool) -> Result<Moved, Error> {
    let _turn = Turn::at_moving(app.config.places())?;
    app.config.reread()?;
    let settled = app.config.settings().kinds();
    let is_under_way = settled.is_some_and(|kinds| kinds.from.is_some());
    let kinds = way(app, settled, to)?;
    app.leave_pointer()?;
    let store = app.open_store(kinds);
    let stopped = |error: Error| if is_under_way { unfinished(to, error) } else { not_moved(error) };
    inspect(&store).map_err(|error| stopped(error.into()))?;
    store.probe().map_err(|error| stopped(error.into()))?;
    settle(app, kinds).map_err(stopped)?;
    let (logins, clients) = carry(app, &store).map_err(|error| unfinished(to, error))?;
    settle(app, Kinds::only(to)).map_err(|error| unfinished(to, error))?;
    let key_left_in = tidy(app, &store, kinds, remove_key)?;
    Ok(Moved { from: kinds.from, to, logins, clients, key_left_in })
}

/// From where to where: a move that was begun is ended first, or turned back.
fn way(app: &App, settled: Option<Kinds>, to: StoreKind) -> Result<Kinds, Error> {
    let Kinds { to: now, from } = settled.unwrap_or(Kinds::only(StoreKind::File));
    match from {
        Some(from) if to == from => Ok(Kinds { to, from: Some(now) }),
        Some(_) if to == now => Ok(Kinds { to, from }),
        Some(_) => Err(Error::Usage {
            message: format!("the move to the {now} store is not finished"),
            hint: format!("run `mcpauth store move {now}` first"),
        }),
        None if to == now => {
            // What a killed process left there in the old kind, or a hand in config.toml.
            let census = app.open_store(Kinds::only(to)).census()?;
            let from = census.residents().map(|resident| resident.kind).find(|kind| *kind != to);
            Ok(Kinds { to, from })
        }
        None => Ok(Kinds { to, from: Some(now) }),
    }
}

/// Opens every record: one that cannot be read stops the move before anything has changed.
fn inspect(store: &Store) -> Result<(), StoreError> {
    for key in logins(store)? {
        store.load(&key)?;
    }
    for server in clients(store)? {
        store.load_client(&server)?;
    }
    Ok(())
}

fn settle(app: &mut App, kinds: Kinds) -> Result<(), Error> {
    app.config.change(|settings| {
        settings.store = Some(kinds.from.unwrap_or(kinds.to));
        settings.moving_to = kinds.from.map(|_| kinds.to);
        let needs_bus = kinds.admit(StoreKind::Keychain);
        settings.session_bus = session_bus().or(settings.session_bus.take()).filter(|_| needs_bus);
    })?;
    Ok(())
}

/// Takes the records over, again and again until there are none left: others may still be signing in.
fn carry(app: &App, store: &Store) -> Result<(usize, usize), Error> {
    let (mut moved_logins, mut moved_clients) = (0, 0);
    loop {
        let before = (moved_logins, moved_clients);
        for key in logins(store)? {
            moved_logins += usize::from(carry_login(app, store, &key)?);
        }
        for server in clients(store)? {
            moved_clients += usize::from(store.move_client(&server)?);
        }
        if before == (moved_logins, moved_clients) {
            return Ok(before);
        }
    }
}

fn carry_login(app: &App, store: &Store, key: &LoginKey) -> Result<bool, Error> {
    arrive(app, store, &store.lock(key, PATIENCE)?)
}

/// Takes a login over whose lock is held, if it has not arrived.
pub(super) fn arrive(app: &App, store: &Store, lock: &LoginLock) -> Result<bool, Error> {
    // An answer that waits in the journal is sealed with the key that is about to go.
    renewal::settle(app, store, lock)?;
    Ok(store.move_login(lock)?)
}

fn logins(store: &Store) -> Result<Vec<LoginKey>, StoreError> {
    store.summaries()?.into_iter().map(|summary| Ok(summary?.login.key())).collect()
}

fn clients(store: &Store) -> Result<Vec<Name>, StoreError> {
    store.client_servers()?.into_iter().collect()
}

/// Removes what the other kinds leave, if nothing here was sealed with it. A keychain has one key for every directory
/// of ours (`--config`), so that goes only by an explicit wish.
fn tidy(app: &App, store: &Store, kinds: Kinds, remove_key: bool) -> Result<Option<&'static str>, Error> {
    let census = store.census()?;
    let is_needed = |kind| kind == kinds.to || census.residents().any(|resident| resident.kind == kind);
    if !census.unreadable.is_empty() {
        return Ok(None);
    }
    if !is_needed(StoreKind::Passphrase) {
        app.sources().of(StoreKind::Passphrase).remove()?;
    }
    if !is_needed(StoreKind::Keychain) && remove_key {
        app.sources().of(StoreKind::Keychain).remove()?;
        return Ok(None);
    }
    let is_left = kinds.from == Some(StoreKind::Keychain) && !is_needed(StoreKind::Keychain);
    Ok(is_left.then(|| app.ports.keychain.name()))
}

fn not_moved(source: Error) -> Error {
    Error::NotMoved { source: Box::new(source) }
}

fn unfinished(to: StoreKind, source: Error) -> Error {
    Error::MoveUnfinished { to, source: Box::new(source) }
}
