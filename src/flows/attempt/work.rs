//! The process that carries a sign-in out, and whoever listens to it.
//!
//! Like the worker of a refresh it is this program itself, with its task on standard input, the turn as standard output,
//! and what it has to say on standard error. It ends when somebody has signed in or the time is up.

use std::io::{BufRead as _, BufReader};
use std::process::Child;
use std::sync::{Arc, OnceLock};
use std::thread;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use url::Url;

use super::TIMEOUT;
use super::turn::{self, WINDOW, Wish};
use crate::audit::{Caller, Trail};
use crate::browser::{Browser, BrowserError, Elsewhere};
use crate::clock::{SetClock, UnixTime};
use crate::config::{Config, ServerProfile};
use crate::console::{Console, Tone};
use crate::error::Error;
use crate::flows::login::{self, LoginRequest};
use crate::flows::worker::{self, Word, passed_on};
use crate::flows::{App, Ports};
use crate::model::{LoginKey, Name, ScopeSet};
use crate::places::Places;
use crate::platform;
use crate::secret::SealingKey;
use crate::store::{Ending, GivenKey, SignIn, SignInTurn, Store, StoreKind};

/// The hidden command that carries a sign-in out.
pub const COMMAND: &str = "sign-in-worker";
/// How long it waits for a turn that could not be handed over.
const TURN_PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// What it is told. A line of its own; the key follows, if it was to be had.
#[derive(Serialize, Deserialize)]
struct Task {
    config: std::path::PathBuf,
    data: std::path::PathBuf,
    state: std::path::PathBuf,
    store: Option<StoreKind>,
    /// The kind that the key is for.
    key_of: Option<StoreKind>,
    profile: ServerProfile,
    account: Name,
    add_scope: ScopeSet,
    now: UnixTime,
    quiet: bool,
    verbose: u8,
    caller: Caller,
}

/// What is heard of a sign-in.
pub(super) enum Talk {
    /// Something for the person.
    Line(String),
    /// How it ended.
    Ended(Result<(), Error>),
}

/// Where it is heard; it ends without [`Talk::Ended`] if the process was ended before it could say so.
pub(super) type Talking = UnboundedReceiver<Talk>;

/// Begins a sign-in in a process of its own, which gets the turn; where none can be had, on a thread.
pub(super) fn begin(
    app: &App,
    turn: SignInTurn,
    request: &LoginRequest,
    wish: Wish,
) -> Result<Talking, Error> {
    let (sender, talking) = mpsc::unbounded_channel();
    match start(app, &turn, request)? {
        Some(worker) => listen(worker, sender),
        None => carry_out_here(app, turn, request, wish, sender)?,
    }
    Ok(talking)
}

fn start(app: &App, turn: &SignInTurn, request: &LoginRequest) -> Result<Option<Child>, Error> {
    let Some(file) = turn.file() else { return Ok(None) };
    let (task, key) = task(app, request)?;
    let unforeseen = |error: serde_json::Error| Error::Unforeseen(error.to_string());
    let task = worker::written(&task, key.as_ref()).map_err(unforeseen)?;
    Ok(worker::start_with(app, COMMAND, file, &task))
}

fn task(app: &App, request: &LoginRequest) -> Result<(Task, Option<SealingKey>), Error> {
    let places = app.config.places();
    let absolute = |path| std::path::absolute(path).map_err(|error| Error::Unforeseen(error.to_string()));
    // Another process may have settled it since we looked.
    let settled = Config::load(places.clone())?.settings().kinds();
    // While records move there are two keys, and before the first login there may be none.
    let key_of = settled.filter(|kinds| kinds.from.is_none() && kinds.to.seals()).map(|kinds| kinds.to);
    let store = app.store()?;
    let key =
        key_of.filter(|kind| store.kind() == *kind).map(|_| store.key_to_share()).transpose()?.flatten();
    let task = Task {
        config: absolute(&places.config)?,
        data: absolute(&places.data)?,
        state: absolute(&places.state)?,
        store: app.store_wish,
        key_of: key_of.filter(|_| key.is_some()),
        profile: request.profile.clone(),
        account: request.account.clone(),
        add_scope: request.add_scope.clone(),
        now: app.now(),
        quiet: app.console.tone().quiet,
        verbose: app.console.tone().verbose,
        caller: app.trail.caller().clone(),
    };
    Ok((task, key))
}

/// Hears a process out, on a thread of its own, and leaves none behind that nobody waited for.
fn listen(mut worker: Child, sender: UnboundedSender<Talk>) {
    let listening = move || {
        for line in worker.stderr.take().into_iter().flat_map(|talk| BufReader::new(talk).lines()) {
            let Ok(line) = line else { break };
            let talk = match passed_on(&line) {
                Some(Word::Done) => Talk::Ended(Ok(())),
                Some(Word::Failed(error)) => Talk::Ended(Err(error)),
                Some(Word::Complained) => continue,
                None => Talk::Line(line),
            };
            // Nobody may be there any more; the process is heard out all the same, so that it is not kept from talking.
            drop(sender.send(talk));
        }
        drop(worker.wait());
    };
    // Where no thread can be had nothing is heard, and the store shows what came of it.
    drop(thread::Builder::new().name("sign-in".into()).spawn(listening));
}

/// Signs in within this process.
fn carry_out_here(
    app: &App,
    turn: SignInTurn,
    request: &LoginRequest,
    wish: Wish,
    sender: UnboundedSender<Talk>,
) -> Result<(), Error> {
    let app = app.another()?;
    let request = LoginRequest::by_itself(
        request.profile.clone(),
        request.account.clone(),
        request.add_scope.clone(),
        TIMEOUT,
    );
    let working = move || drop(sender.send(Talk::Ended(carry_out(app, turn, &request, wish))));
    let started = thread::Builder::new().name("sign-in".into()).spawn(working);
    started.map(drop).map_err(|error| Error::Unforeseen(error.to_string()))
}

/// Is the process that carries a sign-in out.
pub fn work(ports: Ports) -> Result<(), Error> {
    platform::detach();
    let (task, key) = worker::read_task(std::io::stdin().lock(), |task: &Task| task.key_of.is_some())?;
    let login = LoginKey { server: task.profile.name.clone(), account: task.account.clone() };
    let app = app_for(&task, key, ports)?;
    let handed_over = platform::handed_over_lock().map_err(|error| Error::Unforeseen(error.to_string()))?;
    let turn = app.store()?.take_over_turn(&login, handed_over, TURN_PATIENCE)?;
    let wish = Wish::for_scopes(&task.add_scope);
    let request = LoginRequest::by_itself(task.profile, task.account, task.add_scope, TIMEOUT);
    let console = Console::new(Arc::clone(&app.ports.terminal), app.console.tone());
    carry_out(app, turn, &request, wish)?;
    console.pass_on(r#"{"done":true}"#);
    Ok(())
}

fn app_for(task: &Task, key: Option<SealingKey>, ports: Ports) -> Result<App, Error> {
    let places = Places::given(task.config.clone(), task.data.clone(), task.state.clone());
    let tone = Tone { json: true, quiet: task.quiet, verbose: task.verbose, colorless: true };
    let opened = task.key_of.zip(key).map(|(kind, key)| Store::new(&places, kind, Box::new(GivenKey(key))));
    Ok(App {
        console: Console::new(ports.terminal.clone(), tone),
        ports: Ports { clock: Arc::new(SetClock::new(task.now)), ..ports },
        config: Config::load(places)?,
        server_wish: None,
        store_wish: task.store,
        passphrase_descriptor: None,
        deadline: None,
        found_session_bus: false,
        trail: Trail::on_behalf_of(task.caller.clone()),
        opened: opened.map_or_else(OnceLock::new, |store| OnceLock::from(Arc::new(store))),
    })
}

/// Signs in, while nobody else does, and leaves word of it.
pub(in crate::flows) fn carry_out(
    mut app: App,
    turn: SignInTurn,
    request: &LoginRequest,
    wish: Wish,
) -> Result<(), Error> {
    let (store, key) = (app.store()?, request.key());
    let now = app.now();
    let begun =
        SignIn { at: now, wish: wish.into_words(), process: std::process::id(), page: false, ending: None };
    store.change_sign_ins(&turn, |list| {
        list.retain(|sign_in| turn::counts(sign_in, now) && now.since(sign_in.at) < WINDOW);
        list.push(begun);
    })?;
    let turn = Arc::new(turn);
    let opener = Arc::clone(&app.ports.browser);
    let (own, shared) = (Arc::clone(&store), Arc::clone(&turn));
    app.ports.browser = Arc::new(Counted { opener, store: own, turn: shared });
    let outcome = sign_in(&mut app, request);
    let ending = match &outcome {
        Ok(()) => Ending::Done,
        Err(error) => {
            Ending::Failed { exit: error.exit_code(), message: error.to_string(), hint: error.hint() }
        }
    };
    let noted = store.change_sign_ins(&turn, |list| {
        if let Some(own) = list.last_mut() {
            own.ending = Some(ending);
        }
    });
    if let Err(error) = noted {
        app.console.warn(&format!("{key}: {error}"));
    }
    outcome
}

/// Signs in, or finds that somebody else has done so meanwhile.
pub(in crate::flows) fn sign_in(app: &mut App, request: &LoginRequest) -> Result<(), Error> {
    let store = app.store()?;
    let look = || Ok::<_, Error>(store.summary(&request.key())?.map(|summary| summary.login.sign_in()));
    let before = look()?;
    match login::login(app, request) {
        Err(Error::Cancelled { .. }) if look()?.is_some_and(|now| Some(now) != before) => Ok(()),
        outcome => outcome.map(drop),
    }
}

/// The browser, which opens no page that is not remembered.
struct Counted {
    opener: Arc<dyn Browser>,
    store: Arc<Store>,
    turn: Arc<SignInTurn>,
}

impl Browser for Counted {
    fn open(&self, url: &Url) -> Result<(), BrowserError> {
        let counted = self.store.change_sign_ins(&self.turn, |list| {
            if let Some(own) = list.last_mut() {
                own.page = true;
            }
        });
        counted.map_err(|error| BrowserError::NotStarted(std::io::Error::other(error.to_string())))?;
        self.opener.open(url)
    }

    fn program(&self) -> Result<std::path::PathBuf, BrowserError> {
        self.opener.program()
    }

    fn available(&self) -> bool {
        self.opener.available()
    }

    fn elsewhere(&self) -> Option<Elsewhere> {
        self.opener.elsewhere()
    }
}
