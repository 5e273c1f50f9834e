//! `mcpauth audit`: what happened with the logins, and whether that record holds together.

use std::io;
use std::ops::ControlFlow;

use crate::audit::{Break, Line, Verdict};
use crate::error::Error;
use crate::flows::App;
use crate::flows::trail::{self, Entry, Wish};
use crate::model::{Name, ServerArg};
use crate::peer_text::PeerText;

/// Show who signed in, who got a token, what was refreshed and revoked
///
/// One line for each event, the oldest first: when, what, which login, who asked, and how it ended. With --json
/// the lines are those of the log: one JSON object each. Of a token there is only a keyed fingerprint.
#[derive(clap::Args)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    action: Option<Action>,

    /// Only the events of this server
    #[arg(long, value_name = "SERVER")]
    server: Option<ServerArg>,

    /// Only the events of this account
    #[arg(long, value_name = "NAME")]
    account: Option<Name>,

    /// Only the newest so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// Go on with each event as it comes, until Ctrl-C
    #[arg(long)]
    follow: bool,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Check that no line of the log was changed, taken out or put in
    ///
    /// Each line names the hash of the line before. A log that lost its newest lines still holds together, and so
    /// does one that somebody wrote anew as a whole: against that only a copy elsewhere helps.
    Verify,
}

impl AuditArgs {
    pub(super) fn run(self, app: &App) -> Result<(), Error> {
        if let Some(Action::Verify) = self.action {
            return verify(app);
        }
        let server = Wish::server(app, self.server)?;
        let wish = Wish { server, account: self.account, limit: self.limit };
        if self.follow {
            return trail::follow(app, &wish, |entry| show(app, entry));
        }
        let entries = trail::events(app, &wish)?;
        if entries.is_empty() && !app.console.tone().json {
            let is_all = wish.server.is_none() && wish.account.is_none() && wish.limit.is_none();
            let of_that = if is_all { "" } else { " of that" };
            app.console.say(&format!("nothing{of_that} was written down yet"));
        }
        let ended = entries.iter().find_map(|entry| show(app, entry).break_value());
        ended.unwrap_or(Ok(()))
    }
}

/// Shows one event, unless nobody reads any more.
fn show(app: &App, entry: &Entry) -> ControlFlow<Result<(), Error>> {
    let text = if app.console.tone().json { entry.text.clone() } else { in_words(&entry.line) };
    match app.ports.terminal.write_answer(&format!("{text}\n")) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ControlFlow::Break(Ok(())),
        Err(error) => ControlFlow::Break(Err(Error::AnswerLost(error))),
    }
}

/// When, what, which login, who, and how it ended. The file may have been written by anybody, so nothing of it is
/// shown as it is.
fn in_words(line: &Line) -> String {
    let safe = |text: &str| PeerText::from(text).to_string();
    let login = match line.account.as_str() {
        "default" => safe(&line.server),
        account => safe(&format!("{}/{account}", line.server)),
    };
    let parents = line.parents.iter().rev().map(|process| safe(&process.program));
    // Where a command is started, the token goes there and not to whoever asked.
    let started = line.to.iter().filter(|_| line.command == "exec").map(|to| safe(to));
    let chain = parents.chain([format!("mcpauth {}", safe(&line.command))]).chain(started);
    let chain = chain.collect::<Vec<_>>().join(" > ");
    format!("{}  {:17}  {login:20}  {chain}  {}", safe(&line.time), safe(&line.event), safe(&result(line)))
}

fn result(line: &Line) -> String {
    let result = match line.exit {
        0 => line.result.clone(),
        exit => format!("{} ({exit})", line.result),
    };
    let ended: Vec<_> = line.ended.iter().map(|(what, how)| format!("{what} {how}")).collect();
    let ended = Some(ended.join(", ")).filter(|ended| !ended.is_empty());
    let overrides = Some(line.overrides.join(" ")).filter(|overrides| !overrides.is_empty());
    [Some(result), ended, line.reason.clone(), overrides].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

fn verify(app: &App) -> Result<(), Error> {
    let verdict = trail::verify(app)?;
    app.console.answer_as(&verdict, || told(&verdict))?;
    match verdict.breaks.as_slice() {
        [] => Ok(()),
        breaks => Err(Error::BrokenLog(breaks.len())),
    }
}

fn told(verdict: &Verdict) -> String {
    let Verdict { lines, first, last, breaks } = verdict;
    let place = |at: &Break| format!("{}:{}: {}", at.file, at.line, at.why);
    match (first, last) {
        _ if !breaks.is_empty() => breaks.iter().map(place).collect::<Vec<_>>().join("\n"),
        (Some(first), Some(last)) => format!(
            "{lines} lines hold together, number {first} to {last}; whether newer ones were taken away cannot be seen"
        ),
        _ => "no lines yet".into(),
    }
}
