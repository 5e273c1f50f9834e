//! Enterprise-managed authorization: the company's identity provider vouches for the person, so that nobody has to
//! consent at each server (MCP Enterprise-Managed Authorization; RFC 8693, then RFC 7523).

use super::login::Signing;
use super::session::{self, Freshness};
use super::{App, remote, unattended};
use crate::config::{EnterpriseSettings, ServerProfile};
use crate::error::Error;
use crate::http::Http;
use crate::model::grant::{EnterpriseGrant, StoredSubject, SubjectSource, TokenSource};
use crate::model::{
    ClientAuthMethod, ClientFacts, ClientRegistration, Endpoints, Issuer, Login, LoginKey, Name,
    RegistrationSource, ScopeSet, ServerUrl,
};
use crate::oauth::client_auth::Applicant;
use crate::oauth::discovery::{self, Trace};
use crate::oauth::exchange::{self, Subject, Target};
use crate::oauth::token::Asking;
use crate::secret::Assertion;

/// Who vouches for the person, as it is settled for a server. A login at the identity provider tells the rest itself.
pub(super) async fn settled(signing: &Signing<'_>) -> Result<EnterpriseGrant, Error> {
    let enterprise = &signing.request.profile.enterprise;
    match &enterprise.subject {
        Some(source) => by_token(signing, enterprise, source).await,
        None => by_login(signing.app, enterprise),
    }
}

fn by_login(app: &App, enterprise: &EnterpriseSettings) -> Result<EnterpriseGrant, Error> {
    let provider = provider(app, enterprise.provider.as_ref())?;
    let subject = StoredSubject { server: provider.name, account: Name::default() };
    let summary = app.store()?.summary(&subject.key())?.ok_or_else(|| not_signed_in(&subject.key()))?;
    Ok(EnterpriseGrant {
        identity_provider: summary.client.issuer,
        token_endpoint: summary.login.endpoints.token,
        client_id: summary.client.client_id,
        subject: SubjectSource::Login(subject),
    })
}

/// The identity provider that is meant: the named one, else the only one that there is.
fn provider(app: &App, name: Option<&Name>) -> Result<ServerProfile, Error> {
    let mut providers = app.config.profiles()?;
    providers.retain(|profile| profile.identity_provider && name.is_none_or(|name| *name == profile.name));
    match providers.len() {
        1 => Ok(providers.swap_remove(0)),
        _ => Err(Error::Usage {
            message: match name {
                Some(name) => format!("no identity provider is named {name}"),
                None => "which identity provider vouches for you is not clear".into(),
            },
            hint: "sign in to it with `mcpauth login https://… --identity-provider`, then name it with --idp"
                .into(),
        }),
    }
}

fn not_signed_in(provider: &LoginKey) -> Error {
    Error::login_needed(format!("not signed in to {}, which is to vouch for you", provider.server), provider)
}

async fn by_token(
    signing: &Signing<'_>,
    enterprise: &EnterpriseSettings,
    source: &TokenSource,
) -> Result<EnterpriseGrant, Error> {
    let wanted = |flag: &str| Error::Usage {
        message: "an ID token alone does not tell where to take it".into(),
        hint: format!("give {flag}, too; or sign in to the identity provider and name it with --idp"),
    };
    let issuer = enterprise.issuer.clone().ok_or_else(|| wanted("--idp-issuer"))?;
    let client_id = enterprise.client_id.clone().ok_or_else(|| wanted("--idp-client-id"))?;
    let token_endpoint = if let Some(endpoint) = &enterprise.token_endpoint {
        endpoint.clone()
    } else {
        let http = http_to(signing.app, &issuer)?;
        let found = discovery::issuer_metadata(&http, &issuer, &mut Trace::default()).await;
        found.map_err(remote(&issuer))?.token_endpoint
    };
    let subject = SubjectSource::Token(source.clone());
    Ok(EnterpriseGrant { identity_provider: issuer, token_endpoint, client_id, subject })
}

/// The way to an identity provider: the user named it, so it may be as local as it likes.
fn http_to(app: &App, issuer: &Issuer) -> Result<Http, Error> {
    let url: ServerUrl = issuer.as_str().parse()?;
    Ok(app.http(&url))
}

/// An assertion of the identity provider for one server, asked for anew each time: it is short-lived, works once, and
/// is kept nowhere.
pub(super) async fn assertion(
    app: &App,
    server: &Name,
    grant: &EnterpriseGrant,
    asking: &Asking<'_>,
) -> Result<Assertion, Error> {
    let (client, subject) = vouching(app, grant)?;
    let target = Target {
        audience: &asking.applicant.client.facts.issuer,
        resource: asking.resource,
        scope: asking.scope,
        client_id: &asking.applicant.client.facts.client_id,
    };
    let http = http_to(app, &grant.identity_provider)?;
    let endpoints = Endpoints::only_token(grant.token_endpoint.clone());
    let now = asking.applicant.now;
    let applicant = Applicant { http: &http, endpoints: &endpoints, client: &client, dpop_key: None, now };
    let exchanged = exchange::exchange(&applicant, &subject, &target).await;
    exchanged.map_err(|error| match &grant.subject {
        SubjectSource::Login(login) if exchange::is_spent(&error) => {
            Error::login_needed(format!("{} no longer vouches for you: {error}", login.server), login.key())
        }
        _ => remote(server)(error),
    })
}

/// Who we are at the identity provider, and what says there who the person is.
fn vouching(app: &App, grant: &EnterpriseGrant) -> Result<(ClientRegistration, Subject), Error> {
    let login = match &grant.subject {
        SubjectSource::Token(source) => {
            return Ok((public_client(grant), Subject::IdToken(unattended::read(source)?)));
        }
        SubjectSource::Login(login) => fresh_login(app, &login.key())?,
    };
    let id_token = login.tokens.extra.get("id_token").and_then(|token| token.as_str());
    let lives = |token: &&str| exchange::end_of(token).is_none_or(|end| app.now() < end);
    let subject = match (id_token.filter(lives), &login.tokens.refresh_token) {
        (Some(token), _) => Subject::IdToken(Assertion::new(token)),
        (None, Some(token)) => Subject::RefreshToken(Assertion::new(token.expose())),
        (None, None) => {
            let key = login.key();
            return Err(Error::login_needed(format!("the ID token of {} has ended", key.server), key));
        }
    };
    Ok((login.client, subject))
}

/// On a thread of its own: what a refresh does there runs to its end before this one goes on.
fn fresh_login(app: &App, key: &LoginKey) -> Result<Login, Error> {
    let refreshing = || session::fresh_login(app, key, &Freshness::default());
    std::thread::scope(|scope| scope.spawn(refreshing).join())
        .unwrap_or_else(|_| Err(Error::Unforeseen("a refresh broke off".into())))
}

fn public_client(grant: &EnterpriseGrant) -> ClientRegistration {
    ClientRegistration {
        facts: ClientFacts {
            source: RegistrationSource::Preregistered,
            issuer: grant.identity_provider.clone(),
            client_id: grant.client_id.clone(),
            auth_method: ClientAuthMethod::None,
            redirect_uri: None,
            scope: ScopeSet::default(),
            secret_expires_at: None,
            management_url: None,
            assertion: None,
        },
        secret: None,
        key: None,
        management_token: None,
    }
}
