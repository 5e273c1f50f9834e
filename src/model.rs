//! The words of the program.
//!
//! *Server* is always the MCP server, *issuer* always the authorization server, *login* one stored grant.
//! Every compound word comes as facts, which may be printed, and secrets, which may not: [`LoginSummary`] is
//! what a [`Login`] looks like to somebody without the key of the store.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::clock::UnixTime;
use crate::secret::{AccessToken, ClientSecret, RefreshToken, RegistrationToken};

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

    /// The same as a parsed URL, to send requests to.
    pub fn to_url(&self) -> Url {
        match Url::parse(&self.0) {
            Ok(url) => url,
            Err(_) => unreachable!("a ServerUrl was parsed before it was made"),
        }
    }
}

impl FromStr for ServerUrl {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let refuse = |why: &str| Malformed::new("server URL", why);
        let mut url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
        if !matches!(url.scheme(), "https" | "http") {
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
        url.set_fragment(None);
        let typed_slash = text.split(['?', '#']).next().is_some_and(|path| path.ends_with('/'));
        let mut canonical = String::from(url);
        if !typed_slash && canonical.ends_with('/') {
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
}

impl fmt::Display for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
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
        if text.is_empty() || text.len() > 64 || !text.chars().all(allowed) || text.chars().all(|c| c == '.') {
            return Err(Malformed::new("name", "must be 1 to 64 letters, digits, dots, dashes or underscores"));
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

/// Which login is meant: one account at one server profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginKey {
    /// The server profile.
    pub server: Name,
    /// The account there.
    pub account: Name,
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

/// Where the issuer answers, as its metadata said at login. A refresh uses these and discovers nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Where the browser is sent (RFC 6749 section 3.1).
    pub authorization: Url,
    /// Where codes and refresh tokens are redeemed (RFC 6749 section 3.2).
    pub token: Url,
    /// Where clients register (RFC 7591).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<Url>,
    /// Where tokens are revoked (RFC 7009).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<Url>,
    /// Where the issuer tells who signed in (OpenID Connect Core section 5.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo: Option<Url>,
}

/// How this client became known to an issuer, in the order in which the ways are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationSource {
    /// The user brought a client id.
    Preregistered,
    /// The client id is the URL of a client id metadata document.
    MetadataDocument,
    /// The issuer gave an id on request (RFC 7591).
    Dynamic,
}

/// How a client proves itself at the token endpoint (RFC 7591 section 2, `token_endpoint_auth_method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthMethod {
    /// A public client: only its id, in the body.
    None,
    /// Id and secret in an `Authorization: Basic` header.
    ClientSecretBasic,
    /// Id and secret in the body.
    ClientSecretPost,
}

/// What may be told of a client registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientFacts {
    /// How the registration came about.
    pub source: RegistrationSource,
    /// The issuer that knows this client; the registration is shown to no other.
    pub issuer: Issuer,
    /// `client_id`.
    pub client_id: String,
    /// How the client proves itself.
    pub auth_method: ClientAuthMethod,
    /// The redirect URI that the issuer has on file, if it was asked to keep one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// When the secret ends (RFC 7591 `client_secret_expires_at`); `None` if never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_expires_at: Option<UnixTime>,
    /// Where the registration can be read and deleted (RFC 7592).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_url: Option<Url>,
}

/// A client as one issuer knows it.
pub struct ClientRegistration {
    /// What may be told of it.
    pub facts: ClientFacts,
    /// Its password, if it has one.
    pub secret: Option<ClientSecret>,
    /// Its key to [`ClientFacts::management_url`].
    pub management_token: Option<RegistrationToken>,
}

impl ClientRegistration {
    /// A second copy, for the login that this client makes.
    pub fn duplicate(&self) -> Self {
        Self {
            facts: self.facts.clone(),
            secret: self.secret.as_ref().map(ClientSecret::duplicate),
            management_token: self.management_token.as_ref().map(RegistrationToken::duplicate),
        }
    }
}

/// What may be told of the tokens of a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenFacts {
    /// `token_type` as the issuer wrote it; `Bearer` if it wrote none.
    pub token_type: String,
    /// The scope that was granted: the answer's, else the requested one.
    #[serde(default, skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
    /// When the answer arrived.
    pub received_at: UnixTime,
    /// When the access token ends. `None` is unknown: it is used until a server refuses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<UnixTime>,
    /// Whether there is a refresh token.
    pub refreshable: bool,
}

/// Members of a token answer that the standards do not name, such as `id_token` or a vendor's own. Some of
/// them are secrets, so the whole is treated as one: read by name, never printed as a whole.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExtraFields(BTreeMap<String, serde_json::Value>);

impl ExtraFields {
    /// Adds or replaces a member.
    pub fn insert(&mut self, name: String, value: serde_json::Value) {
        self.0.insert(name, value);
    }

    /// One member by name.
    pub fn get(&self, name: &str) -> Option<&serde_json::Value> {
        self.0.get(name)
    }
}

/// What the token endpoint gave.
pub struct TokenSet {
    /// What may be told of it.
    pub facts: TokenFacts,
    /// The token for the server.
    pub access_token: AccessToken,
    /// The token for the issuer.
    pub refresh_token: Option<RefreshToken>,
    /// Further members of the answer.
    pub extra: ExtraFields,
}

/// Whether a login still works, as far as this machine knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum LoginState {
    /// Nothing speaks against it.
    Active,
    /// The issuer has ended it; only a person can start it again.
    ReauthRequired {
        /// The error code of the issuer, such as `invalid_grant`.
        reason: String,
        /// When that was learnt.
        since: UnixTime,
    },
}

/// Who signed in, as far as the issuer told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The issuer's identifier for the person (`sub`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The person's mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

impl Identity {
    /// The most telling part that is known.
    pub fn label(&self) -> Option<&str> {
        self.email.as_deref().or(self.name.as_deref()).or(self.sub.as_deref())
    }
}

/// What may be told of a login, apart from its client and tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFacts {
    /// The server profile.
    pub server: Name,
    /// The account there.
    pub account: Name,
    /// The server's URL.
    pub url: ServerUrl,
    /// The `resource` parameter (RFC 8707) exactly as it was sent and will be sent at each refresh; `None` if
    /// the user said not to send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Where the issuer answers.
    pub endpoints: Endpoints,
    /// The scope that was asked for.
    #[serde(default, skip_serializing_if = "ScopeSet::is_empty")]
    pub requested_scope: ScopeSet,
    /// Who signed in.
    #[serde(default)]
    pub identity: Identity,
    /// Whether the login works.
    pub state: LoginState,
    /// Grows with every change of the record; an older one never replaces a newer one.
    pub generation: u64,
    /// How often it was refreshed.
    pub refresh_count: u64,
    /// When the person signed in.
    pub created_at: UnixTime,
}

/// One stored grant: what a person gave by signing in.
pub struct Login {
    /// What may be told of it.
    pub facts: LoginFacts,
    /// The client that obtained it.
    pub client: ClientRegistration,
    /// What the issuer gave.
    pub tokens: TokenSet,
}

impl Login {
    /// The key under which it is stored.
    pub fn key(&self) -> LoginKey {
        LoginKey { server: self.facts.server.clone(), account: self.facts.account.clone() }
    }
}

/// A login without its secrets: what can be read without the key of the store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoginSummary {
    /// The login itself.
    pub login: LoginFacts,
    /// The client that obtained it.
    pub client: ClientFacts,
    /// Its tokens.
    pub tokens: TokenFacts,
}

impl From<&Login> for LoginSummary {
    fn from(login: &Login) -> Self {
        Self {
            login: login.facts.clone(),
            client: login.client.facts.clone(),
            tokens: login.tokens.facts.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_url_keeps_what_was_typed_and_lowers_the_rest() {
        for (typed, canonical) in [
            ("https://Example.COM", "https://example.com"),
            ("https://example.com/", "https://example.com/"),
            ("HTTPS://example.com:443/Mcp#part", "https://example.com/Mcp"),
            ("https://example.com/mcp/", "https://example.com/mcp/"),
            ("https://example.com/mcp?tenant=a", "https://example.com/mcp?tenant=a"),
            ("http://127.0.0.1:8080/mcp", "http://127.0.0.1:8080/mcp"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(typed.parse::<ServerUrl>().unwrap().as_str(), canonical, "{typed}");
        }
    }

    #[test]
    fn a_server_url_is_refused_without_repeating_its_password() {
        let message = "https://user:hunter2@example.com".parse::<ServerUrl>().unwrap_err().to_string();
        assert!(!message.contains("hunter2"), "{message}");
        for refused in
            ["example.com", "ftp://example.com", "http://example.com", "http://localhost.example.com", "https://"]
        {
            assert!(refused.parse::<ServerUrl>().is_err(), "{refused}");
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
