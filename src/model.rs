//! The words of the program.
//!
//! *Server* is always the MCP server, *issuer* always the authorization server, *login* one stored grant.
//! Every compound word comes as facts, which may be printed, and secrets, which may not: [`LoginSummary`] is
//! what a [`Login`] looks like to somebody without the key of the store.

pub mod grant;
mod words;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::clock::UnixTime;
use crate::secret::{AccessToken, ClientKey, ClientSecret, DpopKey, RefreshToken, RegistrationToken};

pub use grant::{AssertionFacts, DpopChoice, Grant, GrantKind};
pub use words::{Issuer, Malformed, Name, ScopeSet, ServerArg, ServerUrl, is_loopback};

/// Which login is meant: one account at one server profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginKey {
    /// The server profile.
    pub server: Name,
    /// The account there.
    pub account: Name,
}

/// As the command line names it: `linear`, or `linear --account work`.
impl fmt::Display for LoginKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.account == Name::default() {
            write!(formatter, "{}", self.server)
        } else {
            write!(formatter, "{} --account {}", self.server, self.account)
        }
    }
}

/// Where the issuer answers, as its metadata said at login. A refresh uses these and discovers nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Where the browser is sent (RFC 6749 section 3.1); not at an issuer that serves machines only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Url>,
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
    /// Where a device asks for a code that a person types elsewhere (RFC 8628).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_authorization: Option<Url>,
}

impl Endpoints {
    /// Those of somebody who is only asked for tokens.
    pub fn only_token(token: Url) -> Self {
        Self {
            authorization: None,
            token,
            registration: None,
            revocation: None,
            userinfo: None,
            device_authorization: None,
        }
    }
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
    /// There is no client: an assertion says all that the issuer wants to know (RFC 7523 section 3.1).
    Unregistered,
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
    /// An assertion that the client signs (RFC 7523 section 2.2).
    PrivateKeyJwt,
}

impl ClientAuthMethod {
    /// The word of the standards.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }
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
    /// What the client was registered to ask for; empty if that was left open.
    #[serde(default, skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
    /// When the secret ends (RFC 7591 `client_secret_expires_at`); `None` if never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_expires_at: Option<UnixTime>,
    /// Where the registration can be read and deleted (RFC 7592).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_url: Option<Url>,
    /// How it signs, if it proves itself with a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion: Option<AssertionFacts>,
}

/// A client as one issuer knows it.
pub struct ClientRegistration {
    /// What may be told of it.
    pub facts: ClientFacts,
    /// Its password, if it has one.
    pub secret: Option<ClientSecret>,
    /// The private key that it signs with, if it has one; PEM.
    pub key: Option<ClientKey>,
    /// Its key to [`ClientFacts::management_url`].
    pub management_token: Option<RegistrationToken>,
}

impl ClientRegistration {
    /// A client that has nothing to prove itself with.
    pub fn public(source: RegistrationSource, issuer: &Issuer, client_id: impl Into<String>) -> Self {
        let facts = ClientFacts {
            source,
            issuer: issuer.clone(),
            client_id: client_id.into(),
            auth_method: ClientAuthMethod::None,
            redirect_uri: None,
            scope: ScopeSet::default(),
            secret_expires_at: None,
            management_url: None,
            assertion: None,
        };
        Self { facts, secret: None, key: None, management_token: None }
    }

    /// Nobody in particular, at this issuer.
    pub fn unregistered(issuer: &Issuer) -> Self {
        Self::public(RegistrationSource::Unregistered, issuer, "")
    }

    /// A second copy, for the login that this client makes.
    pub fn duplicate(&self) -> Self {
        Self {
            facts: self.facts.clone(),
            secret: self.secret.as_ref().map(ClientSecret::duplicate),
            key: self.key.as_ref().map(ClientKey::duplicate),
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
    /// Whether another access token can be had without a person: there is a refresh token, or the grant is one that
    /// the machine asks for again.
    pub refreshable: bool,
    /// Tells the access token from others without telling anything of it; `None` if nobody took its fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

impl TokenFacts {
    /// Whether the access token works only together with proofs of [`Login::dpop_key`] (RFC 9449 section 5).
    pub fn is_bound(&self) -> bool {
        self.token_type.eq_ignore_ascii_case("dpop")
    }
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

    /// Adds those of an earlier answer that this one does not have.
    pub fn keep(&mut self, earlier: &Self) {
        for (name, value) in &earlier.0 {
            self.0.entry(name.clone()).or_insert_with(|| value.clone());
        }
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
    /// A logout was begun and did not come to its end; another one finishes it.
    RevocationPending {
        /// When it was begun.
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
    /// How the login came about.
    #[serde(default, skip_serializing_if = "Grant::is_usual")]
    pub grant: Grant,
    /// The scope that was asked for.
    #[serde(default, skip_serializing_if = "ScopeSet::is_empty")]
    pub requested_scope: ScopeSet,
    /// Whether a refresh names the scope that was granted. The standard leaves it out; some issuers insist on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refresh_scope: bool,
    /// The member of a token answer that holds what the answer itself leaves out, at an issuer that writes it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_member: Option<String>,
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
    /// The key that the tokens are bound to, if they are (RFC 9449).
    pub dpop_key: Option<DpopKey>,
}

impl Login {
    /// The key under which it is stored.
    pub fn key(&self) -> LoginKey {
        self.facts.key()
    }
}

impl LoginFacts {
    /// Which sign-in this came from: it changes with every sign-in, and with no refresh.
    pub fn sign_in(&self) -> (UnixTime, u64) {
        (self.created_at, self.generation.saturating_sub(self.refresh_count))
    }

    /// The key under which it is stored.
    pub fn key(&self) -> LoginKey {
        LoginKey { server: self.server.clone(), account: self.account.clone() }
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
