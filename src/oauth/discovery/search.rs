//! Looking for a document in several places, one after the other.

use reqwest::header::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use url::Url;

use super::super::{Error, read_json};
use super::Trace;
use crate::http::{Answer, Http, HttpError, without_query};
use crate::mcp;

/// A search for one document, and what went wrong at the places where it was not. Trouble at one place does not keep
/// it from being at another, but it does mean that its absence proves nothing.
pub(super) struct Search<'a> {
    http: &'a Http,
    /// What is looked for.
    what: &'static str,
    /// Where it is written where to look.
    rule: &'static str,
    /// Trouble that is likely to pass.
    passing: Option<Error>,
    /// Something that was to be the document, and could not be read.
    unreadable: Option<Error>,
}

impl<'a> Search<'a> {
    pub(super) fn new(http: &'a Http, what: &'static str, rule: &'static str) -> Self {
        Self { http, what, rule, passing: None, unreadable: None }
    }

    /// The document at this place. `None` means to look at the next one.
    pub(super) async fn at<Document: DeserializeOwned>(
        &mut self,
        place: &Url,
        trace: &mut Trace,
    ) -> Result<Option<Document>, Error> {
        let action = format!("GET {}", without_query(place));
        let answer = match self.http.get_document(place, headers()).await {
            Ok(answer) => answer,
            Err(error) => {
                trace.note(action, error.to_string(), self.rule);
                return self.unanswered(error).map(|()| None);
            }
        };
        let read = match answer.status {
            200..=299 if answer.is_web_page() => Ok(None),
            200..=299 => read_json(&answer, self.what).map(Some),
            _ => Ok(None),
        };
        trace.note(action, seen(&answer, read.as_ref().err()), self.rule);
        if answer.is_transient() {
            self.passing.get_or_insert(super::temporary(&answer));
        }
        read.or_else(|error| {
            self.unreadable.get_or_insert(error);
            Ok(None)
        })
    }

    /// Whether to go on without an answer: where the next place would end the same, or safety is at stake, not.
    fn unanswered(&mut self, error: HttpError) -> Result<(), Error> {
        match error {
            HttpError::Timeout { .. } | HttpError::Broken { .. } | HttpError::NotHttp { .. } => {
                self.passing.get_or_insert(error.into());
            }
            HttpError::TooLarge { .. } => {
                self.unreadable.get_or_insert(error.into());
            }
            error => return Err(error.into()),
        }
        Ok(())
    }

    /// Nothing was found. An error unless every place said plainly that it has none.
    pub(super) fn ended(self) -> Result<(), Error> {
        self.passing.or(self.unreadable).map_or(Ok(()), Err)
    }
}

/// MCP 2025-03-26, Server Metadata Discovery: the revision goes with every request for metadata.
fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("mcp-protocol-version", HeaderValue::from_static(mcp::REVISION));
    headers
}

fn seen(answer: &Answer, unreadable: Option<&Error>) -> String {
    match unreadable {
        Some(Error::Malformed { why, .. }) => format!("{}, {why}", answer.status),
        _ if answer.is_success() && answer.is_web_page() => format!("{}, a web page", answer.status),
        _ => answer.status.to_string(),
    }
}
