//! A server whose connections are acted out one by one, each on its own, and which is a peer that plays by the rules
//! otherwise.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crate::peer::Peer;

/// Acts on a head and the connection behind it; `false` leaves it to the peer.
pub(crate) type Act = dyn Fn(&str, &mut TcpStream) -> bool + Send + Sync;

/// The server. Dropping it stops it.
pub(crate) struct Upstream {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    pub(crate) fn start(
        peer: &Peer,
        act: impl Fn(&str, &mut TcpStream) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, behind) = (listener.local_addr().unwrap(), peer.address());
        let stop = Arc::<AtomicBool>::default();
        let (stopped, act): (_, Arc<Act>) = (Arc::clone(&stop), Arc::new(act));
        let serve = move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let act = Arc::clone(&act);
                thread::spawn(move || stream.map(|stream| converse(stream, &*act, behind)));
            }
        };
        Self { address, stop, thread: Some(thread::spawn(serve)) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn converse(mut stream: TcpStream, act: &Act, behind: SocketAddr) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    if act(&head, &mut stream) {
        let _ = stream.shutdown(Shutdown::Both);
        return;
    }
    let mut body = vec![0; length(&head)];
    stream.read_exact(&mut body).unwrap();
    let mut far = TcpStream::connect(behind).unwrap();
    far.write_all(&[head.as_bytes(), &body].concat()).unwrap();
    let mut answer = Vec::new();
    far.read_to_end(&mut answer).unwrap();
    let _ = stream.write_all(&answer);
}

/// How long the body is.
pub(crate) fn length(head: &str) -> usize {
    let line = |line: &str| line.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned);
    head.lines().find_map(line).map_or(0, |length| length.trim().parse().unwrap())
}
