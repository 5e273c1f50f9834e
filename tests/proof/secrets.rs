//! The whole life of a login, as loud as it gets, in a plain and in a sealed store; then every secret that the issuer
//! gave or was sent, in every spelling, is looked for in all that could be seen of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mcpauth::places::Places;
use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};
use mcpauth::secret::Passphrase;
use mcpauth::store::{KeySource as _, PassphraseKey};
use tempfile::TempDir;

use crate::Outcome;
use crate::onlooker::Onlooker;
use crate::processes::own_program;
use crate::scene::check;
use crate::settings::Size;
use crate::support::spellings::Search;
use crate::support::steps::eventually;
use crate::support::witness::{run, sign_in};
use crate::support::{Ran, World, finish, follow};
use crate::troubles::DATA;

/// With everything that a shell, a URL and JSON would trip over.
const PASSPHRASE: &str = "open 'sesame' $HOME/ü \"twice\" & once";
const CLIENT_SECRET: &str = "canary/s3cret+with=\"edges\" and: more";

const JOURNALS: &str = ".local/state/mcpauth/journals";

pub(crate) fn play(size: &Size) -> Outcome {
    let mut told = Vec::new();
    for store in ["file", "passphrase"] {
        let mut tour = Tour::new(size, store)?;
        tour.go().map_err(|why| format!("{store}: {why}"))?;
        told.push(tour.found_nothing().map_err(|why| format!("{store}: {why}"))?);
    }
    Ok(told.join("; "))
}

/// What was seen of a life.
struct Tour {
    world: World,
    store: &'static str,
    /// The passphrase, where no search of the home comes.
    aside: TempDir,
    onlooker: Onlooker,
    /// Everything that was said and written, after where it was.
    seen: Vec<Seen>,
}

struct Seen {
    place: String,
    bytes: Vec<u8>,
    /// Whether access tokens are to be there.
    hands_out: bool,
}

impl Tour {
    fn new(size: &Size, store: &'static str) -> Result<Self, String> {
        let options = SandboxOptions { any_loopback_port: true, ..SandboxOptions::default() };
        let mut world = size.world(options);
        own_program(&mut world);
        world.sandbox.add_client("brought", Some(CLIENT_SECRET), &["http://127.0.0.1/callback"]);
        // Clients that register get a secret, and the key to their registration.
        world.sandbox.change(|options| options.auth_methods.retain(|method| method != "none"));
        fs::create_dir(world.home().join("tmp")).map_err(|error| error.to_string())?;
        let aside = tempfile::tempdir().map_err(|error| error.to_string())?;
        fs::write(aside.path().join("passphrase"), PASSPHRASE).map_err(|error| error.to_string())?;
        let onlooker = Onlooker::of(&world);
        Ok(Self { world, store, aside, onlooker, seen: Vec::new() })
    }

    /// A command at its loudest. What flags say is said by their variables, where they have any.
    fn command(&self, args: &[&str]) -> Command {
        let script = "exec \"$0\" \"$@\" 3<\"$PASSPHRASE_FILE\"";
        let mut command = self.world.shell(script, args);
        command
            .env("PASSPHRASE_FILE", self.aside.path().join("passphrase"))
            .env("MCPAUTH_PASSPHRASE_FD", "3");
        command.env("MCPAUTH_VERBOSE", "3").env("MCPAUTH_STORE", self.store).env("MCPAUTH_NO_BROWSER", "1");
        command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
        command.env("TMPDIR", self.world.home().join("tmp"));
        command
    }

    /// Runs a command that must end with this exit code, and keeps what it said and left.
    fn step(&mut self, exit: i32, args: &[&str]) -> Result<(), String> {
        let ran = run(self.command(args), "");
        self.keep(exit, args, &ran)
    }

    fn keep(&mut self, exit: i32, args: &[&str], ran: &Ran) -> Result<(), String> {
        let words = args.join(" ");
        check(ran.exit == exit, || format!("{words}: not exit {exit}: {ran:?}"))?;
        let hands_out = matches!(args[0], "token" | "headers");
        // The address that a person is to open has to hold the state; no browser is told it here.
        let is_address = |line: &&str| line.contains("response_type=code");
        let talk: Vec<&str> = ran.stderr.lines().filter(|line| !is_address(line)).collect();
        self.see(&format!("the answer of {words}"), ran.stdout.as_bytes(), hands_out);
        self.see(&format!("what {words} says"), talk.join("\n").as_bytes(), false);
        self.look_at_files(&words)
    }

    fn see(&mut self, place: &str, bytes: &[u8], hands_out: bool) {
        self.seen.push(Seen { place: place.to_owned(), bytes: bytes.to_vec(), hands_out });
    }

    /// Keeps every file, but those of a store that is called plain.
    fn look_at_files(&mut self, when: &str) -> Result<(), String> {
        let home = self.world.home().to_owned();
        let plain = [DATA, JOURNALS].map(|path| home.join(path));
        let is_store = |path: &Path| self.store == "file" && plain.iter().any(|own| path.starts_with(own));
        let files: Vec<PathBuf> = below(&home).into_iter().filter(|path| !is_store(path)).collect();
        check(!files.is_empty(), || "there are no files".into())?;
        self.look_at(&files, when);
        Ok(())
    }

    fn look_at(&mut self, files: &[PathBuf], when: &str) {
        let program = self.world.program.clone();
        for path in files.iter().filter(|path| **path != program) {
            // Temporary files come and go.
            let Ok(bytes) = fs::read(path) else { continue };
            self.see(&format!("{} after {when}", path.display()), &bytes, false);
            self.see("the name of a file", path.as_os_str().as_encoded_bytes(), false);
        }
    }

    /// Signs in, with the page that the browser ends at.
    fn sign_in(&mut self, exit: i32, flags: &[&str], input: &str) -> Result<(), String> {
        let url = self.world.url();
        let args = [&["login", &url], flags].concat();
        let mut page = (String::new(), String::new());
        let ran = sign_in(self.command(&args), input, |address| page = follow(address));
        self.see("the last address of the browser", page.0.as_bytes(), false);
        self.see("the last page of the browser", page.1.as_bytes(), false);
        self.keep(exit, &["login", &flags.join(" ")], &ran)
    }

    /// All of it.
    fn go(&mut self) -> Result<(), String> {
        self.sign_in(0, &["--name", "box", "--explain"], "")?;
        self.sign_in(0, &["--name", "box", "--json"], "")?;
        let brought =
            ["--name", "box", "--account", "brought", "--client-id", "brought", "--client-secret-stdin"];
        self.sign_in(0, &brought, CLIENT_SECRET)?;
        self.goes_wrong()?;
        self.onlooker.leave_out(&["true"]);
        for args in [
            &["token", "box"][..],
            &["token", "box", "--header", "--force-refresh"],
            &["token", "box", "--account", "brought", "--json", "--force-refresh"],
            &["headers", "box"],
            &["exec", "-s", "box", "--", "true"],
            &["refresh", "--all"],
            &["refresh", "box", "--json"],
            &["status"],
            &["status", "--json"],
            &["status", "box", "--check"],
            &["list", "--json"],
            &["discover", "box"],
            &["doctor"],
            &["doctor", "--json"],
            &["server", "show", "box", "--json"],
            &["server", "test", "box"],
            &["store", "show"],
            &["audit"],
            &["audit", "--json"],
            &["audit", "verify"],
        ] {
            self.step(0, args)?;
        }
        self.is_cut_off_with_an_answer()?;
        self.runs_a_child()?;
        self.step(0, &["logout", "box", "--forget-client"])?;
        self.step(0, &["logout", "box", "--account", "brought", "--reason", "done"])?;
        self.step(0, &["server", "remove", "box"])?;
        // Nothing is left of it in the store, either.
        let files = below(self.world.home());
        self.look_at(&files, "the end");
        Ok(())
    }

    /// What an issuer and a person can do wrong.
    fn goes_wrong(&mut self) -> Result<(), String> {
        let nonsense = |status| Fault::Body {
            endpoint: Endpoint::Token,
            status,
            content_type: "application/json".into(),
            body: "{\"error\":\"server_error\",\"access_token\":17}".into(),
            times: 9,
        };
        let refresh = ["token", "box", "--force-refresh"];
        let busy = Fault::Status { endpoint: Endpoint::Token, status: 429, times: 1, retry_after: Some(1) };
        for fault in [busy, nonsense(400), nonsense(200), Fault::Html { endpoint: Endpoint::Token }] {
            self.world.sandbox.change(|options| options.faults = vec![fault]);
            let ran = run(self.command(&refresh), "");
            // How it ends is told elsewhere.
            self.keep(ran.exit, &refresh, &ran)?;
            self.rest();
        }
        for fault in [Fault::Declined, Fault::WrongState, Fault::NoAccessToken, Fault::WrongIss] {
            self.world.sandbox.change(|options| options.faults = vec![fault]);
            let url = self.world.url();
            let args = ["login", &url, "--name", "box", "--timeout", "1"];
            let ran = sign_in(self.command(&args), "", |address| drop(follow(address)));
            check(ran.exit != 0, || format!("it went well: {ran:?}"))?;
            self.keep(ran.exit, &["login", "that goes wrong"], &ran)?;
            self.rest();
        }
        Ok(())
    }

    /// Lets the troubles pass that make everybody wait.
    fn rest(&self) {
        self.world.sandbox.change(|options| options.faults.clear());
        for file in below(&self.world.home().join(".local/state/mcpauth")) {
            if file.to_string_lossy().contains("-trouble") {
                let _ = fs::remove_file(file);
            }
        }
    }

    /// The issuer has answered and the record cannot be written: the answer rests in the journal.
    fn is_cut_off_with_an_answer(&mut self) -> Result<(), String> {
        let logins = self.world.home().join(DATA).join("logins");
        let away = logins.with_file_name("logins-away");
        let refresh = ["token", "box", "--force-refresh"];
        let late = Fault::LateAnswer { endpoint: Endpoint::Token, milliseconds: 500 };
        self.world.sandbox.change(|options| options.faults = vec![late]);
        let before = self.world.sandbox.books().refreshes;
        let mut command = self.command(&refresh);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.map_err(|error| error.to_string())?;
        eventually(|| self.world.sandbox.books().refreshes > before);
        self.look_at_files("half of a refresh")?;
        fs::rename(&logins, &away).map_err(|error| error.to_string())?;
        let ran = finish(child, String::new());
        let _ = fs::remove_dir_all(&logins);
        fs::rename(&away, &logins).map_err(|error| error.to_string())?;
        self.keep(ran.exit, &["refresh", "that is cut off"], &ran)?;
        self.rest();
        self.step(0, &["token", "box"])
    }

    /// A program that was given a token, while the others go on.
    fn runs_a_child(&mut self) -> Result<(), String> {
        let own = ["sh", "-c", "echo there; read line"];
        self.onlooker.leave_out(&own);
        let args = [&["exec", "-s", "box", "-e", "OWN=box:header", "--"], &own[..]].concat();
        let mut command = self.command(&args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let input = child.stdin.take();
        self.step(0, &["token", "box", "--force-refresh"])?;
        self.onlooker.look();
        drop(input);
        let ran = finish(child, String::new());
        self.keep(ran.exit, &args, &ran)
    }

    /// Looks for everything everywhere.
    fn found_nothing(mut self) -> Outcome {
        let mut secrets: Vec<(&str, Vec<u8>)> =
            self.world.sandbox.secrets().into_iter().map(|(what, text)| (what, text.into_bytes())).collect();
        secrets.push(("client secret that was brought", CLIENT_SECRET.into()));
        if self.store == "passphrase" {
            secrets.push(("passphrase", PASSPHRASE.into()));
            secrets.push(("sealing key", self.sealing_key()?));
        }
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for (what, _) in &secrets {
            *kinds.entry(what).or_default() += 1;
        }
        check(kinds.len() >= 8, || format!("a poor tour: {kinds:?}"))?;
        let lent = |what: &str| what == "access token";
        let all = Search::new(secrets.iter().map(|(what, secret)| (*what, secret.as_slice())));
        let kept = secrets.iter().filter(|(what, _)| !lent(what));
        let kept = Search::new(kept.map(|(what, secret)| (*what, secret.as_slice())));
        let samples = self.onlooker.end();
        check(samples.len() > 20, || format!("only {} processes were seen", samples.len()))?;
        let count = samples.len();
        for (place, bytes) in samples {
            self.see(&place, &bytes, false);
        }
        let mut found = Vec::new();
        for Seen { place, bytes, hands_out } in &self.seen {
            let search = if *hands_out { &kept } else { &all };
            found.extend(search.within(bytes).into_iter().map(|what| format!("{what}: in {place}")));
        }
        found.sort();
        found.dedup();
        check(found.is_empty(), || {
            format!("{} finds:\n  {}", found.len(), found[..found.len().min(30)].join("\n  "))
        })?;
        let size: usize = self.seen.iter().map(|seen| seen.bytes.len()).sum();
        Ok(format!(
            "{} store: {} secrets of {} kinds, 0 found in {} places ({} KiB) and {count} argv and environments",
            if self.store == "file" { "plain" } else { "sealed" },
            secrets.len(),
            kinds.len(),
            self.seen.len() - count,
            size / 1024,
        ))
    }

    fn sealing_key(&self) -> Result<Vec<u8>, String> {
        let at = |path: &str| self.world.home().join(path);
        let places = Places::given(at(".config/mcpauth"), at(DATA), at(".local/state/mcpauth"));
        let key = PassphraseKey::new(&places, Box::new(|_| Ok(Passphrase::new(PASSPHRASE.to_owned()))));
        key.key().map(|key| key.expose().to_vec()).map_err(|error| error.to_string())
    }
}

/// Every file below a directory.
fn below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}
