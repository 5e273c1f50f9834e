//! Who vouches for the person in the enterprise grant, as it is settled for a server.

use super::Signing;
use crate::config::{EnterpriseSettings, ServerProfile};
use crate::error::Error;
use crate::flows::{App, enterprise, remote};
use crate::model::grant::{EnterpriseGrant, StoredSubject, SubjectSource, TokenSource};
use crate::model::{LoginKey, Name};
use crate::oauth::discovery::{self, Trace};

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
        let http = enterprise::http_to(signing.app, &issuer)?;
        let found = discovery::issuer_metadata(&http, &issuer, &mut Trace::default()).await;
        found.map_err(remote(&issuer))?.token_endpoint
    };
    let subject = SubjectSource::Token(source.clone());
    Ok(EnterpriseGrant { identity_provider: issuer, token_endpoint, client_id, subject })
}
