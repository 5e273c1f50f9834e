//! What `login` and `server` settle alike for a server.

use std::path::{Path, PathBuf};

use url::Url;

use super::grants::GrantArgs;
use crate::config::{CallbackSettings, EnterpriseSettings, ManualEndpoints, ResourceChoice, ServerProfile};
use crate::error::Error;
use crate::flows::dealings;
use crate::flows::exec::Variable;
use crate::http::{ClientCertificate, NoSource, Source, may_be_settled};
use crate::model::{DpopChoice, GrantKind, Issuer, ScopeSet};
use crate::quirks;

/// Where help lists what stays with the server.
pub(super) const SETTLED: &str = "Settled for this server";

/// Where help lists the endpoints.
const ENDPOINTS: &str = "For an issuer without metadata";

/// What `login` and `server` settle alike for a server.
#[derive(clap::Args)]
#[command(next_help_heading = SETTLED)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
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

    /// A header that the server wants with every request, such as `X-Api-Key: env:VAR` or `X-Api-Key: file:PATH`; may be
    /// repeated
    #[arg(long, value_name = "NAME: SOURCE")]
    header: Vec<String>,

    /// A PEM file with the certificate that the server wants to see
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,

    /// A PEM file with the private key of that certificate, which nobody else can read
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,

    /// Trust this issuer, too: a spelling in which the metadata names the issuer, or a new one that takes its place; may
    /// be repeated
    #[arg(long, value_name = "URL")]
    trust_issuer: Vec<String>,

    /// Take only metadata that is about this very URL, not about a parent of it
    #[arg(long)]
    strict_resource: bool,

    /// Take a redirect that names no issuer, although the issuer promises to name itself
    #[arg(long)]
    tolerate_missing_iss: bool,

    /// Name the granted scope at every refresh: `true` or `false`; for issuers that insist on it
    #[arg(long, value_name = "YES", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    refresh_scope: Option<bool>,

    /// Deal with the issuer as with this known provider, or with `none`; by its host if left out; may be repeated
    #[arg(long, value_name = "NAME", value_parser = known_provider)]
    quirks: Vec<String>,

    /// The sign-in page
    #[arg(long, value_name = "URL", help_heading = ENDPOINTS)]
    authorize_url: Option<Url>,

    /// The token endpoint; with it, no metadata are looked for
    #[arg(long, value_name = "URL", help_heading = ENDPOINTS)]
    token_url: Option<Url>,

    /// The endpoint where clients register
    #[arg(long, value_name = "URL", help_heading = ENDPOINTS)]
    register_url: Option<Url>,

    /// The endpoint where tokens are revoked
    #[arg(long, value_name = "URL", help_heading = ENDPOINTS)]
    revoke_url: Option<Url>,

    /// The endpoint that gives codes to devices
    #[arg(long, value_name = "URL", help_heading = ENDPOINTS)]
    device_url: Option<Url>,

    #[command(flatten)]
    grant: GrantArgs,
}

/// What `--quirks` takes. A function and no list: the file is read only where the flag is used.
fn known_provider(name: &str) -> Result<String, String> {
    let known = quirks::catalogue();
    if name == quirks::NONE || known.named(name).is_some() {
        return Ok(name.to_owned());
    }
    Err(format!("known are {} and {}", known.names(), quirks::NONE))
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    if !dealings::is_fit_parameter(name) {
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
    pub(super) fn apply(&self, profile: &mut ServerProfile) -> Result<(), Error> {
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
        settle(&mut profile.endpoints.authorization, self.authorize_url.as_ref());
        settle(&mut profile.endpoints.token, self.token_url.as_ref());
        settle(&mut profile.endpoints.registration, self.register_url.as_ref());
        settle(&mut profile.endpoints.revocation, self.revoke_url.as_ref());
        settle(&mut profile.endpoints.device_authorization, self.device_url.as_ref());
        settle(&mut profile.refresh_scope, self.refresh_scope.as_ref());
        profile.auth_params.extend(self.auth_param.iter().cloned());
        profile.assume_pkce |= self.assume_pkce;
        profile.strict_resource |= self.strict_resource;
        profile.tolerate_missing_iss |= self.tolerate_missing_iss;
        for issuer in self.trust_issuer.iter().map(Issuer::new) {
            if !profile.trusted_issuers.contains(&issuer) {
                profile.trusted_issuers.push(issuer);
            }
        }
        if !self.quirks.is_empty() {
            let none = self.quirks.iter().all(|name| name == quirks::NONE);
            profile.quirks = Some(if none { Vec::new() } else { self.quirks.clone() });
        }
        if let Some(resource) = &self.resource {
            profile.resource = ResourceChoice::Fixed(resource.clone());
        } else if self.no_resource {
            profile.resource = ResourceChoice::Omitted;
        }
        self.grant.apply(profile);
        for line in &self.header {
            let (name, source) = header(line)?;
            profile.headers.insert(name, source);
        }
        if let (Some(certificate), Some(key)) = (&self.client_cert, &self.client_key) {
            profile.client_certificate =
                Some(ClientCertificate { certificate: whole(certificate), key: whole(key) });
        }
        Ok(())
    }
}

/// The name of a header, and where its value is. Nothing of the line is repeated but the name: the rest may be a secret.
fn header(line: &str) -> Result<(String, Source), Error> {
    let refuse = |message: String| {
        Error::Usage {
        message,
        hint: "write it as --header 'Name: env:VAR' or --header 'Name: file:PATH'; a value here would be seen by every \
               program on this machine"
            .into(),
    }
    };
    let (name, source) = line.split_once(':').ok_or_else(|| refuse("a header has no colon".into()))?;
    let name = may_be_settled(name).map_err(|why| refuse(format!("--header: {why}")))?;
    let source = source.trim().parse().map_err(|error: NoSource| refuse(error.to_string()))?;
    Ok(match source {
        Source::File(path) => (name.to_string(), Source::File(whole(&path))),
        variable @ Source::Variable(_) => (name.to_string(), variable),
    })
}

/// The same file, wherever we are started from.
fn whole(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
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
    TrustedIssuers,
    StrictResource,
    TolerateMissingIss,
    RefreshScope,
    Quirks,
    Endpoints,
    Grant,
    Dpop,
    Assertion,
    Enterprise,
    IdentityProvider,
    Headers,
    ClientCert,
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
            Self::TrustedIssuers => profile.trusted_issuers.clear(),
            Self::StrictResource => profile.strict_resource = false,
            Self::TolerateMissingIss => profile.tolerate_missing_iss = false,
            Self::RefreshScope => profile.refresh_scope = None,
            Self::Quirks => profile.quirks = None,
            Self::Endpoints => profile.endpoints = ManualEndpoints::default(),
            Self::Grant => profile.grant = GrantKind::default(),
            Self::Dpop => profile.dpop = DpopChoice::default(),
            Self::Assertion => profile.assertion = None,
            Self::Enterprise => profile.enterprise = EnterpriseSettings::default(),
            Self::IdentityProvider => profile.identity_provider = false,
            Self::Headers => profile.headers.clear(),
            Self::ClientCert => profile.client_certificate = None,
        }
    }
}
