//! Settling and forgetting servers. What is settled is checked against the server first, so that a typing mistake
//! shows now and not at the first login.

use super::brought::{BroughtClient, bring};
use super::{App, discover, remote};
use crate::config::ServerProfile;
use crate::error::Error;
use crate::model::{Issuer, Name};
use crate::oauth;
use crate::oauth::discovery::{Discovery, Trace};

/// What is to be settled.
pub struct Change {
    /// The server, as it is to be.
    pub profile: ServerProfile,
    /// A client that the user brings, to be bound to the issuer that the server names now.
    pub client: Option<BroughtClient>,
    /// Whether to mean this server where none is named.
    pub default: bool,
}

/// Checks the server, then writes the profile and, into the store, the client. Gives the issuer; `None` for a
/// server that asks for no sign-in, or that was not asked because nothing changes that it could object to.
pub fn settle(app: &mut App, change: Change) -> Result<Option<Issuer>, Error> {
    let Change { profile, client, default } = change;
    let is_known = |known: ServerProfile| known.url == profile.url && known.issuer == profile.issuer;
    let found = if client.is_none() && app.config.profile(&profile.name)?.is_some_and(is_known) {
        None
    } else {
        look(app, &profile, client.is_some())?
    };
    let client = client.as_ref().zip(found.as_ref()).map(|(client, found)| bring(client, found)).transpose();
    let client = client.map_err(remote(&profile.url))?;
    let store = client.as_ref().map(|_| app.store_for_login()).transpose()?;
    app.leave_pointer()?;
    // Before the client: a profile can be refused because its name or its server is taken.
    app.config.save_profile(&profile)?;
    if let (Some(store), Some(client)) = (store, client) {
        store.save_client(&profile.name, &client)?;
    }
    if default {
        app.config.change(|settings| settings.default_server = Some(profile.name.clone()))?;
    }
    Ok(found.map(|found| found.issuer.issuer))
}

/// What the server says of itself; `None`, with a warning, if it asks for no sign-in and need not.
fn look(app: &App, profile: &ServerProfile, must_sign_in: bool) -> Result<Option<Discovery>, Error> {
    let found = discover::discover(app, profile, &mut Trace::default()).map_err(oauth::Error::from);
    match found.and_then(std::convert::identity) {
        Ok(found) => Ok(Some(found)),
        Err(error @ oauth::Error::NoSignIn(_)) if !must_sign_in => {
            app.console.warn(&error.to_string());
            Ok(None)
        }
        Err(error) => Err(remote(&profile.url)(error)),
    }
}

/// Forgets a server that nobody is signed in to, with the client that was registered for it.
pub fn remove(app: &mut App, profile: &ServerProfile) -> Result<(), Error> {
    let store = app.store()?;
    // A record that cannot be read may be of this server, and without the profile nobody could end that login.
    let summaries = store.summaries()?.into_iter().collect::<Result<Vec<_>, _>>()?;
    if let Some(summary) = summaries.iter().find(|summary| summary.login.server == profile.name) {
        return Err(Error::Usage {
            message: format!("somebody is signed in to {}", profile.name),
            hint: format!("run `mcpauth logout {}` first", summary.login.key()),
        });
    }
    store.remove_client(&profile.name)?;
    app.config.remove_profile(&profile.name)?;
    let is_default = |name: &Name| *name == profile.name;
    if app.config.settings().default_server.as_ref().is_some_and(is_default) {
        app.config.change(|settings| settings.default_server = None)?;
    }
    Ok(())
}
