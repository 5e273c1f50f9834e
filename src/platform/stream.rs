//! Standard input and output of somebody who speaks a protocol on them, read and written as they become ready.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::patient::Patient;

/// How often it is looked whether anybody may still write to a stream that is not being read.
const LOOK: Duration = Duration::from_millis(250);

/// A stream of bytes, of which one end is ours.
pub struct Stream(Way);

enum Way {
    /// A pipe or a socket: it tells when it is ready.
    Watched(Watched),
    /// A file or a terminal, which has to be waited for.
    Plain(Patient),
}

struct Watched {
    descriptor: AsyncFd<OwnedFd>,
    /// How it was set: others may have the same one.
    before: OFlags,
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = rustix::fs::fcntl_setfl(self.descriptor.get_ref(), self.before);
    }
}

pub fn take_streams() -> io::Result<(Stream, Stream)> {
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    // Whatever else reads or writes, here or in a program that we start, must not get between the messages.
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok((Stream::new(input)?, Stream::new(output)?))
}

impl Stream {
    fn new(descriptor: OwnedFd) -> io::Result<Self> {
        let before = rustix::fs::fcntl_getfl(&descriptor)?;
        // What is set here counts for everybody who has the same terminal. And the end of a file is told by no BSD.
        if !is_pipe_or_socket(&descriptor)? {
            return Ok(Self(Way::Plain(Patient::new(descriptor.into()))));
        }
        rustix::fs::fcntl_setfl(&descriptor, before | OFlags::NONBLOCK)?;
        #[expect(unsafe_code, reason = "a type could give out another descriptor each time; this one cannot")]
        // SAFETY: an `OwnedFd` is the same open descriptor until it is dropped, which the `AsyncFd` sees to.
        match unsafe { AsyncFd::register(descriptor) } {
            Ok(descriptor) => Ok(Self(Way::Watched(Watched { descriptor, before }))),
            Err(refused) => {
                let (descriptor, _) = refused.into_parts();
                rustix::fs::fcntl_setfl(&descriptor, before)?;
                Ok(Self(Way::Plain(Patient::new(descriptor.into()))))
            }
        }
    }

    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let watched = match &mut self.0 {
            Way::Plain(file) => return file.read(buffer).await,
            Way::Watched(watched) => watched,
        };
        loop {
            let mut ready = watched.descriptor.readable().await?;
            match ready.try_io(|own| Ok(rustix::io::read(own.get_ref(), &mut *buffer)?)) {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(read) => {
                    // Whoever gave less than there was room for has no more; asking would only tell so.
                    if read.as_ref().is_ok_and(|&read| 0 < read && read < buffer.len()) {
                        ready.clear_ready();
                    }
                    return read;
                }
                Err(_) => {}
            }
        }
    }

    pub async fn abandoned(&self) {
        let Way::Watched(watched) = &self.0 else { return std::future::pending().await };
        loop {
            tokio::time::sleep(LOOK).await;
            // The end is told of even where something before it has not been read, and is kept then.
            match watched.descriptor.ready(Interest::READABLE).await {
                Ok(ready) if !ready.ready().is_read_closed() => {}
                _ => return,
            }
        }
    }

    pub async fn write(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let watched = match &mut self.0 {
            Way::Plain(file) => return file.write(pieces).await,
            Way::Watched(watched) => watched,
        };
        loop {
            match rustix::io::writev(watched.descriptor.get_ref(), pieces) {
                Ok(written) => return Ok(written),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => watched.descriptor.writable().await?.clear_ready(),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn is_pipe_or_socket(descriptor: &OwnedFd) -> io::Result<bool> {
    let kind = FileType::from_raw_mode(rustix::fs::fstat(descriptor)?.st_mode);
    Ok(matches!(kind, FileType::Fifo | FileType::Socket))
}
