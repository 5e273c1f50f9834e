//! The word of another issuer becomes a token (RFC 7523 section 2.1): of a platform that runs workloads, or of an
//! identity provider (draft-ietf-oauth-identity-assertion-authz-grant).

use super::asked::{judge_resource, judge_scope, narrowed, told};
use super::assertions::audiences;
use super::books::{Client, Grant, Tokens};
use super::form::Form;
use super::jwt::Jwt;
use super::ledger::Ledger;
use super::wire::Refusal;
use crate::model::ScopeSet;

/// The `typ` of an identity assertion.
pub(super) const ID_JAG: &str = "oauth-id-jag+jwt";
/// How far away its end may be, in seconds.
pub(super) const LIFETIME: i64 = 300;
/// The same for the token of a platform, which its workload uses again and again.
const DAY: i64 = 86_400;

/// The tokens for an assertion. There is no refresh token: whoever vouched is to be asked again.
pub(super) fn grant(ledger: &mut Ledger, client: &Client, form: &Form) -> Result<Tokens, Refusal> {
    let outcome = judge(ledger, client, form);
    match &outcome {
        Ok(_) => ledger.books.assertions += 1,
        Err(_) => ledger.books.assertions_refused += 1,
    }
    outcome.map(|grant| ledger.open(grant, false))
}

fn judge(ledger: &mut Ledger, client: &Client, form: &Form) -> Result<Grant, Refusal> {
    let invalid = |why: String| Refusal::bad("invalid_grant", why);
    let assertion = form.get("assertion");
    let assertion = assertion.ok_or_else(|| Refusal::bad("invalid_request", "there is no assertion"))?;
    let jwt = Jwt::read(assertion).map_err(invalid)?;
    check_issuer(ledger, &jwt).map_err(invalid)?;
    if jwt.header["typ"] == ID_JAG {
        check_identity(ledger, client, &jwt).map_err(invalid)?;
        return of_person(ledger, client, form, &jwt);
    }
    jwt.judge_audience(&audiences(ledger)).map_err(invalid)?;
    jwt.judge_times(DAY).map_err(invalid)?;
    let resource = judge_resource(ledger, form).map_err(told)?;
    let scope = judge_scope(ledger, form).map_err(told)?;
    Ok(opened(client, &jwt, scope, resource))
}

/// Somebody who is trusted signed it, and says who it is about.
fn check_issuer(ledger: &Ledger, jwt: &Jwt) -> Result<(), String> {
    let mut trusted = ledger.options.trusted_issuers.iter();
    let issuer = trusted.find(|trusted| trusted.issuer == jwt.text("iss"));
    let issuer = issuer.ok_or_else(|| format!("the issuer {} is not trusted here", jwt.text("iss")))?;
    if !jwt.is_signed_by(&issuer.key) {
        return Err("not signed by the key of its issuer".into());
    }
    if jwt.text("sub").is_empty() { Err("there is no sub".into()) } else { Ok(()) }
}

/// An identity assertion is for one client, for one issuer, for a short while, and once.
fn check_identity(ledger: &mut Ledger, client: &Client, jwt: &Jwt) -> Result<(), String> {
    if client.is_public() {
        return Err("an identity assertion is taken only from a client that proves itself".into());
    }
    if jwt.text("client_id") != client.id {
        return Err("client_id is not the client that shows it".into());
    }
    if !ledger.serves(jwt.text("resource")) {
        return Err(format!("the resource {} is not served here", jwt.text("resource")));
    }
    jwt.judge_audience(&[ledger.issuer()])?;
    jwt.judge_times(LIFETIME)?;
    ledger.meet_once("identity assertion", jwt.text("iss"), jwt.text("jti"))
}

/// What the identity provider allowed, or the part of it that is asked for.
fn of_person(ledger: &Ledger, client: &Client, form: &Form, jwt: &Jwt) -> Result<Grant, Refusal> {
    let resource = jwt.text("resource");
    if form.get("resource").is_some_and(|asked| asked != resource) {
        return Err(Refusal::bad("invalid_target", "resource is not that of the assertion"));
    }
    let scope = match jwt.text("scope") {
        "" => judge_scope(ledger, form).map_err(told)?,
        allowed => narrowed(form, &allowed.split(' ').collect())?,
    };
    Ok(opened(client, jwt, scope, resource.into()))
}

fn opened(client: &Client, jwt: &Jwt, scope: ScopeSet, resource: String) -> Grant {
    let (client_id, sub) = (client.id.clone(), jwt.text("sub").to_owned());
    Grant { client_id, sub, scope, resource, nonce: None, alive: true, refreshes: 0 }
}
