//! Which headers pass, and which stay where they are: those of one connection, and whatever says who somebody is.

use hyper::header::{CONNECTION, HeaderMap, HeaderName};

use crate::config::ServerProfile;

/// What goes on to the server of what a client said. The token comes later, so that there is one, and so does what the
/// user settled for that server.
pub(super) fn outward(mut headers: HeaderMap, is_read: bool, profile: &ServerProfile) -> HeaderMap {
    without(&mut headers, |name| {
        matches!(
            name,
            "authorization"
                | "content-length"
                | "cookie"
                | "cookie2"
                | "dpop"
                | "expect"
                | "forwarded"
                | "host"
                | "origin"
                | "referer"
                | "via"
                | "x-real-ip"
                // Some servers take these for the path, which then leads anywhere.
                | "x-original-url"
                | "x-rewrite-url"
        ) || ["x-forwarded-", "sec-", "access-control-"].iter().any(|family| name.starts_with(family))
            // An answer that is read here has to be legible.
            || (is_read && name == "accept-encoding")
            || profile.settles(name)
    });
    headers
}

/// What goes back to the client of what the server said.
pub(super) fn inward(mut headers: HeaderMap, is_changed: bool) -> HeaderMap {
    without(&mut headers, |name| {
        matches!(
            name,
            "alt-svc"
                | "authentication-info"
                | "clear-site-data"
                | "dpop-nonce"
                | "location"
                | "refresh"
                | "set-cookie"
                | "set-cookie2"
                | "strict-transport-security"
                // It leads to a sign-in that is ours.
                | "www-authenticate"
        ) || name.starts_with("access-control-")
            || (is_changed && name == "content-length")
    });
    headers
}

/// Takes out what belongs to one connection (RFC 9110 section 7.6.1), and more.
fn without(headers: &mut HeaderMap, more: impl Fn(&str) -> bool) {
    let connection = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<HeaderName> =
        connection.flat_map(|names| names.split(',')).filter_map(|name| name.trim().parse().ok()).collect();
    let is_out = |name: &str| {
        matches!(name, "connection" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade")
            || name.starts_with("proxy-")
            || more(name)
    };
    let out: Vec<HeaderName> = headers.keys().filter(|name| is_out(name.as_str())).cloned().collect();
    for name in named.iter().chain(&out) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn names(headers: &HeaderMap) -> Vec<&str> {
        headers.keys().map(HeaderName::as_str).collect()
    }

    fn headers(names: &[&'static str]) -> HeaderMap {
        let value = HeaderValue::from_static("x");
        names.iter().map(|name| (HeaderName::from_static(name), value.clone())).collect()
    }

    /// P-07, P-09.
    #[test]
    fn what_says_who_somebody_is_stays_where_it_is() {
        let own = ["accept", "accept-encoding", "mcp-session-id", "last-event-id", "user-agent"];
        let others = ["authorization", "cookie", "proxy-authorization", "proxy-any", "x-forwarded-for"];
        let further = ["forwarded", "te", "host", "sec-fetch-mode", "origin", "dpop", "x-original-url"];
        let mut all = headers(&[&own[..], &others, &further].concat());
        let profile = ServerProfile::new("box".parse().unwrap(), "https://mcp.example.com/".parse().unwrap());
        assert_eq!(names(&outward(all.clone(), false, &profile)), own);
        all.insert(CONNECTION, HeaderValue::from_static("close, X-Hop , mcp-session-id"));
        all.insert("x-hop", HeaderValue::from_static("x"));
        let outward = outward(all, true, &profile);
        let mut left = names(&outward);
        left.sort_unstable();
        assert_eq!(left, ["accept", "last-event-id", "user-agent"]);
        let own = ["content-type", "content-length", "mcp-session-id", "retry-after"];
        let others = ["set-cookie", "location", "www-authenticate", "access-control-allow-origin"];
        assert_eq!(names(&inward(headers(&[&own[..], &others].concat()), false)), own);
    }
}
