//! `mcpauth proxy`: HTTP on this machine for programs that are to use a server and are to see no token.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use url::{Origin, Url};

use super::args::AccountArg;
use crate::error::Error;
use crate::flows::App;
use crate::flows::proxy::{self, Place, ProxyRequest, Rate, Rules, Running, SecretFile};
use crate::http;
use crate::mcp::tool_filter::{Pattern, ToolFilter};
use crate::model::ServerArg;
use crate::platform;
use crate::wording::quoted;

/// Let programs on this machine use servers over HTTP, without a token of theirs
///
/// Each server is found under its name, such as `http://127.0.0.1:4000/linear`; the only one also at /. Every request gets a
/// fresh token on its way out. What comes in has to show a secret that is new at each start, as a bearer token; it lies in
/// a file that only you can read. On a --socket the system says who comes, and no secret is needed. Pages of browsers are
/// refused. A sign-in that is missing or ends is told in the answers; once you have signed in, they go on.
#[derive(clap::Args)]
pub(super) struct ProxyArgs {
    /// URLs or names of the MCP servers
    #[arg(required = true, value_name = "SERVER")]
    servers: Vec<ServerArg>,

    /// Where to listen on this machine; any free port of 127.0.0.1 if left out
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = address, conflicts_with = "socket")]
    listen: Option<SocketAddr>,

    /// Let --listen be an address that other machines reach: whoever gets hold of the secret there acts as you
    #[arg(long, requires = "listen")]
    expose_to_network: bool,

    /// Listen on a socket in a directory that only you can enter, instead of a port
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,

    /// Where to write the secret; a file of the state directory if left out
    #[arg(long, value_name = "FILE", conflicts_with = "socket")]
    secret_file: Option<PathBuf>,

    /// Take the secret also at the beginning of the path, for clients that cannot send a header: it may end up in their
    /// logs
    #[arg(long, conflicts_with = "socket")]
    secret_in_path: bool,

    /// Let pages of this origin in, such as <https://inspector.example>; may be repeated
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    allow_origin: Vec<String>,

    /// Pass on calls only of tools whose name matches this pattern, in which `*` stands for anything; may be repeated
    #[arg(long, value_name = "PATTERN")]
    allow_tool: Vec<Pattern>,

    /// Pass on no calls of such tools, whatever --allow-tool says; may be repeated
    #[arg(long, value_name = "PATTERN")]
    deny_tool: Vec<Pattern>,

    /// Pass on only such methods of MCP, and what is needed to speak at all; may be repeated
    #[arg(long, value_name = "PATTERN")]
    allow_method: Vec<Pattern>,

    /// Pass on at most so many requests to each server, such as 60/min, 5/s or 1000/h
    #[arg(long, value_name = "N/TIME")]
    rate: Option<Rate>,

    /// Tell at /metrics what was counted, in the format of Prometheus
    #[arg(long)]
    metrics: bool,

    #[command(flatten)]
    account: AccountArg,
}

impl ProxyArgs {
    pub(super) fn run(self, app: App) -> Result<(), Error> {
        let app = Arc::new(app);
        let request = self.request();
        let served = async {
            let running = proxy::start(Arc::clone(&app), request).await?;
            app.console.answer_as(&answer(&running), || urls(&running))?;
            app.console.say(&told(&running));
            running.serve(std::future::pending()).await
        };
        let served = async {
            tokio::select! {
                // First, so that nobody who has read the answer ends us before we know of it.
                biased;
                () = platform::interrupted() => Ok(()),
                served = served => served,
            }
        };
        http::block_on(served).map_err(|error| Error::Unforeseen(error.to_string()))?
    }

    fn request(self) -> ProxyRequest {
        let place = match (self.socket, self.listen) {
            (Some(path), _) => Place::Socket(path),
            (None, Some(address)) => Place::Address { address, exposed: self.expose_to_network },
            (None, None) => Place::default(),
        };
        ProxyRequest {
            place,
            secret_file: self.secret_file.map_or(SecretFile::Usual, SecretFile::At),
            secret_in_path: self.secret_in_path,
            origins: self.allow_origin,
            rules: Rules {
                tools: ToolFilter { allow: self.allow_tool, deny: self.deny_tool },
                methods: self.allow_method,
            },
            rate: self.rate,
            tells_metrics: self.metrics,
            ..ProxyRequest::new(self.servers, self.account.account)
        }
    }
}

/// Where to listen: an address with its port, `localhost`, or a port alone.
fn address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").unwrap_or(text).trim_start_matches(':');
    let local = || port.parse().ok().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let address = text.parse().ok().or_else(local);
    address.ok_or_else(|| "write it as 127.0.0.1:4000, or 4000".to_owned())
}

/// An origin, as browsers write it.
fn origin(text: &str) -> Result<String, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.origin(), Origin::Tuple(..)));
    let is_bare = |url: &Url| matches!(url.path(), "" | "/") && url.query().is_none();
    let url = url.filter(is_bare).ok_or("write it as https://inspector.example or http://localhost:6274")?;
    Ok(url.origin().ascii_serialization())
}

fn answer(running: &Running) -> Value {
    let server = |profile: &crate::config::ServerProfile| json!({ "name": profile.name, "url": running.url(&profile.name), "server": profile.url });
    json!({
        "url": running.origin(),
        "socket": running.socket(),
        "secret_file": running.secret_file(),
        "servers": running.servers().map(server).collect::<Vec<_>>(),
    })
}

fn urls(running: &Running) -> String {
    running.servers().map(|profile| running.url(&profile.name)).collect::<Vec<_>>().join("\n")
}

/// What every server answers, for curl.
const GREETING: &str = r#"-H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \
             -d '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"curl","version":"1"}}}' \
            "#;

/// How to be let in.
fn told(running: &Running) -> String {
    let first = running.servers().next().map(|profile| running.url(&profile.name)).unwrap_or_default();
    let path = |path: &Path| quoted(&path.display().to_string());
    let way = match (running.socket(), running.secret_file()) {
        (Some(socket), _) => format!("  try it:  curl --unix-socket {} {GREETING} {first}", path(socket)),
        (None, Some(file)) => format!(
            "  secret:  {}, to be sent as a bearer token; it ends with this process\n  \
             try it:  sed 's/^/Authorization: Bearer /' {} |\n             curl -H @- {GREETING} {}",
            path(file),
            path(file),
            quoted(&first)
        ),
        (None, None) => String::new(),
    };
    format!("the proxy listens on this machine\n{way}\n  stop:    Ctrl-C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_a_port_alone() {
        let local = |port| Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        assert_eq!(address("4000"), local(4000));
        assert_eq!(address("localhost:4000"), local(4000));
        assert_eq!(address("127.0.0.1:0"), local(0));
        assert_eq!(address("[::1]:1").map(|address| address.is_ipv6()), Ok(true));
        for wrong in ["", "x", "127.0.0.1", "evil.example:80", "70000"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_origin_is_one_and_no_more() {
        assert_eq!(origin("http://LOCALHOST:6274/"), Ok("http://localhost:6274".into()));
        assert_eq!(origin("https://a.example:443"), Ok("https://a.example".into()));
        for wrong in ["*", "null", "a.example", "https://a.example/x", "file:///"] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }
}
