//! `bridge`: a host that speaks MCP over standard input and output, and a server somewhere else.

mod answer;
mod budget;
pub(super) mod host;
mod legacy;
mod pace;
mod provisional;
mod session;
mod standing;
mod streamable;
mod translation;
mod upstream;
mod way;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{LocalSet, spawn_local};

use self::host::Host;
use self::standing::Ends;
use self::upstream::Upstream;
use self::way::Way;
use super::App;
use super::attempt::{Attempt, Policy};
use super::relay::Relay;
use crate::config::ServerProfile;
use crate::error::Error;
use crate::http;
use crate::mcp::lines::{LINE_LIMIT, Line, LineReader};
use crate::mcp::message::{self, INVALID_REQUEST, Message};
use crate::mcp::tool_filter::ToolFilter;
use crate::model::{Name, ServerArg};
use crate::platform::{self, Stream};

/// How long a host that says no more may still wait for answers.
const GRACE: Duration = Duration::from_millis(1500);
/// How often it is looked whether whoever started us is still there.
const PARENT: Duration = Duration::from_secs(2);

/// What is to be bridged.
pub struct BridgeRequest {
    /// The server; one that nobody has signed in to yet can be named by its URL.
    pub server: Option<ServerArg>,
    /// The account there.
    pub account: Name,
    /// Whether a browser may be opened.
    pub policy: Policy,
    /// Which tools the host sees and may call.
    pub filter: ToolFilter,
    /// Whether a host of one era may use a server of the other.
    pub translate: bool,
}

/// Passes messages to and fro until the host or a signal ends it.
pub fn bridge(app: App, request: BridgeRequest) -> Result<(), Error> {
    let app = Arc::new(app);
    let profile = profile(&app, request.server.as_ref())?;
    let relay = Relay::standing(Arc::clone(&app), &profile, &request.account);
    let attempt = Attempt::new(app, profile, request.account, request.policy);
    let way = Arc::new(Way::new(relay, attempt));
    let unforeseen = |error: &dyn ToString| Error::Unforeseen(error.to_string());
    let story = async {
        let (input, output) = platform::take_streams().map_err(|error| unforeseen(&error))?;
        let host = Arc::new(Host::default());
        let ends = Ends { way, host: Arc::clone(&host), filter: request.filter.clone() };
        let run = async {
            let upstream = Upstream::new(ends, request.translate);
            Bridge { host, filter: request.filter, upstream }.run(input, output).await;
        };
        LocalSet::new().run_until(run).await;
        Ok(())
    };
    http::block_on(story).map_err(|error| unforeseen(&error))?
}

/// The profile of the server, or what it will be once somebody has signed in.
fn profile(app: &App, server: Option<&ServerArg>) -> Result<ServerProfile, Error> {
    match server {
        Some(ServerArg::Url(url)) => match app.config.find(&ServerArg::Url(url.clone()))? {
            Some(profile) => Ok(profile),
            None => Ok(ServerProfile::new(app.config.name_for(url)?, url.clone())),
        },
        named => app.profile(named),
    }
}

/// A host and a server.
struct Bridge {
    host: Arc<Host>,
    filter: ToolFilter,
    upstream: Upstream,
}

impl Bridge {
    async fn run(&self, mut input: Stream, output: Stream) {
        let host = Arc::clone(&self.host);
        // Beside the tasks that deliver: what they leave is written before anybody asks the system for more.
        let mut writing = spawn_local(async move { host.write_to(output).await });
        // Not asked each time a message passes.
        let ending = spawn_local(async {
            tokio::select! {
                () = platform::interrupted() => {}
                () = orphaned() => {}
            }
        });
        let is_written = tokio::select! {
            _ = &mut writing => true,
            () = self.listen(&mut input) => false,
            () = self.upstream.run() => false,
            _ = ending => false,
        };
        self.upstream.close().await;
        self.host.end();
        if !is_written {
            // A host that does not read any more does not keep us.
            let _ = tokio::time::timeout(GRACE, writing).await;
        }
    }

    /// Takes what the host says until it says no more, and for a moment waits for what it has not been answered.
    async fn listen(&self, input: &mut Stream) {
        let mut lines = LineReader::default();
        while let Ok(Some(line)) = lines.next(input).await {
            match line {
                Line::Whole(bytes) => match Message::read(bytes) {
                    Ok(message) => self.take(message).await,
                    Err(malformed) => self.complain(malformed.code(), &malformed.to_string()).await,
                },
                Line::TooLong => {
                    let why = format!("a message has more than {LINE_LIMIT} bytes");
                    self.complain(INVALID_REQUEST, &why).await;
                }
            }
        }
        let _ = tokio::time::timeout(GRACE, self.host.answered()).await;
    }

    async fn take(&self, message: Message) {
        self.host.asks(&message);
        if let Some(id) = message::cancelled(&message) {
            self.host.forget(&id);
        }
        if let Some(refusals) = self.filter.refusals(&message) {
            for refusal in refusals {
                self.host.deliver(&refusal).await;
            }
            return;
        }
        self.upstream.take(message).await;
    }

    async fn complain(&self, code: i64, why: &str) {
        self.host.deliver(&message::failure(None, code, why)).await;
    }
}

/// Waits until whoever started us has gone: a host that was killed may have left our input open with somebody else.
pub(super) async fn orphaned() {
    let first = platform::parent();
    loop {
        tokio::time::sleep(PARENT).await;
        if platform::parent() != first {
            return;
        }
    }
}
