//! Starting a command and staying its parent, on Linux, macOS and the BSDs. The contracts stand in the module above.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::signal::{SigHandler, SigSet, Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;

/// What people, shells and clients send to a command that they have started.
const PASSED_ON: [Signal; 9] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGTSTP,
    Signal::SIGCONT,
    Signal::SIGWINCH,
];

pub const SUPERVISES: bool = true;

/// A signal that came to us.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    signal: Signal,
    /// Whether the terminal sent it to everybody in front of it, so that the command has it already.
    is_for_all: bool,
}

impl Received {
    pub fn asks_to_end(&self) -> bool {
        matches!(self.signal, Signal::SIGHUP | Signal::SIGINT | Signal::SIGQUIT | Signal::SIGTERM)
    }

    pub fn exit_code(&self) -> u8 {
        u8::try_from(128 + self.signal as i32).unwrap_or(1)
    }
}

pub fn pass_on(received: Received, child: Option<&Child>) {
    if let Some(child) = child.filter(|_| !received.is_for_all) {
        send(child, received.signal);
    }
    if received.signal == Signal::SIGTSTP {
        // Whoever waits for us is to see that the job has stopped.
        let _ = nix::sys::signal::raise(Signal::SIGSTOP);
    }
}

pub fn ask_to_end(child: &Child) {
    // One that was stopped could not hear it.
    send(child, Signal::SIGTERM);
    send(child, Signal::SIGCONT);
}

/// Sends a signal, unless the child has been waited for: then its id may be somebody else's.
fn send(child: &Child, signal: Signal) {
    if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
        let _ = kill(Pid::from_raw(id), signal);
    }
}

pub fn heed_no_signals() {
    // Fails only for an unknown `how`.
    let _ = SigSet::all().thread_block();
}

pub fn start_supervised(mut command: Command) -> io::Result<Child> {
    let own_id = Pid::this();
    let prepare = move || {
        // What was caught is held back, and a child is born with that.
        SigSet::empty().thread_set_mask()?;
        super::unix::dispose(Signal::SIGXFSZ, SigHandler::SigDfl);
        super::protection::restore_core_limit();
        end_with(own_id)
    };
    #[expect(unsafe_code, reason = "what happens between fork and exec cannot be said otherwise")]
    // SAFETY: what `prepare` calls are single system calls, which neither allocate nor take a lock.
    unsafe {
        command.pre_exec(prepare)
    };
    tokio::process::Command::from(command).spawn()
}

/// Has the system end this process together with its parent.
#[cfg(target_os = "linux")]
fn end_with(parent: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    // It may have ended just before.
    if Pid::parent() == parent { Ok(()) } else { Err(io::ErrorKind::Interrupted.into()) }
}

#[cfg(not(target_os = "linux"))]
fn end_with(_parent: Pid) -> io::Result<()> {
    Ok(())
}

pub fn end_orphan(id: u32) {
    // Where the system has done so the id may be somebody else's by now.
    if let (false, Ok(id)) = (cfg!(target_os = "linux"), i32::try_from(id)) {
        let _ = kill(Pid::from_raw(id), Signal::SIGKILL);
    }
}

#[cfg(target_os = "linux")]
mod signals {
    use nix::sys::signal::SigSet;
    use nix::sys::signalfd::{SfdFlags, SignalFd};
    use tokio::io::unix::AsyncFd;

    use super::{PASSED_ON, Received, Signal, io};

    pub struct Signals(AsyncFd<SignalFd>);

    impl Signals {
        pub fn catch() -> io::Result<Self> {
            let caught: SigSet = PASSED_ON.into_iter().collect();
            caught.thread_block()?;
            let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
            let descriptor = SignalFd::with_flags(&caught, flags)?;
            #[expect(unsafe_code, reason = "this face of the call asks for a promise")]
            // SAFETY: the descriptor is the signal's own, lives in there, and stays the same one for as long as it does.
            let watched = unsafe { AsyncFd::register(descriptor) };
            Ok(Self(watched.map_err(io::Error::from)?))
        }

        pub async fn next(&mut self) -> io::Result<Received> {
            loop {
                let mut ready = self.0.readable().await?;
                let Some(told) = self.0.get_ref().read_signal()? else {
                    ready.clear_ready();
                    continue;
                };
                let signal =
                    i32::try_from(told.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok());
                if let Some(signal) = signal {
                    // What a process sends has no positive code; what the terminal sends comes from the kernel.
                    return Ok(Received { signal, is_for_all: told.ssi_code > 0 });
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod signals {
    use nix::sys::signal::SigSet;
    use tokio::sync::mpsc;

    use super::{PASSED_ON, Received, Signal, io};

    pub struct Signals(mpsc::UnboundedReceiver<Received>);

    impl Signals {
        pub fn catch() -> io::Result<Self> {
            let caught: SigSet = PASSED_ON.into_iter().collect();
            caught.thread_block()?;
            let (sender, received) = mpsc::unbounded_channel();
            let watch = move || {
                while let Ok(signal) = caught.wait() {
                    let is_for_all = comes_from_a_terminal(signal) && is_in_front();
                    if sender.send(Received { signal, is_for_all }).is_err() {
                        return;
                    }
                }
            };
            std::thread::Builder::new().name("signals".into()).spawn(watch)?;
            Ok(Self(received))
        }

        pub async fn next(&mut self) -> io::Result<Received> {
            self.0.recv().await.ok_or_else(|| io::ErrorKind::BrokenPipe.into())
        }
    }

    fn comes_from_a_terminal(signal: Signal) -> bool {
        matches!(signal, Signal::SIGINT | Signal::SIGQUIT | Signal::SIGTSTP | Signal::SIGWINCH)
    }

    /// Whether what is typed at the terminal reaches us and the command alike. Who sent a signal is not told here.
    fn is_in_front() -> bool {
        let front = rustix::termios::tcgetpgrp(io::stdin());
        front.is_ok_and(|group| group == rustix::process::getpgrp())
    }
}

pub use signals::Signals;
