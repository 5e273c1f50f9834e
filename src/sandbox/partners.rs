//! Who else there is: clients that did not register themselves, issuers that are trusted, and servers for which the
//! sandbox vouches.

use super::jwt::PublicKey;

/// A client that did not register itself. Without secret and key it is public.
#[derive(Clone, Debug)]
pub struct Preregistered {
    /// Its `client_id`.
    pub id: String,
    /// A secret, which it may send in either way.
    pub secret: Option<String>,
    /// The public half of the key by which it signs its assertions (RFC 7523).
    pub key: Option<PublicKey>,
    /// What it may ask for, by the names of the standards, such as `client_credentials`.
    pub grant_types: Vec<String>,
    /// Where it may be redirected to.
    pub redirect_uris: Vec<String>,
}

/// What an assertion may name as its audience: issuers do not agree on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionAudience {
    /// The issuer.
    Issuer,
    /// The token endpoint, as many still have it.
    TokenEndpoint,
    /// One of the two.
    Either,
}

/// An issuer whose word is taken for a token: a platform that runs workloads, or an identity provider.
#[derive(Clone, Debug)]
pub struct TrustedIssuer {
    /// The `iss` of its assertions.
    pub issuer: String,
    /// The key that signs them.
    pub key: PublicKey,
}

/// As an identity provider: what a client may take to which other issuer.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The client here.
    pub client_id: String,
    /// The other issuer.
    pub audience: String,
    /// The MCP server that it protects.
    pub resource: String,
    /// Who the client is there.
    pub client_id_there: String,
}

/// What is wrong with an identity assertion that the sandbox gives as an identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JagFault {
    /// It is for another issuer.
    Audience,
    /// It is for another server.
    Resource,
    /// It is for another client.
    Client,
    /// Its header names another type.
    Type,
    /// It has expired.
    Expired,
    /// The answer says that it is an access token.
    IssuedTokenType,
    /// The answer says that it can be shown as Bearer.
    TokenType,
}
