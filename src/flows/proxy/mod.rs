//! The local proxy: HTTP for programs on this machine that are to reach a server and are to see no token.
//!
//! What comes in shows the secret of this start, and what goes out has the token of the login instead; neither gets to
//! the other side. Bodies pass as they come, and nothing of them is read unless rules have to be kept.

mod crowd;
mod door;
mod edit;
mod framing;
mod guard;
mod headers;
mod metrics;
mod mount;
mod pass;
mod rate;
mod refusal;
mod rules;

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

pub use self::rate::Rate;
pub use self::rules::Rules;

use self::crowd::Crowd;
use self::door::Door;
use self::guard::Guard;
use self::mount::{Mount, Mounts};
use super::{App, session};
use crate::audit::{Event, Kind};
use crate::config::ServerProfile;
use crate::error::Error;
use crate::files;
use crate::model::{Name, ServerArg};
use crate::secret::ProxySecret;

/// How long to wait for somebody to leave where the system lets nobody in any more.
const BREATH: Duration = Duration::from_millis(50);

/// How long a secret is, as it is written.
const SECRET_LENGTH: u64 = 64;

/// Where the proxy listens.
#[derive(Clone, Debug)]
pub enum Place {
    /// At an address of this machine; port 0 is any free one.
    Address {
        /// The address.
        address: SocketAddr,
        /// Whether it may be one that other machines reach.
        exposed: bool,
    },
    /// On a socket that only programs of this user can connect to.
    Socket(PathBuf),
}

impl Default for Place {
    fn default() -> Self {
        Self::Address { address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0), exposed: false }
    }
}

/// Where the secret is kept for those who are to read it.
#[derive(Clone, Debug, Default)]
pub enum SecretFile {
    /// In no file: whoever starts the proxy passes it on.
    #[default]
    Nowhere,
    /// In the state directory.
    Usual,
    /// In this file.
    At(PathBuf),
}

/// What is to be started.
pub struct ProxyRequest {
    /// The servers.
    pub servers: Vec<ServerArg>,
    /// The account there.
    pub account: Name,
    /// Where to listen.
    pub place: Place,
    /// Where to keep the secret.
    pub secret_file: SecretFile,
    /// Whether the secret may also stand at the beginning of a path, for clients that cannot send a header.
    pub secret_in_path: bool,
    /// The origins whose pages may come in, such as `https://inspector.example`.
    pub origins: Vec<String>,
    /// What may be used of the servers.
    pub rules: Rules,
    /// How many requests each server gets at most.
    pub rate: Option<Rate>,
    /// Whether `/metrics` tells what was counted.
    pub tells_metrics: bool,
}

impl ProxyRequest {
    /// A proxy at any free port of this machine, whose secret is in no file.
    pub fn new(servers: Vec<ServerArg>, account: Name) -> Self {
        Self {
            servers,
            account,
            place: Place::default(),
            secret_file: SecretFile::default(),
            secret_in_path: false,
            origins: Vec::new(),
            rules: Rules::default(),
            rate: None,
            tells_metrics: false,
        }
    }
}

/// What every request is answered from.
struct Site {
    mounts: Mounts,
    guard: Guard,
    rules: Arc<Rules>,
    tells_metrics: bool,
}

/// A proxy that listens. Nothing is answered before [`Running::serve`].
pub struct Running {
    site: Arc<Site>,
    door: Door,
    secret_file: Option<Kept>,
}

/// Begins to listen, within the runtime that is going to serve.
pub async fn start(app: Arc<App>, request: ProxyRequest) -> Result<Running, Error> {
    let mounts = Mounts::find(&app, &request)?;
    let door = Door::open(&request.place).await?;
    let secret = door.needs_secret().then(new_secret).transpose()?;
    let secret_file = match &secret {
        Some(secret) => keep(&app, secret, request.secret_file, &door)?,
        None => None,
    };
    for mount in mounts.iter() {
        note(&app, mount);
    }
    let guard = Guard { secret, in_path: request.secret_in_path, origins: request.origins };
    let rules = Arc::new(request.rules);
    let site = Site { mounts, guard, rules, tells_metrics: request.tells_metrics };
    Ok(Running { site: Arc::new(site), door, secret_file })
}

/// Writes down that others may use a login from now on. That there is none is told, but is no reason not to start.
fn note(app: &App, mount: &Mount) {
    let key = mount.relay.key();
    match app.store().and_then(|store| store.summary(key)?.ok_or_else(|| session::missing(&store, key))) {
        Ok(summary) => app.audit(&Event::new(Kind::Opened, key).about(&summary.tokens)),
        Err(error) => {
            let hint =
                error.hint().map(|hint| format!("; {hint}, and it is found at once")).unwrap_or_default();
            app.console.warn(&format!("{error}{hint}"));
        }
    }
}

/// 256 bits that nobody guesses.
fn new_secret() -> Result<ProxySecret, Error> {
    let random = files::random::<32>().map_err(|error| Error::Unforeseen(error.to_string()))?;
    Ok(ProxySecret::new(files::hex(&random)))
}

/// The file of a secret, which goes with the proxy unless another one has taken its place.
struct Kept {
    path: PathBuf,
    secret: ProxySecret,
}

fn keep(app: &App, secret: &ProxySecret, place: SecretFile, door: &Door) -> Result<Option<Kept>, Error> {
    let path = match place {
        SecretFile::Nowhere => return Ok(None),
        SecretFile::Usual => app.config.places().state.join("proxy").join(format!("{}.secret", door.port())),
        SecretFile::At(path) => path,
    };
    let failed = |error: io::Error| Error::Usage {
        message: format!("cannot write {}: {error}", path.display()),
        hint: "choose another --secret-file".into(),
    };
    let path = std::path::absolute(&path).map_err(failed)?;
    if !may_be_replaced(&path).map_err(failed)? {
        return Err(Error::Usage {
            message: format!("{} is there already, and holds no secret of a proxy", path.display()),
            hint: "choose another --secret-file, or remove that one first".into(),
        });
    }
    files::write_expendable(&path, secret.expose().as_bytes()).map_err(failed)?;
    Ok(Some(Kept { path, secret: secret.duplicate() }))
}

/// Whether nothing is lost with what stands at a path: nothing at all, an empty file, or what a proxy that was killed
/// left behind.
fn may_be_replaced(path: &Path) -> io::Result<bool> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    if !found.is_file() || found.len() > SECRET_LENGTH {
        return Ok(false);
    }
    let content = files::read_foreign(path, SECRET_LENGTH)?;
    let is_secret = content.len() as u64 == SECRET_LENGTH && content.iter().all(u8::is_ascii_hexdigit);
    Ok(content.is_empty() || is_secret)
}

impl Drop for Kept {
    fn drop(&mut self) {
        let held = files::read_private(&self.path, 1024).ok().flatten();
        if held.is_some_and(|held| *held == self.secret.expose().as_bytes()) {
            // What stays behind opens nothing any more.
            let _ = files::discard(&self.path);
        }
    }
}

impl Running {
    /// What stands before every path, such as `http://127.0.0.1:4000`.
    pub fn origin(&self) -> String {
        self.door.origin()
    }

    /// Where a server is found here, such as `http://127.0.0.1:4000/linear`.
    pub fn url(&self, server: &Name) -> String {
        format!("{}/{server}", self.door.origin())
    }

    /// What a client sends as `Authorization: Bearer …`; a socket needs none.
    pub fn secret(&self) -> Option<&ProxySecret> {
        self.site.guard.secret.as_ref()
    }

    /// The file that holds the secret until the end.
    pub fn secret_file(&self) -> Option<&Path> {
        self.secret_file.as_ref().map(|kept| kept.path.as_path())
    }

    /// The socket, if it listens on one.
    pub fn socket(&self) -> Option<&Path> {
        self.door.socket()
    }

    /// The servers that are found here.
    pub fn servers(&self) -> impl Iterator<Item = &ServerProfile> {
        self.site.mounts.iter().map(|mount| &mount.profile)
    }

    /// Answers until something else has happened. Whoever is being answered then is cut off.
    pub async fn serve<Until: Future>(self, until: Until) -> Until::Output {
        let mut crowd = Crowd::default();
        let mut until = pin!(until);
        loop {
            tokio::select! {
                done = &mut until => return done,
                () = crowd.left() => {}
                visitor = self.door.accept() => match visitor {
                    Ok(visitor) => crowd.admit(&self.site, visitor),
                    // Out of file descriptors, most likely.
                    Err(_) => tokio::time::sleep(BREATH).await,
                },
            }
        }
    }
}
