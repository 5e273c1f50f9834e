//! Every system call of a command, and one of them going wrong.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::room::after;
use crate::support::Ran;
use crate::support::steps::run;

/// One system call that a process made.
pub(crate) struct Call {
    /// Who made it, counted from 0 in the order in which they began.
    pub(crate) process: usize,
    pub(crate) name: String,
    /// The how manieth of this name in this process it was, from 1; so strace counts, too.
    pub(crate) number: usize,
    /// The line as strace wrote it.
    pub(crate) line: String,
}

impl Call {
    /// Whether this is where something went wrong.
    pub(crate) fn is_injected(&self) -> bool {
        self.line.contains("(INJECTED)")
    }

    /// Whether it concerns nothing but the process itself, such as waking another of its threads.
    pub(crate) fn is_inward(&self) -> bool {
        self.line.contains("anon_inode:")
            || matches!(&*self.name, "eventfd2" | "epoll_create1" | "socketpair")
    }
}

/// What a command did under strace.
pub(crate) struct Traced {
    pub(crate) ran: Ran,
    pub(crate) calls: Vec<Call>,
    /// How often something was made to go wrong.
    pub(crate) hits: usize,
}

/// Who is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// The command itself.
    Alone,
    /// It and all that it starts.
    Everybody,
}

/// Runs a command to its end under strace with these options.
pub(crate) fn traced(command: &Command, watch: Watch, options: &[&str]) -> Result<Traced, String> {
    traced_by(run, command, watch, options)
}

/// The same where more has to be done than to wait for the end.
pub(crate) fn traced_by(
    carry_out: impl FnOnce(Command) -> Ran,
    command: &Command,
    watch: Watch,
    options: &[&str],
) -> Result<Traced, String> {
    let out = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    let path = out.path().to_string_lossy();
    let mut words = vec!["strace", "-qq", "-y", "-s", "128", "-o", &path];
    if watch == Watch::Everybody {
        words.push("-f");
    }
    words.extend(options);
    words.push("--");
    let ran = carry_out(after(&words, command));
    let text = fs::read(out.path()).map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&text);
    let hits = text.lines().filter(|line| line.contains("(INJECTED)")).count()
        + text.lines().filter(|line| line.contains("killed by SIGKILL")).count();
    Ok(Traced { ran, calls: calls(&text), hits })
}

fn calls(text: &str) -> Vec<Call> {
    let mut processes: Vec<&str> = Vec::new();
    let mut numbers: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in text.lines() {
        // With -f the process stands before the call.
        let (process, rest) = match line.split_once(' ') {
            Some((id, rest)) if id.bytes().all(|byte| byte.is_ascii_digit()) => (id, rest.trim_start()),
            _ => ("", line),
        };
        let Some((name, _)) = rest.split_once('(') else { continue };
        if name.is_empty()
            || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        {
            continue;
        }
        let process = processes.iter().position(|known| *known == process).unwrap_or_else(|| {
            processes.push(process);
            processes.len() - 1
        });
        let number = numbers.entry((process, name)).or_default();
        *number += 1;
        calls.push(Call { process, name: name.to_owned(), number: *number, line: rest.to_owned() });
    }
    calls
}
