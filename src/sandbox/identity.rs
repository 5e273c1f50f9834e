//! Who gave a grant: `/jwks`, ID tokens and `/userinfo` (OIDC Core sections 2 and 5.3).

use serde_json::{Value, json};

use super::admission::{token_of, visitor};
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
    let (issued_at, issuer) = (now().0, ledger.issuer());
    let mut claims = person(&grant.sub);
    let about =
        json!({ "iss": issuer, "aud": grant.client_id, "iat": issued_at, "exp": issued_at + LIFETIME });
    about.as_object().into_iter().flatten().for_each(|(name, value)| claims[name] = value.clone());
    if let Some(nonce) = &grant.nonce {
        claims["nonce"] = nonce.as_str().into();
    }
    ledger.signing_key.sign("JWT", &claims)
}

fn person(sub: &str) -> Value {
    json!({
        "sub": sub,
        "name": display_name(sub),
        "email": format!("{sub}@sandbox.example"),
    })
}

/// `/userinfo`: the subject for any token that works, name and address for one with the scope `openid`.
pub(super) fn userinfo(ledger: &mut Ledger, request: &Request) -> Result<Answer, Refusal> {
    let token = token_of(request).ok_or_else(|| Refusal::bad_token("there is no token"))?;
    let visitor = visitor(ledger, request, token, None).map_err(|(_, why)| Refusal::bad_token(why))?;
    let named = visitor.scope.contains("openid");
    let document = if named { person(&visitor.sub) } else { json!({ "sub": visitor.sub }) };
    Ok(Answer::json(200, &document))
}
