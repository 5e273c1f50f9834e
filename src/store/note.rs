//! Sealed bytes that are no record: what a refresh writes into its journal before it knows the outcome.

use zeroize::Zeroizing;

use super::{Kinds, Store, StoreError};

/// Begins every note, and is sealed with it.
const LINE: &str = "mcpauth-note 1\n";

impl Store {
    /// Seals bytes for the place `name`, as the records of this store are sealed. Needs the key, so a process
    /// that calls this before it sends a refresh token knows that it can keep the answer.
    pub fn seal_note(&self, name: &str, secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let key = self.key_for_writing()?;
        let body = Self::sealing(key.as_deref())
            .seal(name, LINE, secret)
            .map_err(|error| StoreError::at(name.as_ref(), error))?;
        let mut note = Zeroizing::new(Vec::with_capacity(LINE.len() + body.len()));
        note.extend_from_slice(LINE.as_bytes());
        note.extend_from_slice(&body);
        Ok(note)
    }

    /// Opens what [`Store::seal_note`] made for the same place; `None` if it is anything else: cut short,
    /// changed, from another place, or sealed with another key.
    pub fn open_note(&self, name: &str, note: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let Some(body) = note.strip_prefix(LINE.as_bytes()) else { return Ok(None) };
        // Written before the records began to move, it is sealed as they were.
        let Kinds { to, from } = self.kinds();
        for kind in [Some(to), from].into_iter().flatten() {
            let key = self.keys.opening(kind)?;
            if let Ok(opened) = Self::sealing(key.as_deref()).open(name, LINE, body) {
                return Ok(Some(opened));
            }
        }
        Ok(None)
    }
}
