//! `bridge`: a host that speaks MCP over standard input and output, and a server somewhere else.

mod answer;
mod budget;
pub(super) mod host;
mod pace;
mod provisional;
mod session;
mod streamable;
mod translation;
mod way;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::LocalSet;

use self::host::Host;
use self::streamable::Streamable;
use self::translation::Translation;
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
    let relay = Relay::new(Arc::clone(&app), &profile, &request.account);
    let attempt = Attempt::new(app, profile, request.account, request.policy);
    let way = Arc::new(Way::new(relay, attempt));
    let unforeseen = |error: &dyn ToString| Error::Unforeseen(error.to_string());
    let story = async {
        let (input, output) = platform::take_streams().map_err(|error| unforeseen(&error))?;
        let host = Arc::new(Host::default());
        let upstream = Upstream::new(way, Arc::clone(&host), request.filter.clone(), request.translate);
        let bridge = Bridge { host, filter: request.filter, upstream };
        LocalSet::new().run_until(bridge.run(input, output)).await;
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

/// The server's side.
enum Upstream {
    /// The host speaks to it as it is.
    Plain(Rc<Streamable>),
    /// Somebody stands between.
    Translated(Rc<Translation>),
}

impl Upstream {
    fn new(way: Arc<Way>, host: Arc<Host>, filter: ToolFilter, translate: bool) -> Self {
        if translate {
            return Self::Translated(Translation::new(way, host, filter));
        }
        Self::Plain(Streamable::new(way, host, filter, true))
    }

    async fn take(&self, message: Message) {
        match self {
            Self::Plain(server) => server.take(message).await,
            Self::Translated(server) => server.take(message).await,
        }
    }

    /// Passes on what the server says, where that does not go by itself.
    async fn run(&self) {
        match self {
            Self::Plain(_) => std::future::pending().await,
            Self::Translated(server) => server.run().await,
        }
    }

    async fn close(&self) {
        match self {
            Self::Plain(server) => server.close().await,
            Self::Translated(server) => server.close().await,
        }
    }
}

impl Bridge {
    async fn run(&self, mut input: Stream, output: Stream) {
        let writing = self.host.write_to(output);
        tokio::pin!(writing);
        let is_written = tokio::select! {
            _ = &mut writing => true,
            () = self.listen(&mut input) => false,
            () = self.upstream.run() => false,
            () = platform::interrupted() => false,
            () = orphaned() => false,
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
