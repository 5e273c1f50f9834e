//! The knobs of the sandbox: how it behaves, and how it misbehaves when asked to.

use serde_json::Value;

use super::dice::Dice;
use super::partners::{AssertionAudience, Exchange, JagFault, Preregistered, TrustedIssuer};
use super::ways::Imitation;

/// How the sandbox behaves. All of it can be changed while it runs; the next request sees the change.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a knob of its own, not the state of one machine")]
pub struct SandboxOptions {
    /// TCP port on 127.0.0.1; 0 takes any free one. Read once, at the start.
    pub port: u16,
    /// How long an access token works, in seconds.
    pub access_lifetime: u64,
    /// How long a refresh token works, in seconds; `None` is for ever.
    pub refresh_lifetime: Option<u64>,
    /// How long an authorization code works, in seconds.
    pub code_lifetime: u64,
    /// Whether each refresh gives a new refresh token. A spent one that comes again ends the family.
    pub rotation: bool,
    /// For how many seconds a spent refresh token still yields its own successor.
    pub grace: u64,
    /// Whether `/authorize` consents by itself instead of showing a page.
    pub auto_consent: bool,
    /// Who consents: the `sub` of the next grant.
    pub sub: String,
    /// Whether clients may register themselves (RFC 7591).
    pub registration: bool,
    /// Whether a registration must name its `application_type`: without, it counts as `web`, which has no
    /// loopback redirects (OIDC Dynamic Registration section 2).
    pub require_application_type: bool,
    /// Whether a client id may be the URL of a client id metadata document.
    pub metadata_documents: bool,
    /// Whether there is protected resource metadata (RFC 9728); without, this is a server of 2025-03-26.
    pub resource_metadata: bool,
    /// Whether there is authorization server metadata at all.
    pub issuer_metadata: bool,
    /// Whether it is found only where OIDC puts it.
    pub openid_only: bool,
    /// The issuers that the server's metadata names, if not the sandbox itself.
    pub authorization_servers: Option<Vec<String>>,
    /// The path of the issuer, such as `/tenant`; its endpoints stay where they are.
    pub issuer_path: Option<String>,
    /// Whether the metadata of an issuer with a path is found only with that path in front, as OIDC has it.
    pub path_appended: bool,
    /// What the issuer calls itself in its metadata and in the redirect, if not by the URL where it is found.
    pub issuer_spelling: Option<String>,
    /// Whether the metadata names the PKCE method.
    pub advertise_pkce: bool,
    /// Whether the metadata promises `iss` in the redirect, and the redirect has it (RFC 9207).
    pub advertise_iss: bool,
    /// Whether requests must carry the `resource` parameter (RFC 8707). A wrong one is always refused.
    pub require_resource: bool,
    /// Whether a loopback redirect may come with another port than the registered one, or with one where
    /// none was registered (RFC 8252 section 7.3). Off, redirects are compared as strings.
    pub any_loopback_port: bool,
    /// The scope that a challenge of the MCP server asks for.
    pub challenge_scope: Option<String>,
    /// The scopes of the MCP server, as its metadata lists them.
    pub scopes_supported: Vec<String>,
    /// Whether only grants with the scope `offline_access` get a refresh token.
    pub offline_access: bool,
    /// Whether there are refresh tokens at all.
    pub issue_refresh_token: bool,
    /// How clients may authenticate: `none`, `client_secret_basic`, `client_secret_post`.
    pub auth_methods: Vec<String>,
    /// Clients that are known without having registered. Read once, at the start.
    pub preregistered: Vec<Preregistered>,
    /// What an assertion must name as its audience.
    pub assertion_audience: AssertionAudience,
    /// Issuers whose word becomes a token (RFC 7523 section 2.1).
    pub trusted_issuers: Vec<TrustedIssuer>,
    /// As an identity provider: who may take an assertion where (RFC 8693).
    pub exchanges: Vec<Exchange>,
    /// Whether tokens are bound to a key of the client (RFC 9449).
    pub dpop: Dpop,
    /// Whether a proof must hold the nonce that the issuer, or the MCP server, gave last.
    pub dpop_nonce: bool,
    /// Whether devices may sign in (RFC 8628). With `auto_consent`, the person agrees by themselves.
    pub device: bool,
    /// How many seconds must lie between two polls of a device.
    pub device_interval: u64,
    /// How long a device code works, in seconds.
    pub device_lifetime: u64,
    /// How many polls find the person undecided before `auto_consent` decides.
    pub device_polls: u64,
    /// Whether the MCP server answers `initialize` and `server/discover` without a token.
    pub open_initialize: bool,
    /// Whether the MCP server answers requests as event streams instead of plain JSON. Tools that say something before
    /// their result (`stream`, `ask`) do so in any case.
    pub event_streams: bool,
    /// Whether a session has an event stream of its own (`GET /mcp`); without, `GET` is answered with 405.
    pub get_stream: bool,
    /// With this, the event streams of sessions begin with an event without data whose `retry` says after how many
    /// milliseconds to come again (2025-11-25).
    pub retry: Option<u64>,
    /// Where event streams break off; each connection anew.
    pub break_off: Option<BreakOff>,
    /// Which revisions the MCP server speaks.
    pub speaks: Speaks,
    /// The largest message that the MCP server takes, in bytes.
    pub body_limit: usize,
    /// The scope that the tool `scoped` needs.
    pub scoped: String,
    /// Whether `tools/list` also has `misnamed`, a tool whose `x-mcp-header` stands where it must not, so that a client of
    /// 2026-07-28 has to leave the tool out.
    pub misnamed_tool: bool,
    /// The data of the `endpoint` event at `/sse`, if it is not the right one; `{session}` becomes the session, `{port}`
    /// the port. Other origins and other schemes go here.
    pub endpoint_event: Option<String>,
    /// How a WebSocket ends by itself, if it does; each connection anew.
    pub websocket_end: Option<WebSocketEnd>,
    /// Whether the server reads nothing more from a WebSocket, so that not even a ping is answered.
    pub websocket_deaf: bool,
    /// What goes wrong; the first that fits the request.
    pub faults: Vec<Fault>,
    /// The provider whose ways it shows, if any.
    pub imitation: Option<Imitation>,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            port: 0,
            access_lifetime: 3600,
            refresh_lifetime: None,
            code_lifetime: 60,
            rotation: true,
            grace: 0,
            auto_consent: false,
            sub: "sandy".into(),
            registration: true,
            require_application_type: false,
            metadata_documents: true,
            resource_metadata: true,
            issuer_metadata: true,
            openid_only: false,
            authorization_servers: None,
            issuer_path: None,
            path_appended: false,
            issuer_spelling: None,
            advertise_pkce: true,
            advertise_iss: true,
            require_resource: true,
            any_loopback_port: false,
            challenge_scope: Some("mcp:basic".into()),
            scopes_supported: vec!["mcp:basic".into(), "mcp:admin".into()],
            offline_access: false,
            issue_refresh_token: true,
            auth_methods: ["none", "client_secret_basic", "client_secret_post"].map(String::from).into(),
            preregistered: Vec::new(),
            assertion_audience: AssertionAudience::Issuer,
            trusted_issuers: Vec::new(),
            exchanges: Vec::new(),
            dpop: Dpop::Off,
            dpop_nonce: false,
            device: false,
            device_interval: 5,
            device_lifetime: 600,
            device_polls: 0,
            open_initialize: false,
            event_streams: false,
            get_stream: true,
            retry: None,
            break_off: None,
            speaks: Speaks::Everything,
            body_limit: 64 * 1024 * 1024,
            scoped: "mcp:admin".into(),
            misnamed_tool: false,
            endpoint_event: None,
            websocket_end: None,
            websocket_deaf: false,
            faults: Vec::new(),
            imitation: None,
        }
    }
}

/// Where an event stream breaks off.
#[derive(Clone, Debug)]
pub struct BreakOff {
    /// After how many events; what the client missed it can ask for again.
    pub after: u64,
    /// Whether the stream ends in good order, as that of a server which wants to be asked again; or else in the middle,
    /// as when a proxy on the way dies.
    pub cleanly: bool,
    /// Set when everything before was written.
    pub(super) is_written: bool,
}

impl BreakOff {
    /// In the middle, after so many events.
    pub fn after(events: u64) -> Self {
        Self { after: events, cleanly: false, is_written: false }
    }

    /// In good order, after so many events.
    pub fn cleanly_after(events: u64) -> Self {
        Self { cleanly: true, ..Self::after(events) }
    }
}

/// Which revisions the MCP server at `/mcp` speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// Those with sessions from 2025-03-26, and 2026-07-28.
    Everything,
    /// 2026-07-28 and nothing else: `initialize` is refused with 400 in the words of that revision, GET and DELETE with
    /// 405.
    OnlyStateless,
    /// Those with sessions. What looks like 2026-07-28 is refused with this status: 200 is the JSON-RPC error -32601, 400
    /// the JSON-RPC error -32000 of servers that miss their session, and any other a line of text.
    OnlySessions(u16),
    /// 2024-11-05: `/mcp` is what `/sse` is, and POST there is refused with this status.
    OnlyLegacy(u16),
}

/// How a WebSocket ends by itself.
#[derive(Clone, Copy, Debug)]
pub struct WebSocketEnd {
    /// After how many messages of the server.
    pub after: u64,
    /// The code of the close frame; without one the connection is dropped.
    pub code: Option<u16>,
}

/// What the sandbox makes of DPoP (RFC 9449).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dpop {
    /// It has never heard of it.
    Off,
    /// Who sends a proof gets a bound token.
    Offered,
    /// Nobody gets any other.
    Required,
}

/// A place of the sandbox where something can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/mcp`, `/sse`, `/messages` and `/ws`
    Mcp,
    /// `/.well-known/oauth-protected-resource`, both forms.
    ResourceMetadata,
    /// `/.well-known/oauth-authorization-server` and `/.well-known/openid-configuration`, wherever the issuer's path
    /// stands.
    IssuerMetadata,
    /// `/register` and what is below it.
    Registration,
    /// `/authorize`
    Authorization,
    /// `/device_authorization`
    DeviceAuthorization,
    /// `/token`
    Token,
    /// `/revoke`
    Revocation,
    /// `/userinfo`
    Userinfo,
}

impl Endpoint {
    /// The endpoint that answers at a path.
    pub(super) fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/mcp" | "/sse" | "/messages" | "/ws" => Self::Mcp,
            "/register" => Self::Registration,
            "/authorize" => Self::Authorization,
            "/device_authorization" => Self::DeviceAuthorization,
            "/token" => Self::Token,
            "/revoke" => Self::Revocation,
            "/userinfo" => Self::Userinfo,
            _ if path.starts_with("/register/") => Self::Registration,
            _ if path.starts_with("/.well-known/oauth-protected-resource") => Self::ResourceMetadata,
            _ if path.contains("/.well-known/oauth-authorization-server") => Self::IssuerMetadata,
            _ if path.contains("/.well-known/openid-configuration") => Self::IssuerMetadata,
            _ => return None,
        })
    }
}

/// Something that goes wrong on request. A fault with `times` wears off after that many requests; the
/// others stay until they are taken out.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answers with a status and nothing useful.
    Status {
        /// Where.
        endpoint: Endpoint,
        /// The HTTP status.
        status: u16,
        /// For how many requests.
        times: u32,
        /// `Retry-After`, in seconds.
        retry_after: Option<u64>,
    },
    /// Answers with these words.
    Body {
        /// Where.
        endpoint: Endpoint,
        /// The HTTP status.
        status: u16,
        /// `Content-Type`.
        content_type: String,
        /// The words.
        body: String,
        /// For how many requests.
        times: u32,
    },
    /// Answers with 10 MiB of JSON.
    Huge {
        /// Where.
        endpoint: Endpoint,
    },
    /// Takes the request and never answers.
    Silence {
        /// Where.
        endpoint: Endpoint,
    },
    /// Does what was asked, then closes the connection instead of answering.
    LostAnswer {
        /// Where.
        endpoint: Endpoint,
        /// For how many requests.
        times: u32,
    },
    /// Does what was asked, then waits before answering.
    LateAnswer {
        /// Where.
        endpoint: Endpoint,
        /// How long, in milliseconds.
        milliseconds: u64,
    },
    /// Takes its time twice, before and after doing what was asked: each time so many milliseconds as the dice say.
    /// What was asked is done even if whoever asked has gone meanwhile.
    Slow {
        /// Where.
        endpoint: Endpoint,
        /// The fewest milliseconds.
        least: u64,
        /// The most milliseconds.
        most: u64,
        /// Who says how many.
        dice: Dice,
    },
    /// Closes the connection instead of doing anything.
    Reset {
        /// Where.
        endpoint: Endpoint,
        /// For how many requests.
        times: u32,
    },
    /// Trouble that passes, now and then: statuses 500, 503 and 429, connections closed before anything was done, and
    /// answers that get lost.
    Weather {
        /// Where.
        endpoint: Endpoint,
        /// How many of a hundred requests meet it.
        percent: u64,
        /// Which of them, and what they meet.
        dice: Dice,
    },
    /// Answers with a web page, as a captive portal does.
    Html {
        /// Where.
        endpoint: Endpoint,
    },
    /// The issuer's metadata names another issuer.
    WrongIssuer,
    /// The server's metadata names another resource.
    WrongResource,
    /// The redirect carries the `iss` of another issuer.
    WrongIss,
    /// The redirect carries no `iss`, whatever the metadata promises.
    MissingIss,
    /// The redirect carries another `state`.
    WrongState,
    /// An identity assertion is wrong, or the answer with it.
    Jag(JagFault),
    /// The person declines.
    Declined,
    /// The token answer lacks the access token.
    NoAccessToken,
    /// The token answer lacks the ID token, so that only the userinfo endpoint tells who signed in.
    NoIdToken,
    /// The token endpoint refuses everything, with status 200.
    ErrorWith200,
    /// The token answer has this as `expires_in`.
    Lifetime(Value),
}

impl Fault {
    /// The place that this fault concerns, if it replaces or delays a whole answer.
    fn endpoint(&self) -> Option<Endpoint> {
        match self {
            Self::Status { endpoint, .. }
            | Self::Body { endpoint, .. }
            | Self::Huge { endpoint }
            | Self::Silence { endpoint }
            | Self::LostAnswer { endpoint, .. }
            | Self::LateAnswer { endpoint, .. }
            | Self::Slow { endpoint, .. }
            | Self::Reset { endpoint, .. }
            | Self::Weather { endpoint, .. }
            | Self::Html { endpoint } => Some(*endpoint),
            _ => None,
        }
    }

    /// What happens to the next request to an endpoint; nothing if the fault concerns another one, or if the dice
    /// spare this request.
    pub(super) fn strike(&mut self, endpoint: Endpoint) -> Option<Self> {
        if self.endpoint() != Some(endpoint) {
            return None;
        }
        if let Some(times) = self.times_left() {
            *times -= 1;
        }
        match self {
            Self::Weather { percent, dice, .. } => {
                let hit = dice.between(1, 100) <= *percent;
                let kind = dice.throw();
                hit.then(|| passing(endpoint, kind))
            }
            Self::Slow { least, most, dice, .. } => {
                let dice = Dice::seeded(dice.throw());
                Some(Self::Slow { endpoint, least: *least, most: *most, dice })
            }
            _ => Some(self.clone()),
        }
    }

    /// The counter of a fault that wears off.
    pub(super) fn times_left(&mut self) -> Option<&mut u32> {
        match self {
            Self::Status { times, .. }
            | Self::Body { times, .. }
            | Self::Reset { times, .. }
            | Self::LostAnswer { times, .. } => Some(times),
            _ => None,
        }
    }
}

/// One of the kinds of trouble that pass.
fn passing(endpoint: Endpoint, kind: u64) -> Fault {
    let status = |status, retry_after| Fault::Status { endpoint, status, times: 1, retry_after };
    match kind % 5 {
        0 => status(500, None),
        1 => status(503, None),
        2 => status(429, Some(1)),
        3 => Fault::Reset { endpoint, times: 1 },
        _ => Fault::LostAnswer { endpoint, times: 1 },
    }
}
