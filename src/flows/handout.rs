//! Handing a token to a header helper's caller, who cannot say whether the last one was refused.
//!
//! Such a client asks again only when something went wrong. So when the same caller asks again and would get the
//! same token, the token is renewed first: at most once a minute per login, because some issuers end the old access
//! token at every refresh and another client may just have got it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::App;
use super::session::{self, Freshness, Refresh};
use crate::audit::{Event, Kind};
use crate::clock::UnixTime;
use crate::error::Error;
use crate::files;
use crate::model::{Login, LoginKey};

/// Seconds between two refreshes that nobody but a repeated question asked for.
const BETWEEN: i64 = 60;
/// How many callers of one token are remembered.
const CALLERS: usize = 32;
/// More than that many need, in bytes.
const LIMIT: u64 = 64 * 1024;
/// How long a helper's caller is kept waiting for another process's refresh.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was handed out, in the state directory. Losing it costs one refresh at the most, so it is written without
/// a lock.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Handouts {
    /// When a repeated question last led to a refresh.
    renewed_at: Option<UnixTime>,
    /// The generation of the login that was handed out last.
    generation: u64,
    /// Who got that one.
    callers: BTreeSet<String>,
}

/// A login for `caller`, which is written down before the caller gets it.
pub fn hand_out(app: &App, key: &LoginKey, caller: Option<String>) -> Result<Login, Error> {
    let login = login_for(app, key, caller)?;
    session::may_leave(&login, "header")?;
    app.audit(&Event::new(Kind::HandedOut, key).about(&login.tokens.facts));
    Ok(login)
}

/// A login for `caller`, fresher than the one that it got before if that was the same. A caller that cannot be told
/// from others is never taken for one that asks again.
fn login_for(app: &App, key: &LoginKey, caller: Option<String>) -> Result<Login, Error> {
    let file = file(app, key);
    let mut handouts: Handouts = files::read_private(&file, LIMIT)
        .ok()
        .flatten()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default();
    let now = app.now();
    let gentle = Freshness { patience: PATIENCE, ..Freshness::default() };
    let mut login = session::fresh_login(app, key, &gentle)?;
    let Some(caller) = caller else { return Ok(login) };
    let repeated = handouts.generation == login.facts.generation && handouts.callers.contains(&caller);
    let rested = handouts.renewed_at.is_none_or(|time| now.since(time) >= BETWEEN);
    if repeated && rested && login.tokens.facts.refreshable {
        handouts.renewed_at = Some(now);
        // Whoever else asks again just now may renew it between this look and the next: then one is enough.
        let refresh = Refresh::Refused(login.facts.generation);
        match session::fresh_login(app, key, &Freshness { refresh, ..gentle }) {
            Ok(renewed) => login = renewed,
            Err(error) => app.console.warn(&format!("{error}; using the token that is still valid")),
        }
    }
    if handouts.generation != login.facts.generation || handouts.callers.len() >= CALLERS {
        handouts.callers.clear();
    }
    handouts.generation = login.facts.generation;
    // A caller that is known to hold this token, and got no other, is nothing new to write down.
    let is_news = handouts.callers.insert(caller) || handouts.renewed_at == Some(now);
    if is_news {
        remember(&file, &handouts);
    }
    Ok(login)
}

fn file(app: &App, key: &LoginKey) -> PathBuf {
    let name = format!("{}@{}.json", key.account.folded(), key.server.folded());
    app.config.places().state.join("handouts").join(name)
}

fn remember(file: &std::path::Path, handouts: &Handouts) {
    let text = serde_json::to_vec(handouts).unwrap_or_default();
    // A read-only state directory must not keep anybody from a token.
    drop(files::write_expendable(file, &text));
}
