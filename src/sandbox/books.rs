//! The words of the sandbox: what it tells of itself, and the records that it keeps.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::feed::Feed;
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
    /// The header of the last request to the MCP server, by whichever way in, names in lower case.
    pub last_mcp_headers: HashMap<String, String>,
    /// Sessions that were opened: by `initialize`, by `GET /sse`, by a WebSocket.
    pub sessions_opened: u64,
    /// Sessions that the client closed: by `DELETE`, or by its connection at `/sse` and `/ws`.
    pub sessions_closed: u64,
    /// Event streams that were begun: the answers to GET, and to POST if they are streams.
    pub streams_opened: u64,
    /// Event streams that are over, whoever ended them.
    pub streams_closed: u64,
    /// Every `Last-Event-ID` that came, in order.
    pub last_event_ids: Vec<String>,
    /// Requests that the MCP server works on now.
    pub in_flight: u64,
    /// The most that were worked on at the same time.
    pub most_in_flight: u64,
    /// The JSON-RPC ids of requests that were cancelled while they were worked on: by a notification, or by a client that
    /// closed the connection.
    pub cancelled: Vec<Value>,
    /// The methods of the notifications that came, in order.
    pub notifications: Vec<String>,
    /// What clients answered to requests of the server, whole messages in order.
    pub answers: Vec<Value>,
    /// The filters of the subscriptions that were opened (2026-07-28).
    pub subscriptions: Vec<Value>,
    /// Pongs that came by WebSocket.
    pub pongs: u64,
    /// The codes with which clients closed a WebSocket; 1005 is a close frame without a code.
    pub websocket_closes: Vec<u16>,
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
    /// What the client said it can do.
    pub(super) capabilities: Value,
    /// What the server says unasked.
    pub(super) own: Arc<Feed>,
    /// The events of answers, by the number that stands in their ids.
    pub(super) answers: BTreeMap<u64, Arc<Feed>>,
    /// How many answers were event streams.
    pub(super) numbered: u64,
    /// Requests that are worked on, by their id, and the word to stop.
    pub(super) running: HashMap<String, Arc<Notify>>,
}

/// How many answers a client may ask for again.
const ANSWERS_KEPT: usize = 64;

impl Session {
    /// A new one.
    pub(super) fn new(version: &'static str, grant: Option<usize>, capabilities: Value) -> Self {
        Self {
            version,
            grant,
            capabilities,
            own: Arc::new(Feed::new()),
            answers: BTreeMap::new(),
            numbered: 0,
            running: HashMap::new(),
        }
    }

    /// A feed for the events of one answer, and its number.
    pub(super) fn add_answer(&mut self) -> (u64, Arc<Feed>) {
        self.numbered += 1;
        let feed = Arc::new(Feed::new());
        self.answers.insert(self.numbered, Arc::clone(&feed));
        if self.answers.len() > ANSWERS_KEPT {
            self.answers.pop_first();
        }
        (self.numbered, feed)
    }

    /// Ends its streams.
    pub(super) fn end(self) {
        self.running.values().for_each(|stop| stop.notify_one());
        self.own.end();
        self.answers.into_values().for_each(|feed| feed.end());
    }

    /// Whether somebody may use it. One that was opened without a token belongs to nobody, so to everybody.
    pub(super) fn belongs_to(&self, visitor: &Visitor) -> bool {
        self.grant.is_none() || self.grant == visitor.grant
    }
}

/// A subscription of a client of 2026-07-28.
pub(super) struct Subscription {
    /// The id of the request that opened it.
    pub(super) id: Value,
    /// What it wants to hear.
    pub(super) wanted: Value,
    /// Where it hears it.
    pub(super) feed: Arc<Feed>,
}

impl Subscription {
    /// Whether it asked for notifications of this kind.
    pub(super) fn wants(&self, method: &str, parameters: &Value) -> bool {
        let wanted = match method {
            "notifications/tools/list_changed" => &self.wanted["toolsListChanged"],
            "notifications/prompts/list_changed" => &self.wanted["promptsListChanged"],
            "notifications/resources/list_changed" => &self.wanted["resourcesListChanged"],
            "notifications/resources/updated" => {
                let uris = self.wanted["resourceSubscriptions"].as_array();
                return uris.is_some_and(|uris| uris.contains(&parameters["uri"]));
            }
            _ => return false,
        };
        wanted == &Value::Bool(true)
    }

    /// Sends a notification under the id of the subscription.
    pub(super) fn tell(&self, method: &str, mut parameters: Value) {
        if !parameters.is_object() {
            parameters = json!({});
        }
        parameters["_meta"][SUBSCRIPTION_ID] = self.id.clone();
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": parameters });
        self.feed.push(message.to_string());
    }

    /// Ends in good order, with the answer to the request that opened it.
    pub(super) fn end(&self) {
        let result = json!({ "resultType": "complete", "_meta": { SUBSCRIPTION_ID: self.id } });
        self.feed.push(json!({ "jsonrpc": "2.0", "id": self.id, "result": result }).to_string());
        self.feed.end();
    }
}

/// The member that tells to which subscription a message belongs.
const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// Who stands behind a request.
#[derive(Clone, Default)]
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
