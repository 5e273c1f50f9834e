//! Who signed in: the ID token's claims, else the userinfo endpoint (OpenID Connect Core sections 2 and 5.3). For
//! people to read; nothing is decided by it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde::Deserialize;
use url::Url;

use super::client_auth::Applicant;
use super::dpop;
use crate::http::{Answer, Authorization, Request};
use crate::model::{Identity, TokenSet};

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
pub async fn identify(applicant: &Applicant<'_>, tokens: &TokenSet) -> Identity {
    if let Some(identity) = tokens.extra.get("id_token").and_then(|token| claims(token.as_str()?)) {
        return identity;
    }
    match &applicant.endpoints.userinfo {
        Some(userinfo) if tokens.facts.scope.contains("openid") => {
            let answer = ask(applicant, userinfo, tokens).await.filter(Answer::is_success);
            answer.and_then(|answer| serde_json::from_slice::<Claims>(&answer.body).ok()).map(Identity::from)
        }
        _ => None,
    }
    .unwrap_or_default()
}

/// Asks the userinfo endpoint, and once more if it wants a nonce in the proof.
async fn ask(applicant: &Applicant<'_>, userinfo: &Url, tokens: &TokenSet) -> Option<Answer> {
    let answer = show(applicant, userinfo, tokens, None).await?;
    let nonce = (answer.status == 401).then(|| dpop::nonce_in(&answer.headers)).flatten();
    match nonce {
        Some(nonce) if tokens.facts.is_bound() => show(applicant, userinfo, tokens, Some(&nonce)).await,
        _ => Some(answer),
    }
}

/// Shows the access token, with a proof if it is bound to a key.
async fn show(
    applicant: &Applicant<'_>,
    userinfo: &Url,
    tokens: &TokenSet,
    nonce: Option<&str>,
) -> Option<Answer> {
    let token = &tokens.access_token;
    let key = applicant.dpop_key.filter(|_| tokens.facts.is_bound());
    let proof = key.map(|key| dpop::proof(key, "GET", userinfo, applicant.now, nonce, Some(token)));
    let proof = proof.transpose().ok()?;
    let authorization = match &proof {
        Some(proof) => Authorization::Dpop { token, proof },
        None => Authorization::Bearer(token),
    };
    let request = Request::new(Method::GET, userinfo).authorization(authorization);
    applicant.http.send(request).await.ok()
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
