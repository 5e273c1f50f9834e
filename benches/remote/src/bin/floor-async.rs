//! The least that a concurrent bridge does: cut lines, add a header, pass bytes. Knows no refresh, no session but the
//! one it is given, no error.
//!
//! usage: floor-async URL TOKEN-FILE

use std::cell::RefCell;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use mcpauth_remote_bench::pool::Pool;
use mcpauth_remote_bench::{Outcome, address, message, pipes, run};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

struct Floor {
    host: String,
    target: String,
    authorization: String,
    session: RefCell<Option<String>>,
    pool: Pool,
    output: Mutex<Sender>,
}

fn main() -> Outcome {
    let mut args = std::env::args().skip(1);
    let (url, file) = args.next().zip(args.next()).ok_or("usage: floor-async URL TOKEN-FILE")?;
    run(async {
        let (host, target) = address::parts(&url)?;
        let (input, output) = pipes::own()?;
        let floor = Rc::new(Floor {
            authorization: format!("Bearer {}", std::fs::read_to_string(file)?.trim()),
            session: RefCell::default(),
            pool: Pool::new(host),
            output: Mutex::new(output),
            host: host.into(),
            target: target.into(),
        });
        floor.serve(input).await
    })
}

impl Floor {
    async fn serve(self: Rc<Self>, mut input: Receiver) -> Outcome {
        let mut read = BytesMut::with_capacity(64 * 1024);
        let mut seen = 0;
        let mut running = JoinSet::new();
        while input.read_buf(&mut read).await? > 0 {
            while let Some(at) = memchr::memchr(b'\n', &read[seen..]) {
                let line = read.split_to(seen + at + 1).freeze();
                seen = 0;
                self.clone().take(line, &mut running).await;
            }
            seen = read.len();
            read.reserve(16 * 1024);
        }
        Ok(())
    }

    /// The first message is waited for, the others go side by side.
    async fn take(self: Rc<Self>, line: Bytes, running: &mut JoinSet<()>) {
        let first = message::mentions(&line, "\"initialize\"");
        let forwarding = async move { self.forward(line).await.unwrap_or_else(|error| eprintln!("{error}")) };
        if first {
            forwarding.await;
        } else {
            running.spawn_local(forwarding);
        }
        while running.try_join_next().is_some() {}
    }

    async fn forward(&self, line: Bytes) -> Outcome {
        let mut request = Request::post(&self.target)
            .header("host", &self.host)
            .header("authorization", &self.authorization)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if let Some(session) = &*self.session.borrow() {
            request = request.header("mcp-session-id", session);
        }
        let (response, sender) = self.pool.send(request.body(Full::new(line))?).await?;
        if let Some(session) = response.headers().get("mcp-session-id") {
            *self.session.borrow_mut() = Some(session.to_str()?.into());
        }
        self.pass(response).await?;
        self.pool.give_back(sender);
        Ok(())
    }

    async fn pass(&self, response: Response<Incoming>) -> Outcome {
        let events = response.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let mut body = response.into_body();
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                whole.extend_from_slice(&data);
            }
        }
        if events {
            for line in Lines(&whole) {
                if let Some(data) = line.strip_prefix(b"data: ") {
                    self.write(&[data, b"\n"].concat()).await?;
                }
            }
        } else if !whole.is_empty() {
            whole.extend_from_slice(b"\n");
            self.write(&whole).await?;
        }
        Ok(())
    }

    async fn write(&self, line: &[u8]) -> Outcome {
        use tokio::io::AsyncWriteExt as _;
        Ok(self.output.lock().await.write_all(line).await?)
    }
}

/// What stands between the ends of lines.
struct Lines<'text>(&'text [u8]);

impl<'text> Iterator for Lines<'text> {
    type Item = &'text [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let at = memchr::memchr(b'\n', self.0)?;
        let (line, rest) = self.0.split_at(at);
        self.0 = &rest[1..];
        Some(line)
    }
}
