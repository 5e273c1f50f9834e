//! The key and what it seals: every record, and what is under way with its login.

use std::time::Duration;

use super::{Finding, Health};
use crate::clock::UnixTime;
use crate::error::Error;
use crate::flows::condition::{self, LastFailure, Unfinished};
use crate::flows::{App, brake, renewal};
use crate::model::{LoginKey, LoginState, LoginSummary, Name};
use crate::peer_text::PeerText;
use crate::store::{Attempt, Depth, KeySource as _, KeychainKey, Kinds, Store, StoreError, StoreKind};
use crate::wording::{count, span};

/// The clock may stand still for so long, in seconds, before anybody wonders.
const PATIENCE: i64 = 5;

/// Everything about the logins.
pub(super) fn examine(app: &App, fix: bool) -> Vec<Finding> {
    let store = match app.store() {
        Ok(store) => store,
        Err(error) => return vec![Finding::failed("store", error)],
    };
    let key = key(app, &store);
    let depth = match (key.result, fix) {
        (Health::Fail, _) => Depth::Header,
        (_, true) => Depth::Repair,
        (_, false) => Depth::Body,
    };
    let mut findings: Vec<Finding> = std::iter::once(key).chain(moving(&store)).collect();
    let logins = records(&store, depth, &mut findings);
    findings.extend(logins.iter().filter_map(state));
    findings.extend(logins.iter().filter_map(|summary| refresh(app, &store, &summary.login.key(), fix)));
    findings.extend(logins.iter().filter_map(|summary| trouble(&store, summary, app.now())));
    findings.extend(sign_ins(app, &store));
    findings.extend(orphans(&store, fix));
    findings.push(clock(&logins, app.now()));
    findings
}

/// Whether the key can be had.
fn key(app: &App, store: &Store) -> Finding {
    let what = "store";
    let (kind, keychain) = (store.kind(), app.ports.keychain.name());
    let is_empty = || store.examine_logins(Depth::Header).is_ok_and(|logins| logins.is_empty());
    if app.config.settings().store.is_none() && app.store_wish.is_none() && is_empty() {
        return undecided(app);
    }
    match (kind, store.try_key()) {
        (StoreKind::Keychain, Ok(())) => {
            Finding::ok(what, format!("{kind}: the {keychain} answers and has the key"))
        }
        (StoreKind::Keychain | StoreKind::Passphrase, Err(StoreError::KeyMissing)) if is_empty() => {
            Finding::ok(what, format!("{kind}: the first login makes the key"))
        }
        (_, Ok(())) => Finding::ok(what, format!("{kind}: {}", kind.description())),
        (_, Err(error)) => Finding::failed(what, error),
    }
}

/// A move to another kind of store that did not come to its end, or has not yet.
fn moving(store: &Store) -> Option<Finding> {
    let what = "store";
    let Kinds { to, from } = store.kinds();
    let from = from?;
    let left = match store.census() {
        Ok(census) => census.residents().filter(|resident| resident.kind != to).count(),
        Err(error) => return Some(Finding::failed(what, error)),
    };
    let seen = format!("a move from {from} to {to} has not come to its end; {} to go", count(left, "record"));
    Some(Finding::warn(what, seen, format!("run `mcpauth store move {to}`, which finishes it")))
}

/// What the first login would choose.
fn undecided(app: &App) -> Finding {
    let what = "store";
    let keychain = app.ports.keychain.name();
    match KeychainKey::new(app.ports.keychain.clone(), app.config.places()).key() {
        Ok(_) | Err(StoreError::KeyMissing) => Finding::ok(
            what,
            format!("none chosen yet; the {keychain} answers and the first login will use it"),
        ),
        Err(StoreError::Absent { .. }) => Finding::ok(
            what,
            format!(
                "none chosen yet; no {keychain} answers here, so the first login uses plain files unless it is given --store passphrase"
            ),
        ),
        Err(error) => Finding::failed(what, error),
    }
}

/// Every record; gives the logins whose facts can be read.
fn records(store: &Store, depth: Depth, findings: &mut Vec<Finding>) -> Vec<LoginSummary> {
    let (logins, clients) = match (store.examine_logins(depth), store.examine_clients(depth)) {
        (Ok(logins), Ok(clients)) => (logins, clients),
        (Err(error), _) | (_, Err(error)) => {
            findings.push(Finding::failed("logins", error));
            return Vec::new();
        }
    };
    let seen = format!("{} and {}", count(logins.len(), "login"), count(clients.len(), "client"));
    let before = findings.len();
    findings.extend(
        clients.into_iter().filter_map(|client| client.found.err()).map(|error| unreadable("clients", error)),
    );
    let mut readable = Vec::new();
    for login in logins {
        match login.found {
            Ok(summary) => readable.push(summary),
            Err(error) => findings.push(unreadable("logins", error)),
        }
    }
    if findings.len() == before {
        let how = if depth == Depth::Header { "of which only the headers were read" } else { "each opens" };
        findings.push(Finding::ok("logins", format!("{seen}, {how}")));
    }
    readable
}

fn unreadable(what: &'static str, error: StoreError) -> Finding {
    match error {
        StoreError::Damaged { file, kept, why } if file == kept => {
            let remedy =
                "run `mcpauth doctor --fix`, which moves it aside, then `mcpauth login` for its server";
            Finding {
                remedy: Some(remedy.into()),
                ..Finding::failed(what, StoreError::Damaged { file, kept, why })
            }
        }
        StoreError::Damaged { kept, why, .. } => Finding::fixed(
            what,
            format!(
                "set aside what was damaged ({why}) as {}; run `mcpauth login` for its server",
                kept.display()
            ),
        ),
        error => Finding::failed(what, error),
    }
}

/// A login that only a person can bring on.
fn state(summary: &LoginSummary) -> Option<Finding> {
    let key = summary.login.key();
    match &summary.login.state {
        LoginState::Active => None,
        LoginState::ReauthRequired { reason, since } => Some(Error::ended(&key, reason, *since)),
        LoginState::RevocationPending { since } => Some(Error::being_ended(&key, *since)),
    }
    .map(|error| Finding::failed("logins", error))
}

/// Whether time went on since the newest tokens came.
fn clock(logins: &[LoginSummary], now: UnixTime) -> Finding {
    let times = logins.iter().flat_map(|summary| [summary.tokens.received_at, summary.login.created_at]);
    match times.max().map(|newest| newest.since(now)) {
        Some(ahead) if ahead > PATIENCE => {
            let seen =
                format!("{now}; a login was stored {} later than that, so the clock went back", span(ahead));
            Finding::warn("clock", seen, super::SET_THE_CLOCK)
        }
        _ => Finding::ok("clock", now.to_string()),
    }
}

/// A refresh that was begun and is not in the record.
fn refresh(app: &App, store: &Store, key: &LoginKey, fix: bool) -> Option<Finding> {
    let what = "refresh";
    let Unfinished { since, process, answered, under_way } = match condition::unfinished(store, key) {
        Ok(unfinished) => unfinished?,
        Err(error) => return Some(Finding::failed(what, error)),
    };
    let server = &key.server;
    Some(if under_way {
        Finding::ok(what, format!("{server}: process {process} is refreshing it since {since}"))
    } else if !answered {
        let seen =
            format!("{server}: the answer to a refresh of {since} was lost, and the tokens with it, perhaps");
        Finding::warn(what, seen, format!("run `mcpauth refresh {key}`, which asks once more"))
    } else if fix {
        match store
            .lock(key, Duration::ZERO)
            .map_err(Error::from)
            .and_then(|lock| renewal::settle(app, store, &lock))
        {
            Ok(true) => {
                Finding::fixed(what, format!("{server}: took over the answer to a refresh of {since}"))
            }
            // A process that died over it may have left one that makes no sense.
            Ok(false) => Finding::warn(
                what,
                format!("{server}: the answer to a refresh of {since} is of no use"),
                format!("run `mcpauth refresh {key}`, which asks once more"),
            ),
            Err(error) => Finding::failed(what, error),
        }
    } else {
        let seen = format!("{server}: the answer to a refresh of {since} is here and not yet in the record");
        Finding::warn(what, seen, "run `mcpauth doctor --fix`, or leave it to the next use")
    })
}

/// Refreshes that failed, and none that succeeded since.
fn trouble(store: &Store, summary: &LoginSummary, now: UnixTime) -> Option<Finding> {
    let key = summary.login.key();
    let LastFailure { at, why, rests_until } = condition::last_failure(store, &key, now)?;
    let rest = rests_until.map(|until| format!("; nobody asks its issuer before {until}"));
    let seen =
        format!("{}: {}, at {at}{}", key.server, PeerText::from(why.as_str()), rest.unwrap_or_default());
    Some(Finding::warn(
        "refresh",
        seen,
        format!("run `mcpauth refresh {key}`, which tries again and says what helps"),
    ))
}

/// Servers where so many sign-ins came to nothing that the next one has to wait.
fn sign_ins(app: &App, store: &Store) -> Vec<Finding> {
    let resting = app.config.profiles().unwrap_or_default().into_iter().filter_map(|profile| {
        let (server, url) = (profile.name.to_string(), profile.url.to_string());
        let key = LoginKey { server: profile.name, account: Name::default() };
        let trouble = store.trouble(Attempt::Login, &key);
        let seconds = brake::rest(&trouble, app.now())?;
        Some(Finding {
            exit_code: 0,
            result: Health::Warn,
            ..Finding::failed("sign-in", Error::TooManyLogins { server, url, seconds })
        })
    });
    resting.collect()
}

/// What refreshes left whose login is gone.
fn orphans(store: &Store, fix: bool) -> Option<Finding> {
    let what = "leftovers";
    let orphans = match store.orphaned_journals() {
        Ok(orphans) => orphans,
        Err(error) => return Some(Finding::failed(what, error)),
    };
    let first = orphans.first()?;
    let journals = count(orphans.len(), "journal");
    if !fix {
        let seen = format!("{journals} of logins that are gone, such as {}", first.display());
        return Some(Finding::warn(what, seen, "run `mcpauth doctor --fix`"));
    }
    Some(match orphans.iter().try_for_each(|orphan| store.remove_orphan(orphan)) {
        Ok(()) => Finding::fixed(what, format!("removed {journals} of logins that are gone")),
        Err(error) => Finding::failed(what, error),
    })
}
