//! What `login` and `server` settle alike for a server.

use std::io::Read as _;

use url::Url;
use zeroize::Zeroizing;

use crate::config::{CallbackSettings, ResourceChoice, ServerProfile};
use crate::error::Error;
use crate::flows::exec::Variable;
use crate::model::{Issuer, ScopeSet};
use crate::secret::ClientSecret;

/// What `login` and `server` settle alike for a server.
#[derive(clap::Args)]
#[command(next_help_heading = "Settled for this server")]
pub(super) struct ProfileArgs {
    /// Scope to ask for, instead of what the server says
    #[arg(long)]
    scope: Option<String>,

    /// Variable into which `exec` puts the token
    #[arg(long, value_name = "VAR")]
    env: Option<Variable>,

    /// The issuer, instead of asking the server for it
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// The resource parameter, instead of what the server says
    #[arg(long, value_name = "URI")]
    resource: Option<String>,

    /// Send no resource parameter
    #[arg(long, conflicts_with = "resource")]
    no_resource: bool,

    /// A further parameter of the sign-in page's address; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    auth_param: Vec<(String, String)>,

    /// Sign in although the issuer does not advertise PKCE
    #[arg(long)]
    assume_pkce: bool,

    /// URL of a document that describes this client, for issuers that take one as client id
    #[arg(long, value_name = "URL")]
    client_metadata_url: Option<Url>,

    /// Host in the redirect URI: `127.0.0.1`, which is the default, `localhost` or `[::1]`
    #[arg(long, value_name = "HOST", value_parser = ["127.0.0.1", "localhost", "[::1]"], hide_possible_values = true)]
    callback_host: Option<String>,

    /// Port of the redirect URI; any free one if left out
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    callback_port: Option<u16>,

    /// Path of the redirect URI; /callback if left out
    #[arg(long, value_name = "PATH", value_parser = path)]
    callback_path: Option<String>,

    /// A redirect URI of your own that forwards to the listener
    #[arg(long, value_name = "URL")]
    redirect_url: Option<Url>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    const OURS: [&str; 10] = [
        "response_type",
        "client_id",
        "redirect_uri",
        "state",
        "code_challenge",
        "code_challenge_method",
        "resource",
        "scope",
        "request",
        "request_uri",
    ];
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    if name.is_empty() || OURS.contains(&name) {
        return Err(format!("`{name}` is not yours to set this way"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn path(text: &str) -> Result<String, String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
    if text.starts_with('/') && text.len() > 1 && text.chars().all(legal) {
        Ok(text.to_owned())
    } else {
        Err("a path begins with a slash and holds letters, digits, slashes, dots and dashes".into())
    }
}

impl ProfileArgs {
    /// Settles what the flags say and leaves the rest as it was.
    pub(super) fn apply(&self, profile: &mut ServerProfile) {
        fn settle<Value: Clone>(own: &mut Option<Value>, flag: Option<&Value>) {
            if let Some(value) = flag {
                *own = Some(value.clone());
            }
        }
        if let Some(scope) = &self.scope {
            // An empty scope goes back to what the server says.
            profile.scope = Some(ScopeSet::from(scope.as_str())).filter(|scope| !scope.is_empty());
        }
        settle(&mut profile.env, self.env.as_ref().map(|variable| variable.as_str().to_owned()).as_ref());
        settle(&mut profile.issuer, self.issuer.as_ref().map(Issuer::new).as_ref());
        settle(&mut profile.client_metadata_url, self.client_metadata_url.as_ref());
        settle(&mut profile.callback.host, self.callback_host.as_ref());
        settle(&mut profile.callback.port, self.callback_port.as_ref());
        settle(&mut profile.callback.path, self.callback_path.as_ref());
        settle(&mut profile.callback.redirect_url, self.redirect_url.as_ref());
        profile.auth_params.extend(self.auth_param.iter().cloned());
        profile.assume_pkce |= self.assume_pkce;
        if let Some(resource) = &self.resource {
            profile.resource = ResourceChoice::Fixed(resource.clone());
        } else if self.no_resource {
            profile.resource = ResourceChoice::Omitted;
        }
    }
}

/// What can be unsettled again: everything that only a flag settles.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Unset {
    Scope,
    Env,
    Issuer,
    Resource,
    AuthParams,
    AssumePkce,
    ClientMetadataUrl,
    Callback,
    MetadataTtl,
}

impl Unset {
    /// Goes back to what the server says, or to what is usual.
    pub(super) fn clear(self, profile: &mut ServerProfile) {
        match self {
            Self::Scope => profile.scope = None,
            Self::Env => profile.env = None,
            Self::Issuer => profile.issuer = None,
            Self::Resource => profile.resource = ResourceChoice::Discovered,
            Self::AuthParams => profile.auth_params.clear(),
            Self::AssumePkce => profile.assume_pkce = false,
            Self::ClientMetadataUrl => profile.client_metadata_url = None,
            Self::Callback => profile.callback = CallbackSettings::default(),
            Self::MetadataTtl => profile.metadata_ttl = None,
        }
    }
}

/// A client secret comes from standard input only: an argument could be seen by every process on the machine.
pub(super) fn read_client_secret() -> Result<ClientSecret, Error> {
    let mut text = Zeroizing::new(String::new());
    let read = std::io::stdin().lock().take(64 * 1024).read_to_string(&mut text);
    let secret = text.trim_end_matches(['\r', '\n']);
    if read.is_err() || secret.is_empty() {
        return Err(Error::Usage {
            message: "no client secret on standard input".into(),
            hint: "pipe it in, as in `pass show client | mcpauth login … --client-secret-stdin`".into(),
        });
    }
    Ok(ClientSecret::new(secret))
}
