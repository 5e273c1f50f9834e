//! What is around the logins: the settings, the network, the browser.

use std::path::Path;

use chrono::DateTime;
use reqwest::Method;
use reqwest::header::DATE;
use url::Url;

use super::Finding;
use crate::audit::{self, Log};
use crate::clock::UnixTime;
use crate::config::{Config, ConfigError, ServerProfile};
use crate::error::Error;
use crate::flows::{App, remote};
use crate::http::{self, Answer, HttpError, PROXY_VARIABLES, Request};
use crate::model::ServerUrl;
use crate::oauth;
use crate::peer_text::PeerText;
use crate::platform;
use crate::wording::{count, quoted, span};

/// How far two clocks may be apart, in seconds.
const APART: i64 = 60;

/// The settings and the profiles, and whether the settings could be read.
pub(super) fn configuration(app: &App, fix: bool) -> (Vec<Finding>, bool) {
    let what = "configuration";
    let places = app.config.places();
    let settings = Config::load(places.clone());
    let is_settled = settings.is_ok();
    let mut findings: Vec<Finding> =
        settings.err().map(|error| Finding::failed(what, error)).into_iter().collect();
    let profiles = app.config.each_profile().unwrap_or_else(|error| vec![Err(error)]);
    let servers = count(profiles.len(), "server");
    findings.extend(profiles.into_iter().filter_map(Result::err).map(|error| Finding::failed(what, error)));
    if findings.is_empty() {
        let known =
            app.config.profiles().map_or_else(|error| vec![Finding::failed(what, error)], |_| Vec::new());
        findings.extend(known);
        findings.push(Finding::ok(what, format!("{}, {servers}", places.config.display())));
    }
    findings.extend(others_may_write(&places.config, fix));
    findings.extend(others_may_write(&places.config.join("config.toml"), fix));
    (findings, is_settled)
}

/// Who can change the settings can have any program started.
fn others_may_write(path: &Path, fix: bool) -> Option<Finding> {
    let what = "configuration";
    if !platform::others_may_write(path).unwrap_or(false) {
        return None;
    }
    if !fix {
        let seen = format!("{} can be changed by other users", path.display());
        let remedy =
            format!("run `chmod go-w {}`, or `mcpauth doctor --fix`", quoted(&path.display().to_string()));
        return Some(Finding::warn(what, seen, remedy));
    }
    Some(match platform::make_private(path) {
        Ok(()) => Finding::fixed(what, format!("made {} yours alone", path.display())),
        Err(source) => Finding::failed(what, ConfigError::Io { file: path.into(), source }),
    })
}

/// The proxy, the certificates, and whether HTTPS can be set up at all.
pub(super) fn network(app: &App) -> Vec<Finding> {
    let settings = &app.config.settings().network;
    let mut findings: Vec<Finding> = proxy(app).into_iter().chain(certificates()).collect();
    let set_up = somewhere(app).and_then(|server| app.http(&server).set_up().map_err(in_general));
    let ca_file = settings.ca_file.as_ref().map(|file| format!(", trusting {} as well", file.display()));
    let timeout = settings.timeout.map(|seconds| format!(", {seconds} s for an answer"));
    findings.push(match set_up {
        Ok(()) => {
            let seen =
                format!("HTTPS is ready{}{}", ca_file.unwrap_or_default(), timeout.unwrap_or_default());
            Finding::ok("network", seen)
        }
        Err(error) => Finding::failed("network", error),
    });
    findings
}

/// Any server, because an HTTP client is always one for a server.
fn somewhere(app: &App) -> Result<ServerUrl, Error> {
    let known = app.config.profiles().unwrap_or_default().into_iter().next();
    known.map_or_else(|| Ok("https://mcp.example.com/".parse()?), |profile| Ok(profile.url))
}

fn in_general(error: HttpError) -> Error {
    remote("SERVER")(oauth::Error::from(error))
}

fn proxy(app: &App) -> Option<Finding> {
    let what = "proxy";
    if let Some(proxy) = &app.config.settings().network.proxy {
        return Some(Finding::ok(what, format!("{}, as settled", place_of(proxy))));
    }
    let is_set = |name: &&str| std::env::var(name).is_ok_and(|value| !value.is_empty());
    let name = PROXY_VARIABLES.into_iter().find(|name| is_set(name))?;
    let value = std::env::var(name).unwrap_or_default();
    let Ok(url) = Url::parse(&value).or_else(|_| Url::parse(&format!("http://{value}"))) else {
        return Some(Finding::warn(
            what,
            format!("{name} is no address"),
            format!("set {name} to http://HOST:PORT"),
        ));
    };
    let place = place_of(&url);
    let seen = format!("{place} by {name}, which children of MCP clients are often not told");
    let remedy = format!("write proxy = \"{place}\" below [network] in config.toml");
    Some(Finding::warn(what, seen, remedy))
}

/// An address without the password that may be in it.
fn place_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}"));
    PeerText::from(format!("{}://{host}{}", url.scheme(), port.unwrap_or_default()).as_str()).to_string()
}

/// Variables that name certificates which are not there.
fn certificates() -> Vec<Finding> {
    let missing = |name: &&str| {
        std::env::var_os(name).is_some_and(|path| !path.is_empty() && std::fs::metadata(path).is_err())
    };
    let found = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter(missing);
    found
        .map(|name| {
            Finding::warn(
                "network",
                format!("{name} names nothing that can be read"),
                format!("run `unset {name}`, or correct it"),
            )
        })
        .collect()
}

/// Whether each server can be reached, and whether its clock is ours.
pub(super) fn servers(app: &App) -> Vec<Finding> {
    app.config.profiles().unwrap_or_default().iter().flat_map(|profile| server(app, profile)).collect()
}

fn server(app: &App, profile: &ServerProfile) -> Vec<Finding> {
    let url = profile.url.to_url();
    let http = app.http_to(profile);
    match http::block_on(http.send(Request::new(Method::GET, &url))).and_then(std::convert::identity) {
        Ok(answer) => {
            let here = Finding::ok("server", format!("{} answers ({})", profile.name, answer.status));
            std::iter::once(here).chain(clock_of(&answer, app.now())).collect()
        }
        Err(error) => vec![Finding::failed("server", remote(&profile.name)(error.into()))],
    }
}

/// The clock of whoever answered (RFC 9110 section 6.6.1), if it is not ours.
fn clock_of(answer: &Answer, now: UnixTime) -> Option<Finding> {
    let text = answer.headers.get(DATE)?.to_str().ok()?;
    let theirs = UnixTime(DateTime::parse_from_rfc2822(text).ok()?.timestamp());
    let apart = now.since(theirs);
    let word = if apart > 0 { "ahead of" } else { "behind" };
    (apart.abs() > APART).then(|| {
        let seen = format!("this machine is {} {word} {}", span(apart.abs()), answer.host);
        Finding::warn("clock", seen, super::SET_THE_CLOCK)
    })
}

/// What would open a page.
pub(super) fn browser(app: &App) -> Finding {
    let what = "browser";
    let browser = &app.ports.browser;
    match browser.program() {
        _ if !browser.available() => {
            Finding::ok(what, "no display here: `mcpauth login` prints the address to open elsewhere")
        }
        Ok(program) => Finding::ok(what, format!("{} opens pages", program.display())),
        Err(error) => Finding::warn(
            what,
            error.to_string(),
            "set BROWSER, or sign in with `mcpauth login SERVER --no-browser`",
        ),
    }
}

/// Whether what happens is written down, and what was written holds together.
pub(super) fn log(app: &App) -> Finding {
    let what = "audit log";
    let log = Log::new(app.config.places());
    let verdict = match log.try_out().and_then(|()| audit::check(&log)) {
        Ok(verdict) => verdict,
        Err(error) => return Finding::failed(what, error),
    };
    match verdict.breaks.len() {
        0 => Finding::ok(what, format!("{} that hold together", count(verdict.lines, "line"))),
        breaks => {
            let seen = format!("does not hold together in {}", count(breaks, "place"));
            Finding::warn(what, seen, "run `mcpauth audit verify`, which says where and what that means")
        }
    }
}
