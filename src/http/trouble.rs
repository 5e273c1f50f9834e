//! Why there is no answer: each kind of trouble on its own, told by the types of the causes and not by their words.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use rustls::CertificateError;

use super::CONNECT;
use super::gate::{TOO_LOCAL, is_too_local};
use crate::clock::{Clock, SystemClock, UnixTime};
use crate::peer_text::PeerText;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The name leads to no address.
    #[error("cannot find {host}: {why}")]
    NameUnknown {
        /// Who was to be found.
        host: String,
        /// What the resolver says.
        why: String,
    },
    /// Nobody was reached.
    #[error("cannot reach {host}: {why}")]
    Unreachable {
        /// Who was to be reached.
        host: String,
        /// What stood in the way.
        why: String,
    },
    /// Nothing came back while the connection was being opened.
    #[error("cannot reach {host}: no connection within {seconds} s")]
    NoConnection {
        /// Who was to be reached.
        host: String,
        /// How long it was tried.
        seconds: u64,
    },
    /// The proxy does not lead there.
    #[error("cannot reach {host} through the proxy {proxy}: {why}")]
    Proxy {
        /// Who was to be reached.
        host: String,
        /// The host of the proxy.
        proxy: String,
        /// What stood in the way.
        why: String,
    },
    /// The other side shows a certificate that proves nothing.
    #[error("cannot trust {host}: its certificate {flaw}")]
    Certificate {
        /// Who showed it.
        host: String,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// No common way to speak securely.
    #[error("cannot speak securely with {host}: {why}")]
    Tls {
        /// Who was to be spoken to.
        host: String,
        /// What stood in the way.
        why: String,
    },
    /// The connection stood and went away before there was a whole answer.
    #[error("the connection to {host} broke: {why}")]
    Broken {
        /// Who was spoken to.
        host: String,
        /// What became of it.
        why: String,
    },
    /// The other side did not answer in time.
    #[error("{host} did not answer within {seconds} s")]
    Timeout {
        /// Who was silent.
        host: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// What came back is no HTTP.
    #[error("{host} answered with something that is no HTTP: {why}")]
    NotHttp {
        /// Who answered.
        host: String,
        /// Where it stops being HTTP.
        why: String,
    },
    /// The answer does not end.
    #[error("{host} answered with more than {limit} bytes")]
    TooLarge {
        /// Who answered.
        host: String,
        /// How many bytes would have been read.
        limit: usize,
    },
    /// The URL is not one that this client goes to.
    #[error("refused to contact {}: {why}", PeerText::from(.url.as_str()))]
    Refused {
        /// The URL, without query.
        url: String,
        /// The rule behind it.
        why: &'static str,
    },
    /// What the server wants beside the token cannot be had.
    #[error("cannot read {what}: {why}")]
    Unprepared {
        /// A header, or a certificate.
        what: String,
        /// What stood in the way.
        why: String,
    },
    /// The HTTP client cannot be set up.
    #[error("cannot set up HTTPS: {0}")]
    Setup(String),
}

impl HttpError {
    /// Whether the other side may have acted on the request: `false` only where no byte of it can have left. A
    /// refresh token whose request may have arrived may be spent.
    pub fn may_have_arrived(&self) -> bool {
        match self {
            Self::Broken { .. } | Self::Timeout { .. } | Self::NotHttp { .. } | Self::TooLarge { .. } => true,
            Self::NameUnknown { .. }
            | Self::Unreachable { .. }
            | Self::NoConnection { .. }
            | Self::Proxy { .. }
            | Self::Certificate { .. }
            | Self::Tls { .. }
            | Self::Refused { .. }
            | Self::Unprepared { .. }
            | Self::Setup(_) => false,
        }
    }

    /// Whether the trouble is likely to pass by itself.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NameUnknown { .. }
            | Self::Unreachable { .. }
            | Self::NoConnection { .. }
            | Self::Proxy { .. }
            | Self::Tls { .. }
            | Self::Broken { .. }
            | Self::Timeout { .. }
            | Self::NotHttp { .. } => true,
            Self::Certificate { .. }
            | Self::TooLarge { .. }
            | Self::Refused { .. }
            | Self::Unprepared { .. }
            | Self::Setup(_) => false,
        }
    }
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nobody that this machine trusts has signed it.
    Untrusted,
    /// It is for another name.
    OtherName,
    /// Its time is over, says the clock of this machine.
    Ended {
        /// When it ended, where that is known.
        at: Option<UnixTime>,
        /// What the clock says.
        clock: UnixTime,
    },
    /// Its time has not come, says the clock of this machine.
    NotYetValid {
        /// When it begins, where that is known.
        at: Option<UnixTime>,
        /// What the clock says.
        clock: UnixTime,
    },
    /// Something rarer.
    Other(String),
}

impl fmt::Display for Flaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untrusted => formatter.write_str("is signed by nobody that this machine trusts"),
            Self::OtherName => formatter.write_str("is for another name"),
            Self::Ended { at: Some(end), .. } => write!(formatter, "ended at {end}"),
            Self::Ended { at: None, .. } => formatter.write_str("has ended"),
            Self::NotYetValid { at: Some(begin), .. } => write!(formatter, "is valid only from {begin}"),
            Self::NotYetValid { at: None, .. } => formatter.write_str("is not valid yet"),
            Self::Other(why) => write!(formatter, "is of no use: {why}"),
        }
    }
}

impl From<&CertificateError> for Flaw {
    fn from(error: &CertificateError) -> Self {
        let clock = SystemClock.now();
        let time = |time: &rustls::pki_types::UnixTime| {
            Some(UnixTime(i64::try_from(time.as_secs()).unwrap_or(i64::MAX)))
        };
        match error {
            CertificateError::Expired => Self::Ended { at: None, clock },
            CertificateError::ExpiredContext { not_after, .. } => Self::Ended { at: time(not_after), clock },
            CertificateError::NotValidYet => Self::NotYetValid { at: None, clock },
            CertificateError::NotValidYetContext { not_before, .. } => {
                Self::NotYetValid { at: time(not_before), clock }
            }
            // The second is one that bears the name of an authority and not its signature.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Untrusted,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::OtherName
            }
            other => Self::Other(other.to_string()),
        }
    }
}

/// What is known of a request that came to nothing.
pub(super) struct Attempt {
    /// Who was to answer.
    pub(super) host: String,
    /// How long all of it may take.
    pub(super) limit: Duration,
    /// The host of the proxy that leads there.
    pub(super) proxy: Option<String>,
}

impl Attempt {
    /// The time is up; whether the request had left decides what that means.
    pub(super) fn ran_out(self, has_left: bool) -> HttpError {
        let (host, seconds) = (self.host, self.limit.as_secs());
        if has_left {
            HttpError::Timeout { host, seconds }
        } else {
            HttpError::NoConnection { host, seconds }
        }
    }

    /// What an error of the client means.
    pub(super) fn failed(self, error: &reqwest::Error) -> HttpError {
        if is_too_local(error) {
            HttpError::Refused { url: self.host, why: TOO_LOCAL }
        } else if error.is_builder() {
            HttpError::Setup(innermost(error))
        } else if error.is_connect() {
            self.did_not_connect(error)
        } else if error.is_timeout() {
            HttpError::Timeout { host: self.host, seconds: self.limit.as_secs() }
        } else if find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse) {
            HttpError::NotHttp { host: self.host, why: innermost(error) }
        } else {
            HttpError::Broken { host: self.host, why: innermost(error) }
        }
    }

    /// No byte of the request has left: not before name, connection, proxy and certificate are settled.
    fn did_not_connect(self, error: &reqwest::Error) -> HttpError {
        let (host, why) = (self.host, innermost(error));
        match (find::<rustls::Error>(error), self.proxy) {
            (Some(rustls::Error::InvalidCertificate(flaw)), _) => {
                HttpError::Certificate { host, flaw: flaw.into() }
            }
            (Some(_), _) => HttpError::Tls { host, why },
            _ if error.is_timeout() => {
                HttpError::NoConnection { host, seconds: self.limit.min(CONNECT).as_secs() }
            }
            (None, Some(proxy)) => HttpError::Proxy { host, proxy, why },
            (None, None) if error.is_dns() => HttpError::NameUnknown { host, why },
            (None, None) => HttpError::Unreachable { host, why },
        }
    }
}

/// Any error.
type Cause = dyn StdError + 'static;

/// An error and what caused it. An `io::Error` keeps what it wraps to itself: its `source` is the one below.
fn causes(error: &Cause) -> impl Iterator<Item = &Cause> {
    fn below(error: &Cause) -> Option<&Cause> {
        match error.downcast_ref::<io::Error>() {
            Some(wrapper) => wrapper.get_ref().map(|inner| inner as &Cause),
            None => error.source(),
        }
    }
    std::iter::successors(Some(error), |error| below(*error))
}

fn find<Kind: StdError + 'static>(error: &Cause) -> Option<&Kind> {
    causes(error).find_map(Cause::downcast_ref)
}

/// The last cause of an error: it names the trouble, and unlike the first it never holds a URL.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    causes(error).skip(1).last().map_or_else(|| "it was closed".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
    use std::sync::Arc;

    use url::Url;
    use zeroize::Zeroizing;

    use super::*;
    use crate::http::{Body, Http, NetworkSettings, Request, block_on};

    /// Somebody who does this with everyone who comes.
    fn peer(does: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || listener.incoming().flatten().for_each(does));
        address
    }

    /// Somebody who reads a request and says this.
    fn says(words: &'static [u8]) -> SocketAddr {
        peer(move |mut stream| {
            assert_ne!(stream.read(&mut [0; 4096]).unwrap(), 0);
            stream.write_all(words).unwrap();
            // An end with something unread would take back what was said.
            stream.shutdown(Shutdown::Write).unwrap();
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        })
    }

    /// Somebody who keeps the connection and says nothing.
    fn silent() -> SocketAddr {
        peer(|stream| {
            std::thread::spawn(move || std::io::copy(&mut &stream, &mut std::io::sink()));
        })
    }

    fn nobody() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    fn ask(url: &str, method: reqwest::Method, body: Body) -> HttpError {
        let settings = NetworkSettings { timeout: Some(1), ..NetworkSettings::default() };
        let http = Http::new(&"http://127.0.0.1:1/mcp".parse().unwrap(), settings, Arc::new(|_| {}));
        let url = Url::parse(url).unwrap();
        let Err(error) = block_on(http.send(Request::new(method, &url).body(body))).unwrap() else {
            panic!("{url} answered")
        };
        error
    }

    fn post(url: &str) -> HttpError {
        ask(url, reqwest::Method::POST, Body::Form(Zeroizing::new("refresh_token=canary".into())))
    }

    #[test]
    fn nothing_has_left_before_there_is_a_connection_that_can_be_trusted() {
        for (url, expected) in [
            ("https://nowhere.invalid/".to_owned(), "cannot find nowhere.invalid: "),
            (format!("http://{}/", nobody()), "cannot reach 127.0.0.1: "),
            (format!("https://{}/", silent()), "cannot reach 127.0.0.1: no connection within 1 s"),
            (format!("https://{}/", says(b"HTTP/1.1 400 No\r\n\r\n")), "cannot speak securely with"),
            (format!("https://{}/", peer(drop)), "cannot reach 127.0.0.1: "),
            ("http://nowhere.invalid/".into(), "refused to contact"),
        ] {
            let error = post(&url);
            assert!(error.to_string().starts_with(expected), "{url}: {error}");
            assert!(!error.may_have_arrived(), "{url}: {error}");
            assert_eq!(error.is_passing(), !matches!(error, HttpError::Refused { .. }), "{url}: {error}");
        }
    }

    #[test]
    fn whatever_happens_afterwards_the_request_may_have_arrived() {
        let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
        for (peer, expected) in [
            (silent(), "127.0.0.1 did not answer within 1 s"),
            (says(b""), "the connection to 127.0.0.1 broke: "),
            (says(ok), "the connection to 127.0.0.1 broke: "),
            (says(b"HTTP/1.1 200 OK\r\ncontent-le"), "the connection to 127.0.0.1 broke: "),
            (says(b"220 mail.example ESMTP\r\n"), "127.0.0.1 answered with something that is no HTTP: "),
        ] {
            let error = post(&format!("http://{peer}/"));
            assert!(error.to_string().starts_with(expected), "{expected}: {error}");
            assert!(error.may_have_arrived() && error.is_passing(), "{error}");
        }
        // What has no body cannot be watched on its way, so the worst is assumed.
        let error = ask(&format!("http://{}/", silent()), reqwest::Method::GET, Body::Empty);
        assert!(error.may_have_arrived(), "{error}");
    }
}
