//! Linux, macOS and the BSDs. The contracts stand in the module above.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;

use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, sigprocmask};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, FdFlags};

use super::{FileSystem, Unfit};

/// The mode bits that let the group or everybody in.
const OTHERS: u32 = 0o077;

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

pub fn create_private_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

pub fn check_private_dir(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_symlink() {
        return Err(Unfit::Symlink.into());
    }
    if !metadata.is_dir() {
        return Err(Unfit::NotDirectory.into());
    }
    check_owner_and_mode(&metadata)
}

pub fn open_private(path: &Path) -> io::Result<Option<File>> {
    match open(path, OFlags::RDONLY) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

pub fn open_lock_file(path: &Path) -> io::Result<File> {
    open(path, OFlags::RDWR | OFlags::CREATE)
}

pub fn open_log(path: &Path) -> io::Result<File> {
    open(path, OFlags::RDWR | OFlags::APPEND | OFlags::CREATE)
}

pub fn open_descriptor(number: u32) -> io::Result<File> {
    let file = File::open(format!("/dev/fd/{number}"))?;
    // The three standard streams are what a program expects to find.
    if let Ok(number @ 3..) = i32::try_from(number) {
        #[expect(unsafe_code, reason = "a descriptor that somebody else opened is known only by its number")]
        // SAFETY: it was open a moment ago, and nobody here closes what the parent left open.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        rustix::io::fcntl_setfd(descriptor, FdFlags::CLOEXEC)?;
    }
    Ok(file)
}

pub fn create_private(path: &Path) -> io::Result<File> {
    open(path, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)
}

/// Opens without following a link and without waiting for the other end of a pipe, then looks at what it got.
fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR) {
        Ok(descriptor) => File::from(descriptor),
        // FreeBSD says EMLINK for a link that was not followed, everybody else ELOOP.
        Err(Errno::LOOP | Errno::MLINK) => return Err(Unfit::Symlink.into()),
        // A socket, a pipe opened for writing that nobody reads, a directory opened for writing.
        Err(Errno::NXIO | Errno::OPNOTSUPP | Errno::ISDIR) => return Err(Unfit::NotRegular.into()),
        Err(error) => return Err(error.into()),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Unfit::NotRegular.into());
    }
    check_owner_and_mode(&metadata)?;
    if metadata.nlink() > 1 {
        return Err(Unfit::Linked.into());
    }
    Ok(file)
}

pub fn make_private(path: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    // By the open file, so that nobody can put a link in its place between the look and the change.
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if metadata.uid() != user_id() {
        return Err(Unfit::Foreign.into());
    }
    let own = Mode::from_raw_mode(metadata.mode() as _) & Mode::RWXU;
    Ok(rustix::fs::fchmod(&file, own)?)
}

pub fn others_may_write(path: &Path) -> io::Result<bool> {
    /// The mode bits that let the group or everybody write.
    const WRITERS: u32 = 0o022;
    let metadata = fs::metadata(path)?;
    let is_trusted = metadata.uid() == user_id() || metadata.uid() == 0;
    Ok(!is_trusted || metadata.mode() & WRITERS != 0)
}

pub fn file_system(path: &Path) -> io::Result<FileSystem> {
    let room = rustix::fs::statvfs(path)?;
    Ok(FileSystem {
        doubtful: doubtful(path),
        free_bytes: Some(room.f_bavail.saturating_mul(room.f_frsize)),
        // Some have no table of files that could be full, and say that it has no room at all.
        free_files: (room.f_files > 0).then_some(room.f_favail),
    })
}

#[cfg(not(target_os = "linux"))]
fn doubtful(_path: &Path) -> Option<&'static str> {
    None
}

/// Kinds of file systems by the number that statfs(2) gives.
#[cfg(target_os = "linux")]
fn doubtful(path: &Path) -> Option<&'static str> {
    let number = u32::try_from(rustix::fs::statfs(path).ok()?.f_type).ok()?;
    Some(match number {
        0x6969 => "NFS",
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => "SMB",
        0x6573_5546 => "FUSE",
        0x0102_1997 => "9P",
        0x5346_414f => "AFS",
        0x00c3_6400 => "Ceph",
        0x0102_1994 => "tmpfs",
        0x8584_58f6 => "ramfs",
        _ => return None,
    })
}

fn check_owner_and_mode(metadata: &Metadata) -> io::Result<()> {
    if metadata.uid() != user_id() {
        return Err(Unfit::Foreign.into());
    }
    if metadata.mode() & OTHERS != 0 {
        return Err(Unfit::Exposed.into());
    }
    Ok(())
}

pub(super) fn user_id() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(target_os = "linux")]
pub fn reserve(file: &File, length: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, length) {
        // Some file systems can only be written to.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => reserve_by_writing(file, length),
        done => Ok(done?),
    }
}

#[cfg(not(target_os = "linux"))]
pub fn reserve(file: &File, length: u64) -> io::Result<()> {
    reserve_by_writing(file, length)
}

fn reserve_by_writing(file: &File, length: u64) -> io::Result<()> {
    const ZEROS: [u8; 4096] = [0; 4096];
    let mut at = file.metadata()?.len();
    while at < length {
        let step = (length - at).min(4096);
        file.write_all_at(&ZEROS[..usize::try_from(step).unwrap_or(4096)], at)?;
        at += step;
    }
    Ok(())
}

pub fn replace(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

pub fn sync_dir(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        // Some network and virtual file systems have nothing to do for a directory and say so.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        done => done,
    }
}

pub fn hold(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

pub fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok((open.dev(), open.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
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

pub fn file_number(found: &Metadata) -> Option<u64> {
    Some(found.ino())
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
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn unfit<T>(result: io::Result<T>) -> Option<Unfit> {
        Unfit::of(&result.err().expect("must be refused"))
    }

    #[test]
    fn only_a_private_regular_file_is_opened() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        drop(create_private(&at("good")).unwrap());
        assert!(open_private(&at("good")).unwrap().is_some());
        assert!(open_private(&at("absent")).unwrap().is_none());

        std::os::unix::fs::symlink(at("good"), at("link")).unwrap();
        assert_eq!(unfit(open_private(&at("link"))), Some(Unfit::Symlink));
        assert_eq!(unfit(open_lock_file(&at("link"))), Some(Unfit::Symlink));

        nix_fifo(&at("pipe"));
        assert_eq!(unfit(open_private(&at("pipe"))), Some(Unfit::NotRegular));
        let _listener = UnixListener::bind(at("socket")).unwrap();
        assert_eq!(unfit(open_private(&at("socket"))), Some(Unfit::NotRegular));
        assert_eq!(unfit(open_private(scratch.path())), Some(Unfit::NotRegular));

        fs::hard_link(at("good"), at("twin")).unwrap();
        assert_eq!(unfit(open_private(&at("twin"))), Some(Unfit::Linked));
        fs::remove_file(at("twin")).unwrap();

        fs::set_permissions(at("good"), PermissionsExt::from_mode(0o640)).unwrap();
        assert_eq!(unfit(open_private(&at("good"))), Some(Unfit::Exposed));
    }

    fn nix_fifo(path: &Path) {
        nix::unistd::mkfifo(path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    }

    #[test]
    fn every_directory_on_the_way_is_private() {
        let scratch = tempfile::tempdir().unwrap();
        let deep = scratch.path().join("a/b/c");
        create_private_dir(&deep).unwrap();
        for directory in [deep.as_path(), deep.parent().unwrap()] {
            check_private_dir(directory).unwrap();
        }
        fs::set_permissions(&deep, PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(unfit(check_private_dir(&deep)), Some(Unfit::Exposed));
        std::os::unix::fs::symlink(&deep, scratch.path().join("link")).unwrap();
        assert_eq!(unfit(check_private_dir(&scratch.path().join("link"))), Some(Unfit::Symlink));
    }

    #[test]
    fn a_file_of_somebody_else_is_refused() {
        // Every system has these, and they belong to root; root itself cannot be shown a foreign file so.
        if user_id() != 0 {
            assert_eq!(unfit(check_private_dir(Path::new("/"))), Some(Unfit::Foreign));
            return;
        }
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("foreign");
        drop(create_private(&path).unwrap());
        std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
        assert_eq!(unfit(open_private(&path)), Some(Unfit::Foreign));
    }

    #[test]
    fn a_created_file_is_private_and_new() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("file");
        let file = create_private(&path).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(create_private(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_replaced_file_is_noticed() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("lock");
        let file = open_lock_file(&path).unwrap();
        assert!(is_at(&file, &path).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(!is_at(&file, &path).unwrap());
        drop(open_lock_file(&path).unwrap());
        assert!(!is_at(&file, &path).unwrap());
    }

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
        // A name may have colons of its own.
        let caller = caller().unwrap();
        let numbers = caller.rsplitn(3, ':').take(2).filter(|part| part.parse::<u64>().is_ok());
        assert_eq!((numbers.count(), caller.rsplitn(3, ':').count()), (2, 3), "{caller}");
    }

    #[cfg(not(target_vendor = "apple"))]
    #[test]
    fn a_display_is_one_of_three_variables() {
        assert!(!shows_windows(&|_| None));
        assert!(!shows_windows(&|_| Some("".into())));
        assert!(shows_windows(&|name| (name == "WAYLAND_DISPLAY").then(|| "wayland-0".into())));
    }
}
