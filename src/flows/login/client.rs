//! Becoming a client: what the user brings, what an earlier login left, or what the issuer gives.

use super::{LoginRequest, Signing};
use crate::audit::{Event, Kind};
use crate::config::ServerProfile;
use crate::error::Error;
use crate::flows::brought::bring;
use crate::flows::{App, remote};
use crate::model::{ClientRegistration, Name, RegistrationSource, ScopeSet};
use crate::oauth::registration::{self, Candidates, Wanted};
use crate::store::{Store, StoreError};

/// The client with which to sign in.
pub(super) struct Client {
    pub(super) registration: ClientRegistration,
    /// Whether it is one of an earlier login.
    pub(super) reused: bool,
}

/// The client that there is already: the user's, or that of an earlier login.
pub(super) fn at_hand(signing: &Signing<'_>) -> Result<Option<ClientRegistration>, Error> {
    match &signing.request.client {
        Some(brought) => {
            bring(brought, signing.found).map(Some).map_err(remote(&signing.request.profile.url))
        }
        None => stored(signing.app, signing.store, &signing.request.profile.name),
    }
}

/// How the client that there is already came about.
pub(super) fn source(store: &Store, request: &LoginRequest) -> Option<RegistrationSource> {
    let stored = || store.load_client(&request.profile.name).ok().flatten();
    let brought = request.client.as_ref().map(|_| RegistrationSource::Preregistered);
    brought.or_else(|| stored().map(|client| client.facts.source))
}

/// Becomes a client that may do what is wanted, and keeps what the issuer gave for the logins to come.
pub(super) async fn become_one(
    signing: &Signing<'_>,
    at_hand: Option<ClientRegistration>,
    wanted: &Wanted<'_>,
) -> Result<Client, Error> {
    let Signing { app, store, request, http, found, .. } = signing;
    let profile = &request.profile;
    let known = at_hand.as_ref().map(|client| client.facts.client_id.clone());
    let candidates = Candidates { stored: at_hand, metadata_document: document(app, profile) };
    let registration = registration::register(http, &found.issuer, candidates, wanted, app.now())
        .await
        .map_err(remote(&profile.url))?;
    if registration.facts.source != RegistrationSource::MetadataDocument && request.client.is_none() {
        // Kept even if nobody signs in: the next attempt need not register again.
        store.save_client(&profile.name, &registration)?;
    }
    let reused = known.as_ref() == Some(&registration.facts.client_id);
    if registration.facts.source == RegistrationSource::Dynamic && !reused {
        note(signing, &registration, wanted.scope);
    }
    Ok(Client { registration, reused })
}

/// Whether the client will be known by its document, with the redirect URIs that stand there.
pub(super) fn by_document(signing: &Signing<'_>, at_hand: Option<&ClientRegistration>) -> bool {
    signing.found.issuer.client_id_metadata_document_supported
        && document(signing.app, &signing.request.profile).is_some()
        && at_hand.is_none_or(|client| client.facts.source != RegistrationSource::Preregistered)
}

/// The document that describes this client, as the user settled it.
fn document<'a>(app: &'a App, profile: &'a ServerProfile) -> Option<&'a url::Url> {
    profile.client_metadata_url.as_ref().or(app.config.settings().client_metadata_url.as_ref())
}

fn note(signing: &Signing<'_>, client: &ClientRegistration, scope: &ScopeSet) {
    let event = Event::new(Kind::ClientRegistered, &signing.request.key());
    signing.app.audit(&event.scope(scope).client(&client.facts.client_id));
}

/// The client of an earlier login. One that was left behind in another store, or sealed with a key that is lost, can
/// no longer be read; it keeps nobody from signing in anew.
fn stored(app: &App, store: &Store, server: &Name) -> Result<Option<ClientRegistration>, Error> {
    match store.load_client(server) {
        Err(StoreError::OtherStore { sealed_by, .. }) => {
            app.console.warn(&format!(
                "the client of {server} stays behind in the {sealed_by} store; give a --client-id if it was yours"
            ));
            Ok(None)
        }
        Err(StoreError::OtherKey { .. }) => {
            app.console.warn(&format!(
                "the client of {server} was sealed with a key that is lost; give a --client-id if it was yours"
            ));
            Ok(None)
        }
        loaded => Ok(loaded?),
    }
}
