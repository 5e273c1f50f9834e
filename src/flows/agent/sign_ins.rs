//! `auth_login` and `auth_status`: sign-ins that wait in the background while the person is at the issuer's page.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::oneshot;
use url::Url;

use super::tools::{SignInWish, StatusWish, Told, describe, named};
use crate::browser::{Browser, BrowserError};
use crate::config::ServerProfile;
use crate::console::{Console, Tone};
use crate::error::Error;
use crate::files;
use crate::flows::App;
use crate::flows::attempt;
use crate::flows::condition::{Status, condition};
use crate::flows::dealings;
use crate::flows::login::LoginRequest;
use crate::flows::session;
use crate::model::{GrantKind, LoginKey, LoginSummary, ServerArg};
use crate::peer_text::PeerText;

/// How long the address of the page may take to be found out.
const DISCOVERY: Duration = Duration::from_mins(1);
/// How long a sign-in that is over can be asked about.
const REMEMBERED: Duration = Duration::from_mins(10);
/// How many may be open at once: each has a port.
const AT_ONCE: usize = 8;

/// The sign-ins that were begun here.
pub(super) struct SignIns {
    app: Arc<App>,
    sessions: RefCell<Vec<Session>>,
}

/// One of them.
struct Session {
    id: String,
    wish: SignInWish,
    key: LoginKey,
    shared: Arc<Shared>,
}

/// What the thread that carries it out tells.
struct Shared {
    state: Mutex<State>,
    opened: AtomicBool,
    /// Used up when the page is known, or there will be none.
    known: Mutex<Option<oneshot::Sender<()>>>,
}

#[derive(Default)]
struct State {
    page: Option<(Url, Instant)>,
    ending: Option<(Result<(), Value>, Instant)>,
}

impl Shared {
    fn new(known: oneshot::Sender<()>) -> Self {
        Self { state: Mutex::default(), opened: AtomicBool::new(false), known: Mutex::new(Some(known)) }
    }

    fn has_page(&self, page: &Url) {
        self.state().page = Some((page.clone(), Instant::now()));
    }

    fn has_ended(&self, outcome: Result<(), Error>) {
        self.state().ending = Some((outcome.map_err(|error| describe(&error)), Instant::now()));
        self.is_known();
    }

    fn is_known(&self) {
        // Whoever asked may have gone.
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).take();
        let _ = known.map(|known| known.send(()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.state().ending.is_some()
    }
}

impl SignIns {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app, sessions: RefCell::default() }
    }

    /// Begins a sign-in and tells where the page is; one that is open for the same wish is told again.
    pub(super) async fn begin(&self, wish: SignInWish) -> Told {
        match self.try_to_begin(wish).await {
            Ok(told) => told,
            Err(error) => Told::failed(describe(&error)),
        }
    }

    async fn try_to_begin(&self, wish: SignInWish) -> Result<Told, Error> {
        let is_open = |session: &&Session| session.wish == wish && !session.shared.is_over();
        if let Some(session) = self.sessions.borrow().iter().find(is_open) {
            return Ok(session.tell(&self.app));
        }
        self.has_room()?;
        let request = self.request(&wish)?;
        let (known, is_known) = oneshot::channel();
        let shared = Arc::new(Shared::new(known));
        let key = request.key();
        carry_out(&self.app, request, wish.open, &shared)?;
        let id = files::random::<16>().map_err(|error| Error::Unforeseen(error.to_string()))?;
        let id = files::hex(&id);
        self.sessions.borrow_mut().push(Session { id: id.clone(), wish, key, shared });
        // Known are the address of the page, or that there will be none.
        let _ = tokio::time::timeout(DISCOVERY, is_known).await;
        Ok(self.tell(&id))
    }

    fn has_room(&self) -> Result<(), Error> {
        let open = self.sessions.borrow().iter().filter(|session| !session.shared.is_over()).count();
        if open < AT_ONCE {
            return Ok(());
        }
        Err(Error::Usage {
            message: format!("{open} sign-ins are open already"),
            hint: "finish one of them, or wait five minutes".into(),
        })
    }

    /// The sign-in that is wanted. What the user settled for a server stays as it is.
    fn request(&self, wish: &SignInWish) -> Result<LoginRequest, Error> {
        let server = named(&wish.server)?;
        let profile = match (self.app.config.find(&server)?, &server) {
            (Some(profile), _) => profile,
            (None, ServerArg::Url(url)) => ServerProfile::new(self.app.config.name_for(url)?, url.clone()),
            (None, ServerArg::Name(_)) => self.app.profile(Some(&server))?,
        };
        if profile.grant == GrantKind::Device {
            return Err(Error::login_needed(
                format!("{} is set up for a sign-in by code, which needs a terminal", profile.name),
                &profile.name,
            ));
        }
        if let Some(name) = wish.auth_params.keys().find(|name| !dealings::is_fit_parameter(name)) {
            return Err(Error::Usage {
                message: format!("the parameter `{}` is not yours to set", PeerText::from(name.as_str())),
                hint: "leave it out of auth_params".into(),
            });
        }
        let scope = wish.scope.as_str().into();
        let request = LoginRequest::by_itself(profile, wish.account.clone(), scope, attempt::TIMEOUT);
        Ok(LoginRequest { extra_params: wish.auth_params.clone(), ..request })
    }

    /// How things stand: with a sign-in, with a login, or with all of them.
    pub(super) fn status(&self, wish: &StatusWish) -> Told {
        let told = match (&wish.session_id, &wish.server) {
            (Some(id), _) => Ok(self.tell(id)),
            (None, Some(server)) => self.status_of(server, wish),
            (None, None) => self.all(),
        };
        told.unwrap_or_else(|error| Told::failed(describe(&error)))
    }

    fn tell(&self, id: &str) -> Told {
        let sessions = self.sessions.borrow();
        match sessions.iter().find(|session| session.id == id) {
            Some(session) => session.tell(&self.app),
            None => Told::failed(json!({
                "status": "error",
                "error": "usage",
                "error_description": "there is no such session; ended ones are forgotten after ten minutes",
                "hint": "ask by server instead",
            })),
        }
    }

    fn status_of(&self, server: &str, wish: &StatusWish) -> Result<Told, Error> {
        let server = named(server)?;
        let name = self.app.config.find(&server)?.map(|profile| profile.name);
        let is_meant = |session: &&Session| {
            // A server that nobody has signed in to yet is known by its URL only.
            let is_named = name.as_ref() == Some(&session.key.server)
                || session.wish.server.parse().is_ok_and(|own: ServerArg| own == server);
            is_named && session.key.account == wish.account && !session.shared.is_over()
        };
        if let Some(session) = self.sessions.borrow().iter().rev().find(is_meant) {
            return Ok(session.tell(&self.app));
        }
        let key = self.app.login_key(Some(&server), &wish.account)?;
        let store = self.app.store()?;
        let summary = store.summary(&key)?.ok_or_else(|| session::missing(&store, &key))?;
        let told = facts(&self.app, &summary)?;
        Ok(if told["status"] == "error" { Told::failed(told) } else { Told::well(told) })
    }

    fn all(&self) -> Result<Told, Error> {
        let logins = self.app.readable_logins()?;
        let logins = logins.iter().map(|summary| facts(&self.app, summary)).collect::<Result<Vec<_>, _>>()?;
        let sessions = self.sessions.borrow();
        let open = sessions.iter().filter(|session| !session.shared.is_over());
        let pending: Vec<_> = open.map(|session| session.tell(&self.app).content).collect();
        Ok(Told::well(json!({ "logins": logins, "pending": pending })))
    }

    /// Forgets sign-ins that have long been over.
    pub(super) fn sweep(&self) {
        let is_fresh = |session: &Session| {
            let ended = session.shared.state().ending.as_ref().map(|(_, at)| at.elapsed());
            ended.is_none_or(|elapsed| elapsed < REMEMBERED)
        };
        self.sessions.borrow_mut().retain(is_fresh);
    }
}

impl Session {
    fn tell(&self, app: &App) -> Told {
        let mut told = match &*self.shared.state() {
            State { ending: Some((Ok(()), _)), .. } => completed(app, &self.key),
            State { ending: Some((Err(error), _)), .. } => error.clone(),
            State { page: Some((page, since)), .. } => self.pending(page, *since),
            State { .. } => json!({
                "status": "pending",
                "instructions": "the server and its issuer are being asked; call auth_status in a moment",
            }),
        };
        told["session_id"] = self.id.clone().into();
        told["server"] = self.key.server.to_string().into();
        told["account"] = self.key.account.to_string().into();
        if told["status"] == "error" { Told::failed(told) } else { Told::well(told) }
    }

    fn pending(&self, page: &Url, since: Instant) -> Value {
        let opened = self.shared.opened.load(Ordering::Relaxed);
        let instructions = if opened {
            "a page was opened in the person's browser; ask them to finish there, then call auth_status"
        } else {
            "give authorization_url to the person, to be opened in a browser on this machine, then call auth_status"
        };
        json!({
            "status": "pending",
            "authorization_url": page.as_str(),
            "opened": opened,
            "expires_in": attempt::TIMEOUT.saturating_sub(since.elapsed()).as_secs(),
            "instructions": instructions,
        })
    }
}

/// What is told of a login that a sign-in has just brought; it may be gone again.
fn completed(app: &App, key: &LoginKey) -> Value {
    let summary = app.store().and_then(|store| Ok(store.summary(key)?));
    let told = summary.ok().flatten().and_then(|summary| facts(app, &summary).ok());
    told.unwrap_or_else(|| json!({ "status": "completed" }))
}

/// What is told of a login: never a token.
fn facts(app: &App, summary: &LoginSummary) -> Result<Value, Error> {
    let LoginSummary { login, client, tokens } = summary;
    let condition = condition(app, &*app.store()?, summary);
    let needs_person =
        matches!(condition.status, Status::Expired | Status::ReauthRequired | Status::RevocationPending);
    let mut told = json!({
        "status": if needs_person { "error" } else { "completed" },
        "state": condition.status.to_string(),
        "server": login.server.to_string(),
        "account": login.account.to_string(),
        "url": login.url.to_string(),
        "issuer": client.issuer.to_string(),
        "scope": tokens.scope.to_string(),
        "expires_in": condition.expires_in,
        "renews_by_itself": tokens.refreshable,
    });
    if let Some(label) = login.identity.label() {
        told["signed_in_as"] = PeerText::from(label).to_string().into();
    }
    if needs_person {
        told["error"] = "login_needed".into();
        told["error_description"] = format!("{}: a new sign-in is needed", login.server).into();
        told["hint"] =
            format!("call auth_login, or have the person run `mcpauth login {}`", login.key()).into();
    }
    Ok(told)
}

/// Signs in on a thread of its own.
fn carry_out(app: &App, request: LoginRequest, open: bool, shared: &Arc<Shared>) -> Result<(), Error> {
    let mut app = app.another()?;
    let tone = Tone { quiet: true, ..app.console.tone() };
    app.console = Console::new(Arc::clone(&app.ports.terminal), tone);
    let shared = Arc::clone(shared);
    let opener = Some(Arc::clone(&app.ports.browser)).filter(|browser| open && browser.available());
    let working = move || {
        let handing = Handing { opener, shared: Arc::clone(&shared) };
        shared.has_ended(sign_in(app, &request, handing));
    };
    let started = thread::Builder::new().name("sign-in".into()).spawn(working);
    started.map(drop).map_err(|error| Error::Unforeseen(error.to_string()))
}

/// Signs in. A page that is opened counts among those that programs open by themselves.
fn sign_in(mut app: App, request: &LoginRequest, handing: Handing) -> Result<(), Error> {
    if handing.opener.is_some()
        && let Some((turn, wish)) = attempt::turn_for_page(&app, request)?
    {
        app.ports.browser = Arc::new(handing);
        return attempt::carry_out(app, turn, request, wish);
    }
    app.ports.browser = Arc::new(Handing { opener: None, ..handing });
    attempt::sign_in(&mut app, request)
}

/// A browser that hands the address of the page to the agent, and opens it only if it was asked to.
struct Handing {
    opener: Option<Arc<dyn Browser>>,
    shared: Arc<Shared>,
}

impl Browser for Handing {
    fn open(&self, url: &Url) -> Result<(), BrowserError> {
        self.shared.has_page(url);
        let opened = self.opener.as_ref().is_some_and(|opener| opener.open(url).is_ok());
        self.shared.opened.store(opened, Ordering::Relaxed);
        self.shared.is_known();
        Ok(())
    }

    fn program(&self) -> Result<PathBuf, BrowserError> {
        Err(BrowserError::NoProgram)
    }

    fn available(&self) -> bool {
        true
    }
}
