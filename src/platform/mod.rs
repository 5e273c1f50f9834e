//! What the operating systems do differently, one function per island.
//!
//! Every function here exists with the same signature on every system, so that callers carry no `cfg`. The
//! contracts:
//!
//! - `reset_signals()` unblocks every signal: some MCP clients start their children with all of them blocked. A limit
//!   on the size of files becomes an error of the write instead of our death, and children can be waited for also where
//!   our parent ignores its own. The umask stays as it is, because a program that we become would inherit it.
//! - `create_private_dir(path)` makes a directory and its missing parents, each 0700 from its first moment.
//! - `check_private_dir(path)` fails with an [`Unfit`] unless the path is a directory of ours (no link) that
//!   nobody else can enter.
//! - `open_private(path)` opens for reading and never waits: `None` if there is nothing, an [`Unfit`] unless it
//!   is a regular file of ours with one name that nobody else can read.
//! - `open_lock_file(path)` opens or makes a file to lock, under the same conditions.
//! - `make_private(path)` takes away what others may do with a file or directory of ours that is no link.
//! - `others_may_write(path)` tells whether somebody else could change what a file or directory says.
//! - `file_system(path)` tells what kind of file system holds a path and how much room is left there.
//! - `open_log(path)` opens or makes a file to be read, and written to at its end, under the same conditions.
//! - `open_descriptor(number)` opens anew what our parent left open there, and keeps the descriptor itself from the
//!   programs that we start or become.
//! - `create_private(path)` makes a new file, 0600 from its first system call; it fails if the name exists.
//! - `reserve(file, length)` makes a file that long and takes the room for it, so that writing there does not fail for
//!   lack of room; what it then holds is zeros, or what it held before, and where writing goes on is not settled.
//! - `replace(from, to)` renames over whatever is at `to`, atomically.
//! - `hold(file)` takes an open file for us alone until it is closed, and keeps nobody from reading it; `false` if
//!   another process has it. Where a lock would keep readers out nobody is told so.
//! - `sync_dir(path)` makes a rename in the directory last through a power cut, where the system can.
//! - `is_at(file, path)` tells whether the path still names the open file.
//! - `own_program()` names the program that runs, also after its file was replaced or removed.
//! - `start_detached(command, lock)` starts a program that no death around us takes along, and which holds the lock that
//!   `lock` holds from its first moment; where the system cannot hand a lock over, the program finds it free once the
//!   caller has dropped it. Its standard input and error are the caller's to set.
//! - `detach()` is what that program calls first: it leaves the session and process group that it was started in and
//!   lets no signal stop it but the one that nobody can refuse.
//! - `handed_over_lock()` is the lock that it was given, as an open file; `None` where there is none. An
//!   error leaves open whether there is one: whoever waited for it then might wait for itself.
//! - `run_as_child(command)` becomes the command where the system can; it returns only if that failed, or with
//!   the exit code of a child that it waited for.
//! - `SUPERVISES` tells whether this system has what it takes to stay the parent of a command; where it does not, the
//!   following seven do nothing or fail.
//! - `start_supervised(command)` starts a command that finds signals and limits as we found them and ends with us, where
//!   the system sees to that. To be called on the main thread: where that ends, so does the command.
//! - `Signals::catch()` holds back what asks this process to end, to stop or to go on, from then on; each comes out of
//!   `next()` instead. To be called before any thread starts. `Received::asks_to_end()` tells what a signal is for, and
//!   `exit_code()` what a shell reports of whoever it ended.
//! - `heed_no_signals()` keeps signals from the calling thread, so that another one gets them.
//! - `pass_on(received, child)` sends the same signal to the child, if there is one and it does not have it already, and
//!   stops us where it is to stop a job.
//! - `ask_to_end(child)` asks politely, also a child that was stopped.
//! - `end_orphan(id)` ends a process that its parent, which was killed, could not end, unless the system does that.
//! - `PassingFile::new(directory, name)` is an empty private file, which is gone once it was dropped or, where the system
//!   can do that, its process has ended in whatever way; elsewhere it lies in the directory. `put` replaces all of its
//!   content in one step. The process can be looked into by others of the user from then on. `NEEDS_DIRECTORY` tells
//!   whether the directory is used.
//! - `protect_memory()` keeps our memory from core files and, where the system can, from other programs of the user.
//!   Programs that we start or become are not affected.
//! - `has_borrowed_rights()` tells whether this program may do what whoever started it may not (set-user-ID and the like).
//! - `exit_code(status)` is what a shell would report: the child's own code, or 128 + n after signal n.
//! - `has_display()` tells whether a browser opened here would be seen by the person at the keyboard.
//! - `is_container()` tells whether this is a container, whose addresses nobody outside can reach.
//! - `find_session_bus(remembered)` gives a process without `DBUS_SESSION_BUS_ADDRESS` the address of its
//!   session bus and tells whether it had to and could. It changes the environment: call it before any thread starts.
//! - `terminal_settings()` remembers how the terminal on standard input is set; what it gives sets it so again.
//! - `guard_terminal()` sees to it that a signal which ends us sets the terminal on standard input as it is now first,
//!   until what it gives is dropped: for questions whose answer is not shown.
//! - `interrupted()` waits for Ctrl-C and, where there are such things, for a polite end or a closed terminal.
//! - `caller()` names the program that started us, stable for as long as that program lives; `None` where the
//!   system does not tell.
//! - `ancestors(levels)` tells who started us, and who started that one: ids and names, the nearest first, as far as
//!   the system tells.
//! - `listen_privately(path)` makes a socket that only programs of this user can connect to, whatever becomes of its mode
//!   later: in a directory that is made 0700 if it is missing and has to be private, and in place of one at which nobody
//!   listens any more. Its name goes when it is dropped. `Unsupported` where there are no such sockets.
//! - `take_streams()` gives standard input and standard output to somebody who speaks a protocol on them. Afterwards
//!   nobody else can read from the one or write to the other: input is empty, and output leads to standard error. Their
//!   `read` and `write` wait without keeping the thread, may be dropped while they wait, and give how many bytes it were.
//!   `abandoned()` waits until nobody can write to it any more, also while something is left to read; it may take a moment,
//!   and for ever where the system does not tell.
//! - `parent()` is the process that started us, as far as the system tells; another one once that one has gone.
//! - `file_number(found)` tells a file from another one that takes its place, where the system numbers them.
//! - `user()` is what the system calls whoever this process belongs to.

mod patient;

use std::error::Error;
use std::io;

#[cfg(unix)]
#[expect(missing_docs, reason = "the contracts stand above")]
mod unix;
#[cfg(unix)]
pub use unix::{
    ancestors, caller, detach, exit_code, guard_terminal, handed_over_lock, has_display, interrupted,
    is_container, own_program, parent, reset_signals, run_as_child, start_detached, terminal_settings, user,
};
#[cfg(unix)]
#[expect(missing_docs, reason = "the contracts stand above")]
mod unix_files;
#[cfg(unix)]
pub use unix_files::{
    check_private_dir, create_private, create_private_dir, file_number, file_system, hold, is_at,
    make_private, open_descriptor, open_lock_file, open_log, open_private, others_may_write, replace,
    reserve, sync_dir,
};

#[cfg(unix)]
#[expect(missing_docs, reason = "the contracts stand above")]
mod private_socket;
#[cfg(unix)]
pub use private_socket::{PrivateListener, PrivateStream, listen_privately};

#[cfg(unix)]
#[expect(missing_docs, reason = "the contracts stand above")]
mod stream;
#[cfg(unix)]
pub use stream::{Stream, take_streams};

#[cfg(unix)]
#[expect(missing_docs, reason = "the contracts stand above")]
mod passing_file;
#[cfg(unix)]
#[expect(missing_docs, reason = "the contracts stand above")]
mod protection;
#[cfg(unix)]
#[expect(missing_docs, reason = "the contracts stand above")]
mod supervision;
#[cfg(unix)]
pub use {
    passing_file::PassingFile,
    protection::{has_borrowed_rights, protect_memory},
    supervision::{
        Received, SUPERVISES, Signals, ask_to_end, end_orphan, heed_no_signals, pass_on, start_supervised,
    },
};

#[cfg(all(unix, not(target_vendor = "apple")))]
#[expect(missing_docs, reason = "the contracts stand above")]
mod session_bus;
#[cfg(all(unix, not(target_vendor = "apple")))]
pub use session_bus::find_session_bus;
#[cfg(target_vendor = "apple")]
pub use unix::find_session_bus;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod linux_arithmetic;

#[cfg(windows)]
#[expect(missing_docs, reason = "the contracts stand above")]
mod windows;
#[cfg(windows)]
pub use windows::{
    PassingFile, PrivateListener, PrivateStream, Received, SUPERVISES, Signals, Stream, ancestors,
    ask_to_end, caller, check_private_dir, create_private, create_private_dir, detach, end_orphan, exit_code,
    file_number, file_system, find_session_bus, guard_terminal, handed_over_lock, has_borrowed_rights,
    has_display, heed_no_signals, hold, interrupted, is_at, is_container, listen_privately, make_private,
    open_descriptor, open_lock_file, open_log, open_private, others_may_write, own_program, parent, pass_on,
    protect_memory, replace, reserve, reset_signals, run_as_child, start_detached, start_supervised,
    sync_dir, take_streams, terminal_settings, user,
};

/// What holds a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileSystem {
    /// Its kind, if it is one on which locks, syncs or the files themselves may not last.
    pub doubtful: Option<&'static str>,
    /// Bytes that this user may still write, if the system tells.
    pub free_bytes: Option<u64>,
    /// Files that may still be made, where their number is limited.
    pub free_files: Option<u64>,
}

/// Programs that stand between us and whoever wanted us.
const BETWEEN: [&str; 10] = ["sh", "bash", "dash", "ash", "zsh", "fish", "ksh", "busybox", "env", "timeout"];

/// Whether a program is only a way to start others, such as a shell.
pub fn only_stands_between(program: &str) -> bool {
    BETWEEN.contains(&program)
}

/// Why a file or directory is not fit to hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Another user owns it.
    #[error("belongs to another user")]
    Foreign,
    /// Its mode lets other users in.
    #[error("can be read or changed by other users")]
    Exposed,
    /// It is a symbolic link.
    #[error("is a symbolic link")]
    Symlink,
    /// It is a device, a pipe, a socket, or a directory where a file should be.
    #[error("is not a regular file")]
    NotRegular,
    /// It is a file where a directory should be.
    #[error("is not a directory")]
    NotDirectory,
    /// It has a second name somewhere.
    #[error("has a second name (hard link)")]
    Linked,
}

impl Unfit {
    /// Finds the reason in an error of this module.
    pub fn of(error: &io::Error) -> Option<Self> {
        let inner: &(dyn Error + 'static) = error.get_ref()?;
        inner.downcast_ref::<Self>().copied()
    }
}

impl From<Unfit> for io::Error {
    fn from(unfit: Unfit) -> Self {
        Self::other(unfit)
    }
}
