//! What a process has taken so far.

use std::fs;

use mcpauth_remote_bench::Outcome;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// CPU time of all its threads, in microseconds.
pub(crate) fn cpu(pid: u32) -> Outcome<f64> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(pid.try_into()?))?;
    let time = clock_gettime(clock)?;
    Ok(time.tv_sec() as f64 * 1e6 + time.tv_nsec() as f64 / 1e3)
}

/// What it has in memory, in MB.
#[derive(Clone, Copy, Default)]
pub(crate) struct Memory {
    pub(crate) resident: f64,
    /// Pages that several processes share counted in parts.
    pub(crate) own: f64,
    /// The most that was resident at any time.
    pub(crate) peak: f64,
}

pub(crate) fn memory(pid: u32) -> Outcome<Memory> {
    let now = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(Memory { resident: field(&now, "Rss:"), own: field(&now, "Pss:"), peak: field(&status, "VmHWM:") })
}

fn field(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes: f64 =
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(f64::NAN);
    kilobytes * 1024.0 / 1e6
}

/// While it lives, this process and those it starts share one CPU: whoever waits for whom costs the same every time.
pub(crate) struct Pinned(CpuSet);

impl Pinned {
    pub(crate) fn now() -> Outcome<Self> {
        let before = sched_getaffinity(Pid::this())?;
        let last =
            (0..CpuSet::count()).rev().find(|&cpu| before.is_set(cpu).unwrap_or(false)).ok_or("no CPU")?;
        let mut one = CpuSet::new();
        one.set(last)?;
        sched_setaffinity(Pid::this(), &one)?;
        Ok(Self(before))
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let _ = sched_setaffinity(Pid::this(), &self.0);
    }
}
