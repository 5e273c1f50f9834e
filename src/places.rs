//! The three directories: configuration, data and state.
//!
//! On Linux and the BSDs they follow the XDG base directory specification. Children of MCP clients often lack
//! the `XDG_*` variables, so a login that was made with them leaves a pointer, `moved.toml`, at the default
//! place. Per directory: variable, then pointer, then default.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use serde::{Deserialize, Serialize};

use crate::files;

/// How a variable of the environment is looked up; a parameter, so that a test can bring its own.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// More than any pointer needs.
const POINTER_LIMIT: u64 = 64 * 1024;

/// Where everything of ours lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// `config.toml` and the profiles; no secrets.
    pub config: PathBuf,
    /// The records.
    pub data: PathBuf,
    /// Locks, journals, the audit log.
    pub state: PathBuf,
    /// Where a process without the variables looks, if that is somewhere else.
    defaults: Option<Box<Directories>>,
}

/// Why the directories are not known.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// There is no home directory to start from.
    #[error("HOME is not set to an absolute path, so there is no place for logins")]
    NoHome,
    /// The pointer exists but cannot be followed.
    #[error("cannot follow {}: {why}", path.display())]
    BadPointer {
        /// The pointer.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The pointer could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The pointer.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl PlacesError {
    /// What the reader can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoHome => Some("set HOME, or name a directory with --config DIR".into()),
            Self::BadPointer { path, .. } => {
                Some(format!("remove {} and log in again, or use --config DIR", path.display()))
            }
            Self::Io { .. } => Some("make the directory writable, or use --config DIR".into()),
        }
    }
}

/// Three paths, as the pointer holds them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Directories {
    config: PathBuf,
    data: PathBuf,
    state: PathBuf,
}

impl Places {
    /// Finds the directories without touching any of them.
    ///
    /// `chosen` is `--config DIR` and wins over everything: then all three lie in it.
    pub fn find(environment: Environment, chosen: Option<&Path>) -> Result<Self, PlacesError> {
        if let Some(config) = chosen {
            let (data, state) = (config.join("data"), config.join("state"));
            return Ok(Self { config: config.into(), data, state, defaults: None });
        }
        let defaults = Directories::by_default(environment)?;
        let moved = Moved::by_variables(environment);
        let pointer = if moved.is_complete() { None } else { defaults.follow_pointer()? };
        let fallback = pointer.unwrap_or_else(|| defaults.clone());
        let is_moved = moved.is_any();
        Ok(Self {
            config: moved.config.unwrap_or(fallback.config),
            data: moved.data.unwrap_or(fallback.data),
            state: moved.state.unwrap_or(fallback.state),
            defaults: is_moved.then(|| Box::new(defaults)),
        })
    }

    /// The directories that another process of ours found.
    pub fn given(config: PathBuf, data: PathBuf, state: PathBuf) -> Self {
        Self { config, data, state, defaults: None }
    }

    /// Writes the pointer if variables moved a directory. To be called before the first write of a login or
    /// profile. Returns a warning instead where the default place is in use by itself, because then a process
    /// without the variables rightly finds what lies there.
    pub fn leave_pointer(&self) -> Result<Option<String>, PlacesError> {
        let Some(defaults) = self.defaults.as_deref() else { return Ok(None) };
        let actual =
            Directories { config: self.config.clone(), data: self.data.clone(), state: self.state.clone() };
        let earlier = defaults.follow_pointer()?;
        if actual == *defaults || earlier.as_ref() == Some(&actual) {
            return Ok(None);
        }
        let rival =
            [Some(defaults), earlier.as_ref()].into_iter().flatten().find(|place| place.rivals(&actual));
        if let Some(place) = rival {
            return Ok(Some(format!(
                "programs that are started without your XDG_* variables will not see this login: they use {}",
                place.data.display()
            )));
        }
        let path = defaults.pointer();
        let text = toml::to_string(&actual)
            .map_err(|error| PlacesError::BadPointer { path: path.clone(), why: error.to_string() })?;
        match files::write_private(&path, text.as_bytes()) {
            Ok(()) => Ok(None),
            Err(source) => Err(PlacesError::Io { path, source }),
        }
    }
}

impl Places {
    /// Whether a process without the variables that moved a directory finds the same ones.
    pub fn found_without_variables(&self) -> Result<bool, PlacesError> {
        let Some(defaults) = self.defaults.as_deref() else { return Ok(true) };
        let found = defaults.follow_pointer()?.unwrap_or_else(|| defaults.clone());
        Ok(found.config == self.config && found.data == self.data && found.state == self.state)
    }
}

impl Directories {
    fn pointer(&self) -> PathBuf {
        self.config.join("moved.toml")
    }

    fn follow_pointer(&self) -> Result<Option<Self>, PlacesError> {
        let path = self.pointer();
        let bad = |why: String| PlacesError::BadPointer { path: path.clone(), why };
        let Some(bytes) =
            files::read_private(&path, POINTER_LIMIT).map_err(|error| bad(error.to_string()))?
        else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&bytes).map_err(|error| bad(error.to_string()))?;
        let moved: Self = toml::from_str(text).map_err(|error| bad(error.message().to_owned()))?;
        if [&moved.config, &moved.data, &moved.state].into_iter().all(|path| path.is_absolute()) {
            Ok(Some(moved))
        } else {
            Err(bad("its paths are not absolute".into()))
        }
    }

    /// Whether somebody uses these directories who would lose sight of them through a pointer to `actual`.
    fn rivals(&self, actual: &Self) -> bool {
        let has_logins = || {
            let entries = std::fs::read_dir(self.data.join("logins"));
            entries.is_ok_and(|mut entries| entries.next().is_some())
        };
        (self.config != actual.config && self.config.join("config.toml").exists())
            || (self.data != actual.data && has_logins())
    }

    #[cfg(all(unix, not(target_vendor = "apple")))]
    fn by_default(environment: Environment) -> Result<Self, PlacesError> {
        let home = environment("HOME")
            .map(PathBuf::from)
            .filter(|home| home.is_absolute())
            .ok_or(PlacesError::NoHome)?;
        let own = own_folder().ok_or(PlacesError::NoHome)?;
        Ok(Self {
            config: home.join(".config").join(&own),
            data: home.join(".local/share").join(&own),
            state: home.join(".local/state").join(&own),
        })
    }

    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    fn by_default(_environment: Environment) -> Result<Self, PlacesError> {
        let system = project_dirs().ok_or(PlacesError::NoHome)?;
        Ok(Self {
            config: system.config_dir().into(),
            // Never the roaming directory: a key in the local keychain seals what lies here.
            data: system.data_local_dir().into(),
            state: system.data_local_dir().join("state"),
        })
    }
}

fn project_dirs() -> Option<ProjectDirs> {
    ProjectDirs::from("", "", "mcpauth")
}

#[cfg(all(unix, not(target_vendor = "apple")))]
fn own_folder() -> Option<PathBuf> {
    project_dirs().map(|system| system.project_path().to_owned())
}

/// The directories that variables move.
#[derive(Default)]
struct Moved {
    config: Option<PathBuf>,
    data: Option<PathBuf>,
    state: Option<PathBuf>,
}

impl Moved {
    #[cfg(all(unix, not(target_vendor = "apple")))]
    fn by_variables(environment: Environment) -> Self {
        // A relative path is invalid and to be ignored (XDG base directory specification, "Basics").
        let absolute = |name: &str| {
            let base = environment(name).map(PathBuf::from).filter(|base| base.is_absolute())?;
            Some(base.join(own_folder()?))
        };
        Self {
            config: absolute("XDG_CONFIG_HOME"),
            data: absolute("XDG_DATA_HOME"),
            state: absolute("XDG_STATE_HOME"),
        }
    }

    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    fn by_variables(_environment: Environment) -> Self {
        Self::default()
    }

    fn is_any(&self) -> bool {
        self.config.is_some() || self.data.is_some() || self.state.is_some()
    }

    fn is_complete(&self) -> bool {
        self.config.is_some() && self.data.is_some() && self.state.is_some()
    }
}

#[cfg(test)]
#[cfg(all(unix, not(target_vendor = "apple")))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt};

    use super::*;

    struct World {
        home: tempfile::TempDir,
    }

    impl World {
        fn new() -> Self {
            Self { home: tempfile::tempdir().unwrap() }
        }

        fn at(&self, path: &str) -> PathBuf {
            self.home.path().join(path)
        }

        /// What a process finds that has HOME and these variables.
        fn find(&self, variables: &[(&str, &Path)]) -> Result<Places, PlacesError> {
            let environment = |name: &str| match name {
                "HOME" => Some(self.home.path().into()),
                _ => {
                    variables.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_os_str().into())
                }
            };
            Places::find(&environment, None)
        }
    }

    #[test]
    fn without_variables_everything_lies_below_home() {
        let world = World::new();
        let places =
            world.find(&[("XDG_DATA_HOME", Path::new("relative")), ("XDG_STATE_HOME", Path::new(""))]);
        let places = places.unwrap();
        assert_eq!(places.config, world.at(".config/mcpauth"));
        assert_eq!(places.data, world.at(".local/share/mcpauth"));
        assert_eq!(places.state, world.at(".local/state/mcpauth"));
        assert_eq!(places.leave_pointer().unwrap(), None);
        assert_eq!(fs::read_dir(world.home.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_bare_process_follows_the_pointer() {
        let world = World::new();
        let moved =
            world.find(&[("XDG_DATA_HOME", &world.at("d")), ("XDG_CONFIG_HOME", &world.at("c"))]).unwrap();
        assert_eq!(moved.data, world.at("d/mcpauth"));
        assert_eq!(moved.leave_pointer().unwrap(), None);
        let pointer = fs::metadata(world.at(".config/mcpauth/moved.toml")).unwrap();
        assert_eq!(pointer.mode() & 0o777, 0o600);

        let bare = world.find(&[]).unwrap();
        assert_eq!((&bare.config, &bare.data, &bare.state), (&moved.config, &moved.data, &moved.state));
        // A variable wins over the pointer for its own directory only.
        let other = world.find(&[("XDG_DATA_HOME", &world.at("e"))]).unwrap();
        assert_eq!((other.data, other.config), (world.at("e/mcpauth"), moved.config));
    }

    #[test]
    fn a_default_place_in_use_is_not_hidden() {
        let world = World::new();
        fs::create_dir_all(world.at(".local/share/mcpauth/logins")).unwrap();
        let moved = world.find(&[("XDG_DATA_HOME", &world.at("d"))]).unwrap();
        fs::write(world.at(".local/share/mcpauth/logins/x"), "").unwrap();
        let warning = moved.leave_pointer().unwrap().unwrap();
        assert!(warning.contains(".local/share/mcpauth"), "{warning}");
        assert!(!world.at(".config/mcpauth/moved.toml").exists());
    }

    #[test]
    fn a_second_moved_place_does_not_take_over_from_the_first() {
        let world = World::new();
        let first = world.find(&[("XDG_DATA_HOME", &world.at("d"))]).unwrap();
        assert_eq!(first.leave_pointer().unwrap(), None);
        fs::create_dir_all(first.data.join("logins/x")).unwrap();
        let second = world.find(&[("XDG_DATA_HOME", &world.at("e"))]).unwrap();
        assert!(second.leave_pointer().unwrap().is_some());
        assert_eq!(world.find(&[]).unwrap().data, first.data);
    }

    #[test]
    fn a_pointer_that_others_could_write_is_refused() {
        let world = World::new();
        let pointer = world.at(".config/mcpauth/moved.toml");
        for (text, mode, complaint) in [
            ("config = '/c'\ndata = '/d'\nstate = '/s'", 0o644, "other users"),
            ("config = 'c'\ndata = '/d'\nstate = '/s'", 0o600, "not absolute"),
            ("nonsense", 0o600, "moved.toml"),
        ] {
            fs::create_dir_all(pointer.parent().unwrap()).unwrap();
            fs::write(&pointer, text).unwrap();
            fs::set_permissions(&pointer, PermissionsExt::from_mode(mode)).unwrap();
            let message = world.find(&[]).unwrap_err().to_string();
            assert!(message.contains(complaint), "{message}");
        }
    }

    #[test]
    fn a_chosen_directory_holds_all_three() {
        let places = Places::find(&|_| None, Some(Path::new("/chosen"))).unwrap();
        assert_eq!(places.config, Path::new("/chosen"));
        assert_eq!(places.state, Path::new("/chosen/state"));
        assert_eq!(places.leave_pointer().unwrap(), None);
    }

    #[test]
    fn without_a_home_nothing_is_guessed() {
        for home in [None, Some(""), Some("relative")] {
            let error =
                Places::find(&|name| home.filter(|_| name == "HOME").map(Into::into), None).unwrap_err();
            assert!(matches!(error, PlacesError::NoHome), "{error}");
        }
    }
}
