//! The way back from the browser: the listener and its pages, the pasted address, who may answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};

use crate::support::steps::{callback_port, parameters};
use crate::support::{Ran, World, finish, follow, get};

/// A login that waits for the browser.
struct Waiting {
    child: Child,
    seen: String,
    address: String,
}

impl Waiting {
    fn begin(world: &World, flags: &[&str]) -> Self {
        let url = world.url();
        let args = [&["login", &url, "--name", "box", "--no-browser", "--store", "file"], flags].concat();
        let mut command = world.command(&args);
        command.stdin(Stdio::piped());
        let (child, seen, address) = world.start_login(command);
        Self { child, seen, address: address.unwrap() }
    }

    /// Where the issuer sends the browser.
    fn redirect(&self) -> String {
        get(&self.address).1.unwrap()
    }

    fn type_line(&mut self, line: &str) {
        self.child.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn end(mut self) -> Ran {
        drop(self.child.stdin.take());
        finish(self.child, self.seen)
    }
}

fn with_fault(fault: Fault) -> World {
    World::with(SandboxOptions { faults: vec![fault], ..SandboxOptions::default() })
}

#[test]
fn the_page_is_answered_only_after_the_tokens_are_stored() {
    let world = with_fault(Fault::LateAnswer { endpoint: Endpoint::Token, milliseconds: 300 });
    let waiting = Waiting::begin(&world, &[]);
    let redirect = waiting.redirect();
    assert!(world.records().is_empty());

    let (status, location, _) = get(&redirect);
    assert_eq!((status, location.as_deref()), (303, Some("/signed-in")));
    assert_eq!(world.records().len(), 1);

    let page = format!("http://127.0.0.1:{}/signed-in", callback_port(&waiting.address));
    let (status, _, body) = get(&page);
    assert_eq!(status, 200);
    assert!(!body.contains("<script"), "{body}");
    waiting.end().succeeded();
}

#[test]
fn a_login_that_fails_after_the_redirect_shows_so_in_the_browser() {
    let endpoint = Endpoint::Token;
    let world = with_fault(Fault::Status { endpoint, status: 503, times: 9, retry_after: None });
    let waiting = Waiting::begin(&world, &[]);
    let (last, page) = follow(&waiting.address);
    assert!(last.ends_with("/not-signed-in"), "{last}");
    assert!(page.contains("<html"), "{page}");
    waiting.end().failed_with(6, "503");
    assert!(world.records().is_empty());
}

#[test]
fn neither_the_wrong_requests_nor_the_wrong_people_end_the_wait() {
    let world = World::new();
    let waiting = Waiting::begin(&world, &[]);
    let redirect = waiting.redirect();
    let port = callback_port(&waiting.address);
    let state = parameters(&waiting.address)["state"].clone();
    let here = format!("http://127.0.0.1:{port}");

    for (path, status) in [
        ("/", 404),
        ("/favicon.ico", 404),
        ("/signed-in", 404),
        ("/callback/", 404),
        ("/callback", 400),
        ("/callback?code=stolen", 400),
        ("/callback?code=stolen&state=guessed", 400),
        ("/callback?error=access_denied", 400),
        (&format!("/callback?code=stolen&state={state}&state={state}"), 400),
        (&format!("/callback?code=a&code=b&state={state}"), 400),
    ] {
        let (seen, location, body) = get(&format!("{here}{path}"));
        assert_eq!((seen, location), (status, None), "{path}");
        assert!(!body.contains("stolen"), "{body}");
    }
    for raw in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        &format!("POST /callback?code=stolen&state={state} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")
            .into_bytes(),
        &format!("GET /callback?code=stolen&state={state} HTTP/1.1\r\nHost: rebound.example\r\n\r\n")
            .into_bytes(),
        &[b"GET /".to_vec(), vec![b'a'; 256 * 1024]].concat(),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        // Both may fail: the listener need not hear out what it refuses.
        let _ = stream.write_all(raw);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    // Somebody who connects and says nothing stands in nobody's way.
    let _silent = TcpStream::connect(("127.0.0.1", port)).unwrap();

    assert_eq!(get(&redirect).0, 303);
    waiting.end().succeeded();
    assert_eq!(world.sandbox.books().violations, Vec::<String>::new());
}

/// MCP 17.
#[test]
fn an_answer_with_another_state_is_not_ours() {
    let world = with_fault(Fault::WrongState);
    let waiting = Waiting::begin(&world, &[]);
    assert_eq!(get(&waiting.redirect()).0, 400);

    world.sandbox.change(|options| options.faults.clear());
    assert_eq!(get(&waiting.redirect()).0, 303);
    waiting.end().succeeded();
    assert_eq!(world.sandbox.books().codes_redeemed, 1);
}

#[test]
fn an_answer_from_another_issuer_is_refused_before_its_code_is_shown_to_anybody() {
    for (fault, message) in [
        (Fault::WrongIss, "the redirect names another issuer"),
        (Fault::MissingIss, "the redirect names no issuer"),
    ] {
        let world = with_fault(fault);
        let waiting = Waiting::begin(&world, &[]);
        let (last, _) = follow(&waiting.address);
        assert!(last.ends_with("/not-signed-in"), "{last}");
        waiting.end().failed_with(5, message);
        assert!(!world.sandbox.books().requests.contains(&"POST /token".to_owned()));
        assert!(world.records().is_empty());
    }
    // Only an issuer that promises to name itself has to.
    World::signed_in(SandboxOptions { advertise_iss: false, ..SandboxOptions::default() });
}

#[test]
fn the_address_at_which_the_page_ended_can_be_pasted() {
    let world = World::new();
    let mut waiting = Waiting::begin(&world, &["--paste"]);
    let redirect = waiting.redirect();

    waiting.type_line("");
    waiting.type_line("that page there");
    waiting.type_line(&format!("http://127.0.0.1:1/callback?{}", redirect.split_once('?').unwrap().1));
    // As a terminal sends it that marks what is pasted.
    waiting.type_line(&format!("  \u{1b}[200~{redirect}\u{1b}[201~ "));
    let login = waiting.end();
    assert_eq!(login.succeeded().stderr.matches("that is not the address").count(), 2, "{login:?}");
    assert_eq!(world.sandbox.books().violations, Vec::<String>::new());
    world.token(&[]);
}

#[test]
fn a_wrong_paste_or_none_ends_the_login() {
    let world = World::new();
    let mut waiting = Waiting::begin(&world, &["--paste"]);
    let redirect = waiting.redirect();
    waiting.type_line(&redirect.replace("state=", "state=x"));
    let login = waiting.end();
    login.failed_with(5, "what was pasted is not the address that this login leads to");
    let code = parameters(&redirect)["code"].clone();
    assert!(!login.stderr.contains(&code), "{login:?}");

    Waiting::begin(&world, &["--paste"]).end().failed_with(4, "login cancelled");

    world.sandbox.change(|options| options.faults.push(Fault::Declined));
    let mut waiting = Waiting::begin(&world, &["--paste"]);
    let redirect = waiting.redirect();
    waiting.type_line(&redirect);
    waiting.end().failed_with(4, "the sign-in was declined");
    assert!(world.records().is_empty());
}

#[test]
fn with_paste_nobody_listens() {
    let world = World::new();
    let waiting = Waiting::begin(&world, &["--paste"]);
    let port = callback_port(&waiting.address);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    waiting.end();
}
