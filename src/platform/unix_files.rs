//! Files and directories of Linux, macOS and the BSDs. The contracts stand in the module above.

use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, FdFlags};

use super::unix::user_id;
use super::{FileSystem, Unfit};

/// The mode bits that let the group or everybody in.
const OTHERS: u32 = 0o077;

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

pub fn file_number(found: &Metadata) -> Option<u64> {
    Some(found.ino())
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
}
