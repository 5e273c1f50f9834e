//! `/token`: codes and refresh tokens become access tokens (RFC 6749 sections 4.1.3 and 6, RFC 7636, RFC 8707).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::asked::{check_resource, narrowed};
use super::assertion_grant;
use super::books::{Client, Grant, Tokens};
use super::client_credentials;
use super::clients::authenticate;
use super::device;
use super::dpop;
use super::exchange;
use super::form::Form;
use super::grant_types::{
    AUTHORIZATION_CODE, CLIENT_CREDENTIALS, DEVICE_CODE, JWT_BEARER, REFRESH_TOKEN, TOKEN_EXCHANGE,
};
use super::identity;
use super::ledger::{Ledger, later, now};
use super::options::Fault;
use super::wire::{Answer, Refusal, Request};
use crate::model::ScopeSet;

/// Writes a request into the books before anything can go wrong with it.
pub(super) fn note(ledger: &mut Ledger, request: &Request) {
    let form = Form::parse(&request.body);
    if let Some(grant_type) = form.get("grant_type") {
        *ledger.books.grants_asked.entry(grant_type.into()).or_default() += 1;
        ledger.books.refresh_attempts += u64::from(grant_type == REFRESH_TOKEN);
    }
    ledger.met("code verifier", form.get("code_verifier"));
    ledger.met("client assertion", form.get("client_assertion"));
    ledger.met("assertion", form.get("assertion"));
    ledger.met("subject token", form.get("subject_token"));
    ledger.books.last_token_request = Some(form.to_map());
}

/// `POST /token`
pub(super) fn answer(ledger: &mut Ledger, request: &Request) -> Result<Answer, Refusal> {
    if ledger.suffers(|fault| matches!(fault, Fault::ErrorWith200)) {
        return Ok(Answer::json(
            200,
            &json!({ "error": "invalid_grant", "error_description": "with status 200" }),
        ));
    }
    let form = request.form()?;
    let client = client_behind(ledger, request, &form)?;
    if grant_type(ledger, &client, &form)? == TOKEN_EXCHANGE {
        return exchange::answer(ledger, &client, &form);
    }
    let key = dpop::key_at_issuer(ledger, request)?;
    dpop::check_binding(ledger, &form, key.as_deref())?;
    let tokens = grant(ledger, &client, &form)?;
    dpop::bind(ledger, &client, &tokens, key.as_ref());
    let document = written(ledger, &tokens);
    ledger.met("ID token", document["id_token"].as_str());
    Ok(Answer::json(200, &document).with("pragma", "no-cache"))
}

/// The client; nobody in particular where the word of another issuer comes without one.
fn client_behind(ledger: &mut Ledger, request: &Request, form: &Form) -> Result<Client, Refusal> {
    let says_nothing = ["client_id", "client_assertion"].iter().all(|name| form.get(name).is_none());
    if form.get("grant_type") == Some(JWT_BEARER) && says_nothing && request.header("authorization").is_none()
    {
        return Ok(Client::unnamed());
    }
    authenticate(ledger, request, form)
}

/// The kind of grant, if it is offered and the client may have it.
fn grant_type<'a>(ledger: &Ledger, client: &Client, form: &'a Form) -> Result<&'a str, Refusal> {
    let grant_type = form.get("grant_type");
    let grant_type = grant_type.ok_or_else(|| Refusal::bad("invalid_request", "there is no grant_type"))?;
    if !ledger.grants_offered().contains(&grant_type) {
        return Err(Refusal::bad("unsupported_grant_type", "the sandbox does not know this grant_type"));
    }
    // Whoever has a refresh token was allowed to have it.
    if grant_type != REFRESH_TOKEN {
        client.must_be_allowed(grant_type)?;
    }
    Ok(grant_type)
}

/// The tokens for what the client brought, by the kind of grant.
fn grant(ledger: &mut Ledger, client: &Client, form: &Form) -> Result<Tokens, Refusal> {
    match grant_type(ledger, client, form)? {
        JWT_BEARER => assertion_grant::grant(ledger, client, form),
        AUTHORIZATION_CODE => redeem(ledger, client, form),
        CLIENT_CREDENTIALS => client_credentials::grant(ledger, client, form),
        DEVICE_CODE => device::poll(ledger, client, form),
        _ => refresh(ledger, client, form),
    }
}

fn invalid_grant(why: impl Into<String>) -> Refusal {
    Refusal::bad("invalid_grant", why)
}

/// The answer of RFC 6749 section 5.1, with the faults that concern it.
fn written(ledger: &Ledger, tokens: &Tokens) -> Value {
    let is_bound = ledger.accesses.get(&tokens.access).is_some_and(|access| access.jkt.is_some());
    let mut document = json!({
        "access_token": tokens.access,
        "token_type": if is_bound { "DPoP" } else { "Bearer" },
        "expires_in": expires_in(ledger, tokens),
        "scope": tokens.scope.to_string(),
    });
    if let Some(refresh) = &tokens.refresh {
        document["refresh_token"] = refresh.as_str().into();
    }
    if let Some((_, grant, _)) = ledger.grant_of(&tokens.access).filter(|_| tokens.scope.contains("openid")) {
        document["id_token"] = identity::id_token(ledger, grant).into();
    }
    if let Some(members) = document.as_object_mut() {
        for fault in &ledger.options.faults {
            match fault {
                Fault::NoAccessToken => members.shift_remove("access_token"),
                Fault::NoIdToken => members.shift_remove("id_token"),
                Fault::Lifetime(value) => members.insert("expires_in".into(), value.clone()),
                _ => None,
            };
        }
    }
    document
}

/// Seconds that the access token has left: fewer than its lifetime when an answer is repeated.
fn expires_in(ledger: &Ledger, tokens: &Tokens) -> i64 {
    ledger.accesses.get(&tokens.access).map_or(0, |access| access.expires_at.since(now()).max(0))
}

/// Turns a code into a grant. Whatever comes of it, the code is spent; if it was spent before, the grant that
/// it became ends (RFC 6749 section 4.1.2).
fn redeem(ledger: &mut Ledger, client: &Client, form: &Form) -> Result<Tokens, Refusal> {
    let text = form.get("code").ok_or_else(|| Refusal::bad("invalid_request", "there is no code"))?;
    let verifier = form.get("code_verifier");
    let code = ledger.codes.get_mut(text).ok_or_else(|| invalid_grant("unknown code"))?;
    if code.request.client_id != client.id {
        return Err(invalid_grant("this code was given to another client"));
    }
    if std::mem::replace(&mut code.spent, true) {
        let grant = code.grant;
        ledger.books.reuses += 1;
        if let Some(grant) = grant {
            ledger.end_grant(grant);
        }
        return Err(invalid_grant("this code was used before"));
    }
    if code.expires_at <= now() {
        return Err(invalid_grant("this code has expired"));
    }
    if form.get("redirect_uri") != Some(&code.request.redirect_uri) {
        return Err(invalid_grant("redirect_uri is not the one of the authorization request"));
    }
    if !verifier.is_some_and(|verifier| proves(verifier, &code.request.challenge)) {
        return Err(invalid_grant("code_verifier does not match the code_challenge"));
    }
    let (sub, request) = (code.sub.clone(), code.request.clone());
    check_resource(ledger, form, &request.resource)?;
    let grant = Grant {
        client_id: client.id.clone(),
        sub,
        scope: request.scope,
        resource: request.resource,
        nonce: request.nonce,
        alive: true,
        refreshes: 0,
    };
    if let Some(code) = ledger.codes.get_mut(text) {
        code.grant = Some(ledger.grants.len());
    }
    ledger.books.codes_redeemed += 1;
    let refreshable = ledger.gives_refresh_token(client, &grant.scope);
    Ok(ledger.open(grant, refreshable))
}

/// Whether a verifier is well formed and hashes to the challenge (RFC 7636 sections 4.1 and 4.6).
fn proves(verifier: &str, challenge: &str) -> bool {
    let unreserved = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
    let digest = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
    (43..=128).contains(&verifier.len())
        && verifier.chars().all(unreserved)
        && BASE64_URL_SAFE_NO_PAD.encode(digest) == challenge
}

/// Turns a refresh token into new tokens. With rotation it is spent by that, and ends its family when it
/// comes again (RFC 9700 section 4.14.2), unless that is within the grace.
fn refresh(ledger: &mut Ledger, client: &Client, form: &Form) -> Result<Tokens, Refusal> {
    let text = form
        .get("refresh_token")
        .ok_or_else(|| Refusal::bad("invalid_request", "there is no refresh_token"))?;
    let token = ledger.refreshes.get(text).ok_or_else(|| invalid_grant("unknown refresh token"))?;
    let number = token.grant;
    let grant = ledger.grants.get(number).ok_or_else(|| invalid_grant("unknown grant"))?;
    if grant.client_id != client.id {
        return Err(invalid_grant("this refresh token was given to another client"));
    }
    if !grant.alive {
        return Err(invalid_grant("this grant has ended"));
    }
    if token.expires_at.is_some_and(|end| end <= now()) {
        return Err(invalid_grant("this refresh token has expired"));
    }
    check_resource(ledger, form, &grant.resource)?;
    let scope = narrowed(form, &grant.scope)?;
    if let Some((at, successor)) = &token.spent {
        if later(*at, ledger.options.grace) > now() {
            let successor = successor.clone();
            ledger.books.grace_replays += 1;
            return Ok(successor);
        }
        ledger.books.reuses += 1;
        ledger.end_grant(number);
        return Err(invalid_grant("this refresh token was used before"));
    }
    Ok(renew(ledger, number, scope, text))
}

fn renew(ledger: &mut Ledger, number: usize, scope: ScopeSet, spent: &str) -> Tokens {
    let tokens = ledger.issue(number, scope, ledger.options.rotation);
    if ledger.options.rotation
        && let Some(old) = ledger.refreshes.get_mut(spent)
    {
        old.spent = Some((now(), tokens.clone()));
    }
    if let Some(grant) = ledger.grants.get_mut(number) {
        grant.refreshes += 1;
    }
    ledger.books.refreshes += 1;
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b_proves_its_challenge() {
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(proves(verifier, challenge));
        assert!(!proves(&verifier.replace("dBj", "dBk"), challenge));
    }

    #[test]
    fn a_verifier_that_is_too_short_proves_nothing() {
        let verifier = "short";
        let digest = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
        assert!(!proves(verifier, &BASE64_URL_SAFE_NO_PAD.encode(digest)));
    }
}
