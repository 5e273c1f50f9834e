//! The words that are texts with a grammar: each is checked once, when it is made.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::peer_text::PeerText;

/// A value that does not follow the grammar of its word.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct Malformed {
    what: &'static str,
    why: String,
}

impl Malformed {
    fn new(what: &'static str, why: impl Into<String>) -> Self {
        Self { what, why: why.into() }
    }
}

/// The URL of an MCP server, in the canonical form of the MCP specification: lower-case scheme and host, no
/// fragment, and no slash that the user did not type after a bare host.
///
/// A string and not a [`Url`], because `Url` adds that slash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerUrl(String);

impl ServerUrl {
    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where requests go, as a parsed URL: for a WebSocket the https or http one that its handshake is sent to.
    pub fn to_url(&self) -> Url {
        match Url::parse(&self.resource()) {
            Ok(url) => url,
            Err(_) => unreachable!("a ServerUrl was parsed before it was made"),
        }
    }

    /// Whether messages go over a WebSocket.
    pub fn is_websocket(&self) -> bool {
        self.0.starts_with("ws")
    }

    /// What an issuer knows the server by (RFC 8707): the canonical text, of a WebSocket that of its handshake.
    pub fn resource(&self) -> Cow<'_, str> {
        match self.0.strip_prefix("ws") {
            Some(rest) => Cow::Owned(format!("http{rest}")),
            None => Cow::Borrowed(&self.0),
        }
    }
}

impl FromStr for ServerUrl {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let refuse = |why: &str| Malformed::new("server URL", why);
        let mut url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
        if !matches!(url.scheme(), "https" | "http" | "wss" | "ws") {
            return Err(refuse("must begin with https://"));
        }
        // Neither part is repeated in the message: a password must not reach a terminal or a log.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("must not contain a user name or password"));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(refuse("has no host"));
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err(refuse("must be https://, plain http:// is for this machine only"));
        }
        if url.scheme() == "ws" && !is_loopback(&url) {
            return Err(refuse("must be wss://, plain ws:// is for this machine only"));
        }
        url.set_fragment(None);
        let typed_slash = text.split(['?', '#']).next().is_some_and(|path| path.ends_with('/'));
        let bare_host = url.path() == "/" && url.query().is_none();
        let mut canonical = String::from(url);
        if bare_host && !typed_slash {
            canonical.pop();
        }
        Ok(Self(canonical))
    }
}

impl TryFrom<String> for ServerUrl {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl From<ServerUrl> for String {
    fn from(url: ServerUrl) -> Self {
        url.0
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Whether a URL names this machine: a loopback address or exactly `localhost`, never a prefix of either.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The identifier of an authorization server, byte for byte as it was received: RFC 8414 section 3.3 and
/// RFC 9207 section 2.4 compare strings, so nothing here normalizes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Issuer(String);

impl Issuer {
    /// Takes the string as it came.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The string as it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are at one origin, as far as they are URLs.
    pub fn is_at_origin_of(&self, other: &Self) -> bool {
        let origin = |issuer: &Self| Url::parse(issuer.as_str()).ok().map(|url| url.origin());
        origin(self).is_some_and(|own| own.is_tuple() && Some(own) == origin(other))
    }
}

/// For people: what a peer called itself, made safe to show. Compare and send [`Issuer::as_str`].
impl fmt::Display for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        PeerText::from(self.as_str()).fmt(formatter)
    }
}

/// The name of a server profile or of an account: `[A-Za-z0-9._-]{1,64}`, not only dots, unique without
/// regard to case.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The name as the user wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it is compared and as files are named after it.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Name {}

impl Default for Name {
    /// `default`, the account of somebody who has only one.
    fn default() -> Self {
        Self("default".into())
    }
}

impl FromStr for Name {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if text.is_empty() || text.len() > 64 || !text.chars().all(allowed) || text.chars().all(|c| c == '.')
        {
            return Err(Malformed::new(
                "name",
                "must be 1 to 64 letters, digits, dots, dashes or underscores",
            ));
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for Name {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A server as a person names it on the command line: by the URL it has or by the name of its profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerArg {
    /// The URL.
    Url(ServerUrl),
    /// The name of a profile.
    Name(Name),
}

impl FromStr for ServerArg {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.contains("://") { text.parse().map(Self::Url) } else { text.parse().map(Self::Name) }
    }
}

impl fmt::Display for ServerArg {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(formatter),
            Self::Name(name) => name.fmt(formatter),
        }
    }
}

/// A set of scope tokens in the order in which they were first named (RFC 6749 section 3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct ScopeSet(Vec<String>);

impl ScopeSet {
    /// Adds a scope unless it is there; characters outside RFC 6749's alphabet make it be left out.
    pub fn insert(&mut self, scope: &str) {
        let legal = |c: char| matches!(c, '!' | '#'..='[' | ']'..='~');
        if !scope.is_empty() && scope.chars().all(legal) && !self.contains(scope) {
            self.0.push(scope.to_owned());
        }
    }

    /// These, and those of another set that are not among them.
    pub fn union(&self, other: &Self) -> Self {
        self.iter().chain(other.iter()).collect()
    }

    /// Whether all of another set is among these.
    pub fn covers(&self, other: &Self) -> bool {
        other.iter().all(|scope| self.contains(scope))
    }

    /// Whether the scope is in the set.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|own| own == scope)
    }

    /// Whether nothing is in the set; then no `scope` parameter is sent.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<'a> FromIterator<&'a str> for ScopeSet {
    fn from_iter<Scopes: IntoIterator<Item = &'a str>>(scopes: Scopes) -> Self {
        let mut set = Self::default();
        scopes.into_iter().for_each(|scope| set.insert(scope));
        set
    }
}

impl From<&str> for ScopeSet {
    /// Splits at spaces and, for issuers that write lists so, at commas.
    fn from(text: &str) -> Self {
        text.split([' ', ',']).collect()
    }
}

impl From<String> for ScopeSet {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<ScopeSet> for String {
    fn from(set: ScopeSet) -> Self {
        set.to_string()
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MCP 30.
    #[test]
    fn a_server_url_keeps_what_was_typed_and_lowers_the_rest() {
        for (typed, canonical) in [
            ("https://Example.COM", "https://example.com"),
            ("https://example.com/", "https://example.com/"),
            ("HTTPS://example.com:443/Mcp#part", "https://example.com/Mcp"),
            ("https://example.com/mcp/", "https://example.com/mcp/"),
            ("https://example.com/mcp?tenant=a", "https://example.com/mcp?tenant=a"),
            ("https://example.com/mcp?path=/", "https://example.com/mcp?path=/"),
            ("http://127.0.0.1:8080/mcp", "http://127.0.0.1:8080/mcp"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("WSS://example.com:443/ws", "wss://example.com/ws"),
            ("ws://127.0.0.1:8080", "ws://127.0.0.1:8080"),
        ] {
            assert_eq!(typed.parse::<ServerUrl>().unwrap().as_str(), canonical, "{typed}");
        }
    }

    /// MCP 12.
    #[test]
    fn a_server_url_is_refused_without_repeating_its_password() {
        let message = "https://user:hunter2@example.com".parse::<ServerUrl>().unwrap_err().to_string();
        assert!(!message.contains("hunter2"), "{message}");
        for refused in [
            "example.com",
            "ftp://example.com",
            "http://example.com",
            "http://localhost.example.com",
            "ws://example.com",
            "https://",
        ] {
            assert!(refused.parse::<ServerUrl>().is_err(), "{refused}");
        }
    }

    #[test]
    fn the_handshake_of_a_websocket_is_a_request_like_others() {
        for (typed, place) in [
            ("wss://example.com/ws?a=b", "https://example.com/ws?a=b"),
            ("ws://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("https://example.com/ws", "https://example.com/ws"),
        ] {
            let server: ServerUrl = typed.parse().unwrap();
            assert_eq!(server.resource(), place);
            assert_eq!(server.to_url(), Url::parse(place).unwrap());
            assert_eq!(server.is_websocket(), typed.starts_with("ws"));
        }
    }

    #[test]
    fn a_name_is_no_path() {
        for refused in ["", ".", "..", "../x", "a/b", "a b", "é", "a\0", &"x".repeat(65)] {
            assert!(refused.parse::<Name>().is_err(), "{refused:?}");
        }
        assert_eq!("Linear".parse::<Name>().unwrap(), "linear".parse::<Name>().unwrap());
    }

    #[test]
    fn a_scope_set_leaves_out_what_no_scope_may_contain() {
        let set = ScopeSet::from("read, write read \"quoted\" a\\b");
        assert_eq!(set.to_string(), "read write");
    }
}
