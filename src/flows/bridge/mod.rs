//! `bridge`: a host that speaks MCP over standard input and output, and a server somewhere else.

mod answer;
mod budget;
mod endpoint;
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
use tokio::time::Instant;

use self::upstream::Upstream;
use self::way::Way;
use super::App;
use super::attempt::Policy;
use super::host::{Host, orphaned};
use crate::config::ServerProfile;
use crate::error::Error;
use crate::http;
use crate::mcp::message::{self, Message};
use crate::mcp::tool_filter::ToolFilter;
use crate::model::{Name, ServerArg};
use crate::platform::{self, Stream};

/// How long a host that says no more may still wait for answers.
const GRACE: Duration = Duration::from_secs(1);
/// How long everything may take that is still to be done then: hosts kill what does not end within two seconds.
const ENDING: Duration = Duration::from_millis(1900);
const _: () = assert!(GRACE.as_millis() < ENDING.as_millis() && ENDING.as_millis() < 2000);

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

/// Passes messages to and fro until the host or a signal ends it. Where it cannot be told which server is meant the host
/// hears that in answer to whatever it asks: of a program that ends at once most hosts say no more than that.
pub fn bridge(app: App, request: BridgeRequest) -> Result<(), Error> {
    // Before anything else, so that there is little time in which it can go unseen.
    let parent = platform::parent();
    let app = Arc::new(app);
    let is_for_person = app.ports.terminal.is_interactive();
    let way = match way(app, &request) {
        Err(error) if is_for_person => return Err(error),
        way => way,
    };
    let unforeseen = |error: &dyn ToString| Error::Unforeseen(error.to_string());
    let story = async {
        let (input, output) = platform::take_streams().map_err(|error| unforeseen(&error))?;
        let host = Arc::new(Host::default());
        let run = async {
            let upstream = Upstream::new(way, &host, &request);
            let bridge = Bridge { parent, host, filter: request.filter, upstream };
            bridge.run(input, output).await;
            bridge.upstream.outcome()
        };
        LocalSet::new().run_until(run).await
    };
    http::block_on(story).map_err(|error| unforeseen(&error))?
}

/// The way to the server that is meant.
fn way(app: Arc<App>, request: &BridgeRequest) -> Result<Arc<Way>, Error> {
    let (profile, has_profile) = profile(&app, request.server.as_ref())?;
    if request.translate && profile.url.is_websocket() {
        return Err(no_translation(&profile));
    }
    Ok(Arc::new(Way::new(app, profile, has_profile, request.account.clone(), request.policy)))
}

/// Revision 2026-07-28 has no WebSocket, so there is nobody to translate for.
fn no_translation(profile: &ServerProfile) -> Error {
    Error::Usage {
        message: format!(
            "--translate is for servers at http and https, and {} is behind a WebSocket",
            profile.name
        ),
        hint: format!("leave it out: `mcpauth bridge {}`", profile.url),
    }
}

/// The profile of the server, or what it will probably be once somebody has signed in; and which of them it is.
fn profile(app: &App, server: Option<&ServerArg>) -> Result<(ServerProfile, bool), Error> {
    match server {
        Some(ServerArg::Url(url)) => match app.config.find(&ServerArg::Url(url.clone()))? {
            Some(profile) => Ok((profile, true)),
            None => Ok((ServerProfile::new(app.config.name_for(url)?, url.clone()), false)),
        },
        named => app.profile(named).map(|profile| (profile, true)),
    }
}

/// A host and a server.
struct Bridge {
    /// Whoever started us.
    parent: Option<u32>,
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
        let parent = self.parent;
        let ending = spawn_local(async move {
            tokio::select! {
                () = platform::interrupted() => {}
                () = orphaned(parent) => {}
            }
        });
        let (is_written, ended) = tokio::select! {
            _ = &mut writing => (true, Instant::now()),
            ended = self.listen(&mut input) => (false, ended),
            () = self.upstream.run() => (false, Instant::now()),
            _ = ending => (false, Instant::now()),
        };
        self.host.end();
        let rest = async {
            if !is_written {
                let _ = writing.await;
            }
        };
        // Neither does a server keep us that takes no leave, nor a host that does not read any more.
        let leaving = async { tokio::join!(self.upstream.close(), rest) };
        let _ = tokio::time::timeout_at(ended + ENDING, leaving).await;
    }

    /// Takes what the host says, and for a moment waits for what it has not been answered. Tells when it said no more.
    async fn listen(&self, input: &mut Stream) -> Instant {
        self.host.listen(input, async |message| self.take(message).await).await;
        let ended = Instant::now();
        let _ = tokio::time::timeout_at(ended + GRACE, self.host.answered()).await;
        ended
    }

    async fn take(&self, message: Message) {
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
}
