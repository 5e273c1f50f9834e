//! One sign-in under way: what every grant works with, and what it brings.

use super::LoginRequest;
use crate::error::Error;
use crate::flows::dealings::Dealings;
use crate::flows::{App, forget_client, remote};
use crate::http::Http;
use crate::model::{
    ClientFacts, ClientRegistration, Endpoints, Grant, RegistrationSource, ScopeSet, TokenSet,
};
use crate::oauth;
use crate::oauth::client_auth::Applicant;
use crate::oauth::discovery::Discovery;
use crate::oauth::token::Granted;
use crate::secret::DpopKey;
use crate::store::Store;

/// Everything that a grant works with.
pub(super) struct Signing<'a> {
    pub(super) app: &'a App,
    pub(super) store: &'a Store,
    pub(super) request: &'a LoginRequest,
    pub(super) http: &'a Http,
    pub(super) found: &'a Discovery,
    pub(super) dealings: &'a Dealings,
    /// What is asked for.
    pub(super) scope: &'a ScopeSet,
    /// The key that tokens are to be bound to, if they are.
    pub(super) dpop_key: Option<DpopKey>,
    /// What to type to try the same again.
    pub(super) command: &'a str,
}

/// Why a grant brought nothing.
pub(super) enum Trouble {
    /// The issuer does not know a client that it gave; it is dropped, and another may be asked for.
    ClientForgotten { client_id: String, error: Error },
    /// Anything else.
    Other(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl Trouble {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::ClientForgotten { error, .. } | Self::Other(error) => error,
        }
    }
}

/// What a grant brought.
pub(super) struct Obtained {
    pub(super) client: ClientRegistration,
    pub(super) tokens: TokenSet,
    pub(super) grant: Grant,
    pub(super) resource: Option<String>,
}

impl Obtained {
    /// Tokens, and the client that got them by the way that worked.
    pub(super) fn new(
        client: ClientRegistration,
        granted: Granted,
        grant: Grant,
        resource: Option<String>,
    ) -> Self {
        let Granted { tokens, auth_method } = granted;
        let facts = ClientFacts { auth_method, ..client.facts };
        Self { client: ClientRegistration { facts, ..client }, tokens, grant, resource }
    }
}

impl Signing<'_> {
    /// This client, before these endpoints.
    pub(super) fn applicant<'b>(
        &'b self,
        endpoints: &'b Endpoints,
        client: &'b ClientRegistration,
    ) -> Applicant<'b> {
        let dpop_key = self.dpop_key.as_ref();
        Applicant { http: self.http, endpoints, client, dpop_key, now: self.app.now() }
    }

    /// Says who will be asked for what; `at` is the host of the page that a person is sent to.
    pub(super) fn introduce(&self, at: Option<&str>) {
        let (profile, issuer) = (&self.request.profile, &self.found.issuer.issuer);
        let console = &self.app.console;
        console.say(&format!("signing in to {} ({})", profile.name, profile.url));
        let own = url::Url::parse(issuer.as_str()).ok();
        let elsewhere = at.filter(|at| own.as_ref().is_some_and(|url| url.host_str() != Some(at)));
        let elsewhere = elsewhere.map(|at| format!(", sign-in at {at}")).unwrap_or_default();
        console.say(&format!("  issuer  {issuer}{elsewhere}"));
        if self.found.legacy {
            console.warn("this server names no issuer, so nothing vouches for the one at its own address");
        }
        let scope =
            if self.scope.is_empty() { "as the issuer decides".into() } else { self.scope.to_string() };
        console.say(&format!("  scope   {scope}"));
    }

    /// Why the issuer gave no tokens. One that says that it does not know a client of its own making is believed.
    pub(super) fn failed(&self, client: &ClientFacts, error: oauth::Error) -> Trouble {
        let code = match &error {
            oauth::Error::Refused { reason, .. } | oauth::Error::AuthorizationFailed(reason) => &reason.code,
            _ => "",
        };
        let is_unknown = matches!(code, "invalid_client" | "unauthorized_client");
        let error = remote(&self.request.profile.url)(error);
        if !is_unknown || client.source != RegistrationSource::Dynamic {
            return Trouble::Other(error);
        }
        let profile = &self.request.profile;
        self.app.forget_metadata_of(&profile.url, profile.issuer.as_ref());
        match forget_client(self.store, &profile.name, client) {
            Ok(()) => Trouble::ClientForgotten { client_id: client.client_id.clone(), error },
            Err(error) => Trouble::Other(error.into()),
        }
    }
}
