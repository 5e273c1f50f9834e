//! The words of the sandbox: what it tells of itself, and the records that it keeps.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use serde_json::Value;

use super::grant_types::JWT_BEARER;
use super::jwt::PublicKey;
use super::wire::Refusal;
use crate::clock::UnixTime;
use crate::model::ScopeSet;

/// A copy of what the sandbox has seen so far. It holds tokens in the clear: they open nothing but the
/// sandbox, and tests compare them.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Every request in order, such as `POST /token`; the path without its query.
    pub requests: Vec<String>,
    /// Clients that registered themselves.
    pub registrations: u64,
    /// Authorization codes given out.
    pub codes_issued: u64,
    /// Authorization codes turned into tokens.
    pub codes_redeemed: u64,
    /// Refreshes that gave new tokens.
    pub refreshes: u64,
    /// Requests to refresh, whatever came of them.
    pub refresh_attempts: u64,
    /// Spent refresh tokens that came again within the grace and were given their successor.
    pub grace_replays: u64,
    /// Spent codes and refresh tokens that came again and ended their family.
    pub reuses: u64,
    /// Tokens that a client revoked.
    pub revocations: u64,
    /// Requests to `/token`, whatever came of them, by their `grant_type`.
    pub grants_asked: BTreeMap<String, u64>,
    /// Polls with a device code (RFC 8628).
    pub device_polls: u64,
    /// Assertions by which a client proved itself (RFC 7523 section 2.2).
    pub client_assertions: u64,
    /// Assertions of other issuers that became a token (RFC 7523 section 2.1).
    pub assertions: u64,
    /// Assertions of other issuers that did not.
    pub assertions_refused: u64,
    /// Identity assertions given for other issuers (RFC 8693).
    pub exchanges: u64,
    /// Proofs of a key that were accepted (RFC 9449).
    pub proofs: u64,
    /// Proofs that were sent back for their nonce.
    pub nonces_asked: u64,
    /// Clients that deleted themselves (RFC 7592).
    pub deletions: u64,
    /// Every grant that was ever redeemed.
    pub families: Vec<Family>,
    /// Messages that the MCP server accepted.
    pub mcp_calls: u64,
    /// Tools that ran.
    pub tool_calls: u64,
    /// The parameters of the last `/authorize`.
    pub last_authorize: Option<HashMap<String, String>>,
    /// The parameters of the last `/token`.
    pub last_token_request: Option<HashMap<String, String>>,
    /// How the last client at `/token`, `/revoke` or `/introspect` authenticated.
    pub last_auth_method: Option<String>,
    /// The body of the last `/register`.
    pub last_registration: Option<Value>,
    /// The header of the last request to `/mcp`, names in lower case.
    pub last_mcp_headers: HashMap<String, String>,
    /// Every refusal, in words.
    pub violations: Vec<String>,
}

/// One grant and all tokens that came from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// The client it was given to.
    pub client_id: String,
    /// Whether its tokens still work.
    pub alive: bool,
    /// How often it was refreshed.
    pub refreshes: u64,
    /// Who gave it.
    pub sub: String,
}

/// A client as the issuer knows it.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) id: String,
    /// What the consent page calls it.
    pub(super) name: String,
    pub(super) secret: Option<String>,
    /// The key that signs its assertions.
    pub(super) key: Option<PublicKey>,
    pub(super) redirect_uris: Vec<String>,
    /// `token_endpoint_auth_method`; `None` leaves the choice among the ways of sending a secret.
    pub(super) auth_method: Option<String>,
    /// The grants that it registered for.
    pub(super) grant_types: Vec<String>,
    /// The key to its own registration (RFC 7592).
    pub(super) management_token: Option<String>,
    /// The registration as it was answered.
    pub(super) metadata: Value,
}

impl Client {
    /// Whether it registered for a grant.
    pub(super) fn may(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|own| own == grant_type)
    }

    /// Whoever says nothing about itself, and is known only by the word of another issuer.
    pub(super) fn unnamed() -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            secret: None,
            key: None,
            redirect_uris: Vec::new(),
            auth_method: None,
            grant_types: vec![JWT_BEARER.into()],
            management_token: None,
            metadata: Value::Null,
        }
    }

    /// Whether it has nothing to prove itself with.
    pub(super) fn is_public(&self) -> bool {
        self.secret.is_none() && self.key.is_none()
    }

    /// Refuses a client that did not register for a grant (RFC 6749 section 5.2).
    pub(super) fn must_be_allowed(&self, grant_type: &str) -> Result<(), Refusal> {
        let why = "the client did not register for this grant";
        if self.may(grant_type) { Ok(()) } else { Err(Refusal::bad("unauthorized_client", why)) }
    }
}

/// A request to authorize that has passed every check.
#[derive(Clone)]
pub(super) struct AuthorizationRequest {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
    pub(super) challenge: String,
    pub(super) nonce: Option<String>,
    /// The thumbprint of the key that the code is bound to (RFC 9449 section 10).
    pub(super) dpop_jkt: Option<String>,
    pub(super) resource: String,
    pub(super) scope: ScopeSet,
}

/// What a grant allows.
pub(super) struct Grant {
    pub(super) client_id: String,
    pub(super) sub: String,
    pub(super) scope: ScopeSet,
    pub(super) resource: String,
    /// What the client's ID token must repeat (OIDC Core section 3.1.2.1).
    pub(super) nonce: Option<String>,
    pub(super) alive: bool,
    pub(super) refreshes: u64,
}

/// An authorization code and the request it answers.
pub(super) struct Code {
    pub(super) request: AuthorizationRequest,
    pub(super) sub: String,
    pub(super) expires_at: UnixTime,
    /// Set by the first attempt to redeem it, good or bad.
    pub(super) spent: bool,
    /// The grant it was turned into, an index into the ledger's grants.
    pub(super) grant: Option<usize>,
}

/// A device that waits for a person (RFC 8628).
pub(super) struct Device {
    pub(super) client_id: String,
    pub(super) user_code: String,
    pub(super) resource: String,
    pub(super) scope: ScopeSet,
    pub(super) expires_at: UnixTime,
    /// Seconds that must lie between two polls.
    pub(super) interval: u64,
    /// How often it asked in good order, and when it asked last.
    pub(super) polls: u64,
    pub(super) polled: Option<Instant>,
    /// What the person said.
    pub(super) approved: Option<bool>,
}

/// An access token.
pub(super) struct Access {
    pub(super) grant: usize,
    pub(super) scope: ScopeSet,
    pub(super) expires_at: UnixTime,
    pub(super) revoked: bool,
    /// The thumbprint of the key that it is bound to.
    pub(super) jkt: Option<String>,
}

/// A refresh token.
pub(super) struct Refresh {
    pub(super) grant: usize,
    pub(super) expires_at: Option<UnixTime>,
    /// The thumbprint of the key that it is bound to.
    pub(super) jkt: Option<String>,
    /// When it was used, and what it gave.
    pub(super) spent: Option<(UnixTime, Tokens)>,
}

/// The tokens of one answer.
#[derive(Clone)]
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: Option<String>,
    pub(super) scope: ScopeSet,
}

/// A session of the MCP server (revisions before 2026-07-28).
pub(super) struct Session {
    /// The revision that was agreed on.
    pub(super) version: &'static str,
    /// The grant that opened it; none if it was opened without a token.
    pub(super) grant: Option<usize>,
}

/// Who stands behind a request.
#[derive(Default)]
pub(super) struct Visitor {
    /// The grant; none where nobody had to show a token, or where another sandbox gave it.
    pub(super) grant: Option<usize>,
    pub(super) sub: String,
    pub(super) client_id: String,
    pub(super) scope: ScopeSet,
    /// Whether the token was bound to a key.
    pub(super) bound: bool,
}

/// What a person is called: the one who lives here has a full name.
pub(super) fn display_name(sub: &str) -> &str {
    if sub == "sandy" { "Sandy Box" } else { sub }
}
