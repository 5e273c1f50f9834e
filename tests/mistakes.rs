//! One file per mistake: what a person may get wrong, and the one clear message, the hint and the exit code that
//! it ends in. Every mistake is made twice, the second time with `--json`.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a case that cannot be set up has failed")]

mod support;

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use mcpauth::sandbox::{Fault, SandboxOptions};
use serde::Deserialize;
use serde_json::{Value, json};
use support::witness::{self, Snapshot};
use support::{Ran, World, call};

/// A mistake. In its texts `{url}` is the sandbox's server, `{origin}` its origin, `{home}` the home, `{record}` the
/// file of the login and `{taken_port}` a port that somebody listens at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The command line.
    args: Vec<String>,
    /// Variables beyond those of a bare world.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// What is on standard input.
    #[serde(default)]
    stdin: String,
    /// Whether there is a login at the server `box`; it must come to no harm.
    #[serde(default)]
    needs_login: bool,
    /// Whether that login has ended and cannot be refreshed.
    #[serde(default)]
    expired: bool,
    /// What is wrong with the record of that login.
    record: Option<Harm>,
    /// Files to be there, by their path in the home.
    #[serde(default)]
    files: Vec<PreparedFile>,
    /// The exit code.
    exit: i32,
    /// Parts of the message and of the hint.
    stderr: Vec<String>,
    /// What is to be on standard output.
    #[serde(default)]
    stdout: String,
    /// What is to be said nowhere.
    #[serde(default)]
    unsaid: Vec<String>,
    /// Whether the record is moved aside, whole.
    #[serde(default)]
    set_aside: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PreparedFile {
    path: String,
    text: String,
    #[serde(default = "private")]
    mode: u32,
}

fn private() -> u32 {
    0o600
}

/// What can be wrong with a record.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Harm {
    FlippedInHeader,
    FlippedInBody,
    Truncated,
    Empty,
    Newer,
    Exposed,
    DirectoryExposed,
    SymbolicLink,
    HardLink,
    Directory,
}

impl Harm {
    fn inflict(self, record: &Path) {
        let bytes = fs::read(record).unwrap();
        let write = |bytes: &[u8]| fs::write(record, bytes).unwrap();
        let flipped = |at: usize| {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            bytes
        };
        let elsewhere = record.with_file_name("elsewhere");
        match self {
            Self::FlippedInHeader => write(&flipped(60)),
            Self::FlippedInBody => write(&flipped(bytes.len() - 60)),
            Self::Truncated => write(&bytes[..bytes.len() / 2]),
            Self::Empty => write(b""),
            Self::Newer => {
                let text = String::from_utf8(bytes.clone()).unwrap();
                write(text.replacen("mcpauth-record 3 ", "mcpauth-record 99 ", 1).as_bytes());
            }
            Self::Exposed => fs::set_permissions(record, Permissions::from_mode(0o644)).unwrap(),
            Self::DirectoryExposed => {
                fs::set_permissions(record.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
            }
            Self::SymbolicLink => {
                fs::rename(record, &elsewhere).unwrap();
                symlink(&elsewhere, record).unwrap();
            }
            Self::HardLink => fs::hard_link(record, &elsewhere).unwrap(),
            Self::Directory => {
                fs::remove_file(record).unwrap();
                fs::create_dir(record).unwrap();
            }
        }
    }
}

/// The world of one case: a home with what the case asks for, and a port that is taken.
struct Scene {
    world: World,
    taken: TcpListener,
    record: PathBuf,
    /// The home as it was when all was well.
    healthy: Snapshot,
    /// What `token` gave then.
    token: Option<String>,
}

impl Scene {
    fn set(case: &Case) -> Self {
        let world = if case.expired {
            let faults = vec![Fault::Lifetime(json!(0))];
            World::with(SandboxOptions { issue_refresh_token: false, faults, ..SandboxOptions::default() })
        } else {
            World::new()
        };
        if case.needs_login {
            world.login(&[]).succeeded();
        }
        let record = world.records().pop().unwrap_or_default();
        let token = (case.needs_login && !case.expired)
            .then(|| world.run(&["token", "box"]).succeeded().stdout.trim_end().to_owned());
        let healthy = Snapshot::of(world.home());
        Self { world, taken: TcpListener::bind("127.0.0.1:0").unwrap(), record, healthy, token }
    }

    fn fill_in(&self, text: &str) -> String {
        text.replace("{url}", &self.world.url())
            .replace("{origin}", self.world.sandbox.origin())
            .replace("{home}", &self.world.home().to_string_lossy())
            .replace("{record}", &self.record.to_string_lossy())
            .replace("{taken_port}", &self.taken.local_addr().unwrap().port().to_string())
    }

    /// What may not change: everything but lock files.
    fn home(&self) -> Snapshot {
        Snapshot::of(self.world.home()).without(".local/state")
    }

    /// Makes the mistake, looks at what came of it, and brings the home back into order.
    fn play(&self, case: &Case, as_json: bool) {
        if let Some(harm) = case.record {
            harm.inflict(&self.record);
        }
        for file in &case.files {
            let path = self.world.home().join(&file.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, self.fill_in(&file.text)).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(file.mode)).unwrap();
        }
        let before = self.home();
        let ran = self.run(case, as_json);
        self.judge(case, as_json, &ran);
        self.check_home(case, &before);
        self.healthy.restore(self.world.home());
        if let Some(token) = &self.token {
            let again = self.world.run(&["token", "box"]);
            assert_eq!((again.exit, again.stdout.trim_end()), (0, token.as_str()), "{again:?}");
            assert_eq!(call(&self.world.url(), token), 200, "the issuer has ended the login");
        }
    }

    fn run(&self, case: &Case, as_json: bool) -> Ran {
        let args: Vec<String> = case.args.iter().map(|argument| self.fill_in(argument)).collect();
        let first = as_json.then_some("--json");
        let args: Vec<&str> = first.into_iter().chain(args.iter().map(String::as_str)).collect();
        let mut command = self.world.command(&args);
        for (name, value) in &case.env {
            command.env(name, self.fill_in(value));
        }
        witness::run(command, &self.fill_in(&case.stdin))
    }

    fn judge(&self, case: &Case, as_json: bool, ran: &Ran) {
        assert_eq!(ran.exit, case.exit, "{ran:?}");
        assert_eq!(ran.stdout, self.fill_in(&case.stdout), "{ran:?}");
        let said = if as_json { told_as_json(ran) } else { told(ran) };
        for part in &case.stderr {
            let part = self.fill_in(part);
            assert!(said.contains(&part), "no `{part}` in {said}");
        }
        for secret in &case.unsaid {
            let all = format!("{}{}", ran.stdout, ran.stderr);
            assert!(!all.contains(secret.as_str()), "`{secret}` is said in {all}");
        }
    }

    fn check_home(&self, case: &Case, before: &Snapshot) {
        let after = self.home();
        let changes = after.changes_since(before);
        if !case.set_aside {
            assert_eq!(changes, Vec::<PathBuf>::new(), "changed, new or gone");
            return;
        }
        let record = self.record.strip_prefix(self.world.home()).unwrap();
        let [gone, kept] = &changes[..] else { panic!("not moved aside: {changes:?}") };
        assert_eq!((gone.as_path(), after.bytes(record)), (record, None));
        assert!(
            kept.to_string_lossy().starts_with(&format!("{}.damaged-", record.display())),
            "{}",
            kept.display()
        );
        assert_eq!(after.bytes(kept), before.bytes(record), "what was kept is not what was there");
    }
}

/// One line that says what happened, at least one that says what to do, and nothing that drives a terminal.
fn told(ran: &Ran) -> String {
    let count = |word: &str| ran.stderr.lines().filter(|line| line.starts_with(word)).count();
    assert_eq!(count("error: "), 1, "not one error: {ran:?}");
    assert!(count("hint: ") >= 1, "no hint: {ran:?}");
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    let driving = |c: char| c.is_control() && c != '\n';
    assert!(!ran.stderr.contains(driving), "drives a terminal: {ran:?}");
    for line in ran.stderr.lines() {
        assert!(!line.ends_with('.') || line.ends_with("..."), "ends in a full stop: {line}");
        assert!(line == line.trim_end(), "ends in blanks: {line:?}");
    }
    ran.stderr.clone()
}

/// One line of JSON that says the same.
fn told_as_json(ran: &Ran) -> String {
    let [line] = ran.stderr.lines().collect::<Vec<_>>()[..] else { panic!("not one line: {ran:?}") };
    let error: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    assert_eq!(error["schema"], 1, "{ran:?}");
    let error = &error["error"];
    assert_eq!(error["exit"], ran.exit, "{ran:?}");
    let text = |name: &str| error[name].as_str().unwrap_or_else(|| panic!("no {name}: {ran:?}")).to_owned();
    assert!(!text("code").is_empty() && !text("message").is_empty() && !text("hint").is_empty());
    format!("{}\n{}", text("message"), text("hint"))
}

fn play(file: &Path) {
    let case: Case = toml::from_str(&fs::read_to_string(file).unwrap()).unwrap_or_else(|e| panic!("{e}"));
    let scene = Scene::set(&case);
    scene.play(&case, false);
    scene.play(&case, true);
}

#[test]
fn every_mistake_ends_in_one_clear_message_and_does_no_harm() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes");
    let mut files: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let failed: Vec<_> = std::thread::scope(|scope| {
        let third = files.len().div_ceil(3);
        let play_all = |files: &[PathBuf]| -> Vec<PathBuf> {
            files.iter().filter(|file| !succeeds(file)).cloned().collect()
        };
        let players: Vec<_> = files.chunks(third).map(|files| scope.spawn(move || play_all(files))).collect();
        players.into_iter().flat_map(|player| player.join().unwrap()).collect()
    });
    assert!(files.len() > 50, "only {} cases were found", files.len());
    assert!(failed.is_empty(), "{} of {} failed: {failed:#?}", failed.len(), files.len());
}

/// Plays a case and names the file if it fails, so that the others are played, too.
fn succeeds(file: &Path) -> bool {
    let played = catch_unwind(AssertUnwindSafe(|| play(file)));
    if played.is_err() {
        let name = file.file_name().unwrap_or_default();
        // The harness of the tests swallows this unless the test fails.
        #[expect(clippy::print_stderr, reason = "this is what names the case")]
        {
            eprintln!("^^^ {}\n", name.display());
        }
    }
    played.is_ok()
}
