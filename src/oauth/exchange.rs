//! Token exchange at an identity provider (RFC 8693): who the person is, turned into an assertion that the issuer of one
//! MCP server believes (ID-JAG; MCP Enterprise-Managed Authorization).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::client_auth::{Applicant, Form};
use super::token;
use super::{Error, read_json};
use crate::clock::UnixTime;
use crate::model::{Issuer, ScopeSet};
use crate::secret::Assertion;

/// The type of the assertion that is asked for.
const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";
/// What the header of that assertion calls it.
const TYP: &str = "oauth-id-jag+jwt";
/// By how many seconds the clocks of two parties may differ.
const CLOCK_TOLERANCE: i64 = 60;

/// What says who the person is (RFC 8693 section 3).
pub enum Subject {
    /// An ID token of the identity provider.
    IdToken(Assertion),
    /// A refresh token of a login there.
    RefreshToken(Assertion),
}

impl Subject {
    fn parts(&self) -> (&Assertion, &'static str) {
        match self {
            Self::IdToken(token) => (token, "urn:ietf:params:oauth:token-type:id_token"),
            Self::RefreshToken(token) => (token, "urn:ietf:params:oauth:token-type:refresh_token"),
        }
    }
}

/// For whom the assertion is to be.
pub struct Target<'a> {
    /// The issuer that is to believe it.
    pub audience: &'a Issuer,
    /// The MCP server that it is about.
    pub resource: Option<&'a str>,
    /// What it is to allow.
    pub scope: &'a ScopeSet,
    /// The client id by which that issuer knows us.
    pub client_id: &'a str,
}

/// Exchanges what says who the person is for an assertion. What comes back is checked before anybody else sees it: an
/// identity provider that is confused, or lied to, must not speak for the person elsewhere.
pub async fn exchange(
    applicant: &Applicant<'_>,
    subject: &Subject,
    target: &Target<'_>,
) -> Result<Assertion, Error> {
    let (subject_token, subject_type) = subject.parts();
    let scope = (!target.scope.is_empty()).then(|| target.scope.to_string());
    let form = Form::new("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
        .with("requested_token_type", ID_JAG)
        .with("audience", target.audience.as_str())
        .with_optional("resource", target.resource)
        .with_optional("scope", scope.as_deref())
        .with("subject_token", subject_token.expose())
        .with("subject_token_type", subject_type);
    let answer = token::ask_for_assertion(applicant, form, &[subject_token.expose()]).await?;
    let exchanged: Exchanged = read_json(&answer, "token exchange answer")?;
    let refuse = |why: &str| Error::Malformed {
        host: answer.host.clone(),
        why: format!("token exchange answer: {why}"),
    };
    exchanged.judge(target, applicant.now).map_err(refuse)
}

/// The answer (RFC 8693 section 2.2.1).
#[derive(Deserialize)]
struct Exchanged {
    access_token: String,
    issued_token_type: String,
    token_type: String,
}

/// What the header of an ID-JAG says of it.
#[derive(Deserialize)]
struct Header {
    typ: Option<String>,
}

/// The claims of an ID-JAG that bind it. Each is read by itself: one of an unexpected kind must not hide the others.
#[derive(Deserialize)]
struct Claims {
    aud: Option<Value>,
    resource: Option<Value>,
    client_id: Option<Value>,
    exp: Option<Value>,
}

/// Whether a claim names this one, alone or among others.
fn names(claim: &Value, expected: &str) -> bool {
    let is = |one: &Value| one.as_str() == Some(expected);
    is(claim) || claim.as_array().is_some_and(|several| several.iter().any(is))
}

impl Exchanged {
    fn judge(self, target: &Target<'_>, now: UnixTime) -> Result<Assertion, &'static str> {
        let assertion = Assertion::new(self.access_token);
        if self.issued_token_type != ID_JAG {
            return Err("it is of another type than was asked for");
        }
        if !self.token_type.eq_ignore_ascii_case("n_a") {
            return Err("an assertion must not be usable as an access token");
        }
        if assertion.expose().is_empty() || !assertion.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("it holds no assertion");
        }
        // What cannot be read is for the issuer to judge; what can must be about this server and this client.
        let header: Option<Header> = part(assertion.expose(), 0);
        if header.and_then(|header| header.typ).is_some_and(|typ| !typ.eq_ignore_ascii_case(TYP)) {
            return Err("the assertion is of another type than was asked for");
        }
        match claims(assertion.expose()) {
            Some(claims) => claims.judge(target, now).map(|()| assertion),
            None => Ok(assertion),
        }
    }
}

impl Claims {
    fn judge(&self, target: &Target<'_>, now: UnixTime) -> Result<(), &'static str> {
        if !self.aud.as_ref().is_some_and(|aud| names(aud, target.audience.as_str())) {
            return Err("the assertion is meant for another issuer");
        }
        let resource = self.resource.as_ref().zip(target.resource);
        if resource.is_some_and(|(named, wanted)| !names(named, wanted)) {
            return Err("the assertion is about another resource");
        }
        if self.client_id.as_ref().is_some_and(|client| client.as_str() != Some(target.client_id)) {
            return Err("the assertion is for another client");
        }
        if self.end().is_some_and(|end| end.plus(CLOCK_TOLERANCE) < now) {
            return Err("the assertion has ended already");
        }
        Ok(())
    }

    /// RFC 7519 section 2: seconds, perhaps with a fraction.
    #[expect(clippy::cast_possible_truncation, reason = "it stops at the ends of time")]
    fn end(&self) -> Option<UnixTime> {
        let end = self.exp.as_ref()?;
        end.as_i64().or_else(|| end.as_f64().map(|seconds| seconds as i64)).map(UnixTime)
    }
}

fn claims(jwt: &str) -> Option<Claims> {
    part(jwt, 1)
}

/// One part of a JWT, if it can be read.
fn part<Of: serde::de::DeserializeOwned>(jwt: &str, at: usize) -> Option<Of> {
    let bytes = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(at)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// When an ID token ends; `None` if it does not say.
pub fn end_of(id_token: &str) -> Option<UnixTime> {
    claims(id_token)?.end()
}

/// Whether a token exchange was refused for what is exchanged, and not for who asks.
pub fn is_spent(error: &Error) -> bool {
    matches!(error, Error::Refused { reason, .. } if reason.code == "invalid_grant")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: UnixTime = UnixTime(1_000_000);

    fn judge(change: impl FnOnce(&mut Value, &mut Value)) -> Result<(), &'static str> {
        let mut claims = json!({ "aud": "https://i.example", "resource": "https://s.example/mcp",
            "client_id": "us", "exp": 1_000_300 });
        let mut answer = json!({ "issued_token_type": ID_JAG, "token_type": "N_A" });
        change(&mut answer, &mut claims);
        let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
        if answer.get("access_token").is_none() {
            answer["access_token"] = format!("e30.{payload}.c2ln").into();
        }
        let exchanged: Exchanged = serde_json::from_value(answer).unwrap();
        let issuer = Issuer::new("https://i.example");
        let target = Target {
            audience: &issuer,
            resource: Some("https://s.example/mcp"),
            scope: &ScopeSet::default(),
            client_id: "us",
        };
        exchanged.judge(&target, NOW).map(|_| ())
    }

    /// MCP 46.
    #[test]
    fn an_assertion_goes_nowhere_but_where_it_belongs() {
        assert_eq!(judge(|_, _| {}), Ok(()));
        assert_eq!(judge(|answer, _| answer["access_token"] = "opaque".into()), Ok(()));
        assert_eq!(judge(|_, claims| claims["aud"] = json!(["https://i.example"])), Ok(()));
        // Seconds may have a fraction, and be as many as there are.
        assert_eq!(judge(|_, claims| claims["exp"] = json!(1_000_300.5)), Ok(()));
        assert_eq!(judge(|_, claims| claims["exp"] = i64::MAX.into()), Ok(()));
        let wrong: [fn(&mut Value, &mut Value); 12] = [
            |_, claims| claims["aud"] = "https://other.example".into(),
            |_, claims| claims["aud"] = Value::Null,
            |_, claims| claims["client_id"] = 7.into(),
            // What is odd about one claim makes no other of them right.
            |_, claims| *claims = json!({ "aud": "https://other.example", "exp": 1_000_300.5 }),
            |_, claims| claims["aud"] = "https://i.example/".into(),
            |_, claims| claims["resource"] = "https://other.example/mcp".into(),
            |_, claims| claims["client_id"] = "them".into(),
            |_, claims| claims["exp"] = 999_000.into(),
            |_, claims| claims["exp"] = json!(999_000.5),
            |answer, _| answer["token_type"] = "Bearer".into(),
            |answer, _| answer["issued_token_type"] = "urn:ietf:params:oauth:token-type:access_token".into(),
            |answer, _| answer["access_token"] = "a\r\nb".into(),
        ];
        for (number, change) in wrong.into_iter().enumerate() {
            assert!(judge(change).is_err(), "{number}");
        }
    }
}
