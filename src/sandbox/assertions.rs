//! Clients that prove themselves by a signed assertion instead of a secret (RFC 7523 sections 2.2 and 3).

use super::books::Client;
use super::form::Form;
use super::jwt::Jwt;
use super::ledger::Ledger;
use super::partners::AssertionAudience;
use super::wire::Refusal;

/// `client_assertion_type`, the only one there is.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How far away the end of a client assertion may be, in seconds.
const LONGEST: i64 = 300;

/// The client that an assertion says it comes from, not believed yet.
pub(super) fn claimed_client(form: &Form, assertion: &str) -> Result<String, Refusal> {
    let refuse = |why: &str| Refusal::unknown_client(why, false);
    if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
        return Err(refuse("client_assertion_type is missing or unknown"));
    }
    if form.get("client_secret").is_some() {
        return Err(Refusal::bad("invalid_request", "two ways of client authentication in one request"));
    }
    let jwt = Jwt::read(assertion).map_err(|why| refuse(&why))?;
    let subject = jwt.text("sub");
    if form.get("client_id").is_some_and(|stated| stated != subject) {
        return Err(refuse("client_id is not the sub of the client assertion"));
    }
    Ok(subject.into())
}

/// Checks that a client's own key made the assertion, for this issuer, now and once.
pub(super) fn check(ledger: &mut Ledger, client: &Client, assertion: &str) -> Result<(), Refusal> {
    let outcome = judge(ledger, client, assertion);
    ledger.books.client_assertions += u64::from(outcome.is_ok());
    outcome.map_err(|why| Refusal::unknown_client(format!("client assertion: {why}"), false))
}

fn judge(ledger: &mut Ledger, client: &Client, assertion: &str) -> Result<(), String> {
    let jwt = Jwt::read(assertion)?;
    let key = client.key.as_ref().ok_or("the client has no key here")?;
    if !jwt.is_signed_by(key) {
        return Err("not signed with ES256 or RS256 by the key of the client".into());
    }
    if jwt.text("iss") != client.id {
        return Err("iss is not the client".into());
    }
    jwt.judge_audience(&audiences(ledger))?;
    jwt.judge_times(LONGEST)?;
    ledger.meet_once("client assertion", &client.id, jwt.text("jti"))
}

/// What `aud` may be.
pub(super) fn audiences(ledger: &Ledger) -> Vec<String> {
    let (issuer, endpoint) = (ledger.issuer(), format!("{}/token", ledger.origin));
    match ledger.options.assertion_audience {
        AssertionAudience::Issuer => vec![issuer],
        AssertionAudience::TokenEndpoint => vec![endpoint],
        AssertionAudience::Either => vec![issuer, endpoint],
    }
}
