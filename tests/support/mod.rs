//! A small world for stories: a sandbox on real HTTP, a home of its own, the real binary, and a person at the
//! browser. Nothing of the machine's own configuration is seen.

#![allow(dead_code, unreachable_pub, reason = "each story uses its own part of the world")]
#![allow(clippy::unwrap_used, clippy::unused_self, reason = "a story that cannot be set up has failed")]

#[cfg(unix)]
pub mod crowd;
#[cfg(unix)]
pub mod desk;
pub mod spellings;
pub mod steps;
#[cfg(unix)]
pub mod stranger;
pub mod talk;
#[cfg(unix)]
pub mod witness;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mcpauth::sandbox::{Sandbox, SandboxOptions};
use tempfile::TempDir;

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The answer as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Fails unless the command ended so, and then with one clear message and a hint.
    #[track_caller]
    pub fn failed_with(&self, exit: i32, message: &str) -> &Self {
        assert_eq!(self.exit, exit, "{self:?}");
        assert!(self.stderr.contains(message), "no `{message}` in {self:?}");
        assert!(self.stderr.contains("hint: "), "no hint in {self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        self
    }

    /// The answer as JSON of a command that ended so.
    #[track_caller]
    pub fn failed_in_json(&self, exit: i32) -> serde_json::Value {
        assert_eq!(self.exit, exit, "{self:?}");
        self.json()
    }

    #[track_caller]
    pub fn succeeded(&self) -> &Self {
        assert_eq!(self.exit, 0, "{self:?}");
        self
    }
}

/// A home, a sandbox, and the binary.
pub struct World {
    pub sandbox: Sandbox,
    pub home: TempDir,
    /// The binary that cargo built, unless a story brings another one.
    pub program: PathBuf,
}

impl World {
    /// A world whose issuer consents by itself once a browser comes.
    pub fn new() -> Self {
        Self::with(SandboxOptions::default())
    }

    /// A world with other knobs; consent is still automatic.
    pub fn with(options: SandboxOptions) -> Self {
        let sandbox = Sandbox::start(SandboxOptions { auto_consent: true, ..options }).unwrap();
        let program = env!("CARGO_BIN_EXE_mcpauth").into();
        Self { sandbox, home: tempfile::tempdir().unwrap(), program }
    }

    /// The URL of the protected server.
    pub fn url(&self) -> String {
        self.sandbox.mcp_url()
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Where the records of the logins lie.
    pub fn records(&self) -> Vec<PathBuf> {
        let directory = self.home().join(".local/share/mcpauth/logins");
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }

    /// Lets the time pass for which an issuer in trouble, or one at which nobody could sign in, is left alone.
    pub fn after_a_while(&self) -> &Self {
        for trouble in ["refresh-trouble", "login-trouble"] {
            let _ = std::fs::remove_dir_all(self.home().join(".local/state/mcpauth").join(trouble));
        }
        self
    }

    /// The binary in the bare world of an MCP client's child: HOME, LOGNAME, PATH, SHELL, TERM, USER.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).env_clear().stdin(Stdio::null());
        command.env("HOME", self.home()).env("LOGNAME", "ana").env("USER", "ana").env("SHELL", "/bin/sh");
        command.env("TERM", "dumb").env("PATH", std::env::var_os("PATH").unwrap());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        finish(
            self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(),
            String::new(),
        )
    }

    /// Runs a command with something on its standard input.
    pub fn run_with_input(&self, args: &[&str], input: &str) -> Ran {
        let mut command = self.command(args);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that refuses early does not read; that is its right.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        finish(child, String::new())
    }

    /// Signs in to the sandbox under the name `box`, with further flags, as a person whose browser follows every
    /// redirect.
    pub fn login(&self, flags: &[&str]) -> Ran {
        let url = self.url();
        let args = [&["login", &url, "--name", "box", "--no-browser", "--store", "file"], flags].concat();
        self.login_as(self.command(&args))
    }

    /// Runs a login command and follows the address that it prints.
    pub fn login_as(&self, command: Command) -> Ran {
        let (child, seen, address) = self.start_login(command);
        if let Some(address) = address {
            follow(&address);
        }
        finish(child, seen)
    }

    /// Starts a login command and reads what it says until it prints the address to open, or ends.
    pub fn start_login(&self, mut command: Command) -> (Child, String, Option<String>) {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (seen, address) = read_address(&mut child);
        (child, seen, address)
    }
}

/// Reads standard error, byte by byte so that nothing is lost to a buffer, until an address stands alone on a line.
pub fn read_address(child: &mut Child) -> (String, Option<String>) {
    let stderr = child.stderr.as_mut().unwrap();
    let mut seen = String::new();
    let mut reader = BufReader::with_capacity(1, stderr);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            return (seen, None);
        }
        seen.push_str(&line);
        if line.starts_with("http") && line.contains("response_type=code") {
            return (seen, Some(line.trim().to_owned()));
        }
    }
}

/// Waits for a command's end; `seen` is what was read of its standard error before.
pub fn finish(mut child: Child, seen: String) -> Ran {
    let mut stderr = child.stderr.take().unwrap();
    let talk = std::thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    });
    let mut stdout = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
    let status = child.wait().unwrap();
    Ran {
        exit: mcpauth::platform::exit_code(status).into(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: seen + &talk.join().unwrap(),
    }
}

/// A browser without eyes: gets the address and follows every redirect. Gives the last address and its page.
pub fn follow(address: &str) -> (String, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    mcpauth::http::block_on(async {
        let response = reqwest::Client::new().get(address).send().await.unwrap();
        (response.url().to_string(), response.text().await.unwrap())
    })
    .unwrap()
}

/// Gets an address and follows nothing: status, `Location` and body.
pub fn get(address: &str) -> (u16, Option<String>, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    mcpauth::http::block_on(async {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let response = client.get(address).send().await.unwrap();
        let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), location, response.text().await.unwrap())
    })
    .unwrap()
}

/// Calls the protected server with a token: the status.
pub fn call(url: &str, token: &str) -> u16 {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let body = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": mcpauth::mcp::initialize_params() });
    mcpauth::http::block_on(async {
        let request = reqwest::Client::new().post(url).bearer_auth(token).body(body.to_string());
        let request = request.header("content-type", "application/json");
        let request = request.header("accept", "application/json, text/event-stream");
        request.send().await.unwrap().status().as_u16()
    })
    .unwrap()
}
