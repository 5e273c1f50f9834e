//! What went wrong lately, for every process to see. No secrets, no promise: losing it costs one request too many.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::files::Shelves;
use super::{Store, login_name};
use crate::clock::UnixTime;
use crate::files;
use crate::model::LoginKey;

/// More than a list of failures needs, in bytes.
const LIMIT: u64 = 64 * 1024;

/// What is attempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Refreshing a login.
    Refresh,
    /// Signing in.
    Login,
}

/// Failures of one kind at one login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trouble {
    /// When it failed lately, oldest first.
    pub failures: Vec<UnixTime>,
    /// Until when nobody asks again.
    pub rests_until: Option<UnixTime>,
    /// What the last one said.
    pub last: String,
}

impl Store {
    /// What went wrong lately. What cannot be read has not happened.
    pub fn trouble(&self, attempt: Attempt, key: &LoginKey) -> Trouble {
        let file = self.trouble_file(attempt, key);
        let bytes = file.and_then(|file| files::read_private(&file, LIMIT).ok().flatten());
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Remembers what went wrong. That it cannot be written must not make things worse.
    pub fn remember_trouble(&self, attempt: Attempt, key: &LoginKey, trouble: &Trouble) {
        let Some(file) = self.trouble_file(attempt, key) else { return };
        let written = serde_json::to_vec(trouble).map_err(Into::into);
        drop(written.and_then(|bytes| files::write_expendable(&file, &bytes)));
    }

    /// Forgets it, because all is well again.
    pub fn forget_trouble(&self, attempt: Attempt, key: &LoginKey) {
        if let Some(file) = self.trouble_file(attempt, key) {
            drop(files::discard(&file));
        }
    }

    fn trouble_file(&self, attempt: Attempt, key: &LoginKey) -> Option<PathBuf> {
        let Shelves::Files { state, .. } = &self.shelves else { return None };
        let folder = match attempt {
            Attempt::Refresh => "refresh-trouble",
            Attempt::Login => "login-trouble",
        };
        Some(state.join(folder).join(format!("{}.json", login_name(&key.server, &key.account))))
    }
}
