//! HTTPS in front of a peer, with whatever certificate, or misbehaviour, a test wants shown.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// The name under which those know the front who do not see that it is on this machine.
pub(crate) const AWAY: &str = "mcp.example.com";

/// What whoever connects is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A certificate of the authority, for 127.0.0.1, for [`AWAY`], and for now.
    Good,
    /// One whose time is over.
    Ended,
    /// One whose time has not come.
    NotYetValid,
    /// One for another name.
    OtherName,
    /// One that signed itself.
    SelfSigned,
    /// A good one, to whoever shows one of the same authority.
    OnlyToKnown,
    /// An answer in the clear.
    Plaintext,
    /// Nothing, and the connection stays open.
    Silence,
    /// The end of the connection.
    Hangup,
    /// A good certificate, and the end of the connection once the request is there.
    LostAnswer,
}

/// An authority that no machine trusts by itself.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        let der: &CertificateDer<'_> = self.0.der();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64.encode(der))
    }

    fn certificate(&self, shown: Shown) -> Arc<ServerConfig> {
        let names = if shown == Shown::OtherName { vec!["issuer.example"] } else { vec!["127.0.0.1", AWAY] };
        let mut params =
            CertificateParams::new(names.into_iter().map(str::to_owned).collect::<Vec<_>>()).unwrap();
        match shown {
            Shown::Ended => params.not_after = date_time_ymd(2020, 2, 29),
            Shown::NotYetValid => params.not_before = date_time_ymd(3000, 1, 1),
            _ => {}
        }
        let key = KeyPair::generate().unwrap();
        let certificate = match shown {
            Shown::SelfSigned => params.self_signed(&key).unwrap(),
            _ => params.signed_by(&key, &self.0).unwrap(),
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        // Whoever comes first installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = match shown {
            Shown::OnlyToKnown => ServerConfig::builder().with_client_cert_verifier(self.verifier()),
            _ => ServerConfig::builder().with_no_client_auth(),
        };
        Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap())
    }

    fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        let mut roots = RootCertStore::empty();
        let der: &CertificateDer<'_> = self.0.der();
        roots.add(der.clone()).unwrap();
        WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap()
    }

    /// A certificate for a client, and its key.
    fn of_a_client(&self) -> (String, String) {
        let mut params = CertificateParams::new(["somebody".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let pem = |kind: &str, der: &[u8]| {
            format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", BASE64.encode(der))
        };
        (pem("CERTIFICATE", certificate.der()), pem("PRIVATE KEY", &key.serialize_der()))
    }
}

/// The HTTPS in front. Dropping it stops it.
pub(crate) struct Front {
    address: SocketAddr,
    authority: Authority,
    shown: Arc<Mutex<(Shown, Arc<ServerConfig>)>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Front {
    /// Leads to whoever listens at `behind`.
    pub(crate) fn of(behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let authority = Authority::new();
        let shown = Arc::new(Mutex::new((Shown::Good, authority.certificate(Shown::Good))));
        let stop = Arc::<AtomicBool>::default();
        let (showing, stopped) = (Arc::clone(&shown), Arc::clone(&stop));
        let serve = move || {
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (shown, config) = showing.lock().unwrap().clone();
                let Ok(stream) = stream else { continue };
                match shown {
                    Shown::Silence => silent.push(stream),
                    // A client that goes away is what is waited for; others are served meanwhile.
                    _ => drop(thread::spawn(move || converse(stream, shown, config, behind))),
                }
            }
        };
        Self { address, authority, shown, stop, thread: Some(thread::spawn(serve)) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn origin(&self) -> String {
        format!("https://{}", self.address)
    }

    /// What makes the good certificate trusted.
    pub(crate) fn authority(&self) -> String {
        self.authority.pem()
    }

    /// A certificate by which a client is known, and its key.
    pub(crate) fn of_a_client(&self) -> (String, String) {
        self.authority.of_a_client()
    }

    /// Shows this from now on.
    pub(crate) fn show(&self, shown: Shown) {
        *self.shown.lock().unwrap() = (shown, self.authority.certificate(shown));
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn converse(
    mut stream: TcpStream,
    shown: Shown,
    config: Arc<ServerConfig>,
    behind: SocketAddr,
) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    match shown {
        Shown::Hangup => return Ok(()),
        Shown::Plaintext => {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")?;
            stream.shutdown(Shutdown::Write)?;
            // An end with something unread would take back what was said.
            return io::copy(&mut stream, &mut io::sink()).map(drop);
        }
        _ => {}
    }
    let mut near = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let request = read_request(&mut near)?;
    if shown == Shown::LostAnswer {
        return Ok(());
    }
    let mut far = TcpStream::connect(behind)?;
    far.write_all(&request)?;
    // What was begun with a request may go on both ways, and neither is waited for while the other has something to say.
    for side in [&near.sock, &far] {
        side.set_read_timeout(Some(Duration::from_millis(5)))?;
    }
    while pass(&mut far, &mut near)? && pass(&mut near, &mut far)? {}
    near.conn.send_close_notify();
    near.flush()
}

/// Passes on what is there; whether there may be more.
fn pass(from: &mut impl Read, to: &mut impl Write) -> io::Result<bool> {
    let mut bytes = [0; 8192];
    match from.read(&mut bytes) {
        Ok(0) => Ok(false),
        Ok(length) => to.write_all(&bytes[..length]).and_then(|()| to.flush()).map(|()| true),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(true),
        Err(error) => Err(error),
    }
}

fn read_request(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut reader = BufReader::new(from);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let length = head
        .to_ascii_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length:").map(|length| length.trim().parse().unwrap()));
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok([head.as_bytes(), &body].concat())
}
