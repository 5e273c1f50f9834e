//! Processes, signals and terminals of Linux, macOS and the BSDs. The contracts stand in the module above.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;

use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, sigprocmask};
use rustix::io::Errno;

pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut end), Ok(mut closed)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = end.recv() => {}
        _ = closed.recv() => {}
    }
}

pub fn terminal_settings() -> impl FnOnce() {
    let before = rustix::termios::tcgetattr(io::stdin());
    move || {
        // Fails where there was no terminal, or is none any more.
        let _ = before.and_then(|settings| {
            rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, &settings)
        });
    }
}

/// The signals that were let through before.
pub struct TerminalGuard(Option<SigSet>);

pub fn guard_terminal() -> TerminalGuard {
    let ending: SigSet =
        [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM].into_iter().collect();
    let restore = terminal_settings();
    let before = SigSet::thread_get_mask().ok();
    let _ = ending.thread_block();
    // It inherits what is blocked here, so the signal waits for it; once the question is answered it may as well stay.
    let watch = thread::Builder::new().name("terminal".into()).spawn(move || {
        let Ok(signal) = ending.wait() else { return };
        restore();
        let _ = ending.thread_unblock();
        // Now it does what it would have done.
        let _ = nix::sys::signal::raise(signal);
    });
    let guard = TerminalGuard(before);
    // Without somebody who waits for them, nobody may hold them back: then `guard` goes at once.
    if watch.is_ok() { guard } else { TerminalGuard(None) }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        if let Some(before) = self.0 {
            let _ = before.thread_set_mask();
        }
    }
}

pub fn reset_signals() {
    // Fails only for an unknown `how`.
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
    dispose(Signal::SIGXFSZ, SigHandler::SigIgn);
    // Whoever started us may not have cared how its children end; where nobody does, waiting for one is an error.
    dispose(Signal::SIGCHLD, SigHandler::SigDfl);
}

/// Says what a signal does to us.
pub(super) fn dispose(signal: Signal, disposition: SigHandler) {
    #[expect(unsafe_code, reason = "a handler could do anything; neither of these two is one")]
    // SAFETY: called with `SigIgn` and `SigDfl` only, so no code of ours runs when the signal comes.
    let _ = unsafe { nix::sys::signal::signal(signal, disposition) };
}

pub fn own_program() -> io::Result<PathBuf> {
    let link = Path::new("/proc/self/exe");
    // The link leads to what runs, whatever its name leads to by now.
    if cfg!(target_os = "linux") && link.exists() { Ok(link.into()) } else { std::env::current_exe() }
}

pub fn start_detached(command: &mut Command, lock: &File) -> io::Result<Child> {
    // A lock belongs to the open file, not to a process. Standard output is the one place that leads to this child
    // and to no other; `arg0` because a name such as /proc/self/exe would tell nobody anything.
    command.arg0("mcpauth").stdout(lock.try_clone()?).spawn()
}

pub fn detach() {
    // Fails for whoever leads a group already; then nobody is around.
    let _ = rustix::process::setsid();
    // What tells of a fault in the program itself comes whether it is blocked or not.
    let _ = sigprocmask(SigmaskHow::SIG_BLOCK, Some(&SigSet::all()), None);
}

pub fn handed_over_lock() -> io::Result<Option<File>> {
    let own = match io::stdout().as_fd().try_clone_to_owned() {
        Ok(descriptor) => File::from(descriptor),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::BADF) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(own.metadata()?.is_file().then_some(own))
}

pub(super) fn user_id() -> u32 {
    rustix::process::geteuid().as_raw()
}

pub fn run_as_child(command: &mut Command) -> io::Result<u8> {
    // What we refuse to die of is nothing that another program has to live with.
    dispose(Signal::SIGXFSZ, SigHandler::SigDfl);
    super::protection::restore_core_limit();
    Err(command.exec())
}

pub fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

pub fn has_display() -> bool {
    shows_windows(&|name| std::env::var_os(name))
}

#[cfg(target_vendor = "apple")]
fn shows_windows(variable: &dyn Fn(&str) -> Option<OsString>) -> bool {
    variable("SSH_CONNECTION").is_none()
}

#[cfg(not(target_vendor = "apple"))]
fn shows_windows(variable: &dyn Fn(&str) -> Option<OsString>) -> bool {
    // Under WSL the browser is a Windows program and needs no display of ours.
    ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"]
        .into_iter()
        .any(|name| variable(name).is_some_and(|value| !value.is_empty()))
}

pub fn is_container() -> bool {
    // Docker and Podman each leave their mark.
    ["/.dockerenv", "/run/.containerenv"].into_iter().any(|mark| Path::new(mark).exists())
}

#[cfg(target_vendor = "apple")]
pub fn find_session_bus(_remembered: Option<&str>) -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
pub fn caller() -> Option<String> {
    Some(format!("pid:{}", std::os::unix::process::parent_id()))
}

#[cfg(not(target_os = "linux"))]
pub fn ancestors(levels: usize) -> Vec<(u32, String)> {
    // The name of another process is told only through calls that no safe face exists for.
    let parent = (std::os::unix::process::parent_id(), "unknown".to_owned());
    std::iter::once(parent).take(levels).collect()
}

#[cfg(target_os = "linux")]
pub fn ancestors(levels: usize) -> Vec<(u32, String)> {
    let mut id = std::os::unix::process::parent_id();
    let mut found = Vec::with_capacity(levels);
    while found.len() < levels
        && let Some(process) = Process::find(id)
    {
        found.push((id, process.name));
        id = process.parent;
    }
    found
}

pub fn parent() -> Option<u32> {
    Some(std::os::unix::process::parent_id())
}

pub fn user() -> String {
    user_id().to_string()
}

#[cfg(target_os = "linux")]
pub fn caller() -> Option<String> {
    let mut id = std::os::unix::process::parent_id();
    let mut nearest = format!("pid:{id}");
    // A chain of shells longer than this is not worth following.
    for _ in 0..16 {
        let Some(process) = Process::find(id) else { break };
        nearest = format!("{}:{id}:{}", process.name, process.started);
        if !super::only_stands_between(&process.name) || process.parent == 0 {
            break;
        }
        id = process.parent;
    }
    Some(nearest)
}

/// What `/proc/<pid>/stat` says of a process (proc(5)).
#[cfg(target_os = "linux")]
#[derive(Debug, PartialEq, Eq)]
struct Process {
    name: String,
    parent: u32,
    /// In clock ticks after boot; tells two processes with one id apart.
    started: u64,
}

#[cfg(target_os = "linux")]
impl Process {
    /// The process with this id; `None` if there is none, or the system does not tell.
    fn find(id: u32) -> Option<Self> {
        // Longer than the line is ever; read at once, because each read makes the kernel write it anew.
        let mut stat = [0; 1024];
        let length = io::Read::read(&mut File::open(format!("/proc/{id}/stat")).ok()?, &mut stat).ok()?;
        // A process may call itself anything.
        Self::from_stat(&String::from_utf8_lossy(&stat[..length]))
    }

    fn from_stat(stat: &str) -> Option<Self> {
        // The name may itself contain spaces and brackets, so it ends at the last bracket.
        let (front, rest) = stat.rsplit_once(')')?;
        let name = front.split_once('(')?.1.to_owned();
        let mut fields = rest.split_ascii_whitespace();
        // Counted from 1 in proc(5): the state is field 3, the parent 4, the start 22.
        let parent = fields.nth(1)?.parse().ok()?;
        let started = fields.nth(17)?.parse().ok()?;
        Some(Self { name, parent, started })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_child_is_reported_as_a_shell_would() {
        assert_eq!(exit_code(ExitStatus::from_raw(9)), 137);
        assert_eq!(exit_code(ExitStatus::from_raw(42 << 8)), 42);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_read_even_if_its_name_is_odd() {
        let stat = "7 (a) b (c) S 5 7 7 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 8899 1 2";
        let process = Process { name: "a) b (c".into(), parent: 5, started: 8899 };
        assert_eq!(Process::from_stat(stat), Some(process));
        assert_eq!(Process::from_stat("7 (a"), None);
        // Of all processes, this one is there for certain; its parent may have gone, or be called anything.
        let own = Process::find(std::process::id()).unwrap();
        assert_eq!(own.name, std::fs::read_to_string("/proc/self/comm").unwrap().trim_end_matches('\n'));
    }

    #[cfg(not(target_vendor = "apple"))]
    #[test]
    fn a_display_is_one_of_three_variables() {
        assert!(!shows_windows(&|_| None));
        assert!(!shows_windows(&|_| Some("".into())));
        assert!(shows_windows(&|name| (name == "WAYLAND_DISPLAY").then(|| "wayland-0".into())));
    }
}
