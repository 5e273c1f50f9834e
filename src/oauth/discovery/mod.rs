//! From a server's URL to its issuer: the challenge, protected resource metadata (RFC 9728), authorization server
//! metadata (RFC 8414, OpenID Connect Discovery), and what servers of MCP 2025-03-26 did before there were any.

mod issuer;
mod search;
pub(super) mod server;
mod trace;

use self::server::Asked;
pub use self::server::ServerWord;
pub use self::trace::{Step, Trace};
use super::Error;
use super::challenge::Challenge;
use super::metadata::{IssuerMetadata, ResourceMetadata};
use crate::clock::UnixTime;
use crate::http::{Answer, Http};
use crate::model::{Endpoints, Issuer, ScopeSet, ServerUrl};

/// How many documents of one kind are tried, at most.
const MOST_DOCUMENTS: usize = 5;

/// How many scopes are asked for because a peer listed them, at most: all of them go into one address.
const MOST_SCOPES: usize = 100;

/// Something that was learnt earlier.
pub struct Kept<Word> {
    /// What was said.
    pub word: Word,
    /// When.
    pub since: UnixTime,
}

/// A server whose issuer is wanted, and all that is known before anybody is asked.
pub struct Quest<'a> {
    /// Who asks.
    pub http: &'a Http,
    /// The server.
    pub server: &'a ServerUrl,
    /// Whether the server is an issuer itself, at which people sign in to be vouched for elsewhere.
    pub is_issuer: bool,
    /// The issuer that the user named: the server's word on that is not asked for, only its scope and its resource.
    pub pinned: Option<&'a Issuer>,
    /// Where the issuer answers, if the user settled that: then no metadata of it is looked for.
    pub endpoints: Option<&'a Endpoints>,
    /// The issuers that know a client or a login for this server.
    pub held: &'a [Issuer],
    /// Whether only one of those is taken, or one that the user vouches for.
    pub is_bound: bool,
    /// The issuers that the user vouches for: those that may take the place of the ones before, and spellings in which
    /// the metadata of an issuer may name it.
    pub trusted: &'a [Issuer],
    /// The spellings in which an issuer is known to be named by its metadata.
    pub spellings: &'a dyn Fn(&Issuer) -> Vec<Issuer>,
    /// Whether only metadata about this very URL is taken.
    pub strict_resource: bool,
    /// What the server said earlier.
    pub kept: Option<Kept<ServerWord>>,
    /// What an issuer said earlier.
    pub recall: &'a dyn Fn(&Issuer) -> Option<Kept<IssuerMetadata>>,
}

impl<'a> Quest<'a> {
    /// A quest for the issuer of a server of which nothing is known.
    pub fn new(http: &'a Http, server: &'a ServerUrl) -> Self {
        Self {
            http,
            server,
            is_issuer: false,
            pinned: None,
            endpoints: None,
            held: &[],
            is_bound: false,
            trusted: &[],
            spellings: &|_| Vec::new(),
            strict_resource: false,
            kept: None,
            recall: &|_| None,
        }
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
    /// The resource identifier to send: the document's, byte for byte, else the canonical URL of the server; `None`
    /// where there is no server but only an issuer.
    pub resource: Option<String>,
    /// Whether the issuer was found in the way of MCP 2025-03-26, where nothing vouches for it.
    pub legacy: bool,
    /// What was learnt just now and is worth keeping.
    pub news: News,
}

/// What a discovery learnt.
#[derive(Default)]
pub struct News {
    /// What the server said.
    pub server: Option<ServerWord>,
    /// The issuer, as the server calls it, of which [`Discovery::issuer`] is the metadata.
    pub issuer: Option<Issuer>,
}

impl Discovery {
    /// The scope to ask for when the user named none: the challenge's, else all of the resource metadata's, else
    /// none at all (MCP, Scope Selection Strategy). `offline_access` joins a scope where the issuer lists it.
    pub fn scope(&self) -> ScopeSet {
        let mut scope = match &self.resource {
            Some(_) => self.named_scope().1,
            None => self.personal_scope(),
        };
        if !scope.is_empty() && self.lists("offline_access") {
            scope.insert("offline_access");
        }
        scope
    }

    /// The scope that the server names, and where it does.
    pub fn named_scope(&self) -> (&'static str, ScopeSet) {
        let challenged = self.challenge.as_ref().and_then(|challenge| challenge.get("scope"));
        let challenged =
            challenged.map(|text| text.split([' ', ',']).take(MOST_SCOPES).collect::<ScopeSet>());
        if let Some(scope) = challenged.filter(|scope| !scope.is_empty()) {
            return ("named in the challenge", scope);
        }
        let listed = self.resource_metadata.iter().flat_map(|metadata| &metadata.scopes_supported);
        ("listed in the server's metadata", listed.map(String::as_str).take(MOST_SCOPES).collect())
    }

    /// Whether the server takes only tokens that are bound to a key (RFC 9449), as it says in its metadata or where it
    /// refuses.
    pub fn demands_dpop(&self) -> bool {
        self.challenge.as_ref().is_some_and(Challenge::demands_dpop)
            || self
                .resource_metadata
                .as_ref()
                .is_some_and(|metadata| metadata.dpop_bound_access_tokens_required)
    }

    /// Whether the issuer can bind tokens to a key, with signatures that this program makes.
    pub fn offers_dpop(&self) -> bool {
        self.issuer.dpop_signing_alg_values_supported.iter().any(|algorithm| algorithm == "ES256")
    }

    /// Whoever is to vouch for people is asked who they are.
    fn personal_scope(&self) -> ScopeSet {
        let known = ["email", "profile"].into_iter().filter(|scope| self.lists(scope));
        std::iter::once("openid").chain(known).collect()
    }

    fn lists(&self, scope: &str) -> bool {
        self.issuer.scopes_supported.iter().any(|own| own == scope)
    }
}

/// Finds the issuer of a server.
pub async fn discover(quest: Quest<'_>, trace: &mut Trace) -> Result<Discovery, Error> {
    let (word, is_new) = if quest.is_issuer {
        trace.note("call the server", "not done: it is an issuer", "OpenID Connect Discovery section 4");
        (ServerWord::default(), false)
    } else {
        hear(&quest, trace).await?
    };
    let found = find_issuer(&quest, &word, trace).await?;
    issuer::stays(&quest, &found.metadata.issuer, trace)?;
    found.metadata.vet(quest.http).await?;
    let known = word.resource_metadata.as_ref().map(|metadata| metadata.resource.as_str());
    let resource =
        (!quest.is_issuer).then(|| known.map_or_else(|| quest.server.resource().into_owned(), str::to_owned));
    // What nothing vouches for is looked at anew each time.
    let server = (is_new && !found.legacy).then(|| word.clone());
    Ok(Discovery {
        challenge: word.challenge,
        resource_metadata: word.resource_metadata,
        issuer: found.metadata,
        resource,
        legacy: found.legacy,
        news: News { server, issuer: found.asked },
    })
}

/// What an issuer says of itself, whoever asks.
pub async fn issuer_metadata(
    http: &Http,
    issuer: &Issuer,
    trace: &mut Trace,
) -> Result<IssuerMetadata, Error> {
    let metadata = issuer::fetch(http, issuer, trace).await?;
    issuer::names_itself(issuer, &metadata.issuer, false, trace)?;
    metadata.vet(http).await?;
    Ok(metadata)
}

/// What the server says, or said not long ago; and whether it was asked just now.
async fn hear(quest: &Quest<'_>, trace: &mut Trace) -> Result<(ServerWord, bool), Error> {
    let asked = Asked { http: quest.http, server: quest.server, strict: quest.strict_resource };
    if let Some(Kept { word, since }) = quest.kept.as_ref().filter(|kept| asked.still_takes(&kept.word)) {
        trace.note(format!("what {} says", quest.server), format!("kept since {since}"), issuer::KEPT);
        return Ok((word.clone(), false));
    }
    match ask(quest, asked, trace).await {
        Ok(word) => Ok((word, true)),
        // The endpoints are known, and neither scope nor resource is needed to use them.
        Err(error) if quest.endpoints.is_some() && !is_alarming(&error) => {
            trace.note("go on without the server's word", error.to_string(), "you settled the endpoints");
            Ok((ServerWord::default(), false))
        }
        Err(error) => Err(error),
    }
}

async fn ask(quest: &Quest<'_>, asked: Asked<'_>, trace: &mut Trace) -> Result<ServerWord, Error> {
    let word = asked.probe(trace).await?;
    let resource_metadata = match asked.resource_metadata(word.challenge.as_ref(), trace).await {
        // Naming the issuer is the way around a challenge that leads nowhere.
        Err(Error::NoMetadata { .. }) if quest.pinned.is_some() => None,
        found => found?,
    };
    Ok(ServerWord { resource_metadata, ..word })
}

/// Whether somebody may be playing false.
fn is_alarming(error: &Error) -> bool {
    use crate::http::HttpError as H;
    matches!(
        error,
        Error::ResourceMismatch { .. }
            | Error::AmbiguousChallenge(_)
            | Error::Http(H::Refused { .. } | H::Certificate { .. })
    )
}

async fn find_issuer(
    quest: &Quest<'_>,
    word: &ServerWord,
    trace: &mut Trace,
) -> Result<issuer::Found, Error> {
    if let Some(endpoints) = quest.endpoints {
        return Ok(issuer::settled(quest, endpoints, trace));
    }
    if let Some(pinned) = quest.pinned {
        trace.decide("choose the issuer", format!("{pinned}: you named it"), "your settings", "--issuer");
        return issuer::ask(quest, pinned, trace).await;
    }
    if quest.is_issuer {
        return issuer::ask(quest, &Issuer::new(quest.server.as_str()), trace).await;
    }
    match &word.resource_metadata {
        Some(metadata) => issuer::first_usable(quest, metadata, trace).await,
        // A captive portal, or the URL of something else. Nothing vouches for an issuer that would be made up here.
        None if word.page => Err(Error::NoMetadata {
            what: quest.server.to_string(),
            why: "it answers with a web page, as no MCP server does".into(),
        }),
        None if word.open => Err(Error::NoSignIn(quest.server.clone())),
        None => issuer::legacy(quest, word, trace).await,
    }
}

pub(super) fn temporary(answer: &Answer) -> Error {
    let (host, status, retry_after) = (answer.host.clone(), answer.status, answer.retry_after());
    Error::Temporary { host, status, word: None, retry_after }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    /// MCP 33.
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
            let metadata = ResourceMetadata { scopes_supported, ..ResourceMetadata::default() };
            Discovery {
                challenge: Challenge::from_headers(&headers),
                resource_metadata: Some(metadata),
                issuer,
                resource: Some(String::new()),
                legacy: false,
                news: News::default(),
            }
        };
        let scope = |challenge, listed: &[&str], scopes: &[&str]| {
            discovery(challenge, listed, issuer(scopes)).scope().to_string()
        };
        assert_eq!(scope(Some("Bearer scope=\"a b\""), &["c"], &[]), "a b");
        assert_eq!(scope(Some("Bearer"), &["c", "d"], &["offline_access"]), "c d offline_access");
        assert_eq!(scope(None, &[], &["offline_access", "x"]), "");
        assert_eq!(scope(None, &["c"], &["x"]), "c");
        assert_eq!(scope(None, &["c", "d e", "f\"", "g\u{1b}", ""], &[]), "c");
        let many: Vec<_> = (0..5_000).map(|number| number.to_string()).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(scope(None, &many, &[]).split(' ').count(), MOST_SCOPES);

        let provider = Discovery { resource: None, ..discovery(None, &[], issuer(&["email", "phone"])) };
        assert_eq!(provider.scope().to_string(), "openid email");
    }
}
