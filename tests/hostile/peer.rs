//! A server and issuer that says whatever a test wants said, byte for byte, and plays by the rules otherwise.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use url::{Url, form_urlencoded};

pub(crate) const CODE: &str = "canary-code-Jq7Zt0Wm";
pub(crate) const ACCESS: &str = "canary-access-Xb4Kd9Rv";
pub(crate) const REFRESH: &str = "canary-refresh-Pn2Ys6Lc";

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Such as `GET /mcp?x=1`.
    line: String,
    /// The header lines.
    head: String,
    pub(crate) body: String,
}

impl Seen {
    /// Such as `GET /mcp?x=1`.
    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    /// Such as `GET /mcp`.
    pub(crate) fn what(&self) -> &str {
        self.line.split('?').next().unwrap_or_default()
    }

    pub(crate) fn path(&self) -> &str {
        self.what().split(' ').nth(1).unwrap_or_default()
    }

    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> String {
        let query = self.line.split_once('?').map_or("", |(_, query)| query);
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(own, _)| own == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// A field of a form in the body.
    pub(crate) fn field(&self, name: &str) -> String {
        let mut pairs = form_urlencoded::parse(self.body.as_bytes());
        pairs.find(|(own, _)| own == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// Whether a text is anywhere in the request.
    pub(crate) fn holds(&self, text: &str) -> bool {
        [&self.line, &self.head, &self.body].iter().any(|part| part.contains(text))
    }

    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> String {
        let value = self.head.lines().find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        });
        value.unwrap_or_default()
    }

    /// The origin that was asked, which is the peer's own.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.header("host"))
    }

    fn is_for(&self, place: &str) -> bool {
        self.path().starts_with(place)
    }
}

/// An answer.
pub(crate) enum Said {
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// A good beginning, and then a byte now and then.
    Drip,
    /// A body that does not end.
    Endless,
    /// Whatever somebody does with the connection; others are served meanwhile.
    Handed(Box<dyn FnOnce(TcpStream) + Send>),
    /// These bytes as the test brings them, until it brings no more; others are served meanwhile.
    AsBrought(Receiver<Vec<u8>>),
}

/// A JSON answer.
pub(crate) fn json_answer(status: u16, document: &Value) -> Said {
    answer(status, "content-type: application/json\r\n", document.to_string().as_bytes())
}

/// An answer with header lines of its own.
pub(crate) fn answer(status: u16, headers: &str, body: &[u8]) -> Said {
    let head = format!(
        "HTTP/1.1 {status} Any\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    Said::Bytes([head.as_bytes(), body].concat())
}

/// What a test wants said; `None` where the peer is to play by the rules.
pub(crate) type Script = Box<dyn Fn(&Seen) -> Option<Said> + Send>;

/// A script that says something at one place only.
pub(crate) fn at(place: &'static str, say: impl Fn(&Seen) -> Said + Send + 'static) -> Script {
    Box::new(move |seen| seen.is_for(place).then(|| say(seen)))
}

pub(crate) const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";
pub(crate) const ISSUER_METADATA: &str = "/.well-known/oauth-authorization-server";

/// The peer. Dropping it stops it.
pub(crate) struct Peer {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    pub(crate) fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, stop) = (Arc::<Mutex<Vec<Seen>>>::default(), Arc::<AtomicBool>::default());
        let (books, stopped) = (Arc::clone(&seen), Arc::clone(&stop));
        let serve = move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                // A client that went away is no concern of the peer.
                let _ = stream.and_then(|stream| converse(&stream, &script, &books));
            }
        };
        Self { address, seen, stop, thread: Some(thread::spawn(serve)) }
    }

    /// One that only writes down what comes.
    pub(crate) fn sink() -> Self {
        Self::start(Box::new(|_| Some(answer(200, "", b"{}"))))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/mcp", self.origin())
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Whether somebody asked for this place.
    pub(crate) fn was_asked_for(&self, place: &str) -> bool {
        self.seen().iter().any(|seen| seen.is_for(place))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn converse(stream: &TcpStream, script: &Script, books: &Mutex<Vec<Seen>>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let Some(seen) = read(stream)? else { return Ok(()) };
    books.lock().unwrap().push(seen.clone());
    let said = script(&seen).unwrap_or_else(|| by_the_rules(&seen));
    let mut to = stream;
    match said {
        Said::Bytes(bytes) => to.write_all(&bytes)?,
        Said::Drip => {
            to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{")?;
            // Ends when the client has gone.
            while to.write_all(b" ").is_ok() {
                thread::sleep(Duration::from_millis(50));
            }
        }
        Said::Endless => {
            to.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"padding\":\"")?;
            while to.write_all(&[b'x'; 8192]).is_ok() {}
        }
        Said::Handed(does) => {
            let stream = stream.try_clone()?;
            thread::spawn(move || does(stream));
            return Ok(());
        }
        Said::AsBrought(pieces) => {
            let mut to = stream.try_clone()?;
            thread::spawn(move || {
                // Ends with the test, or when the client has gone.
                let _ = pieces.iter().try_for_each(|piece| to.write_all(&piece));
                let _ = to.shutdown(Shutdown::Both);
            });
            return Ok(());
        }
    }
    to.shutdown(Shutdown::Write)
}

fn read(stream: &TcpStream) -> std::io::Result<Option<Seen>> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut head) = (String::new(), String::new());
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    while reader.read_line(&mut head)? > 2 {}
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let line = line.rsplit_once(' ').map_or("", |(line, _)| line).to_owned();
    Ok(Some(Seen { line, head, body: String::from_utf8_lossy(&body).into_owned() }))
}

/// What an honest server and issuer would answer.
pub(crate) fn by_the_rules(seen: &Seen) -> Said {
    match seen.path() {
        "/mcp" => answer(401, "www-authenticate: Bearer scope=\"mcp:basic\"\r\n", b""),
        path if path.starts_with(RESOURCE_METADATA) => json_answer(200, &resource_metadata(seen)),
        ISSUER_METADATA => json_answer(200, &issuer_metadata(seen)),
        "/register" => json_answer(201, &json!({ "client_id": "client-of-the-peer" })),
        "/authorize" => redirect_back(seen, &[("code", CODE), ("state", &seen.parameter("state"))]),
        "/token" => json_answer(200, &tokens()),
        _ => answer(404, "", b""),
    }
}

/// Sends the browser back with these parameters.
pub(crate) fn redirect_back(seen: &Seen, parameters: &[(&str, &str)]) -> Said {
    let mut target = Url::parse(&seen.parameter("redirect_uri")).unwrap();
    target.query_pairs_mut().extend_pairs(parameters);
    answer(302, &format!("location: {target}\r\n"), b"")
}

pub(crate) fn resource_metadata(seen: &Seen) -> Value {
    json!({ "resource": format!("{}/mcp", seen.origin()), "authorization_servers": [seen.origin()] })
}

pub(crate) fn issuer_metadata(seen: &Seen) -> Value {
    let origin = seen.origin();
    json!({
        "issuer": origin,
        "authorization_endpoint": format!("{origin}/authorize"),
        "token_endpoint": format!("{origin}/token"),
        "registration_endpoint": format!("{origin}/register"),
        "code_challenge_methods_supported": ["S256"],
    })
}

pub(crate) fn tokens() -> Value {
    json!({ "access_token": ACCESS, "refresh_token": REFRESH, "token_type": "Bearer", "expires_in": 3600 })
}

/// A document with other members; `null` takes one out, and `{origin}` is the peer's own.
pub(crate) fn bent(mut document: Value, seen: &Seen, change: &Value) -> Value {
    let change = change.to_string().replace("{origin}", &seen.origin());
    let change: Value = serde_json::from_str(&change).unwrap();
    let members = document.as_object_mut().unwrap();
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    document
}
