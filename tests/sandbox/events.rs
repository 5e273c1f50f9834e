//! An event stream as a plain client reads it.

use std::collections::VecDeque;

use serde_json::Value;

/// One event: its fields as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) retry: String,
    pub(crate) data: String,
}

impl Event {
    fn read(text: &str) -> Self {
        let mut event = Self::default();
        for line in text.lines() {
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            match name {
                "event" => event.kind = value.into(),
                "id" => event.id = value.into(),
                "retry" => event.retry = value.into(),
                "data" => event.data = value.into(),
                _ => panic!("no field: {line}"),
            }
        }
        event
    }

    /// Its data as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// A stream that is being read.
pub(crate) struct Stream {
    pub(crate) response: reqwest::Response,
    text: String,
    read: VecDeque<Event>,
    /// Whether it ended in the middle.
    pub(crate) broke_off: bool,
}

impl Stream {
    /// Sends a request that is answered by a stream.
    pub(crate) async fn open(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new(), read: VecDeque::new(), broke_off: false }
    }

    /// The next event; `None` where the stream ends, in whichever way.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        while self.read.is_empty() {
            let chunk = self.response.chunk().await;
            self.broke_off = chunk.is_err();
            let chunk = chunk.ok()??;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            while let Some(end) = self.text.find("\n\n") {
                self.read.push_back(Event::read(&self.text[..end]));
                self.text.drain(..end + 2);
            }
        }
        self.read.pop_front()
    }

    /// The message of the next event.
    pub(crate) async fn message(&mut self) -> Value {
        self.next().await.unwrap_or_else(|| panic!("the stream ended")).json()
    }

    /// Whether the stream ends in good order and without another event.
    pub(crate) async fn ends_well(mut self) -> bool {
        self.read.is_empty() && matches!(self.response.chunk().await, Ok(None))
    }
}
