//! The open port: accepts connections on the loopback interface and passes on the requests that they bring.
//!
//! Each connection has a thread, a deadline and one request. There are few at a time: when another comes,
//! the oldest that has not said what it wants is closed, so that idle connections, however many, do not
//! keep the browser out.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::head::{self, OwnPort, Refusal, Request};
use super::pages::{self, Reply};

/// How many connections may be open that have not sent a request.
const CONNECTION_LIMIT: usize = 64;

/// How many requests may wait to be looked at; further connections wait to be accepted. They are never
/// dropped: among them may be the one that counts.
const QUEUE_LIMIT: usize = 64;

/// How long the accepting thread rests when it can do nothing.
const REST: Duration = Duration::from_millis(5);

/// How long a client may take to accept an answer, and to finish a request that was refused.
const PARTING_TIME: Duration = Duration::from_secs(1);

/// How long closing may take before the port is left to the accepting thread.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// A request with the connection that waits for its answer.
pub(super) struct Arrival {
    pub(super) request: Request,
    stream: Arc<TcpStream>,
}

impl Arrival {
    /// Sends the answer and closes the connection.
    pub(super) fn answer(self, reply: &Reply) {
        // A browser that has gone needs no answer.
        let _ = send(&self.stream, reply);
    }
}

/// What comes out of the gate.
pub(super) enum Event {
    /// A request that is addressed to this listener.
    Arrived(Arrival),
    /// Somebody wants whoever waits to look up.
    Woken,
}

/// One or two listening sockets with the same port. Dropping it closes them before it returns.
pub(super) struct Gate {
    doors: Vec<(SocketAddr, JoinHandle<()>)>,
    room: Arc<Room>,
    events: Receiver<Event>,
}

impl Gate {
    /// Begins to accept.
    pub(super) fn open(listeners: Vec<TcpListener>) -> io::Result<Self> {
        let (sender, events) = channel();
        let addresses: Vec<SocketAddr> =
            listeners.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
        let own = OwnPort(addresses.first().map_or(0, SocketAddr::port));
        let room = Arc::new(Room::new(own, sender));
        let mut gate = Self { doors: Vec::new(), room, events };
        for (listener, address) in listeners.into_iter().zip(addresses) {
            let room = Arc::clone(&gate.room);
            let door =
                thread::Builder::new().name("listener".into()).spawn(move || accept(&listener, &room))?;
            gate.doors.push((address, door));
        }
        Ok(gate)
    }

    /// The next event; `None` when the time has come before one.
    pub(super) fn next(&self, until: Instant) -> Option<Event> {
        let event = self.events.recv_timeout(until.saturating_duration_since(Instant::now())).ok()?;
        if matches!(event, Event::Arrived(_)) {
            self.room.queued.fetch_sub(1, Ordering::SeqCst);
        }
        Some(event)
    }

    /// What wakes somebody who waits in [`Gate::next`].
    pub(super) fn waker(&self) -> Waker {
        Waker(self.room.sender.clone())
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.room.closing.store(true, Ordering::SeqCst);
        self.room.close_all();
        let until = Instant::now() + CLOSING_TIME;
        for (address, door) in self.doors.drain(..) {
            // `accept` has no time-out; a connection of our own makes it look at `closing`.
            while !door.is_finished() && Instant::now() < until {
                let _ = TcpStream::connect_timeout(&address, Duration::from_millis(50));
                thread::sleep(Duration::from_millis(1));
            }
            if door.is_finished() {
                let _ = door.join();
            }
        }
        // What was accepted while the doors closed.
        self.room.close_all();
    }
}

/// Wakes whoever waits at a gate.
#[derive(Clone)]
pub(super) struct Waker(Sender<Event>);

impl Waker {
    /// Does nothing when the gate is gone.
    pub(super) fn wake(&self) {
        let _ = self.0.send(Event::Woken);
    }
}

/// What the threads of a gate share.
struct Room {
    own: OwnPort,
    closing: AtomicBool,
    /// Connections without a request yet, the oldest first.
    waiting: Mutex<VecDeque<Arc<TcpStream>>>,
    /// How many requests are on their way through `sender`.
    queued: AtomicUsize,
    sender: Sender<Event>,
}

impl Room {
    fn new(own: OwnPort, sender: Sender<Event>) -> Self {
        let closing = AtomicBool::new(false);
        Self { own, closing, waiting: Mutex::default(), queued: AtomicUsize::new(0), sender }
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Arc<TcpStream>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, stream: &Arc<TcpStream>) {
        let mut waiting = self.waiting();
        waiting.push_back(Arc::clone(stream));
        if waiting.len() > CONNECTION_LIMIT {
            close_oldest(&mut waiting);
        }
    }

    fn leave(&self, stream: &Arc<TcpStream>) {
        self.waiting().retain(|other| !Arc::ptr_eq(stream, other));
    }

    fn close_all(&self) {
        let mut waiting = self.waiting();
        while !waiting.is_empty() {
            close_oldest(&mut waiting);
        }
    }
}

/// Closes the connection that has waited longest; its thread reads the end of it and goes.
fn close_oldest(waiting: &mut VecDeque<Arc<TcpStream>>) {
    if let Some(oldest) = waiting.pop_front() {
        let _ = oldest.shutdown(Shutdown::Both);
    }
}

/// Accepts until the gate closes. The listener is closed with this function.
fn accept(listener: &TcpListener, room: &Arc<Room>) {
    while !room.is_closing() {
        if room.queued.load(Ordering::SeqCst) >= QUEUE_LIMIT {
            thread::sleep(REST);
            continue;
        }
        let accepted = listener.accept();
        if room.is_closing() {
            return;
        }
        let Ok((stream, _)) = accepted else {
            // Most likely this process has no descriptor left: make one free, and do not spin meanwhile.
            close_oldest(&mut room.waiting());
            thread::sleep(REST);
            continue;
        };
        let stream = Arc::new(stream);
        room.enter(&stream);
        let (guest, in_room) = (Arc::clone(&stream), Arc::clone(room));
        if thread::Builder::new().name("connection".into()).spawn(move || attend(guest, &in_room)).is_err() {
            room.leave(&stream);
        }
    }
}

/// Reads the request of one connection, and passes it on or refuses it.
fn attend(stream: Arc<TcpStream>, room: &Room) {
    match head::read(&stream, room.own) {
        Ok(request) => {
            room.leave(&stream);
            room.queued.fetch_add(1, Ordering::SeqCst);
            // Fails only when the gate is gone, and the connection goes with it.
            let _ = room.sender.send(Event::Arrived(Arrival { request, stream }));
        }
        Err(refusal) => {
            if let Refusal::Status(status) = refusal
                && send(&stream, &pages::refusal(status)).is_ok()
            {
                drain(&stream);
            }
            room.leave(&stream);
        }
    }
}

/// Writes a whole answer and says that nothing follows.
fn send(stream: &TcpStream, reply: &Reply) -> io::Result<()> {
    stream.set_write_timeout(Some(PARTING_TIME))?;
    reply.write(stream)?;
    stream.shutdown(Shutdown::Write)
}

/// Reads what a refused client still sends, for a while: closing a connection with unread bytes resets it,
/// and the answer would be lost with it.
fn drain(mut stream: &TcpStream) {
    let until = Instant::now() + PARTING_TIME;
    let mut rest = [0; 4096];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return;
        }
        if !matches!(stream.read(&mut rest), Ok(1..)) {
            return;
        }
    }
}
