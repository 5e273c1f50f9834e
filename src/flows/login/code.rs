//! The authorization code grant: a browser on this machine, and a listener that it comes back to.

use std::sync::Arc;

use super::client::{self, Client};
use super::{Obtained, PUBLISHED_PORTS, Signing, Trouble, count, elsewhere};
use crate::browser::{Listener, ListenerOptions, Waiting};
use crate::error::Error;
use crate::flows::{forget_client, redirect, remote};
use crate::model::{ClientFacts, ClientRegistration, Grant};
use crate::oauth::authorization::{AuthorizationRequest, PendingAuthorization};
use crate::oauth::dpop;
use crate::oauth::registration::Wanted;
use crate::oauth::token;
use crate::secret::AuthorizationCode;

/// What a redirect brought, and the browser that waits for our word on it.
pub(super) type Arrived = (Result<Obtained, Trouble>, Option<Waiting>);

/// Opens the port, becomes a client with it, sends the person to the issuer, and redeems the code.
pub(super) async fn obtain(signing: &Signing<'_>) -> Result<Arrived, Error> {
    let Signing { app, store, request, .. } = signing;
    let Prepared { client, listener, pending } = prepare(signing).await?;
    let doubt = Doubt::of(signing, &client);
    count(app, store, &request.key());
    announce(signing, &pending);
    let paste = request.paste_only || app.ports.terminal.is_interactive();
    let arrival =
        redirect::await_redirect(app, &pending, listener, paste, request.timeout, signing.command).await?;
    doubt.dispel();
    let obtained = match arrival.code {
        Ok(code) => redeem(signing, client.registration, &pending, &code).await,
        Err(error) => Err(signing.failed(&client.registration.facts, error)),
    };
    Ok((obtained, arrival.browser))
}

/// What a client of an earlier login is under while nobody has come back with it: an issuer that has forgotten it says
/// so on its own page and sends no browser back. If the time runs out, or the person gives up, it is not tried again.
struct Doubt<'a> {
    signing: &'a Signing<'a>,
    client: Option<ClientFacts>,
}

impl<'a> Doubt<'a> {
    fn of(signing: &'a Signing<'a>, client: &Client) -> Self {
        Self { signing, client: client.reused.then(|| client.registration.facts.clone()) }
    }

    fn dispel(mut self) {
        self.client = None;
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        let Some(client) = &self.client else { return };
        let Signing { app, store, request, .. } = self.signing;
        if let Err(error) = forget_client(store, &request.profile.name, client) {
            app.console.warn(&error.to_string());
        }
    }
}

/// Everything that has to be there before a person is asked.
struct Prepared {
    client: Client,
    listener: Option<Listener>,
    pending: Arc<PendingAuthorization>,
}

async fn prepare(signing: &Signing<'_>) -> Result<Prepared, Error> {
    let at_hand = client::at_hand(signing)?;
    let listener = listen(signing, at_hand.as_ref())?;
    let redirect_uri = redirect_uri(signing, listener.as_ref());
    let wanted = Wanted {
        redirect_uri: Some(&redirect_uri),
        grants: &["authorization_code", "refresh_token"],
        scope: signing.scope,
    };
    let client = client::become_one(signing, at_hand, &wanted).await?;
    let pending = Arc::new(begin(signing, &client.registration, &redirect_uri)?);
    Ok(Prepared { client, listener, pending })
}

/// Binds the listener before anything is registered or opened. The port that the issuer has on file is tried
/// first, unless the user settled one.
fn listen(signing: &Signing<'_>, at_hand: Option<&ClientRegistration>) -> Result<Option<Listener>, Error> {
    if signing.request.paste_only {
        return Ok(None);
    }
    let callback = &signing.request.profile.callback;
    let host = signing.dealings.callback_host.clone();
    let registered = at_hand
        .and_then(|client| client.facts.redirect_uri.as_deref())
        .and_then(|uri| url::Url::parse(uri).ok()?.port());
    let published = client::by_document(signing, at_hand).then_some(PUBLISHED_PORTS).into_iter().flatten();
    let ports = match callback.port {
        Some(port) => vec![port],
        None => registered.into_iter().chain(published).chain([0]).collect(),
    };
    Ok(Some(Listener::bind(&ListenerOptions {
        host: host.unwrap_or_else(|| "127.0.0.1".into()),
        ports,
        strict_port: callback.port.is_some(),
        path: callback.path.clone().unwrap_or_else(|| "/callback".into()),
    })?))
}

/// The redirect URI: the user's own, the listener's, or, where nobody listens, one that only has to look right.
fn redirect_uri(signing: &Signing<'_>, listener: Option<&Listener>) -> String {
    let callback = &signing.request.profile.callback;
    match (&callback.redirect_url, listener) {
        (Some(url), _) => url.to_string(),
        (None, Some(listener)) => listener.redirect_uri(),
        (None, None) => format!(
            "http://{}:{}{}",
            signing.dealings.callback_host.as_deref().unwrap_or("127.0.0.1"),
            callback.port.unwrap_or(51_789),
            callback.path.as_deref().unwrap_or("/callback")
        ),
    }
}

fn begin(
    signing: &Signing<'_>,
    client: &ClientRegistration,
    redirect_uri: &str,
) -> Result<PendingAuthorization, Error> {
    let profile = &signing.request.profile;
    let mut parameters = signing.dealings.auth_params.clone();
    parameters.extend(signing.request.extra_params.clone());
    let mut parameters: Vec<_> = parameters.into_iter().collect();
    if let Some(key) = &signing.dpop_key {
        // So that the code, too, is of use only together with the key (RFC 9449 section 10).
        let name = dpop::thumbprint(key).map_err(remote(&profile.url))?;
        parameters.push(("dpop_jkt".into(), name));
    }
    let request = AuthorizationRequest {
        issuer: &signing.found.issuer,
        client: &client.facts,
        redirect_uri,
        resource: signing.dealings.resource.as_deref(),
        scope: signing.scope,
        parameters: &parameters,
        tolerates_missing_iss: profile.tolerate_missing_iss,
        answer_member: signing.dealings.answer_member.as_deref(),
    };
    PendingAuthorization::begin(&request).map_err(remote(&profile.url))
}

/// Says who will be asked for what, opens the page where that is possible, and prints its address in any case: a
/// person may prefer another browser than the one that opens.
fn announce(signing: &Signing<'_>, pending: &PendingAuthorization) {
    let Signing { app, request, .. } = signing;
    signing.introduce(pending.url.host_str());
    let opened = request.browser && app.ports.browser.available();
    let opened = opened
        && match app.ports.browser.open(&pending.url) {
            Ok(()) => true,
            Err(error) => {
                app.console.warn(&error.to_string());
                false
            }
        };
    if !opened && !request.paste_only {
        elsewhere::advise(signing, &pending.redirect_uri);
    }
    app.console.say(if opened {
        "a page opens in your browser; if it does not, open this address:"
    } else {
        "open this address in a browser:"
    });
    // Also with --quiet: without it nobody could finish. On a line of its own, so that it can be copied whole.
    let _ = app.ports.terminal.write_talk(&format!("\n{}\n\n", pending.url));
}

/// Redeems the code.
async fn redeem(
    signing: &Signing<'_>,
    client: ClientRegistration,
    pending: &PendingAuthorization,
    code: &AuthorizationCode,
) -> Result<Obtained, Trouble> {
    let endpoints = signing.found.issuer.endpoints();
    let granted = token::exchange(&signing.applicant(&endpoints, &client), pending, code).await;
    let granted = granted.map_err(|error| signing.failed(&client.facts, error))?;
    Ok(Obtained::new(client, granted, Grant::AuthorizationCode, pending.resource.clone()))
}
