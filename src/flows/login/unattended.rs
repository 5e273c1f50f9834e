//! The grants that take no person: nothing is opened and nobody is asked.

use super::{Obtained, Signing, Trouble, client, vouching};
use crate::error::Error;
use crate::flows::{session, unattended};
use crate::model::grant::WorkloadGrant;
use crate::model::{ClientAuthMethod, ClientRegistration, Grant, GrantKind};
use crate::oauth::registration::Wanted;
use crate::oauth::token::Asking;

/// Asks for a token as the settled grant does.
pub(super) async fn obtain(signing: &Signing<'_>) -> Result<Obtained, Trouble> {
    let grant = grant(signing).await?;
    let client = client(signing, &grant).await?;
    signing.introduce(None);
    let endpoints = signing.found.issuer.endpoints();
    let applicant = signing.applicant(&endpoints, &client);
    let asking = Asking { applicant, resource: signing.dealings.resource.as_deref(), scope: signing.scope };
    let name = &signing.request.profile.name;
    let assertion = unattended::vouch(signing.app, name, &grant, &asking, session::usually_fresh).await?;
    let granted = unattended::ask(&asking, assertion.as_ref()).await;
    let granted = granted.map_err(|error| signing.failed(&client.facts, error))?;
    let resource = signing.dealings.resource.clone();
    Ok(Obtained::new(client, granted, grant, resource))
}

/// The grant with what it takes.
async fn grant(signing: &Signing<'_>) -> Result<Grant, Error> {
    match signing.request.grant {
        GrantKind::Workload => {
            let assertion = signing.request.profile.assertion.clone().ok_or_else(|| Error::Usage {
                message: "the workload grant needs an assertion of the platform".into(),
                hint: "say where it is with --assertion-file or --assertion-command".into(),
            })?;
            Ok(Grant::Workload(WorkloadGrant { assertion }))
        }
        GrantKind::Enterprise => vouching::settled(signing).await.map(Grant::Enterprise),
        _ => Ok(Grant::ClientCredentials),
    }
}

/// As whom to ask. Nobody registers by itself for these grants (MCP OAuth Client Credentials); whoever brings an assertion
/// of the platform needs no client at all.
async fn client(signing: &Signing<'_>, grant: &Grant) -> Result<ClientRegistration, Error> {
    let at_hand = client::at_hand(signing)?;
    match grant {
        Grant::Workload(_) => {
            Ok(at_hand.unwrap_or_else(|| ClientRegistration::unregistered(&signing.found.issuer.issuer)))
        }
        Grant::Enterprise(_) => {
            let grants = ["urn:ietf:params:oauth:grant-type:jwt-bearer"];
            let wanted = Wanted { redirect_uri: None, grants: &grants, scope: signing.scope };
            Ok(client::become_one(signing, at_hand, &wanted).await?.registration)
        }
        _ => at_hand.filter(|client| client.facts.auth_method != ClientAuthMethod::None).ok_or_else(|| {
            Error::Usage {
                message: "the client-credentials grant needs a client with a secret or a key".into(),
                hint: "give --client-id with --client-secret-stdin or --key".into(),
            }
        }),
    }
}
