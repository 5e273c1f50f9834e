//! The token endpoint (RFC 6749 sections 4.1.3, 5 and 6) and revocation (RFC 7009).
//!
//! Every function sends exactly one request, but for a revocation that was misunderstood. Answers are read leniently where issuers are known to differ and
//! strictly where a mistake would be kept.

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use super::client_auth::{Form, authenticated_post};
use super::{Error, ErrorResponse, discovery, read_json};
use crate::clock::UnixTime;
use crate::http::{Answer, Http};
use crate::model::{
    ClientAuthMethod, ClientRegistration, Endpoints, ExtraFields, Login, ScopeSet, TokenFacts, TokenSet,
};
use crate::oauth::authorization::PendingAuthorization;
use crate::secret::{AccessToken, AuthorizationCode, ClientSecret, DpopKey, RefreshToken};

/// How long a token endpoint may take: a code that it has seen is of no use any more.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest token that is accepted, in bytes.
const LONGEST_TOKEN: usize = 64 * 1024;
/// A lifetime beyond this, in seconds (100 years), is as good as this.
const LONGEST_LIFETIME: f64 = 100.0 * 365.0 * 24.0 * 3600.0;

/// Who asks for what, wherever a token is asked for without a person.
pub struct Asking<'a> {
    /// The way to the issuer.
    pub http: &'a Http,
    /// Where the issuer answers.
    pub endpoints: &'a Endpoints,
    /// Who asks.
    pub client: &'a ClientRegistration,
    /// For which resource.
    pub resource: Option<&'a str>,
    /// For which scope.
    pub scope: &'a ScopeSet,
    /// The key to bind the token to.
    pub dpop_key: Option<&'a DpopKey>,
    /// When.
    pub now: UnixTime,
}

/// Where a form goes, as whom, and which secrets of it no error may repeat.
pub(super) struct Sent<'a> {
    pub(super) endpoint: &'a Url,
    pub(super) client: &'a ClientRegistration,
    pub(super) secrets: &'a [&'a str],
}

/// Sends a form to a token endpoint; gives the answer if it is a success.
pub(super) async fn post(http: &Http, sent: &Sent<'_>, form: Form, _now: UnixTime) -> Result<Answer, Error> {
    let request = authenticated_post(sent.endpoint, form, sent.client)?;
    let answer = http.send(request.patience(PATIENCE)).await?;
    if answer.is_success() { Ok(answer) } else { Err(discreet(failure(&answer), sent.client, sent.secrets)) }
}

/// Asks with a form that names the grant; `secrets` are what the form holds that no error may repeat.
pub(super) async fn ask(asking: &Asking<'_>, form: Form, secrets: &[&str]) -> Result<TokenSet, Error> {
    let scope = (!asking.scope.is_empty()).then(|| asking.scope.to_string());
    let form = form.with_optional("resource", asking.resource).with_optional("scope", scope.as_deref());
    let request = authenticated_post(&asking.endpoints.token, form, asking.client)?;
    let answer = asking.http.send(request.patience(PATIENCE)).await?;
    read_tokens(&answer, asking.scope, asking.now).map_err(|error| discreet(error, asking.client, secrets))
}

/// Redeems a code (RFC 6749 section 4.1.3, RFC 7636 section 4.5, RFC 8707 section 2.2). The same code is never
/// sent twice.
pub async fn exchange(
    http: &Http,
    endpoints: &Endpoints,
    client: &ClientRegistration,
    pending: &PendingAuthorization,
    code: &AuthorizationCode,
    now: UnixTime,
) -> Result<TokenSet, Error> {
    let form = Form::new("grant_type", "authorization_code")
        .with("code", code.expose())
        .with("redirect_uri", &pending.redirect_uri)
        .with("code_verifier", pending.verifier.expose())
        .with_optional("resource", pending.resource.as_deref());
    let answer = http.send(authenticated_post(&endpoints.token, form, client)?.patience(PATIENCE)).await?;
    read_tokens(&answer, &pending.scope, now)
        .map_err(|error| discreet(error, client, &[code.expose(), pending.verifier.expose()]))
}

/// Spends the refresh token of a login (RFC 6749 section 6), for the same resource and without a scope: asking for less
/// would shrink the login, asking for more is an error. The answer is given as it came, so that it can be kept before
/// anything is done with it; where the user has settled nothing else, it is waited for until `limit`.
pub async fn ask_to_refresh(
    http: &Http,
    login: &Login,
    refresh_token: &RefreshToken,
    limit: Duration,
) -> Result<Answer, Error> {
    let form = Form::new("grant_type", "refresh_token")
        .with("refresh_token", refresh_token.expose())
        .with_optional("resource", login.facts.resource.as_deref());
    let request = authenticated_post(&login.facts.endpoints.token, form, &login.client)?;
    Ok(http.send(request.patience(limit)).await?)
}

/// Reads the answer to [`ask_to_refresh`] that arrived at `now`. What it leaves out stays as it was.
pub fn read_refresh(
    answer: &Answer,
    login: &Login,
    refresh_token: &RefreshToken,
    now: UnixTime,
) -> Result<TokenSet, Error> {
    let mut tokens = read_tokens(answer, &login.tokens.facts.scope, now)
        .map_err(|error| discreet(error, &login.client, &[refresh_token.expose()]))?;
    if tokens.refresh_token.is_none() {
        tokens.refresh_token = Some(refresh_token.duplicate());
        tokens.facts.refreshable = true;
    }
    Ok(tokens)
}

/// Which of its two tokens a login gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// `refresh_token`.
    Refresh,
    /// `access_token`.
    Access,
}

/// Ends a token at its issuer (RFC 7009 section 2.1). An issuer that does not know the token answers like one that
/// just ended it. `Ok(false)` if it cannot revoke tokens of this kind.
pub async fn revoke(http: &Http, login: &Login, kind: TokenKind) -> Result<bool, Error> {
    let Some(endpoint) = &login.facts.endpoints.revocation else { return Ok(false) };
    let (token, hint) = match kind {
        TokenKind::Access => (login.tokens.access_token.expose(), "access_token"),
        TokenKind::Refresh => match &login.tokens.refresh_token {
            Some(token) => (token.expose(), "refresh_token"),
            None => return Ok(false),
        },
    };
    let form = || Form::new("token", token).with("token_type_hint", hint);
    let mut answer = http.send(authenticated_post(endpoint, form(), &login.client)?).await?;
    if wants_a_secret(&answer, &login.client) {
        let form = form().with("client_secret", "");
        answer = http.send(authenticated_post(endpoint, form, &login.client)?).await?;
    }
    if let Some(error) = interception(&answer) {
        return Err(error);
    }
    if answer.is_success() {
        return Ok(true);
    }
    match failure(&answer) {
        Error::Refused { reason, .. } if reason.code == "unsupported_token_type" => Ok(false),
        error => Err(discreet(error, &login.client, &[token])),
    }
}

/// Whether a public client was perhaps refused for want of a secret. The MCP Python SDK's revocation route, and every
/// server built on it, insists on the parameter, also for clients that have none and may leave it out (RFC 6749 section
/// 2.3.1); it takes the empty one that it means.
fn wants_a_secret(answer: &Answer, client: &ClientRegistration) -> bool {
    client.facts.auth_method == ClientAuthMethod::None
        && answer.status == 400
        && ErrorResponse::from_answer(answer).code == "invalid_request"
}

/// An error that does not repeat the secrets of the request, should the issuer have repeated them.
fn discreet(error: Error, client: &ClientRegistration, sent: &[&str]) -> Error {
    match error {
        Error::Refused { host, reason } => {
            let own = client.secret.as_ref().map(ClientSecret::expose);
            let secrets: Vec<&str> = sent.iter().copied().chain(own).collect();
            Error::Refused { host, reason: reason.without(&secrets) }
        }
        error => error,
    }
}

/// What an answer that brought no tokens means.
fn failure(answer: &Answer) -> Error {
    if let Some(error) = interception(answer) {
        return error;
    }
    if answer.is_transient() {
        return discovery::temporary(answer);
    }
    refusal(answer, ErrorResponse::from_answer(answer))
}

/// The answer of something that stands between here and the issuer (RFC 8952). A page with 400 or 401 is the issuer's:
/// no portal says so, and it is a refusal in any words. 511 is nobody else's (RFC 6585 section 6).
fn interception(answer: &Answer) -> Option<Error> {
    let redirects = matches!(answer.status, 300..400);
    let in_place = matches!(answer.status, 200..300 | 403 | 404 | 407) && answer.is_web_page();
    (redirects || in_place || answer.status == 511).then(|| Error::Intercepted {
        host: answer.host.clone(),
        status: answer.status,
        redirects,
    })
}

/// What the issuer's words mean, whatever the status they came with.
fn refusal(answer: &Answer, reason: ErrorResponse) -> Error {
    let (host, status, retry_after) = (answer.host.clone(), answer.status, answer.retry_after());
    let passing = ["temporarily_unavailable", "server_error"].into_iter().find(|word| *word == reason.code);
    match passing {
        Some(word) => Error::Temporary { host, status, word: Some(word), retry_after },
        None => Error::Refused { host, reason },
    }
}

pub(super) fn read_tokens(answer: &Answer, requested: &ScopeSet, now: UnixTime) -> Result<TokenSet, Error> {
    if !answer.is_success() {
        return Err(failure(answer));
    }
    if let Some(error) = interception(answer) {
        return Err(error);
    }
    let UniqueMembers(mut members) = read_json(answer, "token answer")?;
    // Some issuers answer 200 and say inside that it failed.
    if let Some(reason) = ErrorResponse::from_json(&members) {
        return Err(refusal(answer, reason));
    }
    let malformed =
        |why: &str| Error::Malformed { host: answer.host.clone(), why: format!("token answer: {why}") };
    let token_type = match members.remove("token_type") {
        Some(Value::String(name)) => name,
        None | Some(Value::Null) => "Bearer".to_owned(),
        Some(_) => return Err(malformed("token_type is no text")),
    };
    // A type that we did not ask for and cannot send would be stored for nothing.
    if ["dpop", "mac", "n_a"].iter().any(|other| token_type.eq_ignore_ascii_case(other)) {
        return Err(malformed("the token is of a type that was not asked for"));
    }
    let access_token = take_token(&mut members, "access_token").map_err(malformed)?;
    let access_token = access_token.ok_or_else(|| malformed("there is no access_token"))?;
    let refresh_token = take_token(&mut members, "refresh_token").map_err(malformed)?.map(RefreshToken::new);
    let facts = TokenFacts {
        token_type,
        scope: granted_scope(members.remove("scope")).unwrap_or_else(|| requested.clone()),
        received_at: now,
        expires_at: lifetime(members.remove("expires_in").as_ref()).map(|seconds| now.plus(seconds)),
        refreshable: refresh_token.is_some(),
        fingerprint: None,
    };
    let mut extra = ExtraFields::default();
    members.into_iter().for_each(|(name, value)| extra.insert(name, value));
    Ok(TokenSet { facts, access_token: AccessToken::new(access_token), refresh_token, extra })
}

/// A token member: absent, null and empty are the same. Others must be of characters that a header can hold.
fn take_token(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, &'static str> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) if text.len() > LONGEST_TOKEN => Err("a token is longer than 64 KiB"),
        Some(Value::String(text)) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(text)),
        Some(Value::String(_)) => Err("a token holds characters that no header may hold"),
        Some(_) => Err("a token is no text"),
    }
}

/// `expires_in` in seconds, however it is written; `None` if it says nothing. Zero and less mean: expired already.
fn lifetime(value: Option<&Value>) -> Option<i64> {
    let seconds = match value? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse::<f64>().ok()?,
        _ => return None,
    };
    if seconds.is_nan() {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "clamped to the range just before")]
    Some(seconds.clamp(0.0, LONGEST_LIFETIME) as i64)
}

/// `scope` as text or, at some issuers, as a list; `None` if it says nothing.
fn granted_scope(value: Option<Value>) -> Option<ScopeSet> {
    let scope: ScopeSet = match value? {
        Value::String(text) => text.into(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    (!scope.is_empty()).then_some(scope)
}

/// A JSON object that names no member twice: of two access tokens, which is meant?
struct UniqueMembers(Map<String, Value>);

impl<'de> serde::Deserialize<'de> for UniqueMembers {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = UniqueMembers;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Map::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(serde::de::Error::custom("a member is double"));
                    }
                }
                Ok(UniqueMembers(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;
    use zeroize::Zeroizing;

    use super::*;

    const NOW: UnixTime = UnixTime(1_000_000);

    fn answer(status: u16, body: &str) -> Answer {
        let body = Zeroizing::new(body.as_bytes().to_vec());
        Answer { status, headers: HeaderMap::new(), body, host: "i.example".into() }
    }

    fn read(status: u16, body: &str) -> Result<TokenSet, Error> {
        read_tokens(&answer(status, body), &ScopeSet::from("asked"), NOW)
    }

    #[test]
    fn every_way_to_write_a_lifetime() {
        for (written, expires) in [
            ("3600", Some(3600)),
            ("\"3600\"", Some(3600)),
            ("3600.9", Some(3600)),
            ("0", Some(0)),
            ("-1", Some(0)),
            ("1e300", Some(3_153_600_000)),
            ("18446744073709551616", Some(3_153_600_000)),
            ("null", None),
            ("\"soon\"", None),
            ("[]", None),
        ] {
            let tokens =
                read(200, &format!(r#"{{"access_token":"a","expires_in":{written}}}"#)).ok().unwrap();
            assert_eq!(tokens.facts.expires_at, expires.map(|seconds| NOW.plus(seconds)), "{written}");
        }
    }

    #[test]
    fn what_issuers_send_in_life_is_understood() {
        for (status, body) in [
            (200, r#"{"access_token":"a"}"#),
            (201, r#"{"access_token":"a","token_type":"BEARER","scope":null,"refresh_token":null}"#),
            (200, "\u{feff}{\"access_token\":\"a\",\"token_type\":\"user\",\"scope\":\"\"}"),
        ] {
            let tokens = read(status, body).ok().unwrap();
            assert_eq!(tokens.access_token.expose(), "a");
            assert_eq!(tokens.facts.scope.to_string(), "asked");
            assert!(!tokens.facts.refreshable);
        }
        let tokens = read(200, r#"{"access_token":"a","scope":["x","y"],"team":{"id":7}}"#).ok().unwrap();
        assert_eq!(tokens.facts.scope.to_string(), "x y");
        assert_eq!(tokens.extra.get("team").unwrap()["id"], 7);
        assert_eq!(
            read(200, r#"{"access_token":"a","scope":"x,y"}"#).ok().unwrap().facts.scope.to_string(),
            "x y"
        );
    }

    #[test]
    fn what_holds_no_usable_token_is_refused_without_repeating_it() {
        let long = format!(r#"{{"access_token":"{}"}}"#, "hunter2".repeat(10_000));
        for body in [
            "",
            "hunter2",
            "[]",
            "{}",
            r#"{"access_token":""}"#,
            r#"{"access_token":7}"#,
            r#"{"access_token":"hunter2\r\nX: y"}"#,
            r#"{"access_token":"hunter2 x"}"#,
            r#"{"access_token":"hunter2","access_token":"b"}"#,
            r#"{"access_token":"hunter2","token_type":"DPoP"}"#,
            r#"{"access_token":"hunter2","token_type":"N_A"}"#,
            r#"{"access_token":"hunter2","token_type":{}}"#,
            r#"{"access_token":"hunter2","refresh_token":{}}"#,
            &long,
        ] {
            let error = read(200, body).err().unwrap();
            assert!(matches!(error, Error::Malformed { .. }), "{body}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn an_answer_that_was_cut_off_is_none_wherever_it_was_cut() {
        let whole = r#"{"token_type":"Bearer","access_token":"a","refresh_token":"r","expires_in":3600}"#;
        assert!(read(200, whole).is_ok());
        for end in 0..whole.len() {
            assert!(matches!(read(200, &whole[..end]), Err(Error::Malformed { .. })), "{}", &whole[..end]);
        }
    }

    #[test]
    fn an_error_keeps_the_issuers_words_whatever_its_shape() {
        for (status, body, words) in [
            (400, r#"{"error":"invalid_grant","error_description":"gone"}"#, "invalid_grant (gone)"),
            (
                200,
                r#"{"error":"bad_verification_code","error_description":"gone"}"#,
                "bad_verification_code (gone)",
            ),
            (200, r#"{"ok":false,"error":"invalid_code"}"#, "invalid_code"),
            (400, r#"{"error":{"code":400,"message":"bad"}}"#, "400 (bad)"),
            (401, r#"{"message":"Unauthorized"}"#, "http_401 (Unauthorized)"),
            (401, "", "http_401"),
            (401, r#"{"error":"invalid_grant"}"#, "invalid_grant"),
            (400, "<html>", "http_400"),
            (401, "<html>", "http_401"),
            (403, "no", "http_403"),
        ] {
            let Err(Error::Refused { reason, .. }) = read(status, body) else { panic!("{body}") };
            assert_eq!(reason.to_string(), words);
        }
    }

    #[test]
    fn trouble_that_passes_is_told_from_trouble_that_does_not() {
        for (status, body) in [
            (500, ""),
            (503, "<html>"),
            (429, "{}"),
            (408, ""),
            (400, r#"{"error":"temporarily_unavailable"}"#),
        ] {
            assert!(matches!(read(status, body), Err(Error::Temporary { .. })), "{status}");
        }
    }

    #[test]
    fn a_page_where_tokens_were_due_is_not_the_issuers() {
        for status in [200, 203, 403, 404, 407, 511] {
            assert!(
                matches!(read(status, "\u{feff}\n<!doctype html>hunter2"), Err(Error::Intercepted { .. })),
                "{status}"
            );
        }
        for (status, body) in [(302, ""), (307, "{}"), (511, "")] {
            let error = read(status, body).err().unwrap();
            assert!(matches!(error, Error::Intercepted { .. }) && error.is_passing(), "{status}");
        }
    }
}
