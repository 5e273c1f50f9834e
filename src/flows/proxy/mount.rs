//! Which path leads where: to one of a few servers, and never beyond what their URLs say.

use std::borrow::Cow;
use std::sync::Arc;

use hyper::StatusCode;
use url::Url;

use super::ProxyRequest;
use super::metrics::Counts;
use super::rate::Meter;
use super::refusal::Refusal;
use crate::config::ServerProfile;
use crate::error::Error;
use crate::flows::App;
use crate::flows::relay::Relay;

/// How often a path is unescaped, to see what somebody behind the server might make of it.
const UNESCAPED: usize = 4;

/// A server that is found here.
pub(super) struct Mount {
    pub(super) profile: ServerProfile,
    base: Url,
    pub(super) relay: Relay,
    pub(super) counts: Arc<Counts>,
    /// How many requests it gets, if there is a limit.
    pub(super) meter: Option<Meter>,
}

/// All of them.
pub(super) struct Mounts(Vec<Mount>);

impl Mounts {
    /// The servers as they were named, each once.
    pub(super) fn find(app: &Arc<App>, request: &ProxyRequest) -> Result<Self, Error> {
        let mut mounts: Vec<Mount> = Vec::new();
        for server in &request.servers {
            let profile = app.profile(Some(server))?;
            if mounts.iter().any(|mount| mount.profile.name == profile.name) {
                continue;
            }
            let relay = Relay::standing(Arc::clone(app), &profile, &request.account);
            let base = profile.url.to_url();
            let meter = request.rate.map(Meter::new);
            mounts.push(Mount { profile, base, relay, counts: Arc::default(), meter });
        }
        Ok(Self(mounts))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Mount> {
        self.0.iter()
    }

    /// Where a path leads. The first part of it names the server; the only server there is needs no name.
    pub(super) fn lead(&self, path: &str, query: Option<&str>) -> Result<(&Mount, Url), Refusal> {
        let named = path.strip_prefix('/').unwrap_or_default();
        let (first, below) = named.split_at(named.find('/').unwrap_or(named.len()));
        let is_named = |mount: &&Mount| mount.profile.name.as_str().eq_ignore_ascii_case(first);
        let (mount, below) = match (self.0.iter().find(is_named), self.0.as_slice()) {
            (Some(mount), _) => (mount, below),
            // Whoever looks for metadata of this place is not to find that of the server, and to sign in there.
            (None, [only]) if first != ".well-known" => (only, path),
            _ => return Err(self.unknown()),
        };
        Ok((mount, below_base(&mount.base, below, query)?))
    }

    fn unknown(&self) -> Refusal {
        let names: Vec<&str> = self.0.iter().map(|mount| mount.profile.name.as_str()).collect();
        let text = format!("no server is found at that path; there are {}", names.join(", "));
        Refusal::new(StatusCode::NOT_FOUND, text)
    }
}

/// A path below that of a server; its query stays, and so does the one that is asked for.
fn below_base(base: &Url, below: &str, query: Option<&str>) -> Result<Url, Refusal> {
    let mut url = base.clone();
    if !matches!(below, "" | "/") {
        if !below.starts_with('/') || !stays_below(below) {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "that path leads out of the server's own"));
        }
        // Only the path is set, so the host stays whatever stands there.
        let path = format!("{}{below}", base.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        let query = match base.query() {
            Some(own) => Cow::Owned(beside(own, query)),
            None => Cow::Borrowed(query),
        };
        url.set_query(Some(&query));
    }
    Ok(url)
}

/// A server's own query and what somebody wants to add, but nothing by a name that is there: where a parameter stands
/// twice servers differ in which of the two they take.
fn beside(own: &str, query: &str) -> String {
    // Some servers end a parameter at a semicolon, too.
    let names =
        |part: &str| -> Vec<String> { part.split(';').map(|pair| parameter(pair).to_lowercase()).collect() };
    let taken: Vec<String> = own.split('&').flat_map(names).collect();
    let is_free = |part: &&str| !part.is_empty() && !names(part).iter().any(|name| taken.contains(name));
    let parts = [own].into_iter().filter(|own| !own.is_empty()).chain(query.split('&').filter(is_free));
    parts.collect::<Vec<_>>().join("&")
}

/// The name of a parameter as a server reads it.
fn parameter(pair: &str) -> String {
    let read = url::form_urlencoded::parse(pair.as_bytes()).next();
    read.map(|(name, _)| name.into_owned()).unwrap_or_default()
}

/// Whether a path, however often somebody unescapes it, has only parts that lead further down.
fn stays_below(path: &str) -> bool {
    let mut bytes = Cow::Borrowed(path.as_bytes());
    for _ in 0..UNESCAPED {
        // Some servers cut what follows a semicolon off before they look where a part leads.
        let named = |part: &[u8]| part.iter().position(|byte| *byte == b';').unwrap_or(part.len());
        let is_plain = |part: &[u8]| !matches!(&part[..named(part)], b"." | b"..");
        let parts_are_plain = bytes.split(|byte| matches!(byte, b'/' | b'\\')).all(is_plain);
        if !parts_are_plain || bytes.iter().any(|byte| *byte < b' ' || matches!(byte, b'\\' | 0x7f)) {
            return false;
        }
        match unescaped(&bytes) {
            Some(next) => bytes = Cow::Owned(next),
            None => return !path.contains("//"),
        }
    }
    // Nobody escapes that often who has nothing to hide.
    false
}

/// The same with each `%41` as the byte that it stands for; `None` if there is none.
fn unescaped(bytes: &[u8]) -> Option<Vec<u8>> {
    memchr::memchr(b'%', bytes)?;
    let decoded: Vec<u8> = url::form_urlencoded::parse(&[b"x=", &without_plus(bytes)[..]].concat())
        .next()
        .map(|(_, value)| value.into_owned().into_bytes())
        .unwrap_or_default();
    (decoded != bytes).then_some(decoded)
}

/// Forms write a space as a plus, and end where an `&` stands; paths do neither.
fn without_plus(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| if matches!(byte, b'+' | b'&') { b'_' } else { *byte }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P-06.
    #[test]
    fn a_path_leads_below_the_server_and_nowhere_else() {
        let base = Url::parse("https://mcp.example.com:8443/v1/mcp?tenant=a").unwrap();
        let lead = |below, query| below_base(&base, below, query).ok().map(String::from);
        for (below, query, expected) in [
            ("", None, "/v1/mcp?tenant=a"),
            ("/", Some("b=1"), "/v1/mcp?tenant=a&b=1"),
            ("/x/", None, "/v1/mcp/x/?tenant=a"),
            ("/x", Some("y=/../"), "/v1/mcp/x?tenant=a&y=/../"),
            ("/@evil.example", None, "/v1/mcp/@evil.example?tenant=a"),
            ("/;x", None, "/v1/mcp/;x?tenant=a"),
            ("/a%2Fb+c&d", None, "/v1/mcp/a%2Fb+c&d?tenant=a"),
            ("/http://evil.example", None, ""),
            ("/%41", None, "/v1/mcp/%41?tenant=a"),
        ] {
            let expected = (!expected.is_empty()).then(|| format!("https://mcp.example.com:8443{expected}"));
            assert_eq!(lead(below, query), expected, "{below}");
        }
        for out in [
            "//evil.example/",
            "/\\evil",
            "/x\\..\\y",
            "/..",
            "/../x",
            "/x/..",
            "/./x",
            "/..%2f..%2f",
            "/%2e%2e/x",
            "/%2E./x",
            "/%252e%252e/x",
            "/%25252525252e",
            "/%00",
            "/x%0d%0ay",
            "/%5cevil",
            "/a%2f..%2fb",
            "*",
            "/..;/x",
            "/x/..;y=z/..;",
            "/%2e%2e%3bx/y",
        ] {
            assert_eq!(lead(out, None), None, "{out}");
        }
    }
}
