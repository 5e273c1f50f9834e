//! The opener, with programs that write down how they were started.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;
use std::{env, fs, thread};

use mcpauth::browser::{Browser, BrowserError, SystemBrowser};
use tempfile::TempDir;

/// Longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

const PLAIN: &str = "https://issuer.example/authorize?state=s&code_challenge=c";

/// What an issuer could write into its metadata (M-10, C-22), and what a browser may be given of it.
const HOSTILE: [(&str, &str); 8] = [
    ("https://a.example/$(touch${IFS}pwned)", "https://a.example/$(touch$%7BIFS%7Dpwned)"),
    ("https://a.example/?`touch pwned`", "https://a.example/?`touch%20pwned`"),
    ("https://a.example/?\"&touch pwned&\"", "https://a.example/?%22&touch%20pwned&%22"),
    ("https://a.example/?';touch pwned;'", "https://a.example/?%27;touch%20pwned;%27"),
    ("https://a.example/%0atouch%20pwned", "https://a.example/%0atouch%20pwned"),
    ("https://a.example/ -x --y", "https://a.example/%20-x%20--y"),
    ("https://a.example/?%s=%s:%s", "https://a.example/?%s=%s:%s"),
    ("https://a.example/ü|<>\\#*?", "https://a.example/%C3%BC|%3C%3E/#*?"),
];

/// A directory with programs that report to a pipe.
struct Workshop {
    place: TempDir,
    /// A file that is open for writing in one thread, and for that moment in the child that another thread
    /// forks, cannot be started; so one test runs at a time.
    _alone: MutexGuard<'static, ()>,
}

impl Workshop {
    fn open() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let workshop = Self { place: tempfile::tempdir().unwrap(), _alone: alone };
        workshop.pipe("report");
        workshop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn pipe(&self, name: &str) {
        assert!(Command::new("mkfifo").arg(self.path(name)).status().unwrap().success());
    }

    /// Makes a shell script; `$report` is the pipe and `$here` the directory.
    fn program(&self, name: &str, script: &str) -> PathBuf {
        let (path, here) = (self.path(name), self.place.path().display());
        fs::write(&path, format!("#!/bin/sh\nhere='{here}'\nreport=\"$here/report\"\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    /// Makes a script that reports its arguments, one in a line.
    fn witness(&self, name: &str) -> PathBuf {
        self.program(name, r#"for word; do printf '%s\n' "$word"; done >"$report""#)
    }

    fn browser(&self, variable: &str) -> SystemBrowser {
        SystemBrowser::with_environment(Some(variable.into()), Some(self.search_path()), true)
    }

    fn search_path(&self) -> std::ffi::OsString {
        env::join_paths([self.place.path(), Path::new("/usr/bin"), Path::new("/bin")]).unwrap()
    }

    /// What the next program reports, waiting for it.
    fn report(&self) -> Vec<String> {
        let (sender, receiver) = mpsc::channel();
        let pipe = self.path("report");
        thread::spawn(move || sender.send(fs::read_to_string(pipe).unwrap()));
        receiver.recv_timeout(PATIENCE).unwrap().lines().map(str::to_owned).collect()
    }
}

#[test]
fn the_variable_decides_what_is_started_and_the_url_is_one_argument() {
    let workshop = Workshop::open();
    let witness = workshop.witness("witness");
    let witness = witness.to_str().unwrap();
    for (typed, serialised) in HOSTILE {
        let flag = format!("--url={serialised}");
        let cases: [(String, &[&str]); 6] = [
            (witness.into(), &[serialised]),
            (format!("{witness} %s"), &[serialised]),
            (format!("{witness} --flag"), &["--flag", serialised]),
            ("witness '--a b' %s last".into(), &["--a b", serialised, "last"]),
            ("no-such-program:witness --url=%s".into(), &[&flag]),
            (format!("sh -c '{witness} \"$@\"' zero"), &[serialised]),
        ];
        for (variable, expected) in cases {
            workshop.browser(&variable).open(&typed.parse().unwrap()).unwrap();
            assert_eq!(workshop.report(), expected, "{variable}");
        }
        // The issuer writes no program, not even where the person asks for it.
        let error = workshop.browser("sh -c 'witness %s'").open(&typed.parse().unwrap()).unwrap_err();
        assert!(matches!(error, BrowserError::UnfitVariable(_)), "{error:?}");
    }
    assert!(!Path::new("pwned").exists() && !workshop.path("pwned").exists());
}

#[test]
fn without_the_variable_the_desktop_decides() {
    let workshop = Workshop::open();
    for name in ["xdg-open", "open"] {
        workshop.witness(name);
    }
    let browser = SystemBrowser::with_environment(None, Some(workshop.search_path()), true);
    if cfg!(target_os = "macos") {
        return; // its opener has a fixed place
    }
    for (typed, serialised) in HOSTILE {
        browser.open(&typed.parse().unwrap()).unwrap();
        assert_eq!(workshop.report(), [serialised]);
    }
}

/// C-24
#[test]
fn nobody_waits_for_the_program() {
    let workshop = Workshop::open();
    workshop.pipe("release");
    workshop.program("slow", r#"read line <"$here/release"; echo "$line" >"$report""#);
    workshop.browser("slow").open(&PLAIN.parse().unwrap()).unwrap();
    // It is still waiting for this line.
    fs::write(workshop.path("release"), "now\n").unwrap();
    assert_eq!(workshop.report(), ["now"]);
}

/// C-24
#[test]
fn a_program_that_fails_at_once_is_followed_by_the_next() {
    let workshop = Workshop::open();
    workshop.witness("second");
    workshop.program("first", "exit 3");
    workshop.browser("first:second").open(&PLAIN.parse().unwrap()).unwrap();
    assert_eq!(workshop.report(), [PLAIN]);
}

#[test]
fn a_variable_that_names_nothing_is_an_error() {
    let workshop = Workshop::open();
    fs::write(workshop.path("not-executable"), "").unwrap();
    for variable in ["no-such-program", "./witness", "not-executable", "'open quote", " : ", "/usr/bin"] {
        let error = workshop.browser(variable).open(&PLAIN.parse().unwrap()).unwrap_err();
        assert!(matches!(error, BrowserError::UnfitVariable(_)), "{variable}: {error:?}");
        assert!(error.to_string().starts_with("the variable BROWSER "), "{error}");
    }
}

/// C-25
#[cfg(target_os = "linux")]
#[test]
fn the_program_has_no_file_of_ours_and_a_session_of_its_own() {
    let workshop = Workshop::open();
    let script = r#"{ cut -d' ' -f6 /proc/self/stat; ls -l /proc/self/fd; } >"$report""#;
    workshop.program("curious", script);
    let leaked = fs::File::create(workshop.path("leaked-file")).unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    workshop.browser("curious").open(&PLAIN.parse().unwrap()).unwrap();

    let report = workshop.report();
    let own = fs::read_to_string("/proc/self/stat").unwrap();
    let own_session = own.rsplit(") ").next().unwrap().split(' ').nth(3).unwrap();
    assert_ne!(report[0], own_session);
    assert!(!report.iter().any(|line| line.contains("leaked-file")), "{report:?}");
    let nulls = report.iter().filter(|line| line.ends_with("-> /dev/null")).count();
    assert_eq!(nulls, 2, "standard input and error: {report:?}");
}

/// C-23, C-25. Runs itself a second time, because an environment belongs to a whole process.
#[test]
fn the_environment_is_cleaned_and_the_working_directory_is_no_place_for_programs() {
    const SELF: &str = "the_environment_is_cleaned_and_the_working_directory_is_no_place_for_programs";
    if let Some(expected) = env::var_os("MCPAUTH_TEST_EXPECTS") {
        let opened = SystemBrowser::new(true).open(&PLAIN.parse().unwrap());
        match expected.to_str().unwrap() {
            "success" => opened.unwrap(),
            _ => assert!(matches!(opened, Err(BrowserError::NoProgram)), "{opened:?}"),
        }
        return;
    }
    let workshop = Workshop::open();
    let open_there = |expected: &str, path: &str, browser: Option<&str>| {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", SELF]).current_dir(workshop.place.path());
        command.env("MCPAUTH_TEST_EXPECTS", expected).env("PATH", path).env_remove("BROWSER");
        command
            .env("MCPAUTH_PASSPHRASE", "hush")
            .env("KEPT", "yes")
            .envs(browser.map(|name| ("BROWSER", name)));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    };

    workshop.program("curious", r#"env >"$report""#);
    let curious = workshop.path("curious");
    open_there("success", ".::bin:/usr/bin:/bin", curious.to_str());
    let report = workshop.report();
    assert!(!report.iter().any(|line| line.contains("MCPAUTH_") || line.contains("hush")), "{report:?}");
    assert!(report.contains(&"KEPT=yes".into()), "{report:?}");
    assert!(report.contains(&"PATH=/usr/bin:/bin".into()), "{report:?}");

    if cfg!(not(target_os = "macos")) {
        for name in ["xdg-open", "gio", "gnome-open", "kde-open"] {
            workshop.program(name, r#"touch "$here/pwned""#);
        }
        open_there("nothing", ".::bin", None);
        assert!(!workshop.path("pwned").exists());
    }
}
