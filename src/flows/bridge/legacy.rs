//! HTTP+SSE, the transport of revision 2024-11-05: one stream on which everything comes, and an address, named on it, to
//! which everything goes.

use std::rc::Rc;
use std::time::Duration;

use url::Url;

use super::standing::{End, Ends, Received, Standing, Wire};
use crate::error::Error;
use crate::flows::relay::{Outgoing, Payload};
use crate::http::{HeaderMap, HeaderName, HeaderValue, HttpError, Method, Streamed, without_query};
use crate::mcp::message::Message;
use crate::mcp::sse::{EVENT_LIMIT, Event, EventReader};
use crate::peer_text::PeerText;

/// How long the address may be waited for.
const ENDPOINT: Duration = Duration::from_secs(30);
/// How much of the answer to a message is read: it says nothing that anybody needs, but a connection whose answer was read
/// can be used again.
const RECEIPT: usize = 64 * 1024;
/// How long that may take, since what comes next may wait for it.
const SLOWEST_RECEIPT: Duration = Duration::from_secs(5);
const ACCEPT: HeaderName = HeaderName::from_static("accept");
const CONTENT_TYPE: HeaderName = HeaderName::from_static("content-type");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A server of that revision.
pub(super) struct Legacy(Rc<Standing<Stream>>);

impl Legacy {
    /// Opens the stream of a server; an error if it has none.
    pub(super) async fn open(ends: Ends) -> Result<Self, Error> {
        let wire = Stream { url: ends.way.relay().server().to_url(), ends: ends.clone() };
        let first = wire.connect().await?;
        Ok(Self(Standing::new(wire, ends, Some(first))))
    }

    /// Takes a message of the host; its answer comes on the stream.
    pub(super) async fn take(&self, message: Message) {
        self.0.take(message).await;
    }

    /// Takes leave.
    pub(super) async fn close(&self) {
        self.0.close().await;
    }
}

/// How its connections are made.
struct Stream {
    ends: Ends,
    url: Url,
}

/// An open stream.
struct Source {
    answer: Streamed,
    events: EventReader,
    /// The rest of an event that says two things.
    held: Option<Event>,
}

impl Wire for Stream {
    type Source = Source;
    type Sink = Url;

    async fn connect(&self) -> Result<(Source, Url), Error> {
        let answer = self.ask(Method::GET, self.url.clone(), Payload::Empty).await?;
        if !answer.is_event_stream() {
            return Err(self.ends.nonsense(&"what it calls a stream is none"));
        }
        let mut source = Source { answer, events: EventReader::new(EVENT_LIMIT), held: None };
        let late = |_| HttpError::Timeout { host: self.ends.server(), seconds: ENDPOINT.as_secs() };
        let named = tokio::time::timeout(ENDPOINT, self.endpoint(&mut source)).await;
        let endpoint = named.map_err(late).map_err(|error| self.ends.trouble(error))??;
        Ok((source, endpoint))
    }

    async fn receive(&self, source: &mut Source) -> Result<Received, End> {
        loop {
            let mut event = match source.held.take() {
                Some(held) => held,
                None => self.event(source).await?,
            };
            if let Some(wait) = event.retry.take() {
                source.held = Some(event);
                return Ok(Received::Wait(wait));
            }
            if event.is_message() && !event.data.is_empty() {
                return Ok(self.ends.read(event.data));
            }
        }
    }

    async fn transmit(&self, endpoint: &Url, message: &Message) -> Result<(), Error> {
        let payload = Payload::Whole(message.bytes().clone());
        let mut receipt = self.ask(Method::POST, endpoint.clone(), payload).await?;
        let mut left = RECEIPT;
        let reading = async {
            while let Ok(Some(chunk)) = receipt.chunk().await
                && let Some(less) = left.checked_sub(chunk.len())
            {
                left = less;
            }
        };
        // It was taken, whatever becomes of the rest.
        let _ = tokio::time::timeout(SLOWEST_RECEIPT, reading).await;
        Ok(())
    }

    /// The server notices.
    async fn hang_up(&self, _: &Url) {}
}

impl Stream {
    /// An answer that says that all is well.
    async fn ask(&self, method: Method, url: Url, payload: Payload) -> Result<Streamed, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, if method == Method::GET { EVENTS } else { JSON });
        if method == Method::POST {
            headers.insert(CONTENT_TYPE, JSON);
        }
        let answer = self.ends.way.send(&Outgoing { method, url, headers, payload, patience: None }).await?;
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        let (status, retry_after) = (answer.status, answer.retry_after());
        Err(Error::Unserved { server: self.ends.server(), status, retry_after, said: None })
    }

    /// Where messages go, as the first event says.
    async fn endpoint(&self, source: &mut Source) -> Result<Url, Error> {
        loop {
            let event = self.event(source).await?;
            if event.event.as_deref() == Some("endpoint") {
                return endpoint(&self.url, &event.data).map_err(|error| self.ends.trouble(error));
            }
        }
    }

    async fn event(&self, source: &mut Source) -> Result<Event, Error> {
        loop {
            if let Some(event) = source.events.next().map_err(|error| self.ends.nonsense(&error))? {
                return Ok(event);
            }
            let chunk = source.answer.chunk().await.map_err(|error| self.ends.trouble(error))?;
            source.events.push(chunk.ok_or_else(|| self.ends.cut_off())?);
        }
    }
}

/// Where a server wants messages to go: nowhere but to its own origin, since the token goes along.
fn endpoint(stream: &Url, named: &[u8]) -> Result<Url, HttpError> {
    let refuse = |url: &str, why| HttpError::Refused { url: PeerText::from(url).to_string(), why };
    let text = std::str::from_utf8(named).unwrap_or_default();
    // The parser of URLs leaves some of these out without a word.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refuse(text, "where messages are to go is no address"));
    }
    let mut url = stream.join(text).map_err(|_| refuse(text, "where messages are to go is no address"))?;
    if url.origin() != stream.origin() {
        return Err(refuse(&without_query(&url), "messages are to go to another origin than the server's"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse(stream.as_str(), "where messages are to go has a user name or password in it"));
    }
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B-03.
    #[test]
    fn messages_go_nowhere_but_to_the_server() {
        let stream = Url::parse("https://s.example/a/sse?x=1").unwrap();
        for (named, expected) in [
            ("/messages?id=1", "https://s.example/messages?id=1"),
            ("messages", "https://s.example/a/messages"),
            ("?id=1", "https://s.example/a/sse?id=1"),
            ("https://s.example:443/m#part", "https://s.example/m"),
        ] {
            assert_eq!(endpoint(&stream, named.as_bytes()).unwrap().as_str(), expected);
        }
        for named in [
            "https://evil.example/m",
            "http://s.example/m",
            "wss://s.example/m",
            "https://s.example:444/m",
            "//evil.example/m",
            "/\\evil.example/m",
            "\\\\evil.example/m",
            "https://user@s.example/m",
            "https://s.example@evil.example/m",
            "/\t/evil.example",
            "/m\u{fc}",
            "javascript:x",
            "",
        ] {
            assert!(endpoint(&stream, named.as_bytes()).is_err(), "{named:?}");
        }
    }
}
