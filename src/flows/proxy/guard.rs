//! Who may come in: programs that know the secret, and no page of a browser unless it was invited.

use std::net::SocketAddr;

use hyper::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, ORIGIN, TRANSFER_ENCODING,
    UPGRADE,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use super::refusal::Refusal;
use crate::secret::ProxySecret;

/// What is looked at before anything is done.
pub(super) struct Guard {
    /// What has to be shown; nothing where the system says who comes.
    pub(super) secret: Option<ProxySecret>,
    /// Whether it may stand at the beginning of the path.
    pub(super) in_path: bool,
    /// The origins whose pages are let in.
    pub(super) origins: Vec<String>,
}

/// The names by which a client may have come here.
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    /// Those of the address that a client connected to.
    pub(super) fn of(address: SocketAddr) -> Self {
        let mut names = vec![address.to_string()];
        // Whoever comes by IPv4 where IPv6 is listened to has never heard of the other spelling.
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        names.push(address.to_string());
        if address.ip().is_loopback() {
            // Nobody can make this name lead elsewhere.
            names.push(format!("localhost:{}", address.port()));
        }
        // The port that is meant where none is named (RFC 9110 section 4.2.1).
        let short = |name: &String| name.strip_suffix(":80").map(str::to_owned);
        let short: Vec<String> = names.iter().filter_map(short).collect();
        names.extend(short);
        Self(names)
    }

    /// That of a socket, which has none of its own.
    pub(super) fn of_socket() -> Self {
        Self(vec!["localhost".into()])
    }

    fn include(&self, name: &[u8]) -> bool {
        self.0.iter().any(|own| name.eq_ignore_ascii_case(own.as_bytes()))
    }
}

/// A request that may come in.
pub(super) struct Admitted<'a> {
    /// The path behind the secret, if that stood there.
    pub(super) path: &'a str,
    /// The page that asks, if one was invited.
    pub(super) origin: Option<&'a HeaderValue>,
    /// Whether the page only asks whether it may ask.
    pub(super) is_preflight: bool,
}

impl Guard {
    /// Looks at the head of a request.
    pub(super) fn admit<'a>(&self, head: &'a Parts, hosts: &Hosts) -> Result<Admitted<'a>, Refusal> {
        check_shape(head)?;
        check_host(&head.headers, hosts)?;
        let origin = self.invited(&head.headers)?;
        let path = head.uri.path();
        if head.method == Method::OPTIONS {
            let asks = origin.is_some() && head.headers.contains_key("access-control-request-method");
            let refusal = || Refusal::new(StatusCode::FORBIDDEN, "OPTIONS is for pages that were invited");
            return asks.then_some(Admitted { path, origin, is_preflight: true }).ok_or_else(refusal);
        }
        check_body(&head.headers)?;
        let path = self.shown(&head.headers, path)?;
        Ok(Admitted { path, origin, is_preflight: false })
    }

    /// The origin of the page that asks, if it was invited. Others are refused, also where the browser tells only that
    /// it is some page.
    fn invited<'a>(&self, headers: &'a HeaderMap) -> Result<Option<&'a HeaderValue>, Refusal> {
        let refused = || Refusal::new(StatusCode::FORBIDDEN, "no page of that origin is let in");
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (Some(origin), None) => {
                let is_invited = self.origins.iter().any(|own| own.as_bytes() == origin.as_bytes());
                is_invited.then_some(Some(origin)).ok_or_else(refused)
            }
            (Some(_), Some(_)) => Err(refused()),
            (None, _) if headers.get_all("sec-fetch-site").iter().any(|site| site != "none") => {
                Err(refused())
            }
            (None, _) => Ok(None),
        }
    }

    /// The path behind the secret, which stands before it or in a header.
    fn shown<'a>(&self, headers: &HeaderMap, path: &'a str) -> Result<&'a str, Refusal> {
        let Some(secret) = &self.secret else { return Ok(path) };
        let bearer = headers.get(AUTHORIZATION).and_then(bearer);
        if bearer.is_some_and(|shown| secret.matches(shown)) {
            return Ok(path);
        }
        if self.in_path {
            let first = path.trim_start_matches('/');
            let (first, rest) = first.split_at(first.find('/').unwrap_or(first.len()));
            if secret.matches(first) {
                return Ok(if rest.is_empty() { "/" } else { rest });
            }
        }
        Err(Refusal::unknown())
    }
}

/// What follows the scheme.
fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, shown) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| shown.trim())
}

/// Refuses what is meant for another kind of server: one that fetches what others name, or that changes its protocol.
fn check_shape(head: &Parts) -> Result<(), Refusal> {
    let refuse = |status, why| Err(Refusal::new(status, why));
    match head.method.as_str() {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => {}
        _ => return refuse(StatusCode::METHOD_NOT_ALLOWED, "that method is not passed on"),
    }
    if head.uri.authority().is_some() || head.uri.scheme().is_some() {
        return refuse(StatusCode::BAD_REQUEST, "this leads to the servers that it was started for only");
    }
    if head.headers.contains_key(UPGRADE) {
        return refuse(StatusCode::NOT_IMPLEMENTED, "this speaks HTTP/1.1 and nothing else");
    }
    Ok(())
}

/// Refuses a client that believes to be elsewhere: a page whose name was made to lead here, for one.
fn check_host(headers: &HeaderMap, hosts: &Hosts) -> Result<(), Refusal> {
    let mut named = headers.get_all(HOST).iter();
    match (named.next(), named.next()) {
        (Some(name), None) if hosts.include(name.as_bytes()) => Ok(()),
        (Some(_), None) => Err(Refusal::new(StatusCode::FORBIDDEN, "that is not the name of this host")),
        _ => Err(Refusal::new(StatusCode::BAD_REQUEST, "there has to be one Host header")),
    }
}

/// Refuses bodies of a kind that any page can have sent.
fn check_body(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_empty = headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
    if is_empty && !headers.contains_key(TRANSFER_ENCODING) && !headers.contains_key(CONTENT_TYPE) {
        return Ok(());
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let is_json = match (types.next(), types.next()) {
        (Some(one), None) => is_json(one),
        _ => false,
    };
    let refusal = || Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "only application/json is passed on");
    is_json.then_some(()).ok_or_else(refusal)
}

/// Whether a body is JSON, whatever its parameters.
pub(super) fn is_json(content_type: &HeaderValue) -> bool {
    let text = content_type.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}
