//! `mcpauth discover`: every step from a URL to its issuer, and no login.

use serde::Serialize;

use crate::config::ServerProfile;
use crate::error::Error;
use crate::flows::{App, discover, remote};
use crate::model::{Issuer, ServerArg};
use crate::oauth;
use crate::oauth::discovery::{Discovery, Step, Trace};
use crate::peer_text::PeerText;

/// Show every step of discovery, and the rule behind it, without signing in
#[derive(clap::Args)]
pub(super) struct DiscoverArgs {
    /// URL or name of the MCP server; the default or only one if left out
    server: Option<ServerArg>,

    /// The issuer, instead of asking the server for it
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    steps: Vec<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Found>,
}

#[derive(Serialize)]
struct Found {
    issuer: Issuer,
    resource: Option<String>,
    authorization_endpoint: Option<String>,
    token_endpoint: String,
    scope: String,
    pkce: bool,
    registration: Vec<&'static str>,
    revocation: bool,
    legacy: bool,
}

impl From<&Discovery> for Found {
    fn from(found: &Discovery) -> Self {
        let issuer = &found.issuer;
        let ways = [
            ("metadata_document", issuer.client_id_metadata_document_supported),
            ("dynamic", issuer.registration_endpoint.is_some()),
        ];
        Self {
            issuer: issuer.issuer.clone(),
            resource: found.resource.clone(),
            authorization_endpoint: issuer.authorization_endpoint.as_ref().map(ToString::to_string),
            token_endpoint: issuer.token_endpoint.to_string(),
            scope: found.scope().to_string(),
            pkce: issuer.advertises_s256(),
            registration: ways.iter().filter(|(_, offered)| *offered).map(|(way, _)| *way).collect(),
            revocation: issuer.revocation_endpoint.is_some(),
            legacy: found.legacy,
        }
    }
}

impl DiscoverArgs {
    pub(super) fn run(self, app: &App) -> Result<(), Error> {
        let mut profile = match self.server.as_ref().or(app.server_wish.as_ref()) {
            // A server that nobody named yet may be looked at, too.
            Some(ServerArg::Url(url)) => match app.config.find(&ServerArg::Url(url.clone()))? {
                Some(profile) => profile,
                None => ServerProfile::new(app.config.name_for(url)?, url.clone()),
            },
            server => app.profile(server)?,
        };
        if let Some(issuer) = self.issuer {
            profile.issuer = Some(Issuer::new(issuer));
        }
        let mut trace = Trace::default();
        let found = discover::discover(app, &profile, &mut trace).map_err(oauth::Error::from);
        let found = found.and_then(std::convert::identity);
        let summary = found.as_ref().ok().map(Found::from);
        let text = || {
            let steps: Vec<String> = trace.0.iter().map(ToString::to_string).collect();
            steps.join("\n") + "\n" + &summary.as_ref().map(describe).unwrap_or_default()
        };
        let text = text();
        app.console.answer_as(&Answer { steps: trace.0, found: summary }, || text)?;
        found.map(|_| ()).map_err(remote(&profile.url))
    }
}

fn describe(found: &Found) -> String {
    let yes = |yes| if yes { "yes" } else { "no" };
    let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
    format!(
        "\nissuer        {}\nresource      {}\nsign-in page  {}\ntokens        {}\nscope         {}\nPKCE S256     {}\n\
         registration  {}\nrevocation    {}\n",
        found.issuer,
        PeerText::from(found.resource.as_deref().unwrap_or("none")),
        found.authorization_endpoint.as_deref().unwrap_or("none"),
        found.token_endpoint,
        or(&found.scope, "none asked for"),
        yes(found.pkce),
        or(&found.registration.join(", "), "by hand"),
        yes(found.revocation),
    )
}
