//! The proxy beside nginx: what it adds to a call, and what passes through it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use mcpauth_remote_bench::{Outcome, address};
use serde_json::Value;

use super::latency::{Round, timed};
use crate::Run;
use crate::direct::{Direct, Target};
use crate::figures::{least, median};
use crate::flood::Flood;
use crate::home::{Home, Kind};
use crate::places;
use crate::process::{self, Pinned};
use crate::report::figure;
use crate::server::Server;

const SMALL: Flood = Flood { size: 200, time: Duration::from_secs(1) };
const BIG: Flood = Flood { size: 1_000_000, time: Duration::from_millis(1500) };

/// Where nginx is, whose package does not put it into everybody's path.
const NGINX: &str = "/usr/sbin/nginx";

/// A proxy that runs, or none.
struct Contender {
    title: &'static str,
    target: Target,
    child: Option<Child>,
    _home: Option<Home>,
}

impl Drop for Contender {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // nginx's second process ends only if the first one is asked to.
            let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::SIGTERM);
            let _ = child.wait();
        }
    }
}

pub(crate) fn row(run: &Run) -> Outcome {
    let latency = latencies(run)?;
    let server = Server::start()?;
    let contenders = contenders(run, &server)?;
    let [small, big] = [SMALL, BIG].map(|flood| shares(run, flood, &contenders));
    let (small, big) = (small?, big?);
    let columns =
        ["added µs (best p50)", "p99 µs", "64 × 200 B, share of direct %", "64 × 1 MB, share %", "peak MB"];
    run.report.table("The proxy: what it adds to a call on one CPU, and what passes", &columns);
    let straight = best(&latency[0]);
    for (at, contender) in contenders.iter().enumerate() {
        let added = best(&latency[at]) - straight;
        let worst = median(latency[at].iter().map(|round| round.worst));
        let peak = contender.child.as_ref().map_or(Ok(f64::NAN), |child| peak(child.id()))?;
        run.report.row(contender.title, &[added, worst, small[at], big[at], peak].map(figure));
        if contender.title == Kind::Mcpauth.title() {
            let nginx = contenders.iter().position(|contender| contender.title == "nginx");
            let nginx = nginx.map_or(f64::NAN, |nginx| best(&latency[nginx]) - straight);
            run.report.at_most("proxy: latency added, × nginx", added / nginx, 1.3, "");
            run.report.at_least("proxy: 64 × 200 B, share of direct", small[at], 45.0, " %");
        }
    }
    Ok(())
}

fn best(rounds: &[Round]) -> f64 {
    least(rounds.iter().map(|round| round.middle))
}

/// Of a process or of its first child, whichever has more: nginx works in a child.
fn peak(pid: u32) -> Outcome<f64> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    let own = process::memory(pid)?.peak;
    Ok(match children.split_whitespace().next() {
        Some(child) => own.max(process::memory(child.parse()?)?.peak),
        None => own,
    })
}

fn latencies(run: &Run) -> Outcome<Vec<Vec<Round>>> {
    let _pinned = Pinned::now()?;
    let server = Server::start()?;
    let contenders = contenders(run, &server)?;
    let mut all: Vec<Vec<Round>> = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..run.rounds {
        for (contender, rounds) in contenders.iter().zip(&mut all) {
            let mut connection = Direct::connect(&contender.target)?;
            rounds.push(timed(|id| connection.call(id, 200))?);
        }
    }
    Ok(all)
}

fn shares(run: &Run, flood: Flood, contenders: &[Contender]) -> Outcome<Vec<f64>> {
    let mut all: Vec<Vec<f64>> = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..run.rounds {
        let mut straight = f64::NAN;
        for (contender, shares) in contenders.iter().zip(&mut all) {
            let rate = match flood.over_http(&contender.target) {
                Ok(result) => result.rate,
                Err(error) => {
                    eprintln!("{}: {error}", contender.title);
                    continue;
                }
            };
            if contender.child.is_none() {
                straight = rate;
            }
            shares.push(rate / straight * 100.0);
        }
    }
    Ok(all.into_iter().map(median).collect())
}

/// The direct way first.
fn contenders(run: &Run, server: &Server) -> Outcome<Vec<Contender>> {
    let token = server.token()?;
    let direct = Target::with_token(server.host(), &token);
    let mut all =
        vec![Contender { title: "direct", target: direct, child: None, _home: None }, floor(server)?];
    if fs::exists(NGINX)? {
        all.push(nginx(server, &token)?);
    }
    if run.has(Kind::Mcpauth) {
        all.push(own(server)?);
    }
    Ok(all)
}

fn floor(server: &Server) -> Outcome<Contender> {
    let home = Home::signed_in(Kind::Floor, server)?;
    let mut command = home.command(places::own("floor-proxy")?);
    command.arg(server.host()).arg(home.path("token"));
    let (child, line) = first_line(command)?;
    let (host, _) = address::parts(line.trim())?;
    let target = Target { host: host.into(), path: "/mcp".into(), headers: String::new() };
    Ok(Contender { title: "floor", target, child: Some(child), _home: Some(home) })
}

fn nginx(server: &Server, token: &str) -> Outcome<Contender> {
    let home = Home::new(Kind::Floor, server)?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let upstream = server.host();
    let configuration = format!(
        "worker_processes 1; daemon off; pid {pid}; error_log stderr error;
        events {{ worker_connections 1024; }}
        http {{
          access_log off; client_max_body_size 0; keepalive_requests 100000000;
          client_body_temp_path {temporary}; proxy_temp_path {temporary}; fastcgi_temp_path {temporary};
          uwsgi_temp_path {temporary}; scgi_temp_path {temporary};
          upstream mcp {{ server {upstream}; keepalive 64; keepalive_requests 100000000; }}
          server {{
            listen 127.0.0.1:{port};
            location / {{
              proxy_pass http://mcp; proxy_http_version 1.1; proxy_set_header Connection '';
              proxy_set_header Authorization 'Bearer {token}';
              proxy_buffering off; proxy_request_buffering off;
            }}
          }}
        }}",
        pid = home.path("pid").display(),
        temporary = home.path("temporary").display(),
    );
    fs::write(home.path("nginx.conf"), configuration)?;
    let mut command = home.command(NGINX.into());
    command.arg("-p").arg(home.path("")).arg("-c").arg(home.path("nginx.conf"));
    let child = command.spawn()?;
    let target = Target { host: format!("127.0.0.1:{port}"), path: "/mcp".into(), headers: String::new() };
    let contender = Contender { title: "nginx", target, child: Some(child), _home: Some(home) };
    for _ in 0..100 {
        if Direct::connect(&contender.target).is_ok() {
            return Ok(contender);
        }
        sleep(Duration::from_millis(20));
    }
    Err("nginx does not listen".into())
}

fn own(server: &Server) -> Outcome<Contender> {
    let home = Home::signed_in(Kind::Mcpauth, server)?;
    let mut command = home.command(places::mcpauth());
    command.args(["proxy", "bench", "--json"]);
    let (child, line) = first_line(command)?;
    let told: Value =
        serde_json::from_str(&line).map_err(|error| format!("{error}: {line}{}", home.said()))?;
    let text = |name: &str| find(&told, name).ok_or_else(|| format!("no {name} in {line}"));
    let secret = fs::read_to_string(text("secret_file")?)?;
    let url = text("url")?;
    let (host, path) = address::parts(&url)?;
    let headers = format!("authorization: Bearer {}\r\n", secret.trim());
    let target = Target { host: host.into(), path: path.into(), headers };
    Ok(Contender { title: Kind::Mcpauth.title(), target, child: Some(child), _home: Some(home) })
}

/// A member of that name, however deep.
fn find(value: &Value, name: &str) -> Option<String> {
    match value {
        Value::Object(members) => match members.get(name).and_then(Value::as_str) {
            Some(text) => Some(text.into()),
            None => members.values().find_map(|value| find(value, name)),
        },
        Value::Array(values) => values.iter().find_map(|value| find(value, name)),
        _ => None,
    }
}

/// A program that says where it is once it is there.
fn first_line(mut command: Command) -> Outcome<(Child, String)> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no pipe")?).read_line(&mut line)?;
    Ok((child, line))
}
