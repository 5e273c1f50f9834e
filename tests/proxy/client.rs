//! A client of the proxy that says every byte itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::{Ran, World, finish};

/// A proxy that runs. Dropping it kills it.
pub(crate) struct Proxy {
    child: Child,
    /// What it told at its start.
    pub(crate) told: Value,
    stderr: Option<ChildStderr>,
}

/// An answer of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Proxy {
    pub(crate) fn start(world: &World, args: &[&str]) -> Self {
        let mut command = world.command(&[&["proxy", "--json"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut stderr = child.stderr.take();
        let told = serde_json::from_str(&line).unwrap_or_else(|error| {
            let mut text = String::new();
            stderr.take().unwrap().read_to_string(&mut text).unwrap();
            panic!("{error}: {line:?} {text}")
        });
        Self { child, told, stderr }
    }

    /// One that does not come to listen, and what it says instead.
    pub(crate) fn refused(world: &World, args: &[&str]) -> Ran {
        let mut command = world.command(&[&["proxy"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut output, mut first) = (child.stdout.take().unwrap(), [0]);
        if output.read(&mut first).unwrap() > 0 {
            let _ = child.kill();
            panic!("it listens");
        }
        child.stdout = Some(output);
        finish(child, String::new())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.told["url"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap()
    }

    pub(crate) fn secret_file(&self) -> PathBuf {
        self.told["secret_file"].as_str().unwrap().into()
    }

    pub(crate) fn secret(&self) -> String {
        std::fs::read_to_string(self.secret_file()).unwrap()
    }

    /// The header lines that let a client in.
    pub(crate) fn pass(&self) -> String {
        format!("Host: {}\r\nAuthorization: Bearer {}\r\n", self.address(), self.secret())
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        // Whoever waits for longer than this waits for what does not come.
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream
    }

    /// Sends these bytes and reads until the connection ends.
    pub(crate) fn say(&self, bytes: &str) -> Answer {
        let mut stream = self.connect();
        // Who is refused early may not be read to the end.
        let _ = stream.write_all(bytes.as_bytes());
        Answer::read(&mut stream)
    }

    /// Sends one good request with further header lines.
    pub(crate) fn ask(&self, line: &str, headers: &str, body: &str) -> Answer {
        let length = match body {
            "" => String::new(),
            _ => format!("Content-Length: {}\r\n", body.len()),
        };
        let pass = self.pass();
        self.say(&format!("{line} HTTP/1.1\r\n{pass}Connection: close\r\n{headers}{length}\r\n{body}"))
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.ask(&format!("POST {path}"), "Content-Type: application/json\r\n", body)
    }

    /// Ends it as nobody can refuse.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and gives its exit code and what it said.
    pub(crate) fn end(mut self, signal: Signal) -> (i32, String) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
        let mut text = String::new();
        self.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        (mcpauth::platform::exit_code(self.child.wait().unwrap()).into(), text)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    /// Reads an answer to the end of its connection.
    pub(crate) fn read(stream: &mut impl Read) -> Self {
        let mut bytes = Vec::new();
        // A connection that is reset has said before what there is to say.
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let body = if is_chunked { without_chunks(body) } else { body.to_owned() };
        Self { status, head: head.to_ascii_lowercase(), body }
    }

    /// What a client of MCP would show.
    pub(crate) fn error(&self) -> String {
        let body: Value =
            serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!(body["jsonrpc"], "2.0");
        body["error"]["message"].as_str().unwrap().to_owned()
    }
}

fn without_chunks(mut text: &str) -> String {
    let mut body = String::new();
    while let Some((length, rest)) = text.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 || rest.len() < length {
            break;
        }
        body.push_str(&rest[..length]);
        text = &rest[length + 2..];
    }
    body
}
