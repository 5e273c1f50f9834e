//! The directories: whether they are ours alone, whether there is room, and whether locks and writes hold.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::config::ConfigError;
use crate::files;
use crate::flows::App;
use crate::platform::{self, FileSystem};
use crate::store::StoreError;
use crate::wording::{count, quoted};

/// Less than this is little room, in bytes: a log and a few hundred logins.
const LITTLE_ROOM: u64 = 16 * 1024 * 1024;
/// Less than this are few files.
const FEW_FILES: u64 = 100;
/// How deep our directories are.
const DEPTH: u32 = 3;

/// Everything about the directories. Those that are not there yet are not made.
pub(super) fn examine(app: &App, fix: bool) -> Vec<Finding> {
    let places = app.config.places();
    let roots = [places.data.as_path(), places.state.as_path()];
    let mut paths: Vec<PathBuf> = roots.iter().flat_map(|root| below(root, DEPTH)).collect();
    paths.sort();
    paths.dedup();
    let mut findings = vec![directories(app, fix)];
    findings.extend(modes(&paths, fix));
    findings.extend(leftovers(&paths, fix));
    findings.extend(roots.iter().filter_map(|root| nearest(root)).map(room));
    findings.dedup_by(|one, other| one.seen == other.seen);
    let written = [places.data.join("logins"), places.state.clone()];
    findings
        .extend(written.iter().filter(|directory| directory.is_dir()).map(|directory| writing(directory)));
    findings.push(locks(&places.state, &paths));
    findings
}

/// Where everything is, and whether a program without the variables of this one finds the same.
fn directories(app: &App, fix: bool) -> Finding {
    let what = "directories";
    let places = app.config.places();
    let seen = format!("{}, {}, {}", places.config.display(), places.data.display(), places.state.display());
    match places.found_without_variables() {
        Ok(false) if !places.data.exists() => Finding::ok(what, format!("{seen} (none yet)")),
        Ok(false) if fix => match app.leave_pointer() {
            Ok(()) => Finding::fixed(what, "left word at the default place of where they are"),
            Err(error) => Finding::failed(what, error),
        },
        Ok(false) => Finding::warn(
            what,
            format!("{seen}: programs that are started without your XDG_* variables look elsewhere"),
            "run `mcpauth doctor --fix`, which leaves word at the default place",
        ),
        Ok(true) => Finding::ok(what, seen),
        Err(error) => Finding::failed(what, ConfigError::from(error)),
    }
}

/// Everything below a directory, itself first. Links are not followed.
fn below(path: &Path, depth: u32) -> Vec<PathBuf> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Vec::new() };
    let mut paths = vec![path.to_owned()];
    if metadata.is_dir() && depth > 0 {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        paths.extend(entries.flat_map(|entry| below(&entry.path(), depth - 1)));
    }
    paths
}

/// The directory itself, or the one above in which it will be made.
fn nearest(path: &Path) -> Option<&Path> {
    path.ancestors().find(|path| path.exists())
}

/// Whether nobody else can read or change anything.
fn modes(paths: &[PathBuf], fix: bool) -> Vec<Finding> {
    let findings: Vec<Finding> = paths.iter().filter_map(|path| mode(path, fix)).collect();
    if findings.is_empty() {
        return vec![Finding::ok("modes", format!("{}, yours alone", count(paths.len(), "path")))];
    }
    findings
}

fn mode(path: &Path, fix: bool) -> Option<Finding> {
    let what = "modes";
    let looked = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => platform::check_private_dir(path),
        // What is gone meanwhile is nobody's trouble.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => platform::open_private(path).map(drop),
    };
    match StoreError::at(path, looked.err()?) {
        StoreError::Exposed { .. } if fix => Some(match platform::make_private(path) {
            Ok(()) => Finding::fixed(what, format!("made {} yours alone", path.display())),
            Err(error) => Finding::failed(what, StoreError::at(path, error)),
        }),
        error => Some(Finding::failed(what, error)),
    }
}

/// What crashed writers left, and what was set aside.
fn leftovers(paths: &[PathBuf], fix: bool) -> Vec<Finding> {
    let what = "leftovers";
    let directories = paths.iter().filter(|path| path.is_dir());
    let left: Vec<PathBuf> = directories.filter_map(|path| files::leftovers(path).ok()).flatten().collect();
    let mut findings: Vec<Finding> =
        paths.iter().filter(|path| was_damaged(path)).map(|path| kept(path)).collect();
    if left.is_empty() {
        return if findings.is_empty() { vec![Finding::ok(what, "none")] } else { findings };
    }
    let files = count(left.len(), "temporary file");
    findings.push(if !fix {
        let seen = format!("{files} of writers that crashed, such as {}", left[0].display());
        Finding::warn(what, seen, "run `mcpauth doctor --fix`")
    } else if let Some((path, error)) =
        left.iter().find_map(|path| Some((path, fs::remove_file(path).err()?)))
    {
        Finding::failed(what, StoreError::at(path, error))
    } else {
        Finding::fixed(what, format!("removed {files} of writers that crashed"))
    });
    findings
}

fn was_damaged(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains(".damaged-"))
}

/// Never removed by us: what is in it may be all that is left of a login.
fn kept(path: &Path) -> Finding {
    let seen = format!("{} was damaged and set aside", path.display());
    let remedy = format!("if nothing in it is needed: `rm {}`", quoted(&path.display().to_string()));
    Finding::warn("leftovers", seen, remedy)
}

/// What holds a directory, and how much room is left.
fn room(path: &Path) -> Finding {
    match platform::file_system(path) {
        Ok(found) => judge(path, found),
        Err(error) => Finding::failed("file system", StoreError::at(path, error)),
    }
}

fn judge(path: &Path, found: FileSystem) -> Finding {
    let what = "file system";
    let path = path.display();
    let bytes = found.free_bytes.map(|bytes| format!("{} MiB free", bytes / 1024 / 1024));
    let files = found.free_files.map(|files| format!(", room for {files} files"));
    let seen =
        format!("{path}: {}{}", bytes.unwrap_or_else(|| "room unknown".into()), files.unwrap_or_default());
    if found.free_bytes.is_some_and(|bytes| bytes < LITTLE_ROOM)
        || found.free_files.is_some_and(|n| n < FEW_FILES)
    {
        return Finding::warn(what, seen, "free some space: a refresh needs room for what it is told");
    }
    match found.doubtful {
        Some(kind @ ("tmpfs" | "ramfs")) => {
            let seen = format!("{seen}; {kind} is gone after a restart, and every login with it");
            Finding::warn(what, seen, "put the directory on a disk: set XDG_DATA_HOME and XDG_STATE_HOME")
        }
        Some(kind) => {
            let seen = format!("{seen}; on {kind} locks may not hold between machines");
            Finding::warn(
                what,
                seen,
                "put the directory on a local disk: set XDG_DATA_HOME and XDG_STATE_HOME",
            )
        }
        None => Finding::ok(what, seen),
    }
}

/// Writes, reads and removes a file as the store would.
fn writing(directory: &Path) -> Finding {
    let what = "writing";
    let tried = files::probe(directory).and_then(|path| {
        let bytes = [7; 4096];
        let tried = files::write_private(&path, &bytes).and_then(|()| files::read_private(&path, 4096));
        // Also after a failure that left something.
        files::remove(&path)?;
        Ok(tried?.is_some_and(|read| *read == bytes))
    });
    match tried {
        Ok(true) => Finding::ok(what, format!("{} keeps what is written", directory.display())),
        Ok(false) => {
            let error = io::Error::other("what was written did not come back");
            Finding::failed(what, StoreError::at(directory, error))
        }
        Err(error) => Finding::failed(what, StoreError::at(directory, error)),
    }
}

/// Whether two who lock the same file keep each other out.
fn locks(state: &Path, records: &[PathBuf]) -> Finding {
    let what = "locks";
    let directory = Some(state.join("locks")).filter(|locks| locks.is_dir());
    let Some(directory) = directory.or_else(|| Some(state.to_owned()).filter(|state| state.is_dir())) else {
        return Finding::ok(what, "none needed yet");
    };
    let tried = files::probe(&directory).and_then(|path| {
        let tried = exclude(&path);
        files::remove(&path)?;
        tried
    });
    let no_locks = |source| Finding::failed(what, StoreError::NoLocks { path: directory.clone(), source });
    match tried {
        Ok(true) => {
            Finding::ok(what, format!("two processes keep each other out{}", idle(&directory, records)))
        }
        Ok(false) => no_locks(io::Error::other("two processes could hold one lock")),
        Err(error) => no_locks(error),
    }
}

/// Locks whose login is gone. They hold nothing, and removing one could part two who wait for it.
fn idle(locks: &Path, paths: &[PathBuf]) -> String {
    let names: Vec<&OsStr> =
        paths.iter().filter(|path| !path.starts_with(locks)).filter_map(|path| path.file_name()).collect();
    let is_idle = |path: &&PathBuf| {
        let of_record = path.file_stem().filter(|stem| path.starts_with(locks) && stem.len() == 64);
        of_record.is_some_and(|name| !names.contains(&name))
    };
    match paths.iter().filter(is_idle).count() {
        0 => String::new(),
        idle => format!("; {} of logins that are gone, which may stay", count(idle, "lock")),
    }
}

fn exclude(path: &Path) -> io::Result<bool> {
    let held = platform::open_lock_file(path)?;
    held.try_lock().map_err(io::Error::from)?;
    let kept_out = platform::open_lock_file(path)?.try_lock().is_err();
    drop::<File>(held);
    let free = platform::open_lock_file(path)?.try_lock().is_ok();
    Ok(kept_out && free)
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    #[test]
    fn a_place_is_judged_by_what_may_happen_there() {
        let roomy = FileSystem { free_bytes: Some(1 << 40), free_files: Some(1 << 20), doubtful: None };
        for (found, result, words) in [
            (roomy, Health::Ok, "1048576 MiB free, room for 1048576 files"),
            (FileSystem::default(), Health::Ok, "room unknown"),
            (FileSystem { free_bytes: Some(1 << 20), ..roomy }, Health::Warn, "1 MiB free"),
            (FileSystem { free_files: Some(0), ..roomy }, Health::Warn, "room for 0 files"),
            (FileSystem { doubtful: Some("NFS"), ..roomy }, Health::Warn, "on NFS locks may not hold"),
            (FileSystem { doubtful: Some("tmpfs"), ..roomy }, Health::Warn, "gone after a restart"),
        ] {
            let finding = judge(Path::new("/place"), found);
            assert_eq!((finding.result, finding.seen.contains(words)), (result, true), "{finding:?}");
        }
    }
}
