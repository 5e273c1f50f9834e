//! `exec` with live tokens: a command that has a fresh one for as long as it runs, and a parent that never leaves it
//! behind.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mcpauth::sandbox::SandboxOptions;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::support::steps::eventually;
use crate::support::{World, call, stranger};

/// A command that runs, with its parent.
struct Running {
    supervisor: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    fn of(mut command: Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut supervisor = command.spawn().unwrap();
        let lines = BufReader::new(supervisor.stdout.take().unwrap());
        Self { supervisor, lines }
    }

    /// A script that runs with live tokens of this kind.
    fn start(world: &World, flags: &[&str], script: &str) -> Self {
        Self::of(world.command(&[&["exec"], flags, &["--", "sh", "-c", script]].concat()))
    }

    /// The same with a script that heeds signals. Whoever runs the tests in the background may have them ignore some, of
    /// which no shell lets go by itself.
    fn heedful(world: &World, script: &str) -> Self {
        let env: &[&str] = if cfg!(target_os = "linux") { &["env", "--default-signal"] } else { &[] };
        let command = [&["exec", "--token-file", "--"], env, &["sh", "-c", script]].concat();
        Self::of(world.command(&command))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end_matches('\n').to_owned()
    }

    fn id(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.supervisor.id()).unwrap())
    }

    fn send(&self, signal: Signal) {
        kill(self.id(), signal).unwrap();
    }

    /// Closes the command's standard input, and gives the exit code.
    fn ends(mut self) -> i32 {
        drop(self.supervisor.stdin.take());
        self.has_ended()
    }

    fn has_ended(&mut self) -> i32 {
        mcpauth::platform::exit_code(self.supervisor.wait().unwrap()).into()
    }

    /// Waits until nobody is left who could write a line.
    fn is_silent(&mut self) {
        self.lines.read_to_end(&mut Vec::new()).unwrap();
    }
}

fn signed_in() -> World {
    World::signed_in(SandboxOptions::default())
}

/// A world whose tokens live for a few seconds.
fn hasty() -> World {
    World::signed_in(SandboxOptions { access_lifetime: 8, ..SandboxOptions::default() })
}

fn text_of(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Waits until a file holds another text, and gives it.
fn next_text(path: &Path, before: &str) -> String {
    let mut text = String::new();
    eventually(|| {
        text = text_of(path);
        text != before
    });
    text
}

const SHOW_FILE: &str = "echo $MCP_ACCESS_TOKEN_FILE; echo ${MCP_ACCESS_TOKEN-none}; cat";

///
#[test]
fn a_token_file_holds_the_token_and_nothing_else_and_the_variable_is_not_set() {
    let world = signed_in();
    let mut running = Running::start(&world, &["--token-file"], SHOW_FILE);
    let (path, variable) = (PathBuf::from(running.line()), running.line());
    assert_eq!(variable, "none");
    assert_eq!(text_of(&path), world.token(&[]));
    let file = fs::metadata(&path).unwrap();
    assert_eq!((file.mode() & 0o777, file.uid()), (0o600, rustix::process::geteuid().as_raw()));
    assert!(
        fs::OpenOptions::new().write(true).open(&path).and_then(|mut file| file.write_all(b"x")).is_err()
    );
    assert_eq!(running.ends(), 0);
    assert!(!path.exists());
}

#[test]
fn a_token_file_is_renewed_before_its_token_ends() {
    let world = hasty();
    let mut running = Running::start(&world, &["--token-file"], SHOW_FILE);
    let path = PathBuf::from(running.line());
    let mut seen = BTreeSet::from([text_of(&path)]);
    for _ in 0..2 {
        let token = next_text(&path, seen.last().unwrap());
        assert_eq!(call(&world.url(), &token), 200, "{token}");
        seen.clear();
        seen.insert(token);
    }
    assert_eq!(world.sandbox.books().reuses, 0);

    // whoever refreshed has been waited for.
    #[cfg(target_os = "linux")]
    assert_eq!(children(running.id()).len(), 2, "the command and the keeper");
    assert_eq!(running.ends(), 0);
}

/// Whoever reads while the file is replaced gets the old token or the new one.
#[test]
fn a_token_file_is_never_half_written() {
    let world = hasty();
    let mut running = Running::start(&world, &["--token-file"], SHOW_FILE);
    let path = PathBuf::from(running.line());
    let first = text_of(&path);
    eventually(|| {
        let token = fs::read_to_string(&path).unwrap();
        assert_eq!(token.len(), first.len(), "{token}");
        token != first
    });
    assert_eq!(running.ends(), 0);
}

#[test]
fn a_token_file_is_empty_while_nobody_is_signed_in() {
    let world = hasty();
    let mut running = Running::start(&world, &["--token-file"], SHOW_FILE);
    let path = PathBuf::from(running.line());
    world.run(&["logout", "box"]).succeeded();
    eventually(|| text_of(&path).is_empty());
    world.login(&[]).succeeded();
    let token = next_text(&path, "");
    assert_eq!(call(&world.url(), &token), 200);
    assert_eq!(running.ends(), 0);
}

#[test]
fn each_server_has_a_file_of_its_own_and_a_field_that_is_named_stays_a_variable() {
    let world = World::new();
    world.login(&["--env", "BOX_TOKEN"]).succeeded();
    let other = World::new();
    let args = ["login", &other.url(), "--name", "second", "--no-browser"];
    world.login_as(world.command(&args)).succeeded();
    let flags = ["--token-file", "-s", "box", "-e", "B=second", "-e", "C=second:token", "-e", "D=box:url"];
    let script = "cat $BOX_TOKEN_FILE; echo; cat $B_FILE; echo; echo $C; echo $D; env | grep -c '^B='";
    let mut running = Running::start(&world, &flags, script);
    let [of_box, of_second] =
        ["box", "second"].map(|name| world.run(&["token", name]).stdout.trim().to_owned());
    assert_eq!([running.line(), running.line()], [of_box, of_second.clone()]);
    assert_eq!([running.line(), running.line(), running.line()], [of_second, world.url(), "0".into()]);

    world
        .run(&["exec", "--token-file", "-e", "A=box", "-e", "A_FILE=box:url", "--", "true"])
        .failed_with(2, "two values for the variable A_FILE");
}

/// Gets what a socket has to give.
fn ask(path: &Path) -> String {
    let mut answer = String::new();
    UnixStream::connect(path).unwrap().read_to_string(&mut answer).unwrap();
    answer
}

const SHOW_SOCKET: &str = "echo $MCP_ACCESS_TOKEN_SOCKET; echo ${MCP_ACCESS_TOKEN-none}; cat";

#[test]
fn a_socket_gives_a_fresh_token_to_everybody_who_asks() {
    let world = hasty();
    let mut running = Running::start(&world, &["--socket"], SHOW_SOCKET);
    let (path, variable) = (PathBuf::from(running.line()), running.line());
    assert_eq!(variable, "none");
    let (socket, room) = (fs::metadata(&path).unwrap(), fs::metadata(path.parent().unwrap()).unwrap());
    assert!(socket.file_type().is_socket() && socket.mode() & 0o777 == 0o600, "{socket:?}");
    assert!(room.is_dir() && room.mode() & 0o777 == 0o700, "{room:?}");

    let first = ask(&path);
    assert_eq!(call(&world.url(), first.trim_end()), 200);
    let mut later = String::new();
    eventually(|| {
        later = ask(&path);
        later != first
    });
    assert_eq!((later.matches('\n').count(), call(&world.url(), later.trim_end())), (1, 200));

    // Each of them is written down.
    let audit = world.run(&["audit", "--json"]).stdout;
    assert!(
        audit.lines().filter(|line| line.contains("handed_out") && line.contains("\"sh\"")).count() > 1,
        "{audit}"
    );
    world.run(&["logout", "box"]).succeeded();
    assert_eq!(ask(&path), "");
    assert_eq!(running.ends(), 0);
    assert!(!path.exists() && !path.parent().unwrap().exists());
}

/// Where the child of the story below finds what to ask.
const ASKS_AT: &str = "LIVE_STORY_SOCKET";

/// P-10.
#[test]
fn another_user_gets_no_token_also_where_somebody_has_opened_the_socket_to_all() {
    if let Some(socket) = std::env::var_os(ASKS_AT) {
        // As the other user: the connection is made, and nothing is said on it.
        assert_eq!(ask(Path::new(&socket)), "");
        return;
    }
    let world = signed_in();
    let mut running = Running::start(&world, &["--socket"], SHOW_SOCKET);
    let path = PathBuf::from(running.line());
    stranger::open_to_all(world.home(), &path);
    let name = "live::another_user_gets_no_token_also_where_somebody_has_opened_the_socket_to_all";
    stranger::plays(name, (ASKS_AT, &path));
    let mode = fs::metadata(&path).unwrap().mode() & 0o777;
    assert_eq!((mode, ask(&path).trim_end()), (0o666, &*world.token(&[])));
    assert_eq!(running.ends(), 0);
}

#[test]
fn many_who_ask_at_once_cause_one_refresh() {
    let world = hasty();
    world.sandbox.change(|options| options.access_lifetime = 3600);
    let mut running = Running::start(&world, &["--socket"], SHOW_SOCKET);
    let path = PathBuf::from(running.line());
    // Half of its life has to pass first.
    let stale = Instant::now() + Duration::from_secs(5);
    eventually(|| Instant::now() > stale);
    let answers: BTreeSet<String> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..40).map(|_| scope.spawn(|| ask(&path))).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!((answers.len(), world.sandbox.books().refreshes), (1, 1), "{answers:?}");
    assert_eq!(running.ends(), 0);
}

/// What makes `exec` stay.
const LIVE: [&str; 5] = ["--token-file", "--socket", "--proxy", "--restart-before-expiry", "--mask"];

const TALKS_OF_SIGNALS: &str = "for name in HUP INT QUIT USR1 USR2 CONT WINCH; do trap \"echo $name\" $name; done; \
    trap 'echo TERM; exit 7' TERM; echo ready; while sleep 0.02; do :; done";

///
#[test]
fn signals_go_on_to_the_command_and_its_exit_code_comes_back() {
    let world = signed_in();
    let mut running = Running::heedful(&world, TALKS_OF_SIGNALS);
    assert_eq!(running.line(), "ready");
    for signal in [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGCONT,
        Signal::SIGWINCH,
        Signal::SIGTERM,
    ] {
        running.send(signal);
        assert_eq!(format!("SIG{}", running.line()), signal.as_str());
    }
    assert_eq!(running.has_ended(), 7);
}

///
#[test]
fn a_job_that_is_stopped_stops_as_a_whole_and_goes_on_as_a_whole() {
    let world = signed_in();
    let mut running = Running::heedful(&world, TALKS_OF_SIGNALS);
    assert_eq!(running.line(), "ready");
    running.send(Signal::SIGTSTP);
    let stopped = waitpid(running.id(), Some(WaitPidFlag::WUNTRACED)).unwrap();
    assert_eq!(stopped, WaitStatus::Stopped(running.id(), Signal::SIGSTOP));
    #[cfg(target_os = "linux")]
    eventually(|| children(running.id()).iter().any(|child| state(*child) == Some('T')));
    running.send(Signal::SIGCONT);
    assert_eq!(running.line(), "CONT");
    running.send(Signal::SIGTERM);
    assert_eq!((running.line().as_str(), running.has_ended()), ("TERM", 7));
}

///
#[test]
fn the_exit_code_of_a_command_with_live_tokens_is_the_commands() {
    let world = signed_in();
    for (script, code) in [("exit 0", 0), ("exit 1", 1), ("exit 42", 42), ("kill -9 $$", 137)] {
        for flag in LIVE {
            assert_eq!(world.run(&["exec", flag, "--", "sh", "-c", script]).exit, code, "{flag}: {script}");
        }
    }
}

///
#[test]
fn without_a_token_or_a_program_no_command_with_live_tokens_is_started() {
    let world = World::expired();
    for flag in LIVE {
        let ran = world.run(&["exec", flag, "--", "no-such-command"]);
        ran.failed_with(127, "there is no such command");
    }
    assert_eq!(world.sandbox.books().refresh_attempts, 0);
    world.sandbox.revoke_everything();
    let marker = world.home().join("started");
    for flag in LIVE {
        let ran = world.run(&["exec", flag, "--", "touch", marker.to_str().unwrap()]);
        ran.failed_with(3, "the issuer ended this login");
    }
    assert!(!marker.exists());
}

#[test]
fn a_command_is_started_anew_before_its_token_ends() {
    let world = hasty();
    let script = "trap 'echo bye; exit 5' TERM; echo $MCP_ACCESS_TOKEN; while sleep 0.02; do :; done";
    let mut running = Running::start(&world, &["--restart-before-expiry"], script);
    let first = running.line();
    assert_eq!(running.line(), "bye");
    let second = running.line();
    assert!(second != first && !second.is_empty(), "{second}");
    assert_eq!(call(&world.url(), &second), 200);
    running.send(Signal::SIGTERM);
    assert_eq!((running.line().as_str(), running.has_ended()), ("bye", 5));
    running.is_silent();
}

#[test]
fn a_command_that_ends_by_itself_is_not_started_anew() {
    let world = hasty();
    let ran = world.run(&["exec", "--restart-before-expiry", "--", "sh", "-c", "echo once; exit 3"]);
    assert_eq!((ran.exit, ran.stdout.as_str()), (3, "once\n"));
}

/// Every file below a directory, but the records of the logins.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let (directories, files): (Vec<_>, Vec<_>) =
        entries.partition(|path| path.is_dir() && !path.is_symlink());
    let within = directories.iter().flat_map(|directory| files_below(directory));
    let all = files.into_iter().chain(within);
    all.filter(|path| !path.components().any(|part| part.as_os_str() == "logins")).collect()
}

/// Waits until nothing is left that has the token, of a command that was started with it in a file and behind a socket.
fn leaves_nothing(world: &World, mut running: Running, end: impl FnOnce(&Running)) {
    let (file, socket) = (PathBuf::from(running.line()), PathBuf::from(running.line()));
    let token = text_of(&file);
    assert!(ask(&socket).trim_end() == token && !token.is_empty());
    end(&running);
    assert_eq!(running.has_ended(), 137);
    // The command is one of those who could still speak.
    running.is_silent();
    eventually(|| !file.exists());
    for file in files_below(world.home()) {
        // A socket that nobody listens at cannot be read.
        let bytes = fs::read(&file).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains(&token), "{}", file.display());
    }
    let ran = world.run(&["exec", "--socket", "--", "true"]);
    assert_eq!((ran.exit, socket.exists()), (0, false));
}

const SHOW_BOTH: &str =
    "echo $MCP_ACCESS_TOKEN_FILE; echo $MCP_ACCESS_TOKEN_SOCKET; trap '' TERM HUP INT; exec cat";

///
#[test]
fn nothing_with_a_token_outlasts_a_kill_and_neither_does_the_command() {
    let world = signed_in();
    let running = Running::start(&world, &["--token-file", "--socket"], SHOW_BOTH);
    leaves_nothing(&world, running, |running| running.send(Signal::SIGKILL));
    let running = Running::start(&world, &["--token-file", "--socket"], SHOW_BOTH);
    leaves_nothing(&world, running, |running| killpg(running.id(), Signal::SIGKILL).unwrap());
}

///
#[cfg(target_os = "linux")]
#[test]
fn nothing_with_a_token_outlasts_the_end_of_everybody_who_could_tidy_up() {
    let world = signed_in();
    let running = Running::start(&world, &["--token-file", "--socket"], SHOW_BOTH);
    leaves_nothing(&world, running, |running| {
        let all = children(running.id());
        assert_eq!(all.len(), 2, "the command and the keeper");
        // Nobody of them may notice that another one has gone.
        let each = || all.iter().copied().chain([running.id()]);
        each().for_each(|id| kill(id, Signal::SIGSTOP).unwrap());
        each().for_each(|id| kill(id, Signal::SIGKILL).unwrap());
    });
}

///
#[cfg(target_os = "linux")]
#[test]
fn a_command_whose_tokens_nobody_keeps_any_more_is_told_so_and_ended() {
    let world = signed_in();
    let said = world.home().join("said");
    let yields = ("trap 'echo TERM; exit 7' TERM; echo $$; while sleep 0.02; do :; done", "TERM", 7);
    // One that does not want to end is ended ten seconds later.
    let stays = ("trap '' TERM; echo $$; exec cat", "", 137);
    let each = ["--socket", "--proxy", "--restart-before-expiry"].map(|flag| (flag, yields));
    for (flag, (script, last, code)) in [("--token-file", stays)].into_iter().chain(each) {
        let mut command = world.command(&["exec", flag, "--", "sh", "-c", script]);
        command.stderr(fs::File::create(&said).unwrap());
        let mut running = Running::of(command);
        let command = Pid::from_raw(running.line().parse().unwrap());
        let others: Vec<Pid> = children(running.id()).into_iter().filter(|id| *id != command).collect();
        let [keeper] = others[..] else { panic!("{others:?}") };
        kill(keeper, Signal::SIGKILL).unwrap();
        assert_eq!((running.line().as_str(), running.has_ended()), (last, code), "{flag}");
        running.is_silent();
        let said = fs::read_to_string(&said).unwrap();
        assert!(
            said.contains("the process that keeps the tokens of the command has ended"),
            "{flag}: {said}"
        );
    }
}

///
#[cfg(target_os = "linux")]
#[test]
fn a_command_with_live_tokens_finds_nothing_open_that_it_would_not_find_alone() {
    let world = signed_in();
    let list = "ls /proc/self/fd | tr '\\n' ' '";
    let alone = Command::new("sh").args(["-c", list]).stdin(Stdio::null()).output().unwrap().stdout;
    let ran = world.run(&["exec", "--token-file", "--socket", "--mask", "--", "sh", "-c", list]);
    assert_eq!(ran.stdout, String::from_utf8(alone).unwrap());
    // Of the others the C library keeps some for itself.
    let standard = |text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        let masks =
            text.lines().map(|line| u64::from_str_radix(line.split('\t').nth(1).unwrap(), 16).unwrap());
        masks.map(|mask| mask & 0x7fff_ffff).collect::<Vec<_>>()
    };
    // Without a shell, which would let in for itself what it finds shut out.
    let masks = ["-E", "SigBlk|SigIgn", "/proc/self/status"];
    let alone = standard(&Command::new("grep").args(masks).stdin(Stdio::null()).output().unwrap().stdout);
    for flag in LIVE {
        let ran = world.run(&[&["exec", flag, "--", "grep"][..], &masks].concat());
        assert_eq!(standard(ran.succeeded().stdout.as_bytes()), alone, "{flag}");
    }
}

/// A shell would see to that for itself.
#[cfg(target_os = "linux")]
#[test]
fn a_command_that_does_nothing_about_signals_is_ended_by_them() {
    let world = signed_in();
    for flag in LIVE {
        let mut command = world.command(&["exec", flag, "--", "sleep", "1000"]);
        let mut child = command.stdin(Stdio::null()).spawn().unwrap();
        let id = Pid::from_raw(child.id().try_into().unwrap());
        let sleeps = |id: &Pid| fs::read(format!("/proc/{id}/comm")).is_ok_and(|name| name == b"sleep\n");
        eventually(|| children(id).iter().any(sleeps));
        kill(id, Signal::SIGTERM).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(mcpauth::platform::exit_code(status), 143, "{flag}: {status}");
    }
}

/// What stands on the command lines of all processes, looked at for as long as something is done.
#[cfg(target_os = "linux")]
fn command_lines_during(deed: impl FnOnce()) -> BTreeSet<String> {
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !is_done.load(Ordering::Relaxed) {
                let processes = fs::read_dir("/proc").unwrap().flatten();
                let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
                seen.extend(lines.map(|line| String::from_utf8_lossy(&line).into_owned()));
            }
            seen
        });
        deed();
        is_done.store(true, Ordering::Relaxed);
        looking.join().unwrap()
    })
}

///
#[cfg(target_os = "linux")]
#[test]
fn no_secret_is_on_a_command_line_at_any_time() {
    let world = World::expired();
    let lines = command_lines_during(|| {
        for flags in [&["--token-file", "--socket"][..], &["--proxy"], &[], &["--restart-before-expiry"]] {
            world.run(&["refresh", "box"]).succeeded();
            world.run(&[&["exec"], flags, &["--", "sleep", "0.2"]].concat()).succeeded();
        }
    });
    for part in ["live-keeper", "refresh-worker", "--proxy"] {
        assert!(lines.iter().any(|line| line.contains(part)), "nobody looked when there was {part}");
    }
    for (what, secret) in world.sandbox.secrets() {
        assert!(!lines.iter().any(|line| line.contains(&secret)), "{what} was on a command line");
    }
}

///
#[test]
fn a_network_that_is_down_starts_nothing_either() {
    let mut world = World::expired();
    world.cut_off();
    let marker = world.home().join("started");
    let live = [&["--token-file"][..], &["--socket"], &["--proxy"], &["--restart-before-expiry"]];
    for flags in live.into_iter().chain([&[][..], &["--mask"]]) {
        let ran = world.run(&[&["exec"], flags, &["--", "touch", marker.to_str().unwrap()]].concat());
        assert_eq!(ran.exit, 6, "{ran:?}");
    }
    assert!(!marker.exists());
}

#[test]
fn a_signal_before_the_start_ends_the_wait_for_a_token() {
    use mcpauth::sandbox::{Endpoint, Fault};
    let world = World::expired();
    let late = Fault::LateAnswer { endpoint: Endpoint::Token, milliseconds: 1500 };
    world.sandbox.change(|options| options.faults = vec![late]);
    let marker = world.home().join("started");
    let script = format!("touch {}", marker.display());
    let mut running = Running::start(&world, &["--token-file"], &script);
    eventually(|| world.sandbox.books().refreshes == 1);
    running.send(Signal::SIGTERM);
    assert_eq!(running.has_ended(), 143);
    assert!(!marker.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_that_starts_while_a_refresh_goes_on_is_no_parent_of_it() {
    use mcpauth::sandbox::{Endpoint, Fault};
    let world = signed_in();
    let late = Fault::LateAnswer { endpoint: Endpoint::Token, milliseconds: 10_000 };
    world.sandbox.change(|options| options.faults = vec![late]);
    // The token still lives, so nobody is kept waiting longer than he has to.
    let script = "trap 'echo TERM; exit 7' TERM; echo $$; while sleep 0.02; do :; done";
    let mut running = Running::start(&world, &["--min-ttl", "2h"], script);
    let command: i32 = running.line().parse().unwrap();
    assert_ne!(command, running.id().as_raw());
    assert!(children(running.id()).len() > 1, "the worker has ended already, so nothing was shown");
    eventually(|| children(running.id()) == [Pid::from_raw(command)]);
    running.send(Signal::SIGTERM);
    assert_eq!((running.line().as_str(), running.has_ended()), ("TERM", 7));
}

/// The answer of a server to a greeting at this address.
fn greet(url: &str) -> u16 {
    call(url, "none")
}

#[test]
fn a_command_behind_a_proxy_reaches_its_server_and_has_no_token() {
    let world = signed_in();
    let mut running =
        Running::start(&world, &["--proxy"], "echo $MCP_ACCESS_TOKEN_URL; env | grep -c sandbox_; exec cat");
    let (url, tokens) = (running.line(), running.line());
    assert!(url.starts_with("http://127.0.0.1:") && tokens == "0", "{url} {tokens}");
    assert_eq!(greet(&url), 200);
    // Without the secret nobody gets in.
    let (origin, _) = url.split_at(url[7..].find('/').unwrap() + 7);
    assert_ne!(greet(&format!("{origin}/box")), 200);
    //
    running.send(Signal::SIGKILL);
    running.is_silent();
    assert_eq!(running.has_ended(), 137);

    let ran = world.run(&["exec", "--proxy", "-e", "A=box:token", "--", "true"]);
    ran.failed_with(2, "with --proxy the command gets no token, so A cannot be set");
    world.run(&["exec", "--proxy", "-e", "A=box:url", "-s", "box", "--", "true"]).succeeded();
}

/// Such as the token of an outer `exec`, which grows old and opens what the command is not to open.
#[test]
fn a_token_of_our_own_environment_does_not_take_the_place_of_a_live_one() {
    let world = signed_in();
    for kind in ["--proxy", "--token-file", "--socket"] {
        let command = ["exec", kind, "--", "sh", "-c", "echo ${MCP_ACCESS_TOKEN-none}"];
        let ran = world.command(&command).env("MCP_ACCESS_TOKEN", "outer").output().unwrap();
        assert_eq!(String::from_utf8_lossy(&ran.stdout), "none\n", "{kind}");
    }
}

/// The children of a process.
#[cfg(target_os = "linux")]
fn children(id: Pid) -> Vec<Pid> {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).unwrap().flatten();
    let lists = tasks.map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default());
    let ids: Vec<String> =
        lists.flat_map(|list| list.split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    ids.iter().filter_map(|id| id.parse().ok()).map(Pid::from_raw).collect()
}

/// What a process does, in the letter of proc(5).
#[cfg(target_os = "linux")]
fn state(id: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
