//! Somebody with a login that must come to no harm.

use std::fs;

use mcpauth::sandbox::{Fault, SandboxOptions};

use crate::peer::Peer;
use crate::support::witness::{Snapshot, run, sign_in};
use crate::support::{Ran, World, call, follow};

/// A world with a login at the sandbox, and what it was like before anybody misbehaved.
pub(crate) struct Victim {
    pub(crate) world: World,
    pub(crate) token: String,
    before: Snapshot,
}

impl Victim {
    pub(crate) fn new() -> Self {
        Self::with(SandboxOptions::default())
    }

    pub(crate) fn with(options: SandboxOptions) -> Self {
        let world = World::with(options);
        world.login(&[]).succeeded();
        let token = world.run(&["token", "box"]).succeeded().stdout.trim_end().to_owned();
        let before = kept(&world);
        Self { world, token, before }
    }

    /// Settles how many seconds an answer is waited for; `None` is as usual. Nobody who means to answer is hurried
    /// more than a story needs.
    pub(crate) fn waits(&mut self, seconds: Option<u64>) {
        let config = self.world.home().join(".config/mcpauth/config.toml");
        let timeout = seconds.map(|seconds| format!("[network]\ntimeout = {seconds}\n")).unwrap_or_default();
        fs::write(config, format!("store = \"file\"\n{timeout}")).unwrap();
        self.before = kept(&self.world);
    }

    /// Lets the sandbox misbehave.
    pub(crate) fn suffers(&self, faults: &[Fault]) {
        self.world.sandbox.change(|options| options.faults = faults.to_vec());
    }

    /// Signs in once more to the sandbox, to replace the login, and asks for everything anew.
    pub(crate) fn sign_in_again(&self, flags: &[&str]) -> Ran {
        let args = [&["login", "box", "--no-browser", "--fresh"], flags].concat();
        sign_in(self.world.after_a_while().command(&args), "", |address| drop(follow(address)))
    }

    /// Signs in to a peer under the name `other`.
    pub(crate) fn sign_in_to(&self, peer: &Peer, flags: &[&str]) -> Ran {
        self.sign_in_to_as("other", peer, flags)
    }

    /// The same under another name.
    pub(crate) fn sign_in_to_as(&self, name: &str, peer: &Peer, flags: &[&str]) -> Ran {
        let url = peer.url();
        let args = [&["login", &url, "--name", name, "--no-browser"], flags].concat();
        sign_in(self.world.after_a_while().command(&args), "", |address| drop(follow(address)))
    }

    /// Runs any other command.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run(self.world.command(args), "")
    }

    /// Makes what is kept of servers and issuers so many seconds older.
    pub(crate) fn age_metadata(&self, seconds: i64) {
        self.world.change_metadata(|page| page["since"] = (page["since"].as_i64().unwrap() - seconds).into());
    }

    /// Forgets the client that was registered, so that the next login registers one.
    pub(crate) fn forget_client(&self) {
        let clients = self.world.home().join(".local/share/mcpauth/clients");
        // There may be none: a login before may have been refused one.
        let _ = fs::remove_dir_all(clients);
    }

    /// Fails unless the login and the settings are what they were, byte for byte, there is no other login, and the
    /// token still opens the server.
    #[track_caller]
    pub(crate) fn is_unharmed(&self) {
        self.keeps_everything();
        self.suffers(&[]);
        let again = self.run(&["token", "box"]);
        assert_eq!((again.exit, again.stdout.trim_end()), (0, self.token.as_str()), "{again:?}");
        assert_eq!(call(&self.world.url(), &self.token), 200);
    }

    /// The first half of it: nothing on the disk has changed.
    #[track_caller]
    pub(crate) fn keeps_everything(&self) {
        let changes = kept(&self.world).changes_since(&self.before);
        assert!(changes.is_empty(), "changed, new or gone: {changes:?}");
    }
}

/// What no failed login may change. A client that was registered on the way may stay for the next attempt.
fn kept(world: &World) -> Snapshot {
    Snapshot::of(world.home()).without(".local/state").without(".local/share/mcpauth/clients")
}

/// Fails unless a command ended so: this exit code, one error with a hint, nothing that drives a terminal.
#[track_caller]
pub(crate) fn ended(ran: &Ran, what: &str, exit: i32, message: &str) {
    assert_eq!((ran.exit, ran.stdout.as_str()), (exit, ""), "{what}: {ran:?}");
    assert!(ran.stderr.contains(message), "{what}: no `{message}` in {ran:?}");
    let count = |word: &str| ran.stderr.lines().filter(|line| line.starts_with(word)).count();
    assert_eq!(count("error: "), 1, "{what}: not one error: {ran:?}");
    assert!(count("hint: ") > 0, "{what}: no hint: {ran:?}");
    assert!(!ran.stderr.contains("panicked"), "{what}: {ran:?}");
    says_nothing_raw(ran, what);
}

/// Fails if a byte that drives a terminal, or a character that deceives a reader, came out.
#[track_caller]
pub(crate) fn says_nothing_raw(ran: &Ran, what: &str) {
    let raw = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
    };
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(raw), "{what}: raw characters in {text:?}");
        let longest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(longest < 2000, "{what}: a line of {longest} characters");
    }
}
