//! HTTP as an OAuth client needs it: no redirect with a secret, every answer bounded in size and time, and no
//! peer that sends us to an address more local than the one the user typed.

mod answer;
mod gate;
mod own;
mod sending;
mod streaming;
mod trouble;

use std::collections::BTreeSet;
use std::future::Future;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
pub use hyper::body::Bytes;
use hyper_util::client::proxy::matcher::Matcher;
pub use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION};
pub use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;
use zeroize::Zeroizing;

pub use self::answer::Answer;
use self::answer::retry_after;
pub use self::gate::TOO_LOCAL;
use self::gate::{Gate, GatedResolver};
pub use self::own::{ClientCertificate, NoSource, OURS, Own, Source, may_be_settled};
use self::sending::Sending;
pub use self::streaming::{STREAM_LIMIT, Streamed, Upgraded};
use self::trouble::{Attempt, innermost};
pub use self::trouble::{Flaw, HttpError};
use crate::model::{ServerUrl, is_loopback};
use crate::secret::{AccessToken, Assertion, ClientSecret, RegistrationToken};

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(5);
/// After how much silence it is looked whether the other side of a connection is still there.
const KEEP_ALIVE: Duration = Duration::from_mins(1);
/// How long an answer may take, all in all.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes of an answer that are read.
pub const ANSWER_LIMIT: usize = 256 * 1024;
/// The header of a proof (RFC 9449 section 4.1).
const DPOP: &str = "dpop";
/// How many redirects a metadata request follows, all within one origin.
const REDIRECTS: usize = 3;

/// One request and what became of it, for `-v`. Shows neither query nor body.
pub struct Exchange<'a> {
    /// The HTTP method.
    pub method: &'a str,
    url: &'a Url,
    /// The status, or why there is none.
    pub outcome: Result<u16, &'a HttpError>,
    /// How long it took.
    pub took: Duration,
}

impl Exchange<'_> {
    /// The URL without its query.
    pub fn url(&self) -> String {
        without_query(self.url)
    }
}

/// Is told of each exchange.
pub type Observer = Arc<dyn Fn(&Exchange<'_>) + Send + Sync>;

/// What the user's configuration says about the network.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkSettings {
    /// Seconds until an answer must have arrived; if not set 10, and 30 where tokens are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// A PEM file with certificates to trust beside those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The proxy for every request to another machine, for programs that start without `HTTPS_PROXY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Url>,
    /// Hosts that may have a private address although the server's is public, such as a company's issuer.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub allow_hosts: BTreeSet<String>,
}

/// Who the request says it is.
pub enum Authorization<'a> {
    /// Nobody.
    Anonymous,
    /// The holder of an access token (RFC 6750 section 2.1).
    Bearer(&'a AccessToken),
    /// The holder of an access token and of the key that it is bound to (RFC 9449 section 7.1).
    Dpop {
        /// The token.
        token: &'a AccessToken,
        /// The proof that was made for this request and this token.
        proof: &'a Assertion,
    },
    /// The owner of a dynamic registration (RFC 7592 section 2).
    Registration(&'a RegistrationToken),
    /// A confidential client (RFC 6749 section 2.3.1).
    Basic(&'a str, &'a ClientSecret),
}

/// What a request carries.
pub enum Body {
    /// Nothing.
    Empty,
    /// `application/json`.
    Json(serde_json::Value),
    /// `application/x-www-form-urlencoded`, already encoded.
    Form(Zeroizing<String>),
    /// These bytes; the headers say what they are.
    Bytes(Bytes),
    /// What somebody else is still saying.
    Flowing(FlowingBody),
}

/// A body that comes while it is sent.
pub type FlowingBody = reqwest::Body;

/// One request to be sent.
pub struct Request<'a> {
    /// GET, POST or DELETE.
    pub method: reqwest::Method,
    /// Where to.
    pub url: &'a Url,
    /// Who asks.
    pub authorization: Authorization<'a>,
    /// The proof of the key that what is asked for is to be bound to (RFC 9449 section 5).
    pub proof: Option<Assertion>,
    /// What is sent.
    pub body: Body,
    /// Further headers.
    pub headers: HeaderMap,
    /// How long the answer may take where the user has settled nothing.
    pub patience: Duration,
}

impl<'a> Request<'a> {
    /// A request without body, credentials or further headers.
    pub fn new(method: reqwest::Method, url: &'a Url) -> Self {
        Self {
            method,
            url,
            authorization: Authorization::Anonymous,
            proof: None,
            body: Body::Empty,
            headers: HeaderMap::new(),
            patience: PATIENCE,
        }
    }

    /// The same request with a body.
    #[must_use]
    pub fn body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    /// The same request with credentials.
    #[must_use]
    pub fn authorization(self, authorization: Authorization<'a>) -> Self {
        Self { authorization, ..self }
    }

    /// The same request to somebody who may take longer, or has less time, than others.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

/// Whose certificates a client takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// What the system and the settings say.
    Usual,
    /// Nobody's: it speaks in the clear.
    Nobody,
}

/// The HTTP client for one MCP server and whoever it names. Costs nothing until the first request.
pub struct Http {
    settings: NetworkSettings,
    gate: Arc<Gate>,
    observer: Observer,
    /// The server: what it wants of its own goes to its origin.
    server: Url,
    own: Own,
    /// For other machines, perhaps through a proxy.
    far: OnceLock<reqwest::Client>,
    /// For this machine: what is meant for a loopback address, in the clear at that, is not for a proxy.
    near: OnceLock<reqwest::Client>,
    /// The same in the clear: nobody reads the certificates of the system for that.
    clear: OnceLock<reqwest::Client>,
    /// For the server, where it wants to see a certificate.
    known: OnceLock<reqwest::Client>,
}

impl Http {
    /// A client for the server that the user typed.
    pub fn new(server: &ServerUrl, settings: NetworkSettings, observer: Observer) -> Self {
        let url = server.to_url();
        let typed = url.host().map_or(url::Host::Domain(String::new()), |host| host.to_owned());
        let mut trusted = settings.allow_hosts.clone();
        trusted.extend(proxy_hosts(&settings));
        let gate = Arc::new(Gate::new(typed, trusted));
        Self {
            settings,
            gate,
            observer,
            server: url,
            own: Own::default(),
            far: OnceLock::new(),
            near: OnceLock::new(),
            clear: OnceLock::new(),
            known: OnceLock::new(),
        }
    }

    /// The same client with what the server wants beside a token. No other origin gets to see it.
    #[must_use]
    pub fn with(self, own: Own) -> Self {
        Self { own, ..self }
    }

    /// Sets up everything that a request to another machine needs, and sends none.
    pub fn set_up(&self) -> Result<(), HttpError> {
        self.build_client(false, Trust::Usual, None).map(drop)
    }

    /// Reads what the server wants beside a token, so that whoever needs it later does not find out then.
    pub fn prepare(&self) -> Result<(), HttpError> {
        if let Some(certificate) = &self.own.certificate {
            certificate.read()?;
        }
        self.own.headers().map(drop)
    }

    /// Sends a request and reads the whole answer; follows no redirect.
    pub async fn send(&self, request: Request<'_>) -> Result<Answer, HttpError> {
        let url = request.url.clone();
        let method = request.method.clone();
        let started = Instant::now();
        let result = self.exchange(request).await;
        (self.observer)(&Exchange {
            method: method.as_str(),
            url: &url,
            outcome: result.as_ref().map(|answer| answer.status),
            took: started.elapsed(),
        });
        result
    }

    /// Gets a public document such as metadata. The only request that follows redirects: at most three, within
    /// the origin, each vetted like the first. The headers hold no secret.
    pub async fn get_document(&self, url: &Url, headers: HeaderMap) -> Result<Answer, HttpError> {
        let mut target = url.clone();
        for _ in 0..=REDIRECTS {
            let mut request = Request::new(reqwest::Method::GET, &target);
            request.headers = headers.clone();
            request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
            let answer = self.send(request).await?;
            let Some(next) = redirect_target(&answer, &target) else { return Ok(answer) };
            if next.origin() != url.origin() {
                return Err(HttpError::Refused {
                    url: without_query(&next),
                    why: "a redirect to another origin",
                });
            }
            target = next;
        }
        Err(HttpError::Refused { url: without_query(&target), why: "too many redirects" })
    }

    /// Refuses a URL that is not https (plain http is for loopback), that carries credentials, or whose literal
    /// address is more local than what the user typed. Names are judged when they are resolved.
    pub async fn vet(&self, url: &Url) -> Result<(), HttpError> {
        let refuse = |why| Err(HttpError::Refused { url: without_query(url), why });
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(url)) {
            return refuse("not https");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("a user name or password in it");
        }
        let literal = match url.host() {
            Some(url::Host::Ipv4(address)) => IpAddr::V4(address),
            Some(url::Host::Ipv6(address)) => IpAddr::V6(address),
            Some(url::Host::Domain(_)) => return Ok(()),
            None => return refuse("no host"),
        };
        if self.gate.admits(literal, url.host_str().unwrap_or_default()).await {
            Ok(())
        } else {
            refuse(TOO_LOCAL)
        }
    }

    /// How long a request may take: what the user settled wins.
    fn limit(&self, request: &Request<'_>) -> Duration {
        self.settings.timeout.map_or(request.patience, |seconds| Duration::from_secs(seconds.max(1)))
    }

    async fn exchange(&self, request: Request<'_>) -> Result<Answer, HttpError> {
        let (url, limit) = (request.url.clone(), self.limit(&request));
        let host = url.host_str().unwrap_or_default().to_owned();
        let sending = Sending::default();
        let sent = async {
            let mut response = self.head(request, limit, &sending).await?;
            let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
            let mut body = Zeroizing::new(Vec::with_capacity(16 * 1024));
            let failed = |error: reqwest::Error| self.attempt(&url, limit).failed(&error);
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                if body.len() + chunk.len() > ANSWER_LIMIT {
                    return Err(HttpError::TooLarge { host: host.clone(), limit: ANSWER_LIMIT });
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Answer { status, headers, body, host: host.clone() })
        };
        match tokio::time::timeout(limit, sent).await {
            Ok(result) => result,
            Err(_) => Err(self.attempt(&url, limit).ran_out(sending.has_begun())),
        }
    }

    /// Sends a request to where it may go, and waits for the head of the answer.
    async fn head(
        &self,
        request: Request<'_>,
        limit: Duration,
        sending: &Sending,
    ) -> Result<reqwest::Response, HttpError> {
        let url = request.url.clone();
        // Within the time, too: a literal address is compared with those of a name that has to be looked up.
        self.vet(&url).await?;
        let sent = self.build(request, sending)?.send().await;
        sent.map_err(|error| self.attempt(&url, limit).failed(&error))
    }

    fn attempt(&self, url: &Url, limit: Duration) -> Attempt {
        Attempt { host: url.host_str().unwrap_or_default().to_owned(), limit, proxy: self.proxy_to(url) }
    }

    fn build(&self, request: Request<'_>, sending: &Sending) -> Result<reqwest::RequestBuilder, HttpError> {
        let client = self.client(request.url)?;
        let headers = self.headers(request.url, request.headers)?;
        let mut builder = client.request(request.method, request.url.clone()).headers(headers);
        builder = match request.authorization {
            Authorization::Anonymous => builder,
            Authorization::Bearer(token) => builder.header(AUTHORIZATION, bearer(token.expose())?),
            Authorization::Dpop { token, proof } => {
                let credentials = sensitive(&Zeroizing::new(format!("DPoP {}", token.expose())))?;
                builder.header(AUTHORIZATION, credentials).header(DPOP, sensitive(proof.expose())?)
            }
            Authorization::Registration(token) => builder.header(AUTHORIZATION, bearer(token.expose())?),
            Authorization::Basic(id, secret) => builder.header(AUTHORIZATION, basic(id, secret)?),
        };
        if let Some(proof) = request.proof {
            builder = builder.header(DPOP, sensitive(proof.expose())?);
        }
        Ok(match request.body {
            Body::Empty => {
                sending.cannot_be_watched();
                builder
            }
            Body::Json(value) => {
                builder.header(CONTENT_TYPE, "application/json").body(sending.watch(value.to_string().into()))
            }
            Body::Form(form) => builder
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(ACCEPT, "application/json")
                .body(sending.watch(form.as_bytes().to_vec().into())),
            Body::Bytes(bytes) => builder.body(sending.watch(bytes)),
            Body::Flowing(body) => {
                sending.cannot_be_watched();
                builder.body(body)
            }
        })
    }

    /// The host of the proxy that leads to a URL, if one does.
    fn proxy_to(&self, url: &Url) -> Option<String> {
        if is_loopback(url) {
            return None;
        }
        if let Some(proxy) = &self.settings.proxy {
            return proxy.host_str().map(str::to_owned);
        }
        let target = url.as_str().parse().ok()?;
        Matcher::from_system().intercept(&target)?.uri().host().map(str::to_owned)
    }

    /// The headers of a request, and what the server wants of its own. What a request says itself stands.
    fn headers(&self, url: &Url, mut headers: HeaderMap) -> Result<HeaderMap, HttpError> {
        if is_same_origin(url, &self.server) {
            for (name, value) in self.own.headers()? {
                headers.entry(name).or_insert_with(|| value.clone());
            }
        }
        Ok(headers)
    }

    fn client(&self, url: &Url) -> Result<&reqwest::Client, HttpError> {
        let certificate = self.own.certificate.as_ref().filter(|_| is_same_origin(url, &self.server));
        let is_near = is_loopback(url);
        let known = match (certificate, is_near) {
            (Some(_), _) => &self.known,
            (None, true) if url.scheme() == "http" => &self.clear,
            (None, true) => &self.near,
            (None, false) => &self.far,
        };
        if let Some(client) = known.get() {
            return Ok(client);
        }
        let trust = if url.scheme() == "http" { Trust::Nobody } else { Trust::Usual };
        let client = self.build_client(is_near, trust, certificate)?;
        Ok(known.get_or_init(|| client))
    }

    fn build_client(
        &self,
        is_near: bool,
        trust: Trust,
        certificate: Option<&ClientCertificate>,
    ) -> Result<reqwest::Client, HttpError> {
        // Fails only if a provider is installed already, which is what is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let setup = |error: reqwest::Error| HttpError::Setup(innermost(&error));
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("mcpauth/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            // A stream may be silent for hours; one whose server has gone without a word must not be so for ever.
            .tcp_keepalive(KEEP_ALIVE)
            .dns_resolver(Arc::new(GatedResolver(Arc::clone(&self.gate))));
        if trust == Trust::Nobody {
            builder = builder.tls_certs_only([]);
        } else if let Some(file) = &self.settings.ca_file {
            let unreadable = |error: std::io::Error| HttpError::Setup(format!("{}: {error}", file.display()));
            let pem = std::fs::read(file).map_err(unreadable)?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(setup)?;
            builder = builder.tls_certs_merge(certificates);
        }
        if let Some(certificate) = certificate {
            builder = builder.identity(certificate.read()?);
        }
        if is_near {
            builder = builder.no_proxy();
        } else if let Some(proxy) = &self.settings.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy.clone()).map_err(setup)?);
        }
        builder.build().map_err(setup)
    }
}

/// Runs a future to its end on this thread. Called once per command, and never where a token is at hand.
pub fn block_on<Output>(future: impl Future<Output = Output>) -> Result<Output, HttpError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| HttpError::Setup(error.to_string()))?;
    let output = runtime.block_on(future);
    // A thread may still wait for a line or a name server; the program does not.
    runtime.shutdown_background();
    Ok(output)
}

/// Whether two URLs of http or https have the same origin (RFC 6454 section 5).
pub fn is_same_origin(one: &Url, other: &Url) -> bool {
    let port = Url::port_or_known_default;
    one.has_host() && one.scheme() == other.scheme() && one.host() == other.host() && port(one) == port(other)
}

/// A URL as it may be shown: a query can hold a code or a state.
pub fn without_query(url: &Url) -> String {
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    bare.into()
}

fn redirect_target(answer: &Answer, from: &Url) -> Option<Url> {
    let redirects = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
    redirects.then(|| from.join(answer.headers.get(LOCATION)?.to_str().ok()?).ok()).flatten()
}

fn bearer(token: &str) -> Result<HeaderValue, HttpError> {
    sensitive(&Zeroizing::new(format!("Bearer {token}")))
}

/// RFC 6749 section 2.3.1: both parts form-encoded first, so that a colon in either does not end the id.
fn basic(id: &str, secret: &ClientSecret) -> Result<HeaderValue, HttpError> {
    let encode = |text: &str| -> Zeroizing<String> {
        Zeroizing::new(url::form_urlencoded::byte_serialize(text.as_bytes()).collect())
    };
    let pair = Zeroizing::new(format!("{}:{}", *encode(id), *encode(secret.expose())));
    let encoded = Zeroizing::new(BASE64.encode(pair.as_bytes()));
    sensitive(&Zeroizing::new(format!("Basic {}", *encoded)))
}

fn sensitive(text: &str) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        HttpError::Setup("a stored credential contains characters that no header may hold".into())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The variables that name a proxy.
pub const PROXY_VARIABLES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// The hosts of the configured proxies: they are the user's own, wherever they are.
fn proxy_hosts(settings: &NetworkSettings) -> Vec<String> {
    PROXY_VARIABLES
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .filter_map(|text| Url::parse(&text).or_else(|_| Url::parse(&format!("http://{text}"))).ok())
        .chain(settings.proxy.clone())
        .filter_map(|url| url.host_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(server: &str) -> Http {
        Http::new(&server.parse().unwrap(), NetworkSettings::default(), Arc::new(|_| {}))
    }

    fn vet(server: &str, url: &str) -> Result<(), HttpError> {
        block_on(http(server).vet(&Url::parse(url).unwrap())).unwrap()
    }

    /// MCP 51.
    #[test]
    fn a_public_server_cannot_send_us_inside() {
        for inside in [
            "https://127.0.0.1/x",
            "https://10.0.0.1/x",
            "https://192.168.1.1/x",
            "https://100.64.0.1/x",
            "https://169.254.169.254/latest/meta-data/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://[::ffff:169.254.169.254]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[fd00:ec2::254]/",
            "https://0.0.0.0/",
            "http://93.184.216.34/",
            "https://user@93.184.216.34/",
            "ftp://93.184.216.34/",
        ] {
            assert!(vet("https://93.184.216.35/mcp", inside).is_err(), "{inside}");
        }
        assert!(vet("https://93.184.216.35/mcp", "https://93.184.216.34/").is_ok());
    }

    /// MCP 51.
    #[test]
    fn a_local_server_may_name_local_ones_but_no_metadata_service() {
        assert!(vet("http://127.0.0.1:1/mcp", "http://127.0.0.1:2/token").is_ok());
        assert!(vet("http://127.0.0.1:1/mcp", "https://10.0.0.1/token").is_ok());
        assert!(vet("http://127.0.0.1:1/mcp", "https://169.254.169.254/token").is_err());
        assert!(vet("https://10.0.0.1/mcp", "http://127.0.0.1/token").is_err());
    }

    /// MCP 51.
    #[test]
    fn a_name_that_leads_inside_is_refused_like_an_address_that_does() {
        let url = Url::parse("https://localhost:1/").unwrap();
        let sent = http("https://93.184.216.35/mcp");
        let Err(error) = block_on(sent.send(Request::new(reqwest::Method::GET, &url))).unwrap() else {
            panic!("it was contacted")
        };
        assert!(matches!(error, HttpError::Refused { why: TOO_LOCAL, .. }), "{error}");
    }

    #[test]
    fn what_the_user_settled_wins_over_what_a_request_would_wait() {
        let url = Url::parse("http://127.0.0.1:1/token").unwrap();
        let seconds = |settled, patience: Option<u64>| {
            let settings = NetworkSettings { timeout: settled, ..NetworkSettings::default() };
            let http = Http::new(&"http://127.0.0.1:1/mcp".parse().unwrap(), settings, Arc::new(|_| {}));
            let request = Request::new(reqwest::Method::POST, &url);
            let patience = patience.map_or(request.patience, Duration::from_secs);
            http.limit(&request.patience(patience)).as_secs()
        };
        assert_eq!((seconds(None, None), seconds(None, Some(30))), (10, 30));
        assert_eq!((seconds(Some(3), None), seconds(Some(3), Some(30)), seconds(Some(0), None)), (3, 3, 1));
    }

    /// MCP 37.
    #[test]
    fn basic_credentials_are_form_encoded_first() {
        let header = basic("id:1", &ClientSecret::new("s3cr3t/+=: x")).unwrap();
        let encoded = header.to_str().unwrap().strip_prefix("Basic ").unwrap();
        assert_eq!(BASE64.decode(encoded).unwrap(), b"id%3A1:s3cr3t%2F%2B%3D%3A+x");
        assert!(header.is_sensitive());
    }
}
