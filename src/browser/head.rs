//! Reads one request head from a connection, within limits of size and time.
//!
//! The grammar of methods and header lines is that of `tiny_http`. Its server is not used: it reads heads of any
//! size for any time, stops listening when descriptors run out, and panics when a client resets the
//! connection right after its request, which would end a program that aborts on panic.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tiny_http::{Header, Method};
use zeroize::Zeroizing;

/// How long a client may take to send its head.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(10);

/// The longest head: a long target, and what browsers add (the cookies of `localhost` are those of every
/// program that ever served there).
const HEAD_LIMIT: usize = 48 * 1024;

/// The longest request target.
const TARGET_LIMIT: usize = 16 * 1024;

/// The largest number of header lines.
const LINE_LIMIT: usize = 128;

/// A request that may be for us. It holds a secret (the code), so it is wiped and has no `Debug`.
pub(super) struct Request {
    target: Zeroizing<String>,
}

impl Request {
    /// The part of the target before the question mark.
    pub(super) fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    /// The part after it, as it was sent; empty if there is none.
    pub(super) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }
}

/// Why a connection brought no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The client has gone, or it never began: nobody waits for an answer.
    Gone,
    /// This status answers it.
    Status(u16),
}

/// The port of the listener, by which a client must have called it.
#[derive(Clone, Copy)]
pub(super) struct OwnPort(pub(super) u16);

impl OwnPort {
    /// Whether a `Host` value names this machine and this port. A page that had its own name resolved to a
    /// loopback address sends that name here.
    fn is_named_by(self, host: &str) -> bool {
        // As digits: a number may be written in ways that no browser writes a port.
        let (name, is_own_port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port == self.0.to_string()),
            _ => (host, self.0 == 80),
        };
        is_own_port && ["127.0.0.1", "localhost", "[::1]"].iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// Reads and checks one head.
pub(super) fn read(mut stream: &TcpStream, own: OwnPort) -> Result<Request, Refusal> {
    let until = Instant::now() + HEAD_TIME;
    // In full from the start: a buffer that grows leaves copies of its secrets behind.
    let mut head = Zeroizing::new(Vec::with_capacity(HEAD_LIMIT));
    let mut piece = Zeroizing::new([0; 4096]);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return Err(if head.is_empty() { Refusal::Gone } else { Refusal::Status(408) });
        }
        let count = match stream.read(&mut piece[..]) {
            Ok(0) => return Err(Refusal::Gone),
            Ok(count) => count.min(HEAD_LIMIT - head.len()),
            Err(error) if is_passing(error.kind()) => continue,
            Err(_) => return Err(Refusal::Gone),
        };
        let searched = head.len().saturating_sub(3);
        head.extend_from_slice(&piece[..count]);
        if let Some(end) = find(&head[searched..], b"\r\n\r\n") {
            return check(&head[..searched + end], own);
        }
        check_beginning(&head)?;
    }
}

fn is_passing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Refuses what cannot become a request any more: TLS, another protocol, too much.
pub(super) fn check_beginning(head: &[u8]) -> Result<(), Refusal> {
    let full = head.len() >= HEAD_LIMIT;
    match find(head, b"\r\n") {
        _ if !head.first().is_some_and(u8::is_ascii_uppercase) => Err(Refusal::Status(400)),
        Some(end) => {
            request_line(&head[..end])?;
            if full { Err(Refusal::Status(431)) } else { Ok(()) }
        }
        None if full => Err(Refusal::Status(414)),
        None => Ok(()),
    }
}

/// Checks a whole head, without its empty line.
pub(super) fn check(head: &[u8], own: OwnPort) -> Result<Request, Refusal> {
    const BAD: Refusal = Refusal::Status(400);
    let line_end = find(head, b"\r\n").unwrap_or(head.len());
    let (method, target) = request_line(&head[..line_end])?;
    let lines = std::str::from_utf8(head.get(line_end + 2..).unwrap_or_default()).map_err(|_| BAD)?;
    if lines.matches("\r\n").count() >= LINE_LIMIT {
        return Err(Refusal::Status(431));
    }
    let headers: Vec<Header> =
        lines.split_terminator("\r\n").map(str::parse).collect::<Result<_, ()>>().map_err(|()| BAD)?;
    let values =
        |name| headers.iter().filter(move |header| header.field.equiv(name)).map(|header| &header.value);
    let mut hosts = values("Host");
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if own.is_named_by(host.as_str()) => {}
        (Some(_), None) => return Err(Refusal::Status(421)),
        _ => return Err(BAD),
    }
    if method != Method::Get {
        return Err(Refusal::Status(405));
    }
    if values("Content-Length").chain(values("Transfer-Encoding")).any(|value| value.as_str() != "0") {
        return Err(BAD);
    }
    Ok(Request { target })
}

/// The method and target of a request line; the target must be a path of this server (RFC 9112 section
/// 3.2.1).
fn request_line(line: &[u8]) -> Result<(Method, Zeroizing<String>), Refusal> {
    const BAD: Refusal = Refusal::Status(400);
    let line = std::str::from_utf8(line).map_err(|_| BAD)?;
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(BAD);
    };
    if target.len() > TARGET_LIMIT {
        return Err(Refusal::Status(414));
    }
    if !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
        return Err(BAD);
    }
    let method = method.parse().map_err(|()| BAD)?;
    // CONNECT and OPTIONS have targets of their own; what matters is that neither is served.
    if matches!(method, Method::Connect | Method::Options) {
        return Err(Refusal::Status(405));
    }
    if !target.starts_with('/') || target.contains('#') || !target.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(BAD);
    }
    Ok((method, Zeroizing::new(target.to_owned())))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_this_machine_with_the_own_port_are_own() {
        for (host, own) in [
            ("127.0.0.1:4711", true),
            ("LocalHost:4711", true),
            ("[::1]:4711", true),
            ("127.0.0.1", false),
            ("127.0.0.1:80", false),
            ("127.0.0.1:", false),
            ("127.0.0.1:+4711", false),
            ("[::1]:04711", false),
            ("127.0.0.2:4711", false),
            ("localhost.evil.example:4711", false),
            ("evil.example:4711", false),
            ("[::1]", false),
            ("::1:4711", false),
            ("user@127.0.0.1:4711", false),
            ("", false),
        ] {
            assert_eq!(OwnPort(4711).is_named_by(host), own, "{host}");
        }
        assert!(OwnPort(80).is_named_by("localhost"));
        assert!(OwnPort(80).is_named_by("[::1]"));
    }

    #[test]
    fn a_target_is_split_at_the_first_question_mark() {
        let request = |target: &str| Request { target: Zeroizing::new(target.into()) };
        assert_eq!((request("/a").path(), request("/a").query()), ("/a", ""));
        assert_eq!((request("/a?b?c=%2F").path(), request("/a?b?c=%2F").query()), ("/a", "b?c=%2F"));
    }
}
