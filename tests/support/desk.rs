//! A person's desk, on which a browser would open.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use mcpauth::sandbox::SandboxOptions;

use super::World;
use super::steps::eventually;
use super::talk::Talk;

/// A world in which pages that are opened are written down, until the person comes to them.
pub struct Desk {
    pub world: World,
    opened: PathBuf,
}

impl Desk {
    /// A desk whose server nobody has heard of yet.
    pub fn new() -> Self {
        Self::of(World::new())
    }

    /// The desk of somebody in this world.
    pub fn of(world: World) -> Self {
        let (browser, opened) = (world.home().join("browser"), world.home().join("opened"));
        let script = format!("#!/bin/sh\nprintf '%s\\n' \"$1\" >> '{}'\n", opened.display());
        fs::write(&browser, script).unwrap();
        fs::set_permissions(&browser, Permissions::from_mode(0o755)).unwrap();
        Self { world, opened }
    }

    /// A desk whose server is known, and where nobody is signed in any more.
    pub fn signed_out() -> Self {
        let world = World::signed_in(SandboxOptions::default());
        world.run(&["logout", "box"]).succeeded();
        Self::of(world)
    }

    /// The binary as a child of somebody who has a display and a browser.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.world.command(args);
        command.env("BROWSER", self.world.home().join("browser")).env("DISPLAY", ":0");
        command
    }

    /// A host with a bridge to the server.
    pub fn host(&self, flags: &[&str]) -> Talk {
        let url = self.world.url();
        let args = [&["bridge", &url, "--store", "file"], flags].concat();
        Talk::greeted(self.command(&args), "2025-11-25")
    }

    /// The pages that were opened.
    pub fn pages(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.opened).unwrap_or_default();
        text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(str::to_owned).collect()
    }

    /// Waits for this many pages and gives the last.
    pub fn page(&self, number: usize) -> String {
        eventually(|| self.pages().len() >= number);
        assert_eq!(self.pages().len(), number);
        self.pages().pop().unwrap()
    }
}
