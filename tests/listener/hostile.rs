//! Everything that may come to an open port and is not the redirect (cases C-01 to C-12).

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use mcpauth::browser::{ListenError, Page};

use crate::wait::{
    GOOD, PATIENCE, SOON, Wait, assert_refused, connect, header, is_closed, request, status, without_date,
};

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

/// MCP 53.
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

/// MCP 53.
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
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    assert!(guests.iter_mut().skip(1).all(|guest| guest.set_nonblocking(false).is_ok() && is_closed(guest)));
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
