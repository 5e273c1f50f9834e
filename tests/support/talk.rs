//! A host: somebody who starts a stdio MCP server and talks to it, one message a line.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

/// How long an answer may keep a story waiting before it has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A host and the server that it started.
pub struct Talk {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
    /// Everything that came on standard output.
    pub said: Vec<String>,
    number: u64,
    paused: Arc<(Mutex<bool>, Condvar)>,
}

impl Talk {
    /// Starts a server.
    pub fn start(mut command: Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let output = child.stdout.take().unwrap();
        let paused: Arc<(Mutex<bool>, Condvar)> = Arc::default();
        let pause = Arc::clone(&paused);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                drop(pause.1.wait_while(pause.0.lock().unwrap(), |paused| *paused).unwrap());
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        let mut errors = child.stderr.take().unwrap();
        let talk = std::thread::spawn(move || {
            let mut text = Vec::new();
            errors.read_to_end(&mut text).unwrap();
            String::from_utf8_lossy(&text).into_owned()
        });
        let input = child.stdin.take();
        Self { child, input, lines, errors: Some(talk), said: Vec::new(), number: 0, paused }
    }

    /// The same, and both have introduced themselves in this revision.
    pub fn greeted(command: Command, revision: &str) -> Self {
        let mut talk = Self::start(command);
        let params = json!({
            "protocolVersion": revision, "capabilities": {}, "clientInfo": { "name": "host", "version": "1" },
        });
        talk.ask("initialize", &params);
        talk.tell("notifications/initialized", &json!({}));
        talk
    }

    /// Writes a line as it is.
    pub fn write(&mut self, line: &[u8]) {
        let input = self.input.as_mut().unwrap();
        // A server that has ended does not read; what it said before counts.
        let _ = input.write_all(line).and_then(|()| input.write_all(b"\n")).and_then(|()| input.flush());
    }

    /// Writes bytes without the end of a line.
    pub fn write_raw(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Reads nothing more, not even what is there.
    pub fn pause(&mut self) {
        *self.paused.0.lock().unwrap() = true;
    }

    /// Reads on.
    pub fn go_on(&mut self) {
        *self.paused.0.lock().unwrap() = false;
        self.paused.1.notify_all();
    }

    /// Sends a notification.
    pub fn tell(&mut self, method: &str, params: &Value) {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        self.write(message.to_string().as_bytes());
    }

    /// Sends a request and gives its id.
    pub fn begin(&mut self, method: &str, params: &Value) -> u64 {
        self.number += 1;
        let message = json!({ "jsonrpc": "2.0", "id": self.number, "method": method, "params": params });
        self.write(message.to_string().as_bytes());
        self.number
    }

    /// The next message of the server; `None` if it has ended.
    pub fn next(&mut self) -> Option<Value> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                let message = serde_json::from_str(&line);
                self.said.push(line);
                Some(message.unwrap_or_else(|error| panic!("{error}: {:?}", self.said.last())))
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("nothing came; so far {:?}", self.said),
        }
    }

    /// The answer to a request; what else comes meanwhile is passed over.
    pub fn answer(&mut self, id: u64) -> Value {
        loop {
            let Some(message) = self.next() else { panic!("it ended without an answer: {}", self.errors()) };
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
        }
    }

    /// Sends a request and gives the whole answer.
    pub fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.begin(method, params);
        self.answer(id)
    }

    /// Calls a tool and gives its result.
    pub fn tool(&mut self, name: &str, arguments: &Value) -> Value {
        let answer = self.ask("tools/call", &json!({ "name": name, "arguments": arguments }));
        assert!(answer["result"].is_object(), "{answer}");
        answer["result"].clone()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as nobody can refuse.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Says no more and waits for its end: exit code and what it said on standard error.
    pub fn end(mut self) -> (i32, String, Vec<String>) {
        drop(self.input.take());
        while self.next().is_some() {}
        let status = self.child.wait().unwrap();
        let errors = self.errors();
        (mcpauth::platform::exit_code(status).into(), errors, std::mem::take(&mut self.said))
    }

    fn errors(&mut self) -> String {
        drop(self.input.take());
        self.errors.take().map(|errors| errors.join().unwrap()).unwrap_or_default()
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // Whatever became of the story, nothing goes on.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
