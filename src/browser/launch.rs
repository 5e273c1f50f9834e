//! Starts a program and lets it go.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, io, thread};

/// A program that fails within this time did not open the page, so the next one is tried. Later failures
/// are those of a browser that the person has used and closed.
const QUICK_FAILURE: Duration = Duration::from_secs(2);

/// Where programs are when `$PATH` does not say.
const USUAL_PATH: &str = if cfg!(windows) { "" } else { "/usr/local/bin:/usr/bin:/bin" };

/// A program with its arguments, found and ready to start.
pub(super) struct Launch {
    program: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, Option<OsString>)>,
}

impl Launch {
    /// Finds the program that the first word names; `None` if it is not installed.
    pub(super) fn resolve(words: &[OsString], path: Option<&OsStr>) -> Option<Self> {
        let (name, arguments) = words.split_first()?;
        let path = absolute_only(path.unwrap_or(OsStr::new(USUAL_PATH)));
        let program = find(name, &path)?;
        // What the program starts in turn is looked up as carefully as the program.
        // An empty path would mean the working directory to some; none at all means the usual places.
        let path = if path.is_empty() { None } else { env::join_paths(path).ok() };
        let variables = vec![("PATH".into(), path)];
        Some(Self { program, arguments: arguments.to_vec(), variables })
    }

    /// The same for a command that was made elsewhere; its arguments and variables are kept.
    pub(super) fn resolve_command(command: &Command, path: Option<&OsStr>) -> Option<Self> {
        let words: Vec<OsString> =
            std::iter::once(command.get_program()).chain(command.get_args()).map(OsString::from).collect();
        let mut launch = Self::resolve(&words, path)?;
        let variables = command.get_envs().map(|(name, value)| (name.to_owned(), value.map(OsString::from)));
        launch.variables.extend(variables);
        Some(launch)
    }

    /// What is started.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Starts it in a session of its own, with nothing of ours but the environment.
    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        for (name, _) in env::vars_os() {
            if is_ours(&name) {
                command.env_remove(name);
            }
        }
        for (name, value) in &self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        detach(&mut command);
        command.spawn()
    }
}

/// Starts the first that can be started and returns; a thread goes on to the next if that one fails at once.
pub(super) fn start_first(launches: Vec<Launch>) -> io::Result<()> {
    let mut launches = launches.into_iter();
    let started = start_next(&mut launches)?;
    // Without a thread the program runs all the same; it only is not followed by another.
    let _ = thread::Builder::new().name("browser".into()).spawn(move || follow(started, launches));
    Ok(())
}

/// Starts the next that can be started; the last error if none can.
fn start_next(launches: &mut impl Iterator<Item = Launch>) -> io::Result<Child> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for launch in launches {
        match launch.start() {
            Ok(child) => return Ok(child),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Reaps a program, and starts the next one if it failed quickly.
fn follow(mut child: Child, mut rest: impl Iterator<Item = Launch>) {
    loop {
        let since = Instant::now();
        let succeeded = child.wait().is_ok_and(|status| status.success());
        // Explorer reports failure whatever happens, so on Windows a second page would follow the first.
        if succeeded || cfg!(windows) || since.elapsed() > QUICK_FAILURE {
            return;
        }
        match start_next(&mut rest) {
            Ok(next) => child = next,
            Err(_) => return,
        }
    }
}

/// The entries of a search path that do not depend on the working directory, in which anybody may have put
/// a program named like ours.
fn absolute_only(path: &OsStr) -> Vec<PathBuf> {
    env::split_paths(path).filter(|entry| entry.is_absolute()).collect()
}

/// The file that a name stands for; a relative path stands for none.
fn find(name: &OsStr, path: &[PathBuf]) -> Option<PathBuf> {
    let named = Path::new(name);
    if named.is_absolute() {
        return is_program(named).then(|| named.to_owned());
    }
    if named.components().count() != 1 || name.to_string_lossy().contains(std::path::is_separator) {
        return None;
    }
    path.iter().map(|entry| with_extension(entry.join(name))).find(|file| is_program(file))
}

#[cfg(windows)]
fn with_extension(mut file: PathBuf) -> PathBuf {
    // Only this one of %PATHEXT%: the arguments of a batch file pass through a command interpreter.
    if file.extension().is_none() {
        file.set_extension("exe");
    }
    file
}

#[cfg(not(windows))]
fn with_extension(file: PathBuf) -> PathBuf {
    file
}

#[cfg(windows)]
fn is_program(file: &Path) -> bool {
    file.is_file() && file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("exe"))
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Whether a variable is a setting of this program: some of them are secrets, and none is a browser's.
fn is_ours(name: &OsStr) -> bool {
    name.as_encoded_bytes().get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"MCPAUTH_"))
}

#[cfg(windows)]
fn detach(command: &mut Command) {
    use std::os::windows::process::CommandExt;

    /// No flash of a console window.
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    /// Ctrl-C in our console is not the browser's.
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    command.creation_flags(CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP);
}

/// A session of its own, so that closing the terminal does not close the browser, and no open file but the
/// three: what our own parent left open (a passphrase on descriptor 3) is not for a browser.
#[cfg(unix)]
fn detach(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    let prepare = || {
        rustix::process::setsid()?;
        close_on_exec();
        Ok(())
    };
    #[expect(
        unsafe_code,
        reason = "runs between fork and exec: only plain system calls, no allocation, no lock"
    )]
    unsafe {
        command.pre_exec(prepare);
    }
}

/// Marks every descriptor above the three standard ones to be closed when the program starts. Closing them
/// here would take the pipe through which the standard library learns that the start failed.
#[cfg(unix)]
fn close_on_exec() {
    use nix::libc;

    /// How far to go where the kernel cannot do it in one call.
    const HIGHEST: libc::c_int = 1024;
    #[cfg(target_os = "linux")]
    {
        const FIRST: libc::c_long = 3;
        const CLOSE_RANGE_CLOEXEC: libc::c_long = 4;
        #[expect(
            unsafe_code,
            reason = "a system call without memory arguments; a bad range is an error code"
        )]
        let answer =
            unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_long::MAX, CLOSE_RANGE_CLOEXEC) };
        if answer == 0 {
            return;
        }
    }
    for descriptor in 3..HIGHEST {
        #[expect(unsafe_code, reason = "sets a flag of a number; an unused one is an error code")]
        unsafe {
            libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_only_by_absolute_entries() {
        let path = OsStr::new(":.:bin:/bin:/usr/bin");
        let sh = find(OsStr::new("sh"), &absolute_only(path)).unwrap();
        assert!(sh.is_absolute(), "{sh:?}");
        assert_eq!(find(OsStr::new("/bin/sh"), &[]), Some("/bin/sh".into()));
        for name in ["./sh", "bin/sh", "../bin/sh", "", ".", "no-such-program", "/bin", "/etc/passwd", "sh/"]
        {
            assert_eq!(find(OsStr::new(name), &absolute_only(path)), None, "{name}");
        }
    }

    #[test]
    fn our_settings_are_told_from_others() {
        assert!(is_ours(OsStr::new("MCPAUTH_PASSPHRASE")));
        assert!(is_ours(OsStr::new("mcpauth_store")));
        assert!(!is_ours(OsStr::new("MCPAUTH")));
        assert!(!is_ours(OsStr::new("DISPLAY")));
    }
}
