//! A deed that is disturbed, and what is found of the login afterwards.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use mcpauth::clock::{Clock as _, SystemClock};
use mcpauth::sandbox::{Books, Family, SandboxOptions};
use serde_json::json;

use crate::settings::Size;
use crate::strace::{Traced, Watch, traced_by};
use crate::support::witness::{run, sign_in};
use crate::support::{Ran, World, call};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// A token is asked for that has to be new.
    Refresh,
    /// What the command starts for that, without the command.
    Worker,
    /// A login where there was none, nor anything else of ours.
    FirstLogin,
    /// A login in place of another.
    NextLogin,
    Logout,
}

/// A home and an issuer, ready for the deed.
pub(crate) struct Scene {
    world: World,
    deed: Deed,
}

impl Scene {
    pub(crate) fn new(size: &Size, deed: Deed, grace: u64) -> Self {
        let scene = Self { world: size.world(SandboxOptions { grace, ..SandboxOptions::default() }), deed };
        scene.prepare();
        scene
    }

    /// What the issuer knows now.
    pub(crate) fn issuer(&self) -> Books {
        self.world.sandbox.books()
    }

    /// Makes the state in which the deed begins.
    fn prepare(&self) {
        match self.deed {
            Deed::FirstLogin => {
                for directory in [".config", ".local"] {
                    // There is none at first.
                    let _ = fs::remove_dir_all(self.world.home().join(directory));
                }
            }
            _ if !self.is_there() => {
                self.world.login(&[]).succeeded();
            }
            _ => {}
        }
    }

    /// Does it under strace.
    pub(crate) fn perform(&self, watch: Watch, options: &[&str]) -> Result<Traced, String> {
        self.prepare();
        let url = self.world.url();
        match self.deed {
            Deed::Refresh => {
                self.traced(&["token", "box", "--force-refresh"], watch, options, |command| run(command, ""))
            }
            Deed::Worker => self.traced(&["refresh-worker"], watch, options, |command| self.work(command)),
            Deed::FirstLogin | Deed::NextLogin => {
                // A person who sees nothing come of it gives up soon.
                let args =
                    ["login", &url, "--name", "box", "--no-browser", "--store", "file", "--timeout", "3"];
                self.traced(&args, watch, options, |command| sign_in(command, "", consent))
            }
            Deed::Logout => self.traced(&["logout", "box"], watch, options, |command| run(command, "")),
        }
    }

    fn traced(
        &self,
        args: &[&str],
        watch: Watch,
        options: &[&str],
        carry_out: impl FnOnce(Command) -> Ran,
    ) -> Result<Traced, String> {
        let mut command = self.world.command(args);
        // One file with a certificate instead of hundreds: reading them all is no part of the deed.
        command.env("SSL_CERT_FILE", certificate()?);
        traced_by(carry_out, &command, watch, options)
    }

    /// Gives a worker its task and the lock, as the command does.
    fn work(&self, mut command: Command) -> Ran {
        let home = self.world.home();
        let task = json!({
            "config": home.join(".config/mcpauth"), "data": home.join(".local/share/mcpauth"),
            "state": home.join(".local/state/mcpauth"), "store": "file", "server": "box", "account": "default",
            "now": SystemClock.now(), "verbose": 0, "caller": { "command": "token", "parents": [] }, "errand": { "seen": u64::MAX, "is_urgent": true },
        });
        command.stdin(Stdio::piped()).stdout(self.lock()).stderr(Stdio::piped());
        let mut worker = command.spawn().unwrap();
        // The lock is to end with the worker.
        drop(command);
        // A worker that dies early does not read.
        let _ = worker.stdin.take().unwrap().write_all(format!("{task}\n").as_bytes());
        let mut said = Vec::new();
        worker.stderr.take().unwrap().read_to_end(&mut said).unwrap();
        let exit = mcpauth::platform::exit_code(worker.wait().unwrap()).into();
        Ran { exit, stdout: String::new(), stderr: String::from_utf8_lossy(&said).into_owned() }
    }

    /// The lock of the login, held.
    fn lock(&self) -> File {
        let name = self.record().unwrap();
        let path = self.world.home().join(".local/state/mcpauth/locks").join(format!("{name}.lock"));
        let file = File::options().read(true).write(true).open(path).unwrap();
        file.lock().unwrap();
        file
    }

    /// The name of the record of the login; besides, there may be what a dead writer left.
    fn record(&self) -> Option<String> {
        let mut names =
            self.world.records().into_iter().filter_map(|path| path.file_name()?.to_str().map(str::to_owned));
        let is_one = |name: &String| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        names.find(is_one)
    }

    fn is_there(&self) -> bool {
        self.record().is_some()
    }

    /// What an undisturbed look finds must be the state before or the state after, and what was said must be true.
    pub(crate) fn judge(&self, ran: &Ran, before: &Books) -> Result<(), String> {
        match self.deed {
            Deed::Refresh => self.judge_refresh(ran),
            Deed::Worker => self.login_is_whole().map_err(|why| format!("{why}, after {ran:?}")),
            Deed::FirstLogin | Deed::NextLogin => self.judge_login(ran, before),
            Deed::Logout => self.judge_logout(ran),
        }
    }

    fn judge_refresh(&self, ran: &Ran) -> Result<(), String> {
        if ran.exit == 0 {
            self.opens(ran)?;
            let stored = self.look(&["token", "box"]);
            check(stored.stdout == ran.stdout, || format!("not what is stored: {ran:?}, but {stored:?}"))?;
        }
        self.login_is_whole().map_err(|why| format!("{why}, after {ran:?}"))
    }

    fn judge_login(&self, ran: &Ran, before: &Books) -> Result<(), String> {
        let told = format!("after {ran:?}");
        let there = self.is_there();
        check(ran.exit != 0 || there, || format!("there is no login, {told}"))?;
        check(self.deed == Deed::FirstLogin || there, || {
            format!("neither the old nor the new login, {told}")
        })?;
        if there {
            self.login_is_whole().map_err(|why| format!("{why}, {told}"))?;
        } else {
            let list = self.look(&["list"]);
            check(list.exit == 0, || format!("{list:?}, {told}"))?;
        }
        if ran.exit == 0 {
            let families = self.issuer().families;
            let new = families.get(before.families.len()..).unwrap_or_default();
            check(new.iter().any(|family| family.refreshes > 0), || {
                format!("it is not the new login, {told}")
            })?;
        }
        // However it ended, the next one is clean.
        let next = self.world.login(&[]);
        check(next.exit == 0, || format!("the next login: {next:?}, {told}"))?;
        self.login_is_whole().map_err(|why| format!("after the next login: {why}, {told}"))
    }

    fn judge_logout(&self, ran: &Ran) -> Result<(), String> {
        let told = format!("after {ran:?}");
        let is_there = || self.is_there();
        let ended = || self.issuer().families.last().is_none_or(|Family { alive, .. }| !alive);
        let says = |what: &str| ran.stderr.contains(what);
        if ran.exit == 0 {
            check(!is_there(), || format!("the login is still here, {told}"))?;
            let is_true = !says("refresh token at the issuer: done") || ended();
            check(is_true, || format!("the login lives on at the issuer, {told}"))?;
            let known = ended() || says("warning: refresh token at the issuer: failed");
            return check(known, || format!("the login lives on at the issuer and nobody was told, {told}"));
        }
        check(!says("deleted") || !is_there(), || format!("the login is still here, {told}"))?;
        if is_there() {
            let list = self.look(&["list"]);
            check(list.exit == 0 && list.stdout.contains("box"), || format!("{list:?}, {told}"))?;
            let again = self.look(&["logout", "box"]);
            check(again.exit == 0 && !is_there(), || format!("it cannot be finished: {again:?}, {told}"))?;
        }
        check(ended(), || format!("gone here and alive at the issuer, {told}"))
    }

    /// The login is listed, gives a new token that the server takes, and lives on.
    fn login_is_whole(&self) -> Result<(), String> {
        let list = self.look(&["list"]);
        check(list.exit == 0 && list.stdout.contains("box"), || format!("list: {list:?}"))?;
        let next = self.look(&["token", "box", "--force-refresh"]);
        check(next.exit == 0, || format!("lost: {next:?}"))?;
        self.opens(&next)
    }

    /// The server takes the token.
    fn opens(&self, ran: &Ran) -> Result<(), String> {
        let status = call(&self.world.url(), ran.stdout.trim_end());
        check(status == 200, || format!("the server answers {status} to the token of {ran:?}"))
    }

    /// Runs a command that nobody disturbs.
    fn look(&self, args: &[&str]) -> Ran {
        run(self.world.command(args), "")
    }
}

/// A browser in which a person consents, and which is not surprised by anything that comes of it.
fn consent(address: &str) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let visit = async {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(3)).build().unwrap();
        // Whoever was to be told may be dead.
        let _ = client.get(address).send().await;
    };
    mcpauth::http::block_on(visit).unwrap();
}

/// One of the system's certificates.
fn certificate() -> Result<std::path::PathBuf, String> {
    let entries = fs::read_dir("/etc/ssl/certs").map_err(|error| format!("ca-certificates: {error}"))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let is_one = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "pem");
    paths.into_iter().find(is_one).ok_or_else(|| "there are no certificates in /etc/ssl/certs".to_owned())
}

/// An error unless something holds.
pub(crate) fn check(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}
