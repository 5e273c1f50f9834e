//! What can go wrong with the store, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use super::StoreKind;
use crate::platform::Unfit;
use crate::wording::quoted;

/// Why the store cannot do what it was asked. `Busy` and `Engaged` pass by themselves; nothing else does.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else holds the lock.
    #[error("{} is changing this login", holder.map_or("another process".into(), |id| format!("process {id}")))]
    Busy {
        /// The process that holds it, if it is known.
        holder: Option<u32>,
    },
    /// Somebody else is at something that only one process may do.
    #[error("{} is {doing}", holder.map_or("another process".into(), |id| format!("process {id}")))]
    Engaged {
        /// The process that is at it, if it is known.
        holder: Option<u32>,
        /// What it does.
        doing: &'static str,
    },
    /// The file system has no locks, so two refreshes could not be kept apart.
    #[error("cannot lock {}: {source}", path.display())]
    NoLocks {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The keychain is there and locked.
    #[error("the {keychain} is locked")]
    Locked {
        /// The keychain's name.
        keychain: &'static str,
    },
    /// No keychain answers.
    #[error("no {keychain} answers here")]
    Absent {
        /// The keychain's name.
        keychain: &'static str,
    },
    /// The keychain did not answer in time.
    #[error("the {keychain} does not answer")]
    Timeout {
        /// The keychain's name.
        keychain: &'static str,
    },
    /// The keychain failed in its own way.
    #[error("the {keychain} failed: {message}")]
    Keychain {
        /// The keychain's name.
        keychain: &'static str,
        /// What it said.
        message: String,
    },
    /// There are sealed logins and no key for them.
    #[error("the key that seals the logins is missing")]
    KeyMissing,
    /// The passphrase is not the one that the logins were sealed with.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// There is no passphrase, or an empty one.
    #[error("no passphrase: {why}")]
    NoPassphrase {
        /// Where it was looked for.
        why: String,
    },
    /// A file or directory lets other users in.
    #[error("{} can be read or changed by other users", path.display())]
    Exposed {
        /// The file or directory.
        path: PathBuf,
    },
    /// A file or directory belongs to another user.
    #[error("{} belongs to another user", path.display())]
    Foreign {
        /// The file or directory.
        path: PathBuf,
    },
    /// A file or directory is a symbolic link.
    #[error("{} is a symbolic link", path.display())]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// Something that is no ordinary file, or a file with a second name.
    #[error("{} {why}", path.display())]
    NotRegular {
        /// The thing.
        path: PathBuf,
        /// What it is.
        why: Unfit,
    },
    /// There were logins, and the directory that held them is not there.
    #[error("{} is gone, and with it the logins that were there", path.display())]
    Gone {
        /// The directory.
        path: PathBuf,
    },
    /// A newer release wrote the record.
    #[error("{} was written by a newer mcpauth", file.display())]
    Newer {
        /// The record, left as it is.
        file: PathBuf,
    },
    /// The record cannot be what was written.
    #[error("a stored login is damaged ({why}), kept as {}", kept.display())]
    Damaged {
        /// Where the record was.
        file: PathBuf,
        /// Where it is now; the same if somebody held its lock.
        kept: PathBuf,
        /// What does not fit.
        why: &'static str,
    },
    /// Another key seals the record.
    #[error("{} was sealed with another key", file.display())]
    OtherKey {
        /// The record, left as it is.
        file: PathBuf,
    },
    /// The record belongs to another kind of store.
    #[error("{} belongs to the {sealed_by} store", file.display())]
    OtherStore {
        /// The record, left as it is.
        file: PathBuf,
        /// The store that can read it.
        sealed_by: StoreKind,
    },
    /// A newer state of the login is stored already.
    #[error("a newer state of this login is stored already")]
    Outdated {
        /// The generation that is stored.
        stored: u64,
    },
    /// The lock that was shown belongs to another login.
    #[error("the lock belongs to another login")]
    OtherLogin,
    /// The system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl StoreError {
    /// An error of the system at a path, sorted by what the reader can do.
    pub(crate) fn at(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        match Unfit::of(&error) {
            Some(Unfit::Exposed) => Self::Exposed { path },
            Some(Unfit::Foreign) => Self::Foreign { path },
            Some(Unfit::Symlink) => Self::Symlink { path },
            Some(why) => Self::NotRegular { path, why },
            None => Self::Io { path, source: error },
        }
    }

    /// What the reader can do, as a command to type wherever there is one.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Busy { .. } | Self::Engaged { .. } => "try again in a moment".into(),
            Self::NoLocks { .. } => {
                "put the state directory on a local disk: set XDG_STATE_HOME; `mcpauth doctor` tries it out"
                    .into()
            }
            Self::Locked { keychain } => format!("unlock the {keychain}, then try again"),
            Self::Absent { .. } => {
                "start it; before the first login another store can be chosen: --store passphrase, or --store file (plain)"
                    .into()
            }
            Self::Timeout { keychain } | Self::Keychain { keychain, .. } => {
                format!("see that the {keychain} is running and unlocked; `mcpauth doctor` tries it out")
            }
            Self::KeyMissing | Self::OtherKey { .. } => {
                "restore the key, or run `mcpauth login` for each server again".into()
            }
            Self::WrongPassphrase => "try again with the right one; `mcpauth store passphrase` may have changed it since the first login".into(),
            Self::NoPassphrase { .. } => {
                "type one at the terminal, or give it with --passphrase-fd N, or settle passphrase_command in config.toml"
                    .into()
            }
            Self::Exposed { path } => chmod(path),
            Self::Foreign { path } => format!("run mcpauth as the owner of {}", path.display()),
            Self::Symlink { path } | Self::NotRegular { path, .. } => {
                format!("move {} away and put a file or directory of your own there", path.display())
            }
            Self::Gone { .. } => {
                "bring it back, such as by mounting its disk, or run `mcpauth login` for each server again"
                    .into()
            }
            Self::Newer { .. } => "update mcpauth".into(),
            Self::Damaged { .. } => {
                "run `mcpauth login` for this server again; other logins still work".into()
            }
            Self::OtherStore { sealed_by, .. } => {
                format!("run `mcpauth store move {sealed_by}`, which takes every login there")
            }
            Self::Io { source, .. } => io_hint(source),
            Self::Outdated { .. } | Self::OtherLogin => "try again; the newer login was kept".into(),
        };
        Some(text)
    }
}

fn chmod(path: &Path) -> String {
    format!(
        "run `chmod {} {}`, or `mcpauth doctor --fix`",
        if path.is_dir() { "700" } else { "600" },
        quoted(&path.display().to_string())
    )
}

fn io_hint(error: &io::Error) -> String {
    let text = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space; nothing was changed",
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            "make the directory writable, or choose another with --config DIR"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "move away the file that stands where a directory should be"
        }
        io::ErrorKind::FileTooLarge => "the file is larger than any login; move it away",
        _ => "see that the disk works and that the directory is yours; `mcpauth doctor` looks",
    };
    text.into()
}
