//! A login's wait, and clients of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mcpauth::browser::{ListenError, Listener, ListenerOptions, Page, Stopper, Verdict, Waiting};

/// Longer than anything here takes; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Sooner than any limit of the listener that does not concern the test at hand.
pub(crate) const SOON: Duration = Duration::from_secs(5);

/// The query that the judge of these tests takes.
pub(crate) const GOOD: &str = "code=right&state=s";

/// A listener that is being waited at by another thread, as in a login.
pub(crate) struct Wait {
    pub(crate) address: SocketAddr,
    pub(crate) stopper: Stopper,
    pub(crate) judged: mpsc::Receiver<String>,
    pub(crate) thread: JoinHandle<Result<Waiting, ListenError>>,
}

impl Wait {
    pub(crate) fn begin() -> Self {
        Self::with(Listener::bind(&ListenerOptions::default()).unwrap(), PATIENCE)
    }

    pub(crate) fn with(mut listener: Listener, time: Duration) -> Self {
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

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// Sends bytes and returns all that is answered.
    pub(crate) fn exchange(&self, bytes: &[u8]) -> String {
        exchange(self.address, bytes)
    }

    pub(crate) fn get(&self, target: &str) -> String {
        self.exchange(request(target, self.address.port()).as_bytes())
    }

    /// Shows that the good redirect still gets through, and that nothing else was judged meanwhile.
    pub(crate) fn finish(self) {
        let browser = self.browser();
        self.answer(Page::SignedIn);
        assert!(browser.join().unwrap().contains("You are signed in"));
    }

    /// A browser that brings the good redirect and follows where it is sent; gives the last answer.
    pub(crate) fn browser(&self) -> JoinHandle<String> {
        let address = self.address;
        thread::spawn(move || {
            let first = exchange(address, request(&format!("/callback?{GOOD}"), address.port()).as_bytes());
            let Some(place) = header(&first, "Location") else { return first };
            exchange(address, request(place, address.port()).as_bytes())
        })
    }

    pub(crate) fn answer(self, page: Page) {
        self.thread.join().unwrap().map_err(|error| error.to_string()).unwrap().answer(page);
        assert_eq!(self.judged.try_iter().collect::<Vec<_>>(), [GOOD]);
        assert_refused(self.address);
    }

    pub(crate) fn error(self) -> ListenError {
        let error = self.thread.join().unwrap().err().unwrap();
        assert_refused(self.address);
        error
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

pub(crate) fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(address);
    stream.write_all(bytes).unwrap();
    read_all(&mut stream)
}

pub(crate) fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn request(target: &str, port: u16) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")
}

pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(own, _)| *own == name)
        .map(|(_, value)| value)
}

pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {answer:?}")).parse().unwrap()
}

/// An answer without its date, which is all that may differ between two.
pub(crate) fn without_date(answer: &str) -> String {
    answer.lines().filter(|line| !line.starts_with("Date: ")).collect::<Vec<_>>().join("\n")
}

pub(crate) fn assert_refused(address: SocketAddr) {
    let error = TcpStream::connect_timeout(&address, PATIENCE).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

/// Whether the other side has closed this connection; waits for that.
pub(crate) fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    }
}
