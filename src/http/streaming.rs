//! Answers that are passed on as they come: the head is there first, and nobody has to keep the body.

use std::time::{Duration, Instant};

use hyper::body::Bytes;
pub use reqwest::Upgraded;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};

use super::sending::Sending;
use super::trouble::Attempt;
use super::{Exchange, Http, HttpError, Request, retry_after};

/// The most bytes of a body that are passed on. An event stream may go on for as long as somebody reads it.
pub const STREAM_LIMIT: usize = 64 * 1024 * 1024;

/// How long the whole body may take where it is no event stream: a server that drips is not waited for.
const WHOLE: Duration = Duration::from_mins(10);

/// How long a body may take.
#[derive(Clone, Copy)]
struct Patience {
    /// How long it may stand still.
    pause: Duration,
    /// How long all of it may take.
    whole: Duration,
    begin: Instant,
}

impl Patience {
    /// Whoever waits for longer than that for the beginning does so for the rest.
    fn new(pause: Duration, begin: Instant) -> Self {
        Self { pause, whole: pause.max(WHOLE), begin }
    }

    /// How long the next piece may be waited for.
    fn left(self, now: Instant) -> Duration {
        self.pause.min(self.whole.saturating_sub(now.duration_since(self.begin)))
    }
}

/// An answer whose body is still on its way.
pub struct Streamed {
    /// The HTTP status.
    pub status: u16,
    /// The HTTP headers.
    pub headers: HeaderMap,
    response: reqwest::Response,
    host: String,
    patience: Patience,
    /// Whether the body has neither an end nor a pace.
    endless: bool,
    read: usize,
}

impl Streamed {
    /// The version in which the server answered, such as `HTTP/1.1`.
    pub fn version(&self) -> String {
        format!("{:?}", self.response.version())
    }

    /// Seconds to wait, if the peer said so.
    pub fn retry_after(&self) -> Option<u64> {
        retry_after(&self.headers)
    }

    /// The connection itself, after an answer with status 101: it speaks something else from now on.
    pub async fn upgrade(self) -> Result<Upgraded, HttpError> {
        let attempt = Attempt { host: self.host, limit: self.patience.pause, proxy: None };
        self.response.upgrade().await.map_err(|error| attempt.failed(&error))
    }

    /// Who answers.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the body is one of server-sent events.
    pub fn is_event_stream(&self) -> bool {
        self.endless
    }

    /// How many bytes the body has, if the server says so.
    pub fn length(&self) -> Option<usize> {
        self.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    /// The next piece of the body, as soon as it is there; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        let (limit, host) = (self.patience.left(Instant::now()), &self.host);
        let attempt = || Attempt { host: host.clone(), limit, proxy: None };
        let next = self.response.chunk();
        let read = if self.endless {
            next.await
        } else {
            tokio::time::timeout(limit, next).await.map_err(|_| attempt().ran_out(true))?
        };
        let chunk = read.map_err(|error| attempt().failed(&error))?;
        self.read += chunk.as_ref().map_or(0, Bytes::len);
        if self.read > STREAM_LIMIT && !self.endless {
            return Err(HttpError::TooLarge { host: self.host.clone(), limit: STREAM_LIMIT });
        }
        Ok(chunk)
    }
}

/// Whether the body is one of server-sent events.
fn is_event_stream(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("text/event-stream")
}

impl Http {
    /// Sends a request and gives the answer as soon as its head is there; follows no redirect. The head, and each
    /// piece of a body that is no event stream, has the time that the user settled or else the request's patience;
    /// `insisting`, the patience wins.
    pub async fn open(&self, request: Request<'_>, insisting: bool) -> Result<Streamed, HttpError> {
        let limit = if insisting { request.patience } else { self.limit(&request) };
        let (url, method) = (request.url.clone(), request.method.clone());
        let started = Instant::now();
        let sending = Sending::default();
        let result = match tokio::time::timeout(limit, self.head(request, limit, &sending)).await {
            Ok(result) => result,
            Err(_) => Err(self.attempt(&url, limit).ran_out(sending.has_begun())),
        };
        (self.observer)(&Exchange {
            method: method.as_str(),
            url: &url,
            outcome: result.as_ref().map(|response| response.status().as_u16()),
            took: started.elapsed(),
        });
        let mut response = result?;
        let headers = std::mem::take(response.headers_mut());
        Ok(Streamed {
            status: response.status().as_u16(),
            endless: is_event_stream(&headers),
            headers,
            response,
            host: url.host_str().unwrap_or_default().to_owned(),
            patience: Patience::new(limit, Instant::now()),
            read: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_drips_has_an_end() {
        let begin = Instant::now();
        let left = |pause: u64, after: u64| {
            Patience::new(Duration::from_secs(pause), begin)
                .left(begin + Duration::from_secs(after))
                .as_secs()
        };
        assert_eq!([left(60, 0), left(60, 539), left(60, 590), left(60, 601)], [60, 60, 10, 0]);
        assert_eq!([left(3600, 0), left(3600, 1200), left(3600, 3600)], [3600, 2400, 0]);
    }
}
