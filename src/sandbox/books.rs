//! What the sandbox knows and what it has seen: clients, grants, tokens and counters, all behind one lock.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::Value;

use super::authorization::AuthorizationRequest;
use super::clients::Client;
use super::options::{Endpoint, Fault, SandboxOptions};
use crate::clock::{Clock, SystemClock, UnixTime};
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

/// What a grant allows.
pub(super) struct Grant {
    pub(super) client_id: String,
    pub(super) sub: String,
    pub(super) scope: ScopeSet,
    pub(super) resource: String,
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
    /// The grant it was turned into, an index of [`Ledger::grants`].
    pub(super) grant: Option<usize>,
}

/// An access token.
pub(super) struct Access {
    pub(super) grant: usize,
    pub(super) scope: ScopeSet,
    pub(super) expires_at: UnixTime,
    pub(super) revoked: bool,
}

/// A refresh token.
pub(super) struct Refresh {
    pub(super) grant: usize,
    pub(super) expires_at: Option<UnixTime>,
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

/// Everything that changes while the sandbox runs.
pub(super) struct Ledger {
    pub(super) origin: String,
    pub(super) options: SandboxOptions,
    pub(super) books: Books,
    pub(super) clients: BTreeMap<String, Client>,
    /// Requests whose consent page is open, by the page's one-time ticket.
    pub(super) pending: HashMap<String, AuthorizationRequest>,
    pub(super) codes: HashMap<String, Code>,
    pub(super) grants: Vec<Grant>,
    pub(super) accesses: HashMap<String, Access>,
    pub(super) refreshes: HashMap<String, Refresh>,
    pub(super) sessions: HashMap<String, Session>,
}

impl Ledger {
    /// An empty ledger for a sandbox at `origin`.
    pub(super) fn new(origin: String, options: SandboxOptions) -> Self {
        Self {
            origin,
            options,
            books: Books::default(),
            clients: BTreeMap::new(),
            pending: HashMap::new(),
            codes: HashMap::new(),
            grants: Vec::new(),
            accesses: HashMap::new(),
            refreshes: HashMap::new(),
            sessions: HashMap::new(),
        }
    }

    /// The URL of the MCP server, which is also its resource identifier.
    pub(super) fn mcp_url(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    /// Whether the issuer gives tokens for a resource: the MCP server, or a second one that stands behind
    /// nothing and shows that its tokens are refused at the first.
    pub(super) fn serves(&self, resource: &str) -> bool {
        resource.strip_prefix(&self.origin).is_some_and(|path| path == "/mcp" || path == "/other")
    }

    /// A copy of the books with the state of every family.
    pub(super) fn report(&self) -> Books {
        let family = |grant: &Grant| Family {
            client_id: grant.client_id.clone(),
            alive: grant.alive,
            refreshes: grant.refreshes,
            sub: grant.sub.clone(),
        };
        Books { families: self.grants.iter().map(family).collect(), ..self.books.clone() }
    }

    /// Notes a refusal in words.
    pub(super) fn refused(&mut self, why: impl Into<String>) {
        self.books.violations.push(why.into());
    }

    /// Whether a fault of this kind is in force.
    pub(super) fn suffers(&self, kind: impl Fn(&Fault) -> bool) -> bool {
        self.options.faults.iter().any(kind)
    }

    /// The fault that hits the next request to an endpoint. One that counts is worn a little, and taken out
    /// when it is worn off.
    pub(super) fn take_fault(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let faults = &mut self.options.faults;
        faults.retain_mut(|fault| fault.times_left().is_none_or(|times| *times > 0));
        let fault = faults.iter_mut().find(|fault| fault.endpoint() == Some(endpoint))?;
        if let Some(times) = fault.times_left() {
            *times -= 1;
        }
        Some(fault.clone())
    }

    /// Ends a grant: none of its tokens works any more.
    pub(super) fn end_grant(&mut self, grant: usize) {
        if let Some(grant) = self.grants.get_mut(grant) {
            grant.alive = false;
        }
    }

    /// Ends every grant of a client.
    pub(super) fn end_grants_of(&mut self, client_id: &str) {
        self.grants
            .iter_mut()
            .filter(|grant| grant.client_id == client_id)
            .for_each(|grant| grant.alive = false);
    }

    /// The grant behind an access token that works now, and the scope of the token.
    pub(super) fn grant_of(&self, token: &str) -> Option<(usize, &Grant, &Access)> {
        let access =
            self.accesses.get(token).filter(|access| !access.revoked && access.expires_at > now())?;
        let grant = self.grants.get(access.grant).filter(|grant| grant.alive)?;
        Some((access.grant, grant, access))
    }

    /// Gives tokens for a grant, with a refresh token if `refreshable`.
    pub(super) fn issue(&mut self, grant: usize, scope: ScopeSet, refreshable: bool) -> Tokens {
        let access = random_text("sandbox_at_");
        let expires_at = later(now(), self.options.access_lifetime);
        self.accesses
            .insert(access.clone(), Access { grant, scope: scope.clone(), expires_at, revoked: false });
        let refresh = refreshable.then(|| random_text("sandbox_rt_"));
        if let Some(refresh) = &refresh {
            let expires_at = self.options.refresh_lifetime.map(|seconds| later(now(), seconds));
            self.refreshes.insert(refresh.clone(), Refresh { grant, expires_at, spent: None });
        }
        Tokens { access, refresh, scope }
    }
}

/// The time of the machine. The sandbox has no clock of its own: lifetimes are knobs, so no test has to wait.
pub(super) fn now() -> UnixTime {
    SystemClock.now()
}

/// `seconds` after `time`.
pub(super) fn later(time: UnixTime, seconds: u64) -> UnixTime {
    time.plus(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// 256 random bits in the alphabet of a URL, behind a prefix that tells a reader what they are.
pub(super) fn random_text(prefix: &str) -> String {
    let mut bytes = [0_u8; 32];
    #[expect(clippy::expect_used, reason = "an issuer without randomness must not give out anything")]
    SystemRandom::new().fill(&mut bytes).expect("the system gives random bytes");
    format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
}
