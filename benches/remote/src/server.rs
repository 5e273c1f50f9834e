//! The fake server as the driver sees it: a process with knobs and books.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use mcpauth_remote_bench::{Outcome, address};
use serde_json::Value;

use crate::places;

/// A server of one row; ends with it.
pub(crate) struct Server {
    child: Child,
    /// Without a path.
    pub(crate) origin: String,
}

impl Server {
    pub(crate) fn start() -> Outcome<Self> {
        let mut child = Command::new(places::own("fake-server")?).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no pipe")?).read_line(&mut line)?;
        Ok(Self { child, origin: line.trim().into() })
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    pub(crate) fn host(&self) -> &str {
        self.origin.trim_start_matches("http://")
    }

    /// Turns knobs.
    pub(crate) fn set(&self, knobs: Value) -> Outcome {
        self.control("set", &knobs.to_string()).map(drop)
    }

    /// What was asked for since the last look.
    pub(crate) fn books(&self) -> Outcome<Books> {
        Ok(Books(self.control("books", "")?))
    }

    /// An access token that lives for an hour.
    pub(crate) fn token(&self) -> Outcome<String> {
        let tokens = self.control("token", "")?;
        Ok(tokens["access_token"].as_str().ok_or("no token")?.into())
    }

    pub(crate) fn stop_honouring(&self) -> Outcome {
        self.control("stop-honouring", "").map(drop)
    }

    fn control(&self, what: &str, body: &str) -> Outcome<Value> {
        let (host, _) = address::parts(&self.origin)?;
        let mut stream = TcpStream::connect(host)?;
        let length = body.len();
        write!(
            stream,
            "POST /_ctl/{what} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        Ok(serde_json::from_str(body)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server counted.
pub(crate) struct Books(Value);

impl Books {
    pub(crate) fn requests(&self) -> u64 {
        self.0["requests"].as_u64().unwrap_or_default()
    }

    pub(crate) fn before_browser(&self) -> Option<u64> {
        self.0["before_browser"].as_u64()
    }

    pub(crate) fn count(&self, what: &str) -> u64 {
        self.0["counts"][what].as_u64().unwrap_or_default()
    }

    /// Refreshes of any outcome.
    pub(crate) fn refreshes(&self) -> u64 {
        ["refreshed", "reused", "refresh refused"].iter().map(|what| self.count(what)).sum()
    }
}
