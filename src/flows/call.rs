//! One authorized request, as `call` sends it: within the server's origin, and with no credentials but the login's.

use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::App;
use super::relay::{Outgoing, Payload, Relay};
use crate::audit::{Event, Kind};
use crate::config::ServerProfile;
use crate::error::Error;
use crate::http::{self, Bytes, HeaderMap, HeaderName, HeaderValue, HttpError, Method, OURS, STREAM_LIMIT};
use crate::model::{LoginKey, Name, ServerArg};
use crate::peer_text::PeerText;

/// What MCP servers speak (Streamable HTTP, Sending Messages to the Server).
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A request as the command line describes it.
pub struct CallRequest {
    /// The server.
    pub server: ServerArg,
    /// The account there.
    pub account: Name,
    /// The method, the path, both in this order, or neither.
    pub words: Vec<String>,
    /// The body, or `@` and where it is.
    pub data: Option<String>,
    /// Header lines.
    pub headers: Vec<String>,
    /// How long all of it may take.
    pub max_time: Option<Duration>,
}

/// The beginning of an answer.
pub struct Head {
    /// The HTTP status.
    pub status: u16,
    /// Such as `HTTP/1.1`.
    pub version: String,
    /// The HTTP headers.
    pub headers: HeaderMap,
    /// Seconds after which to try again, if the server said so.
    pub retry_after: Option<u64>,
}

/// A piece of an answer.
pub enum Piece<'a> {
    /// First, and once.
    Head(&'a Head),
    /// As it comes.
    Body(&'a [u8]),
}

/// Whether whoever looks at an answer wants the rest of it.
pub type Shown = ControlFlow<Result<(), Error>>;

/// Sends a request and shows the answer piece by piece. Gives its beginning, to be judged.
pub fn call(
    app: &Arc<App>,
    request: &CallRequest,
    mut show: impl FnMut(Piece<'_>) -> Shown,
) -> Result<Head, Error> {
    let profile = app.profile(Some(&request.server))?;
    let (method, path) = method_and_path(&request.words)?;
    let headers = headers(&request.headers, request.data.is_some(), &profile)?;
    let url = target(&profile.url.to_url(), path)?;
    let body = request.data.as_deref().map(read_data).transpose()?;
    let method = method.unwrap_or(if body.is_some() { Method::POST } else { Method::GET });
    let payload = body.map_or(Payload::Empty, Payload::Whole);
    let outgoing = Outgoing { method, url, headers, payload, patience: request.max_time };
    let relay = Relay::new(Arc::clone(app), &profile, &request.account);
    let asked = within(request.max_time, &outgoing.url, pass_on(app, &relay, &outgoing, &mut show));
    http::block_on(asked).and_then(std::convert::identity).map_err(|error| relay.trouble(error.into()))?
}

/// A request that is not described on a command line, held to the same bounds.
pub(super) fn outgoing<'a>(
    profile: &ServerProfile,
    name: &str,
    path: &str,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    body: Option<Bytes>,
    patience: Duration,
) -> Result<Outgoing, Error> {
    let lines: Vec<String> = headers.map(|(name, value)| format!("{name}:{value}")).collect();
    let headers = self::headers(&lines, body.is_some(), profile)?;
    let (method, url) = (method(name)?, target(&profile.url.to_url(), Some(path))?);
    Ok(Outgoing {
        method,
        url,
        headers,
        payload: body.map_or(Payload::Empty, Payload::Whole),
        patience: Some(patience),
    })
}

/// Everything in its time, or not at all. A refresh that was begun goes on without us.
async fn within<Done>(
    limit: Option<Duration>,
    url: &Url,
    asked: impl Future<Output = Done>,
) -> Result<Done, HttpError> {
    let Some(limit) = limit else { return Ok(asked.await) };
    let host = url.host_str().unwrap_or_default().to_owned();
    let late = |_| HttpError::Timeout { host, seconds: limit.as_secs() };
    tokio::time::timeout(limit, asked).await.map_err(late)
}

async fn pass_on(
    app: &App,
    relay: &Relay,
    outgoing: &Outgoing,
    show: &mut impl FnMut(Piece<'_>) -> Shown,
) -> Result<Head, Error> {
    let sent = relay.send(outgoing).await;
    if matches!(sent, Ok(_) | Err(Error::ScopeNeeded { .. } | Error::ScopeHeld { .. })) {
        note(app, relay.key());
    }
    let mut answer = sent?;
    let head = Head {
        status: answer.status,
        version: answer.version(),
        retry_after: answer.retry_after(),
        headers: std::mem::take(&mut answer.headers),
    };
    if let ControlFlow::Break(end) = show(Piece::Head(&head)) {
        return end.map(|()| head);
    }
    while let Some(chunk) = answer.chunk().await.map_err(|error| relay.trouble(error.into()))? {
        if let ControlFlow::Break(end) = show(Piece::Body(&chunk)) {
            return end.map(|()| head);
        }
    }
    Ok(head)
}

/// Writes down that the token was used, as far as its record is still there to tell which.
fn note(app: &App, key: &LoginKey) {
    if let Ok(Some(summary)) = app.store().and_then(|store| Ok(store.summary(key)?)) {
        app.audit(&Event::new(Kind::Used, key).about(&summary.tokens));
    }
}

/// The method, if one is named, and the path, which is the server's own if none is.
fn method_and_path(words: &[String]) -> Result<(Option<Method>, Option<&str>), Error> {
    match words {
        [] => Ok((None, None)),
        [path] if is_place(path) => Ok((None, Some(path))),
        [word] => Ok((Some(method(word)?), None)),
        [word, path, ..] => Ok((Some(method(word)?), Some(path))),
    }
}

fn is_place(word: &str) -> bool {
    word.starts_with(['/', '?']) || word.contains("://")
}

/// A method. `TRACE` would have the token repeated, and `CONNECT` is for proxies.
fn method(word: &str) -> Result<Method, Error> {
    let upper = word.to_ascii_uppercase();
    let is_word = !word.is_empty() && word.len() <= 32 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let method = Method::from_bytes(upper.as_bytes()).ok();
    method.filter(|_| is_word && upper != "TRACE" && upper != "CONNECT").ok_or_else(|| Error::Usage {
        message: format!("`{}` is no method that can be called", PeerText::from(word)),
        hint: "write the method first, such as GET or POST, and then a path, which begins with a slash"
            .into(),
    })
}

/// Where a path leads, which is within the server's origin: the token is for nobody else.
fn target(server: &Url, path: Option<&str>) -> Result<Url, Error> {
    let Some(path) = path else { return Ok(server.clone()) };
    let refuse = |why: &str| Error::Usage {
        message: format!("`{}` {why}", PeerText::from(path)),
        hint: "give a path of that server, which begins with a slash".into(),
    };
    // The parser of URLs leaves some of these out without a word.
    if path.chars().any(|character| character.is_control() || character == ' ') {
        return Err(refuse("holds characters that belong in no URL"));
    }
    if !is_place(path) {
        return Err(refuse("is no path"));
    }
    let mut url = server.join(path).map_err(|error| refuse(&format!("is no URL: {error}")))?;
    if url.origin() != server.origin() || !url.username().is_empty() || url.password().is_some() {
        return Err(Error::Usage {
            message: format!(
                "the token is for {} only, and that address is elsewhere",
                server.origin().ascii_serialization()
            ),
            hint: "give a path of that server, which begins with a slash".into(),
        });
    }
    url.set_fragment(None);
    Ok(url)
}

/// The header lines, and for a body what MCP servers expect where nothing else is said.
fn headers(lines: &[String], has_body: bool, profile: &ServerProfile) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = header(line)?;
        if profile.settles(name.as_str()) {
            return Err(Error::Usage {
                message: format!("the header {name} is settled for {}", profile.name),
                hint: format!("leave it out; `mcpauth server set {}` changes what is settled", profile.name),
            });
        }
        headers.append(name, value);
    }
    if has_body {
        headers.entry("content-type").or_insert(JSON);
        headers.entry("accept").or_insert(ACCEPTED);
    }
    Ok(headers)
}

/// One header line. Nothing of a value is repeated: it may be a secret.
fn header(line: &str) -> Result<(HeaderName, HeaderValue), Error> {
    let refuse = |message: String, hint: &str| Error::Usage { message, hint: hint.into() };
    let Some((name, value)) = line.split_once(':') else {
        return Err(refuse("a header has no colon".into(), "write it as -H 'Name: value'"));
    };
    let shown = PeerText::from(name);
    let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err(refuse(format!("`{shown}` is no name of a header"), "write it as -H 'Name: value'"));
    };
    if OURS.contains(&name.as_str()) {
        let hint = "leave it out; the token is added, and so is what frames the message";
        return Err(refuse(format!("the header {name} is not yours to set"), hint));
    }
    let value = HeaderValue::from_str(value.trim_matches([' ', '\t'])).map_err(|_| {
        refuse(format!("the header {name} holds characters that no header may"), "leave out line breaks")
    })?;
    Ok((name, value))
}

/// The body: the text itself, or what a file or standard input holds, as it is.
fn read_data(data: &str) -> Result<Bytes, Error> {
    let Some(source) = data.strip_prefix('@') else { return Ok(data.to_owned().into()) };
    let read = match source {
        "-" => read(std::io::stdin().lock()),
        file => File::open(file).and_then(read),
    };
    let source = PeerText::from(if source == "-" { "standard input" } else { source });
    let refuse =
        |message| Error::Usage { message, hint: "give -d TEXT, -d @FILE, or -d @- and pipe it in".into() };
    let bytes = read.map_err(|error| refuse(format!("cannot read {source}: {error}")))?;
    if bytes.len() > STREAM_LIMIT {
        return Err(refuse(format!("{source} holds more than {STREAM_LIMIT} bytes")));
    }
    Ok(bytes.into())
}

/// Everything that there is, up to what is too much.
fn read(source: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(STREAM_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_nowhere_but_to_the_server() {
        let server = Url::parse("https://mcp.example.com:8443/mcp?tenant=a").unwrap();
        for (path, expected) in [
            ("/x", "https://mcp.example.com:8443/x"),
            ("/x/../../y?z=1#part", "https://mcp.example.com:8443/y?z=1"),
            ("?tenant=b", "https://mcp.example.com:8443/mcp?tenant=b"),
            ("/@evil.example/", "https://mcp.example.com:8443/@evil.example/"),
            ("HTTPS://MCP.example.com:8443/x", "https://mcp.example.com:8443/x"),
        ] {
            assert_eq!(target(&server, Some(path)).unwrap().as_str(), expected, "{path}");
        }
        assert_eq!(target(&server, None).unwrap(), server);
        for elsewhere in [
            "//evil.example/x",
            "/\\evil.example/x",
            "\\\\evil.example/x",
            "https://evil.example/x",
            "https://mcp.example.com/x",
            "http://mcp.example.com:8443/x",
            "https://mcp.example.com:8443@evil.example/x",
            "https://user@mcp.example.com:8443/x",
            "https://mcp.example.com.evil.example:8443/",
            "file:///etc/passwd",
            "/x\r\nHost: evil.example",
            "/\t/evil.example/",
            "x",
        ] {
            assert!(matches!(target(&server, Some(elsewhere)), Err(Error::Usage { .. })), "{elsewhere}");
        }
    }

    #[test]
    fn a_header_neither_ends_its_line_nor_says_who_asks() {
        let (name, value) = header("X-Any:  a: b\t").unwrap();
        assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-any", "a: b"));
        for refused in [
            "Authorization: Bearer s3cret",
            "AUTHORIZATION : x",
            "host: evil.example",
            "X-Any: a\r\nHost: s3cret",
            "X-Any: a\ns3cret",
            "X\r\nY: s3cret",
            " X: s3cret",
            "Transfer-Encoding: chunked",
            "dpop: s3cret",
            "s3cret",
        ] {
            let Err(error) = header(refused) else { panic!("{refused}") };
            assert!(!format!("{error} {:?}", error.hint()).contains("s3cret"), "{refused}: {error}");
        }
    }

    #[test]
    fn the_method_may_be_left_out_and_so_may_the_path() {
        let read = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            let (method, path) = method_and_path(&words).ok()?;
            Some((method.map(|method| method.to_string()), path.map(str::to_owned)))
        };
        let (delete, path) = (Some("DELETE".to_owned()), Some("/x".to_owned()));
        assert_eq!(read(&[]), Some((None, None)));
        assert_eq!(read(&["/x"]), Some((None, path.clone())));
        assert_eq!(read(&["delete"]), Some((delete.clone(), None)));
        assert_eq!(read(&["DELETE", "/x"]), Some((delete, path)));
        for refused in ["TRACE", "connect", "x/y", "", "GET\r\n"] {
            assert_eq!(read(&[refused, "/x"]), None, "{refused:?}");
        }
    }
}
