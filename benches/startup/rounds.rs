//! Starting programs in turn, and what each start cost.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// A program that is started over and over, and what it is called in the table.
pub(crate) struct Contender {
    pub(crate) title: String,
    command: Vec<OsString>,
}

impl Contender {
    pub(crate) fn new(title: &str, program: &Path, args: &[&str]) -> Self {
        let command = std::iter::once(program.into()).chain(args.iter().map(Into::into)).collect();
        Self { title: title.into(), command }
    }

    /// One start in the environment of this process, from before the start until after the end.
    fn run(&self) -> io::Result<Cost> {
        let before = children()?;
        let start = Instant::now();
        let status = Command::new(&self.command[0])
            .args(&self.command[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        let wall = start.elapsed().as_secs_f64();
        if !status.success() {
            return Err(io::Error::other(format!("{} ended with {status}", self.title)));
        }
        Ok(Cost { wall: wall * 1e3, cpu: cpu(&children()?) - cpu(&before) })
    }

    /// The most memory that one start took, in MiB. What a parent holds at that moment counts for its child, so a
    /// process that measures this does nothing else, and is small.
    pub(crate) fn peak(&self) -> io::Result<f64> {
        self.run()?;
        let kib = children()?.max_rss();
        // Far below the 2⁵² that a float holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "as said above")]
        let kib = kib as f64;
        Ok(kib / 1024.0)
    }
}

/// What the ended children of this process took together.
fn children() -> io::Result<Usage> {
    Ok(getrusage(UsageWho::RUSAGE_CHILDREN)?)
}

/// User and system time, in milliseconds.
fn cpu(usage: &Usage) -> f64 {
    let time = usage.user_time() + usage.system_time();
    #[expect(clippy::cast_precision_loss, reason = "far below 2⁵² microseconds")]
    let microseconds = time.num_microseconds() as f64;
    microseconds / 1e3
}

/// What one start cost, in milliseconds.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
}

/// What the starts of one program cost, round by round.
pub(crate) struct Series(Vec<Cost>);

impl Series {
    /// Half of the starts cost less.
    pub(crate) fn median(&self) -> Cost {
        Cost { wall: median(self.0.iter().map(|c| c.wall)), cpu: median(self.0.iter().map(|c| c.cpu)) }
    }

    /// How many times as much as `other`: the median of the ratios within a round. Whatever disturbs a round
    /// disturbs both.
    pub(crate) fn beside(&self, other: &Self) -> Cost {
        let pairs = || self.0.iter().zip(&other.0);
        Cost {
            wall: median(pairs().map(|(own, other)| own.wall / other.wall)),
            cpu: median(pairs().map(|(own, other)| own.cpu / other.cpu)),
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Starts every program once per round, in an order that changes, so that no place is the better one.
pub(crate) fn run(contenders: &[Contender], rounds: usize) -> io::Result<Vec<Series>> {
    let mut series: Vec<_> = contenders.iter().map(|_| Series(Vec::with_capacity(rounds))).collect();
    // The first starts read the programs from the disk.
    for contender in contenders {
        contender.run()?;
    }
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let turn = if round % 2 == 0 { turn } else { contenders.len() - 1 - turn };
            let next = (round + turn) % contenders.len();
            series[next].0.push(contenders[next].run()?);
        }
    }
    Ok(series)
}
