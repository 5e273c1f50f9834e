//! The server and issuer that everybody is measured against: as quick as it can be, with knobs and with books. Prints
//! its URL.

mod books;
mod issuer;
mod server;

use std::net::Ipv4Addr;
use std::rc::Rc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mcpauth_remote_bench::{Outcome, run};
use tokio::net::TcpListener;
use tokio::task::spawn_local;

fn main() -> Outcome {
    run(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        println!("{origin}");
        let server = Rc::new(server::Server::new(origin));
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let server = server.clone();
            spawn_local(async move {
                let service = service_fn(move |request| server.clone().answer(request));
                // A client that hangs up is none of the server's troubles.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}
