//! Looking at a server without signing in, and trying out a login that there is.

use serde::Serialize;

use super::App;
use super::session::{self, Freshness};
use crate::config::ServerProfile;
use crate::error::Error;
use crate::http::{self, Authorization, HttpError};
use crate::mcp;
use crate::model::{Login, LoginKey, Name, ServerUrl};
use crate::oauth;
use crate::oauth::discovery::{self, Discovery, Trace};

/// Runs discovery alone. The trace tells what was done also where it fails.
pub fn discover(
    app: &App,
    profile: &ServerProfile,
    trace: &mut Trace,
) -> Result<Result<Discovery, oauth::Error>, HttpError> {
    let http = app.http(&profile.url);
    http::block_on(discovery::discover(&http, &profile.url, profile.issuer.as_ref(), trace))
}

/// One thing that was tried, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was tried.
    pub what: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was seen.
    pub seen: String,
}

/// Tries a server out, step by step: is it there, who issues for it, is PKCE offered, is the issuer still the one
/// of the login, does the server take the token.
pub fn try_out(app: &App, profile: &ServerProfile, account: &Name) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let found = discover(app, profile, &mut Trace::default()).map_err(oauth::Error::from);
    let issuer = match found.and_then(std::convert::identity) {
        Ok(found) => {
            findings.push(Finding {
                what: "discovery",
                ok: true,
                seen: format!("issuer {}", found.issuer.issuer),
            });
            findings.push(pkce(profile, &found));
            Some(found.issuer.issuer)
        }
        Err(error) => {
            findings.push(Finding { what: "discovery", ok: false, seen: error.to_string() });
            None
        }
    };
    let key = LoginKey { server: profile.name.clone(), account: account.clone() };
    match session::fresh_login(app, &key, &Freshness::default()) {
        Ok(login) => {
            if let Some(issuer) = issuer {
                let bound = &login.client.facts.issuer;
                findings.push(Finding {
                    what: "issuer of the login",
                    ok: *bound == issuer,
                    seen: bound.to_string(),
                });
            }
            findings.push(accepted(app, &profile.url, &login));
        }
        Err(error) => findings.push(Finding { what: "login", ok: false, seen: error.to_string() }),
    }
    Ok(findings)
}

fn pkce(profile: &ServerProfile, found: &Discovery) -> Finding {
    let (ok, seen) = match (found.issuer.advertises_s256(), profile.assume_pkce) {
        (true, _) => (true, "S256 is advertised"),
        (false, true) => (true, "not advertised, assumed as you settled"),
        (false, false) => (false, "S256 is not advertised"),
    };
    Finding { what: "PKCE", ok, seen: seen.into() }
}

/// Calls the server with the token. Anything but 401 and 403 means that the token was taken.
fn accepted(app: &App, server: &ServerUrl, login: &Login) -> Finding {
    let what = "token at the server";
    let url = server.to_url();
    let message = mcp::message("tools/list", &serde_json::json!({}));
    let request = mcp::post(&url, message).authorization(Authorization::Bearer(&login.tokens.access_token));
    let http = app.http(server);
    match http::block_on(http.send(request)).and_then(std::convert::identity) {
        Ok(answer) => {
            let ok = !matches!(answer.status, 401 | 403);
            Finding {
                what,
                ok,
                seen: format!("{} ({})", if ok { "accepted" } else { "refused" }, answer.status),
            }
        }
        Err(error) => Finding { what, ok: false, seen: error.to_string() },
    }
}
