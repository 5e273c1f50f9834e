//! What a server says of itself: the challenge, and protected resource metadata (RFC 9728).

use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::super::Error;
use super::super::challenge::Challenge;
use super::super::metadata::{ResourceMetadata, well_known};
use super::search::Search;
use super::{MOST_DOCUMENTS, Trace, temporary};
use crate::http::{Answer, HeaderValue, Http, Method, Request, without_query};
use crate::mcp;
use crate::model::ServerUrl;
use crate::peer_text::PeerText;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What a server said when it was called without a token, and what it publishes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ServerWord {
    /// Its challenge.
    pub challenge: Option<Challenge>,
    /// Its document, if it publishes one.
    pub resource_metadata: Option<ResourceMetadata>,
    /// Whether it answered a real request without asking for a token.
    pub(super) open: bool,
    /// Whether it answered with a web page.
    pub(super) page: bool,
    /// The last status.
    pub(super) status: u16,
}

/// Whom to ask, and how strictly its word is taken.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) http: &'a Http,
    pub(super) server: &'a ServerUrl,
    /// Only a document about this very URL is taken.
    pub(super) strict: bool,
}

impl<'a> Asked<'a> {
    /// Calls the server without a token, in the shape of real traffic: some servers answer GET with 405 and never
    /// challenge, some leave `initialize` open and challenge the rest.
    pub(super) async fn probe(self, trace: &mut Trace) -> Result<ServerWord, Error> {
        let mut word = ServerWord::default();
        for message in
            [mcp::message("tools/list", &json!({})), mcp::message("initialize", &mcp::initialize_params())]
        {
            let answer = self.call(message, trace).await?;
            let challenge = Challenge::from_headers(&answer.headers);
            if answer.status == 401 || challenge.is_some() {
                return Ok(ServerWord { challenge, status: answer.status, ..ServerWord::default() });
            }
            if answer.is_transient() {
                return Err(temporary(&answer));
            }
            word.open |= answer.is_success();
            word.page |= answer.is_success() && answer.is_web_page();
            word.status = answer.status;
        }
        if matches!(word.status, 404 | 405) && !word.open {
            word.challenge = self.challenge_of_stream(trace).await;
        }
        Ok(word)
    }

    /// What is said to whoever wants a stream. A server of revision 2024-11-05, or one behind a WebSocket, takes nothing
    /// else, and challenges only there.
    async fn challenge_of_stream(self, trace: &mut Trace) -> Option<Challenge> {
        let url = self.server.to_url();
        let mut request = Request::new(Method::GET, &url);
        request.headers.insert("accept", HeaderValue::from_static("text/event-stream"));
        // Only the head is waited for: a stream has no end.
        let answer = self.http.open(request, false).await;
        let told = match &answer {
            Ok(answer) => format!("{}", answer.status),
            Err(error) => error.to_string(),
        };
        trace.note(format!("GET {}", without_query(&url)), told, "MCP 2024-11-05, HTTP with SSE");
        Challenge::from_headers(&answer.ok()?.headers)
    }

    async fn call(self, message: serde_json::Value, trace: &mut Trace) -> Result<Answer, Error> {
        const RULE: &str = "RFC 9728 section 5.1";
        let url = self.server.to_url();
        let method = message["method"].as_str().unwrap_or_default();
        let action = format!("POST {} {method}", without_query(&url));
        match self.http.send(mcp::post(&url, message)).await {
            Ok(answer) => {
                trace.note(action, describe(&answer, Challenge::from_headers(&answer.headers)), RULE);
                Ok(answer)
            }
            Err(error) => {
                trace.note(action, error.to_string(), RULE);
                Err(error.into())
            }
        }
    }

    /// Whether what the server said earlier would be taken now, too.
    pub(super) fn still_takes(self, word: &ServerWord) -> bool {
        let resource = word.resource_metadata.as_ref().map(|metadata| metadata.resource.as_str());
        !self.strict || resource.is_none_or(|resource| resource == self.server.resource())
    }

    /// The document that the challenge names, else those at the two well-known places, in order.
    pub(super) async fn resource_metadata(
        self,
        challenge: Option<&Challenge>,
        trace: &mut Trace,
    ) -> Result<Option<ResourceMetadata>, Error> {
        let named: Vec<&str> = challenge.map(|c| c.all("resource_metadata").collect()).unwrap_or_default();
        if !named.is_empty() {
            return self.named(&named, trace).await.map(Some);
        }
        let mut search = self.search();
        for place in places(&self.server.to_url()) {
            if let Some(metadata) = self.fetch(&mut search, &place, trace).await? {
                return Ok(Some(metadata));
            }
        }
        search.ended().map(|()| None)
    }

    /// Tries every place that a challenge names; documents that disagree about the issuers are refused.
    async fn named(self, named: &[&str], trace: &mut Trace) -> Result<ResourceMetadata, Error> {
        let mut search = self.search();
        let mut found: Option<ResourceMetadata> = None;
        for (number, text) in named.iter().take(MOST_DOCUMENTS).enumerate() {
            // A server with challenges of two schemes names one document in both.
            if named[..number].contains(text) {
                continue;
            }
            let place = self.server.to_url().join(text).map_err(|error| Error::Malformed {
                host: self.server.to_string(),
                why: format!("its challenge names a resource_metadata that is no URL: {error}"),
            })?;
            let Some(metadata) = self.fetch(&mut search, &place, trace).await? else { continue };
            match &found {
                Some(first) if first.authorization_servers != metadata.authorization_servers => {
                    return Err(Error::AmbiguousChallenge(self.server.clone()));
                }
                Some(_) => {}
                None => found = Some(metadata),
            }
        }
        match found {
            Some(metadata) => Ok(metadata),
            None => search.ended().and_then(|()| {
                Err(Error::NoMetadata {
                    what: self.server.to_string(),
                    why: "its challenge names a document that is not there".into(),
                })
            }),
        }
    }

    fn search(self) -> Search<'a> {
        const RULE: &str = "RFC 9728 section 3; MCP Authorization Server Discovery";
        Search::new(self.http, "protected resource metadata", RULE)
    }

    async fn fetch(
        self,
        search: &mut Search<'_>,
        place: &Url,
        trace: &mut Trace,
    ) -> Result<Option<ResourceMetadata>, Error> {
        let Some(metadata) = search.at::<ResourceMetadata>(place, trace).await? else { return Ok(None) };
        let exact = metadata.resource == self.server.resource();
        let near = place.origin() == self.server.to_url().origin() && covers(&metadata.resource, self.server);
        let outcome = match (exact, near, self.strict) {
            (true, ..) => "the server itself",
            (false, true, false) => "a parent of the server",
            (false, true, true) => "a parent of the server, which is not enough here",
            (false, false, _) => "another resource",
        };
        let action = format!("compare resource {}", PeerText::from(metadata.resource.as_str()));
        if near && !exact {
            trace.decide(action, outcome, "RFC 9728 section 3.3", "--strict-resource");
        } else {
            trace.note(action, outcome, "RFC 9728 section 3.3");
        }
        if exact || (near && !self.strict) {
            return Ok(Some(metadata));
        }
        Err(Error::ResourceMismatch { server: self.server.clone(), resource: metadata.resource })
    }
}

/// RFC 9728 section 3.1: between host and path, with the query; then at the root.
fn places(server: &Url) -> Vec<Url> {
    let path = server.path().trim_end_matches('/');
    let mut first = well_known(server, WELL_KNOWN, path);
    first.set_query(server.query());
    let second = (!path.is_empty()).then(|| well_known(server, WELL_KNOWN, ""));
    std::iter::once(first).chain(second).collect()
}

fn describe(answer: &Answer, challenge: Option<Challenge>) -> String {
    let Some(challenge) = challenge else { return format!("{}, no challenge", answer.status) };
    let scheme = if challenge.demands_dpop() { "DPoP challenge" } else { "challenge" };
    let scope = challenge.get("scope").map(|scope| format!(", scope {}", PeerText::from(scope)));
    let scope = scope.unwrap_or_default();
    match challenge.get("resource_metadata") {
        None => format!("{}, {scheme} without resource_metadata{scope}", answer.status),
        Some(url) => format!("{}, {scheme} names {}{scope}", answer.status, PeerText::from(url)),
    }
}

/// Whether a resource identifier speaks for the server: the same origin, and a path that is the server's or a
/// parent of it by whole segments.
pub(in crate::oauth) fn covers(resource: &str, server: &ServerUrl) -> bool {
    let (Some(resource), server) = (spelled_out(resource), server.to_url()) else { return false };
    let (parent, own) = (resource.path().trim_end_matches('/'), server.path().trim_end_matches('/'));
    resource.origin() == server.origin()
        && resource.fragment().is_none()
        && (resource.query().is_none() || resource.query() == server.query())
        && own.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A URL that is what it looks like. A resource is sent on byte for byte, and a parser forgives a lot that whoever
/// compares texts does not: line ends, missing or turned slashes, dots, user names, addresses in disguise.
fn spelled_out(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_graphic()))?;
    let (scheme, rest) = text.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let host = url.host_str()?;
    let with_port = format!("{host}:{}", url.port_or_known_default()?);
    let named = authority.eq_ignore_ascii_case(host) || authority.eq_ignore_ascii_case(&with_port);
    let same_path = path == url.path() || (path.is_empty() && url.path() == "/");
    (scheme.eq_ignore_ascii_case(url.scheme()) && named && same_path).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MCP 5.
    #[test]
    fn a_resource_covers_a_server_by_whole_segments_of_the_same_origin() {
        let server = "https://s.example/mcp/v1".parse().unwrap();
        for yes in [
            "https://s.example",
            "https://s.example/",
            "https://s.example/mcp",
            "HTTPS://S.Example:443/mcp",
            "https://s.example/mcp/v1/",
        ] {
            assert!(covers(yes, &server), "{yes}");
        }
        for no in [
            "https://s.example/mc",
            "https://s.example/mcp/v2",
            "https://s.example/mcp/v1/x",
            "https://s.example:444/mcp",
            "http://s.example/mcp",
            "https://t.example/mcp",
            "https://s.example/mcp?tenant=b",
            "/mcp",
            "",
            " https://s.example/mcp",
            "https://s.example/mcp\u{1b}",
            "https://s.example/\nmcp",
            "https:s.example/mcp",
            "https:///s.example/mcp",
            "https:\\\\s.example\\mcp",
            "https://u:p@s.example/mcp",
            "https://@s.example/mcp",
            "https://s%2eexample/mcp",
            "https://s.example/x/../mcp",
            "https://s.example/%2e%2e/mcp",
            "https://s.example:0443/mcp",
        ] {
            assert!(!covers(no, &server), "{no}");
        }
    }
}
