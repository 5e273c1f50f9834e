//! The one address of a server of Streamable HTTP: what is sent there, and what comes back.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::answer::Answer;
use super::budget::Budget;
use super::pace::{Pace, chance, is_passing};
use super::way::Way;
use crate::error::Error;
use crate::flows::relay::{Outgoing, Payload};
use crate::http::{HeaderMap, HeaderName, HeaderValue, Method, Streamed};
use crate::mcp::message::Message;
use crate::peer_text::PeerText;

/// How long a server may take for one request: a tool may have much to do, and the host has a limit of its own.
const PATIENCE: Duration = Duration::from_mins(30);
/// How long a server may take to hear that we are done.
const FAREWELL: Duration = Duration::from_millis(1500);
/// How often a stream that a server does not give is asked for again. One that it gives and ends may be one of many.
const MOST_RESUMPTIONS: u32 = 10;
/// The most bytes of an answer of a server that serves nothing.
const REFUSAL_LIMIT: usize = 256 * 1024;
/// How long they may take.
const REFUSAL: Duration = Duration::from_secs(5);
/// The longest name of an event that is sent back, in bytes.
const LONGEST_EVENT_ID: usize = 4096;

const ACCEPT: HeaderName = HeaderName::from_static("accept");
const CONTENT_TYPE: HeaderName = HeaderName::from_static("content-type");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const EITHER: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");

/// That address, and the way there.
pub(super) struct Endpoint {
    way: Arc<Way>,
    url: Url,
    answers: Budget,
}

impl Endpoint {
    pub(super) fn new(way: Arc<Way>) -> Self {
        Self { url: way.relay().server().to_url(), way, answers: Budget::default() }
    }

    /// Sends a message of the host.
    pub(super) async fn post(&self, message: &Message, mut headers: HeaderMap) -> Result<Streamed, Error> {
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(ACCEPT, EITHER);
        let payload = Payload::Whole(message.bytes().clone());
        let url = self.url.clone();
        self.way
            .send(&Outgoing { method: Method::POST, url, headers, payload, patience: Some(PATIENCE) })
            .await
    }

    /// The server's answer, unless it serves nothing. In that case what it says instead is the host's answer.
    pub(super) async fn served(&self, message: &Message, mut streamed: Streamed) -> Result<Answer, Error> {
        let server = self.server();
        if (200..300).contains(&streamed.status) {
            return Ok(Answer::new(streamed, server, &self.answers));
        }
        let (status, retry_after) = (streamed.status, streamed.retry_after());
        let mut body = Vec::new();
        let reading = async {
            while let Ok(Some(chunk)) = streamed.chunk().await
                && body.len() <= REFUSAL_LIMIT
            {
                body.extend_from_slice(&chunk);
            }
        };
        // The status says enough where the rest does not come.
        let _ = tokio::time::timeout(REFUSAL, reading).await;
        let said = Message::read(body.clone().into()).ok();
        if let (Some(said), Some(id)) = (said, message.request_id())
            && let Some(said) = said.failing(id)
        {
            return Ok(Answer::only(self.way.harmless(said), streamed, server, &self.answers));
        }
        let text = PeerText::new(String::from_utf8_lossy(&body).trim());
        let said = Some(self.way.relay().without_token(&text)).filter(|_| !body.trim_ascii().is_empty());
        Err(Error::Unserved { server, status, retry_after, said })
    }

    /// Takes a broken stream up where it ended.
    pub(super) async fn resumed(
        &self,
        headers: &HeaderMap,
        point: &HeaderValue,
        retry: Option<Duration>,
        pace: &mut Pace,
    ) -> Result<Answer, Error> {
        if let Some(retry) = retry {
            pace.asked(retry);
        }
        loop {
            tokio::time::sleep(pace.next(chance())).await;
            match self.stream(headers.clone(), Some(point.clone())).await {
                Ok(answer) if answer.is_stream() => return Ok(answer),
                Ok(_) => return Err(self.cut_off()),
                Err(error) if pace.failures() >= MOST_RESUMPTIONS || !is_passing(&error) => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
    }

    /// The stream on which a server speaks first, or goes on speaking.
    pub(super) async fn stream(
        &self,
        mut headers: HeaderMap,
        point: Option<HeaderValue>,
    ) -> Result<Answer, Error> {
        headers.insert(ACCEPT, EVENT_STREAM);
        if let Some(point) = point {
            headers.insert(LAST_EVENT_ID, point);
        }
        let (url, payload) = (self.url.clone(), Payload::Empty);
        let outgoing = Outgoing { method: Method::GET, url, headers, payload, patience: Some(PATIENCE) };
        // Whoever only listens is no reason to sign in.
        let streamed = self.way.send_by_ourselves(&outgoing).await?;
        let (server, status) = (self.server(), streamed.status);
        if (200..300).contains(&status) {
            return Ok(Answer::new(streamed, server, &self.answers));
        }
        Err(Error::Unserved { server, status, retry_after: streamed.retry_after(), said: None })
    }

    /// Tells the server that the session with these headers is over.
    pub(super) async fn take_leave(&self, headers: HeaderMap) {
        let (method, url) = (Method::DELETE, self.url.clone());
        let outgoing = Outgoing { method, url, headers, payload: Payload::Empty, patience: Some(FAREWELL) };
        // Whatever it says, we are gone.
        let _ = tokio::time::timeout(FAREWELL, self.way.send_by_ourselves(&outgoing)).await;
    }

    pub(super) fn server(&self) -> String {
        self.way.relay().key().server.to_string()
    }

    pub(super) fn cut_off(&self) -> Error {
        Error::CutOff { server: self.server() }
    }

    pub(super) fn no_message(&self, why: String) -> Error {
        Error::NoMessage { server: self.server(), why }
    }
}

/// Where a stream is to be taken up again. `None` after an event that cannot be named: without it, the server would take us
/// for somebody who only listens.
pub(super) fn place_after(event: &str) -> Option<HeaderValue> {
    let is_decent = !event.is_empty() && event.len() <= LONGEST_EVENT_ID;
    HeaderValue::from_bytes(event.as_bytes()).ok().filter(|_| is_decent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B-09.
    #[test]
    fn only_a_decent_name_of_an_event_is_sent_back() {
        assert_eq!(place_after("e-1 ü").unwrap().as_bytes(), "e-1 ü".as_bytes());
        for name in ["", "a\u{7f}", "a\u{1}b", &"x".repeat(LONGEST_EVENT_ID + 1)] {
            assert_eq!(place_after(name), None, "{name:?}");
        }
    }
}
