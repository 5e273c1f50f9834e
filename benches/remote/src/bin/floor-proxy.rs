//! The least that a proxy does: add a header, pass what comes in both directions.
//!
//! usage: floor-proxy HOST:PORT TOKEN-FILE        prints its own URL

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use mcpauth_remote_bench::{Outcome, run};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

struct Floor {
    upstream: String,
    authorization: HeaderValue,
}

/// The way to the server that belongs to one connection of a client.
type Onward = RefCell<Option<SendRequest<Incoming>>>;

fn main() -> Outcome {
    let mut args = std::env::args().skip(1);
    let (upstream, file) = args.next().zip(args.next()).ok_or("usage: floor-proxy HOST:PORT TOKEN-FILE")?;
    let authorization = format!("Bearer {}", std::fs::read_to_string(file)?.trim()).parse()?;
    let floor = Rc::new(Floor { upstream, authorization });
    run(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("http://{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            spawn_local(floor.clone().serve(stream));
        }
    })
}

impl Floor {
    async fn serve(self: Rc<Self>, stream: TcpStream) {
        let onward = Rc::new(Onward::default());
        let service = service_fn(move |request| {
            let (floor, onward) = (self.clone(), onward.clone());
            async move { floor.forward(request, &onward).await }
        });
        // A client that hangs up is none of the floor's troubles.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn forward(
        &self,
        mut request: Request<Incoming>,
        onward: &Onward,
    ) -> Result<Response<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        request.headers_mut().insert(HOST, self.upstream.parse()?);
        let kept = onward.borrow_mut().take();
        let mut sender = match kept {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        *onward.borrow_mut() = Some(sender);
        Ok(response)
    }

    async fn connect(&self) -> Result<SendRequest<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(&self.upstream).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        spawn_local(connection);
        Ok(sender)
    }
}
