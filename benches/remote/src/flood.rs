//! Many calls at once, for a while.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use mcpauth_remote_bench::{Outcome, message, pipes, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::direct::Target;
use crate::host::{Host, good};
use crate::reply::Reply;

/// How many calls are under way at any time.
pub(crate) const WINDOW: usize = 64;
/// Lines up to this are written together.
const SMALL: usize = 16 * 1024;
/// Nobody needs longer for what is still under way.
const PATIENCE: Duration = Duration::from_secs(60);

/// Calls of one size for a time.
#[derive(Clone, Copy)]
pub(crate) struct Flood {
    pub(crate) size: usize,
    pub(crate) time: Duration,
}

/// What came of it.
#[derive(Clone, Copy)]
pub(crate) struct Result {
    pub(crate) calls: u64,
    /// Calls in a second.
    pub(crate) rate: f64,
}

impl Flood {
    /// Straight to a server or to a proxy, each call that is under way on a connection of its own.
    pub(crate) fn over_http(self, target: &Target) -> Outcome<Result> {
        run(async move {
            let start = Instant::now();
            let (calls, next) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(FIRST)));
            let clients: Vec<_> = (0..WINDOW)
                .map(|_| spawn_local(self.client(target.clone(), start, calls.clone(), next.clone())))
                .collect();
            for client in clients {
                timeout(PATIENCE, client).await??.map_err(|error| error.to_string())?;
            }
            Ok(Result::since(start, calls.get()))
        })
    }

    async fn client(
        self,
        target: Target,
        start: Instant,
        calls: Rc<Cell<u64>>,
        next: Rc<Cell<u64>>,
    ) -> std::result::Result<(), String> {
        let work = async {
            let mut stream = TcpStream::connect(&target.host).await?;
            stream.set_nodelay(true)?;
            let head = target.head(self.size).into_bytes();
            let mut read = vec![0; 64 * 1024];
            while start.elapsed() < self.time {
                next.set(next.get() + 1);
                self.write(&mut stream, &head, next.get()).await?;
                let mut reply = Reply::default();
                loop {
                    match stream.read(&mut read).await? {
                        0 => return Err("the server hung up".into()),
                        count if reply.take(&read[..count])? => break,
                        _ => {}
                    }
                }
                calls.set(calls.get() + 1);
            }
            Outcome::Ok(())
        };
        work.await.map_err(|error| error.to_string())
    }

    async fn write(self, stream: &mut TcpStream, head: &[u8], id: u64) -> Outcome {
        if self.size <= SMALL {
            return Ok(stream.write_all(&[head, &message::call(id, self.size)].concat()).await?);
        }
        stream.write_all(head).await?;
        Ok(stream.write_all(&message::call(id, self.size)).await?)
    }

    /// Through a bridge.
    pub(crate) fn over_pipes(self, host: &mut Host) -> Outcome<Result> {
        let (input, output) = host.pipes()?;
        run(async move {
            let (input, output) = pipes::of_child(input, output)?;
            let start = Instant::now();
            let window = Rc::new(Semaphore::new(WINDOW));
            let sent = Rc::new(Cell::new(None));
            let listening = spawn_local(listen(output, window.clone(), sent.clone()));
            // The pipe stays open until all answers are there.
            let (input, count) = self.speak(input, start, &window).await?;
            sent.set(Some(count));
            let end = timeout(PATIENCE, window.acquire_many(WINDOW as u32)).await;
            let heard = if end.is_ok() { count } else { return Err("answers are missing".into()) };
            let result = Result::since(start, heard);
            drop(input);
            listening.abort();
            match listening.await {
                Ok(Err(error)) => Err(error.into()),
                _ => Ok(result),
            }
        })
    }

    async fn speak(self, mut input: Sender, start: Instant, window: &Semaphore) -> Outcome<(Sender, u64)> {
        let (mut sent, mut lines) = (0, Vec::new());
        while start.elapsed() < self.time {
            timeout(PATIENCE, window.acquire()).await??.forget();
            lines.clear();
            self.put(&mut lines, sent);
            sent += 1;
            while lines.len() < SMALL
                && let Ok(free) = window.try_acquire()
            {
                free.forget();
                self.put(&mut lines, sent);
                sent += 1;
            }
            timeout(PATIENCE, input.write_all(&lines)).await??;
        }
        Ok((input, sent))
    }

    fn put(self, lines: &mut Vec<u8>, number: u64) {
        lines.extend_from_slice(&message::call(FIRST + number, self.size));
        lines.push(b'\n');
    }
}

/// All ids are equally long.
const FIRST: u64 = 1_000_000;

impl Result {
    fn since(start: Instant, calls: u64) -> Self {
        Self { calls, rate: calls as f64 / start.elapsed().as_secs_f64() }
    }
}

/// Reads answers, each of which lets another call go.
async fn listen(
    mut output: Receiver,
    window: Rc<Semaphore>,
    sent: Rc<Cell<Option<u64>>>,
) -> std::result::Result<(), String> {
    let mut read = vec![0; 256 * 1024];
    let mut line = Vec::new();
    let mut heard = 0;
    loop {
        let count = output.read(&mut read).await.map_err(|error| error.to_string())?;
        if count == 0 {
            window.close();
            return Err("the bridge ended".into());
        }
        let mut rest = &read[..count];
        let before = heard;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            keep(&mut line, &rest[..at]);
            if let Err(error) = good(&line) {
                window.close();
                return Err(error.to_string());
            }
            line.clear();
            heard += 1;
            rest = &rest[at + 1..];
        }
        keep(&mut line, rest);
        window.add_permits(heard - before);
        if sent.get() == Some(heard as u64) {
            return Ok(());
        }
    }
}

/// Of a line, only its two ends are looked at.
fn keep(line: &mut Vec<u8>, more: &[u8]) {
    const HEAD: usize = 512;
    let room = HEAD.saturating_sub(line.len());
    let (head, tail) = more.split_at(more.len().min(room));
    line.extend_from_slice(head);
    if !tail.is_empty() {
        line.truncate(HEAD);
        line.extend_from_slice(&tail[tail.len().saturating_sub(HEAD)..]);
    }
}
