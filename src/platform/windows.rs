//! Windows. The contracts stand in the module above.
//!
//! The directories of the store lie in the user's profile, whose access list already keeps other users out and
//! is inherited by everything made there; so owner and mode are not looked at here.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::windows::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::os::windows::io::{AsHandle as _, AsRawHandle, IntoRawHandle as _, RawHandle};
use std::os::windows::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use super::patient::Patient;
use super::{FileSystem, Unfit};

/// Opens a link itself instead of what it points to (`CreateFileW`).
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
/// Marks links and junctions among the attributes of a file.
const FILE_ATTRIBUTE_REPARSE_POINT: u32 = 0x0000_0400;

/// Standard input, as -10 (`SetStdHandle`).
const STD_INPUT_HANDLE: u32 = 0xFFFF_FFF6;
/// Standard output, as -11 (`SetStdHandle`).
const STD_OUTPUT_HANDLE: u32 = 0xFFFF_FFF5;
/// Goes to the programs that are started (`SetHandleInformation`).
const HANDLE_FLAG_INHERIT: u32 = 1;

/// No console: closing the one that we were started in ends its programs (`CreateProcessW`).
const DETACHED_PROCESS: u32 = 0x0000_0008;
/// Ctrl-C in that console is not for us (`CreateProcessW`).
const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;

pub async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

pub fn terminal_settings() -> impl FnOnce() {
    || {}
}

/// Nothing: a console is set anew by the program that reads it next.
pub struct TerminalGuard;

pub fn guard_terminal() -> TerminalGuard {
    TerminalGuard
}

pub fn reset_signals() {}

pub fn own_program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

pub fn start_detached(command: &mut Command, _lock: &File) -> io::Result<Child> {
    // A lock belongs to the process that took it, so the program takes its own.
    command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP).stdout(Stdio::null()).spawn()
}

pub fn detach() {}

pub fn handed_over_lock() -> io::Result<Option<File>> {
    Ok(None)
}

pub fn create_private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

pub fn check_private_dir(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
        return Err(Unfit::Symlink.into());
    }
    if !metadata.is_dir() {
        return Err(Unfit::NotDirectory.into());
    }
    Ok(())
}

pub fn open_private(path: &Path) -> io::Result<Option<File>> {
    match open(path, OpenOptions::new().read(true)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

pub fn open_lock_file(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().read(true).write(true).create(true).truncate(false))
}

pub fn open_log(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().read(true).append(true).create(true))
}

pub fn open_descriptor(_number: u32) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

pub fn create_private(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().write(true).create_new(true))
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(path)?;
    let metadata = file.metadata()?;
    if metadata.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
        return Err(Unfit::Symlink.into());
    }
    if !metadata.is_file() {
        return Err(Unfit::NotRegular.into());
    }
    Ok(file)
}

/// Nothing: the system tells nobody who is at the other end of such a socket.
pub struct PrivateListener(std::convert::Infallible);

/// What would be heard there.
pub type PrivateStream = tokio::io::DuplexStream;

pub fn listen_privately(_path: &Path) -> io::Result<PrivateListener> {
    Err(io::ErrorKind::Unsupported.into())
}

impl PrivateListener {
    #[expect(clippy::unused_async, reason = "elsewhere there is somebody to wait for")]
    pub async fn accept(&self) -> io::Result<PrivateStream> {
        match self.0 {}
    }
}

pub fn make_private(_path: &Path) -> io::Result<()> {
    // The access list is inherited from the user's profile.
    Ok(())
}

pub fn others_may_write(_path: &Path) -> io::Result<bool> {
    Ok(false)
}

pub fn file_system(path: &Path) -> io::Result<FileSystem> {
    fs::metadata(path).map(|_| FileSystem::default())
}

pub fn reserve(file: &File, length: u64) -> io::Result<()> {
    let mut at = file.metadata()?.len();
    while at < length {
        at += file.seek_write(&[0; 4096][..usize::try_from((length - at).min(4096)).unwrap_or(4096)], at)?
            as u64;
    }
    Ok(())
}

pub fn replace(from: &Path, to: &Path) -> io::Result<()> {
    // A virus scanner or an indexer that has the old file open makes the rename fail for a moment.
    for _ in 0..50 {
        match fs::rename(from, to) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                thread::sleep(Duration::from_millis(10));
            }
            done => return done,
        }
    }
    fs::rename(from, to)
}

pub fn sync_dir(_path: &Path) -> io::Result<()> {
    // The journal of NTFS orders the rename; a directory cannot be flushed by an ordinary user.
    Ok(())
}

pub fn hold(_file: &File) -> io::Result<bool> {
    // A lock here is one on the bytes, and nobody could read them.
    Ok(true)
}

pub fn is_at(_file: &File, path: &Path) -> io::Result<bool> {
    // A name whose file is still open cannot be given to another file, so existing is enough.
    path.try_exists()
}

pub fn run_as_child(command: &mut Command) -> io::Result<u8> {
    // There is no exec: wait, and pass the answer on.
    command.status().map(exit_code)
}

pub fn exit_code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

pub fn has_display() -> bool {
    std::env::var_os("SSH_CONNECTION").is_none()
}

pub fn is_container() -> bool {
    // Nobody signs in there.
    false
}

pub fn find_session_bus(_remembered: Option<&str>) -> bool {
    false
}

pub fn ancestors(_levels: usize) -> Vec<(u32, String)> {
    // As below.
    Vec::new()
}

/// A stream of bytes, of which one end is ours.
pub struct Stream(Patient);

pub fn take_streams() -> io::Result<(Stream, Stream)> {
    let input = io::stdin().as_handle().try_clone_to_owned()?;
    let output = io::stdout().as_handle().try_clone_to_owned()?;
    // What stays open here must not stay open in a browser, too: our host would wait for its end.
    keep_from_children(&io::stdin())?;
    keep_from_children(&io::stdout())?;
    // Whatever else reads or writes, here or in a program that we start, must not get between the messages.
    set_standard(STD_INPUT_HANDLE, File::open("NUL")?.into_raw_handle())?;
    set_standard(STD_OUTPUT_HANDLE, io::stderr().as_raw_handle())?;
    let stream = |handle: std::os::windows::io::OwnedHandle| Stream(Patient::new(handle.into()));
    Ok((stream(input), stream(output)))
}

/// Leaves out a handle from those that a program which we start finds open.
fn keep_from_children(stream: &impl AsRawHandle) -> io::Result<()> {
    #[expect(unsafe_code, reason = "no face of this call is to be had")]
    // SAFETY: the handle is open as long as this process; of memory nothing is read or written.
    let done = unsafe { SetHandleInformation(stream.as_raw_handle(), HANDLE_FLAG_INHERIT, 0) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Makes this handle the standard input or output, which it stays to our end.
fn set_standard(which: u32, handle: RawHandle) -> io::Result<()> {
    #[expect(unsafe_code, reason = "no face of this call is to be had")]
    // SAFETY: a word is replaced that the standard library reads anew each time; the handle is closed nowhere.
    let done = unsafe { SetStdHandle(which, handle) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[expect(unsafe_code, reason = "no face of these calls is to be had")]
#[link(name = "kernel32")]
// SAFETY: declared as in the Windows SDK's `processenv.h` and `handleapi.h`.
unsafe extern "system" {
    fn SetStdHandle(which: u32, handle: RawHandle) -> i32;
    fn SetHandleInformation(object: RawHandle, mask: u32, flags: u32) -> i32;
}

impl Stream {
    pub async fn abandoned(&self) {
        // A pipe tells only whoever reads from it.
        std::future::pending().await
    }

    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).await
    }

    pub async fn write(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write(pieces).await
    }
}

pub fn parent() -> Option<u32> {
    None
}

pub fn file_number(_found: &fs::Metadata) -> Option<u64> {
    None
}

pub fn user() -> String {
    std::env::var("USERNAME").unwrap_or_default()
}

pub fn caller() -> Option<String> {
    // The parent's id would need a snapshot of all processes.
    None
}

pub const SUPERVISES: bool = false;

/// Never made: what needs it is refused before.
pub struct Signals;

impl Signals {
    pub fn catch() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub async fn next(&mut self) -> io::Result<Received> {
        std::future::pending().await
    }
}

/// Never made either.
#[derive(Clone, Copy, Debug)]
pub struct Received;

impl Received {
    pub fn asks_to_end(&self) -> bool {
        false
    }

    pub fn exit_code(&self) -> u8 {
        1
    }
}

pub fn pass_on(_received: Received, _child: Option<&tokio::process::Child>) {}

pub fn ask_to_end(_child: &tokio::process::Child) {}

pub fn start_supervised(command: Command) -> io::Result<tokio::process::Child> {
    tokio::process::Command::from(command).spawn()
}

pub fn end_orphan(_id: u32) {}

pub fn heed_no_signals() {}

pub fn protect_memory() {}

pub fn has_borrowed_rights() -> bool {
    false
}

/// Never made: what needs it is refused before.
pub struct PassingFile(PathBuf);

impl PassingFile {
    pub const NEEDS_DIRECTORY: bool = true;

    pub fn new(_directory: &Path, _name: &str) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn put(&mut self, _content: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
