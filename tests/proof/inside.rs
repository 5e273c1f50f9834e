//! The program inside this process, where time can be stood in for: an hour passes between two lines.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use mcpauth::browser::{Browser, BrowserError};
use mcpauth::clock::{Clock, SystemClock, UnixTime};
use mcpauth::console::Terminal;
use mcpauth::flows::Ports;
use mcpauth::keychain::SystemKeychain;
use mcpauth::sandbox::{Sandbox, SandboxOptions};
use tempfile::TempDir;
use url::Url;

use crate::settings::Size;
use crate::support::{Ran, call, follow};

/// A clock that stands still until it is told to go on.
struct Standing(AtomicI64);

impl Clock for Standing {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::SeqCst))
    }
}

/// A person at the browser who agrees to everything.
struct Agreeable;

impl Browser for Agreeable {
    fn open(&self, url: &Url) -> Result<(), BrowserError> {
        let address = url.to_string();
        std::thread::spawn(move || follow(&address));
        Ok(())
    }

    fn program(&self) -> Result<PathBuf, BrowserError> {
        Ok("agreeable".into())
    }

    fn available(&self) -> bool {
        true
    }
}

/// Two pipes that remember what was written.
#[derive(Default)]
struct Pipes {
    answer: Mutex<String>,
    talk: Mutex<String>,
}

impl Terminal for Pipes {
    fn write_answer(&self, text: &str) -> io::Result<()> {
        self.answer.lock().unwrap().push_str(text);
        Ok(())
    }

    fn write_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        self.write_answer(&String::from_utf8_lossy(bytes))
    }

    fn write_talk(&self, text: &str) -> io::Result<()> {
        self.talk.lock().unwrap().push_str(text);
        Ok(())
    }

    fn is_interactive(&self) -> bool {
        false
    }

    fn shows_talk(&self) -> bool {
        false
    }

    fn shows_answer(&self) -> bool {
        false
    }

    fn ask_secret(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn ask(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn next_line(&self) -> io::Result<Option<String>> {
        Ok(None)
    }
}

/// Somebody signed in at `box`, and his clock.
pub(crate) struct Inside {
    pub(crate) sandbox: Sandbox,
    pub(crate) home: TempDir,
    clock: Arc<Standing>,
    program: PathBuf,
}

impl Inside {
    /// Signs in now.
    pub(crate) fn signed_in(size: &Size, options: SandboxOptions) -> Self {
        let sandbox = Sandbox::start(SandboxOptions { auto_consent: true, ..options }).unwrap();
        let clock = Arc::new(Standing(SystemClock.now().0.into()));
        let inside = Self { sandbox, home: tempfile::tempdir().unwrap(), clock, program: size.program() };
        let url = inside.sandbox.mcp_url();
        let ran = inside.run(&["login", &url, "--name", "box", "--store", "file"]);
        assert_eq!(ran.exit, 0, "{ran:?}");
        inside
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Runs a command line in a directory of its own.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let terminal = Arc::new(Pipes::default());
        let ports = Ports {
            clock: self.clock.clone(),
            browser: Arc::new(Agreeable),
            keychain: Arc::new(SystemKeychain::new(false)),
            terminal: terminal.clone(),
            program: Some(self.program.clone()),
        };
        let home = self.home.path().as_os_str().to_owned();
        let line = ["mcpauth", "--config"].into_iter().map(OsString::from).chain([home]);
        let line: Vec<OsString> = line.chain(args.iter().map(OsString::from)).collect();
        let exit = mcpauth::commands::run(&line, ports).into();
        let text = |pipe: &Mutex<String>| pipe.lock().unwrap().clone();
        Ran { exit, stdout: text(&terminal.answer), stderr: text(&terminal.talk) }
    }

    /// What an hour later is said to whoever asks for a token; the error tells why there is none.
    pub(crate) fn token_after_an_hour(&self) -> Result<(), String> {
        self.wait(3600);
        let ran = self.run(&["token", "box"]);
        if ran.exit != 0 {
            return Err(format!("exit {}: {}", ran.exit, ran.stderr.trim_end().replace('\n', "; ")));
        }
        match call(&self.sandbox.mcp_url(), ran.stdout.trim_end()) {
            200 => Ok(()),
            status => Err(format!("the server answers {status} to the token that was handed out")),
        }
    }
}
