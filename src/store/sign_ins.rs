//! Sign-ins that programs have begun by themselves, for every process to see: who has a page open now, and which pages
//! were opened lately. No secrets, no promise: losing the list costs one page too many.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::files::{Guard, Shelves};
use super::{Store, StoreError, login_name};
use crate::clock::UnixTime;
use crate::files;
use crate::model::LoginKey;

/// More than a list of sign-ins needs, in bytes.
const LIMIT: u64 = 256 * 1024;

/// A sign-in that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// When.
    pub at: UnixTime,
    /// What for, in words that are equal if the wishes are.
    pub wish: String,
    /// Which process has it open.
    pub process: u32,
    /// Whether a page was opened for it.
    #[serde(default)]
    pub page: bool,
    /// How it ended, if somebody lived to say so.
    #[serde(default)]
    pub ending: Option<Ending>,
}

/// How a sign-in ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Somebody is signed in.
    Done,
    /// Nobody is, and this is what was said of it.
    Failed {
        /// The exit code of the error.
        exit: u8,
        /// Its message.
        message: String,
        /// Its hint.
        hint: Option<String>,
    },
}

/// Nobody else begins a sign-in by himself for this login until this is dropped.
pub struct SignInTurn {
    key: LoginKey,
    guard: Guard,
}

impl SignInTurn {
    /// The open file that the turn is on, to be handed to another process; `None` where it is no file.
    pub fn file(&self) -> Option<&File> {
        match &self.guard {
            Guard::File(file) => Some(file),
            Guard::Memory { .. } => None,
        }
    }
}

impl Store {
    /// The turn to begin a sign-in; `None` if another process has one open.
    pub fn sign_in_turn(&self, key: &LoginKey) -> Result<Option<SignInTurn>, StoreError> {
        match self.shelves.lock(&turn_name(key), Duration::ZERO) {
            Ok(guard) => Ok(Some(SignInTurn { key: key.clone(), guard })),
            Err(StoreError::Busy { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The turn that another process handed over with its open file, or else one that is waited for.
    pub fn take_over_turn(
        &self,
        key: &LoginKey,
        handed_over: Option<File>,
        wait: Duration,
    ) -> Result<SignInTurn, StoreError> {
        let name = turn_name(key);
        let adopted = handed_over.map(|file| self.shelves.adopt(&name, file)).transpose()?;
        let guard = adopted.flatten().map_or_else(|| self.shelves.lock(&name, wait), Ok)?;
        Ok(SignInTurn { key: key.clone(), guard })
    }

    /// The sign-ins that were begun lately, oldest first. What cannot be read has not happened.
    pub fn sign_ins(&self, key: &LoginKey) -> Vec<SignIn> {
        let file = self.sign_ins_file(key);
        let bytes = file.and_then(|file| files::read_private(&file, LIMIT).ok().flatten());
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Changes that list. An error if it cannot be written: who cannot remember a page must not open one.
    pub fn change_sign_ins(
        &self,
        turn: &SignInTurn,
        change: impl FnOnce(&mut Vec<SignIn>),
    ) -> Result<(), StoreError> {
        let Some(file) = self.sign_ins_file(&turn.key) else { return Ok(()) };
        let mut list = self.sign_ins(&turn.key);
        change(&mut list);
        let written = serde_json::to_vec(&list).map_err(Into::into);
        written
            .and_then(|bytes| files::write_expendable(&file, &bytes))
            .map_err(|error| StoreError::at(&file, error))
    }

    fn sign_ins_file(&self, key: &LoginKey) -> Option<PathBuf> {
        let Shelves::Files { state, .. } = &self.shelves else { return None };
        Some(state.join("sign-ins").join(format!("{}.json", login_name(&key.server, &key.account))))
    }
}

/// The lock has a name that no record has, so that it never looks as if a record were lost.
fn turn_name(key: &LoginKey) -> String {
    format!("{}-sign-in", login_name(&key.server, &key.account))
}
