//! Where it listens, and where its secret is.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use mcpauth::sandbox::SandboxOptions;
use nix::sys::signal::Signal;

use crate::client::{Answer, Proxy};
use crate::peer::answer;
use crate::support::{World, stranger};
use crate::{authorized, peer_that};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

/// P-14.
#[test]
fn the_secret_is_new_at_each_start_and_goes_with_the_process() {
    let world = World::signed_in(SandboxOptions::default());
    let mut seen = Vec::new();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let proxy = Proxy::start(&world, &["box", "-vv"]);
        let (file, secret) = (proxy.secret_file(), proxy.secret());
        assert_eq!((mode(&file), secret.len()), (0o600, 64));
        assert!(file.starts_with(world.home()), "{file:?}");
        if cfg!(target_os = "linux") {
            let words = fs::read(format!("/proc/{}/cmdline", proxy.id())).unwrap();
            assert!(!String::from_utf8_lossy(&words).contains(&secret));
        }
        proxy.post("/", "{}");
        assert!(!proxy.told.to_string().contains(&secret));
        let (exit, said) = proxy.end(signal);
        assert_eq!((exit, file.exists()), (0, false), "{said}");
        assert!(!said.contains(&secret), "{said}");
        assert!(!seen.contains(&secret));
        seen.push(secret);
    }
}

#[test]
fn the_secret_may_be_kept_elsewhere() {
    let world = World::signed_in(SandboxOptions::default());
    let file = world.home().join("run/secret");
    let proxy = Proxy::start(&world, &["box", "--secret-file", &file.display().to_string()]);
    assert_eq!((mode(&file), proxy.secret_file()), (0o600, file.clone()));
    // Another start that has taken the file over keeps it.
    let other = Proxy::start(&world, &["box", "--secret-file", &file.display().to_string()]);
    proxy.end(Signal::SIGTERM);
    assert!(file.exists());
    other.end(Signal::SIGTERM);
    assert!(!file.exists());
}

#[test]
fn a_file_that_holds_something_else_is_not_replaced_by_a_secret() {
    let world = World::signed_in(SandboxOptions::default());
    let file = world.home().join("notes");
    let at = ["box", "--secret-file", file.to_str().unwrap()];
    for content in ["my notes", &"0".repeat(63), &"x".repeat(64), &"0".repeat(65)] {
        fs::write(&file, content).unwrap();
        Proxy::refused(&world, &at).failed_with(2, "is there already, and holds no secret of a proxy");
        assert_eq!(fs::read_to_string(&file).unwrap(), *content);
    }
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("elsewhere", &file).unwrap();
    Proxy::refused(&world, &at).failed_with(2, "is there already");
    assert!(file.is_symlink() && !world.home().join("elsewhere").exists());
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    Proxy::refused(&world, &at).failed_with(2, "is there already");
    fs::remove_dir(&file).unwrap();

    // Nothing is lost with an empty one, such as mktemp makes, or with that of a proxy that was killed.
    fs::write(&file, "").unwrap();
    let mut proxy = Proxy::start(&world, &at);
    let secret = proxy.secret();
    proxy.kill();
    assert_eq!(fs::read_to_string(&file).unwrap(), secret);
    let proxy = Proxy::start(&world, &at);
    assert!(proxy.secret() != secret && mode(&file) == 0o600);
}

/// P-02.
#[test]
fn an_address_of_the_old_kind_is_known_where_the_new_kind_is_listened_to() {
    let world = World::signed_in(SandboxOptions::default());
    let proxy = Proxy::start(&world, &["box", "--listen", "[::]:0", "--expose-to-network"]);
    let (port, secret) = (proxy.address().port(), proxy.secret());
    let said = |host: &str| {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let head = format!("Host: {host}\r\nAuthorization: Bearer {secret}\r\nConnection: close\r\n\r\n");
        write!(stream, "GET /.well-known/x HTTP/1.1\r\n{head}").unwrap();
        Answer::read(&mut stream).status
    };
    let names = [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("evil.example:{port}")];
    assert_eq!(names.map(|name| said(&name)), [404, 404, 403]);
    // That is this machine, in the new spelling.
    let near = Proxy::start(&world, &["box", "--listen", "[::ffff:127.0.0.1]:0"]);
    assert_eq!(near.told["url"].as_str().unwrap(), format!("http://127.0.0.1:{}", near.address().port()));
    Proxy::refused(&world, &["box", "--listen", "[::ffff:192.0.2.1]:0"])
        .failed_with(5, "can be reached from other machines");
}

/// P-15.
#[test]
fn other_machines_are_let_in_only_by_whoever_says_so() {
    let world = World::signed_in(SandboxOptions::default());
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:4000"] {
        let ran = Proxy::refused(&world, &["box", "--listen", address]);
        ran.failed_with(5, "can be reached from other machines");
    }
    let proxy = Proxy::start(&world, &["box", "--listen", "0.0.0.0:0", "--expose-to-network"]);
    let address = proxy.address();
    let near = format!("127.0.0.1:{}", address.port());
    let said = |host: &str| {
        let secret = proxy.secret();
        let mut stream = std::net::TcpStream::connect(&near).unwrap();
        let head = format!("Host: {host}\r\nAuthorization: Bearer {secret}\r\nConnection: close\r\n\r\n");
        write!(stream, "GET /.well-known/x HTTP/1.1\r\n{head}").unwrap();
        Answer::read(&mut stream).status
    };
    assert_eq!((said(&near), said(&address.to_string()), said("evil.example")), (404, 403, 403));
}

#[test]
fn a_port_that_is_taken_is_told() {
    let world = World::signed_in(SandboxOptions::default());
    let first = Proxy::start(&world, &["box"]);
    let ran = Proxy::refused(&world, &["box", "--listen", &first.address().to_string()]);
    ran.failed_with(2, "cannot listen on 127.0.0.1:");
}

/// Asks through a socket; no status where nothing was answered.
fn through(socket: &Path, host: &str) -> u16 {
    let mut stream = UnixStream::connect(socket).unwrap();
    let _ = write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    Answer::read(&mut stream).status
}

#[test]
fn on_a_socket_no_secret_is_needed() {
    let (_proxy, world, peer) = peer_that(|_| answer(200, "", b"in"), &[]);
    let socket = world.home().join("run/socket");
    let proxy = Proxy::start(&world, &["other", "--socket", &socket.display().to_string()]);
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o600, 0o700));
    assert_eq!(
        (&proxy.told["secret_file"], proxy.told["socket"].as_str()),
        (&serde_json::Value::Null, socket.to_str())
    );
    let before = authorized(&peer).len();
    assert_eq!((through(&socket, "localhost"), through(&socket, "evil.example")), (200, 403));
    assert_eq!(authorized(&peer).len(), before + 1);
    let ran = Proxy::refused(&world, &["other", "--socket", &socket.display().to_string()]);
    ran.failed_with(2, "cannot listen on");
    assert_eq!(proxy.end(Signal::SIGTERM).0, 0);
    assert!(!socket.exists());
    let open = world.home().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    let ran = Proxy::refused(&world, &["other", "--socket", &open.join("socket").display().to_string()]);
    ran.failed_with(5, "can be read or changed by other users");
}

/// Where the child of the story below finds what to knock at.
const KNOCKS_AT: &str = "PROXY_STORY_SOCKET";

/// P-10.
#[test]
fn another_user_gets_nothing_also_where_somebody_has_opened_the_socket_to_all() {
    if let Some(socket) = std::env::var_os(KNOCKS_AT) {
        // As the other user: the connection is made, and nothing is said on it.
        assert_eq!(through(Path::new(&socket), "localhost"), 0);
        return;
    }
    let (proxy, world, peer) = peer_that(|_| answer(200, "", b"in"), &[]);
    let everywhere = tempfile::tempdir().unwrap();
    let socket = everywhere.path().join("run/socket");
    let own = Proxy::start(&world, &["other", "--socket", &socket.display().to_string()]);
    stranger::open_to_all(everywhere.path(), &socket);
    let before = peer.seen().len();
    let name = "place::another_user_gets_nothing_also_where_somebody_has_opened_the_socket_to_all";
    stranger::plays(name, (KNOCKS_AT, &socket));
    assert_eq!(peer.seen().len(), before);
    assert_eq!((mode(&socket), through(&socket, "localhost")), (0o666, 200));
    // By the address anybody gets in who knows the secret, and nobody else can read that.
    assert_eq!(mode(&proxy.secret_file()), 0o600);
    drop(own);
}
