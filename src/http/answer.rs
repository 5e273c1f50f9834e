//! What came back, and what can be told of it before anybody reads its words.

use std::time::SystemTime;

use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use zeroize::Zeroizing;

/// Nobody is asked to wait for longer than this, in seconds: an hour.
const LONGEST_PATIENCE: u64 = 3600;

/// What came back. The body may hold secrets and is wiped on drop.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The HTTP headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Zeroizing<Vec<u8>>,
    /// Who answered.
    pub host: String,
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the trouble is likely to pass by itself.
    pub fn is_transient(&self) -> bool {
        matches!(self.status, 408 | 429) || self.status >= 500
    }

    /// Whether this is a page for people. JSON is none, whatever it is called: some issuers call theirs HTML.
    pub fn is_web_page(&self) -> bool {
        let content_type = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_called_one =
            content_type.is_some_and(|text| text.trim_start().to_ascii_lowercase().starts_with("text/html"));
        let body = self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body);
        match body.trim_ascii_start().first() {
            Some(b'<') => true,
            Some(b'{') | None => false,
            Some(_) => is_called_one,
        }
    }

    /// Seconds to wait, if the peer said so.
    pub fn retry_after(&self) -> Option<u64> {
        retry_after(&self.headers)
    }
}

/// Seconds to wait, if the peer said so: in seconds or as a date (RFC 9110 section 10.2.3). A date is compared with the
/// peer's own, so that no clock of ours has to be right.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    // However many digits there are, whoever sends them asks for patience.
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(LONGEST_PATIENCE, |seconds: u64| seconds.min(LONGEST_PATIENCE)));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let date = headers.get(DATE).and_then(|value| value.to_str().ok());
    let now = date.and_then(|text| httpdate::parse_http_date(text).ok()).unwrap_or_else(SystemTime::now);
    Some(until.duration_since(now).unwrap_or_default().as_secs().min(LONGEST_PATIENCE))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn answer(headers: &[(&'static str, &str)], body: &str) -> Answer {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let body = Zeroizing::new(body.as_bytes().to_vec());
        Answer { status: 429, headers: headers.collect(), body, host: "i.example".into() }
    }

    #[test]
    fn the_time_to_wait_is_understood_in_seconds_and_as_a_date() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (text, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
            ("Sun Nov  6 08:50:37 1994", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("18446744073709551615", Some(3600)),
            ("99999999999999999999", Some(3600)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(3600)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(answer(&[("retry-after", text), ("date", date)], "").retry_after(), seconds, "{text}");
        }
        // Without a date of the peer, our own clock has to do.
        assert_eq!(answer(&[("retry-after", date)], "").retry_after(), Some(0));
        assert_eq!(answer(&[("date", date)], "").retry_after(), None);
    }

    #[test]
    fn a_web_page_is_one_by_what_it_holds_more_than_by_its_name() {
        let called = |content_type, body| answer(&[("content-type", content_type)], body).is_web_page();
        assert!(called("text/html; charset=utf-8", "Please sign in"));
        assert!(called("Text/HTML", " <html>") && called("application/json", "\u{feff}\r\n<!doctype html>"));
        assert!(!called("text/html", r#" {"access_token":"a"}"#) && !called("text/html", ""));
        assert!(!called("application/json", "{}") && !called("text/plain", "Please sign in"));
    }
}
