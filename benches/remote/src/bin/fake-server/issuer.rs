//! Tokens: given out, renewed once each, and looked at.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Why a refresh was refused.
pub(crate) enum Refusal {
    /// Nobody was given this token.
    Unknown,
    /// It was used before.
    Reuse,
}

/// All tokens of all logins.
#[derive(Default)]
pub(crate) struct Issuer {
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
    given: u64,
}

struct Access {
    until: Instant,
    login: u64,
}

struct Refresh {
    login: u64,
    used: bool,
}

impl Issuer {
    /// The tokens of a new login.
    pub(crate) fn begin(&mut self, lifetime: u64) -> Value {
        let login = self.given;
        self.give(login, lifetime)
    }

    fn give(&mut self, login: u64, lifetime: u64) -> Value {
        self.given += 1;
        let [access, refresh] =
            ["access", "refresh"].map(|kind| format!("{kind}-{}-of-the-benchmark", self.given));
        let until = Instant::now() + Duration::from_secs(lifetime);
        self.access.insert(access.clone(), Access { until, login });
        self.refresh.insert(refresh.clone(), Refresh { login, used: false });
        json!({
            "access_token": access, "token_type": "Bearer", "expires_in": lifetime, "refresh_token": refresh,
            "scope": "mcp",
        })
    }

    /// Takes a refresh token for new ones. With `revoke`, a reuse ends the login.
    pub(crate) fn renew(&mut self, token: &str, lifetime: u64, revoke: bool) -> Result<Value, Refusal> {
        let refresh = self.refresh.get_mut(token).ok_or(Refusal::Unknown)?;
        let login = refresh.login;
        if !std::mem::replace(&mut refresh.used, true) {
            return Ok(self.give(login, lifetime));
        }
        if revoke {
            self.access.retain(|_, access| access.login != login);
            self.refresh.retain(|_, refresh| refresh.login != login);
        }
        Err(Refusal::Reuse)
    }

    pub(crate) fn honours(&self, authorization: &[u8]) -> bool {
        let token = authorization.strip_prefix(b"Bearer ").and_then(|token| std::str::from_utf8(token).ok());
        token.and_then(|token| self.access.get(token)).is_some_and(|access| Instant::now() < access.until)
    }

    /// No access token that was given out so far is good any longer; refresh tokens are.
    pub(crate) fn stop_honouring(&mut self) {
        self.access.clear();
    }
}
