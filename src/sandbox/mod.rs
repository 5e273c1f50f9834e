//! A development counterpart in the same binary: an authorization server and a protected MCP server at one
//! loopback origin.
//!
//! It is strict where the standards let a server be strict, so that a client that gets along with it has done
//! its duties; and it keeps [`Books`] on what clients did. Everything it gives out is made up, is kept in
//! memory only and opens nothing but itself, so its tokens are plain strings. Not for production.
//!
//! | path | what answers |
//! |---|---|
//! | `/.well-known/…` | metadata of server and issuer (RFC 9728, RFC 8414, OIDC Discovery) |
//! | `/register` | dynamic registration (RFC 7591, RFC 7592) |
//! | `/authorize`, `/consent` | the page that asks a person |
//! | `/device_authorization`, `/device` | sign-in on another device (RFC 8628) |
//! | `/token`, `/revoke`, `/introspect` | RFC 6749, RFC 7009, RFC 7662 |
//! | `/userinfo`, `/jwks` | who gave the grant (OIDC) |
//! | `/mcp` | the MCP server: Streamable HTTP from 2025-03-26 to 2026-07-28 |
//! | `/sse`, `/messages` | the same server in revision 2024-11-05 |
//! | `/ws` | the same server on a WebSocket |
//!
//! The floors, from the top; arrows run only downward: the sockets (`server`), the paths and what goes wrong on
//! them (`router`), the ways of providers around it (`imitation`), a file per endpoint, what endpoints share (`clients`,
//! `assertions`, `admission`, `dpop`, `asked`, `pages`, `conversation`, `messages`, `tools`, `calls`, `events`), the state behind its lock (`ledger`) beside what
//! comes in and goes out (`wire`), and the words (`feed`, `books`, `options`, `ways`, `partners`, `jwt`, `dice`, `form`).

mod admission;
mod asked;
mod assertion_grant;
mod assertions;
mod authorization;
mod books;
mod calls;
mod client_credentials;
mod clients;
mod conversation;
mod device;
mod device_pages;
mod dice;
mod dpop;
mod events;
mod exchange;
mod feed;
mod form;
mod grant_types;
mod identity;
mod imitation;
mod jwt;
mod ledger;
mod legacy;
mod mcp;
mod messages;
mod metadata;
mod metadata_document;
mod options;
mod pages;
mod partners;
mod registration;
mod revocation;
mod router;
mod server;
mod sessions;
mod stateless;
mod token;
mod tools;
mod ways;
mod websocket;
mod wire;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::oneshot;

pub use self::books::{Books, Family};
pub use self::dice::Dice;
use self::grant_types::{AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN};
pub use self::jwt::PublicKey;
use self::ledger::{Ledger, Nonces, Site, now};
pub use self::options::{BreakOff, Dpop, Endpoint, Fault, SandboxOptions, Speaks, WebSocketEnd};
pub use self::partners::{AssertionAudience, Exchange, JagFault, Preregistered, TrustedIssuer};
pub use self::ways::{Imitation, KNOWN_CLIENT, imitations};

/// A running sandbox. Dropping it stops the server and waits for its thread.
pub struct Sandbox {
    origin: String,
    site: Arc<Site>,
    serving: Option<Serving>,
}

/// The thread that serves, and the word to stop.
struct Serving {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Serving {
    fn start(listener: TcpListener, site: Arc<Site>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let serving = move || {
            runtime.block_on(async {
                // Fails only where the runtime has no input and output, and it was built with both.
                if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                    server::serve(listener, site, stopped).await;
                }
            });
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("sandbox".into()).spawn(serving)?;
        Ok(Self { stop, thread })
    }

    fn stop(self) {
        drop(self.stop);
        // A panic there was reported when it happened.
        drop(self.thread.join());
    }
}

impl Sandbox {
    /// Binds a port of 127.0.0.1 and serves on a thread of its own; it answers as soon as this returns.
    pub fn start(options: SandboxOptions) -> io::Result<Self> {
        let imitated_without_registration = options.imitation.is_some() && !options.registration;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        let origin = format!("http://{}", listener.local_addr()?);
        let site = Arc::new(Site::new(Ledger::new(origin.clone(), options)));
        let serving = Serving::start(listener, Arc::clone(&site))?;
        let sandbox = Self { origin, site, serving: Some(serving) };
        if imitated_without_registration {
            let redirects = ["http://127.0.0.1/callback", "http://localhost/callback"];
            sandbox.add_client(KNOWN_CLIENT, None, &redirects);
        }
        Ok(sandbox)
    }

    /// Stops serving: connections are dropped, sessions forgotten, and nobody listens on the port. What the issuer knows
    /// stays.
    pub fn stop(&mut self) {
        self.serving.take().into_iter().for_each(Serving::stop);
        let mut ledger = self.site.ledger();
        ledger.forget_sessions();
        ledger.subscriptions.clear();
    }

    /// Serves again on the same port, after [`Sandbox::stop`] or in its stead. What the issuer knows is what it knew:
    /// clients, grants and tokens.
    pub fn restart(&mut self) -> io::Result<()> {
        self.stop();
        let port = self.origin.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        self.serving = Some(Serving::start(listener, Arc::clone(&self.site))?);
        Ok(())
    }

    /// The issuer, such as `http://127.0.0.1:40123`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The issuer as the metadata of the server names it: the origin, and a path if it was given one.
    pub fn issuer(&self) -> String {
        self.site.ledger().issuer_url()
    }

    /// The URL of the MCP server.
    pub fn mcp_url(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    /// Turns the knobs; the next request sees it. The port stays.
    pub fn change(&self, edit: impl FnOnce(&mut SandboxOptions)) {
        edit(&mut self.site.ledger().options);
    }

    /// The URL of the same server in revision 2024-11-05.
    pub fn sse_url(&self) -> String {
        format!("{}/sse", self.origin)
    }

    /// The URL of the same server on a WebSocket, with the scheme `ws`.
    pub fn websocket_url(&self) -> String {
        format!("{}/ws", self.origin.replacen("http", "ws", 1))
    }

    /// Waits until the books say something, for ten seconds at most; whether they do. For stories that need an event and
    /// have nothing else to wait for.
    pub fn until(&self, holds: impl Fn(&Books) -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !holds(&self.site.ledger().books) {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }

    /// Lets so many calls of the tool `hold` go, those that wait and those to come.
    pub fn release(&self, calls: usize) {
        self.site.gate.add_permits(calls);
    }

    /// The MCP server says something unasked, such as `notifications/tools/list_changed`: to every session, on its own
    /// stream, and to the subscriptions of 2026-07-28 that want it.
    pub fn announce(&self, method: &str, parameters: &Value) {
        self.site.ledger().announce(method, parameters);
    }

    /// The MCP server asks every session something, on its own stream, such as `ping` or `sampling/createMessage`. What
    /// they answer stands in [`Books::answers`]. How many were asked.
    pub fn ask(&self, method: &str, parameters: &Value) -> usize {
        let mut ledger = self.site.ledger();
        let feeds: Vec<_> = ledger.sessions.values().map(|session| Arc::clone(&session.own)).collect();
        for feed in &feeds {
            drop(ledger.ask(feed, method, parameters));
        }
        feeds.len()
    }

    /// Pings every WebSocket; the pongs stand in [`Books::pongs`]. Streams of events would see a message `ping`.
    pub fn ping_websockets(&self) {
        for session in self.site.ledger().sessions.values() {
            session.own.push(websocket::PING);
        }
    }

    /// Ends every subscription of 2026-07-28 in good order, as a server does that is about to stop.
    pub fn end_subscriptions(&self) {
        let ended = std::mem::take(&mut self.site.ledger().subscriptions);
        ended.values().for_each(books::Subscription::end);
    }

    /// A copy of what was seen so far.
    pub fn books(&self) -> Books {
        self.site.ledger().report()
    }

    /// How many refreshes were asked for so far, and how many gave new tokens: two numbers of the [`Books`], for whoever
    /// looks again and again.
    pub fn refreshes(&self) -> (u64, u64) {
        let ledger = self.site.ledger();
        (ledger.books.refresh_attempts, ledger.books.refreshes)
    }

    /// Every secret that was given out or came in, after what it is: tokens, codes, verifiers, states, and what
    /// registered clients were given.
    pub fn secrets(&self) -> Vec<(&'static str, String)> {
        self.site.ledger().secrets.clone()
    }

    /// Makes a client known that did not register itself and lets people sign in. With a secret it may send it in
    /// either way.
    pub fn add_client(&self, client_id: &str, client_secret: Option<&str>, redirect_uris: &[&str]) {
        self.preregister(Preregistered {
            id: client_id.into(),
            secret: client_secret.map(str::to_owned),
            key: None,
            grant_types: [AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE].map(String::from).into(),
            redirect_uris: redirect_uris.iter().copied().map(str::to_owned).collect(),
        });
    }

    /// Makes a client known that did not register itself.
    pub fn preregister(&self, client: Preregistered) {
        self.site.ledger().preregister(client);
    }

    /// The key by which others can check what this issuer signs.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::Jwk(self.site.ledger().signing_key.jwk())
    }

    /// Lets another sandbox give tokens for this MCP server. Which issuers the server names is another matter
    /// ([`SandboxOptions::authorization_servers`]). In one direction only: two that asked each other could wait for ever.
    pub fn take_tokens_of(&self, issuer: &Self) {
        issuer.site.ledger().resources.insert(self.mcp_url());
        self.site.ledger().other_issuers.push(Arc::downgrade(&issuer.site));
    }

    /// Forgets every client, as an issuer does that cleans up its registrations.
    pub fn forget_clients(&self) {
        self.site.ledger().clients.clear();
    }

    /// Wants another nonce in every proof from now on (RFC 9449 section 8).
    pub fn change_nonces(&self) {
        self.site.ledger().nonces = Nonces::new();
    }

    /// Forgets every session of the MCP server, as one does that was restarted: their streams end, and who names one is
    /// answered with 404.
    pub fn forget_sessions(&self) {
        self.site.ledger().forget_sessions();
    }

    /// Ends every grant, and every code that is not redeemed yet.
    pub fn revoke_everything(&self) {
        let mut ledger = self.site.ledger();
        ledger.grants.iter_mut().for_each(|grant| grant.alive = false);
        ledger.codes.clear();
    }

    /// Stops honouring every access token issued so far: from now on they are refused. Refresh tokens keep working.
    pub fn expire_access_tokens(&self) {
        let mut ledger = self.site.ledger();
        let now = now();
        ledger.accesses.values_mut().for_each(|access| access.expires_at = access.expires_at.min(now));
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.serving.take().into_iter().for_each(Serving::stop);
    }
}
