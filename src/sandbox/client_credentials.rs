//! A client that asks for a token of its own, without a person (RFC 6749 section 4.4).

use super::asked::{judge_resource, judge_scope, told};
use super::books::{Client, Grant, Tokens};
use super::form::Form;
use super::ledger::Ledger;
use super::wire::Refusal;

/// The tokens of a client that has proven itself. There is no refresh token: it can ask again.
pub(super) fn grant(ledger: &mut Ledger, client: &Client, form: &Form) -> Result<Tokens, Refusal> {
    if client.is_public() {
        return Err(Refusal::bad("unauthorized_client", "anybody could be this client"));
    }
    let resource = judge_resource(ledger, form).map_err(told)?;
    let scope = judge_scope(ledger, form).map_err(told)?;
    let (client_id, sub) = (client.id.clone(), client.id.clone());
    Ok(ledger.open(Grant { client_id, sub, scope, resource, nonce: None, alive: true, refreshes: 0 }, false))
}
