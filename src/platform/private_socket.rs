//! A socket for the programs of one user.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use super::unix::user_id;
use super::unix_files::{check_private_dir, create_private_dir};

/// What [`PrivateListener::accept`] gives.
pub type PrivateStream = UnixStream;

/// A socket that only programs of this user can connect to. Its name goes when it is dropped.
pub struct PrivateListener {
    listener: UnixListener,
    path: PathBuf,
    /// What the name led to when it was made.
    file: (u64, u64),
}

pub fn listen_privately(path: &Path) -> io::Result<PrivateListener> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_private_dir(directory)?;
    // Nobody else gets to the name, so nobody can come between making it and closing it.
    check_private_dir(&fs::canonicalize(directory)?)?;
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_behind(path) => {
            fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        bound => bound,
    }?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    let file = identity(path)?;
    Ok(PrivateListener { listener, path: path.into(), file })
}

/// Whether a name is that of a socket at which nobody listens any more.
fn is_left_behind(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && std::os::unix::net::UnixStream::connect(path).is_err_and(refused)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

impl PrivateListener {
    /// The next connection of this user. Those of others are closed unheard.
    pub async fn accept(&self) -> io::Result<PrivateStream> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            // The mode may have been changed since; who asks is told by the system, and by nobody else.
            if stream.peer_cred().is_ok_and(|peer| peer.uid() == user_id()) {
                return Ok(stream);
            }
        }
    }
}

impl Drop for PrivateListener {
    fn drop(&mut self) {
        // Another process may have taken the name over.
        if identity(&self.path).is_ok_and(|file| file == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_ours_alone_and_goes_with_its_listener() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("deep/socket");
        crate::http::block_on(async {
            let listener = listen_privately(&path).unwrap();
            let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o600));
            assert_eq!(listen_privately(&path).err().unwrap().kind(), io::ErrorKind::AddrInUse);
            drop(listener);
            assert!(!path.exists());
            // What a crash left is replaced, what never was a socket is not.
            drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
            drop(listen_privately(&path).unwrap());
            fs::write(&path, "notes").unwrap();
            listen_privately(&path).err().unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"notes");
        })
        .unwrap();
    }

    #[test]
    fn a_directory_that_others_can_enter_is_no_place_for_one() {
        let scratch = tempfile::tempdir().unwrap();
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let refused = crate::http::block_on(async { listen_privately(&scratch.path().join("socket")).err() });
        assert_eq!(super::super::Unfit::of(&refused.unwrap().unwrap()), Some(super::super::Unfit::Exposed));
    }
}
