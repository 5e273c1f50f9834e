//! Who may come in with an access token (RFC 6750, RFC 9449): shared by the places that want one.

use super::books::Visitor;
use super::dpop::{self, Wrong};
use super::ledger::Ledger;
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
    let invalid = |why: &str| ("invalid_token", why.to_owned());
    let unknown = invalid("the token is unknown, has expired or was revoked");
    let (number, grant, access) = ledger.grant_of(token).ok_or(unknown)?;
    if resource.is_some_and(|resource| grant.resource != resource) {
        return Err(invalid("the token is for another resource"));
    }
    let bound = access.jkt.clone();
    let visitor = Visitor {
        grant: Some(number),
        sub: grant.sub.clone(),
        client_id: grant.client_id.clone(),
        scope: access.scope.clone(),
        bound: bound.is_some(),
    };
    dpop::judge_use(ledger, request, token, bound.as_deref())?;
    Ok(visitor)
}
