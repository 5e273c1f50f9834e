//! An office: nothing leaves it but through its proxy, which alone knows where a name leads; the certificates are those of
//! its own authority; and its server is open only to who shows a certificate, too.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};

use crate::client::Proxy;
use crate::peer::{
    ACCESS, ISSUER_METADATA, Peer, RESOURCE_METADATA, Said, Seen, answer, by_the_rules, issuer_metadata,
    json_answer,
};
use crate::support::talk::Talk;
use crate::support::{World, finish, follow};
use crate::tls::{AWAY, Front, Shown};

/// The proxy of the office. It ends with the story.
struct Gateway {
    address: SocketAddr,
    /// The head of each request.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Gateway {
    /// Leads every name to this address.
    fn to(place: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let heads = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let heads = Arc::clone(&heads);
                thread::spawn(move || lead(&stream, place, &heads));
            }
        });
        Self { address, asked }
    }
}

/// Reads where somebody wants to go, and lets everything pass from then on.
fn lead(near: &TcpStream, place: SocketAddr, heads: &Mutex<Vec<String>>) -> io::Result<()> {
    // Nobody speaks on before he has heard that the way is open, so that nothing is read too much.
    let (mut head, mut reader) = (String::new(), BufReader::new(near));
    while reader.read_line(&mut head)? > 2 {}
    let is_connect = head.starts_with("CONNECT ");
    heads.lock().unwrap().push(head);
    let mut to = near;
    if !is_connect {
        return to.write_all(b"HTTP/1.1 405 No\r\ncontent-length: 0\r\n\r\n");
    }
    let far = TcpStream::connect(place)?;
    to.write_all(b"HTTP/1.1 200 Go\r\n\r\n")?;
    let (near_again, far_again) = (near.try_clone()?, far.try_clone()?);
    thread::spawn(move || copy(&far_again, &near_again));
    copy(near, &far);
    Ok(())
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

/// Somebody who works there.
struct Office {
    world: World,
    gateway: Gateway,
    peer: Peer,
    _front: Front,
}

impl Office {
    /// Somebody who has signed in to the server at a URL of this scheme as `other`.
    fn signed_in(scheme: &str) -> Self {
        let (world, peer) = (World::new(), Peer::start(Box::new(|seen| Some(says(seen)))));
        let front = Front::of(peer.address());
        front.show(Shown::OnlyToKnown);
        let gateway = Gateway::to(front.address());
        let (certificate, key) = front.of_a_client();
        for (name, text) in
            [("authority.pem", front.authority()), ("client.pem", certificate), ("client.key", key)]
        {
            fs::write(world.home().join(name), text).unwrap();
            fs::set_permissions(world.home().join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let office = Self { world, gateway, peer, _front: front };
        office.settle(&format!("proxy = '{}'", office.proxy()));
        let file = |name: &str| office.world.home().join(name).to_string_lossy().into_owned();
        let url = format!("{scheme}://{AWAY}/mcp");
        let shown = ["--client-cert", &file("client.pem"), "--client-key", &file("client.key")];
        let add = [&["server", "add", &url, "--name", "other"][..], &shown].concat();
        office.world.run(&add).succeeded();
        let login = office.world.command(&["login", "other", "--no-browser"]);
        let (child, seen, address) = office.world.start_login(login);
        // A browser that knows neither the proxy nor the authority goes the short way.
        let address = address.unwrap_or_else(|| panic!("{seen}"));
        follow(&address.replace(&format!("https://{AWAY}"), &office.peer.origin()));
        finish(child, seen).succeeded();
        office.gateway.asked.lock().unwrap().clear();
        office
    }

    fn proxy(&self) -> String {
        format!("http://ana:hunter2@{}", self.gateway.address)
    }

    /// Settles the network: whom to trust, and a further line.
    fn settle(&self, line: &str) {
        let home = self.world.home();
        let authority = home.join("authority.pem");
        let config = format!("store = \"file\"\n[network]\nca_file = '{}'\n{line}\n", authority.display());
        fs::create_dir_all(home.join(".config/mcpauth")).unwrap();
        mcpauth::files::write_private(&home.join(".config/mcpauth/config.toml"), config.as_bytes()).unwrap();
    }

    /// A command of somebody whose environment names the proxy, and whose configuration does not.
    fn by_environment(&self, args: &[&str]) -> Command {
        self.settle("");
        let mut command = self.world.command(args);
        command.env("HTTPS_PROXY", self.proxy());
        command
    }

    /// Everything went through the proxy, which was told nothing but where to; the token came to the server alone, and
    /// the password of the proxy to the proxy alone.
    fn is_left_only_by_the_gate(&self) {
        let asked = self.gateway.asked.lock().unwrap();
        assert!(!asked.is_empty());
        for head in &*asked {
            assert!(head.starts_with(&format!("CONNECT {AWAY}:443 HTTP/1.1\r\n")), "{head}");
            // ana:hunter2
            assert!(head.to_ascii_lowercase().contains("proxy-authorization: basic "), "{head}");
            assert!(head.contains("YW5hOmh1bnRlcjI=") && !head.contains(ACCESS), "{head}");
        }
        let seen = self.peer.seen();
        assert!(seen.iter().any(|seen| seen.header("authorization") == format!("Bearer {ACCESS}")));
        assert!(seen.iter().all(|seen| !seen.holds("YW5hOmh1bnRlcjI=") && !seen.holds("hunter2")));
    }
}

/// What the server and the issuer say, which do not know that something stands before them.
fn says(seen: &Seen) -> Said {
    let origin = format!("https://{}", seen.header("host"));
    match seen.path() {
        "/mcp" if seen.header("authorization") != format!("Bearer {ACCESS}") => by_the_rules(seen),
        "/mcp" if seen.header("upgrade") == "websocket" => upgraded(seen),
        "/mcp" if seen.what() == "POST /mcp" => answered(&serde_json::from_str(&seen.body).unwrap())
            .map_or_else(|| answer(202, "", b""), |message| json_answer(200, &message)),
        "/mcp" => answer(405, "", b""),
        path if path.starts_with(RESOURCE_METADATA) => {
            let resource = format!("{origin}/mcp");
            json_answer(200, &json!({ "resource": resource, "authorization_servers": [origin] }))
        }
        ISSUER_METADATA => {
            let metadata = issuer_metadata(seen).to_string().replace("http://", "https://");
            json_answer(200, &serde_json::from_str(&metadata).unwrap())
        }
        _ => by_the_rules(seen),
    }
}

/// The answer to a message, if it wants one.
fn answered(message: &Value) -> Option<Value> {
    let result = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": { "name": "peer", "version": "1" } }),
        _ => json!({ "done": message["method"] }),
    };
    (!message["id"].is_null()).then(|| json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }))
}

fn upgraded(seen: &Seen) -> Said {
    let accept = derive_accept_key(seen.header("sec-websocket-key").as_bytes());
    Said::Handed(Box::new(move |mut stream| {
        let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket";
        write!(stream, "{head}\r\nsec-websocket-accept: {accept}\r\n\r\n").unwrap();
        stream.set_read_timeout(None).unwrap();
        let mut socket = WebSocket::from_raw_socket(stream, Role::Server, None);
        while let Ok(frame) = socket.read() {
            let Frame::Text(text) = frame else { continue };
            if let Some(message) = answered(&serde_json::from_str(&text).unwrap()) {
                socket.send(Frame::text(message.to_string())).unwrap();
            }
        }
    }))
}

/// A request with its answer.
const PING: &str = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
const PONG: &str = r#"{"jsonrpc":"2.0","id":7,"result":{"done":"ping"}}"#;

fn is_bridged(scheme: &str) {
    let office = Office::signed_in(scheme);
    for settled in [true, false] {
        let args = ["bridge", "other", "--login", "never"];
        let command = if settled { office.world.command(&args) } else { office.by_environment(&args) };
        let mut host = Talk::greeted(command, "2025-11-25");
        assert_eq!(host.ask("tools/list", &json!({}))["result"]["done"], "tools/list");
        assert_eq!(host.end().0, 0);
        office.is_left_only_by_the_gate();
        office.gateway.asked.lock().unwrap().clear();
    }
}

#[test]
fn a_bridge_leaves_the_office_by_the_gate() {
    is_bridged("https");
}

#[test]
fn a_websocket_leaves_the_office_by_the_gate() {
    is_bridged("wss");
}

#[test]
fn a_proxy_leaves_the_office_by_the_gate() {
    let office = Office::signed_in("https");
    let proxy = Proxy::start(&office.world, &["other"]);
    let told = proxy.post("/", PING);
    assert_eq!((told.status, told.body.as_str()), (200, PONG), "{told:?}");
    office.is_left_only_by_the_gate();
}

#[test]
fn a_call_leaves_the_office_by_the_gate() {
    let office = Office::signed_in("https");
    let args = ["call", "other", "-d", PING];
    let ran = office.world.run(&args);
    assert_eq!(ran.succeeded().stdout.trim_end(), PONG);
    office.is_left_only_by_the_gate();
    office.gateway.asked.lock().unwrap().clear();
    let output = office.by_environment(&args).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), PONG, "{output:?}");
    office.is_left_only_by_the_gate();

    // Without the proxy nobody knows the way.
    office.settle("");
    let before = office.peer.seen().len();
    assert_eq!(office.world.run(&args).failed_with(6, AWAY).stdout, "");
    assert_eq!(office.peer.seen().len(), before);
}
