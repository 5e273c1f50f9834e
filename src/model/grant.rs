//! How a login comes to its access token, and so how it comes to the next one.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Issuer, LoginKey};

/// The kinds of [`Grant`], as the command line and a profile name them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum GrantKind {
    /// A person consents in a browser on this machine (RFC 6749 section 4.1).
    #[default]
    AuthorizationCode,
    /// A person consents in a browser elsewhere (RFC 8628).
    Device,
    /// The client speaks for itself (RFC 6749 section 4.4).
    ClientCredentials,
    /// A company's identity provider vouches for the person (RFC 8693, then RFC 7523).
    Enterprise,
    /// A platform vouches for the program that runs on it (RFC 7523).
    Workload,
}

impl GrantKind {
    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization-code",
            Self::Device => "device",
            Self::ClientCredentials => "client-credentials",
            Self::Enterprise => "enterprise",
            Self::Workload => "workload",
        }
    }
}

impl fmt::Display for GrantKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// How a login came about, with all that asking again takes. Tells where secrets are, and none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Grant {
    /// A person consented in a browser on this machine.
    #[default]
    AuthorizationCode,
    /// A person consented in a browser elsewhere.
    Device,
    /// The client speaks for itself.
    ClientCredentials,
    /// A company's identity provider vouches for the person.
    Enterprise(EnterpriseGrant),
    /// A platform vouches for the program.
    Workload(WorkloadGrant),
}

impl Grant {
    /// Which kind it is.
    pub fn kind(&self) -> GrantKind {
        match self {
            Self::AuthorizationCode => GrantKind::AuthorizationCode,
            Self::Device => GrantKind::Device,
            Self::ClientCredentials => GrantKind::ClientCredentials,
            Self::Enterprise(_) => GrantKind::Enterprise,
            Self::Workload(_) => GrantKind::Workload,
        }
    }

    /// Whether a new token is asked for like the first one, without a person and without a refresh token.
    pub fn asks_anew(&self) -> bool {
        matches!(self, Self::ClientCredentials | Self::Enterprise(_) | Self::Workload(_))
    }

    /// Whether nothing is known but the usual: so it need not be written down.
    pub fn is_usual(&self) -> bool {
        *self == Self::AuthorizationCode
    }
}

/// Where a token of somebody else's is read each time it is needed: those tokens are short-lived, and not ours to keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenSource {
    /// The content of this file.
    File(PathBuf),
    /// What this command prints; a program and its arguments, which no shell reads.
    Command(Vec<String>),
}

/// What the workload grant takes: an assertion that the platform gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadGrant {
    /// Where the assertion is.
    pub assertion: TokenSource,
}

/// What the enterprise grant takes (MCP Enterprise-Managed Authorization): who vouches, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnterpriseGrant {
    /// The identity provider.
    pub identity_provider: Issuer,
    /// Its token endpoint, where the subject token is exchanged (RFC 8693).
    pub token_endpoint: Url,
    /// As whom the identity provider knows this client.
    pub client_id: String,
    /// What says who the person is.
    pub subject: SubjectSource,
}

/// Where the subject token of an exchange comes from (RFC 8693 section 2.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectSource {
    /// A login at the identity provider, in this store.
    Login(StoredSubject),
    /// An ID token that something else keeps.
    Token(TokenSource),
}

/// Which login vouches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSubject {
    /// The profile of the identity provider.
    pub server: super::Name,
    /// The account there.
    pub account: super::Name,
}

impl StoredSubject {
    /// The key under which that login is stored.
    pub fn key(&self) -> LoginKey {
        LoginKey { server: self.server.clone(), account: self.account.clone() }
    }
}

/// Whether access tokens are bound to a key of ours (RFC 9449).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum DpopChoice {
    /// If the server demands it.
    #[default]
    Auto,
    /// If the issuer can do it at all.
    Always,
    /// In no case.
    Never,
}

/// How a client signs (RFC 7518 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA with P-256 and SHA-256.
    #[serde(rename = "ES256")]
    Es256,
}

impl SigningAlgorithm {
    /// Its name in a JOSE header.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// For whom a client's assertion is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum AssertionAudience {
    /// The issuer, which nobody else can pose as (RFC 7523bis).
    #[default]
    Issuer,
    /// The token endpoint, as issuers from before expect it (RFC 7523 section 3).
    TokenEndpoint,
}

/// What may be told of the key with which a client proves itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssertionFacts {
    /// How it signs.
    pub algorithm: SigningAlgorithm,
    /// The name of the key at the issuer (`kid`), if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// For whom its assertions are meant.
    #[serde(default)]
    pub audience: AssertionAudience,
}
