//! The sandbox as an identity provider: what it knows about a person becomes an assertion for another issuer
//! (RFC 8693, draft-ietf-oauth-identity-assertion-authz-grant).

use serde_json::{Value, json};

use super::assertion_grant::{ID_JAG, LIFETIME};
use super::books::Client;
use super::form::Form;
use super::jwt::{Jwt, PublicKey};
use super::ledger::{Ledger, now, random_text};
use super::options::Fault;
use super::partners::{Exchange, JagFault};
use super::wire::{Answer, Refusal};

/// What is asked for, and what is given.
pub(super) const ID_JAG_TYPE: &str = "urn:ietf:params:oauth:token-type:id-jag";

/// A token exchange at `/token`.
pub(super) fn answer(ledger: &mut Ledger, client: &Client, form: &Form) -> Result<Answer, Refusal> {
    if form.get("requested_token_type") != Some(ID_JAG_TYPE) {
        return Err(Refusal::bad("invalid_request", "requested_token_type must be that of an ID-JAG"));
    }
    let exchange = allowed(ledger, client, form)?;
    let sub = subject(ledger, client, form).map_err(|why| Refusal::bad("invalid_request", why))?;
    let assertion = assertion(ledger, &exchange, &sub, form.get("scope"));
    ledger.met("identity assertion", Some(&assertion));
    ledger.books.exchanges += 1;
    let lies = |kind| has(ledger, kind);
    let access_token = "urn:ietf:params:oauth:token-type:access_token";
    let document = json!({
        "access_token": assertion,
        "issued_token_type": if lies(JagFault::IssuedTokenType) { access_token } else { ID_JAG_TYPE },
        "token_type": if lies(JagFault::TokenType) { "Bearer" } else { "N_A" },
        "expires_in": LIFETIME,
    });
    Ok(Answer::json(200, &document).with("pragma", "no-cache"))
}

fn has(ledger: &Ledger, kind: JagFault) -> bool {
    ledger.suffers(|fault| matches!(fault, Fault::Jag(own) if *own == kind))
}

/// Where the client may go with what it asks for.
fn allowed(ledger: &Ledger, client: &Client, form: &Form) -> Result<Exchange, Refusal> {
    let invalid = |why: &str| Refusal::bad("invalid_target", why);
    let (audience, resource) = (form.get("audience"), form.get("resource"));
    let mut own = ledger.options.exchanges.iter().filter(|exchange| exchange.client_id == client.id);
    let exchange = own.find(|exchange| Some(&*exchange.audience) == audience);
    let exchange = exchange.ok_or_else(|| invalid("audience is no issuer to which this client may go"))?;
    if Some(&*exchange.resource) != resource {
        return Err(invalid("resource is not the server of that issuer"));
    }
    Ok(exchange.clone())
}

/// Who the subject token is about. It must be one that this issuer gave to this client.
fn subject(ledger: &Ledger, client: &Client, form: &Form) -> Result<String, String> {
    let token = form.get("subject_token").ok_or("there is no subject_token")?;
    match form.get("subject_token_type") {
        Some("urn:ietf:params:oauth:token-type:id_token") => {
            let jwt = Jwt::read(token)?;
            if !jwt.is_signed_by(&PublicKey::Jwk(ledger.signing_key.jwk()))
                || jwt.text("iss") != ledger.issuer()
            {
                return Err("this is no ID token of this issuer".into());
            }
            jwt.judge_audience(std::slice::from_ref(&client.id))?;
            jwt.judge_times(LIFETIME)?;
            Ok(jwt.text("sub").into())
        }
        Some("urn:ietf:params:oauth:token-type:refresh_token") => {
            let live = ledger.refreshes.get(token).filter(|refresh| refresh.spent.is_none());
            let grant = live.and_then(|refresh| ledger.grants.get(refresh.grant));
            let grant = grant.filter(|grant| grant.alive && grant.client_id == client.id);
            Ok(grant.ok_or("this is no refresh token of this client")?.sub.clone())
        }
        _ => Err("subject_token_type must be that of an ID token or of a refresh token".into()),
    }
}

fn assertion(ledger: &Ledger, exchange: &Exchange, sub: &str, scope: Option<&str>) -> String {
    let lies = |kind| has(ledger, kind);
    let or_else = |kind, right: &str, wrong: &str| Value::from(if lies(kind) { wrong } else { right });
    let issued_at = if lies(JagFault::Expired) { now().0 - 2 * LIFETIME } else { now().0 };
    let mut claims = json!({
        "iss": ledger.issuer(),
        "sub": sub,
        "aud": or_else(JagFault::Audience, &exchange.audience, "https://elsewhere.example"),
        "resource": or_else(JagFault::Resource, &exchange.resource, "https://elsewhere.example/mcp"),
        "client_id": or_else(JagFault::Client, &exchange.client_id_there, "somebody-else"),
        "jti": random_text(""),
        "iat": issued_at,
        "exp": issued_at + LIFETIME,
    });
    if let Some(scope) = scope {
        claims["scope"] = scope.into();
    }
    ledger.signing_key.sign(if lies(JagFault::Type) { "JWT" } else { ID_JAG }, &claims)
}
