//! Whether the tokens of a login are to be bound to a key of ours (RFC 9449), and to which.

use crate::config::ServerProfile;
use crate::error::Error;
use crate::flows::remote;
use crate::model::DpopChoice;
use crate::oauth::discovery::Discovery;
use crate::oauth::dpop;
use crate::secret::DpopKey;

/// A key of this login's own, if its tokens are to be bound to one.
pub(super) fn key(profile: &ServerProfile, found: &Discovery) -> Result<Option<DpopKey>, Error> {
    let wanted = match profile.dpop {
        DpopChoice::Never => false,
        DpopChoice::Auto => found.demands_dpop(),
        // Who insists on it does not want to find out later that it was in vain.
        DpopChoice::Always if !found.demands_dpop() && !found.offers_dpop() => {
            return Err(not_offered(found));
        }
        DpopChoice::Always => true,
    };
    wanted.then(dpop::generate).transpose().map_err(remote(&profile.url))
}

fn not_offered(found: &Discovery) -> Error {
    Error::Usage {
        message: format!("issuer {} does not bind tokens to a key (DPoP with ES256)", found.issuer.issuer),
        hint: "leave --dpop out, or settle `--dpop auto`".into(),
    }
}
