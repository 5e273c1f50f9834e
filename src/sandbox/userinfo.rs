//! `/userinfo`: who gave the grant (OIDC Core section 5.3).

use serde_json::json;

use super::books::display_name;
use super::ledger::Ledger;
use super::wire::{Answer, Refusal, Request};

/// The subject for any token that works, name and address for one with the scope `openid`.
pub(super) fn answer(ledger: &mut Ledger, request: &Request) -> Result<Answer, Refusal> {
    let token = request.credentials("Bearer").ok_or_else(|| Refusal::bad_token("there is no token"))?;
    let (_, grant, access) =
        ledger.grant_of(token).ok_or_else(|| Refusal::bad_token("this token does not work"))?;
    let mut document = json!({ "sub": grant.sub });
    if access.scope.contains("openid") {
        document["name"] = display_name(&grant.sub).into();
        document["email"] = format!("{}@sandbox.example", grant.sub).into();
    }
    Ok(Answer::json(200, &document))
}
