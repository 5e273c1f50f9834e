//! The sockets: connections are taken, and each request on them is answered by the router.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::oneshot;

use super::ledger::Site;
use super::router;
use super::wire::{Answer, PATIENCE};

/// Serves until `stop` is sent or dropped.
pub(super) async fn serve(
    listener: tokio::net::TcpListener,
    site: Arc<Site>,
    mut stop: oneshot::Receiver<()>,
) {
    loop {
        tokio::select! {
            _ = &mut stop => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(tokio::spawn(converse(stream, Arc::clone(&site)))),
                // Out of file descriptors, most likely: give the open connections time to end.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
        }
    }
}

async fn converse(stream: tokio::net::TcpStream, site: Arc<Site>) {
    let service = service_fn(move |incoming| {
        let site = Arc::clone(&site);
        async move { router::answer(&site, incoming).await.map(Answer::into_response) }
    });
    // Events are small and must not wait for each other.
    drop(stream.set_nodelay(true));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // A client that went away is no concern of the sandbox.
    drop(connection.await);
}
