//! `bridge` to servers that keep one connection: `HTTP+SSE` of revision 2024-11-05, and `WebSockets`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

#[expect(dead_code, reason = "these stories use their own part of the peer")]
#[path = "../hostile/peer.rs"]
mod peer;
#[path = "../support/mod.rs"]
mod support;

mod legacy;
mod sandbox;
mod websocket;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::World;

/// No answer takes longer than this: a connection is opened again within seconds.
const DEADLINE: Duration = Duration::from_secs(30);

/// A host, with the bridge that it has started.
struct Host {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Host {
    fn of(world: &World) -> Self {
        let mut command = world.command(&["bridge", "other", "--login", "never"]);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (tell, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { input: child.stdin.take(), child, lines }
    }

    fn says(&mut self, message: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{message}").unwrap();
    }

    fn asks(&mut self, id: u64, method: &str) {
        self.says(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": {} }));
    }

    /// The next line, which is one message.
    fn hears(&self) -> Value {
        self.hears_within(DEADLINE)
    }

    fn hears_within(&self, patience: Duration) -> Value {
        let line = self.lines.recv_timeout(patience).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no message: {line}"))
    }

    /// Meets the server, as every host does first.
    fn meets(&mut self) {
        self.asks(1, "initialize");
        assert_eq!(self.hears()["result"]["protocolVersion"], "2024-11-05");
        self.says(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    }

    /// The words of the error that answers a request.
    fn hears_of_failure(&self, id: u64) -> String {
        let heard = self.hears();
        assert_eq!(heard["id"], id, "{heard}");
        heard["error"]["message"].as_str().unwrap_or_else(|| panic!("no error: {heard}")).to_owned()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server answers that does what it is asked.
fn answered(message: &Value) -> Value {
    let result = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2024-11-05", "capabilities": {}, "serverInfo": { "name": "peer", "version": "1" } }),
        _ => json!({ "done": message["method"] }),
    };
    json!({ "jsonrpc": "2.0", "id": message["id"], "result": result })
}
