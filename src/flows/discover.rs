//! Looking at a server without signing in, and trying out a login that there is.

use serde::Serialize;

use super::session::{self, Freshness};
use super::{App, dealings, remote};
use crate::config::ServerProfile;
use crate::error::{Error, LOGIN_NEEDED, REFUSED, TEMPORARY};
use crate::http::{self, Authorization, Http, HttpError};
use crate::mcp;
use crate::model::{Issuer, Login, LoginKey, Name, ServerUrl};
use crate::oauth;
use crate::oauth::discovery::{self, Discovery, Quest, Trace};

/// Runs discovery alone, and settles how a login would deal with the issuer. The trace tells what was done also where it
/// fails.
pub fn discover(
    app: &App,
    profile: &ServerProfile,
    trace: &mut Trace,
) -> Result<Result<Discovery, oauth::Error>, HttpError> {
    let http = app.http(&profile.url);
    let found = http::block_on(ask(&http, profile, trace))?;
    if let Ok(found) = &found {
        dealings::settle(profile, found, trace);
    }
    Ok(found)
}

/// Finds the issuer of a server as its profile says.
pub async fn ask(http: &Http, profile: &ServerProfile, trace: &mut Trace) -> Result<Discovery, oauth::Error> {
    let quest = Quest {
        pinned: profile.issuer.as_ref(),
        trusted: &profile.trusted_issuers,
        spellings: &|asked| dealings::spellings(profile, asked),
        ..Quest::new(http, &profile.url)
    };
    discovery::discover(quest, trace).await
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
    /// What a program ends with that fails because of this.
    #[serde(skip)]
    exit_code: u8,
}

impl Finding {
    fn good(what: &'static str, seen: impl Into<String>) -> Self {
        Self { what, ok: true, seen: seen.into(), exit_code: 0 }
    }

    fn bad(what: &'static str, seen: impl Into<String>, exit_code: u8) -> Self {
        Self { what, ok: false, seen: seen.into(), exit_code }
    }

    fn failed(what: &'static str, error: &Error) -> Self {
        Self::bad(what, error.to_string(), error.exit_code())
    }

    /// Whether only a new sign-in helps.
    pub fn needs_a_person(&self) -> bool {
        self.exit_code == LOGIN_NEEDED
    }
}

/// An error if something is not as it should be: how much, with the exit code of the first.
pub fn verdict<'a>(findings: impl Iterator<Item = &'a Finding>) -> Result<(), Error> {
    let (mut failed, mut all, mut exit_code) = (0, 0, 0);
    for finding in findings {
        all += 1;
        failed += usize::from(!finding.ok);
        exit_code = if exit_code == 0 { finding.exit_code } else { exit_code };
    }
    if failed == 0 { Ok(()) } else { Err(Error::Partly { failed, all, exit_code }) }
}

/// Tries a server out, step by step: is it there, who issues for it, is PKCE offered, is the issuer still the one
/// of the login, does the server take the token.
pub fn try_out(app: &App, profile: &ServerProfile, account: &Name) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let found = discover(app, profile, &mut Trace::default()).map_err(oauth::Error::from);
    let issuer = match found.and_then(std::convert::identity) {
        Ok(found) => {
            findings.push(Finding::good("discovery", format!("issuer {}", found.issuer.issuer)));
            findings.push(pkce(profile, &found));
            Some(found.issuer.issuer)
        }
        Err(error) => {
            findings.push(Finding::failed("discovery", &remote(&profile.url)(error)));
            None
        }
    };
    let key = LoginKey { server: profile.name.clone(), account: account.clone() };
    match session::fresh_login(app, &key, &Freshness::default()) {
        Ok(login) => {
            findings.extend(issuer.map(|issuer| same_issuer(&login, &issuer)));
            findings.push(accepted(app, &profile.url, &login));
        }
        Err(error) => findings.push(Finding::failed("login", &error)),
    }
    Ok(findings)
}

fn same_issuer(login: &Login, found: &Issuer) -> Finding {
    let (what, bound) = ("issuer of the login", &login.client.facts.issuer);
    if bound == found {
        Finding::good(what, bound.to_string())
    } else {
        Finding::bad(what, bound.to_string(), REFUSED)
    }
}

fn pkce(profile: &ServerProfile, found: &Discovery) -> Finding {
    let assumed = dealings::settle(profile, found, &mut Trace::default()).assume_pkce;
    match (found.issuer.advertises_s256(), profile.assume_pkce, assumed) {
        (true, ..) => Finding::good("PKCE", "S256 is advertised"),
        (false, true, _) => Finding::good("PKCE", "not advertised, assumed as you settled"),
        (false, false, true) => Finding::good("PKCE", "not advertised, known to be there"),
        (false, false, false) => Finding::bad("PKCE", "S256 is not advertised", REFUSED),
    }
}

/// Calls the server with the token. An answer of the server's own, even one that declines this call, means that the
/// token was taken.
fn accepted(app: &App, server: &ServerUrl, login: &Login) -> Finding {
    let what = "token at the server";
    let url = server.to_url();
    let message = mcp::message("tools/list", &serde_json::json!({}));
    let request = mcp::post(&url, message).authorization(Authorization::Bearer(&login.tokens.access_token));
    let http = app.http(server);
    match http::block_on(http.send(request)).and_then(std::convert::identity) {
        Ok(answer) if matches!(answer.status, 401 | 403) => {
            Finding::bad(what, format!("refused ({})", answer.status), LOGIN_NEEDED)
        }
        Ok(answer) if answer.is_transient() => {
            Finding::bad(what, format!("the server is in trouble ({})", answer.status), TEMPORARY)
        }
        Ok(answer) => Finding::good(what, format!("accepted ({})", answer.status)),
        Err(error) => Finding::failed(what, &remote(server)(error.into())),
    }
}
