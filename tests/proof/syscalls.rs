//! Every system call of a refresh, a login and a logout, once with death and once with each error that fits it: what is
//! found afterwards is the old state or the new one, and whoever said that it went well told the truth.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::Outcome;
use crate::scene::{Deed, Scene, check};
use crate::settings::Size;
use crate::strace::{Call, Traced, Watch};

/// What is done to whom, with which issuer.
struct Attack {
    name: &'static str,
    deed: Deed,
    watch: Watch,
    /// For how many seconds the issuer gives an answer again that got lost.
    grace: u64,
    blows: fn(&Call) -> &'static [Blow],
    /// How many of its points are tried when not all are.
    share: usize,
}

/// What happens at a system call.
#[derive(Clone, Copy, Debug)]
enum Blow {
    Kill,
    Error(&'static str),
}

/// A blow at the how manieth call of a name.
struct Point {
    name: String,
    number: usize,
    blow: Blow,
}

#[rustfmt::skip]
const ATTACKS: &[Attack] = &[
    // Only what is started for a person or a client dies: nothing may be lost, however strict the issuer is.
    Attack { name: "refresh, command killed", deed: Deed::Refresh, watch: Watch::Alone, grace: 0, blows: kill, share: 24 },
    // Where the answer dies with the one that it was sent to, only the issuer can give it again.
    Attack { name: "refresh, worker killed", deed: Deed::Worker, watch: Watch::Alone, grace: 10, blows: kill, share: 24 },
    Attack { name: "refresh, everybody killed", deed: Deed::Refresh, watch: Watch::Everybody, grace: 10, blows: kill, share: 24 },
    Attack { name: "first login killed", deed: Deed::FirstLogin, watch: Watch::Everybody, grace: 0, blows: kill, share: 18 },
    Attack { name: "next login killed", deed: Deed::NextLogin, watch: Watch::Everybody, grace: 0, blows: kill, share: 18 },
    Attack { name: "logout killed", deed: Deed::Logout, watch: Watch::Everybody, grace: 0, blows: kill, share: 18 },
    Attack { name: "errors in a refresh", deed: Deed::Refresh, watch: Watch::Everybody, grace: 10, blows: errors, share: 24 },
    Attack { name: "errors in its worker", deed: Deed::Worker, watch: Watch::Alone, grace: 10, blows: errors, share: 24 },
    Attack { name: "errors in a first login", deed: Deed::FirstLogin, watch: Watch::Everybody, grace: 0, blows: errors, share: 18 },
    Attack { name: "errors in a next login", deed: Deed::NextLogin, watch: Watch::Everybody, grace: 0, blows: errors, share: 18 },
    Attack { name: "errors in a logout", deed: Deed::Logout, watch: Watch::Everybody, grace: 0, blows: errors, share: 18 },
];

pub(crate) fn play(size: &Size) -> Outcome {
    let mut tallies = Vec::new();
    for (number, attack) in ATTACKS.iter().enumerate() {
        tallies.push(attack.play(size, number as u64)?);
    }
    let told: Vec<String> = tallies.iter().map(Tally::to_string).collect();
    let sum = |count: fn(&Tally) -> usize| tallies.iter().map(count).sum::<usize>();
    let figures = format!(
        "{} of {} points tried, {} hit ({})",
        sum(|tally| tally.tried),
        sum(|tally| tally.points),
        sum(|tally| tally.hit),
        told.join(", "),
    );
    let failures: Vec<&str> = tallies.iter().flat_map(|tally| &tally.failures).map(String::as_str).collect();
    if failures.is_empty() {
        return Ok(format!("{figures}: the old state or the new one, never neither, no false success"));
    }
    // The rest is more of the same.
    let first = failures[..failures.len().min(40)].join("\n  ");
    Err(format!("{figures}, {} bad:\n  {first}", failures.len()))
}

/// What came of an attack.
struct Tally {
    name: &'static str,
    /// How many points there are, how many were tried, and at how many of those something did happen.
    points: usize,
    tried: usize,
    hit: usize,
    failures: Vec<String>,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, points, tried, hit, failures } = self;
        let went = if failures.is_empty() { String::new() } else { format!(" **{} bad**", failures.len()) };
        write!(formatter, "{name} {hit}/{tried} of {points}{went}")
    }
}

impl Attack {
    fn play(&self, size: &Size, salt: u64) -> Result<Tally, String> {
        let mut scene = Scene::new(size, self.deed, self.grace);
        let points = self.points(&scene)?;
        let all = points.len();
        let mut tally = Tally { name: self.name, points: all, tried: 0, hit: 0, failures: Vec::new() };
        if all == 0 {
            return Err(format!("{}: strace shows no system calls", self.name));
        }
        // Every one, or every so manieth, others for each seed.
        let step = if size.long { 1 } else { all.div_ceil(self.share) };
        let first = size.dice(64 + salt).between(0, step as u64 - 1);
        for point in points.into_iter().skip(usize::try_from(first).unwrap_or(0)).step_by(step) {
            tally.tried += 1;
            let struck = catch_unwind(AssertUnwindSafe(|| self.strike(&scene, &point)));
            match struck.unwrap_or_else(|panic| Err(crate::words_of(&*panic))) {
                Ok(hit) => tally.hit += usize::from(hit),
                Err(why) => {
                    tally.failures.push(format!("{}, {point}: {why}", self.name));
                    scene = Scene::new(size, self.deed, self.grace);
                }
            }
        }
        // Two runs are not quite alike, but a proof that hits nothing proves nothing.
        if tally.hit * 4 < tally.tried * 3 {
            tally
                .failures
                .push(format!("{}: only {} of {} points were hit", self.name, tally.hit, tally.tried));
        }
        Ok(tally)
    }

    /// Every call of an undisturbed run, each with what may happen there.
    fn points(&self, scene: &Scene) -> Result<Vec<Point>, String> {
        let issuer = scene.issuer();
        let calm = scene.perform(self.watch, &[])?;
        check(calm.ran.exit == 0, || format!("{}, undisturbed: {:?}", self.name, calm.ran))?;
        scene.judge(&calm.ran, &issuer)?;
        let mut places: BTreeMap<(&str, usize), &[Blow]> = BTreeMap::new();
        for call in &calm.calls {
            let blows = (self.blows)(call);
            let known = places.entry((&call.name, call.number)).or_insert(blows);
            // The same number in another process may be a call that takes no such blow.
            *known = if blows.is_empty() { blows } else { known };
        }
        let blows =
            places.into_iter().flat_map(|(place, blows)| blows.iter().map(move |blow| (place, *blow)));
        let point =
            |((name, number), blow): ((&str, usize), Blow)| Point { name: name.to_owned(), number, blow };
        Ok(blows.map(point).collect())
    }

    /// Strikes once and judges what is left; tells whether it hit.
    fn strike(&self, scene: &Scene, point: &Point) -> Result<bool, String> {
        let Point { name, number, blow } = point;
        let what = match blow {
            Blow::Kill => "signal=SIGKILL".to_owned(),
            Blow::Error(error) => format!("error={error}"),
        };
        let flushes = matches!(name.as_str(), "fsync" | "fdatasync");
        let trace = if flushes { "trace=fsync,fdatasync".to_owned() } else { format!("trace={name}") };
        let inject = format!("inject={name}:{what}:when={number}");
        let issuer = scene.issuer();
        let traced = scene.perform(self.watch, &["-e", &trace, "-e", &inject])?;
        if flushes {
            flushed_once(&traced)?;
        }
        // No two runs are quite alike: this one may have been hit where none was to be.
        let is_inward = traced.calls.iter().any(|call| call.is_injected() && call.is_inward());
        let panicked = !is_inward && traced.ran.stderr.contains("panicked");
        check(!panicked, || format!("a panic: {:?}", traced.ran))?;
        scene.judge(&traced.ran, &issuer)?;
        Ok(traced.hits > 0)
    }
}

impl std::fmt::Display for Point {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, number, blow } = self;
        match blow {
            Blow::Kill => write!(formatter, "killed at {name} {number}"),
            Blow::Error(error) => write!(formatter, "{error} from {name} {number}"),
        }
    }
}

/// What a failed flush left in a file is unknown, so it is never flushed again as if it were whole.
fn flushed_once(traced: &Traced) -> Result<(), String> {
    let mut calls = traced.calls.iter();
    let Some(failed) = calls.find(|call| call.is_injected()) else { return Ok(()) };
    let again = calls.find(|call| {
        let same = call.process == failed.process && path_of(call) == path_of(failed);
        same && !path_of(call).is_some_and(|path| std::path::Path::new(path).is_dir())
    });
    again.map_or(Ok(()), |again| Err(format!("flushed again after it failed: {}", again.line)))
}

/// The file of a call's first argument.
fn path_of(call: &Call) -> Option<&str> {
    let (_, rest) = call.line.split_once('<')?;
    rest.split_once('>').map(|(path, _)| path)
}

fn kill(_call: &Call) -> &'static [Blow] {
    &[Blow::Kill]
}

/// The errors that a call may give. What a process uses to talk to itself does not fail, or nothing would work.
fn errors(call: &Call) -> &'static [Blow] {
    use Blow::Error as E;
    if call.is_inward() {
        return &[];
    }
    match &*call.name {
        "open" | "openat" => &[E("EIO"), E("EACCES"), E("ENOSPC"), E("EINTR")],
        "read" | "lseek" | "ftruncate" | "statx" | "newfstatat" | "getdents64" => &[E("EIO"), E("EINTR")],
        "write" | "pwrite64" | "fallocate" => &[E("EIO"), E("ENOSPC"), E("EINTR")],
        "writev" | "sendto" | "sendmsg" | "recvfrom" | "recvmsg" => &[E("EIO"), E("ECONNRESET"), E("EINTR")],
        "connect" | "accept4" | "bind" | "listen" => &[E("EIO"), E("EACCES"), E("EINTR")],
        "fsync" | "fdatasync" => &[E("EIO"), E("ENOSPC")],
        "rename" | "renameat" | "renameat2" | "mkdir" | "mkdirat" => &[E("EIO"), E("EACCES"), E("ENOSPC")],
        "unlink" | "unlinkat" => &[E("EIO"), E("EACCES")],
        "flock" => &[E("EIO"), E("ENOLCK"), E("EINTR")],
        "clone" | "clone3" | "fork" | "vfork" => &[E("EAGAIN")],
        "pipe2" | "socket" => &[E("EMFILE")],
        "setsid" => &[E("EPERM")],
        "getrandom" => &[E("EINTR")],
        _ => &[],
    }
}
