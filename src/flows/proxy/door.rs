//! Where clients come in.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::net::{TcpListener, TcpStream};

use super::Place;
use crate::error::Error;
use crate::platform::{self, PrivateListener, PrivateStream, Unfit};

/// A place to listen at.
pub(super) enum Door {
    /// An address, and what is asked there to be heard is a secret.
    Address(TcpListener, SocketAddr),
    /// A socket where the system says who comes.
    Socket(PrivateListener, PathBuf),
}

/// Somebody who came in.
pub(super) enum Visitor {
    /// By an address, and by which.
    Address(TcpStream, SocketAddr),
    /// By a socket.
    Socket(PrivateStream),
}

impl Door {
    pub(super) async fn open(place: &Place) -> Result<Self, Error> {
        match place {
            Place::Address { address, exposed } => {
                if !address.ip().to_canonical().is_loopback() && !exposed {
                    return Err(beyond(*address));
                }
                let failed = |error| taken(*address, &error);
                let listener = TcpListener::bind(address).await.map_err(failed)?;
                let address = listener.local_addr().map_err(failed)?;
                Ok(Self::Address(listener, address))
            }
            Place::Socket(path) => {
                let listener = platform::listen_privately(path).map_err(|error| unusable(path, &error))?;
                Ok(Self::Socket(listener, path.clone()))
            }
        }
    }

    /// Whether those who come could be anybody.
    pub(super) fn needs_secret(&self) -> bool {
        matches!(self, Self::Address(..))
    }

    /// What stands before every path. On a socket that is only a name for `Host`.
    pub(super) fn origin(&self) -> String {
        match self {
            Self::Address(_, address) => {
                format!("http://{}", SocketAddr::new(address.ip().to_canonical(), address.port()))
            }
            Self::Socket(..) => "http://localhost".into(),
        }
    }

    /// The port; a socket has none.
    pub(super) fn port(&self) -> u16 {
        match self {
            Self::Address(_, address) => address.port(),
            Self::Socket(..) => 0,
        }
    }

    /// The socket, if it is one.
    pub(super) fn socket(&self) -> Option<&std::path::Path> {
        match self {
            Self::Address(..) => None,
            Self::Socket(_, path) => Some(path),
        }
    }

    /// Waits for the next who comes.
    pub(super) async fn accept(&self) -> io::Result<Visitor> {
        match self {
            Self::Address(listener, _) => {
                let (stream, _) = listener.accept().await?;
                // Answers in several pieces, such as events, are not to wait for one another.
                stream.set_nodelay(true)?;
                let by = stream.local_addr()?;
                Ok(Visitor::Address(stream, by))
            }
            Self::Socket(listener, _) => listener.accept().await.map(Visitor::Socket),
        }
    }
}

fn beyond(address: SocketAddr) -> Error {
    Error::Unsafe {
        message: format!("{address} can be reached from other machines, and whoever gets in acts as you"),
        hint: "listen on 127.0.0.1; --expose-to-network says that you want it all the same".into(),
    }
}

fn taken(address: SocketAddr, error: &io::Error) -> Error {
    Error::Usage {
        message: format!("cannot listen on {address}: {error}"),
        hint: "choose another port, or leave --listen out for any free one".into(),
    }
}

fn unusable(path: &std::path::Path, error: &io::Error) -> Error {
    let shown = path.display();
    if let Some(unfit) = Unfit::of(error) {
        return Error::Unsafe {
            message: format!("the directory of {shown} {unfit}"),
            hint: "choose a directory of your own with mode 0700; one that is missing is made".into(),
        };
    }
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => "something is there already; choose another --socket",
        io::ErrorKind::Unsupported => "leave out --socket: this system has none that could be kept private",
        _ => "choose another --socket, with a path of less than 100 bytes",
    };
    Error::Usage { message: format!("cannot listen on {shown}: {error}"), hint: hint.into() }
}
