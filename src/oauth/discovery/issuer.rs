//! Who issues tokens for a server, and how: authorization server metadata (RFC 8414, OpenID Connect Discovery).

use url::Url;

use super::super::Error;
use super::super::metadata::{IssuerMetadata, ResourceMetadata, well_known};
use super::search::Search;
use super::server::ServerWord;
use super::{Kept, MOST_DOCUMENTS, Quest, Trace};
use crate::http::Http;
use crate::model::{Endpoints, Issuer};
use crate::peer_text::PeerText;

const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

/// An issuer that was found.
pub(super) struct Found {
    pub(super) metadata: IssuerMetadata,
    /// Under which name the issuer was asked just now; `None` if nothing was learnt that is worth keeping.
    pub(super) asked: Option<Issuer>,
    /// Whether nothing vouches for it.
    pub(super) legacy: bool,
}

impl Found {
    /// An issuer of which nobody need remember anything.
    pub(super) fn unasked(metadata: IssuerMetadata) -> Self {
        Self { metadata, asked: None, legacy: false }
    }
}

/// The issuers that a document lists, in the order in which they are tried: first those that know us already, so that
/// no second one comes to see what the first one gave.
pub(super) async fn first_usable(
    quest: &Quest<'_>,
    metadata: &ResourceMetadata,
    trace: &mut Trace,
) -> Result<Found, Error> {
    const RULE: &str = "RFC 9728 section 7.6; MCP Authorization Server Location";
    let listed = &metadata.authorization_servers;
    let is_held = |issuer: &&Issuer| quest.held.iter().any(|held| are_one(issuer, held));
    let held = listed.iter().filter(is_held);
    let ranked = held.chain(listed.iter().filter(|issuer| !is_held(issuer))).take(MOST_DOCUMENTS);
    let mut trouble = None;
    for issuer in ranked {
        if !is_no_stranger(quest, issuer) {
            trouble = trouble.or(stays(quest, issuer, trace).err());
            continue;
        }
        match ask(quest, issuer, trace).await {
            Ok(found) => {
                let why = match (listed.len(), is_held(&issuer)) {
                    (1, _) => "the only one that the server names".to_owned(),
                    (all, true) => format!("of the {all} that the server names, one that knows us"),
                    (all, false) => format!("the first of the {all} that the server names"),
                };
                trace.decide("choose the issuer", format!("{issuer}: {why}"), RULE, "--issuer");
                return Ok(found);
            }
            // It cannot be used. Trouble that passes is no reason to go to another one: it would be a different one
            // each time, and none of them knows what another gave.
            Err(
                error @ (Error::NoMetadata { .. } | Error::IssuerMismatch { .. } | Error::Malformed { .. }),
            ) => {
                trouble.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(trouble.unwrap_or_else(|| Error::NoMetadata {
        what: PeerText::from(metadata.resource.as_str()).to_string(),
        why: "it names no authorization server".into(),
    }))
}

/// The metadata of an issuer, as it was kept or as it says now. The document must name the issuer that was asked for,
/// byte for byte.
pub(super) async fn ask(quest: &Quest<'_>, issuer: &Issuer, trace: &mut Trace) -> Result<Found, Error> {
    if let Some(Kept { word: metadata, since }) = (quest.recall)(issuer) {
        trace.note(format!("metadata of {issuer}"), format!("kept since {since}"), KEPT);
        names_itself(issuer, &metadata.issuer, may_be_named(quest, issuer, &metadata.issuer), trace)?;
        return Ok(Found::unasked(metadata));
    }
    let metadata = fetch(quest.http, issuer, trace).await?;
    names_itself(issuer, &metadata.issuer, may_be_named(quest, issuer, &metadata.issuer), trace)?;
    Ok(Found { metadata, asked: Some(issuer.clone()), legacy: false })
}

/// Why something is not asked for again.
pub(super) const KEPT: &str = "what changes rarely is asked for once a day";

/// The document of an issuer, from the places and in the order of MCP Authorization Server Discovery.
pub(super) async fn fetch(http: &Http, issuer: &Issuer, trace: &mut Trace) -> Result<IssuerMetadata, Error> {
    let url = Url::parse(issuer.as_str()).map_err(|error| Error::NoMetadata {
        what: format!("issuer {issuer}"),
        why: format!("the issuer is no URL: {error}"),
    })?;
    let mut search = search(http);
    for (place, is_openid) in places(&url) {
        let Some(mut metadata) = search.at::<IssuerMetadata>(&place, trace).await? else { continue };
        metadata.openid = is_openid || metadata.scopes_supported.iter().any(|scope| scope == "openid");
        return Ok(metadata);
    }
    search.ended().and_then(|()| {
        Err(Error::NoMetadata {
            what: format!("issuer {issuer}"),
            why: "none of the well-known places has it".into(),
        })
    })
}

fn search(http: &Http) -> Search<'_> {
    const RULE: &str = "RFC 8414 section 3; OpenID Connect Discovery section 4";
    Search::new(http, "authorization server metadata", RULE)
}

/// Where an issuer may publish its metadata, and whether that is where OpenID Connect puts it.
fn places(issuer: &Url) -> Vec<(Url, bool)> {
    let path = issuer.path().trim_end_matches('/');
    let mut places = vec![(well_known(issuer, OAUTH, path), false), (well_known(issuer, OPENID, path), true)];
    if !path.is_empty() {
        places.push((well_known(issuer, path, OPENID), true));
    }
    places
}

/// Whether a document may speak for the issuer that was asked: it names that one, byte for byte (RFC 8414 section
/// 3.3), or one of the spellings that somebody vouches for. A lone slash at the end of a bare host is no other issuer,
/// and many get it wrong; the document's way of writing it is the one that redirects are compared with.
pub(super) fn names_itself(
    asked: &Issuer,
    named: &Issuer,
    is_trusted: bool,
    trace: &mut Trace,
) -> Result<(), Error> {
    const RULE: &str = "RFC 8414 section 3.3";
    let action = format!("compare issuer {named}");
    if asked == named {
        trace.note(action, "the one that was asked", RULE);
    } else if is_trusted {
        trace.decide(action, format!("another spelling of {asked}, and trusted"), RULE, "--trust-issuer");
    } else if are_one(asked, named) {
        let outcome = format!("warning: it was asked as {asked}; a lone slash is let pass");
        trace.note(action, outcome, RULE);
    } else {
        trace.decide(action, format!("not {asked}, which was asked"), RULE, "--trust-issuer");
        return Err(Error::IssuerMismatch { expected: asked.clone(), found: named.clone() });
    }
    Ok(())
}

/// Whether somebody vouches for an issuer that calls itself otherwise. What the user trusts may be in the hands of
/// nobody else than the host that was asked, unless he named both: else any issuer could pass for a trusted one, and
/// be shown what belongs to that one.
fn may_be_named(quest: &Quest<'_>, asked: &Issuer, named: &Issuer) -> bool {
    let origin = |issuer: &Issuer| Url::parse(issuer.as_str()).ok().map(|url| url.origin());
    let is_near = quest.pinned == Some(asked) || origin(asked) == origin(named);
    (is_near && quest.trusted.contains(named)) || (quest.spellings)(asked).contains(named)
}

/// Refuses an issuer that is not the one of the logins and clients that there are, unless the user vouches for it
/// (MCP, Authorization Server Binding).
pub(super) fn stays(quest: &Quest<'_>, found: &Issuer, trace: &mut Trace) -> Result<(), Error> {
    const RULE: &str = "MCP Authorization Server Binding";
    let Some(bound) = quest.held.first().filter(|_| quest.is_bound) else { return Ok(()) };
    let action = "compare with the issuer of before";
    if quest.held.contains(found) {
        trace.note(action, format!("still {found}"), RULE);
    } else if quest.pinned.is_some() || quest.trusted.contains(found) {
        trace.decide(action, format!("it was {bound}; you vouch for {found}"), RULE, "--trust-issuer");
    } else {
        trace.decide(action, format!("it was {bound}"), RULE, "--trust-issuer");
        return Err(Error::IssuerChanged { bound: bound.clone(), found: found.clone() });
    }
    Ok(())
}

/// Whether an issuer that the server names can be the one that is wanted: a stranger is not even asked.
fn is_no_stranger(quest: &Quest<'_>, listed: &Issuer) -> bool {
    let is_known = |issuer: &Issuer| {
        quest.trusted.contains(issuer) || quest.held.iter().any(|held| are_one(held, issuer))
    };
    let named_so = || quest.held.iter().chain(quest.trusted).any(|known| may_be_named(quest, listed, known));
    !quest.is_bound || quest.held.is_empty() || is_known(listed) || named_so()
}

/// Whether two issuers are the same string, or differ by the slash after a bare host alone.
pub(super) fn are_one(one: &Issuer, other: &Issuer) -> bool {
    let (one, other) = (one.as_str(), other.as_str());
    let is_bare_host = |text: &str| {
        let url = Url::parse(text).ok().filter(|_| !text.ends_with('/'));
        url.is_some_and(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none())
    };
    one == other
        || one.strip_suffix('/').is_some_and(|bare| bare == other && is_bare_host(bare))
        || other.strip_suffix('/').is_some_and(|bare| bare == one && is_bare_host(bare))
}

/// The issuer that the user settled together with its endpoints: nothing is looked for.
pub(super) fn settled(quest: &Quest<'_>, endpoints: &Endpoints, trace: &mut Trace) -> Found {
    const RULE: &str = "MCP Authorization Server Location: pre-configured values";
    let origin = || Issuer::new(endpoints.token.origin().ascii_serialization());
    let issuer = quest.pinned.cloned().unwrap_or_else(origin);
    let outcome = format!("{issuer}, with tokens from {}", endpoints.token);
    trace.decide("use the endpoints that you settled", outcome, RULE, "--token-url");
    trace.decide("PKCE", "S256 is used, and that the issuer checks it is yours to know", RULE, "--token-url");
    Found::unasked(IssuerMetadata::settled(issuer, endpoints))
}

/// MCP 2025-03-26: the server's origin is the issuer, with or without metadata. Reached only when every place for
/// resource metadata said that there is none. The metadata may name any issuer of that origin.
pub(super) async fn legacy(quest: &Quest<'_>, word: &ServerWord, trace: &mut Trace) -> Result<Found, Error> {
    const RULE: &str = "MCP 2025-03-26, Server Metadata Discovery";
    let origin = quest.server.to_url();
    let mut search = search(quest.http);
    let at_root = search.at::<IssuerMetadata>(&well_known(&origin, OAUTH, ""), trace).await?;
    search.ended()?;
    let legacy = |metadata| Found { metadata, asked: None, legacy: true };
    let Some(metadata) = at_root else {
        // A mistyped URL is no server of that age: such a one asks for authorization.
        if word.status != 401 && word.challenge.is_none() {
            let why = format!("it answers {} and publishes none", word.status);
            return Err(Error::NoMetadata { what: quest.server.to_string(), why });
        }
        let outcome = "nothing vouches for this issuer";
        trace.decide("use /authorize, /token and /register", outcome, RULE, "--issuer");
        return Ok(legacy(IssuerMetadata::at_fixed_paths(&origin)));
    };
    let same_origin =
        Url::parse(metadata.issuer.as_str()).is_ok_and(|issuer| issuer.origin() == origin.origin());
    if same_origin {
        let outcome = format!("{}, for which nothing vouches", metadata.issuer);
        trace.decide("take the server's own origin as its issuer", outcome, RULE, "--issuer");
        return Ok(legacy(metadata));
    }
    let expected = Issuer::new(origin.origin().ascii_serialization());
    Err(Error::IssuerMismatch { expected, found: metadata.issuer })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MCP 10.
    #[test]
    fn only_a_lone_slash_after_a_bare_host_makes_no_other_issuer() {
        let one = |one: &str, other: &str| {
            let forth = are_one(&Issuer::new(one), &Issuer::new(other));
            assert_eq!(forth, are_one(&Issuer::new(other), &Issuer::new(one)), "{one} {other}");
            forth
        };
        assert!(one("https://i.example", "https://i.example/"));
        assert!(one("https://i.example:8443/", "https://i.example:8443"));
        assert!(one("no url", "no url"));
        for (asked, named) in [
            ("https://i.example/t", "https://i.example/t/"),
            ("https://i.example", "https://i.example//"),
            ("https://i.example/", "https://i.example//"),
            ("https://i.example", "https://I.example/"),
            ("https://i.example", "https://i.example:443/"),
            ("https://i.example?x", "https://i.example?x/"),
            ("https://i.example#x", "https://i.example#x/"),
            ("", "/"),
        ] {
            assert!(!one(asked, named), "{asked} {named}");
        }
    }
}
