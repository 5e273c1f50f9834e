//! Who carries out a refresh: a process of its own, which holds the lock and outlives whoever started it.
//!
//! A refresh token is spent when the issuer decides so, and the new one comes with the answer. A process that is ended
//! between the two takes the login with it. So the command that people, scripts and clients end at will only starts a
//! worker, hands the lock over, and waits. The worker is this program itself, with its task on standard input, the lock
//! as standard output, and what it has to say on standard error. That nobody listens any more does not stop it.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::renewal::{self, Errand};
use super::{App, Ports, moving};
use crate::audit::{Caller, Trail};
use crate::clock::{SetClock, UnixTime};
use crate::config::Config;
use crate::console::{Console, Tone};
use crate::error::Error;
use crate::model::{LoginKey, Name};
use crate::places::Places;
use crate::platform;
use crate::secret::SealingKey;
use crate::store::{GivenKey, LoginLock, Store, StoreError, StoreKind};

/// The hidden command that is a worker.
pub const COMMAND: &str = "refresh-worker";
/// How long a worker is waited for: longer than it may take, so that it is its own word that counts.
const PATIENCE: Duration = Duration::from_secs(45);
/// How long one is waited for while the old token lives: clients give a server half a minute to start.
const PATIENCE_WITH_A_TOKEN: Duration = Duration::from_secs(8);
/// How long a worker waits for a lock that could not be handed over.
const LOCK_PATIENCE: Duration = Duration::from_secs(20);
/// More than a task needs, in bytes.
const LONGEST_TASK: u64 = 64 * 1024;
/// Bytes of the key that follows the task where the store seals.
const KEY_LENGTH: usize = 32;

/// What a worker is told. A line of its own; the key follows.
#[derive(Serialize, Deserialize)]
struct Task {
    config: std::path::PathBuf,
    data: std::path::PathBuf,
    state: std::path::PathBuf,
    store: StoreKind,
    server: Name,
    account: Name,
    now: UnixTime,
    verbose: u8,
    caller: Caller,
    errand: Errand,
}

/// Has a refresh carried out, and waits for it. `Ok(false)` if the worker was ended before it had anything to say: the
/// login is as the disk shows it, then.
pub fn carry_out(app: &App, store: &Store, lock: LoginLock, errand: Errand) -> Result<bool, Error> {
    let server = lock.key().server.clone();
    if store.kinds().from.is_some() {
        // A worker is given one key, so it must find nothing that another one seals.
        moving::arrive(app, store, &lock)?;
    }
    let patience = if errand.is_urgent { PATIENCE } else { PATIENCE_WITH_A_TOKEN };
    match start(app, store, &lock, errand) {
        Some(worker) => {
            // It has the lock now, or takes it.
            drop(lock);
            wait(app, &server, worker, patience)
        }
        // Better a refresh that can be interrupted than none.
        None => renewal::renew(app, store, &lock, errand).map(|()| true),
    }
}

/// Starts a worker and tells it everything; `None` if that cannot be done, and then nothing has happened.
fn start(app: &App, store: &Store, lock: &LoginLock, errand: Errand) -> Option<Child> {
    let task = task(app, store, lock.key(), errand).ok()?;
    start_with(app, COMMAND, lock.file()?, &task)
}

/// Starts this program anew as one of its hidden commands, which gets a lock and a task.
pub(super) fn start_with(app: &App, hidden: &str, lock: &File, task: &[u8]) -> Option<Child> {
    let mut command = Command::new(app.ports.program.as_ref()?);
    command.arg(hidden).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut worker = platform::start_detached(&mut command, lock).ok()?;
    let mut input = worker.stdin.take()?;
    // A task that ends early is none, so after an error here nothing is done there.
    input.write_all(task).ok()?;
    Some(worker)
}

fn task(
    app: &App,
    store: &Store,
    key: &LoginKey,
    errand: Errand,
) -> Result<Zeroizing<Vec<u8>>, Box<dyn std::error::Error>> {
    let places = app.config.places();
    let task = Task {
        config: std::path::absolute(&places.config)?,
        data: std::path::absolute(&places.data)?,
        state: std::path::absolute(&places.state)?,
        store: store.kind(),
        server: key.server.clone(),
        account: key.account.clone(),
        now: app.now(),
        verbose: app.console.tone().verbose,
        caller: app.trail.caller().clone(),
        errand,
    };
    Ok(written(&task, store.key_to_share()?.as_ref())?)
}

/// A task as it is handed over: one line, and the key behind it.
pub(super) fn written(
    task: &impl Serialize,
    key: Option<&SealingKey>,
) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    let line = serde_json::to_vec(task)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(line.len() + 1 + KEY_LENGTH));
    bytes.extend_from_slice(&line);
    bytes.push(b'\n');
    if let Some(key) = key {
        bytes.extend_from_slice(key.expose());
    }
    Ok(bytes)
}

/// Passes on what a worker says, until it has ended or the caller can wait no longer. The worker goes on all the same.
fn wait(app: &App, server: &Name, mut worker: Child, patience: Duration) -> Result<bool, Error> {
    let latest = Instant::now() + patience;
    let until = app.deadline.map_or(latest, |deadline| deadline.min(latest));
    let Some(talk) = worker.stderr.take() else { return Ok(false) };
    let lines = listen(talk);
    let mut said = None;
    loop {
        match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => match passed_on(&line) {
                Some(Word::Done) => said = Some(Ok(true)),
                Some(Word::Failed(error)) => said = Some(Err(error)),
                Some(Word::Complained) => app.trail.has_been_told(),
                None => app.console.pass_on(&line),
            },
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let error = Error::NotYet { server: server.to_string(), process: worker.id() };
                wait_for_its_end(worker);
                return Err(error);
            }
        }
    }
    // Its words count; this only leaves no process behind that nobody waited for.
    drop(worker.wait());
    said.unwrap_or(Ok(false))
}

/// How many workers that nobody listens to any more are still children of this process.
static GOES_ON: AtomicUsize = AtomicUsize::new(0);

/// Whether a worker goes on for which this process still has to wait: a program that took its place would find a child
/// that it never started.
pub fn goes_on() -> bool {
    GOES_ON.load(Ordering::Acquire) > 0
}

/// Sees to it that nothing is left of a worker once it has ended.
fn wait_for_its_end(mut worker: Child) {
    GOES_ON.fetch_add(1, Ordering::AcqRel);
    let waiting = move || {
        platform::heed_no_signals();
        drop(worker.wait());
        GOES_ON.fetch_sub(1, Ordering::AcqRel);
    };
    // Where no thread can be had the system waits for it when we have ended.
    drop(thread::Builder::new().name("worker's end".into()).spawn(waiting));
}

fn listen(talk: ChildStderr) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    let listening = move || {
        platform::heed_no_signals();
        for line in BufReader::new(talk).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    };
    // Where no thread can be had nothing is heard, and the disk shows what came of it.
    let _ = thread::Builder::new().name("worker".into()).spawn(listening);
    lines
}

/// How a worker ends.
pub(super) enum Word {
    /// It did what it was to do.
    Done,
    /// It did not.
    Failed(Error),
    /// It has said already that what happens is not written down.
    Complained,
}

/// Reads the last line of a worker: its error, as every command gives it with `--json`, or that it is done.
pub(super) fn passed_on(line: &str) -> Option<Word> {
    #[derive(Deserialize)]
    struct Last {
        #[serde(default)]
        done: bool,
        #[serde(default)]
        complained: bool,
        error: Option<Told>,
    }
    #[derive(Deserialize)]
    struct Told {
        exit: u8,
        message: String,
        hint: Option<String>,
    }
    let last: Last = serde_json::from_str(line).ok()?;
    match last.error {
        Some(Told { exit, message, hint }) => {
            Some(Word::Failed(Error::PassedOn { exit_code: exit, message, hint }))
        }
        None if last.complained => Some(Word::Complained),
        None => last.done.then_some(Word::Done),
    }
}

/// Is a worker: reads its task, takes the lock over, and carries the refresh out.
pub fn work(ports: Ports) -> Result<(), Error> {
    platform::detach();
    let (task, key) = read_task(std::io::stdin().lock(), |task: &Task| task.store.seals())?;
    let login = LoginKey { server: task.server.clone(), account: task.account.clone() };
    let app = app_for(&task, ports)?;
    let store = store_for(&task, key);
    let unknown = |source| StoreError::NoLocks { path: task.state.join("locks"), source };
    let handed_over = platform::handed_over_lock().map_err(unknown)?;
    let lock = store.take_over(&login, handed_over, LOCK_PATIENCE)?;
    let renewed = renewal::renew(&app, &store, &lock, task.errand);
    if app.trail.has_complained() {
        app.console.pass_on(r#"{"complained":true}"#);
    }
    renewed?;
    app.console.pass_on(r#"{"done":true}"#);
    Ok(())
}

/// Reads a task, and the key where the task says that one follows.
pub(super) fn read_task<Told: DeserializeOwned>(
    input: impl Read,
    has_key: impl FnOnce(&Told) -> bool,
) -> Result<(Told, Option<SealingKey>), Error> {
    let incomplete = || Error::Usage {
        message: "there is no whole task on standard input".into(),
        hint: "this command is for mcpauth itself; `mcpauth help` shows those for you".into(),
    };
    let mut input = BufReader::new(input.take(LONGEST_TASK));
    let mut line = String::new();
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    let whole = input.read_line(&mut line).is_ok() && line.ends_with('\n');
    let task: Told = whole.then(|| serde_json::from_str(&line).ok()).flatten().ok_or_else(incomplete)?;
    if !has_key(&task) {
        return Ok((task, None));
    }
    input.read_exact(&mut *key).map_err(|_| incomplete())?;
    Ok((task, Some(SealingKey::new(*key))))
}

/// The program as it was for whoever gave the task.
fn app_for(task: &Task, ports: Ports) -> Result<App, Error> {
    let places = Places::given(task.config.clone(), task.data.clone(), task.state.clone());
    let tone = Tone { json: true, verbose: task.verbose, colorless: true, ..Tone::default() };
    Ok(App {
        console: Console::new(ports.terminal.clone(), tone),
        ports: Ports { clock: Arc::new(SetClock::new(task.now)), ..ports },
        config: Config::load(places)?,
        server_wish: None,
        store_wish: None,
        passphrase_descriptor: None,
        deadline: None,
        found_session_bus: false,
        trail: Trail::on_behalf_of(task.caller.clone()),
        opened: OnceLock::new(),
    })
}

fn store_for(task: &Task, key: Option<SealingKey>) -> Store {
    let places = Places::given(task.config.clone(), task.data.clone(), task.state.clone());
    match key {
        Some(key) => Store::new(&places, task.store, Box::new(GivenKey(key))),
        None => Store::new(&places, task.store, Box::new(crate::store::NoKey)),
    }
}
