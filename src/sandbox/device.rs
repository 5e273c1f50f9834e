//! `/device_authorization` and the polls of its client (RFC 8628), and the page where a person types the code.

use std::time::{Duration, Instant};

use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;

use super::asked::{check_resource, judge_resource, judge_scope, told};
use super::books::{Client, Device, Grant, Tokens};
use super::clients::authenticate;
use super::device_pages;
use super::form::Form;
use super::grant_types::DEVICE_CODE;
use super::ledger::{Ledger, later, now, random_text};
use super::options::Fault;
use super::wire::{Answer, Refusal, Request};

/// By how many seconds `slow_down` lengthens the interval (RFC 8628 section 3.5).
const SLOWER: u64 = 5;
/// Letters of a user code: none that is read for another, and no vowel, so that no word comes out
/// (RFC 8628 section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// `POST /device_authorization`
pub(super) fn authorize(ledger: &mut Ledger, request: &Request) -> Result<Answer, Refusal> {
    if !ledger.options.device {
        return Ok(Answer::json(404, &json!({ "error": "not_found" })));
    }
    let form = request.form()?;
    let client = authenticate(ledger, request, &form)?;
    client.must_be_allowed(DEVICE_CODE)?;
    let device = Device {
        user_code: user_code(),
        resource: judge_resource(ledger, &form).map_err(told)?,
        scope: judge_scope(ledger, &form).map_err(told)?,
        expires_at: later(now(), ledger.options.device_lifetime),
        interval: ledger.options.device_interval,
        client_id: client.id,
        polls: 0,
        polled: None,
        approved: None,
    };
    let device_code = random_text("sandbox_device_");
    let page = format!("{}/device", ledger.origin);
    let document = json!({
        "device_code": device_code,
        "user_code": device.user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={}", device.user_code),
        "expires_in": ledger.options.device_lifetime,
        "interval": device.interval,
    });
    ledger.met("device code", Some(&device_code));
    ledger.devices.insert(device_code, device);
    Ok(Answer::json(200, &document))
}

/// Eight letters in two halves: 34 bits, enough for a code that lives for minutes.
fn user_code() -> String {
    let mut bytes = [0_u8; 8];
    #[expect(clippy::expect_used, reason = "an issuer without randomness must not give out anything")]
    SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
    let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
    let (left, right) = bytes.split_at(4);
    left.iter().map(letter).chain(['-']).chain(right.iter().map(letter)).collect()
}

/// One poll at `/token`: the tokens, or why there are none yet (RFC 8628 section 3.5).
pub(super) fn poll(ledger: &mut Ledger, client: &Client, form: &Form) -> Result<Tokens, Refusal> {
    let code = form.get("device_code").ok_or_else(|| Refusal::bad("invalid_request", "no device_code"))?;
    ledger.books.device_polls += 1;
    let (consents, patience) = (ledger.options.auto_consent, ledger.options.device_polls);
    let declines = ledger.suffers(|fault| matches!(fault, Fault::Declined));
    let device = ledger
        .devices
        .get_mut(code)
        .filter(|device| device.client_id == client.id)
        .ok_or_else(|| Refusal::bad("invalid_grant", "unknown device code"))?;
    if device.expires_at <= now() {
        return Err(Refusal::bad("expired_token", "this device code has expired"));
    }
    let came = device.polled.replace(Instant::now());
    if came.is_some_and(|came| came.elapsed() < Duration::from_secs(device.interval)) {
        device.interval += SLOWER;
        let why = format!("polled faster than agreed; wait {} s from now on", device.interval);
        return Err(Refusal::bad("slow_down", why));
    }
    device.polls += 1;
    if consents && device.polls > patience {
        device.approved.get_or_insert(!declines);
    }
    match device.approved {
        None => Err(Refusal::pending("the person has not decided yet")),
        Some(false) => {
            ledger.devices.remove(code);
            Err(Refusal::bad("access_denied", "the person declined"))
        }
        Some(true) => redeem(ledger, client, form, code),
    }
}

fn redeem(ledger: &mut Ledger, client: &Client, form: &Form, code: &str) -> Result<Tokens, Refusal> {
    let device = ledger.devices.get(code);
    let device = device.ok_or_else(|| Refusal::bad("invalid_grant", "unknown device code"))?;
    check_resource(ledger, form, &device.resource)?;
    let grant = Grant {
        client_id: client.id.clone(),
        sub: ledger.options.sub.clone(),
        scope: device.scope.clone(),
        resource: device.resource.clone(),
        nonce: None,
        alive: true,
        refreshes: 0,
    };
    // Good for one grant, like an authorization code.
    ledger.devices.remove(code);
    let refreshable = ledger.gives_refresh_token(client, &grant.scope);
    Ok(ledger.open(grant, refreshable))
}

/// `GET /device`: where the code is typed; the link with the code in it types it, but does not send it off.
pub(super) fn page(request: &Request) -> Answer {
    let form = Form::parse(request.query.as_bytes());
    device_pages::type_code(form.get("user_code").unwrap_or_default(), None)
}

/// `POST /device`: first the code, then, by the ticket of the page that shows what it is for, the decision.
pub(super) fn decide(ledger: &mut Ledger, request: &Request) -> Answer {
    let form = match request.form() {
        Ok(form) if request.comes_from_loopback() => form,
        _ => {
            ledger.refused("the device code came from another page");
            return device_pages::done(403, "This decision came from another page.");
        }
    };
    match (form.get("ticket"), form.get("user_code")) {
        (Some(ticket), _) => close(ledger, ticket, form.get("decision") == Some("allow")),
        (None, typed) => look_up(ledger, typed.unwrap_or_default()),
    }
}

/// Shows what a typed code is for. Small letters and missing or other dashes are what people type.
fn look_up(ledger: &mut Ledger, typed: &str) -> Answer {
    let plain = |text: &str| -> String { text.chars().filter(char::is_ascii_alphabetic).collect() };
    let wanted = plain(typed).to_ascii_uppercase();
    let open = |device: &Device| device.approved.is_none() && device.expires_at > now();
    let found = ledger.devices.iter().find(|(_, device)| open(device) && plain(&device.user_code) == wanted);
    let client = found.and_then(|(_, device)| ledger.clients.get(&device.client_id));
    let (Some((code, device)), Some(client)) = (found, client) else {
        ledger.refused("no device waits for this code");
        return device_pages::type_code(typed, Some("No device waits for this code."));
    };
    let (code, ticket) = (code.clone(), random_text(""));
    let page = device_pages::consent(ledger, client, device, &ticket);
    ledger.device_tickets.insert(ticket, code);
    page
}

fn close(ledger: &mut Ledger, ticket: &str, allowed: bool) -> Answer {
    let code = ledger.device_tickets.remove(ticket);
    let Some(device) = code.and_then(|code| ledger.devices.get_mut(&code)) else {
        ledger.refused("the decision belongs to no open page");
        return device_pages::done(400, "This page was used already, or its code has expired.");
    };
    device.approved = Some(allowed);
    let said = if allowed { "Signed in. Go back to your device." } else { "Declined." };
    device_pages::done(200, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_code_is_easy_to_type() {
        let code = user_code();
        assert_eq!((code.len(), code.find('-')), (9, Some(4)));
        assert!(code.bytes().all(|byte| byte == b'-' || LETTERS.contains(&byte)), "{code}");
        assert_ne!(code, user_code());
    }
}
