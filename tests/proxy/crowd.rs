//! More clients than there is room for.

use std::io::Write;
use std::net::TcpStream;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::peer::answer;
use crate::peer_that;

/// P-11.
#[test]
fn a_thousand_slow_clients_keep_nobody_out() {
    let (proxy, _world, _peer) = peer_that(|_| answer(200, "", b"in"), &[]);
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most.min(4096), most).unwrap();
    let slow: Vec<TcpStream> = (0..1000)
        .map(|_| {
            let mut stream = proxy.connect();
            // Those who came first have had to go by now.
            let _ = stream.write_all(b"POST / HTTP/1.1\r\nHost: ");
            stream
        })
        .collect();
    assert_eq!(proxy.post("/", "{}").body, "in");
    if cfg!(target_os = "linux") {
        let open = std::fs::read_dir(format!("/proc/{}/fd", proxy.id())).unwrap().count();
        assert!(open < 500, "{open} open files");
    }
    drop(slow);
    assert_eq!(proxy.post("/", "{}").body, "in");
}
