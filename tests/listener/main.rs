//! The one-shot listener, met by browsers, scanners and worse over real sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hostile;
mod wait;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use mcpauth::browser::{ListenError, Listener, ListenerOptions, Page};

use wait::{
    GOOD, PATIENCE, SOON, Wait, assert_refused, connect, exchange, header, is_closed, read_all, request,
    status,
};

#[test]
fn the_redirect_uri_names_the_port_that_listens() {
    let listener = Listener::bind(&ListenerOptions::default()).unwrap();
    assert_eq!(listener.redirect_uri(), format!("http://127.0.0.1:{}/callback", listener.port()));
    Wait::with(listener, PATIENCE).finish();
}

#[test]
fn a_browser_is_held_then_sent_to_a_page_without_the_code() {
    for (page, path, text) in [
        (Page::SignedIn, "/signed-in", "You are signed in"),
        (Page::NotSignedIn, "/not-signed-in", "Not signed in"),
    ] {
        let wait = Wait::begin();
        let mut browser = wait.connect();
        browser.write_all(request(&format!("/callback?{GOOD}"), wait.address.port()).as_bytes()).unwrap();
        let address = wait.address;
        let waiting = wait.thread.join().unwrap().map_err(|error| error.to_string()).unwrap();
        // Nothing is written before somebody decides.
        browser.set_nonblocking(true).unwrap();
        assert_eq!(browser.peek(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        browser.set_nonblocking(false).unwrap();

        let shown = thread::spawn(move || waiting.answer(page));
        let redirect = read_all(&mut browser);
        assert_eq!((status(&redirect), header(&redirect, "Location")), (303, Some(path)));
        assert!(!redirect.contains("right"));
        assert_eq!(status(&exchange(address, request("/favicon.ico", address.port()).as_bytes())), 404);
        let answer = exchange(address, request(path, address.port()).as_bytes());
        assert_eq!(status(&answer), 200);
        assert!(answer.contains(text));
        shown.join().unwrap();
        assert_refused(address);
    }
}

#[test]
fn a_browser_that_does_not_follow_holds_nobody_up() {
    let wait = Wait::begin();
    let mut browser = wait.connect();
    browser.write_all(request(&format!("/callback?{GOOD}"), wait.address.port()).as_bytes()).unwrap();
    let waiting = wait.thread.join().unwrap().map_err(|error| error.to_string()).unwrap();
    let since = Instant::now();
    waiting.answer(Page::SignedIn);
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    assert_eq!(status(&read_all(&mut browser)), 303);
    assert_refused(wait.address);
}

#[test]
fn a_browser_that_left_holds_nobody_up() {
    let wait = Wait::begin();
    let mut browser = wait.connect();
    browser.write_all(request(&format!("/callback?{GOOD}"), wait.address.port()).as_bytes()).unwrap();
    let waiting = wait.thread.join().unwrap().map_err(|error| error.to_string()).unwrap();
    drop(browser);
    waiting.answer(Page::SignedIn);
    assert_refused(wait.address);
}

#[test]
fn a_browser_is_not_left_without_an_answer() {
    let wait = Wait::begin();
    let browser = wait.browser();
    drop(wait.thread.join().unwrap());
    assert!(browser.join().unwrap().contains("Not signed in"));
    assert_refused(wait.address);
}

/// MCP 20.
/// C-13: while the browser is held, and after it was answered.
#[test]
fn a_redirect_counts_once() {
    let wait = Wait::begin();
    let browser = wait.browser();
    let waiting = wait.thread.join().unwrap().map_err(|error| error.to_string()).unwrap();
    let mut replay = connect(wait.address);
    replay.write_all(request(&format!("/callback?{GOOD}"), wait.address.port()).as_bytes()).unwrap();
    replay.shutdown(Shutdown::Write).unwrap();
    waiting.answer(Page::SignedIn);
    assert!(browser.join().unwrap().contains("You are signed in"));
    let mut rest = String::new();
    // It came before the page was fetched or after the port was closed.
    if replay.read_to_string(&mut rest).is_ok() && !rest.is_empty() {
        assert_eq!(status(&rest), 404);
    }
    assert_eq!(wait.judged.try_iter().collect::<Vec<_>>(), [GOOD]);
    assert_refused(wait.address);
}

/// C-14
#[test]
fn a_taken_port_is_named_or_passed_over() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().port();
    let options = |strict_port, ports| ListenerOptions { ports, strict_port, ..ListenerOptions::default() };

    let Err(error) = Listener::bind(&options(true, vec![taken])) else { panic!("bound a taken port") };
    assert!(matches!(error, ListenError::PortTaken { port } if port == taken), "{error:?}");
    assert!(error.to_string().contains(&taken.to_string()));

    let elsewhere = Listener::bind(&options(false, vec![taken])).unwrap();
    assert_ne!(elsewhere.port(), taken);
    let second = Listener::bind(&options(true, vec![taken, 0])).unwrap();
    assert_ne!(second.port(), taken);

    drop(other);
    assert_eq!(Listener::bind(&options(true, vec![taken])).unwrap().port(), taken);
}

/// MCP 20.
/// C-15
#[test]
fn localhost_is_both_families_or_neither() {
    let options =
        |ports| ListenerOptions { host: "localhost".into(), ports, strict_port: true, path: "/cb".into() };
    let Ok(other) = TcpListener::bind("[::1]:0") else { return };
    let taken = other.local_addr().unwrap().port();
    let Err(error) = Listener::bind(&options(vec![taken])) else { panic!("bound one family only") };
    assert!(matches!(error, ListenError::PortTaken { port } if port == taken), "{error:?}");
    // Nor did the other half stay open.
    assert_refused(SocketAddr::from(([127, 0, 0, 1], taken)));

    let listener = Listener::bind(&options(vec![0])).unwrap();
    let port = listener.port();
    assert_eq!(listener.redirect_uri(), format!("http://localhost:{port}/cb"));
    let sixth: SocketAddr = format!("[::1]:{port}").parse().unwrap();
    let wait = Wait::with(listener, PATIENCE);
    assert_eq!(status(&exchange(sixth, request("/", port).as_bytes())), 404);
    assert_eq!(status(&wait.get("/")), 404);
    wait.stopper.stop();
    assert!(matches!(wait.error(), ListenError::Stopped));
    assert_refused(sixth);
}

#[test]
fn the_sixth_family_alone_can_be_asked_for() {
    if TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let options = ListenerOptions { host: "[::1]".into(), ..ListenerOptions::default() };
    let listener = Listener::bind(&options).unwrap();
    let port = listener.port();
    assert_eq!(listener.redirect_uri(), format!("http://[::1]:{port}/callback"));
    assert_refused(SocketAddr::from(([127, 0, 0, 1], port)));
    assert!(TcpStream::connect(format!("[::1]:{port}")).is_ok());
}

/// C-16
#[test]
fn a_wait_ends_in_time() {
    let since = Instant::now();
    let wait = Wait::with(Listener::bind(&ListenerOptions::default()).unwrap(), Duration::from_millis(300));
    assert!(matches!(wait.error(), ListenError::TimedOut));
    let took = since.elapsed();
    assert!((Duration::from_millis(300)..SOON).contains(&took), "{took:?}");
}

#[test]
fn a_wait_can_be_stopped() {
    let wait = Wait::begin();
    wait.get("/callback?state=other");
    let since = Instant::now();
    wait.stopper.stop();
    assert!(matches!(wait.error(), ListenError::Stopped));
    assert!(since.elapsed() < PATIENCE);
}

#[test]
fn dropping_a_listener_closes_its_port_and_its_connections() {
    let listener = Listener::bind(&ListenerOptions::default()).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], listener.port()));
    let mut guest = connect(address);
    let since = Instant::now();
    drop(listener);
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    assert_refused(address);
    assert!(is_closed(&mut guest));
}
