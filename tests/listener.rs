//! The one-shot listener, met by browsers, scanners and worse over real sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mcpauth::browser::{ListenError, Listener, ListenerOptions, Page, Stopper, Verdict, Waiting};

/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// The query that the judge of these tests takes.
const GOOD: &str = "code=right&state=s";

/// A listener that is being waited at by another thread, as in a login.
struct Wait {
    address: SocketAddr,
    stopper: Stopper,
    judged: mpsc::Receiver<String>,
    thread: JoinHandle<Result<Waiting, ListenError>>,
}

impl Wait {
    fn begin() -> Self {
        Self::with(Listener::bind(&ListenerOptions::default()).unwrap(), PATIENCE)
    }

    fn with(mut listener: Listener, time: Duration) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], listener.port()));
        let stopper = listener.stopper();
        let (sender, judged) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut judge = |query: &str| {
                sender.send(query.to_owned()).unwrap();
                if query == GOOD { Verdict::Take } else { Verdict::Ignore }
            };
            listener.receive(&mut judge, Instant::now() + time)
        });
        Self { address, stopper, judged, thread }
    }

    fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// Sends bytes and returns all that is answered.
    fn exchange(&self, bytes: &[u8]) -> String {
        exchange(self.address, bytes)
    }

    fn get(&self, target: &str) -> String {
        self.exchange(request(target, self.address.port()).as_bytes())
    }

    /// Shows that the good redirect still gets through, and that nothing else was judged meanwhile.
    fn finish(self) {
        let browser = self.browser();
        self.answer(Page::SignedIn);
        assert!(browser.join().unwrap().contains("You are signed in"));
    }

    /// A browser that brings the good redirect and follows where it is sent; gives the last answer.
    fn browser(&self) -> JoinHandle<String> {
        let address = self.address;
        thread::spawn(move || {
            let first = exchange(address, request(&format!("/callback?{GOOD}"), address.port()).as_bytes());
            let Some(place) = header(&first, "Location") else { return first };
            exchange(address, request(place, address.port()).as_bytes())
        })
    }

    fn answer(self, page: Page) {
        self.thread.join().unwrap().map_err(|error| error.to_string()).unwrap().answer(page);
        assert_eq!(self.judged.try_iter().collect::<Vec<_>>(), [GOOD]);
        assert_refused(self.address);
    }

    fn error(self) -> ListenError {
        let error = self.thread.join().unwrap().err().unwrap();
        assert_refused(self.address);
        error
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(address);
    stream.write_all(bytes).unwrap();
    read_all(&mut stream)
}

fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn request(target: &str, port: u16) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(own, _)| *own == name)
        .map(|(_, value)| value)
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {answer:?}")).parse().unwrap()
}

/// An answer without its date, which is all that may differ between two.
fn without_date(answer: &str) -> String {
    answer.lines().filter(|line| !line.starts_with("Date: ")).collect::<Vec<_>>().join("\n")
}

fn assert_refused(address: SocketAddr) {
    let error = TcpStream::connect_timeout(&address, PATIENCE).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

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
    assert!(since.elapsed() < PATIENCE);
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

/// C-01, C-02, C-05: who judges says what belongs to this login; all others see one and the same page.
#[test]
fn what_the_judge_ignores_changes_nothing() {
    let wait = Wait::begin();
    let wrong = ["code=x", "code=a&code=b&state=s", "error=access_denied&state=other", "", "state=%73"];
    let answers: Vec<String> = wrong.iter().map(|query| wait.get(&format!("/callback?{query}"))).collect();
    assert!(answers.iter().all(|answer| status(answer) == 400));
    assert!(answers.iter().all(|answer| without_date(answer) == without_date(&answers[0])));
    for query in wrong {
        assert_eq!(wait.judged.recv_timeout(PATIENCE).unwrap(), query);
    }
    wait.finish();
}

/// C-06
#[test]
fn no_part_of_a_request_is_repeated() {
    let wait = Wait::begin();
    let plain = wait.get("/callback?state=other");
    let missing = wait.get("/missing");
    for payload in
        ["<script>alert(1)</script>", "\"><img/src=x>", "%3Cscript%3E", "'+alert(1)+'", "javascript:x"]
    {
        for name in ["code", "state", "iss", "error", "error_description", "error_uri"] {
            let answer = wait.get(&format!("/callback?{name}={payload}"));
            assert_eq!(without_date(&answer), without_date(&plain), "{name}={payload}");
        }
        assert_eq!(without_date(&wait.get(&format!("/{payload}"))), without_date(&missing), "{payload}");
    }
    for answer in [plain, missing] {
        let policy = header(&answer, "Content-Security-Policy").unwrap();
        for part in ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        assert_eq!(header(&answer, "X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(header(&answer, "Referrer-Policy"), Some("no-referrer"));
        assert_eq!(header(&answer, "Cache-Control"), Some("no-store"));
        assert_eq!(header(&answer, "Cross-Origin-Opener-Policy"), Some("same-origin"));
        assert_eq!(header(&answer, "Connection"), Some("close"));
    }
    assert_eq!(wait.judged.try_iter().count(), 31);
    wait.finish();
}

/// C-07
#[test]
fn a_request_must_name_this_machine_and_port() {
    let wait = Wait::begin();
    let port = wait.address.port();
    for hosts in [
        "Host: evil.example\r\n".to_owned(),
        format!("Host: evil.example:{port}\r\n"),
        "Host: 127.0.0.1\r\n".to_owned(),
        format!("Host: 127.0.0.1:{}\r\n", port.wrapping_add(1)),
        format!("Host: localhost.evil.example:{port}\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nHost: 127.0.0.1:{port}\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n"),
        String::new(),
    ] {
        let answer = wait.exchange(format!("GET /callback?{GOOD} HTTP/1.1\r\n{hosts}\r\n").as_bytes());
        assert!((400..500).contains(&status(&answer)), "{hosts}: {answer}");
    }
    // All names of this machine are good, whichever one the redirect URI has.
    for host in ["localhost", "[::1]", "LOCALHOST"] {
        let bytes = format!("GET /other HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
        assert_eq!(status(&wait.exchange(bytes.as_bytes())), 404);
    }
    wait.finish();
}

/// C-08, C-28
#[test]
fn only_a_plain_get_is_served() {
    let wait = Wait::begin();
    let port = wait.address.port();
    let host = format!("Host: 127.0.0.1:{port}\r\n");
    for (line, expected) in [
        (format!("POST /callback?{GOOD} HTTP/1.1\r\n{host}Content-Length: 4\r\n\r\na=b&"), 405),
        (format!("PUT /callback?{GOOD} HTTP/1.1\r\n{host}\r\n"), 405),
        (format!("HEAD /callback?{GOOD} HTTP/1.1\r\n{host}\r\n"), 405),
        (format!("OPTIONS /callback?{GOOD} HTTP/1.1\r\n{host}\r\n"), 405),
        (format!("OPTIONS * HTTP/1.1\r\n{host}\r\n"), 405),
        (format!("CONNECT evil.example:443 HTTP/1.1\r\n{host}\r\n"), 405),
        (format!("GET http://127.0.0.1:{port}/callback?{GOOD} HTTP/1.1\r\n{host}\r\n"), 400),
        (format!("GET callback?{GOOD} HTTP/1.1\r\n{host}\r\n"), 400),
        (format!("GET /callback?{GOOD}#x HTTP/1.1\r\n{host}\r\n"), 400),
        (format!("GET /callback?{GOOD} extra HTTP/1.1\r\n{host}\r\n"), 400),
        (format!("GET /callback?{GOOD}\u{fc} HTTP/1.1\r\n{host}\r\n"), 400),
        (format!("GET /callback?{GOOD} HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400),
        (format!("GET /callback?{GOOD} HTTP/1.1\r\n{host}Content-Length: 4\r\n\r\na=b&"), 400),
        (format!("GET /callback?{GOOD} HTTP/1.1\r\n{host}No colon\r\n\r\n"), 400),
        (format!("GET /callback?{GOOD} HTTP/2.0\r\n{host}\r\n"), 400),
        (format!("GET /callback?{GOOD}\r\n"), 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\u{1}\x03\x03".to_owned(), 400),
        ("SSH-2.0-client\r\n".to_owned(), 400),
        ("\0\0\0\0".to_owned(), 400),
    ] {
        assert_eq!(status(&wait.exchange(line.as_bytes())), expected, "{line:?}");
    }
    wait.finish();
}

/// C-09
#[test]
fn requests_of_any_size_are_bounded() {
    let wait = Wait::begin();
    let host = format!("Host: 127.0.0.1:{}\r\n", wait.address.port());
    for (bytes, expected) in [
        // More than the system keeps for both ends: the client is still writing when it is refused.
        (format!("GET /callback HTTP/1.1\r\n{host}X: {}\r\n\r\n", "x".repeat(16 << 20)), 431),
        (format!("GET /callback HTTP/1.1\r\n{host}{}\r\n", "a: b\r\n".repeat(10_000)), 431),
        (format!("GET /callback HTTP/1.1\r\n{host}{}\r\n", "a: b\r\n".repeat(200)), 431),
        (format!("GET /callback?{} HTTP/1.1\r\n{host}\r\n", "x".repeat(64 << 10)), 414),
        (format!("GET /callback?{} HTTP/1.1\r\n{host}\r\n", "x".repeat(17 << 10)), 414),
    ] {
        assert_eq!(status(&wait.exchange(bytes.as_bytes())), expected, "{}", &bytes[..60]);
    }
    let long = "x".repeat(15 << 10);
    assert_eq!(status(&wait.get(&format!("/callback?{long}"))), 400);
    assert_eq!(wait.judged.recv_timeout(PATIENCE).unwrap(), long);
    wait.finish();
}

/// C-10. The number is above the limit on open connections, so the oldest make room.
#[test]
fn idle_and_slow_connections_do_not_keep_the_browser_out() {
    let wait = Wait::begin();
    let mut guests: Vec<TcpStream> = (0..150).map(|_| wait.connect()).collect();
    for (number, guest) in guests.iter_mut().enumerate() {
        // Those that made room have been closed and may say so.
        let _ = guest.write_all(&b"GET /callback?code=slow HTTP/1.1\r\nHost: 127"[..number % 40]);
    }
    // The oldest has been closed, long before its time was over; the newest has not.
    let since = Instant::now();
    let _ = guests[0].read(&mut [0]);
    guests[149].set_nonblocking(true).unwrap();
    assert_eq!(guests[149].peek(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    wait.finish();
    assert!(since.elapsed() < PATIENCE);
    assert!(guests.iter_mut().skip(1).all(|guest| guest.set_nonblocking(false).is_ok() && is_closed(guest)));
}

/// Whether the other side has closed this connection; waits for that.
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    }
}

/// C-11
#[test]
fn connections_that_bring_nothing_are_tolerated() {
    let wait = Wait::begin();
    for _ in 0..100 {
        drop(wait.connect());
    }
    let half = wait.connect();
    half.shutdown(Shutdown::Write).unwrap();
    let mut garbage = wait.connect();
    garbage.write_all(b"GET /callback?code=right&st").unwrap();
    garbage.shutdown(Shutdown::Both).unwrap();
    let _preconnect = wait.connect();
    wait.finish();
}

/// A client that resets its connection right after the request must not end the program.
#[cfg(unix)]
#[test]
fn a_reset_after_a_whole_request_is_tolerated() {
    let wait = Wait::begin();
    for _ in 0..200 {
        let mut stream = wait.connect();
        stream.write_all(request("/missing", wait.address.port()).as_bytes()).unwrap();
        reset(stream);
    }
    wait.finish();
}

/// Closes a connection by a reset, as a killed client does.
#[cfg(unix)]
fn reset(stream: TcpStream) {
    use nix::libc;
    use std::os::fd::AsRawFd;

    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = libc::socklen_t::try_from(size_of_val(&linger)).unwrap();
    #[expect(unsafe_code, reason = "passes a pointer to a value that lives on this stack, with its size")]
    let answer = unsafe {
        let option = (&raw const linger).cast();
        libc::setsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, option, size)
    };
    assert_eq!(answer, 0);
    drop(stream);
}

/// While somebody decides about the held browser nothing is looked at, and nothing may be lost: the browser
/// comes for its page behind everybody who came meanwhile.
#[test]
fn a_crowd_during_the_decision_does_not_push_the_browser_out() {
    let wait = Wait::begin();
    let browser = wait.browser();
    let waiting = wait.thread.join().unwrap().map_err(|error| error.to_string()).unwrap();
    let crowd: Vec<TcpStream> = (0..150)
        .map(|_| {
            let mut guest = connect(wait.address);
            guest.write_all(request("/missing", wait.address.port()).as_bytes()).unwrap();
            guest
        })
        .collect();
    waiting.answer(Page::SignedIn);
    assert!(browser.join().unwrap().contains("You are signed in"));
    drop(crowd);
    assert_refused(wait.address);
}

/// C-12
#[test]
fn other_paths_are_not_there() {
    let wait = Wait::begin();
    for path in [
        "/",
        "/favicon.ico",
        "/robots.txt",
        "/callback/",
        "/Callback",
        "//callback",
        "/x/../callback",
        "/%63allback",
    ] {
        assert_eq!(status(&wait.get(&format!("{path}?{GOOD}"))), 404, "{path}");
    }
    // The pages are only there when they have been earned.
    assert_eq!(status(&wait.get("/signed-in")), 404);
    wait.finish();
}

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
    assert!((Duration::from_millis(300)..PATIENCE).contains(&took), "{took:?}");
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
fn somebody_who_guesses_ends_the_wait() {
    let wait = Wait::begin();
    for _ in 0..200 {
        assert_eq!(status(&wait.get("/favicon.ico")), 404);
    }
    for _ in 0..64 {
        assert_eq!(status(&wait.get("/callback?state=guess")), 400);
    }
    assert_eq!(wait.judged.try_iter().count(), 64);
    assert!(matches!(wait.error(), ListenError::TooManyWrongRequests));
}

#[test]
fn dropping_a_listener_closes_its_port_and_its_connections() {
    let listener = Listener::bind(&ListenerOptions::default()).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], listener.port()));
    let mut guest = connect(address);
    let since = Instant::now();
    drop(listener);
    assert!(since.elapsed() < PATIENCE);
    assert_refused(address);
    assert!(is_closed(&mut guest));
}
