//! A client of a server or of a proxy that keeps its connection.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use mcpauth_remote_bench::{Outcome, message};

use crate::reply::Reply;

/// Whom to send to, and with which header.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) path: String,
    /// Lines of the head, each with its end.
    pub(crate) headers: String,
}

impl Target {
    /// A server that wants this token.
    pub(crate) fn with_token(host: &str, token: &str) -> Self {
        let headers = format!("authorization: Bearer {token}\r\n");
        Self { host: host.into(), path: "/mcp".into(), headers }
    }

    /// The head of a request whose body is that long.
    pub(crate) fn head(&self, length: usize) -> String {
        let Self { host, path, headers } = self;
        format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\n{headers}content-type: application/json\r\naccept: \
             application/json, text/event-stream\r\nmcp-protocol-version: 2025-06-18\r\nmcp-session-id: \
             bench-session\r\ncontent-length: {length}\r\n\r\n"
        )
    }
}

/// One connection that waits for each answer.
pub(crate) struct Direct {
    target: Target,
    stream: TcpStream,
    read: Vec<u8>,
}

impl Direct {
    pub(crate) fn connect(target: &Target) -> Outcome<Self> {
        let stream = TcpStream::connect(&target.host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(std::time::Duration::from_secs(30)))?;
        Ok(Self { target: target.clone(), stream, read: vec![0; 64 * 1024] })
    }

    pub(crate) fn call(&mut self, id: u64, size: usize) -> Outcome {
        let body = message::call(id, size);
        let mut request = self.target.head(body.len()).into_bytes();
        request.extend_from_slice(&body);
        self.stream.write_all(&request)?;
        let mut reply = Reply::default();
        loop {
            match self.stream.read(&mut self.read)? {
                0 => return Err("the server hung up".into()),
                count if reply.take(&self.read[..count])? => return Ok(()),
                _ => {}
            }
        }
    }
}
