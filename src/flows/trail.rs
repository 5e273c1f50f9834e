//! Looking at the log of what happened.

use std::ops::ControlFlow;
use std::time::Duration;

use super::App;
use crate::audit::{self, Follower, Line, Log, Verdict};
use crate::error::Error;
use crate::http;
use crate::model::{Name, ServerArg};
use crate::platform;

/// How often it is looked whether the log has grown.
const BETWEEN: Duration = Duration::from_millis(200);
/// How many times in a row reading may fail: where a line is just being written, some systems let nobody read.
const FAILURES: u32 = 10;

/// Which events are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Those of this server.
    pub server: Option<Name>,
    /// Those of this account.
    pub account: Option<Name>,
    /// The newest so many of those that are there.
    pub limit: Option<usize>,
}

impl Wish {
    /// Takes a server as it was named. Its profile need not be there any more: the log remembers longer.
    pub fn server(app: &App, server: Option<ServerArg>) -> Result<Option<Name>, Error> {
        match server {
            Some(ServerArg::Name(name)) => Ok(Some(name)),
            Some(url) => app.profile(Some(&url)).map(|profile| Some(profile.name)),
            None => Ok(None),
        }
    }

    fn is_met(&self, line: &Line) -> bool {
        let is = |wanted: &Option<Name>, own: &str| {
            wanted.as_ref().is_none_or(|name| name.as_str().eq_ignore_ascii_case(own))
        };
        is(&self.server, &line.server) && is(&self.account, &line.account)
    }

    fn choose(&self, lines: Vec<String>) -> Vec<Entry> {
        let read = |text: String| Some(Entry { line: Line::parse(text.as_bytes())?, text });
        lines.into_iter().filter_map(read).filter(|entry| self.is_met(&entry.line)).collect()
    }

    fn newest(&self, mut entries: Vec<Entry>) -> Vec<Entry> {
        let surplus = self.limit.map_or(0, |limit| entries.len().saturating_sub(limit));
        entries.drain(..surplus);
        entries
    }
}

/// One event.
pub struct Entry {
    /// The line as it stands in the log.
    pub text: String,
    /// The same, read.
    pub line: Line,
}

/// The events that are there, the oldest first.
pub fn events(app: &App, wish: &Wish) -> Result<Vec<Entry>, Error> {
    let lines = log(app).lines()?;
    let all = lines.len();
    let read = lines.iter().filter(|text| Line::parse(text.as_bytes()).is_some()).count();
    if read < all {
        app.console.warn(&format!(
            "{} of {all} lines cannot be read; `mcpauth audit verify` says where they stand",
            all - read
        ));
    }
    Ok(wish.newest(wish.choose(lines)))
}

/// Shows the events that are there and then each that comes, once, until the person interrupts it or nobody looks.
pub fn follow(
    app: &App,
    wish: &Wish,
    mut show: impl FnMut(&Entry) -> ControlFlow<Result<(), Error>>,
) -> Result<(), Error> {
    let mut follower = Follower::new(log(app));
    let first = follower.read_on()?;
    for entry in wish.newest(wish.choose(first)) {
        if let ControlFlow::Break(end) = show(&entry) {
            return end;
        }
    }
    let following = async {
        tokio::select! {
            () = platform::interrupted() => Ok(()),
            end = go_on(wish, &mut follower, &mut show) => end,
        }
    };
    http::block_on(following).map_err(|error| Error::Unforeseen(error.to_string()))?
}

async fn go_on(
    wish: &Wish,
    follower: &mut Follower,
    show: &mut impl FnMut(&Entry) -> ControlFlow<Result<(), Error>>,
) -> Result<(), Error> {
    let mut failures = 0;
    loop {
        tokio::time::sleep(BETWEEN).await;
        match follower.read_on() {
            Ok(lines) => {
                failures = 0;
                for entry in wish.choose(lines) {
                    if let ControlFlow::Break(end) = show(&entry) {
                        return end;
                    }
                }
            }
            Err(error) if failures == FAILURES => return Err(error.into()),
            Err(_) => failures += 1,
        }
    }
}

/// Whether the log holds together.
pub fn verify(app: &App) -> Result<Verdict, Error> {
    Ok(audit::check(&log(app))?)
}

fn log(app: &App) -> Log {
    Log::new(app.config.places())
}
