//! Who may come in with an access token (RFC 6750, RFC 9449): shared by the places that want one.

use std::sync::Weak;

use super::books::Visitor;
use super::dpop::{self, Wrong};
use super::ledger::{Bearer, Ledger, Site};
use super::wire::Request;

/// The token that a request shows, in either scheme.
pub(super) fn token_of(request: &Request) -> Option<&str> {
    let shown = request.credentials("DPoP").or_else(|| request.credentials("Bearer"));
    shown.filter(|token| !token.is_empty())
}

/// Who shows a token that works, is meant for `resource` if that is given, and is shown as it must be.
pub(super) fn visitor(
    ledger: &mut Ledger,
    request: &Request,
    token: &str,
    resource: Option<&str>,
) -> Result<Visitor, Wrong> {
    let elsewhere = || ledger.other_issuers.iter().find_map(|site| known_elsewhere(site, token, resource?));
    let known = ledger.bearer_of(token, resource);
    let known = known.or_else(|why| elsewhere().ok_or(why));
    let (visitor, bound) = known.map_err(|why| ("invalid_token", why.to_owned()))?;
    dpop::judge_use(ledger, request, token, bound.as_deref())?;
    Ok(visitor)
}

/// The same for a token of another sandbox, as if this server had introspected it there.
fn known_elsewhere(issuer: &Weak<Site>, token: &str, resource: &str) -> Option<Bearer> {
    let (visitor, bound) = issuer.upgrade()?.ledger().bearer_of(token, Some(resource)).ok()?;
    // Its grant has a number in other books.
    Some((Visitor { grant: None, ..visitor }, bound))
}
