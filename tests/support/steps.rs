//! Steps that several stories take.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Seek, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::JoinHandle;

use mcpauth::sandbox::{Sandbox, SandboxOptions};
use url::Url;

use super::{Ran, World, finish};

impl World {
    /// A world in which somebody is signed in at `box`.
    pub fn signed_in(options: SandboxOptions) -> Self {
        let world = Self::with(options);
        world.login(&[]).succeeded();
        world
    }

    /// The same with an access token that has ended; new ones live for an hour.
    pub fn expired() -> Self {
        let world = Self::signed_in(SandboxOptions { access_lifetime: 0, ..SandboxOptions::default() });
        world.sandbox.change(|options| options.access_lifetime = 3600);
        world
    }

    /// The token at `box`, which must be there.
    pub fn token(&self, flags: &[&str]) -> String {
        let ran = self.run(&[&["token", "box"], flags].concat());
        assert_eq!(ran.exit, 0, "{ran:?}");
        ran.stdout.strip_suffix('\n').unwrap().to_owned()
    }

    /// A login with something on its standard input.
    pub fn login_with_input(&self, flags: &[&str], input: &str) -> Ran {
        let url = self.url();
        let args = [&["login", &url, "--name", "box", "--no-browser", "--store", "file"], flags].concat();
        let mut command = self.command(&args);
        command.stdin(file_of(input));
        self.login_as(command)
    }

    /// A shell in the same bare world; the program is its `$0`.
    pub fn shell(&self, script: &str, args: &[&str]) -> Command {
        let own = self.command(&[]);
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).arg(own.get_program()).args(args).env_clear().stdin(Stdio::null());
        shell.envs(own.get_envs().map(|(name, value)| (name, value.unwrap())));
        shell
    }

    /// A line as a person would type it into a shell, where the program is called `mcpauth`.
    pub fn typed(&self, line: &str) -> Command {
        self.shell(&format!("mcpauth() {{ exec \"$0\" \"$@\"; }}; {line}"), &[])
    }

    /// Signs in with the command that a hint names.
    pub fn login_as_advised(&self, ran: &Ran) -> Ran {
        self.login_as(self.typed(&format!("{} --no-browser --store file", ran.advice())))
    }

    /// The files in which is kept what servers and issuers said of themselves.
    pub fn metadata(&self) -> Vec<std::path::PathBuf> {
        let entries = fs::read_dir(self.home().join(".local/state/mcpauth/metadata"));
        entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    }

    /// Changes each of them.
    pub fn change_metadata(&self, change: impl Fn(&mut serde_json::Value)) {
        for file in self.metadata() {
            let mut page = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            change(&mut page);
            mcpauth::files::write_private(&file, page.to_string().as_bytes()).unwrap();
        }
    }

    /// Adds lines to `config.toml`.
    pub fn settle(&self, lines: &str) {
        let file = self.home().join(".config/mcpauth/config.toml");
        let before = fs::read_to_string(&file).unwrap_or_default();
        mcpauth::files::write_private(&file, format!("{before}\n{lines}\n").as_bytes()).unwrap();
    }

    /// Everything that the one record of a login holds, as text.
    pub fn record(&self) -> String {
        let records = self.records();
        let [record] = records.as_slice() else { panic!("{records:?}") };
        String::from_utf8_lossy(&fs::read(record).unwrap()).into_owned()
    }

    /// Takes the sandbox off the network. What is at its address afterwards refuses every connection.
    pub fn cut_off(&mut self) {
        self.sandbox = Sandbox::start(SandboxOptions::default()).unwrap();
    }
}

impl Ran {
    /// The command that the hint names.
    #[track_caller]
    pub fn advice(&self) -> &str {
        let (_, hint) = self.stderr.split_once("hint: ").unwrap_or_else(|| panic!("no hint in {self:?}"));
        let command = hint.split('`').nth(1).unwrap_or_else(|| panic!("no command in {self:?}"));
        assert!(command.starts_with("mcpauth "), "{self:?}");
        command
    }

    /// Fails unless the command was refused with this exit code.
    #[track_caller]
    pub fn failed(&self, exit: i32) -> &Self {
        assert_eq!(self.exit, exit, "{self:?}");
        assert!(self.stderr.contains("error: ") && !self.stderr.contains("panicked"), "{self:?}");
        self
    }
}

/// Runs a command to its end.
pub fn run(mut command: Command) -> Ran {
    finish(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(), String::new())
}

/// A copy of a program that can be started at once. It is made by another process: the system starts no program that
/// somebody has open for writing, and a child of another story could have it open that was born meanwhile.
pub fn copy_program(from: &Path, to: &Path) {
    assert!(Command::new("cp").args([from, to]).status().unwrap().success());
}

/// A file without a name that holds a text, to be read from its beginning.
pub fn file_of(text: &str) -> fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.rewind().unwrap();
    file
}

/// The parameters of an address.
pub fn parameters(address: &str) -> BTreeMap<String, String> {
    Url::parse(address).unwrap().query_pairs().into_owned().collect()
}

/// A free loopback port that nobody is given who asks for any: it lies below the range that systems take those from,
/// so no other story's connection can sit on it by chance.
pub fn port_of_its_own() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 12_000 + u16::try_from(std::process::id() % 97).unwrap() * 100;
    (0..100)
        .map(|_| start + NEXT.fetch_add(1, Ordering::Relaxed) % 100)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap()
}

/// The port to which an authorization request wants to be answered.
pub fn callback_port(address: &str) -> u16 {
    Url::parse(&parameters(address)["redirect_uri"]).unwrap().port().unwrap()
}

/// A document at an address of its own, served until this is dropped.
pub struct Document {
    pub url: String,
    server: Arc<tiny_http::Server>,
    thread: Option<JoinHandle<()>>,
}

impl Document {
    /// Serves what `write` makes of the address.
    pub fn serve(path: &str, write: impl FnOnce(&str) -> serde_json::Value) -> Self {
        let server = Arc::new(tiny_http::Server::http("127.0.0.1:0").unwrap());
        let url = format!("http://{}{path}", server.server_addr());
        let text = write(&url).to_string();
        let serving = Arc::clone(&server);
        let thread = std::thread::spawn(move || {
            for request in serving.incoming_requests() {
                let json = "content-type: application/json".parse::<tiny_http::Header>().unwrap();
                // A client that has gone needs no answer.
                let _ = request.respond(tiny_http::Response::from_string(&text).with_header(json));
            }
        });
        Self { url, server, thread: Some(thread) }
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Waits until something has come about that announces itself to nobody; fails after half a minute.
#[track_caller]
pub fn eventually(mut come_about: impl FnMut() -> bool) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !come_about() {
        assert!(std::time::Instant::now() < until, "it did not come about");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
