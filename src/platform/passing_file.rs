//! Files that go with the process that holds them, on Linux, macOS and the BSDs. The contract stands in the module above.

#[cfg(target_os = "linux")]
mod file {
    use std::fs::File;
    use std::io::{self, Write as _};
    use std::os::fd::{AsRawFd as _, OwnedFd};
    use std::path::{Path, PathBuf};

    use rustix::fs::{MemfdFlags, Mode, SealFlags};
    use rustix::io::DupFlags;
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    /// A file in memory. Its name leads through this process, so nothing of it can stay behind, however that ends.
    pub struct PassingFile {
        descriptor: OwnedFd,
        path: PathBuf,
    }

    impl PassingFile {
        pub const NEEDS_DIRECTORY: bool = false;

        pub fn new(_directory: &Path, _name: &str) -> io::Result<Self> {
            // Another process may follow the name only where it may look into this one.
            set_dumpable_behavior(DumpableBehavior::Dumpable)?;
            let descriptor = sealed(b"")?;
            let path = format!("/proc/{}/fd/{}", std::process::id(), descriptor.as_raw_fd());
            Ok(Self { descriptor, path: path.into() })
        }

        pub fn path(&self) -> &Path {
            &self.path
        }

        pub fn put(&mut self, content: &[u8]) -> io::Result<()> {
            // Whoever opens the name gets the old file or the new one; whoever has one open keeps it whole.
            Ok(rustix::io::dup3(sealed(content)?, &mut self.descriptor, DupFlags::CLOEXEC)?)
        }
    }

    /// A file with this content, which nobody can change.
    fn sealed(content: &[u8]) -> io::Result<OwnedFd> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut file = File::from(rustix::fs::memfd_create("token", flags)?);
        rustix::fs::fchmod(&file, Mode::RUSR | Mode::WUSR)?;
        file.write_all(content)?;
        let all = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&file, all)?;
        Ok(file.into())
    }
}

#[cfg(not(target_os = "linux"))]
mod file {
    use std::io;
    use std::path::{Path, PathBuf};

    use crate::files;

    /// A file in a private directory, removed by whoever holds it.
    pub struct PassingFile(PathBuf);

    impl PassingFile {
        pub const NEEDS_DIRECTORY: bool = true;

        pub fn new(directory: &Path, name: &str) -> io::Result<Self> {
            let file = Self(directory.join(name));
            files::write_expendable(&file.0, b"").map(|()| file)
        }

        pub fn path(&self) -> &Path {
            &self.0
        }

        pub fn put(&mut self, content: &[u8]) -> io::Result<()> {
            files::write_expendable(&self.0, content)
        }
    }

    impl Drop for PassingFile {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }
}

pub use file::PassingFile;
