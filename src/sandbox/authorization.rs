//! `/authorize` and its consent page (RFC 6749 section 4.1, RFC 7636, RFC 8707, RFC 9207).

use url::Url;

use super::asked::{Refused, judge_resource, judge_scope};
use super::books::{AuthorizationRequest, Client, Code};
use super::clients::redirect_is_registered;
use super::form::Form;
use super::grant_types::AUTHORIZATION_CODE;
use super::ledger::{Ledger, later, now, random_text};
use super::options::Fault;
use super::pages;
use super::wire::{Answer, Request};

/// `GET /authorize`. `document` tells how fetching the client's metadata document went, if it has one.
pub(super) fn authorize(ledger: &mut Ledger, request: &Request, document: Result<(), String>) -> Answer {
    let form = Form::parse(request.query.as_bytes());
    let (client, redirect_uri) = match document.and_then(|()| judge_client(ledger, &form)) {
        Ok(trusted) => trusted,
        // Nobody vouches for the redirect URI, so the browser must not go there (RFC 6749 section 4.1.2.1).
        Err(why) => {
            ledger.refused(format!("not redirected: {why}"));
            return pages::not_redirected(400, &why);
        }
    };
    let state = form.get("state").map(str::to_owned);
    match judge_request(ledger, &form, &client, &redirect_uri) {
        Ok(request) if ledger.options.auto_consent => decide(ledger, request, true, 302),
        Ok(request) => {
            let ticket = random_text("");
            let page = pages::consent(ledger, &client, &request, &ticket);
            ledger.pending.insert(ticket, request);
            page
        }
        Err((error, why)) => {
            ledger.refused(format!("{error}: {why}"));
            redirect(ledger, &redirect_uri, state, &[("error", error), ("error_description", &why)], 302)
        }
    }
}

/// Who asks, and where the answer may go. The error is the reason why it may go nowhere.
fn judge_client(ledger: &Ledger, form: &Form) -> Result<(Client, String), String> {
    if let Some(name @ ("client_id" | "redirect_uri")) = form.repeated() {
        return Err(format!("{name} came more than once"));
    }
    let client_id = form.get("client_id").ok_or("there is no client_id")?;
    let client =
        ledger.clients.get(client_id).ok_or_else(|| format!("the client {client_id} is not known here"))?;
    let redirect_uri = form.get("redirect_uri").ok_or("there is no redirect_uri")?;
    if !redirect_is_registered(client, redirect_uri, ledger.options.any_loopback_port) {
        return Err(format!("the redirect URI {redirect_uri} is not one that {client_id} registered"));
    }
    Ok((client.clone(), redirect_uri.to_owned()))
}

fn judge_request(
    ledger: &Ledger,
    form: &Form,
    client: &Client,
    redirect_uri: &str,
) -> Result<AuthorizationRequest, Refused> {
    let invalid = |why: &str| ("invalid_request", why.to_owned());
    if let Some(name) = form.repeated() {
        return Err(invalid(&format!("{name} came more than once")));
    }
    match form.get("response_type") {
        Some("code") => {}
        None => return Err(invalid("there is no response_type")),
        Some(_) => return Err(("unsupported_response_type", "response_type must be code".into())),
    }
    if !client.may(AUTHORIZATION_CODE) {
        return Err(("unauthorized_client", "the client did not register for this grant".into()));
    }
    if form.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(invalid("response_mode must be query"));
    }
    let challenge =
        form.get("code_challenge").ok_or_else(|| invalid("PKCE is required: no code_challenge"))?;
    if form.get("code_challenge_method") != Some("S256") {
        return Err(invalid("code_challenge_method must be S256"));
    }
    let in_alphabet = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if challenge.len() != 43 || !challenge.chars().all(in_alphabet) {
        return Err(invalid("code_challenge is no base64url of a SHA-256 digest"));
    }
    Ok(AuthorizationRequest {
        client_id: client.id.clone(),
        redirect_uri: redirect_uri.into(),
        state: form.get("state").map(str::to_owned),
        challenge: challenge.into(),
        nonce: form.get("nonce").map(str::to_owned),
        dpop_jkt: form.get("dpop_jkt").map(str::to_owned),
        resource: judge_resource(ledger, form)?,
        scope: judge_scope(ledger, form)?,
    })
}

/// `POST /consent`: what the person chose. The ticket is the page's own and works once, so no other page can
/// choose for them.
pub(super) fn consent(ledger: &mut Ledger, request: &Request) -> Answer {
    let form = match request.form() {
        Ok(form) if request.comes_from_loopback() => form,
        _ => {
            ledger.refused("the consent came from another page");
            return pages::not_redirected(403, "This consent came from another page.");
        }
    };
    let Some(pending) = form.get("ticket").and_then(|ticket| ledger.pending.remove(ticket)) else {
        ledger.refused("the consent belongs to no open page");
        return pages::not_redirected(
            400,
            "This page was used already. Start again from the program that opened it.",
        );
    };
    decide(ledger, pending, form.get("decision") == Some("allow"), 303)
}

/// Sends the browser back with a code, or with the news that there is none.
fn decide(ledger: &mut Ledger, request: AuthorizationRequest, allowed: bool, status: u16) -> Answer {
    let (redirect_uri, state) = (request.redirect_uri.clone(), request.state.clone());
    if !allowed || ledger.suffers(|fault| matches!(fault, Fault::Declined)) {
        let declined = [("error", "access_denied"), ("error_description", "the person declined")];
        return redirect(ledger, &redirect_uri, state, &declined, status);
    }
    let code = random_text("sandbox_code_");
    let expires_at = later(now(), ledger.options.code_lifetime);
    let issued = Code { request, sub: ledger.options.sub.clone(), expires_at, spent: false, grant: None };
    ledger.codes.insert(code.clone(), issued);
    ledger.met("authorization code", Some(&code));
    ledger.books.codes_issued += 1;
    redirect(ledger, &redirect_uri, state, &[("code", &code)], status)
}

/// Adds parameters to whatever query the redirect URI has of its own, then `state` and `iss`.
fn redirect(
    ledger: &Ledger,
    redirect_uri: &str,
    state: Option<String>,
    parameters: &[(&str, &str)],
    status: u16,
) -> Answer {
    let Ok(mut url) = Url::parse(redirect_uri) else {
        return pages::not_redirected(400, "the redirect URI is no URL");
    };
    let wrong_state = ledger.suffers(|fault| matches!(fault, Fault::WrongState));
    let state = if wrong_state { Some(random_text("other_")) } else { state };
    url.query_pairs_mut()
        .extend_pairs(parameters)
        .extend_pairs(state.map(|state| ("state", state)))
        .extend_pairs(iss(ledger).map(|iss| ("iss", iss)));
    Answer::empty(status)
        .with("location", String::from(url))
        .with("cache-control", "no-store")
        .with("referrer-policy", "no-referrer")
}

/// The `iss` of the redirect (RFC 9207 section 2).
fn iss(ledger: &Ledger) -> Option<String> {
    if ledger.suffers(|fault| matches!(fault, Fault::MissingIss)) {
        return None;
    }
    if ledger.suffers(|fault| matches!(fault, Fault::WrongIss)) {
        return Some("https://elsewhere.example".into());
    }
    ledger.options.advertise_iss.then(|| ledger.issuer())
}
