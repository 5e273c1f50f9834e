//! From a server's URL to its issuer: the challenge, protected resource metadata (RFC 9728), authorization server
//! metadata (RFC 8414, OpenID Connect Discovery), and what servers of MCP 2025-03-26 did before there were any.

use serde_json::json;
use url::Url;

use super::challenge::Challenge;
use super::metadata::{IssuerMetadata, ResourceMetadata, well_known};
use super::{Error, read_json};
use crate::http::{Answer, Http, without_query};
use crate::mcp;
use crate::model::{Issuer, ScopeSet, ServerUrl};
use crate::peer_text::PeerText;

/// How many issuers of one document are tried, at most.
const MOST_ISSUERS: usize = 5;

/// One thing that was done or decided, and the rule behind it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Step {
    /// What was done.
    pub action: String,
    /// What came of it.
    pub outcome: String,
    /// Where it is written that it be done so.
    pub rule: &'static str,
}

impl std::fmt::Display for Step {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}\n    → {}   [{}]", self.action, self.outcome, self.rule)
    }
}

/// The steps so far, in order. Kept also when discovery fails: that is when they are wanted.
#[derive(Default)]
pub struct Trace(pub Vec<Step>);

impl Trace {
    /// Writes a step down.
    pub fn note(&mut self, action: impl Into<String>, outcome: impl Into<String>, rule: &'static str) {
        self.0.push(Step { action: action.into(), outcome: outcome.into(), rule });
    }
}

/// What discovery found.
pub struct Discovery {
    /// What the server said when it was called without a token.
    pub challenge: Option<Challenge>,
    /// The server's own document, if it publishes one.
    pub resource_metadata: Option<ResourceMetadata>,
    /// The issuer's.
    pub issuer: IssuerMetadata,
    /// The resource identifier to send: the document's, byte for byte, else the canonical URL of the server.
    pub resource: String,
    /// Whether the issuer was found in the way of MCP 2025-03-26, where nothing vouches for it.
    pub legacy: bool,
}

impl Discovery {
    /// The scope to ask for when the user named none: the challenge's, else all of the resource metadata's, else
    /// none at all (MCP, Scope Selection Strategy). `offline_access` joins a scope where the issuer lists it.
    pub fn scope(&self) -> ScopeSet {
        let challenged =
            self.challenge.as_ref().and_then(|challenge| challenge.get("scope")).map(ScopeSet::from);
        let mut scope = challenged.filter(|scope| !scope.is_empty()).unwrap_or_else(|| {
            let listed = self.resource_metadata.iter().flat_map(|metadata| &metadata.scopes_supported);
            listed.map(String::as_str).collect()
        });
        if !scope.is_empty() && self.issuer.scopes_supported.iter().any(|own| own == "offline_access") {
            scope.insert("offline_access");
        }
        scope
    }
}

/// Finds the issuer of a server. `pinned` is the issuer that the user named: the server's word on that is not asked
/// for, only its scope and its resource identifier.
pub async fn discover(
    http: &Http,
    server: &ServerUrl,
    pinned: Option<&Issuer>,
    trace: &mut Trace,
) -> Result<Discovery, Error> {
    let probe = probe(http, server, trace).await?;
    let resource_metadata = match find_resource_metadata(http, server, probe.challenge.as_ref(), trace).await
    {
        // Naming the issuer is the way around a challenge that leads nowhere.
        Err(Error::NoMetadata { .. }) if pinned.is_some() => None,
        found => found?,
    };
    let (issuer, legacy) = match (pinned, &resource_metadata) {
        (Some(issuer), _) => (issuer_metadata(http, issuer, trace).await?, false),
        (None, Some(metadata)) => (first_issuer(http, metadata, trace).await?, false),
        // A captive portal, or the URL of something else. Nothing vouches for an issuer that would be made up here.
        (None, None) if probe.page => {
            return Err(Error::NoMetadata {
                what: server.to_string(),
                why: "it answers with a web page, as no MCP server does".into(),
            });
        }
        (None, None) if probe.open => return Err(Error::NoSignIn(server.clone())),
        (None, None) => (legacy_issuer(http, server, &probe, trace).await?, true),
    };
    issuer.vet(http).await?;
    let resource = resource_metadata.as_ref().map_or(server.as_str(), |metadata| metadata.resource.as_str());
    trace.note(
        "resource parameter",
        PeerText::from(resource).to_string(),
        "RFC 8707; MCP Authorization, Resource Parameter",
    );
    Ok(Discovery {
        challenge: probe.challenge,
        resource: resource.to_owned(),
        resource_metadata,
        issuer,
        legacy,
    })
}

/// What a call without a token showed.
struct Probe {
    challenge: Option<Challenge>,
    /// Whether the server answered a real request without asking for a token.
    open: bool,
    /// Whether it answered with a web page.
    page: bool,
    /// The last status.
    status: u16,
}

/// Calls the server without a token, in the shape of real traffic: some servers answer GET with 405 and never
/// challenge, some leave `initialize` open and challenge the rest.
async fn probe(http: &Http, server: &ServerUrl, trace: &mut Trace) -> Result<Probe, Error> {
    const RULE: &str = "RFC 9728 section 5.1";
    let (mut open, mut page, mut status) = (false, false, 0);
    for message in
        [mcp::message("tools/list", &json!({})), mcp::message("initialize", &mcp::initialize_params())]
    {
        let url = server.to_url();
        let action =
            format!("POST {} {}", without_query(&url), message["method"].as_str().unwrap_or_default());
        let request = mcp::post(&url, message);
        let answer = match http.send(request).await {
            Ok(answer) => answer,
            Err(error) => {
                trace.note(action, error.to_string(), RULE);
                return Err(error.into());
            }
        };
        let challenge = Challenge::from_headers(&answer.headers);
        trace.note(action, describe(&answer, challenge.as_ref()), RULE);
        if answer.status == 401 || challenge.is_some() {
            return Ok(Probe { challenge, open: false, page: false, status: answer.status });
        }
        if answer.is_transient() {
            return Err(temporary(&answer));
        }
        open |= answer.is_success();
        page |= answer.is_success() && answer.is_web_page();
        status = answer.status;
    }
    Ok(Probe { challenge: None, open, page, status })
}

fn describe(answer: &Answer, challenge: Option<&Challenge>) -> String {
    let pointer = challenge.and_then(|challenge| challenge.get("resource_metadata"));
    match (challenge, pointer) {
        (None, _) => format!("{}, no challenge", answer.status),
        (Some(_), None) => format!("{}, challenge without resource_metadata", answer.status),
        (Some(_), Some(url)) => {
            format!("{}, challenge names {}", answer.status, PeerText::from(url))
        }
    }
}

/// The document that the challenge names, else those at the two well-known places, in order.
async fn find_resource_metadata(
    http: &Http,
    server: &ServerUrl,
    challenge: Option<&Challenge>,
    trace: &mut Trace,
) -> Result<Option<ResourceMetadata>, Error> {
    let url = server.to_url();
    let named: Vec<&str> = challenge.map(|c| c.all("resource_metadata").collect()).unwrap_or_default();
    if !named.is_empty() {
        return named_resource_metadata(http, server, &named, trace).await;
    }
    let path = url.path().trim_end_matches('/');
    let mut places = vec![well_known(&url, "/.well-known/oauth-protected-resource", path)];
    if let (Some(query), Some(first)) = (url.query(), places.first_mut()) {
        first.set_query(Some(query));
    }
    if !path.is_empty() {
        places.push(well_known(&url, "/.well-known/oauth-protected-resource", ""));
    }
    for place in places {
        if let Some(metadata) = fetch_resource_metadata(http, server, &place, trace).await? {
            return Ok(Some(metadata));
        }
    }
    Ok(None)
}

/// Tries every place that a challenge names; documents that disagree about the issuers are refused.
async fn named_resource_metadata(
    http: &Http,
    server: &ServerUrl,
    named: &[&str],
    trace: &mut Trace,
) -> Result<Option<ResourceMetadata>, Error> {
    let mut found: Option<ResourceMetadata> = None;
    for (number, text) in named.iter().take(MOST_ISSUERS).enumerate() {
        // A server with challenges of two schemes names one document in both.
        if named[..number].contains(text) {
            continue;
        }
        let place = server.to_url().join(text).map_err(|error| Error::Malformed {
            host: server.to_string(),
            why: format!("its challenge names a resource_metadata that is no URL: {error}"),
        })?;
        let Some(metadata) = fetch_resource_metadata(http, server, &place, trace).await? else { continue };
        match &found {
            Some(first) if first.authorization_servers != metadata.authorization_servers => {
                return Err(Error::AmbiguousChallenge(server.clone()));
            }
            Some(_) => {}
            None => found = Some(metadata),
        }
    }
    match found {
        Some(metadata) => Ok(Some(metadata)),
        None => Err(Error::NoMetadata {
            what: server.to_string(),
            why: "its challenge names a document that is not there".into(),
        }),
    }
}

async fn fetch_resource_metadata(
    http: &Http,
    server: &ServerUrl,
    place: &Url,
    trace: &mut Trace,
) -> Result<Option<ResourceMetadata>, Error> {
    const RULE: &str = "RFC 9728 section 3; MCP Authorization Server Discovery";
    let Some(answer) = fetch(http, place, RULE, trace).await? else { return Ok(None) };
    let metadata: ResourceMetadata = match read_json(&answer, "protected resource metadata") {
        Ok(metadata) => metadata,
        // A page where the document should be means that there is no document.
        Err(_) if answer.is_web_page() => return Ok(None),
        Err(error) => return Err(error),
    };
    let exact = metadata.resource == server.as_str();
    let accepted =
        exact || (place.origin() == server.to_url().origin() && covers(&metadata.resource, server));
    trace.note(
        format!("compare resource {}", PeerText::new(&metadata.resource)),
        if exact {
            "the server itself"
        } else if accepted {
            "a parent of the server"
        } else {
            "another resource"
        },
        "RFC 9728 section 3.3",
    );
    if accepted {
        return Ok(Some(metadata));
    }
    Err(Error::ResourceMismatch { server: server.clone(), resource: metadata.resource })
}

/// Whether a resource identifier speaks for the server: the same origin, and a path that is the server's or a
/// parent of it by whole segments. It is sent on byte for byte, so it must be a URL as it stands: parsing one drops
/// control characters and line ends.
pub(super) fn covers(resource: &str, server: &ServerUrl) -> bool {
    if !resource.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    let (Ok(resource), server) = (Url::parse(resource), server.to_url()) else { return false };
    let (parent, own) = (resource.path().trim_end_matches('/'), server.path().trim_end_matches('/'));
    resource.origin() == server.origin()
        && resource.fragment().is_none()
        && (resource.query().is_none() || resource.query() == server.query())
        && own.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The first issuer of the document whose metadata can be used.
async fn first_issuer(
    http: &Http,
    metadata: &ResourceMetadata,
    trace: &mut Trace,
) -> Result<IssuerMetadata, Error> {
    let mut trouble = None;
    for issuer in metadata.authorization_servers.iter().take(MOST_ISSUERS) {
        match issuer_metadata(http, issuer, trace).await {
            Ok(found) => return Ok(found),
            Err(error @ Error::NoMetadata { .. }) => trouble = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(trouble.unwrap_or_else(|| Error::NoMetadata {
        what: PeerText::new(&metadata.resource).to_string(),
        why: "it names no authorization server".into(),
    }))
}

/// The metadata of an issuer, from the places and in the order of MCP Authorization Server Discovery. The document
/// must name the issuer that was asked for, byte for byte.
pub async fn issuer_metadata(
    http: &Http,
    issuer: &Issuer,
    trace: &mut Trace,
) -> Result<IssuerMetadata, Error> {
    let url = Url::parse(issuer.as_str()).map_err(|error| Error::NoMetadata {
        what: format!("issuer {issuer}"),
        why: format!("the issuer is no URL: {error}"),
    })?;
    let path = url.path().trim_end_matches('/');
    let mut places = vec![
        (well_known(&url, "/.well-known/oauth-authorization-server", path), false),
        (well_known(&url, "/.well-known/openid-configuration", path), true),
    ];
    if !path.is_empty() {
        places.push((well_known(&url, path, "/.well-known/openid-configuration"), true));
    }
    for (place, openid) in places {
        let Some(metadata) = fetch_issuer_metadata(http, &place, trace).await? else { continue };
        if metadata.issuer != *issuer {
            return Err(Error::IssuerMismatch { expected: issuer.clone(), found: metadata.issuer });
        }
        let openid = openid || metadata.scopes_supported.iter().any(|scope| scope == "openid");
        return Ok(IssuerMetadata { openid, ..metadata });
    }
    Err(Error::NoMetadata {
        what: format!("issuer {issuer}"),
        why: "none of the well-known places has it".into(),
    })
}

async fn fetch_issuer_metadata(
    http: &Http,
    place: &Url,
    trace: &mut Trace,
) -> Result<Option<IssuerMetadata>, Error> {
    const RULE: &str = "RFC 8414 section 3; OpenID Connect Discovery section 4";
    let Some(answer) = fetch(http, place, RULE, trace).await? else { return Ok(None) };
    match read_json(&answer, "authorization server metadata") {
        Ok(metadata) => Ok(Some(metadata)),
        Err(_) if answer.is_web_page() => Ok(None),
        Err(error) => Err(error),
    }
}

/// MCP 2025-03-26: the server's origin is the issuer, with or without metadata. Reached only when every place for
/// resource metadata said that there is none. The metadata may name any issuer of that origin.
async fn legacy_issuer(
    http: &Http,
    server: &ServerUrl,
    probe: &Probe,
    trace: &mut Trace,
) -> Result<IssuerMetadata, Error> {
    const RULE: &str = "MCP 2025-03-26, Server Metadata Discovery";
    let origin = server.to_url();
    let place = well_known(&origin, "/.well-known/oauth-authorization-server", "");
    let Some(metadata) = fetch_issuer_metadata(http, &place, trace).await? else {
        // A mistyped URL is no server of that age: such a one asks for authorization.
        if probe.status != 401 && probe.challenge.is_none() {
            let why = format!("it answers {} and publishes none", probe.status);
            return Err(Error::NoMetadata { what: server.to_string(), why });
        }
        trace.note("use /authorize, /token and /register", "nothing vouches for this issuer", RULE);
        return Ok(IssuerMetadata::at_fixed_paths(&origin));
    };
    let same_origin =
        Url::parse(metadata.issuer.as_str()).is_ok_and(|issuer| issuer.origin() == origin.origin());
    if same_origin {
        return Ok(metadata);
    }
    let expected = Issuer::new(origin.origin().ascii_serialization());
    Err(Error::IssuerMismatch { expected, found: metadata.issuer })
}

/// Gets a document that may not be there. Trouble that is likely to pass ends the search: falling on to the next
/// place could end at the wrong issuer.
async fn fetch(
    http: &Http,
    place: &Url,
    rule: &'static str,
    trace: &mut Trace,
) -> Result<Option<Answer>, Error> {
    let action = format!("GET {}", without_query(place));
    let answer = match http.get_document(place).await {
        Ok(answer) => answer,
        Err(error) => {
            trace.note(action, error.to_string(), rule);
            return Err(error.into());
        }
    };
    trace.note(action, answer.status.to_string(), rule);
    match answer.status {
        200..=299 => Ok(Some(answer)),
        _ if answer.is_transient() => Err(temporary(&answer)),
        _ => Ok(None),
    }
}

pub(super) fn temporary(answer: &Answer) -> Error {
    let (host, status, retry_after) = (answer.host.clone(), answer.status, answer.retry_after());
    Error::Temporary { host, status, word: None, retry_after }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_covers_a_server_by_whole_segments_of_the_same_origin() {
        let server = "https://s.example/mcp/v1".parse().unwrap();
        for yes in
            ["https://s.example", "https://s.example/", "https://s.example/mcp", "https://s.example/mcp/v1/"]
        {
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
        ] {
            assert!(!covers(no, &server), "{no}");
        }
    }

    #[test]
    fn the_scope_is_the_challenges_else_the_resources_else_none() {
        let issuer = |scopes: &[&str]| IssuerMetadata {
            scopes_supported: scopes.iter().map(ToString::to_string).collect(),
            ..IssuerMetadata::at_fixed_paths(&Url::parse("https://i.example").unwrap())
        };
        let discovery = |challenge: Option<&str>, listed: &[&str], issuer| {
            let mut headers = reqwest::header::HeaderMap::new();
            if let Some(text) = challenge {
                headers.insert(reqwest::header::WWW_AUTHENTICATE, text.parse().unwrap());
            }
            let scopes_supported = listed.iter().map(ToString::to_string).collect();
            let metadata =
                ResourceMetadata { resource: String::new(), authorization_servers: vec![], scopes_supported };
            Discovery {
                challenge: Challenge::from_headers(&headers),
                resource_metadata: Some(metadata),
                issuer,
                resource: String::new(),
                legacy: false,
            }
            .scope()
            .to_string()
        };
        assert_eq!(discovery(Some("Bearer scope=\"a b\""), &["c"], issuer(&[])), "a b");
        assert_eq!(discovery(Some("Bearer"), &["c", "d"], issuer(&["offline_access"])), "c d offline_access");
        assert_eq!(discovery(None, &[], issuer(&["offline_access", "x"])), "");
        assert_eq!(discovery(None, &["c"], issuer(&["x"])), "c");
    }
}
