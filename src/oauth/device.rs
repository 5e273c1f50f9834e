//! Signing in on another device (RFC 8628): the issuer gives a code that a person types there, and is asked until they
//! have.

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use super::client_auth::Form;
use super::token::{self, Asking, Expected, Granted, PATIENCE, Reply};
use super::{Error, ErrorResponse, read_json};
use crate::http::Answer;
use crate::model::ClientAuthMethod;
use crate::secret::DeviceCode;

/// The grant's name at the token endpoint and in a registration.
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How long is waited between two questions where the issuer says nothing (RFC 8628 section 3.2).
const USUAL_INTERVAL: u64 = 5;
/// The shortest and the longest that an issuer may settle for the first of them, in seconds.
const INTERVALS: std::ops::RangeInclusive<u64> = 1..=60;
/// How much longer it is waited each time when the issuer finds us too fast (RFC 8628 section 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// The longest code that a person is asked to type, in characters.
const LONGEST_CODE: usize = 64;

/// What a person needs to consent elsewhere, and we to learn of it (RFC 8628 section 3.2).
pub struct DeviceAuthorization {
    device_code: DeviceCode,
    /// What the person types.
    pub user_code: String,
    /// Where they type it.
    pub page: Url,
    /// The same page with the code in its address.
    pub page_with_code: Option<Url>,
    /// How long the codes work, if the issuer says so.
    pub lifetime: Option<Duration>,
    /// How long to wait between two questions.
    pub interval: Duration,
    /// How the client proved itself when it asked for the codes.
    pub auth_method: ClientAuthMethod,
}

/// Asks for the two codes (RFC 8628 section 3.1). The pages are vetted like every address that a peer names, since a
/// person is going to be sent there.
pub async fn authorize(asking: &Asking<'_>, endpoint: &Url) -> Result<DeviceAuthorization, Error> {
    let scope = (!asking.scope.is_empty()).then(|| asking.scope.to_string());
    let form =
        Form::default().with_optional("scope", scope.as_deref()).with_optional("resource", asking.resource);
    let reply = asking.applicant.ask_at(endpoint, form, PATIENCE).await?;
    let reply = token::only_success(&asking.applicant, reply, &[])?;
    let mut authorization = read(&reply)?;
    let http = asking.applicant.http;
    http.vet(&authorization.page).await?;
    if let Some(page) = &authorization.page_with_code
        && http.vet(page).await.is_err()
    {
        // It only spares the typing.
        authorization.page_with_code = None;
    }
    Ok(authorization)
}

fn read(Reply { answer, auth_method, .. }: &Reply) -> Result<DeviceAuthorization, Error> {
    let mut members: Map<String, Value> = read_json(answer, "device authorization answer")?;
    if let Some(reason) = ErrorResponse::from_json(&members) {
        return Err(Error::Refused { host: answer.host.clone(), reason });
    }
    let malformed = |why: &str| malformed(answer, why);
    let device_code = token::take_token(&mut members, "device_code").map_err(malformed)?;
    let user_code = text(&members, "user_code").map(str::trim).filter(|code| is_typable(code));
    // Before the RFC it was called `verification_url`, and some issuers have kept that.
    let page = text(&members, "verification_uri").or_else(|| text(&members, "verification_url"));
    let page_with_code = text(&members, "verification_uri_complete");
    Ok(DeviceAuthorization {
        device_code: DeviceCode::new(device_code.ok_or_else(|| malformed("there is no device_code"))?),
        user_code: user_code
            .ok_or_else(|| malformed("there is no user_code that could be typed"))?
            .to_owned(),
        page: page
            .and_then(|page| page.parse().ok())
            .ok_or_else(|| malformed("there is no verification_uri"))?,
        page_with_code: page_with_code.and_then(|page| page.parse().ok()),
        lifetime: seconds(members.get("expires_in")).map(Duration::from_secs),
        interval: interval(members.get("interval")),
        auth_method: *auth_method,
    })
}

fn malformed(answer: &Answer, why: &str) -> Error {
    Error::Malformed { host: answer.host.clone(), why: format!("device authorization answer: {why}") }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

fn is_typable(code: &str) -> bool {
    !code.is_empty() && code.chars().count() <= LONGEST_CODE
}

/// A number of seconds, however it is written.
fn seconds(value: Option<&Value>) -> Option<u64> {
    token::lifetime(value).and_then(|seconds| seconds.try_into().ok())
}

/// How long to wait between two questions. Whoever says zero does not mean without end, and whoever says a year does not
/// mean it.
fn interval(value: Option<&Value>) -> Duration {
    let seconds = seconds(value).unwrap_or(USUAL_INTERVAL);
    Duration::from_secs(seconds.clamp(*INTERVALS.start(), *INTERVALS.end()))
}

/// What the issuer says when it is asked whether the person has decided.
pub enum Decision {
    /// They have agreed.
    Granted(Box<Granted>),
    /// They have not.
    Pending,
    /// They have not, and it was asked too early.
    TooEarly,
}

/// Asks once, and waits `limit` for the answer (RFC 8628 sections 3.4 and 3.5). Asking has no effect, so an answer that
/// got lost is no harm.
pub async fn ask(
    asking: &Asking<'_>,
    authorization: &DeviceAuthorization,
    limit: Duration,
) -> Result<Decision, Error> {
    let device_code = authorization.device_code.expose();
    let form = Form::new("grant_type", GRANT_TYPE)
        .with("device_code", device_code)
        .with_optional("resource", asking.resource);
    let reply = asking.applicant.ask_for_tokens(form, limit.min(PATIENCE)).await?;
    let is_too_early =
        !reply.answer.is_success() && ErrorResponse::from_answer(&reply.answer).code == "slow_down";
    let expected = Expected { scope: asking.scope, member: None };
    match token::granted(&asking.applicant, reply, &expected, &[device_code]) {
        Ok(granted) => Ok(Decision::Granted(Box::new(granted))),
        // Some issuers say it with 429, which elsewhere means trouble.
        Err(_) if is_too_early => Ok(Decision::TooEarly),
        Err(Error::Refused { host, reason }) => judge(host, reason),
        Err(error) => Err(error),
    }
}

fn judge(host: String, reason: ErrorResponse) -> Result<Decision, Error> {
    match reason.code.as_str() {
        "authorization_pending" => Ok(Decision::Pending),
        "slow_down" => Ok(Decision::TooEarly),
        "access_denied" => Err(Error::Declined(reason.description)),
        "expired_token" => Err(Error::CodeEnded),
        _ => Err(Error::Refused { host, reason }),
    }
}

/// How long to wait before the issuer is asked again.
pub struct Pace {
    interval: Duration,
    failures: u32,
}

impl Pace {
    /// As the issuer settled it.
    pub fn new(interval: Duration) -> Self {
        Self { interval, failures: 0 }
    }

    /// It answered; nobody has decided yet.
    pub fn go_on(&mut self) {
        self.failures = 0;
    }

    /// It finds us too fast, now and from now on.
    pub fn slow_down(&mut self) {
        self.interval += SLOWER;
        self.failures = 0;
    }

    /// It did not answer, or is in trouble: each time it is left alone for twice as long.
    pub fn fail(&mut self) {
        self.failures += 1;
    }

    /// The pause until the next question.
    pub fn pause(&self) -> Duration {
        let longest = self.interval.max(Duration::from_secs(*INTERVALS.end()));
        self.interval.saturating_mul(1 << self.failures.min(6)).min(longest)
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;
    use serde_json::json;
    use zeroize::Zeroizing;

    use super::*;

    fn read_json(body: &Value) -> Result<DeviceAuthorization, Error> {
        let answer = Answer {
            status: 200,
            headers: HeaderMap::new(),
            body: Zeroizing::new(body.to_string().into_bytes()),
            host: "i.example".into(),
        };
        read(&Reply { answer, auth_method: ClientAuthMethod::None, left_out_resource: false })
    }

    fn usual() -> Value {
        json!({ "device_code": "d", "user_code": "AB-CD", "verification_uri": "https://i.example/d", "expires_in": 9 })
    }

    fn with(name: &str, value: Value) -> Result<DeviceAuthorization, Error> {
        let mut body = usual();
        body[name] = value;
        read_json(&body)
    }

    #[test]
    fn what_issuers_send_in_life_is_understood() {
        let read = read_json(&usual()).ok().unwrap();
        assert_eq!((read.user_code.as_str(), read.page.as_str()), ("AB-CD", "https://i.example/d"));
        assert_eq!((read.lifetime, read.interval), (Some(Duration::from_secs(9)), Duration::from_secs(5)));
        assert_eq!(with("user_code", json!(" 12 34\n")).ok().unwrap().user_code, "12 34");
        let mut old = usual();
        let page = old.as_object_mut().unwrap().remove("verification_uri").unwrap();
        old["verification_url"] = page;
        assert_eq!(read_json(&old).ok().unwrap().page.as_str(), "https://i.example/d");
        assert_eq!(with("expires_in", json!("soon")).ok().unwrap().lifetime, None);
        assert_eq!(with("verification_uri_complete", json!("no address")).ok().unwrap().page_with_code, None);
    }

    /// MCP 50.
    #[test]
    fn no_interval_makes_us_ask_without_end_or_never() {
        for (written, seconds) in [
            (json!(0), 1),
            (json!(-7), 1),
            (json!(0.2), 1),
            (json!(7), 7),
            (json!("7"), 7),
            (json!(1e300), 60),
            (json!(u64::MAX), 60),
            (json!("soon"), 5),
            (json!(null), 5),
            (json!([]), 5),
        ] {
            let read = with("interval", written.clone()).ok().unwrap();
            assert_eq!(read.interval, Duration::from_secs(seconds), "{written}");
        }
    }

    #[test]
    fn what_nobody_could_use_is_refused_without_repeating_it() {
        for (name, value) in [
            ("device_code", json!("")),
            ("device_code", json!(7)),
            ("device_code", json!("hunter2\r\nX: y")),
            ("user_code", json!("  ")),
            ("user_code", json!("hunter2".repeat(30))),
            ("verification_uri", json!("hunter2")),
            ("verification_uri", json!(null)),
        ] {
            let Err(error) = with(name, value.clone()) else { panic!("{name} {value}") };
            assert!(matches!(error, Error::Malformed { .. }), "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        assert!(matches!(with("error", json!("device_flow_disabled")), Err(Error::Refused { .. })));
    }

    /// MCP 50.
    #[test]
    fn an_issuer_that_wants_to_be_left_alone_is() {
        let mut pace = Pace::new(Duration::from_secs(5));
        let mut seconds = vec![pace.pause().as_secs()];
        let steps: [fn(&mut Pace); 7] =
            [Pace::slow_down, Pace::go_on, Pace::fail, Pace::fail, Pace::fail, Pace::go_on, Pace::slow_down];
        for step in steps {
            step(&mut pace);
            seconds.push(pace.pause().as_secs());
        }
        assert_eq!(seconds, [5, 10, 10, 20, 40, 60, 10, 15]);
        for _ in 0..100 {
            pace.fail();
        }
        assert_eq!(pace.pause(), Duration::from_mins(1));
    }
}
