//! Where the keys of the store come from, and which kinds are settled by now.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::App;
use super::passphrase::{COMMAND_LIMIT, PassphraseSource};
use crate::config::Config;
use crate::console::Terminal;
use crate::keychain::Keychain;
use crate::places::Places;
use crate::store::{KeySource, KeychainKey, Kinds, NoKey, PassphraseKey, Sources, StoreKind};

/// Everything that a key may come from.
pub(super) struct EverySource {
    places: Places,
    keychain: Arc<dyn Keychain>,
    terminal: Arc<dyn Terminal>,
    descriptor: Option<u32>,
    command: Vec<String>,
    limit: Duration,
}

impl App {
    pub(super) fn sources(&self) -> EverySource {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        EverySource {
            places: self.config.places().clone(),
            keychain: Arc::clone(&self.ports.keychain),
            terminal: Arc::clone(&self.ports.terminal),
            descriptor: self.passphrase_descriptor,
            command: self.config.settings().passphrase_command.clone(),
            limit: left.map_or(COMMAND_LIMIT, |left| left.min(COMMAND_LIMIT)),
        }
    }
}

impl EverySource {
    /// Whether the passphrase can only come from a person.
    pub(super) fn asks_a_person(&self) -> bool {
        self.descriptor.is_none() && self.command.is_empty()
    }

    /// Where the passphrase comes from, in words.
    pub(super) fn passphrase_origin(&self) -> &'static str {
        match (self.descriptor, self.command.as_slice()) {
            (Some(_), _) => "passphrase from a file descriptor",
            (None, [_, ..]) => "passphrase_command",
            (None, []) => "passphrase",
        }
    }

    pub(super) fn passphrase_key(&self) -> PassphraseKey {
        let source = PassphraseSource {
            descriptor: self.descriptor,
            command: self.command.clone(),
            limit: self.limit,
            terminal: Arc::clone(&self.terminal),
        };
        PassphraseKey::new(&self.places, source.asker())
    }
}

impl Sources for EverySource {
    fn settled(&self) -> Option<Kinds> {
        // What cannot be read settles nothing; whoever reads it first has said so.
        Config::load(self.places.clone()).ok()?.settings().kinds()
    }

    fn of(&self, kind: StoreKind) -> Box<dyn KeySource> {
        match kind {
            StoreKind::Keychain => Box::new(KeychainKey::new(Arc::clone(&self.keychain), &self.places)),
            StoreKind::Passphrase => Box::new(self.passphrase_key()),
            StoreKind::File | StoreKind::Memory => Box::new(NoKey),
        }
    }
}
