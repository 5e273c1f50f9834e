//! What a token endpoint answers (RFC 6749 section 5), read leniently where issuers are known to differ and strictly where a
//! mistake would be kept.

use serde_json::{Map, Value};

use crate::clock::UnixTime;
use crate::http::Answer;
use crate::model::{ExtraFields, ScopeSet, TokenFacts, TokenSet};
use crate::oauth::{Error, ErrorResponse, discovery, read_json};
use crate::secret::{AccessToken, RefreshToken};

/// The longest token that is accepted, in bytes.
const LONGEST_TOKEN: usize = 64 * 1024;

/// A lifetime beyond this, in seconds (100 years), is as good as this.
const LONGEST_LIFETIME: f64 = 100.0 * 365.0 * 24.0 * 3600.0;

/// What the answer to a request is read by.
pub(in crate::oauth) struct Expected<'a> {
    /// What was asked for, which is what was granted unless the answer says otherwise.
    pub(in crate::oauth) scope: &'a ScopeSet,
    /// The member that adds what the answer leaves out.
    pub(in crate::oauth) member: Option<&'a str>,
}

/// What an answer that brought no tokens means.
pub(super) fn failure(answer: &Answer) -> Error {
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
pub(super) fn interception(answer: &Answer) -> Option<Error> {
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
    // A nonce that grew old twice in a row says nothing of the grant.
    let passing = ["temporarily_unavailable", "server_error", "use_dpop_nonce"];
    let passing = passing.into_iter().find(|word| *word == reason.code);
    match passing {
        Some(word) => Error::Temporary { host, status, word: Some(word), retry_after },
        None => Error::Refused { host, reason },
    }
}

/// Reads the answer of a token endpoint.
pub(in crate::oauth) fn read_tokens(
    answer: &Answer,
    expected: &Expected<'_>,
    with_proof: bool,
    now: UnixTime,
) -> Result<TokenSet, Error> {
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
    if let Some(member) = expected.member
        && let Some(Value::Object(inner)) = members.get(member).cloned()
    {
        fill_in(&mut members, inner);
        // It can be asked for by name, and no refresh token leaves this machine.
        if let Some(Value::Object(inner)) = members.get_mut(member) {
            inner.remove("refresh_token");
        }
    }
    let host = answer.host.clone();
    take_tokens(members, expected, with_proof, now)
        .map_err(|why| Error::Malformed { host, why: format!("token answer: {why}") })
}

/// Takes the members of a success apart; an error says what is wrong with them, and nothing of what they hold.
fn take_tokens(
    mut members: Map<String, Value>,
    expected: &Expected<'_>,
    with_proof: bool,
    now: UnixTime,
) -> Result<TokenSet, &'static str> {
    let token_type = take_type(&mut members, with_proof)?;
    let access_token = take_token(&mut members, "access_token")?.ok_or("there is no access_token")?;
    let refresh_token = take_token(&mut members, "refresh_token")?.map(RefreshToken::new);
    let facts = TokenFacts {
        token_type,
        scope: granted_scope(members.remove("scope")).unwrap_or_else(|| expected.scope.clone()),
        received_at: now,
        expires_at: lifetime(members.remove("expires_in").as_ref()).map(|seconds| now.plus(seconds)),
        refreshable: refresh_token.is_some(),
        fingerprint: None,
    };
    let mut extra = ExtraFields::default();
    members.into_iter().for_each(|(name, value)| extra.insert(name, value));
    Ok(TokenSet { facts, access_token: AccessToken::new(access_token), refresh_token, extra })
}

/// The type of the token, as the issuer wrote it.
fn take_type(members: &mut Map<String, Value>, with_proof: bool) -> Result<String, &'static str> {
    let token_type = match members.remove("token_type") {
        None | Some(Value::Null) => "Bearer".to_owned(),
        Some(Value::String(name)) if name.is_empty() => "Bearer".to_owned(),
        // Scripts ask for it, so it is a name and nothing that drives a terminal (RFC 6749 appendix A.13).
        Some(Value::String(name)) if name.bytes().all(|byte| byte.is_ascii_graphic()) => name,
        Some(_) => return Err("token_type is no name"),
    };
    // A type that we did not ask for and cannot send would be stored for nothing.
    let others: &[&str] = if with_proof { &["mac", "n_a"] } else { &["dpop", "mac", "n_a"] };
    if others.iter().any(|other| token_type.eq_ignore_ascii_case(other)) {
        return Err("the token is of a type that was not asked for");
    }
    Ok(token_type)
}

/// Takes over what an answer leaves out, or leaves empty. The member stays: its other fields can be asked for by name.
fn fill_in(members: &mut Map<String, Value>, inner: Map<String, Value>) {
    const NAMES: [&str; 5] = ["access_token", "token_type", "expires_in", "refresh_token", "scope"];
    let says_something = |value: &Value| !value.is_null() && value.as_str() != Some("");
    for (name, value) in inner {
        let is_missing = !members.get(&name).is_some_and(says_something);
        if NAMES.contains(&name.as_str()) && is_missing {
            members.insert(name, value);
        }
    }
}

/// A token member: absent, null and empty are the same. Others must be of characters that a header can hold.
pub(in crate::oauth) fn take_token(
    members: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<String>, &'static str> {
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
pub(in crate::oauth) fn lifetime(value: Option<&Value>) -> Option<i64> {
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
        read_with(status, body, None)
    }

    fn read_with(status: u16, body: &str, member: Option<&str>) -> Result<TokenSet, Error> {
        let scope = ScopeSet::from("asked");
        read_tokens(&answer(status, body), &Expected { scope: &scope, member }, false, NOW)
    }

    /// MCP 39.
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

    /// MCP 39.
    #[test]
    fn a_member_of_the_answer_fills_in_what_the_answer_leaves_out_and_nothing_else() {
        let body = r#"{"ok":true,"scope":"","access_token":null,"token_type":"user","expires_in":7,
            "person":{"id":"U1","scope":"a,b","access_token":"inner","token_type":"other","refresh_token":"r"}}"#;
        let read = |member| {
            read_with(200, body, member).map(|tokens| {
                let TokenSet { facts, access_token, refresh_token, extra } = tokens;
                assert_eq!(extra.get("id"), None);
                assert_eq!(extra.get("person").unwrap()["id"], "U1");
                assert_eq!(extra.get("person").unwrap().get("refresh_token"), None);
                let refresh = refresh_token.map(|token| token.expose().to_owned());
                (access_token.expose().to_owned(), facts.token_type, facts.scope.to_string(), refresh)
            })
        };
        let expected = ("inner".into(), "user".into(), "a b".into(), Some("r".into()));
        assert_eq!(read(Some("person")).unwrap(), expected);
        assert!(matches!(read(None), Err(Error::Malformed { .. })));
        assert!(matches!(read(Some("elsewhere")), Err(Error::Malformed { .. })));
        assert!(matches!(read(Some("ok")), Err(Error::Malformed { .. })));
    }

    /// MCP 36, 39.
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

    /// MCP 39.
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
            r#"{"access_token":"hunter2","token_type":"Bearer\r\nX: y"}"#,
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
