//! Somebody else on the same machine.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::steps::copy_program;

/// The user that no file belongs to.
const NOBODY: u32 = 65_534;

/// Whether the stories run as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command that runs as somebody else, with one variable; `None` where nobody here can be anybody else, which is said
/// aloud.
pub fn command(what: &str, program: &Path, args: &[&str], (name, value): (&str, &Path)) -> Option<Command> {
    let mut command = if is_root() {
        let mut command = Command::new(program);
        command.env(name, value).uid(NOBODY).gid(NOBODY);
        command
    } else if may_be_anybody() {
        let mut command = Command::new("sudo");
        let variable = format!("{name}={}", value.display());
        command.args(["-n", "-u", "nobody", "env", &variable]).arg(program);
        command
    } else {
        is_not_shown(what);
        return None;
    };
    command.args(args).current_dir("/");
    Some(command)
}

fn may_be_anybody() -> bool {
    let mut command = Command::new("sudo");
    command.args(["-n", "-u", "nobody", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Says past the ear of the test runner that a story was left out. Where every story counts it has failed.
pub fn is_not_shown(what: &str) {
    assert!(
        std::env::var_os("CI").is_none(),
        "{what} is not shown: that needs root, or sudo without a password"
    );
    let _ = writeln!(std::io::stderr(), "\nnot shown without root, or sudo without a password: {what}");
}

/// Opens a path and everything above it, up to a directory, to everybody.
pub fn open_to_all(top: &Path, path: &Path) {
    for place in path.ancestors().take_while(|place| place.starts_with(top)) {
        let mode = if place.is_dir() { 0o755 } else { 0o666 };
        fs::set_permissions(place, fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// Runs one story of this program as somebody else, who finds at that variable what he is to knock at.
pub fn plays(story: &str, variable: (&str, &Path)) -> bool {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // A copy that he can run, wherever this one lies.
    let program = place.path().join("story");
    copy_program(&std::env::current_exe().unwrap(), &program);
    let Some(mut command) = self::command(story, &program, &[story, "--exact"], variable) else {
        return false;
    };
    let ran = command.output().unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && told.contains("1 passed"), "{told}");
    true
}
