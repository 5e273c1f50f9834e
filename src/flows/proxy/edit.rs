//! Answers that have to be read, because tools that may not be called are not to be shown either.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use hyper::header::{CONTENT_TYPE, HeaderMap};

use super::rules::Rules;
use crate::http::HttpError;
use crate::mcp::sse::{Event, EventReader};

/// The largest answer, or event of one, that is read.
const LARGEST: usize = 16 * 1024 * 1024;

/// What is done to one answer.
pub(super) struct Edit {
    rules: Arc<Rules>,
    form: Form,
}

enum Form {
    /// One document, read until its end.
    Json(BytesMut),
    /// One event after the other.
    Events(EventReader),
}

impl Edit {
    /// What has to be done to an answer with these headers, if anything.
    pub(super) fn of(rules: &Arc<Rules>, headers: &HeaderMap) -> Option<Self> {
        if rules.are_none() {
            return None;
        }
        let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let form = match content_type.split(';').next()?.trim().to_ascii_lowercase().as_str() {
            "application/json" => Form::Json(BytesMut::new()),
            "text/event-stream" => Form::Events(EventReader::new(LARGEST)),
            _ => return None,
        };
        Some(Self { rules: Arc::clone(rules), form })
    }

    /// What goes on of what has come; `None` for the end is that of the answer.
    pub(super) fn next(&mut self, chunk: Option<Bytes>, host: &str) -> Result<Option<Bytes>, HttpError> {
        let too_large = || HttpError::TooLarge { host: host.to_owned(), limit: LARGEST };
        match &mut self.form {
            Form::Json(document) => {
                let Some(chunk) = chunk else {
                    let document = std::mem::take(document).freeze();
                    let edited = self.rules.instead_of(&document).unwrap_or(document);
                    return Ok((!edited.is_empty()).then_some(edited));
                };
                document.extend_from_slice(&chunk);
                if document.len() > LARGEST { Err(too_large()) } else { Ok(None) }
            }
            Form::Events(reader) => {
                let Some(chunk) = chunk else { return Ok(None) };
                reader.push(chunk);
                let mut text = Vec::new();
                while let Some(event) = reader.next().map_err(|_| too_large())? {
                    write(&mut text, &event, &self.rules);
                }
                // Something came: whoever waits for a sign of life gets one.
                Ok(Some(if text.is_empty() { Bytes::from_static(b":\n\n") } else { text.into() }))
            }
        }
    }
}

/// An event as it goes on.
fn write(text: &mut Vec<u8>, event: &Event, rules: &Rules) {
    let mut line = |name: &str, value: &[u8]| {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(value);
        text.push(b'\n');
    };
    if let Some(kind) = &event.event {
        line("event: ", kind.as_bytes());
    }
    if let Some(id) = &event.id {
        line("id: ", id.as_bytes());
    }
    if let Some(retry) = event.retry {
        line("retry: ", retry.as_millis().to_string().as_bytes());
    }
    let edited = rules.instead_of(&event.data);
    let data = edited.as_ref().unwrap_or(&event.data);
    if !data.is_empty() {
        data.split(|byte| *byte == b'\n').for_each(|piece| line("data: ", piece));
    }
    text.push(b'\n');
}
