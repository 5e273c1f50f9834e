//! How to sign in, as flags: what `login` and `server` settle alike about the grant.

use std::path::PathBuf;

use url::Url;

use crate::config::ServerProfile;
use crate::model::grant::TokenSource;
use crate::model::{DpopChoice, GrantKind, Issuer, Name};

/// The way to a token, and what it takes.
#[derive(clap::Args)]
#[command(next_help_heading = "How to sign in")]
pub(super) struct GrantArgs {
    /// `authorization-code`, which is the default, `device`, `client-credentials`, `enterprise` or `workload`
    #[arg(long, value_name = "KIND", value_enum, hide_possible_values = true)]
    grant: Option<GrantKind>,

    /// Bind tokens to a key: `always`, `never`, or `auto` for where the server demands it (DPoP)
    #[arg(long, value_name = "WHEN", value_enum, hide_possible_values = true)]
    dpop: Option<DpopChoice>,

    /// The file in which the platform keeps its assertion for this program, for the workload grant
    #[arg(long, value_name = "FILE", conflicts_with = "assertion_command")]
    assertion_file: Option<PathBuf>,

    /// A command that prints that assertion; no shell reads it
    #[arg(long, value_name = "COMMAND", value_parser = words)]
    assertion_command: Option<Words>,

    /// This is no MCP server but your identity provider: sign in once, and it vouches for you elsewhere
    #[arg(long)]
    identity_provider: bool,

    /// The name of the identity provider that vouches for you, for the enterprise grant
    #[arg(long, value_name = "NAME", conflicts_with_all = ["subject_token_file", "subject_token_command"])]
    idp: Option<Name>,

    /// A file with an ID token, instead of a login at the identity provider
    #[arg(long, value_name = "FILE", conflicts_with = "subject_token_command")]
    subject_token_file: Option<PathBuf>,

    /// A command that prints an ID token; no shell reads it
    #[arg(long, value_name = "COMMAND", value_parser = words)]
    subject_token_command: Option<Words>,

    /// Who made that ID token
    #[arg(long, value_name = "URL")]
    idp_issuer: Option<String>,

    /// Where it is exchanged; found out from its issuer if left out
    #[arg(long, value_name = "URL")]
    idp_token_url: Option<Url>,

    /// The client id by which the identity provider knows this program
    #[arg(long, value_name = "ID")]
    idp_client_id: Option<String>,
}

/// A command line, split as a shell would, of which no shell ever hears.
#[derive(Clone)]
struct Words(Vec<String>);

fn words(text: &str) -> Result<Words, String> {
    match shlex::split(text) {
        Some(words) if !words.is_empty() => Ok(Words(words)),
        _ => Err("it is empty, or a quotation does not end".into()),
    }
}

fn source(file: Option<&PathBuf>, command: Option<&Words>) -> Option<TokenSource> {
    let file = file.map(|file| std::path::absolute(file).unwrap_or_else(|_| file.clone()));
    file.map(TokenSource::File).or_else(|| command.map(|words| TokenSource::Command(words.0.clone())))
}

impl GrantArgs {
    /// Settles what the flags say and leaves the rest as it was. A flag that only one grant takes means that grant.
    pub(super) fn apply(&self, profile: &mut ServerProfile) {
        let assertion = source(self.assertion_file.as_ref(), self.assertion_command.as_ref());
        let subject = source(self.subject_token_file.as_ref(), self.subject_token_command.as_ref());
        let implied = match (&assertion, &subject, &self.idp) {
            (Some(_), ..) => Some(GrantKind::Workload),
            (_, Some(_), _) | (.., Some(_)) => Some(GrantKind::Enterprise),
            _ => None,
        };
        profile.grant = self.grant.or(implied).unwrap_or(profile.grant);
        profile.dpop = self.dpop.unwrap_or(profile.dpop);
        profile.identity_provider |= self.identity_provider;
        profile.assertion = assertion.or(profile.assertion.take());
        let enterprise = &mut profile.enterprise;
        if let Some(provider) = &self.idp {
            (enterprise.provider, enterprise.subject) = (Some(provider.clone()), None);
        }
        if let Some(subject) = subject {
            (enterprise.provider, enterprise.subject) = (None, Some(subject));
        }
        enterprise.issuer = self.idp_issuer.as_ref().map(Issuer::new).or(enterprise.issuer.take());
        enterprise.token_endpoint = self.idp_token_url.clone().or(enterprise.token_endpoint.take());
        enterprise.client_id = self.idp_client_id.clone().or(enterprise.client_id.take());
    }
}
