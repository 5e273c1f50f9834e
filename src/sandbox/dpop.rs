//! Tokens bound to a key of the client: proofs, their nonces, and what they bind (RFC 9449).

use serde_json::Value;
use url::Url;

use super::books::{Client, Tokens};
use super::form::Form;
use super::jwt::{Jwt, PublicKey, digest, thumbprint};
use super::ledger::{Ledger, now};
use super::options::Dpop;
use super::wire::{Answer, Refusal, Request};

/// How far the time of a proof may be off, in seconds.
const SKEW: i64 = 60;
/// What is wrong with a proof, or with the key behind it: error code and reason.
pub(super) type Wrong = (&'static str, String);

/// The thumbprint of the key that a request to `/token` proves, if it proves one.
pub(super) fn key_at_issuer(ledger: &mut Ledger, request: &Request) -> Result<Option<String>, Refusal> {
    let proves = request.headers.contains_key("dpop");
    match ledger.options.dpop {
        Dpop::Off => Ok(None),
        Dpop::Offered if !proves => Ok(None),
        Dpop::Offered | Dpop::Required => {
            let nonce = ledger.nonces.issuer.clone();
            let key = judge(ledger, request, &nonce, None);
            key.map(Some).map_err(|(error, why)| Refusal::bad(error, why))
        }
    }
}

/// Checks that whoever shows a bound code or refresh token has its key.
pub(super) fn check_binding(ledger: &Ledger, form: &Form, key: Option<&str>) -> Result<(), Refusal> {
    let code = form.get("code").and_then(|code| ledger.codes.get(code));
    let refresh = form.get("refresh_token").and_then(|token| ledger.refreshes.get(token));
    let bound = code
        .and_then(|code| code.request.dpop_jkt.as_deref())
        .or_else(|| refresh.and_then(|refresh| refresh.jkt.as_deref()));
    match bound {
        Some(bound) if key != Some(bound) => {
            Err(Refusal::bad("invalid_grant", "this is bound to another key"))
        }
        _ => Ok(()),
    }
}

/// Binds new tokens to a key: the access token always, the refresh token where nothing else protects it
/// (RFC 9449 section 5).
pub(super) fn bind(ledger: &mut Ledger, client: &Client, tokens: &Tokens, key: Option<&String>) {
    if let Some(access) = ledger.accesses.get_mut(&tokens.access) {
        access.jkt = key.cloned();
    }
    let refresh = tokens.refresh.as_ref().and_then(|refresh| ledger.refreshes.get_mut(refresh));
    if let Some(refresh) = refresh.filter(|_| client.is_public()) {
        refresh.jkt = key.cloned();
    }
}

/// Judges how an access token is shown at a protected place: a bound one with the scheme `DPoP` and a proof of
/// its key, any other with `Bearer`.
pub(super) fn judge_use(
    ledger: &mut Ledger,
    request: &Request,
    token: &str,
    bound: Option<&str>,
) -> Result<(), Wrong> {
    let as_dpop = is_shown_as_dpop(request);
    let wrong = |why: &str| Err(("invalid_token", why.to_owned()));
    match bound {
        None if as_dpop => wrong("the token is not bound to a key"),
        None if ledger.options.dpop == Dpop::Required => wrong("only bound tokens are accepted here"),
        None => Ok(()),
        Some(_) if !as_dpop => wrong("the token is bound to a key and was shown as Bearer"),
        Some(bound) => {
            let nonce = ledger.nonces.server.clone();
            let key = judge(ledger, request, &nonce, Some(token))?;
            if key == bound { Ok(()) } else { wrong("the token is bound to another key") }
        }
    }
}

/// Whether a token is shown with the scheme `DPoP`.
pub(super) fn is_shown_as_dpop(request: &Request) -> bool {
    request.credentials("DPoP").is_some()
}

/// Judges a proof (RFC 9449 section 4.3) and gives the thumbprint of its key.
fn judge(ledger: &mut Ledger, request: &Request, nonce: &str, token: Option<&str>) -> Result<String, Wrong> {
    let wrong = |why: String| ("invalid_dpop_proof", why);
    let proof = only_proof(request).map_err(wrong)?;
    let jwt = Jwt::read(proof).map_err(wrong)?;
    let key = judge_key(&jwt).map_err(wrong)?;
    judge_claims(ledger, request, &jwt, token).map_err(wrong)?;
    ledger.meet_once("proof", &key, jwt.text("jti")).map_err(wrong)?;
    if ledger.options.dpop_nonce && jwt.text("nonce") != nonce {
        ledger.books.nonces_asked += 1;
        return Err(("use_dpop_nonce", "the proof lacks the nonce of this server".into()));
    }
    ledger.books.proofs += 1;
    Ok(key)
}

fn only_proof(request: &Request) -> Result<&str, String> {
    let mut proofs = request.headers.get_all("dpop").iter();
    match (proofs.next(), proofs.next()) {
        (Some(proof), None) => proof.to_str().map_err(|_| "the proof is no text".into()),
        (None, _) => Err("there is no DPoP header".into()),
        _ => Err("more than one DPoP header".into()),
    }
}

fn judge_key(jwt: &Jwt) -> Result<String, String> {
    let jwk = &jwt.header["jwk"];
    if jwt.header["typ"] != "dpop+jwt" || jwt.header["alg"] != "ES256" {
        return Err("typ must be dpop+jwt, and alg ES256".into());
    }
    if jwk.get("d").is_some() {
        return Err("jwk shows the private key".into());
    }
    if !jwt.is_signed_by(&PublicKey::Jwk(jwk.clone())) {
        return Err("not signed by the key in its header".into());
    }
    thumbprint(jwk).ok_or_else(|| "jwk lacks a member".into())
}

fn judge_claims(ledger: &Ledger, request: &Request, jwt: &Jwt, token: Option<&str>) -> Result<(), String> {
    let plain = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    if jwt.text("htm") != request.method {
        return Err("htm is not the method of the request".into());
    }
    if plain(jwt.text("htu")).is_none_or(|url| url.as_str() != format!("{}{}", ledger.origin, request.path)) {
        return Err("htu is not the URL of the request".into());
    }
    if jwt.claims["iat"].as_i64().is_none_or(|at| at.abs_diff(now().0) > SKEW.unsigned_abs()) {
        return Err(format!("iat is more than {SKEW} s off"));
    }
    match token {
        Some(token) if jwt.claims["ath"] != digest(token) => Err("ath is not the digest of the token".into()),
        None if jwt.claims["ath"] != Value::Null => Err("ath without an access token".into()),
        _ => Ok(()),
    }
}

/// The answer with the nonce that the next proof must have (RFC 9449 sections 8 and 9).
pub(super) fn with_nonce(ledger: &Ledger, request: &Request, answer: Answer) -> Answer {
    if !ledger.options.dpop_nonce || ledger.options.dpop == Dpop::Off {
        return answer;
    }
    match request.path.as_str() {
        "/token" => answer.with("dpop-nonce", &*ledger.nonces.issuer),
        "/mcp" | "/sse" | "/messages" | "/ws" | "/userinfo" => {
            answer.with("dpop-nonce", &*ledger.nonces.server)
        }
        _ => answer,
    }
}
