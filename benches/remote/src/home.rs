//! A person's home: who bridges from it, and what has been signed in there.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use mcpauth_remote_bench::Outcome;
use tempfile::TempDir;

use crate::host::Host;
use crate::places;
use crate::server::Server;

/// Who is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Floor,
    Mcpauth,
    McpRemote,
}

impl Kind {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Mcpauth => "mcpauth",
            Self::McpRemote => "mcp-remote",
        }
    }

    /// All that are there: a build of mcpauth that has the command, and mcp-remote if npm has installed it.
    pub(crate) fn all() -> Vec<Self> {
        let own = Command::new(places::mcpauth()).args(["bridge", "--help"]).output();
        let mut all = vec![Self::Floor];
        if own.is_ok_and(|help| help.status.success()) {
            all.push(Self::Mcpauth);
        }
        if places::mcp_remote().exists() {
            all.push(Self::McpRemote);
        }
        all
    }
}

/// A home with a browser.
pub(crate) struct Home {
    kind: Kind,
    place: TempDir,
    url: String,
}

impl Home {
    /// Nobody has signed in.
    pub(crate) fn new(kind: Kind, server: &Server) -> Outcome<Self> {
        let place = places::scratch()?;
        let programs = place.path().join("bin");
        fs::create_dir(&programs)?;
        fs::hard_link(places::own("browser")?, programs.join("xdg-open"))?;
        Ok(Self { kind, place, url: server.url() })
    }

    /// Somebody has signed in.
    pub(crate) fn signed_in(kind: Kind, server: &Server) -> Outcome<Self> {
        let home = Self::new(kind, server)?;
        home.sign_in(server)?;
        Ok(home)
    }

    fn sign_in(&self, server: &Server) -> Outcome {
        match self.kind {
            Kind::Floor => fs::write(self.path("token"), server.token()?)?,
            Kind::Mcpauth => {
                let said = self.login()?.output()?;
                if !said.status.success() {
                    return Err(String::from_utf8_lossy(&said.stderr).into());
                }
            }
            Kind::McpRemote => {
                let mut host = Host::start(self.login()?)?;
                host.initialize()?;
                host.hang_up()?;
            }
        }
        // The browser of the login does not count, and no other is to be answered.
        let _ = fs::remove_file(self.path("bin/opened"));
        Ok(fs::write(self.path("bin/ignore"), "")?)
    }

    /// The command that opens the browser when nobody has signed in.
    pub(crate) fn login(&self) -> Outcome<Command> {
        if self.kind != Kind::Mcpauth {
            return self.bridge();
        }
        let mut command = self.command(places::mcpauth());
        command.args(["login", &self.url, "--name", "bench", "--store", "file"]);
        Ok(command)
    }

    /// The bridge, as a host's configuration names it.
    pub(crate) fn bridge(&self) -> Outcome<Command> {
        let mut command = match self.kind {
            Kind::Floor => self.command(places::own("floor-async")?),
            Kind::Mcpauth => self.command(places::mcpauth()),
            Kind::McpRemote => self.command("/usr/bin/env".into()),
        };
        match self.kind {
            Kind::Floor => command.arg(&self.url).arg(self.path("token")),
            Kind::Mcpauth => command.args(["bridge", "bench"]),
            Kind::McpRemote => {
                command.arg("node").arg(places::mcp_remote()).args([&self.url, "--allow-http"])
            }
        };
        Ok(command)
    }

    pub(crate) fn title(&self) -> &'static str {
        self.kind.title()
    }

    /// Any program in the environment of this home.
    pub(crate) fn command(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        let programs = self.path("bin");
        command.env_clear().env("HOME", self.place.path()).env("LANG", "C.UTF-8");
        command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display()));
        command.env("BROWSER", format!("{} %s", programs.join("xdg-open").display()));
        let log = File::options().create(true).append(true).open(self.path("said"));
        command.stderr(log.map_or_else(|_| Stdio::null(), Stdio::from));
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// When a browser was opened, in nanoseconds, each time.
    pub(crate) fn browsers(&self) -> Vec<u64> {
        let opened = fs::read_to_string(self.path("bin/opened")).unwrap_or_default();
        opened.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// What the programs of this home have said on standard error.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.path("said")).unwrap_or_default()
    }

    /// A bridge that has begun a session.
    pub(crate) fn host(&self) -> Outcome<Host> {
        let mut host = Host::start(self.bridge()?)?;
        match host.initialize() {
            Ok(()) => Ok(host),
            Err(error) => Err(format!("{}: {error}\n{}", self.kind.title(), self.said()).into()),
        }
    }
}

/// How long an answer may take before it counts as none.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
