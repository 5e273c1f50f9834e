//! Who signed in: the ID token's claims, else the userinfo endpoint (OpenID Connect Core sections 2 and 5.3). For
//! people to read; nothing is decided by it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde::Deserialize;

use crate::http::{Authorization, Http, Request};
use crate::model::{Endpoints, Identity, TokenSet};

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    name: Option<String>,
    preferred_username: Option<String>,
    email: Option<String>,
}

impl From<Claims> for Identity {
    fn from(claims: Claims) -> Self {
        Self { sub: claims.sub, name: claims.name.or(claims.preferred_username), email: claims.email }
    }
}

/// Learns who signed in, if the issuer tells. A login is none the worse for not knowing, so trouble is silence.
/// The userinfo endpoint is asked only when `openid` was granted: other tokens are not meant for it.
pub async fn identify(http: &Http, endpoints: &Endpoints, tokens: &TokenSet) -> Identity {
    if let Some(identity) = tokens.extra.get("id_token").and_then(|token| claims(token.as_str()?)) {
        return identity;
    }
    match &endpoints.userinfo {
        Some(userinfo) if tokens.facts.scope.contains("openid") => {
            let request = Request::new(Method::GET, userinfo)
                .authorization(Authorization::Bearer(&tokens.access_token));
            let answer = http.send(request).await.ok().filter(crate::http::Answer::is_success);
            answer.and_then(|answer| serde_json::from_slice::<Claims>(&answer.body).ok()).map(Identity::from)
        }
        _ => None,
    }
    .unwrap_or_default()
}

/// The claims of an ID token. It came straight from the token endpoint over TLS, so its signature may go unchecked
/// (OpenID Connect Core section 3.1.3.7, 6).
fn claims(id_token: &str) -> Option<Identity> {
    let payload = URL_SAFE_NO_PAD.decode(id_token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Claims>(&payload).ok().map(Identity::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_token_tells_who_signed_in() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"sub":"1","email":"ana@example.org","aud":["x"]}"#);
        let identity = claims(&format!("e30.{payload}.sig")).unwrap();
        assert_eq!(identity.label(), Some("ana@example.org"));
        assert_eq!(claims("garbage"), None);
        assert_eq!(claims("a.!!.c"), None);
    }
}
