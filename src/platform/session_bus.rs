//! Linux and the BSDs: where the session bus is, for a process that was not told.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::unix::user_id;

pub fn find_session_bus(remembered: Option<&str>) -> bool {
    let Some(address) = missing_bus_address(&|name| std::env::var_os(name), remembered) else { return false };
    #[expect(unsafe_code, reason = "libdbus takes the address only from the environment")]
    #[expect(clippy::disallowed_methods, reason = "the one exception")]
    // SAFETY: the contract of this function says that no other thread runs yet, so nobody reads the
    // environment while it changes.
    unsafe {
        std::env::set_var("DBUS_SESSION_BUS_ADDRESS", address);
    }
    true
}

/// The address of the session bus, for a process that was not told; `None` if it was, or if none is found.
fn missing_bus_address(
    variable: &dyn Fn(&str) -> Option<OsString>,
    remembered: Option<&str>,
) -> Option<String> {
    if variable("DBUS_SESSION_BUS_ADDRESS").is_some_and(|address| !address.is_empty()) {
        return None;
    }
    let runtime_dir = variable("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let usual_dir = PathBuf::from(format!("/run/user/{}", user_id()));
    runtime_dir
        .into_iter()
        .chain([usual_dir])
        .map(|directory| directory.join("bus"))
        .find(|socket| is_socket_of_ours(socket))
        .map(|socket| format!("unix:path={}", bus_escaped(&socket)))
        .or_else(|| remembered.map(str::to_owned))
}

fn is_socket_of_ours(path: &Path) -> bool {
    fs::symlink_metadata(path)
        .is_ok_and(|metadata| metadata.file_type().is_socket() && metadata.uid() == user_id())
}

/// Escapes a path for an address of D-Bus (D-Bus specification, "Server Addresses").
fn bus_escaped(path: &Path) -> String {
    let mut escaped = String::new();
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-_/.*\\".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02x}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn the_bus_is_found_at_its_usual_socket() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("run dir");
        fs::create_dir(&directory).unwrap();
        let found = |address: Option<&str>, remembered| {
            missing_bus_address(
                &|name| match name {
                    "DBUS_SESSION_BUS_ADDRESS" => address.map(OsString::from),
                    _ => Some(directory.clone().into()),
                },
                remembered,
            )
        };
        assert_eq!(found(Some("unix:path=/given"), Some("unix:path=/old")), None);
        fs::write(directory.join("bus"), "not a socket").unwrap();
        assert!(!found(None, None).is_some_and(|address| address.contains("run%20dir")));
        fs::remove_file(directory.join("bus")).unwrap();
        let _listener = UnixListener::bind(directory.join("bus")).unwrap();
        for address in [None, Some("")] {
            let address = found(address, Some("unix:path=/old")).unwrap();
            assert!(address.starts_with("unix:path=/") && address.ends_with("/run%20dir/bus"), "{address}");
        }
    }
}
