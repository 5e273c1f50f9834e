//! Taking everything that is stored elsewhere, through the real binary: the issuer sees one login that goes on.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that cannot be set up has failed")]

#[path = "../support/mod.rs"]
mod support;

mod interruption;
mod moves;
mod passphrase;
mod versions;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcpauth::sandbox::SandboxOptions;
use support::steps::run;
use support::{Ran, World};

/// A passphrase with everything that a shell would trip over.
const PASSPHRASE: &str = "open 'sesame' $HOME ü";

/// A command that finds one passphrase on file descriptor 3 and another one on 4.
fn with_passphrases(world: &World, passphrase: &str, new: &str, args: &[&str]) -> Command {
    let (file, new_file) = (world.home().join("passphrase"), world.home().join("new-passphrase"));
    mcpauth::files::write_private(&file, format!("{passphrase}\n").as_bytes()).unwrap();
    mcpauth::files::write_private(&new_file, format!("{new}\n").as_bytes()).unwrap();
    let mut command = world.shell(r#"exec "$0" --passphrase-fd 3 "$@" 3<"$OLD" 4<"$NEW""#, args);
    command.env("OLD", file).env("NEW", new_file);
    command
}

fn with_passphrase(world: &World, args: &[&str]) -> Ran {
    run(with_passphrases(world, PASSPHRASE, "", args))
}

/// A world with a login as each of these accounts at `box`, in plain files.
fn signed_in_as(accounts: &[&str]) -> World {
    let world = World::signed_in(SandboxOptions::default());
    for account in accounts {
        world.login(&["--account", account]).succeeded();
    }
    world
}

fn data(world: &World) -> PathBuf {
    world.home().join(".local/share/mcpauth")
}

fn settings(world: &World) -> String {
    fs::read_to_string(world.home().join(".config/mcpauth/config.toml")).unwrap()
}

/// Every file of ours, as text.
fn contents(directory: &Path) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                return contents(&path);
            }
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            vec![(path, text)]
        })
        .collect()
}
