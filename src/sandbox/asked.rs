//! What a request asks for: a resource (RFC 8707) and a scope, judged alike at every endpoint.

use super::form::Form;
use super::ledger::Ledger;
use super::wire::Refusal;
use crate::model::ScopeSet;

/// An error that may be told to the client: its code and the reason.
pub(super) type Refused = (&'static str, String);

/// The same as an answer of its own.
pub(super) fn told((error, why): Refused) -> Refusal {
    Refusal::bad(error, why)
}

/// The resource that the tokens will be for (RFC 8707 section 2.1): compared as a string.
pub(super) fn judge_resource(ledger: &Ledger, form: &Form) -> Result<String, Refused> {
    match form.get("resource") {
        Some(resource) if ledger.serves(resource) => Ok(resource.into()),
        Some(resource) => Err(("invalid_target", format!("the resource {resource} is not served here"))),
        None if ledger.options.require_resource => Err(("invalid_target", "there is no resource".into())),
        None => Ok(ledger.mcp_url()),
    }
}

/// The scope that is asked for; without one, what the challenge of the server names.
pub(super) fn judge_scope(ledger: &Ledger, form: &Form) -> Result<ScopeSet, Refused> {
    let asked = form.get("scope").or(ledger.options.challenge_scope.as_deref()).unwrap_or_default();
    let known = ledger.scopes();
    let is_known =
        |scope: &&str| known.contains(scope) || ledger.options.challenge_scope.as_deref() == Some(*scope);
    match asked.split(' ').filter(|scope| !scope.is_empty()).find(|scope| !is_known(scope)) {
        Some(unknown) => Err(("invalid_scope", format!("the scope {unknown} is not known here"))),
        None => Ok(asked.split(' ').collect()),
    }
}

/// The resource must be the same in every request of a grant.
pub(super) fn check_resource(ledger: &Ledger, form: &Form, granted: &str) -> Result<(), Refusal> {
    match form.get("resource") {
        Some(resource) if resource == granted => Ok(()),
        Some(resource) => Err(Refusal::bad(
            "invalid_target",
            format!("the resource {resource} is not the one of this grant"),
        )),
        None if ledger.options.require_resource => {
            Err(Refusal::bad("invalid_target", "there is no resource"))
        }
        None => Ok(()),
    }
}

/// The scope of a new access token: all that was granted, or the part that is asked for.
pub(super) fn narrowed(form: &Form, granted: &ScopeSet) -> Result<ScopeSet, Refusal> {
    let Some(asked) = form.get("scope") else { return Ok(granted.clone()) };
    match asked.split(' ').find(|scope| !granted.contains(scope)) {
        Some(scope) => Err(Refusal::bad("invalid_scope", format!("the scope {scope} was not granted"))),
        None => Ok(asked.split(' ').collect()),
    }
}
