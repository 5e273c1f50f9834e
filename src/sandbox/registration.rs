//! Clients that register themselves (RFC 7591) and look after their registration (RFC 7592).

use serde_json::{Map, Value, json};

use super::books::Client;
use super::clients::judge_redirect;
use super::grant_types::{AUTHORIZATION_CODE, DEVICE_CODE};
use super::ledger::{Ledger, now, random_text};
use super::wire::{Answer, Refusal, Request};

/// `POST /register`
pub(super) fn register(ledger: &mut Ledger, request: &Request) -> Result<Answer, Refusal> {
    if !ledger.options.registration {
        return Ok(Answer::json(404, &json!({ "error": "not_found" })));
    }
    if !request.is("application/json") {
        return Err(bad("the body must be application/json"));
    }
    let asked: Value = serde_json::from_slice(&request.body).map_err(|error| bad(error.to_string()))?;
    ledger.books.last_registration = Some(asked.clone());
    let asked = asked.as_object().ok_or_else(|| bad("the body must be a JSON object"))?;
    let client = judge(ledger, asked)?;
    let answer = Answer::json(201, &full_answer(&client)).with("pragma", "no-cache");
    ledger.books.registrations += 1;
    ledger.met("client secret", client.secret.as_deref());
    ledger.met("registration token", client.management_token.as_deref());
    ledger.clients.insert(client.id.clone(), client);
    Ok(answer)
}

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::bad("invalid_client_metadata", why)
}

/// Makes a client of the metadata that it sent, or says what is wrong with them.
fn judge(ledger: &Ledger, asked: &Map<String, Value>) -> Result<Client, Refusal> {
    let application_type = judge_application_type(ledger, asked)?;
    let grant_types = judge_grant_types(ledger, asked)?;
    let redirect_uris = texts(asked, "redirect_uris")?.unwrap_or_default();
    if redirect_uris.is_empty() && grant_types.iter().any(|grant| grant == AUTHORIZATION_CODE) {
        return Err(Refusal::bad("invalid_redirect_uri", "no redirect URI"));
    }
    for uri in &redirect_uris {
        judge_redirect(uri, application_type).map_err(|why| Refusal::bad("invalid_redirect_uri", why))?;
    }
    let auth_method = text(asked, "token_endpoint_auth_method")?.unwrap_or("client_secret_basic");
    if !ledger.options.auth_methods.iter().any(|method| method == auth_method) {
        return Err(bad(format!("token_endpoint_auth_method {auth_method} is not accepted here")));
    }
    let expected = response_types(&grant_types);
    if texts(asked, "response_types")?.is_some_and(|types| types != expected) {
        return Err(bad(format!("response_types must be {expected:?}")));
    }
    let id = random_text("sandbox_client_");
    let name = text(asked, "client_name")?.unwrap_or(&id).to_owned();
    let mut client = Client {
        name,
        secret: (auth_method != "none").then(|| random_text("sandbox_secret_")),
        key: None,
        redirect_uris,
        auth_method: Some(auth_method.into()),
        grant_types,
        management_token: Some(random_text("sandbox_reg_")),
        metadata: Value::Null,
        id,
    };
    client.metadata = registered(ledger, asked, &client, application_type);
    Ok(client)
}

/// The grants that the client asks for and the issuer offers; at least one in which a person is asked.
fn judge_grant_types(ledger: &Ledger, asked: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let mut grant_types = texts(asked, "grant_types")?.unwrap_or_else(|| vec![AUTHORIZATION_CODE.into()]);
    grant_types.retain(|grant| ledger.grants_offered().contains(&&**grant));
    if !grant_types.iter().any(|grant| [AUTHORIZATION_CODE, DEVICE_CODE].contains(&&**grant)) {
        return Err(bad("grant_types must contain authorization_code"));
    }
    Ok(grant_types)
}

/// What a client with these grants asks for at the sign-in page (RFC 7591 section 2.1).
fn response_types(grant_types: &[String]) -> &'static [&'static str] {
    if grant_types.iter().any(|grant| grant == AUTHORIZATION_CODE) { &["code"] } else { &[] }
}

/// `application_type` as stated, or what its absence means here.
fn judge_application_type<'a>(ledger: &Ledger, asked: &'a Map<String, Value>) -> Result<&'a str, Refusal> {
    match text(asked, "application_type")? {
        Some(stated @ ("native" | "web")) => Ok(stated),
        Some(other) => Err(bad(format!("unknown application_type {other}"))),
        None if ledger.options.require_application_type => Ok("web"),
        None => Ok("native"),
    }
}

/// The metadata as the issuer keeps them: what was asked for, with the issuer's own decisions
/// (RFC 7591 section 3.2.1).
fn registered(ledger: &Ledger, asked: &Map<String, Value>, client: &Client, application_type: &str) -> Value {
    let mut document = json!({
        "client_id": client.id,
        "client_id_issued_at": now().0,
        "redirect_uris": client.redirect_uris,
        "grant_types": client.grant_types,
        "response_types": response_types(&client.grant_types),
        "token_endpoint_auth_method": client.auth_method,
        "application_type": application_type,
        "registration_client_uri": format!("{}/register/{}", ledger.origin, client.id),
    });
    for name in ["client_name", "client_uri", "scope", "software_id", "software_version"] {
        if let Some(value @ Value::String(_)) = asked.get(name) {
            document[name] = value.clone();
        }
    }
    document
}

/// The registration with its secrets, as only the client itself sees it.
fn full_answer(client: &Client) -> Value {
    let mut document = client.metadata.clone();
    if let Some(secret) = &client.secret {
        document["client_secret"] = secret.as_str().into();
        document["client_secret_expires_at"] = 0.into();
    }
    if let Some(token) = &client.management_token {
        document["registration_access_token"] = token.as_str().into();
    }
    document
}

/// `GET` and `DELETE /register/{client_id}` (RFC 7592 section 2).
pub(super) fn manage(ledger: &mut Ledger, request: &Request, client_id: &str) -> Result<Answer, Refusal> {
    let token =
        request.credentials("Bearer").ok_or_else(|| Refusal::bad_token("no registration access token"))?;
    let client = ledger.clients.get(client_id);
    let client = client
        .filter(|client| client.management_token.as_deref() == Some(token))
        .ok_or_else(|| Refusal::bad_token("wrong registration access token"))?;
    if request.method == "GET" {
        return Ok(Answer::json(200, &full_answer(client)));
    }
    ledger.clients.remove(client_id);
    ledger.end_grants_of(client_id);
    ledger.books.deletions += 1;
    Ok(Answer::empty(204))
}

/// A member that must be a string if it is there.
fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Refusal> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad(format!("{name} must be a string"))),
    }
}

/// A member that must be a list of strings if it is there.
fn texts(object: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, Refusal> {
    let Some(value) = object.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    let wrong = || bad(format!("{name} must be a list of strings"));
    let list = value.as_array().ok_or_else(wrong)?;
    let strings: Option<Vec<String>> = list.iter().map(|entry| entry.as_str().map(str::to_owned)).collect();
    strings.map(Some).ok_or_else(wrong)
}
