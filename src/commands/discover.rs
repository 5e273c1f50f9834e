//! `mcpauth discover`: every step from a URL to its issuer, and no login.

use serde::Serialize;
use url::Url;

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

/// What was found, in the words of the standards. An absent member means that nobody spoke of it.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, not the state of one machine")]
struct Found {
    issuer: Issuer,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_endpoint: Option<String>,
    token_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_authorization_endpoint: Option<String>,
    scope: String,
    pkce: bool,
    iss: bool,
    registration: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grants: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    client_auth_methods: Vec<String>,
    dpop: &'static str,
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
        let text = |url: &Option<Url>| url.as_ref().map(ToString::to_string);
        Self {
            issuer: issuer.issuer.clone(),
            resource: found.resource.clone(),
            authorization_endpoint: text(&issuer.authorization_endpoint),
            token_endpoint: issuer.token_endpoint.to_string(),
            device_authorization_endpoint: text(&issuer.device_authorization_endpoint),
            scope: found.scope().to_string(),
            pkce: issuer.advertises_s256(),
            iss: issuer.authorization_response_iss_parameter_supported,
            registration: ways.iter().filter(|(_, offered)| *offered).map(|(way, _)| *way).collect(),
            grants: issuer.grant_types_supported.clone().unwrap_or_default(),
            client_auth_methods: issuer.token_endpoint_auth_methods_supported.clone().unwrap_or_default(),
            dpop: match (found.demands_dpop(), found.offers_dpop()) {
                (true, _) => "demanded",
                (false, true) => "offered",
                (false, false) => "not_offered",
            },
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
            let steps = trace.0.iter().map(ToString::to_string);
            let end = summary.as_ref().map(|found| format!("\n{}", describe(found)));
            let lines: Vec<String> = steps.chain(end).collect();
            lines.join("\n") + if summary.is_none() { "\n" } else { "" }
        };
        let text = text();
        app.console.answer_as(&Answer { steps: trace.0, found: summary }, || text)?;
        found.map(|_| ()).map_err(remote(&profile.url))
    }
}

/// The end of the matter, a line for each thing that somebody may look for.
fn describe(found: &Found) -> String {
    let yes = |yes| if yes { "yes" } else { "no" }.to_owned();
    let peer = |text: &str| PeerText::from(text).to_string();
    let list = |words: &[String], none: &str| {
        if words.is_empty() { none.to_owned() } else { peer(&words.join(", ")) }
    };
    let or_none = |text: &Option<String>| text.as_deref().map_or("none".to_owned(), peer);
    let vouched = if found.legacy { "  (nothing vouches for it)" } else { "" };
    let ways: Vec<String> = found.registration.iter().map(|way| way.replace('_', " ")).collect();
    let lines = [
        ("issuer", format!("{}{vouched}", found.issuer)),
        ("resource", or_none(&found.resource)),
        ("sign-in page", or_none(&found.authorization_endpoint)),
        ("tokens", peer(&found.token_endpoint)),
        ("device codes", or_none(&found.device_authorization_endpoint)),
        ("scope", if found.scope.is_empty() { "none asked for".to_owned() } else { peer(&found.scope) }),
        ("PKCE S256", yes(found.pkce)),
        ("names itself", yes(found.iss)),
        ("registration", list(&ways, "by hand")),
        ("grants", list(&found.grants, "not listed")),
        ("client proof", list(&found.client_auth_methods, "not listed")),
        ("bound tokens", found.dpop.replace('_', " ")),
        ("revocation", yes(found.revocation)),
    ];
    let line = |(what, seen): &(&str, String)| format!("{what:<12}  {seen}\n");
    lines.iter().map(line).collect()
}
