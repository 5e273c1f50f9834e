//! The simplest pool of connections to one server: whoever needs one takes it and gives it back.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use crate::Outcome;

/// Connections that nobody uses at the moment.
#[derive(Clone)]
pub struct Pool {
    address: Rc<str>,
    idle: Rc<RefCell<Vec<SendRequest<Full<Bytes>>>>>,
}

impl Pool {
    /// To the server at `host:port`; connects when it has to.
    pub fn new(address: &str) -> Self {
        Self { address: address.into(), idle: Rc::default() }
    }

    /// One exchange. The connection comes back with [`Pool::give_back`] once the body has been read.
    pub async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Outcome<(Response<Incoming>, SendRequest<Full<Bytes>>)> {
        let mut sender = self.ready().await?;
        let response = sender.send_request(request).await?;
        Ok((response, sender))
    }

    async fn ready(&self) -> Outcome<SendRequest<Full<Bytes>>> {
        loop {
            let idle = self.idle.borrow_mut().pop();
            let Some(mut sender) = idle else { return self.connect().await };
            if sender.ready().await.is_ok() {
                return Ok(sender);
            }
        }
    }

    async fn connect(&self) -> Outcome<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(&*self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        spawn_local(connection);
        Ok(sender)
    }

    pub fn give_back(&self, sender: SendRequest<Full<Bytes>>) {
        self.idle.borrow_mut().push(sender);
    }
}
