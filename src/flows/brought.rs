//! A client that was registered at the issuer by hand: what the user brings of it, and how he is asked for it.

use std::io;
use std::sync::Arc;

use super::App;
use crate::console::Terminal;
use crate::error::Error;
use crate::http;
use crate::model::grant::AssertionAudience;
use crate::model::{ClientAuthMethod, ClientFacts, ClientRegistration, RegistrationSource, ScopeSet};
use crate::oauth;
use crate::oauth::client_auth::examine_key;
use crate::oauth::discovery::Discovery;
use crate::oauth::registration::preferred_auth_method;
use crate::platform;
use crate::secret::{ClientKey, ClientSecret};

/// A client that was registered by hand.
pub struct BroughtClient {
    /// Its id.
    pub id: String,
    /// Its password, if it has one.
    pub secret: Option<ClientSecret>,
    /// Its private key, if it has one.
    pub key: Option<BroughtKey>,
}

/// The private key of a client that was registered by hand.
pub struct BroughtKey {
    /// The key, in PEM.
    pub key: ClientKey,
    /// Its name at the issuer.
    pub key_id: Option<String>,
    /// For whom assertions are meant.
    pub audience: AssertionAudience,
}

/// A client that the user brings is bound to the issuer that the server names now, and shown to no other later.
pub(super) fn bring(brought: &BroughtClient, found: &Discovery) -> Result<ClientRegistration, oauth::Error> {
    let auth_method = match (&brought.key, &brought.secret) {
        (Some(_), _) => ClientAuthMethod::PrivateKeyJwt,
        (None, Some(_)) => preferred_auth_method(&found.issuer, true),
        // A client without a secret is a public one, also at the many issuers that list only ways to show a secret.
        (None, None) => ClientAuthMethod::None,
    };
    let key = brought.key.as_ref();
    let examine = |key: &BroughtKey| examine_key(&key.key, key.key_id.clone(), key.audience);
    Ok(ClientRegistration {
        facts: ClientFacts {
            source: RegistrationSource::Preregistered,
            issuer: found.issuer.issuer.clone(),
            client_id: brought.id.clone(),
            auth_method,
            redirect_uri: None,
            scope: ScopeSet::default(),
            secret_expires_at: None,
            management_url: None,
            assertion: key.map(examine).transpose()?,
        },
        secret: brought.secret.as_ref().map(ClientSecret::duplicate),
        key: key.map(|key| key.key.duplicate()),
        management_token: None,
    })
}

/// Asks the person for a client. `None` if he has none; `again` is what to type after Ctrl-C.
pub fn ask(app: &App, again: &str) -> Result<Option<BroughtClient>, Error> {
    let restore = platform::terminal_settings();
    let terminal = Arc::clone(&app.ports.terminal);
    let asking = async {
        tokio::select! {
            biased;
            // The login before has taken this signal from the system for good.
            () = platform::interrupted() => Err(io::ErrorKind::Interrupted.into()),
            answer = tokio::task::spawn_blocking(move || questions(&*terminal)) => {
                answer.unwrap_or_else(|error| Err(io::Error::other(error)))
            }
        }
    };
    http::block_on(asking).unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| {
        // Whoever asked for the secret has hidden what is typed.
        restore();
        match error.kind() {
            io::ErrorKind::Interrupted => Error::Cancelled { command: again.to_owned() },
            _ => Error::Unforeseen(format!("cannot read from the terminal: {error}")),
        }
    })
}

fn questions(terminal: &dyn Terminal) -> io::Result<Option<BroughtClient>> {
    let id = terminal.ask("Client id (empty to stop)")?.trim().to_owned();
    if id.is_empty() {
        return Ok(None);
    }
    let secret = terminal.ask_secret("Client secret (empty if it has none)")?;
    let secret = (!secret.is_empty()).then(|| ClientSecret::new(secret));
    Ok(Some(BroughtClient { id, secret, key: None }))
}
