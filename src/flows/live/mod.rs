//! `exec` with live tokens: a command that has a fresh token for as long as it runs.
//!
//! An environment cannot change after the start. So this process stays the parent of the command, and the command finds
//! its token where it can be renewed: in a file, behind a socket, or in the environment of its own next start.

mod feed;
mod front;
mod keeper;
mod mask;
mod restart;
mod room;
mod socket;
mod supervisor;
mod token_file;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use futures_util::future::{LocalBoxFuture, join_all};
use zeroize::Zeroizing;

use super::App;
use super::exec::{self, ExecRequest, Planned};
use super::proxy::Running;
use crate::error::Error;
use crate::{http, platform};
use feed::Feed;
use keeper::Keeper;
use room::Room;
use socket::Socket;
use supervisor::{Guard, Happening, Supervisor};
use token_file::TokenFile;

pub use keeper::{COMMAND as KEEPER_COMMAND, keep};
pub use mask::Mask;

/// How a command gets tokens while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a way of its own, not the state of one machine")]
pub struct Live {
    /// In files whose paths are in `VAR_FILE`.
    pub token_file: bool,
    /// From sockets whose paths are in `VAR_SOCKET`.
    pub socket: bool,
    /// Not at all: it reaches its servers through a proxy whose URL is in `VAR_URL`.
    pub proxy: bool,
    /// With the variables of a new start.
    pub restart: bool,
}

impl Live {
    /// Whether any of it is asked for.
    pub fn is_wanted(self) -> bool {
        self != Self::default()
    }
}

/// What is to run.
#[derive(Clone)]
struct Scene {
    app: Arc<App>,
    request: Arc<ExecRequest>,
    program: PathBuf,
}

impl Scene {
    /// Does what may keep its caller waiting on a thread of its own.
    async fn in_background<Output: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<Output, Error> + Send + 'static,
    ) -> Result<Output, Error> {
        let scene = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&scene)).await;
        done.unwrap_or_else(|error| Err(Error::Unforeseen(error.to_string())))
    }
}

/// Starts the command, stays with it, and gives its exit code.
pub fn exec(app: App, request: ExecRequest, program: PathBuf) -> Result<u8, Error> {
    if !platform::SUPERVISES {
        let (message, hint) = if request.live.is_wanted() {
            let message = "a command cannot be given live tokens on this system";
            (message, "let it call `mcpauth token` when it needs one")
        } else {
            ("what a command says cannot be masked on this system", "leave out --mask")
        };
        return Err(Error::Usage { message: message.into(), hint: hint.into() });
    }
    let scene = Scene { app: Arc::new(app), request: Arc::new(request), program };
    let done = http::block_on(async {
        if scene.request.live.restart { restart::run(&scene).await } else { serve(&scene).await }
    });
    done.unwrap_or_else(|error| Err(Error::Unforeseen(error.to_string())))
}

/// Runs the command as it is, and gives its exit code.
pub(super) fn stay_with(app: App, request: &ExecRequest, command: Command) -> Result<u8, Error> {
    let done = http::block_on(async {
        let mut supervisor = Supervisor::new(&Arc::new(app), None)?;
        supervisor.start(request, command)?;
        Ok(supervisor.wait().await)
    });
    done.unwrap_or_else(|error| Err(Error::Unforeseen(error.to_string())))
}

/// Runs the command while its tokens are renewed beside it.
async fn serve(scene: &Scene) -> Result<u8, Error> {
    let guard = Guard::start(&scene.app)?;
    let keeper = guard.keeper();
    let mut supervisor = Supervisor::new(&scene.app, Some(guard))?;
    let preparing = scene.in_background(move |scene| prepare(scene, &keeper));
    let mut prepared = match supervisor.attend(preparing).await {
        Happening::Other(prepared) => prepared?,
        Happening::Ended(code) => return Ok(code),
    };
    if scene.request.live.proxy {
        front::open(scene, &mut prepared).await?;
    }
    let mut command = exec::command(&scene.app, &scene.request, &scene.program, &prepared.variables)?;
    prepared.clear(&mut command);
    supervisor.start(&scene.request, command)?;
    let flowing = join_all(prepared.sources.into_iter().map(Source::flow));
    // They flow for ever, and where there are none there is nothing to wait for but the end.
    let flowing = async { drop((flowing.await, std::future::pending::<()>().await)) };
    match supervisor.attend(flowing).await {
        Happening::Ended(code) => Ok(code),
        Happening::Other(()) => Err(Error::Unforeseen("the tokens ran dry".into())),
    }
}

/// What the command is started with, and where its tokens come from while it runs.
struct Prepared {
    variables: Variables,
    /// The variables whose tokens are live.
    live: Vec<String>,
    sources: Vec<Source>,
    /// Is ours as long as this is here.
    _room: Option<Room>,
}

impl Prepared {
    /// Takes out what our own environment holds in the place of a live token: it would not be renewed, and it may be the
    /// token that the command is not to have.
    fn clear(&self, command: &mut Command) {
        let is_set = |variable: &String| self.variables.iter().any(|(set, _)| set == variable);
        for variable in self.live.iter().filter(|variable| !is_set(variable)) {
            command.env_remove(variable);
        }
    }
}

/// Where tokens come from.
enum Source {
    File(TokenFile),
    Socket(Socket),
    /// From none: this is where the token is used instead.
    Proxy(Running),
}

impl Source {
    fn flow(self) -> LocalBoxFuture<'static, ()> {
        match self {
            Self::File(file) => Box::pin(file.keep_fresh()),
            Self::Socket(socket) => Box::pin(socket.serve()),
            Self::Proxy(proxy) => Box::pin(proxy.serve(std::future::pending())),
        }
    }
}

/// Gets the first tokens and opens what the command is to find.
fn prepare(scene: &Scene, keeper: &Arc<Keeper>) -> Result<Prepared, Error> {
    let live = scene.request.live;
    let is_fixed = |planned: &Planned<'_>| planned.field.is_some() || !live.is_wanted();
    let (fixed, flowing): (Vec<_>, Vec<_>) =
        exec::plan(&scene.app, &scene.request)?.into_iter().partition(is_fixed);
    if live.proxy {
        front::check(&fixed)?;
    }
    let needs_room = live.socket || live.token_file && platform::PassingFile::NEEDS_DIRECTORY;
    let room = needs_room.then(|| Room::new(scene.app.config.places())).transpose()?;
    let directory = room.as_ref().map_or(Path::new("/"), Room::path);
    keeper.has_room(room.as_ref());
    let mut variables = exec::values_of(&scene.app, &scene.request, &fixed)?.entries;
    let mut sources = Vec::new();
    let names = flowing.iter().map(|planned| planned.variable.clone()).collect();
    for Planned { variable, key, .. } in flowing {
        let feed = Feed::new(scene, key);
        if live.proxy {
            feed.is_there()?;
        }
        if live.token_file {
            let (file, path) = TokenFile::new(feed.clone(), Arc::clone(keeper), &variable)?;
            add_path(&mut variables, format!("{variable}_FILE"), &path)?;
            sources.push(Source::File(file));
        }
        if live.socket {
            let path = directory.join(&variable);
            sources.push(Source::Socket(Socket::new(feed, &path)?));
            add_path(&mut variables, format!("{variable}_SOCKET"), &path)?;
        }
    }
    Ok(Prepared { variables, live: names, sources, _room: room })
}

type Variables = Vec<(String, Zeroizing<String>)>;

fn add_path(variables: &mut Variables, variable: String, path: &Path) -> Result<(), Error> {
    let path = path.to_str().ok_or_else(|| Error::Unforeseen(format!("{} is no text", path.display())))?;
    add(variables, variable, Zeroizing::new(path.to_owned()))
}

fn add(variables: &mut Variables, variable: String, value: Zeroizing<String>) -> Result<(), Error> {
    if variables.iter().any(|(other, _)| *other == variable) {
        return Err(exec::taken_twice(&variable));
    }
    variables.push((variable, value));
    Ok(())
}
