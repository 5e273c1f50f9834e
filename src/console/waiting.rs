//! Showing that something is awaited, and how much time is left.
//!
//! A spinner redraws its line. Where a person may type meanwhile, that would wipe out what was typed, so there the
//! line is a prompt: only its own words are redrawn, and the cursor goes back behind them.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Terminal;

/// How often the time is told anew.
const TICK: Duration = Duration::from_millis(250);
/// What turns.
const SPOKES: [&str; 6] = ["⠋", "⠙", "⠸", "⠴", "⠦", "⠇"];
/// The control sequences of every terminal since the VT100.
const SAVE_CURSOR: &str = "\u{1b}7";
const RESTORE_CURSOR: &str = "\u{1b}8";
const CLEAR_LINE: &str = "\r\u{1b}[K";

/// What stands on the screen while something is awaited. Clears its line when it is dropped.
pub struct Waiting(Shown);

enum Shown {
    Nothing,
    Spinner(indicatif::ProgressBar),
    Prompt { lines: Option<Sender<()>>, painter: Option<JoinHandle<()>> },
}

impl Waiting {
    /// Off a terminal.
    pub(super) fn unseen() -> Self {
        Self(Shown::Nothing)
    }

    /// A line that nobody types behind.
    pub(super) fn spinner(what: &str, until: Instant) -> Self {
        let left = move |_: &indicatif::ProgressState, text: &mut dyn std::fmt::Write| {
            let _ = text.write_str(&time_left(until));
        };
        let style = indicatif::ProgressStyle::with_template("{spinner:.cyan} {msg} ({time_left} left)")
            .unwrap_or_else(|_| indicatif::ProgressStyle::default_spinner())
            .with_key("time_left", left);
        let spinner = indicatif::ProgressBar::new_spinner().with_style(style).with_message(what.to_owned());
        spinner.enable_steady_tick(TICK);
        Self(Shown::Spinner(spinner))
    }

    /// A line behind which a person may type: what is awaited, the time, what may be typed.
    pub(super) fn prompt(terminal: Arc<dyn Terminal>, words: PromptWords) -> Self {
        let (lines, typed) = mpsc::channel();
        let painter = thread::spawn(move || words.paint(terminal.as_ref(), &typed));
        Self(Shown::Prompt { lines: Some(lines), painter: Some(painter) })
    }

    /// To be called when a line was typed and the waiting goes on: the prompt stands on a new line then.
    pub fn go_on(&self) {
        if let Shown::Prompt { lines: Some(lines), .. } = &self.0 {
            // The painter listens for as long as this lives.
            let _ = lines.send(());
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        match &mut self.0 {
            Shown::Nothing => {}
            Shown::Spinner(spinner) => spinner.finish_and_clear(),
            Shown::Prompt { lines, painter } => {
                drop(lines.take());
                // Whatever is said next must not be painted over.
                let _ = painter.take().map(JoinHandle::join);
            }
        }
    }
}

/// The words of a prompt.
pub(super) struct PromptWords {
    pub(super) what: String,
    pub(super) until: Instant,
    pub(super) instead: String,
    pub(super) colorless: bool,
}

impl PromptWords {
    /// Paints until the sender is gone; each message is a line that was typed.
    fn paint(&self, terminal: &dyn Terminal, typed: &Receiver<()>) {
        // What is typed stands behind the first words; later ones, with fewer digits, have to reach as far.
        let width = self.text().chars().count();
        let mut spokes = SPOKES.into_iter().cycle();
        let mut line = || {
            let spoke = spokes.next().unwrap_or_default();
            let spoke = if self.colorless { spoke.into() } else { format!("\u{1b}[36m{spoke}\u{1b}[0m") };
            format!("\r{spoke} {:width$}", self.text())
        };
        let _ = terminal.write_talk(&line());
        loop {
            let text = match typed.recv_timeout(TICK) {
                Ok(()) => line(),
                // On a narrow screen the words flow into a second line, and it would be one more with every tick.
                Err(RecvTimeoutError::Timeout) if width + 2 >= columns() => continue,
                Err(RecvTimeoutError::Timeout) => format!("{SAVE_CURSOR}{}{RESTORE_CURSOR}", line()),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let _ = terminal.write_talk(&text);
        }
        let _ = terminal.write_talk(CLEAR_LINE);
    }

    fn text(&self) -> String {
        format!("{} ({} left), {}: ", self.what, time_left(self.until), self.instead)
    }
}

/// How wide the terminal is now.
pub(super) fn columns() -> usize {
    dialoguer::console::Term::stderr().size().1.into()
}

fn time_left(until: Instant) -> String {
    let seconds = until.saturating_duration_since(Instant::now()).as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
