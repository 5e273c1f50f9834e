//! A room with mounts of its own: file systems in trouble for whoever is inside, and for nobody else on the machine.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A mount namespace. It goes, with all that was mounted there, when this is dropped and nobody is inside any more.
pub(crate) struct Room {
    holder: Child,
}

impl Room {
    /// Opens a room. Needs root, or a kernel that lets everybody have user namespaces.
    pub(crate) fn open() -> Result<Self, String> {
        let mut command = Command::new("unshare");
        if !is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        // It ends with its standard input, however we end.
        command.args(["--mount", "--propagation", "private", "sh", "-c", "echo open; read line"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = command.spawn().map_err(|error| format!("unshare (util-linux): {error}"))?;
        let mut line = String::new();
        let told = holder.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        if matches!(told, Some(Ok(1..))) {
            return Ok(Self { holder });
        }
        let _ = holder.wait();
        Err("there is no mount namespace to be had: run this as root, or allow user namespaces".into())
    }

    /// The same command, inside.
    pub(crate) fn inside(&self, command: &Command) -> Command {
        let target = self.holder.id().to_string();
        let mut words = vec!["nsenter", "--target", &target, "--mount"];
        if !is_root() {
            words.extend(["--user", "--preserve-credentials"]);
        }
        words.push("--");
        after(&words, command)
    }

    /// Runs a shell script inside, which must succeed.
    pub(crate) fn run(&self, script: &str) -> Result<(), String> {
        let mut shell = Command::new("sh");
        shell.args(["-euc", script]);
        let output = self.inside(&shell).output().map_err(|error| format!("nsenter: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("`{script}`: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Where somebody outside sees a path as it is inside.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(path.strip_prefix("/").unwrap_or(path))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command with words before it, in the same world.
pub(crate) fn after(words: &[&str], command: &Command) -> Command {
    let mut whole = Command::new(words[0]);
    whole.args(&words[1..]).arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    let envs: Vec<_> = command.get_envs().collect();
    if !envs.is_empty() {
        whole.env_clear();
    }
    whole.envs(envs.into_iter().filter_map(|(name, value)| Some((name, value?))));
    whole
}
