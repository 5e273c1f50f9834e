//! A disk in trouble is found before the refresh token is spent: read-only, full, out of inodes, a limit on files, no
//! locks, errors as network file systems have them, a directory that is lost.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};

use crate::Outcome;
use crate::room::{Room, after};
use crate::scene::check;
use crate::settings::Size;
use crate::support::steps::eventually;
use crate::support::witness::run;
use crate::support::{Ran, World, call, finish};
use crate::troubles::{self, DATA, How, STATE, Trouble};

pub(crate) fn play(size: &Size) -> Outcome {
    Room::open()?;
    let troubles = troubles::all(size)?;
    let mut tally = Tally::default();
    for trouble in &troubles {
        let tried = catch_unwind(AssertUnwindSafe(|| withstand(size, trouble)));
        match tried.unwrap_or_else(|panic| Err(crate::words_of(&*panic))) {
            Ok(ending) => *tally.endings.entry(ending).or_default() += 1,
            Err(why) => tally.failures.push(format!("{}: {why}", trouble.name)),
        }
    }
    tally.outcome(troubles.len())
}

#[derive(Default)]
struct Tally {
    endings: BTreeMap<Ending, u32>,
    failures: Vec<String>,
}

/// What a trouble led to, all of which is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    /// Nothing was asked of the issuer.
    Refused,
    /// It came too late for that: the issuer's answer was kept where the next process finds it.
    Kept,
    /// It did not matter: the login was refreshed and is whole.
    Managed,
}

impl Tally {
    fn outcome(self, all: usize) -> Outcome {
        let count = |ending| self.endings.get(&ending).copied().unwrap_or(0);
        if self.failures.is_empty() {
            return Ok(format!(
                "{all} troubles: {} refused with exit 7 before the refresh token was spent, the record whole; {} came \
                 after it and left the answer to the next process; {} did not matter; all logins well afterwards",
                count(Ending::Refused),
                count(Ending::Kept),
                count(Ending::Managed),
            ));
        }
        Err(format!("{} of {all} troubles:\n  {}", self.failures.len(), self.failures.join("\n  ")))
    }
}

/// A disk with somebody's two logins: one whose token lives, one whose token has ended.
struct Disk {
    world: World,
    token: String,
    room: Option<Room>,
}

impl Disk {
    fn new(size: &Size) -> Self {
        let world = size.world(SandboxOptions { access_lifetime: 0, ..SandboxOptions::default() });
        world.login(&[]).succeeded();
        world.sandbox.change(|options| options.access_lifetime = 3600);
        world.login(&["--account", "fresh"]).succeeded();
        let token = world.token(&["--account", "fresh"]);
        Self { world, token, room: None }
    }

    /// Runs a script where the trouble is.
    fn script(&self, directory: &str, script: &str) -> Result<(), String> {
        let Some(room) = &self.room else { return Ok(()) };
        let home = self.world.home().display();
        room.run(&format!("umask 077; d={home}/{directory}; out={home}/aside; {script}"))
    }

    /// A command where the trouble is, with words before it.
    fn command(&self, words: &[String], args: &[&str]) -> Command {
        let own = self.world.command(args);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let own = if words.is_empty() { own } else { after(&words, &own) };
        match &self.room {
            Some(room) => room.inside(&own),
            None => own,
        }
    }

    /// The records, byte for byte, as they are where the trouble is.
    fn records(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let logins = self.world.home().join(DATA).join("logins");
        let logins = self.room.as_ref().map_or(logins.clone(), |room| room.path(&logins));
        let entries = fs::read_dir(logins).into_iter().flatten().flatten();
        entries.filter_map(|entry| Some((entry.file_name().into(), fs::read(entry.path()).ok()?))).collect()
    }

    /// Asks for all three: a token in place of one that has ended, the one that lives, and a new one in its place.
    fn refreshes(&self, words: &[String], must_refuse: bool) -> Result<Ending, String> {
        let ended = self.refreshes_or_refuses(words, &["token", "box"])?;
        // What is handed out is written, too; there the disk has no part in it.
        if !words.iter().any(|word| word.contains("inject=write:")) {
            self.hands_out_what_lives(words)?;
        }
        let insisted = ["token", "box", "--account", "fresh", "--force-refresh"];
        let insisted =
            self.refreshes_or_refuses(words, &insisted).map_err(|why| format!("insisted: {why}"))?;
        let worst = ended.min(insisted);
        check(!must_refuse || (ended, insisted) == (Ending::Refused, Ending::Refused), || {
            format!("it was not refused: {ended:?}, {insisted:?}")
        })?;
        Ok(worst)
    }

    /// Refreshes, and does something when the issuer has spent the refresh token and not yet answered.
    fn refreshes_while(&self, make: impl FnOnce(&Self) -> Result<(), String>) -> Result<Ending, String> {
        let sandbox = &self.world.sandbox;
        // Long enough for a script; nobody waits for it but the one who is to wait.
        let late = Fault::LateAnswer { endpoint: Endpoint::Token, milliseconds: 800 };
        sandbox.change(|options| options.faults = vec![late]);
        let (before, mut command) = (sandbox.books().refreshes, self.command(&[], &["token", "box"]));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.map_err(|error| error.to_string())?;
        eventually(|| sandbox.books().refreshes > before);
        make(self)?;
        let ran = finish(child, String::new());
        sandbox.change(|options| options.faults.clear());
        self.ending(&ran, 1)
    }

    /// Refreshing is refused before anything is lost, or it succeeds in full.
    fn refreshes_or_refuses(&self, words: &[String], args: &[&str]) -> Result<Ending, String> {
        let (before, records) = (self.world.sandbox.books(), self.records());
        let ran = run(self.command(words, args), "");
        let books = self.world.sandbox.books();
        let spent = books.refresh_attempts - before.refresh_attempts;
        let ending = self.ending(&ran, spent)?;
        let is_old = ending != Ending::Refused || self.records() == records;
        check(is_old, || "a record has changed".into())?;
        Ok(ending)
    }

    /// What came of a refresh that asked the issuer so often.
    fn ending(&self, ran: &Ran, spent: u64) -> Result<Ending, String> {
        if ran.exit == 0 {
            let status = call(&self.world.url(), ran.stdout.trim_end());
            check(status == 200, || format!("false success, the server answers {status}: {ran:?}"))?;
            return Ok(Ending::Managed);
        }
        check(ran.exit == 7, || format!("not exit 7: {ran:?}"))?;
        check(ran.stdout.is_empty() && ran.stderr.contains("error: "), || format!("{ran:?}"))?;
        check(ran.stderr.contains("hint: ") && !ran.stderr.contains("panicked"), || format!("{ran:?}"))?;
        if spent == 0 {
            return Ok(Ending::Refused);
        }
        let kept = self.holds_an_answer();
        check(spent == 1 && kept, || format!("spent by {spent} attempts, and no answer is kept: {ran:?}"))?;
        Ok(Ending::Kept)
    }

    /// Whether a journal has the issuer's answer for the next process.
    fn holds_an_answer(&self) -> bool {
        let state = self.world.home().join(STATE);
        let aside = self.world.home().join("aside");
        let journals = [state, aside.clone(), aside.join("state/mcpauth")].map(|path| path.join("journals"));
        let inside = |path: &PathBuf| self.room.as_ref().map_or(path.clone(), |room| room.path(path));
        let entries =
            journals.iter().flat_map(|path| fs::read_dir(inside(path)).into_iter().flatten().flatten());
        let lines = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').count();
        entries.filter_map(|entry| fs::read(entry.path()).ok()).any(|bytes| lines(&bytes) > 2)
    }

    /// The token that still lives is handed out as if nothing were wrong.
    fn hands_out_what_lives(&self, words: &[String]) -> Result<(), String> {
        let attempts = self.world.sandbox.books().refresh_attempts;
        let ran = run(self.command(words, &["token", "box", "--account", "fresh"]), "");
        check(ran.exit == 0 && ran.stdout.trim_end() == self.token, || format!("the living token: {ran:?}"))?;
        check(self.world.sandbox.books().refresh_attempts == attempts, || "it was refreshed".into())
    }

    /// With the disk well again everything works, and nothing was lost on the way.
    fn is_whole(&self) -> Result<(), String> {
        for account in ["default", "fresh"] {
            let ran = run(self.world.command(&["token", "box", "--account", account, "--force-refresh"]), "");
            check(ran.exit == 0, || format!("afterwards, {account}: {ran:?}"))?;
            let status = call(&self.world.url(), ran.stdout.trim_end());
            check(status == 200, || format!("afterwards, {account}: the server answers {status}"))?;
        }
        let books = self.world.sandbox.books();
        check(books.reuses == 0, || format!("{} refresh tokens were spent twice", books.reuses))?;
        check(books.families.iter().all(|family| family.alive), || "a family has ended".into())?;
        let left = leftovers(&self.world.home().join(".local"));
        check(left.is_empty(), || format!("left behind: {left:?}"))
    }
}

/// One trouble, from a good state through it to a good state.
fn withstand(size: &Size, trouble: &Trouble) -> Result<Ending, String> {
    let mut disk = Disk::new(size);
    let ending = match &trouble.how {
        How::Mounted { directory, make, end } => {
            disk.room = Some(Room::open()?);
            disk.script(directory, make)?;
            let ending = disk.refreshes(&[], trouble.must_refuse)?;
            disk.script(directory, end)?;
            ending
        }
        How::Limited(words) => disk.refreshes(words, trouble.must_refuse)?,
        How::InFlight { directory, prepare, make, end } => {
            disk.room = Some(Room::open()?);
            disk.script(directory, prepare)?;
            let ending = disk.refreshes_while(|disk| disk.script(directory, make))?;
            disk.script(directory, end)?;
            ending
        }
    };
    disk.is_whole()?;
    Ok(ending)
}

/// Temporary files that were not tidied up.
fn leftovers(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(leftovers(&path));
        } else if path.extension().is_some_and(|extension| extension == "tmp") {
            found.push(path);
        }
    }
    found
}
