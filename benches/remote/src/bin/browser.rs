//! A browser whose user consents at once, or one that nobody looks at. Copied to where a program looks for a browser;
//! writes the time of its start into `opened` beside itself, and follows the address if there is no `ignore` there.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use mcpauth_remote_bench::{Outcome, address, now};

fn main() -> Outcome {
    let started = now();
    let place = std::env::current_exe()?.parent().ok_or("no place")?.to_path_buf();
    let mut opened = std::fs::OpenOptions::new().create(true).append(true).open(place.join("opened"))?;
    writeln!(opened, "{started}")?;
    if place.join("ignore").exists() {
        return Ok(());
    }
    let mut next = std::env::args().nth(1);
    while let Some(address) = next {
        next = visit(&address)?;
    }
    Ok(())
}

/// Opens a page, and says where it leads.
fn visit(address: &str) -> Outcome<Option<String>> {
    let (host, target) = address::parts(address)?;
    let mut stream = TcpStream::connect(host)?;
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let location = answer.lines().take_while(|line| !line.is_empty()).find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("location").then(|| value.to_owned())
    });
    Ok(location)
}
