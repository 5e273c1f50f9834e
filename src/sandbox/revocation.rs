//! `/revoke` (RFC 7009) and `/introspect` (RFC 7662).

use serde_json::json;

use super::clients::authenticate;
use super::ledger::Ledger;
use super::wire::{Answer, Refusal, Request};

/// `POST /revoke`. A refresh token takes its whole grant with it, an access token only itself; a token that
/// nobody knows is as good as revoked (RFC 7009 section 2.2).
pub(super) fn revoke(ledger: &mut Ledger, request: &Request) -> Result<Answer, Refusal> {
    let form = request.form()?;
    let client = authenticate(ledger, request, &form)?;
    let token = form.get("token").ok_or_else(|| Refusal::bad("invalid_request", "there is no token"))?;
    let grant = ledger
        .refreshes
        .get(token)
        .map(|refresh| refresh.grant)
        .or_else(|| ledger.accesses.get(token).map(|access| access.grant));
    let Some(number) = grant else { return Ok(Answer::empty(200)) };
    if ledger.grants.get(number).is_some_and(|grant| grant.client_id != client.id) {
        return Err(Refusal::bad("invalid_grant", "this token was given to another client"));
    }
    match ledger.accesses.get_mut(token) {
        Some(access) => access.revoked = true,
        None => ledger.end_grant(number),
    }
    ledger.books.revocations += 1;
    Ok(Answer::empty(200))
}

/// `POST /introspect`. A client learns about its own tokens only.
pub(super) fn introspect(ledger: &mut Ledger, request: &Request) -> Result<Answer, Refusal> {
    let form = request.form()?;
    let client = authenticate(ledger, request, &form)?;
    let token = form.get("token").ok_or_else(|| Refusal::bad("invalid_request", "there is no token"))?;
    let document = match ledger.grant_of(token) {
        Some((_, grant, access)) if grant.client_id == client.id => json!({
            "active": true,
            "iss": ledger.issuer(),
            "aud": grant.resource,
            "sub": grant.sub,
            "client_id": grant.client_id,
            "scope": access.scope.to_string(),
            "exp": access.expires_at.0,
            "token_type": if access.jkt.is_some() { "DPoP" } else { "Bearer" },
            "cnf": access.jkt.as_ref().map(|jkt| json!({ "jkt": jkt })),
        }),
        _ => json!({ "active": false }),
    };
    Ok(Answer::json(200, &document))
}
