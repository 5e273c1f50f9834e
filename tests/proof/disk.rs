//! A disk in trouble is found before the refresh token is spent: read-only, full, out of inodes, a limit on files, no
//! locks, errors as network file systems have them, a directory that is lost.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use mcpauth::sandbox::SandboxOptions;

use crate::room::{Room, after};
use crate::size::{Outcome, Size};
use crate::strace::{Call, Watch, traced};
use crate::support::witness::run;
use crate::support::{Ran, World, call};

const DATA: &str = ".local/share/mcpauth";
const STATE: &str = ".local/state/mcpauth";
const BOTH: &str = ".local";

/// Something wrong with the disk.
struct Trouble {
    name: String,
    how: How,
    /// Whether nothing but a refusal will do; otherwise a refresh that manages all the same is as good.
    must_refuse: bool,
}

enum How {
    /// Scripts that make it and end it, in a room of their own; `$d` is the directory.
    Mounted { directory: &'static str, make: String, end: String },
    /// Words before the command.
    Limited(Vec<String>),
}

pub(crate) fn run_all(_size: &Size) -> Outcome {
    Room::open()?;
    let mut troubles = mounted();
    troubles.extend(limits());
    troubles.extend(injected()?);
    let mut tally = Tally::default();
    for trouble in &troubles {
        let tried = catch_unwind(AssertUnwindSafe(|| withstand(trouble)));
        match tried.unwrap_or_else(|panic| Err(words_of(&*panic))) {
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

/// What a trouble led to, both of which are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    /// Nothing was asked of the issuer.
    Refused,
    /// It did not matter: the login was refreshed and is whole.
    Managed,
}

impl Tally {
    fn outcome(self, all: usize) -> Outcome {
        let count = |ending| self.endings.get(&ending).copied().unwrap_or(0);
        if self.failures.is_empty() {
            let (refused, managed) = (count(Ending::Refused), count(Ending::Managed));
            return Ok(format!(
                "{all} troubles: {refused} refused before the refresh token was spent, the record whole; {managed} did \
                 not matter; all well afterwards"
            ));
        }
        Err(format!("{} of {all} troubles:\n  {}", self.failures.len(), self.failures.join("\n  ")))
    }
}

/// What a panic said.
fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

/// File systems in trouble.
fn mounted() -> Vec<Trouble> {
    let mut troubles = Vec::new();
    for directory in [DATA, STATE, BOTH] {
        let mut add = |name: &str, must_refuse, make: String, end: &str| {
            let how = How::Mounted { directory, make, end: end.to_owned() };
            troubles.push(Trouble { name: format!("{name} {directory}"), how, must_refuse });
        };
        let read_only = "mount --bind $d $d; mount -o remount,bind,ro $d";
        add("read-only", true, read_only.into(), "umount $d");
        let free =
            "rm $d/filler*; rm -rf $out; mkdir -m 700 $out; cp -a $d/. $out; umount $d; cp -a $out/. $d";
        add("full", true, small("size=64k", FILL), free);
        // Room for some of what a refresh writes: found out in time, or enough.
        for pages in 1..=4 {
            let leave = format!("{FILL}; truncate -s -{} $d/filler", pages * 4096);
            add(&format!("{pages} pages left in"), false, small("size=64k", &leave), free);
        }
        let fill = "n=0; while touch $d/filler.$n 2>/dev/null; do n=$((n+1)); done";
        add("no inodes in", true, small("size=1m,nr_inodes=64", fill), free);
        for left in 1..=3 {
            let mut leave = fill.to_owned();
            for number in 0..left {
                leave += &format!("; rm $d/filler.{number}");
            }
            add(&format!("{left} inodes left in"), false, small("size=1m,nr_inodes=64", &leave), free);
        }
    }
    troubles.extend(lost());
    troubles
}

/// Takes all the room that there is.
const FILL: &str = "cat /dev/zero >$d/filler 2>/dev/null || true";

/// A small file system with the same content, then `fill`.
fn small(options: &str, fill: &str) -> String {
    format!(
        "rm -rf $out; mkdir -m 700 $out; cp -a $d/. $out; mount -t tmpfs -o mode=700,{options} tmpfs $d; \
         cp -a $out/. $d; {fill}"
    )
}

/// Directories that are not there, or are something else.
fn lost() -> Vec<Trouble> {
    let lost = |name: &str, directory, make: &str, end: &str| Trouble {
        name: name.to_owned(),
        how: How::Mounted { directory, make: make.into(), end: end.into() },
        must_refuse: true,
    };
    let gone = "mv $d $out; mount --bind ${d%/*} ${d%/*}; mount -o remount,bind,ro ${d%/*}";
    let back = "umount ${d%/*}; mv $out $d";
    let file = "mv $d $out; touch $d";
    vec![
        lost("lost for good: the state", STATE, gone, back),
        lost("a file in place of the state", STATE, file, "rm $d; mv $out $d"),
        lost("nobody may enter the locks", STATE, "chmod 755 $d/locks", "chmod 700 $d/locks"),
    ]
}

/// What needs no file system of its own.
fn limits() -> Vec<Trouble> {
    let limited = |name: String, must_refuse, words: &[&str]| Trouble {
        name,
        how: How::Limited(words.iter().map(|&word| word.to_owned()).collect()),
        must_refuse,
    };
    let mut troubles =
        vec![limited("files of 0 bytes at most".into(), true, &["prlimit", "--fsize=0", "--"])];
    for bytes in [100, 1024] {
        let limit = format!("--fsize={bytes}");
        troubles.push(limited(format!("files of {bytes} bytes at most"), true, &["prlimit", &limit, "--"]));
    }
    for error in ["ENOLCK", "EOPNOTSUPP", "EIO"] {
        let inject = format!("inject=flock:error={error}");
        let words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=flock", "-e", &inject, "--"];
        troubles.push(limited(format!("flock says {error}"), true, &words));
    }
    troubles
}

/// The errors that a file system may give, and the calls that may give them, each from its first use on a directory of
/// ours before the issuer is asked, for good.
fn injected() -> Result<Vec<Trouble>, String> {
    let world = World::signed_in(SandboxOptions::default());
    let seen = traced(&world.command(&["token", "box", "--force-refresh"]), Watch::Everybody, &[])?;
    let changing: Vec<&Call> = seen.calls.iter().filter(|call| changes(call)).collect();
    let mut troubles = Vec::new();
    for directory in [DATA, STATE] {
        for name in CHANGING {
            let first = changing.iter().find(|call| call.name == *name && call.line.contains(directory));
            let Some(first) = first else { continue };
            for error in ["EIO", "ESTALE", "EDQUOT", "ENOSPC", "EROFS", "EACCES"] {
                // What is written to standard output and error is no matter of the disk.
                let for_good = if *name == "write" { "" } else { "+" };
                let inject = format!("inject={name}:error={error}:when={}{for_good}", first.number);
                let trace = format!("trace={name}");
                let words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject, "--"];
                troubles.push(Trouble {
                    name: format!("{name} says {error} in {directory} from call {} on", first.number),
                    how: How::Limited(words.iter().map(|&word| word.to_owned()).collect()),
                    must_refuse: false,
                });
            }
        }
    }
    Ok(troubles)
}

/// The calls by which a directory changes.
const CHANGING: &[&str] = &[
    "openat",
    "open",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "fallocate",
    "ftruncate",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
];

fn changes(call: &Call) -> bool {
    CHANGING.contains(&call.name.as_str())
        && (!call.name.starts_with("open") || call.line.contains("O_CREAT"))
}

/// A disk with somebody's two logins: one whose token lives, one whose token has ended.
struct Disk {
    world: World,
    token: String,
    room: Option<Room>,
}

impl Disk {
    fn new() -> Self {
        let world = World::signed_in(SandboxOptions { access_lifetime: 0, ..SandboxOptions::default() });
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

    /// Runs a command where the trouble is, with words before it.
    fn run(&self, words: &[String], args: &[&str]) -> Ran {
        let own = self.world.command(args);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let own = if words.is_empty() { own } else { after(&words, &own) };
        run(self.room.as_ref().map_or(own_copy(&own), |room| room.inside(&own)), "")
    }

    /// The records, byte for byte, as they are where the trouble is.
    fn records(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let logins = self.world.home().join(DATA).join("logins");
        let logins = self.room.as_ref().map_or(logins.clone(), |room| room.path(&logins));
        let entries = fs::read_dir(logins).into_iter().flatten().flatten();
        entries.filter_map(|entry| Some((entry.file_name().into(), fs::read(entry.path()).ok()?))).collect()
    }

    /// Refreshing is refused before anything is lost, or it succeeds in full.
    fn refreshes_or_refuses(&self, words: &[String], args: &[&str]) -> Result<Ending, String> {
        let (before, records) = (self.world.sandbox.books(), self.records());
        let ran = self.run(words, args);
        let books = self.world.sandbox.books();
        let spent = books.refresh_attempts - before.refresh_attempts;
        if ran.exit == 0 && call(&self.world.url(), ran.stdout.trim_end()) == 200 {
            return Ok(Ending::Managed);
        }
        check(spent == 0, || format!("the refresh token was spent: {spent} attempts, then {ran:?}"))?;
        check(ran.exit == 7, || format!("not exit 7: {ran:?}"))?;
        check(ran.stdout.is_empty() && ran.stderr.contains("error: "), || format!("{ran:?}"))?;
        check(ran.stderr.contains("hint: ") && !ran.stderr.contains("panicked"), || format!("{ran:?}"))?;
        check(self.records() == records, || "a record has changed".into())?;
        Ok(Ending::Refused)
    }

    /// The token that still lives is handed out as if nothing were wrong.
    fn hands_out_what_lives(&self, words: &[String]) -> Result<(), String> {
        let attempts = self.world.sandbox.books().refresh_attempts;
        let ran = self.run(words, &["token", "box", "--account", "fresh"]);
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
fn withstand(trouble: &Trouble) -> Result<Ending, String> {
    let mut disk = Disk::new();
    let none = Vec::new();
    let words = match &trouble.how {
        How::Mounted { directory, make, .. } => {
            disk.room = Some(Room::open()?);
            disk.script(directory, make)?;
            &none
        }
        How::Limited(words) => words,
    };
    let mut ending = Ending::Managed;
    let ended = ["token", "box"];
    let insisted = ["token", "box", "--account", "fresh", "--force-refresh"];
    let first = disk.refreshes_or_refuses(words, &ended).map_err(|why| format!("ended token: {why}"))?;
    if !words.iter().any(|word| word.contains("inject=write:")) {
        disk.hands_out_what_lives(words)?;
    }
    let second = disk.refreshes_or_refuses(words, &insisted).map_err(|why| format!("insisted: {why}"))?;
    for one in [first, second] {
        if one == Ending::Refused {
            ending = one;
        } else {
            check(!trouble.must_refuse, || "it was not refused, so the trouble was none".into())?;
        }
    }
    if let How::Mounted { directory, end, .. } = &trouble.how {
        disk.script(directory, end)?;
    }
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

fn own_copy(command: &Command) -> Command {
    after(&["env"], command)
}

fn check(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}
