//! Who gave a grant: `/jwks`, ID tokens and `/userinfo` (OIDC Core sections 2 and 5.3).

use serde_json::{Value, json};

use super::books::{Grant, display_name};
use super::ledger::{Ledger, now};
use super::wire::{Answer, Refusal, Request};

/// How long an ID token is good, in seconds.
const LIFETIME: i64 = 300;

/// `GET /jwks`: the key by which ID tokens can be checked.
pub(super) fn keys(ledger: &Ledger) -> Answer {
    Answer::json(200, &json!({ "keys": [ledger.signing_key.jwk()] }))
}

/// The ID token of a grant.
pub(super) fn id_token(ledger: &Ledger, grant: &Grant) -> String {
    let (issued_at, issuer) = (now().0, &ledger.origin);
    let mut claims = person(grant);
    let about =
        json!({ "iss": issuer, "aud": grant.client_id, "iat": issued_at, "exp": issued_at + LIFETIME });
    about.as_object().into_iter().flatten().for_each(|(name, value)| claims[name] = value.clone());
    if let Some(nonce) = &grant.nonce {
        claims["nonce"] = nonce.as_str().into();
    }
    ledger.signing_key.sign("JWT", &claims)
}

fn person(grant: &Grant) -> Value {
    json!({
        "sub": grant.sub,
        "name": display_name(&grant.sub),
        "email": format!("{}@sandbox.example", grant.sub),
    })
}

/// `/userinfo`: the subject for any token that works, name and address for one with the scope `openid`.
pub(super) fn userinfo(ledger: &mut Ledger, request: &Request) -> Result<Answer, Refusal> {
    let token = request.credentials("Bearer").ok_or_else(|| Refusal::bad_token("there is no token"))?;
    let (_, grant, access) =
        ledger.grant_of(token).ok_or_else(|| Refusal::bad_token("this token does not work"))?;
    let named = access.scope.contains("openid");
    let document = if named { person(grant) } else { json!({ "sub": grant.sub }) };
    Ok(Answer::json(200, &document))
}
