//! A one-shot listener for one redirect on the loopback interface (RFC 8252 section 7.3).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::gate::{Arrival, Event, Gate, Waker};
use super::pages::{self, Page};

/// After so many wrong answers on the callback path somebody is guessing, and the wait ends.
const WRONG_LIMIT: usize = 64;

/// How long the browser may take to come for the page after the redirect.
const PAGE_TIME: Duration = Duration::from_secs(2);

/// How many free ports are tried until one is free in both address families.
const PAIR_ATTEMPTS: usize = 20;

/// Where to listen.
#[derive(Clone, Debug)]
pub struct ListenerOptions {
    /// How the redirect URI names this machine: `127.0.0.1`, `localhost` or `[::1]`.
    pub host: String,
    /// The ports to try, in order; 0 is any free one.
    pub ports: Vec<u16>,
    /// Whether no other port will do, because the issuer compares it.
    pub strict_port: bool,
    /// The path of the redirect URI.
    pub path: String,
}

impl Default for ListenerOptions {
    /// `http://127.0.0.1:<any free port>/callback`.
    fn default() -> Self {
        Self { host: "127.0.0.1".into(), ports: vec![0], strict_port: false, path: "/callback".into() }
    }
}

/// Why there is no listener, or no redirect.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The host is not a name of this machine.
    #[error("cannot listen for a redirect to this host, only to 127.0.0.1, localhost or [::1]")]
    UnfitHost,
    /// The path cannot be that of a redirect URI.
    #[error("cannot listen for a redirect to this path")]
    UnfitPath,
    /// Another program has the port, or half of it (RFC 8252 section 7.3 needs both families for `localhost`).
    #[error("port {port} is in use by another program")]
    PortTaken {
        /// The port, the first one if there were several.
        port: u16,
    },
    /// The system refuses to listen.
    #[error("cannot listen for the browser: {0}")]
    Refused(#[source] io::Error),
    /// No redirect came in time.
    #[error("no answer came from the browser in time")]
    TimedOut,
    /// Somebody ended the wait.
    #[error("the wait for the browser was ended")]
    Stopped,
    /// Too many answers came that belong to no login.
    #[error("too many wrong answers came to the port that waits for the browser")]
    TooManyWrongRequests,
    /// The redirect has been taken before.
    #[error("this listener has taken its redirect")]
    Spent,
}

/// What a judge says about a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It belongs to no login of ours; the wait goes on.
    Ignore,
    /// It is the one.
    Take,
}

/// A port that waits for one redirect. Dropping it closes the port.
pub struct Listener {
    gate: Option<Gate>,
    stopper: Stopper,
    authority: String,
    port: u16,
    path: String,
}

impl Listener {
    /// Opens the port; from here on the redirect URI is known and a browser may come.
    ///
    /// Only loopback addresses are bound. A redirect to `localhost` may arrive over either family, so both are
    /// bound, or neither: whoever else held the other one would receive the code.
    pub fn bind(options: &ListenerOptions) -> Result<Self, ListenError> {
        let (authority, addresses) = addresses(&options.host)?;
        if !is_fit_path(&options.path) {
            return Err(ListenError::UnfitPath);
        }
        let listeners = bind_any(addresses, options)?;
        let port = listeners[0].local_addr().map_err(ListenError::Refused)?.port();
        let gate = Gate::open(listeners).map_err(ListenError::Refused)?;
        let stopper = Stopper { stopped: Arc::default(), waker: gate.waker() };
        Ok(Self { gate: Some(gate), stopper, authority: authority.into(), port, path: options.path.clone() })
    }

    /// The URI to register and to send the browser back to.
    pub fn redirect_uri(&self) -> String {
        format!("http://{}:{}{}", self.authority, self.port, self.path)
    }

    /// The port that was opened.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends [`Listener::receive`] from another thread.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits until the judge takes the raw query of a request to the callback path.
    ///
    /// Everything else is answered with a static page and forgotten. The wait also ends at `until` and by the
    /// [`Stopper`].
    pub fn receive(
        &mut self,
        judge: &mut dyn FnMut(&str) -> Verdict,
        until: Instant,
    ) -> Result<Waiting, ListenError> {
        let gate = self.gate.as_ref().ok_or(ListenError::Spent)?;
        let mut wrong = 0;
        loop {
            if self.stopper.stopped.load(Ordering::SeqCst) {
                return Err(ListenError::Stopped);
            }
            if Instant::now() >= until {
                return Err(ListenError::TimedOut);
            }
            let Some(Event::Arrived(arrival)) = gate.next(until) else { continue };
            if arrival.request.path() != self.path {
                arrival.answer(&pages::refusal(404));
                continue;
            }
            if judge(arrival.request.query()) == Verdict::Take {
                return Ok(Waiting { held: Some(arrival), gate: self.gate.take() });
            }
            arrival.answer(&pages::refusal(400));
            wrong += 1;
            if wrong >= WRONG_LIMIT {
                return Err(ListenError::TooManyWrongRequests);
            }
        }
    }
}

/// Ends a wait from another thread.
#[derive(Clone)]
pub struct Stopper {
    stopped: Arc<AtomicBool>,
    waker: Waker,
}

impl Stopper {
    /// Ends the wait at once, or the next one before it begins.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.waker.wake();
    }
}

/// The browser of the person, waiting for an answer. Dropping it answers [`Page::NotSignedIn`].
pub struct Waiting {
    held: Option<Arrival>,
    gate: Option<Gate>,
}

impl Waiting {
    /// Shows the page and closes the port.
    ///
    /// The browser is first sent to a path without the code, so that no code stays in the address bar and the
    /// history. Returns when it has fetched the page, after 2 s at the latest.
    pub fn answer(mut self, page: Page) {
        self.finish(page);
    }

    fn finish(&mut self, page: Page) {
        let (Some(held), Some(gate)) = (self.held.take(), self.gate.take()) else { return };
        held.answer(&pages::redirect_to(page));
        let until = Instant::now() + PAGE_TIME;
        while Instant::now() < until {
            let Some(Event::Arrived(arrival)) = gate.next(until) else { continue };
            if arrival.request.path() == page.path() {
                arrival.answer(&page.reply());
                return;
            }
            arrival.answer(&pages::refusal(404));
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.finish(Page::NotSignedIn);
    }
}

/// The host as a redirect URI writes it, and the addresses to bind.
fn addresses(host: &str) -> Result<(&'static str, &'static [IpAddr]), ListenError> {
    const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
    match host.to_ascii_lowercase().as_str() {
        "127.0.0.1" => Ok(("127.0.0.1", &[V4])),
        "localhost" => Ok(("localhost", &[V4, V6])),
        "[::1]" | "::1" => Ok(("[::1]", &[V6])),
        _ => Err(ListenError::UnfitHost),
    }
}

/// Whether a redirect URI may have this path: one that arrives as it was sent, and none of our own pages.
fn is_fit_path(path: &str) -> bool {
    path.starts_with('/')
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'"' | b'<' | b'>'))
        && [Page::SignedIn, Page::NotSignedIn].iter().all(|page| page.path() != path)
}

/// Binds the first of the wanted ports that is free, or any free one if no special one is needed.
fn bind_any(addresses: &[IpAddr], options: &ListenerOptions) -> Result<Vec<TcpListener>, ListenError> {
    let mut failure = None;
    let any = (!options.strict_port || options.ports.is_empty()).then_some(0);
    for port in options.ports.iter().copied().chain(any) {
        match bind_port(addresses, port) {
            Ok(listeners) => return Ok(listeners),
            Err(error) => failure = failure.or(Some((port, error))),
        }
    }
    Err(match failure {
        Some((port, error)) if port != 0 && error.kind() == io::ErrorKind::AddrInUse => {
            ListenError::PortTaken { port }
        }
        Some((_, error)) => ListenError::Refused(error),
        None => ListenError::Refused(io::ErrorKind::AddrNotAvailable.into()),
    })
}

/// Binds one port at every address; with port 0 one that is free at all of them.
fn bind_port(addresses: &[IpAddr], port: u16) -> io::Result<Vec<TcpListener>> {
    let attempts = if port == 0 { PAIR_ATTEMPTS } else { 1 };
    let mut failure = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..attempts {
        match bind_all(addresses, port) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => failure = error,
            decided => return decided,
        }
    }
    Err(failure)
}

fn bind_all(addresses: &[IpAddr], port: u16) -> io::Result<Vec<TcpListener>> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    for &address in addresses {
        let port = listeners.first().map_or(Ok(port), |first| first.local_addr().map(|own| own.port()))?;
        match TcpListener::bind((address, port)) {
            Ok(listener) => listeners.push(listener),
            // A machine without this family has nobody else there either.
            Err(error) if is_absent(&error) && !listeners.is_empty() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(listeners)
}

/// Whether the machine has no loopback address of this family.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || error.raw_os_error().is_some_and(|code| code == NO_SUCH_FAMILY)
}

/// `EAFNOSUPPORT`, which has no [`io::ErrorKind`] of its own.
#[cfg(unix)]
const NO_SUCH_FAMILY: i32 = nix::libc::EAFNOSUPPORT;
/// `WSAEAFNOSUPPORT`.
#[cfg(windows)]
const NO_SUCH_FAMILY: i32 = 10047;

#[cfg(test)]
mod tests {
    use super::*;

    /// MCP 20, 53.
    #[test]
    fn only_names_of_this_machine_are_bound() {
        for host in ["0.0.0.0", "::", "127.0.0.2", "localhost.", "example.com", "192.168.0.1", ""] {
            assert!(matches!(addresses(host), Err(ListenError::UnfitHost)), "{host}");
        }
        assert_eq!(addresses("LOCALHOST").unwrap().0, "localhost");
        assert_eq!(addresses("::1").unwrap().0, "[::1]");
    }

    #[test]
    fn a_path_must_arrive_as_it_is_sent() {
        for (path, fits) in [
            ("/callback", true),
            ("/", true),
            ("/oauth/call-back", true),
            ("callback", false),
            ("", false),
            ("/a b", false),
            ("/a?b", false),
            ("/a#b", false),
            ("/ü", false),
            ("/signed-in", false),
        ] {
            assert_eq!(is_fit_path(path), fits, "{path}");
        }
    }
}
