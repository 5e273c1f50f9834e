//! Everything that may be wrong with a disk.

use mcpauth::sandbox::SandboxOptions;

use crate::settings::Size;
use crate::strace::{Call, Watch, traced};

/// Where the records lie, below a home.
pub(crate) const DATA: &str = ".local/share/mcpauth";
/// Where locks and journals lie.
pub(crate) const STATE: &str = ".local/state/mcpauth";
const BOTH: &str = ".local";

/// Something wrong with the disk.
pub(crate) struct Trouble {
    pub(crate) name: String,
    pub(crate) how: How,
    /// Whether nothing but a refusal will do; otherwise a refresh that manages all the same is as good.
    pub(crate) must_refuse: bool,
}

pub(crate) enum How {
    /// Scripts that make it and end it, in a room of their own; `$d` is the directory.
    Mounted { directory: &'static str, make: String, end: String },
    /// The same, where the trouble begins when the issuer has spent the refresh token and not yet answered.
    InFlight { directory: &'static str, prepare: String, make: &'static str, end: &'static str },
    /// Words before the command.
    Limited(Vec<String>),
}

/// All of it.
pub(crate) fn all(size: &Size) -> Result<Vec<Trouble>, String> {
    let mut troubles = mounted();
    troubles.extend(in_flight());
    troubles.extend(limits());
    troubles.extend(injected(size)?);
    Ok(troubles)
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
        add("full", true, small("size=64k", FILL), FREE);
        // Room for some of what a refresh writes: found out in time, or enough.
        for pages in 1..=4 {
            let leave = format!("{FILL}; truncate -s -{} $d/filler", pages * 4096);
            add(&format!("{pages} pages left in"), false, small("size=64k", &leave), FREE);
        }
        // Where there is a journal already a refresh needs none of them there.
        let fill = "rm -rf $d/journals; n=0; while touch $d/filler.$n 2>/dev/null; do n=$((n+1)); done";
        add("no inodes in", true, small("size=1m,nr_inodes=64", fill), FREE);
        for left in 1..=3 {
            let leave = format!("{fill}; for free in $(seq {left}); do rm $d/filler.$free; done");
            add(&format!("{left} inodes left in"), false, small("size=1m,nr_inodes=64", &leave), FREE);
        }
    }
    troubles.extend(lost());
    troubles
}

/// Ends it, and brings what has become of the content to the file system beneath.
const FREE: &str =
    "rm -f $d/filler*; rm -rf $out; mkdir -m 700 $out; cp -a $d/. $out; umount $d; cp -a $out/. $d";

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

/// What happens to a disk while the issuer takes its time.
fn in_flight() -> Vec<Trouble> {
    let mut troubles = Vec::new();
    for directory in [DATA, STATE, BOTH] {
        let mut add = |name: &str, prepare: String, make, end| {
            let how = How::InFlight { directory, prepare, make, end };
            troubles.push(Trouble { name: format!("{name} {directory}"), how, must_refuse: false });
        };
        // There has to be room for a journal first.
        add("in flight: full", small("size=2m", ":"), FILL, FREE);
        add("in flight: lost", ":".into(), "mv $d $out", "rm -rf $d; mv $out $d");
    }
    troubles
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
fn injected(size: &Size) -> Result<Vec<Trouble>, String> {
    let world = size.world(SandboxOptions::default());
    world.login(&[]).succeeded();
    let seen = traced(&world.command(&["token", "box", "--force-refresh"]), Watch::Everybody, &[])?;
    let changing: Vec<&Call> = seen.calls.iter().filter(|call| changes(call)).collect();
    let (mut troubles, mut dice) = (Vec::new(), size.dice(4));
    for directory in [DATA, STATE] {
        for name in CHANGING {
            let first = changing.iter().find(|call| call.name == *name && call.line.contains(directory));
            let Some(first) = first else { continue };
            // All of them, or two of them, others for each call.
            let count = if size.long { ERRORS.len() } else { 2 };
            let first_error = dice.between(0, 5);
            for error in ERRORS.iter().cycle().skip(usize::try_from(first_error).unwrap_or(0)).take(count) {
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

/// What a file system may say.
const ERRORS: [&str; 6] = ["EIO", "ESTALE", "EDQUOT", "ENOSPC", "EROFS", "EACCES"];

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
