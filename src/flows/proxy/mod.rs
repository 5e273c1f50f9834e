//! The local proxy: HTTP for programs on this machine that are to reach a server and are to see no token.

mod door;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::door::Door;
use super::App;
use crate::config::ServerProfile;
use crate::error::Error;
use crate::files;
use crate::model::{Name, ServerArg};
use crate::secret::ProxySecret;

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
        }
    }
}

/// A proxy that listens. Nothing is answered before [`Running::serve`].
pub struct Running {
    servers: Vec<ServerProfile>,
    door: Door,
    secret: Option<ProxySecret>,
    secret_file: Option<PathBuf>,
}

/// Begins to listen.
pub async fn start(app: Arc<App>, request: ProxyRequest) -> Result<Running, Error> {
    let servers = request.servers.iter().map(|server| app.profile(Some(server)));
    let servers = servers.collect::<Result<Vec<_>, _>>()?;
    let door = Door::open(&request.place).await?;
    let secret = door.needs_secret().then(new_secret).transpose()?;
    Ok(Running { servers, door, secret, secret_file: None })
}

/// 256 bits that nobody guesses.
fn new_secret() -> Result<ProxySecret, Error> {
    let random = files::random::<32>().map_err(|error| Error::Unforeseen(error.to_string()))?;
    Ok(ProxySecret::new(files::hex(&random)))
}

impl Running {
    /// Where a server is found here, such as `http://127.0.0.1:4000/linear`.
    pub fn url(&self, server: &Name) -> String {
        format!("{}/{server}", self.door.origin())
    }

    /// What a client sends as `Authorization: Bearer …`; a socket needs none.
    pub fn secret(&self) -> Option<&ProxySecret> {
        self.secret.as_ref()
    }

    /// The file that holds the secret until the end.
    pub fn secret_file(&self) -> Option<&Path> {
        self.secret_file.as_deref()
    }

    /// The servers that are found here.
    pub fn servers(&self) -> impl Iterator<Item = &ServerProfile> {
        self.servers.iter()
    }

    /// Answers until something else has happened.
    pub async fn serve<Until: Future>(self, until: Until) -> Until::Output {
        until.await
    }
}
