//! What the sandbox knows and what it has seen: clients, grants, tokens and counters, all behind one lock.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, oneshot};

use super::books::{
    Access, AuthorizationRequest, Books, Client, Code, Device, Family, Grant, Refresh, Session, Subscription,
    Tokens, Visitor,
};
use super::feed::Feed;
use super::grant_types::{
    AUTHORIZATION_CODE, CLIENT_CREDENTIALS, DEVICE_CODE, JWT_BEARER, REFRESH_TOKEN, TOKEN_EXCHANGE,
};
use super::jwt::SigningKey;
use super::options::{Endpoint, Fault, SandboxOptions};
use super::partners::Preregistered;
use crate::clock::{Clock, SystemClock, UnixTime};
use crate::model::ScopeSet;

/// What all connections share.
pub(super) struct Site {
    ledger: Mutex<Ledger>,
    /// What calls of the tool `hold` wait for.
    pub(super) gate: Semaphore,
}

impl Site {
    /// Puts a ledger behind the lock.
    pub(super) fn new(ledger: Ledger) -> Self {
        Self { ledger: Mutex::new(ledger), gate: Semaphore::new(0) }
    }

    /// The ledger, for one step that does not wait for anything.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who shows a token, and the thumbprint of the key that it is bound to.
pub(super) type Bearer = (Visitor, Option<String>);

/// What the next proof of a key must hold (RFC 9449 sections 8 and 9).
pub(super) struct Nonces {
    pub(super) issuer: String,
    pub(super) server: String,
}

impl Nonces {
    /// New ones.
    pub(super) fn new() -> Self {
        Self { issuer: random_text(""), server: random_text("") }
    }
}

/// Everything that changes while the sandbox runs.
pub(super) struct Ledger {
    pub(super) origin: String,
    pub(super) options: SandboxOptions,
    /// The issuer's own key.
    pub(super) signing_key: SigningKey,
    pub(super) nonces: Nonces,
    pub(super) books: Books,
    pub(super) clients: BTreeMap<String, Client>,
    /// Requests whose consent page is open, by the page's one-time ticket.
    pub(super) pending: HashMap<String, AuthorizationRequest>,
    pub(super) codes: HashMap<String, Code>,
    /// Devices that wait, by their device code.
    pub(super) devices: HashMap<String, Device>,
    /// Their codes, by the one-time ticket of the page that asks about them.
    pub(super) device_tickets: HashMap<String, String>,
    pub(super) grants: Vec<Grant>,
    pub(super) accesses: HashMap<String, Access>,
    pub(super) refreshes: HashMap<String, Refresh>,
    pub(super) sessions: HashMap<String, Session>,
    /// Who listens in revision 2026-07-28.
    pub(super) subscriptions: BTreeMap<u64, Subscription>,
    /// Requests of the server that wait for an answer, by their id.
    pub(super) questions: HashMap<u64, oneshot::Sender<Value>>,
    /// What a client has to bring back with its answers (2026-07-28).
    pub(super) input_states: HashSet<String>,
    /// How many requests the server has made.
    pub(super) asked: u64,
    /// Servers of other sandboxes that take the tokens of this issuer.
    pub(super) resources: HashSet<String>,
    /// Other issuers whose tokens the MCP server takes.
    pub(super) other_issuers: Vec<Weak<Site>>,
    /// What works only once and has come: kind, sender and `jti`.
    pub(super) met_once: HashSet<(&'static str, String, String)>,
    /// Every secret that was given out or came in, after what it is.
    pub(super) secrets: Vec<(&'static str, String)>,
}

impl Ledger {
    /// An empty ledger for a sandbox at `origin`.
    pub(super) fn new(origin: String, options: SandboxOptions) -> Self {
        let preregistered = options.preregistered.clone();
        let mut ledger = Self {
            origin,
            options,
            signing_key: SigningKey::generate(),
            nonces: Nonces::new(),
            books: Books::default(),
            clients: BTreeMap::new(),
            pending: HashMap::new(),
            codes: HashMap::new(),
            devices: HashMap::new(),
            device_tickets: HashMap::new(),
            grants: Vec::new(),
            accesses: HashMap::new(),
            refreshes: HashMap::new(),
            sessions: HashMap::new(),
            subscriptions: BTreeMap::new(),
            questions: HashMap::new(),
            input_states: HashSet::new(),
            asked: 0,
            resources: HashSet::new(),
            other_issuers: Vec::new(),
            met_once: HashSet::new(),
            secrets: Vec::new(),
        };
        for client in preregistered {
            ledger.preregister(client);
        }
        ledger
    }

    /// The URL of the MCP server, which is also its resource identifier.
    pub(super) fn mcp_url(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    /// The URL by which the issuer is found.
    pub(super) fn issuer_url(&self) -> String {
        format!("{}{}", self.origin, self.options.issuer_path.as_deref().unwrap_or_default())
    }

    /// What the issuer calls itself.
    pub(super) fn issuer(&self) -> String {
        self.options.issuer_spelling.clone().unwrap_or_else(|| self.issuer_url())
    }

    /// Whether the issuer gives tokens for a resource: the MCP server, a second one that stands behind nothing and
    /// shows that its tokens are refused at the first, or the server of another sandbox that takes its tokens.
    pub(super) fn serves(&self, resource: &str) -> bool {
        self.is_own_door(resource)
            || resource.strip_prefix(&self.origin) == Some("/other")
            || self.resources.contains(resource)
    }

    /// Whether a URL is one of the ways into the MCP server. They are all the same server: a token for one is a token
    /// for all.
    fn is_own_door(&self, resource: &str) -> bool {
        let path = resource.strip_prefix(&self.origin).or_else(|| {
            let (_, host) = self.origin.split_once("://")?;
            resource.strip_prefix("ws://")?.strip_prefix(host)
        });
        path.is_some_and(|path| matches!(path, "/mcp" | "/sse" | "/ws"))
    }

    /// Says something unasked to everybody who listens: every session, and the subscriptions that want it.
    pub(super) fn announce(&self, method: &str, parameters: &Value) {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": parameters }).to_string();
        for session in self.sessions.values() {
            session.own.push(message.clone());
        }
        for subscription in self.subscriptions.values().filter(|own| own.wants(method, parameters)) {
            subscription.tell(method, parameters.clone());
        }
    }

    /// Asks something on a feed; the answer comes when a client sends it.
    pub(super) fn ask(&mut self, on: &Feed, method: &str, parameters: &Value) -> oneshot::Receiver<Value> {
        self.asked += 1;
        let (answered, answer) = oneshot::channel();
        self.questions.insert(self.asked, answered);
        let request = json!({ "jsonrpc": "2.0", "id": self.asked, "method": method, "params": parameters });
        on.push(request.to_string());
        answer
    }

    /// Ends every session: their streams are over, and nobody knows them any more.
    pub(super) fn forget_sessions(&mut self) {
        for session in std::mem::take(&mut self.sessions).into_values() {
            session.end();
        }
    }

    /// Who shows a token of this issuer that works, and the thumbprint of the key that it is bound to.
    pub(super) fn bearer_of(&self, token: &str, resource: Option<&str>) -> Result<Bearer, &'static str> {
        let unknown = "the token is unknown, has expired or was revoked";
        let (number, grant, access) = self.grant_of(token).ok_or(unknown)?;
        let fits = |asked: &str| {
            grant.resource == asked || (self.is_own_door(asked) && self.is_own_door(&grant.resource))
        };
        if resource.is_some_and(|resource| !fits(resource)) {
            return Err("the token is for another resource");
        }
        let visitor = Visitor {
            grant: Some(number),
            sub: grant.sub.clone(),
            client_id: grant.client_id.clone(),
            scope: access.scope.clone(),
            bound: access.jkt.is_some(),
        };
        Ok((visitor, access.jkt.clone()))
    }

    /// Every scope that the issuer knows: those of the server, those of OIDC, and `offline_access`
    /// where it decides about the refresh token.
    pub(super) fn scopes(&self) -> Vec<&str> {
        let own = self.options.scopes_supported.iter().map(String::as_str);
        let offline = self.options.offline_access.then_some("offline_access");
        own.chain(["openid", "profile", "email"]).chain(offline).collect()
    }

    /// The grants that the issuer offers now, as its metadata lists them.
    pub(super) fn grants_offered(&self) -> Vec<&'static str> {
        let options = &self.options;
        let unattended = self.clients.values().any(|client| client.may(CLIENT_CREDENTIALS));
        let on_request = [
            (DEVICE_CODE, options.device),
            (CLIENT_CREDENTIALS, unattended),
            (JWT_BEARER, !options.trusted_issuers.is_empty()),
            (TOKEN_EXCHANGE, !options.exchanges.is_empty()),
        ];
        let on_request = on_request.into_iter().filter(|(_, on)| *on).map(|(grant_type, _)| grant_type);
        [AUTHORIZATION_CODE, REFRESH_TOKEN].into_iter().chain(on_request).collect()
    }

    /// The ways in which clients may authenticate, as the metadata lists them; by key where some client has one.
    pub(super) fn auth_methods(&self) -> Vec<&str> {
        let by_key = self.clients.values().any(|client| client.key.is_some()).then_some("private_key_jwt");
        self.options.auth_methods.iter().map(String::as_str).chain(by_key).collect()
    }

    /// Notes something that must have an id and works only once. The error is the reason why not.
    pub(super) fn meet_once(&mut self, kind: &'static str, sender: &str, id: &str) -> Result<(), String> {
        if id.is_empty() {
            return Err("there is no jti".into());
        }
        let is_new = self.met_once.insert((kind, sender.into(), id.into()));
        is_new.then_some(()).ok_or_else(|| "it was used before".into())
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

    /// Notes a secret.
    pub(super) fn met(&mut self, what: &'static str, secret: Option<&str>) {
        self.secrets.extend(secret.map(|secret| (what, secret.to_owned())));
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
        faults.iter_mut().find_map(|fault| fault.strike(endpoint))
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

    /// Makes a client known.
    pub(super) fn preregister(&mut self, given: Preregistered) {
        let auth_method = match (&given.secret, &given.key) {
            (None, None) => Some("none".into()),
            (None, Some(_)) => Some("private_key_jwt".into()),
            (Some(_), _) => None,
        };
        let client = Client {
            name: given.id.clone(),
            secret: given.secret,
            key: given.key,
            redirect_uris: given.redirect_uris,
            auth_method,
            grant_types: given.grant_types,
            management_token: None,
            metadata: Value::Null,
            id: given.id,
        };
        self.clients.insert(client.id.clone(), client);
    }

    /// Whether a client gets a refresh token with a grant of this scope.
    pub(super) fn gives_refresh_token(&self, client: &Client, scope: &ScopeSet) -> bool {
        let asked_for = !self.options.offline_access || scope.contains("offline_access");
        self.options.issue_refresh_token && client.may(REFRESH_TOKEN) && asked_for
    }

    /// Enters a grant and gives its first tokens.
    pub(super) fn open(&mut self, grant: Grant, refreshable: bool) -> Tokens {
        let scope = grant.scope.clone();
        self.grants.push(grant);
        self.issue(self.grants.len() - 1, scope, refreshable)
    }

    /// Gives tokens for a grant, with a refresh token if `refreshable`.
    pub(super) fn issue(&mut self, grant: usize, scope: ScopeSet, refreshable: bool) -> Tokens {
        let access = random_text("sandbox_at_");
        let expires_at = later(now(), self.options.access_lifetime);
        self.accesses.insert(
            access.clone(),
            Access { grant, scope: scope.clone(), expires_at, revoked: false, jkt: None },
        );
        let refresh = refreshable.then(|| random_text("sandbox_rt_"));
        if let Some(refresh) = &refresh {
            let expires_at = self.options.refresh_lifetime.map(|seconds| later(now(), seconds));
            self.refreshes.insert(refresh.clone(), Refresh { grant, expires_at, jkt: None, spent: None });
        }
        self.met("access token", Some(&access));
        self.met("refresh token", refresh.as_deref());
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
