//! One login, as a source of tokens for the command.

use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::Scene;
use crate::clock::UnixTime;
use crate::error::Error;
use crate::flows::{exec, session};
use crate::model::{Login, LoginKey};

/// The login, and for whom it is.
#[derive(Clone)]
pub(super) struct Feed {
    pub(super) scene: Scene,
    key: LoginKey,
    /// What was last said to be wrong.
    complaint: Arc<Mutex<Option<String>>>,
}

/// A token of it.
pub(super) struct Fresh {
    pub(super) token: Zeroizing<String>,
    /// When it is to be renewed, as far as anybody here can tell.
    pub(super) until: Option<UnixTime>,
    login: Login,
}

impl Feed {
    pub(super) fn new(scene: &Scene, key: LoginKey) -> Self {
        Self { scene: scene.clone(), key, complaint: Arc::default() }
    }

    pub(super) fn now(&self) -> UnixTime {
        self.scene.app.now()
    }

    /// A fresh token. Waits for store and issuer.
    pub(super) fn fresh(&self) -> Result<Fresh, Error> {
        let freshness = &self.scene.request.freshness;
        let login = session::fresh_login(&self.scene.app, &self.key, freshness)?;
        let token = session::field(&login, "token")?;
        Ok(Fresh { token, until: freshness.met_until(&login.tokens.facts), login })
    }

    /// Fails unless there is a fresh token, whoever may use it.
    pub(super) fn is_there(&self) -> Result<(), Error> {
        session::fresh_login(&self.scene.app, &self.key, &self.scene.request.freshness).map(drop)
    }

    /// Writes down that the command gets a token. To be called before it does.
    pub(super) fn note(&self, fresh: &Fresh) {
        exec::note(&self.scene.app, &self.scene.request, &fresh.login);
    }

    /// All is well again.
    pub(super) fn is_well(&self) {
        *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Says what is wrong, once.
    pub(super) fn complain(&self, what: String) {
        let mut complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        if complaint.as_ref() != Some(&what) {
            self.scene.app.console.warn(&what);
            *complaint = Some(what);
        }
    }
}
