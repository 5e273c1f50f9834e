//! Whether the tokens of a login are to be bound to a key of ours (RFC 9449), and to which.

use crate::config::ServerProfile;
use crate::error::Error;
use crate::flows::remote;
use crate::model::DpopChoice;
use crate::oauth::challenge::Challenge;
use crate::oauth::discovery::Discovery;
use crate::oauth::dpop;
use crate::secret::DpopKey;

/// A key of this login's own, if its tokens are to be bound to one.
pub(super) fn key(profile: &ServerProfile, found: &Discovery) -> Result<Option<DpopKey>, Error> {
    let wanted = match profile.dpop {
        DpopChoice::Never => false,
        DpopChoice::Auto => is_demanded(found),
        // Who insists on it does not want to find out later that it was in vain.
        DpopChoice::Always if !is_demanded(found) && !is_offered(found) => return Err(not_offered(found)),
        DpopChoice::Always => true,
    };
    wanted.then(dpop::generate).transpose().map_err(remote(&profile.url))
}

/// Whether the server takes no other tokens, as it says in its metadata or where it refuses.
fn is_demanded(found: &Discovery) -> bool {
    found.challenge.as_ref().is_some_and(Challenge::demands_dpop)
        || found.resource_metadata.as_ref().is_some_and(|metadata| metadata.dpop_bound_access_tokens_required)
}

fn is_offered(found: &Discovery) -> bool {
    found.issuer.dpop_signing_alg_values_supported.iter().any(|algorithm| algorithm == "ES256")
}

fn not_offered(found: &Discovery) -> Error {
    Error::Usage {
        message: format!("issuer {} does not bind tokens to a key (DPoP with ES256)", found.issuer.issuer),
        hint: "leave --dpop out, or settle `--dpop auto`".into(),
    }
}
