//! What is around the logins: settings, network, servers, browser.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use crate::support::World;
use crate::{Visit, repair, signed_in, visit, visit_of};

fn with(world: &World, name: &str, value: &str) -> Visit {
    let mut command = world.command(&["doctor"]);
    command.env(name, value);
    visit_of(world, command)
}

#[test]
fn settings_that_cannot_be_read_are_a_finding_and_not_the_end() {
    let world = signed_in();
    world.settle("this is no setting");
    let seen = visit(&world, &["--fix"]);
    seen.found(2, "configuration", "fail", "config.toml cannot be read");
    seen.found(2, "logins", "warn", "not looked at");
    seen.found(2, "modes", "ok", "yours alone");
}

#[test]
fn a_profile_that_cannot_be_read_is_named() {
    let world = signed_in();
    let profile = world.home().join(".config/mcpauth/servers/other.toml");
    mcpauth::files::write_private(&profile, b"garbage").unwrap();
    let seen = visit(&world, &[]);
    seen.found(2, "configuration", "fail", profile.to_str().unwrap());
    seen.found(2, "logins", "ok", "each opens");
}

#[test]
fn settings_that_others_could_change_are_theirs_no_longer() {
    let world = signed_in();
    let settings = world.home().join(".config/mcpauth/config.toml");
    fs::set_permissions(&settings, Permissions::from_mode(0o666)).unwrap();
    let seen = visit(&world, &[]);
    assert!(
        seen.found(0, "configuration", "warn", "can be changed by other users").remedy.contains("chmod go-w")
    );
    repair(&world).found(0, "configuration", "fixed", "yours alone");
    assert_eq!(fs::metadata(&settings).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_proxy_that_only_a_variable_names_is_pointed_out_without_its_password() {
    let world = World::new();
    let seen = with(&world, "HTTPS_PROXY", "http://ana:hush@proxy.example:3128");
    let finding = seen.found(0, "proxy", "warn", "http://proxy.example:3128 by HTTPS_PROXY");
    assert!(finding.remedy.contains("proxy = \"http://proxy.example:3128\""), "{finding:?}");
    assert!(!seen.ran.stdout.contains("hush"), "{seen:?}");
    world.settle("[network]\nproxy = \"http://proxy.example:3128\"");
    with(&world, "HTTPS_PROXY", "http://ana:hush@proxy.example:3128").found(0, "proxy", "ok", "as settled");
}

#[test]
fn certificates_that_are_not_there_are_missed() {
    let world = World::new();
    with(&world, "SSL_CERT_FILE", "/no/such.pem").found(2, "network", "warn", "SSL_CERT_FILE names nothing");
    world.settle("[network]\nca_file = \"/no/such.pem\"");
    visit(&world, &[]).found(2, "network", "fail", "/no/such.pem");
}

#[test]
fn the_program_that_would_open_a_page_is_named() {
    let world = World::new();
    with(&world, "BROWSER", "sh").found(0, "browser", "ok", "/sh opens pages");
    with(&world, "BROWSER", "no-such-browser").found(
        0,
        "browser",
        "warn",
        "names no program that is installed",
    );
    visit(&world, &[]).found(0, "browser", "ok", "no display here");
}

/// A server whose clock stopped.
fn of_1994() -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        let answer =
            "HTTP/1.1 401 Unauthorized\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
    });
    (url, serving)
}

fn known_server(world: &World, name: &str, url: &str) {
    let profile = world.home().join(format!(".config/mcpauth/servers/{name}.toml"));
    let text = format!("name = \"{name}\"\nurl = \"{url}\"\n");
    mcpauth::files::write_private(&profile, text.as_bytes()).unwrap();
}

#[test]
fn servers_are_asked_only_when_that_was_asked_for() {
    let mut world = signed_in();
    let requests = world.sandbox.books().requests.len();
    visit(&world, &["--check"]).found(0, "server", "ok", "box answers (");
    assert_eq!(world.sandbox.books().requests.len(), requests + 1);
    world.cut_off();
    assert!(visit(&world, &[]).findings.iter().all(|finding| finding.what != "server"));
    visit(&world, &["--check"]).found(6, "server", "fail", "cannot reach 127.0.0.1");
}

#[test]
fn a_clock_that_is_not_the_servers_is_told() {
    let world = World::new();
    let (url, serving) = of_1994();
    known_server(&world, "old", &url);
    visit(&world, &["--check"]).found(0, "clock", "warn", "ahead of 127.0.0.1");
    serving.join().unwrap();
}

#[test]
fn a_log_that_was_changed_or_cannot_be_written_is_noticed() {
    let world = signed_in();
    let log = world.home().join(".local/state/mcpauth/audit/audit.jsonl");
    visit(&world, &[]).found(0, "audit log", "ok", "lines that hold together");
    let changed = fs::read_to_string(&log).unwrap().replacen("login_started", "login_stopped", 1);
    fs::write(&log, changed).unwrap();
    let seen = visit(&world, &["--fix"]);
    let finding = seen.found(0, "audit log", "warn", "does not hold together in 1 place");
    assert!(finding.remedy.contains("`mcpauth audit verify`"), "{finding:?}");
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    fs::set_permissions(&log, Permissions::from_mode(0o700)).unwrap();
    visit(&world, &[]).found(7, "audit log", "fail", "is not a regular file");
}
