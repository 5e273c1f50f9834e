//! Looking at a server without signing in, and trying out a login that there is.

use serde::Serialize;
use url::Url;

use super::explain::Decisions;
use super::metadata_cache::MetadataCache;
use super::session::{self, Freshness};
use super::{App, dealings, remote};
use crate::config::{ManualEndpoints, ServerProfile};
use crate::error::{Error, LOGIN_NEEDED, REFUSED, TEMPORARY};
use crate::http::{self, Answer, Authorization, Http, HttpError};
use crate::mcp;
use crate::model::{ClientFacts, Endpoints, Issuer, Login, LoginKey, Name, ServerUrl};
use crate::oauth;
use crate::oauth::discovery::{self, Discovery, Quest, Trace};
use crate::oauth::dpop;
use crate::oauth::metadata::IssuerMetadata;
use crate::store::Store;

/// Runs discovery alone, asks everybody anew, and settles how a login would deal with the issuer. The trace tells what
/// was done also where it fails.
pub fn discover(
    app: &App,
    profile: &ServerProfile,
    trace: &mut Trace,
) -> Result<Result<Discovery, oauth::Error>, HttpError> {
    let http = app.http_to(profile);
    let clients = app.store().map(|store| of_logins(&store, &profile.name)).unwrap_or_default();
    let held: Vec<Issuer> = clients.iter().map(|client| client.issuer.clone()).collect();
    let way = Way { held: &held, is_bound: false, fresh: true };
    let outcome = http::block_on(ask(app, &http, profile, way, trace))?;
    if let Ok(found) = &outcome {
        let dealings = dealings::settle(profile, found, trace);
        let (grant, at_hand) = (profile.grant, clients.first().map(|client| client.source));
        Decisions { app, profile, grant, found, dealings: &dealings, at_hand }.explain(trace);
    }
    Ok(outcome)
}

/// Finds the issuer to sign in at: of what is remembered, if that is not old and not to be passed over. An issuer that
/// takes the place of the one of an earlier login, or of a client, is refused unless the user vouches for it.
pub async fn find(
    app: &App,
    store: &Store,
    http: &Http,
    profile: &ServerProfile,
    fresh: bool,
    trace: &mut Trace,
) -> Result<Discovery, oauth::Error> {
    let clients = of_logins(store, &profile.name).into_iter();
    let mut held: Vec<Issuer> = clients.map(|client| client.issuer).collect();
    let known = app.config.profile(&profile.name).ok().flatten().filter(|known| known.url == profile.url);
    // A client that a login left which never came to its end may have been meant for another server of this name.
    if known.is_some() {
        // What cannot be read now is complained of where it is used.
        held.extend(store.load_client(&profile.name).ok().flatten().map(|client| client.facts.issuer));
    }
    let fresh = fresh || known.is_some_and(|known| asks_otherwise(&known, profile));
    ask(app, http, profile, Way { held: &held, is_bound: true, fresh }, trace).await
}

/// Whether the user has settled something about whom to ask, so that old answers answer another question.
fn asks_otherwise(known: &ServerProfile, profile: &ServerProfile) -> bool {
    let whom = |profile: &ServerProfile| {
        (profile.issuer.clone(), profile.trusted_issuers.clone(), profile.endpoints.clone())
    };
    whom(known) != whom(profile)
        || (known.strict_resource, known.identity_provider)
            != (profile.strict_resource, profile.identity_provider)
}

/// How to go about it.
struct Way<'a> {
    /// The issuers that know a client or a login for the server.
    held: &'a [Issuer],
    /// Whether only those are taken.
    is_bound: bool,
    /// Whether nothing is remembered.
    fresh: bool,
}

async fn ask(
    app: &App,
    http: &Http,
    profile: &ServerProfile,
    way: Way<'_>,
    trace: &mut Trace,
) -> Result<Discovery, oauth::Error> {
    let cache = MetadataCache::new(app, profile);
    let endpoints = settled_endpoints(&profile.endpoints);
    let quest = Quest {
        is_issuer: profile.identity_provider,
        pinned: profile.issuer.as_ref(),
        endpoints: endpoints.as_ref(),
        held: way.held,
        is_bound: way.is_bound,
        trusted: &profile.trusted_issuers,
        spellings: &|issuer| dealings::spellings(profile, issuer),
        strict_resource: profile.strict_resource,
        kept: if way.fresh { None } else { cache.server(&profile.url) },
        recall: &|issuer| if way.fresh { None } else { cache.issuer(issuer) },
        ..Quest::new(http, &profile.url)
    };
    let mut found = discovery::discover(quest, trace).await?;
    cache.keep(&profile.url, &found);
    if endpoints.is_none() {
        amend(&mut found.issuer, &profile.endpoints, trace);
        found.issuer.vet(http).await?;
    }
    Ok(found)
}

/// The clients of the logins at a server. Opens no keychain.
fn of_logins(store: &Store, server: &Name) -> Vec<ClientFacts> {
    let logins = store.summaries().unwrap_or_default().into_iter().flatten();
    logins.filter(|summary| summary.login.server == *server).map(|summary| summary.client).collect()
}

/// The endpoints, if the user settled the one that every grant takes.
fn settled_endpoints(settled: &ManualEndpoints) -> Option<Endpoints> {
    let token = settled.token.clone()?;
    Some(Endpoints {
        authorization: settled.authorization.clone(),
        token,
        registration: settled.registration.clone(),
        revocation: settled.revocation.clone(),
        userinfo: None,
        device_authorization: settled.device_authorization.clone(),
    })
}

/// Puts the endpoints that the user settled in place of those of the metadata.
fn amend(issuer: &mut IssuerMetadata, settled: &ManualEndpoints, trace: &mut Trace) {
    for (own, settled, flag) in [
        (&mut issuer.authorization_endpoint, &settled.authorization, "--authorize-url"),
        (&mut issuer.registration_endpoint, &settled.registration, "--register-url"),
        (&mut issuer.revocation_endpoint, &settled.revocation, "--revoke-url"),
        (&mut issuer.device_authorization_endpoint, &settled.device_authorization, "--device-url"),
    ] {
        if let Some(url) = settled {
            trace.decide("use the endpoint that you settled", url.to_string(), "your settings", flag);
            *own = Some(url.clone());
        }
    }
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
    let http = app.http(server);
    let asking = async {
        let answer = show(app, &http, &url, login, None).await?;
        let wanted = dpop::nonce_in(&answer.headers).filter(|_| answer.status == 401);
        match wanted.filter(|_| login.tokens.facts.is_bound()) {
            Some(nonce) => show(app, &http, &url, login, Some(&nonce)).await,
            None => Ok(answer),
        }
    };
    match http::block_on(asking).map_err(oauth::Error::from).and_then(std::convert::identity) {
        Ok(answer) if matches!(answer.status, 401 | 403) => {
            Finding::bad(what, format!("refused ({})", answer.status), LOGIN_NEEDED)
        }
        Ok(answer) if answer.is_transient() => {
            Finding::bad(what, format!("the server is in trouble ({})", answer.status), TEMPORARY)
        }
        Ok(answer) => Finding::good(what, format!("accepted ({})", answer.status)),
        Err(error) => Finding::failed(what, &remote(server)(error)),
    }
}

/// Shows the token, with a proof if it is bound to a key.
async fn show(
    app: &App,
    http: &Http,
    url: &Url,
    login: &Login,
    nonce: Option<&str>,
) -> Result<Answer, oauth::Error> {
    let token = &login.tokens.access_token;
    let key = login.dpop_key.as_ref().filter(|_| login.tokens.facts.is_bound());
    let proof = key.map(|key| dpop::proof(key, "POST", url, app.now(), nonce, Some(token))).transpose()?;
    let authorization = match &proof {
        Some(proof) => Authorization::Dpop { token, proof },
        None => Authorization::Bearer(token),
    };
    let message = mcp::message("tools/list", &serde_json::json!({}));
    Ok(http.send(mcp::post(url, message).authorization(authorization)).await?)
}
