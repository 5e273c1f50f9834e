//! The token endpoint (RFC 6749 sections 4.1.3 and 6) and revocation (RFC 7009): what is asked, and how once more.

mod answer;

use std::time::{Duration, Instant};

use url::Url;

pub(super) use self::answer::{Expected, lifetime, read_tokens, take_token};
use self::answer::{failure, interception};
use super::client_auth::{Applicant, Form};
use super::{Error, ErrorResponse, dpop};
use crate::clock::UnixTime;
use crate::http::{Answer, Http};
use crate::model::{ClientAuthMethod, ClientRegistration, Login, RegistrationSource, ScopeSet, TokenSet};
use crate::oauth::authorization::PendingAuthorization;
use crate::secret::{AuthorizationCode, ClientSecret, RefreshToken};

/// How long a token endpoint may take: a code that it has seen is of no use any more.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What the token endpoint said, and what it took to have it say so.
pub struct Reply {
    /// The answer to the last request.
    pub answer: Answer,
    /// How the client proved itself in that one.
    pub auth_method: ClientAuthMethod,
    /// Whether that one left out a `resource` that others named.
    pub left_out_resource: bool,
}

/// Tokens, and how the client has to prove itself to get more.
pub struct Granted {
    /// The tokens.
    pub tokens: TokenSet,
    /// The method that worked.
    pub auth_method: ClientAuthMethod,
}

/// How a request is made that the issuer did not take as it was.
struct Attempt<'a> {
    url: &'a Url,
    form: Form<'a>,
    auth_method: ClientAuthMethod,
    nonce: Option<String>,
    left_out_resource: bool,
}

impl Applicant<'_> {
    /// Whoever renews or ends a login.
    pub fn of<'a>(http: &'a Http, login: &'a Login, now: UnixTime) -> Applicant<'a> {
        let (endpoints, client) = (&login.facts.endpoints, &login.client);
        Applicant { http, endpoints, client, dpop_key: login.dpop_key.as_ref(), now }
    }

    /// Sends a form to the token endpoint, within `limit` where the user has settled nothing else.
    pub(super) async fn ask_for_tokens(&self, form: Form<'_>, limit: Duration) -> Result<Reply, Error> {
        self.ask_at(&self.endpoints.token, form, limit).await
    }

    /// Sends a form to an endpoint that the client proves itself at. It is sent again only after a plain refusal that
    /// says what to do otherwise, so that nothing has been spent, and once for each reason.
    pub(super) async fn ask_at(&self, url: &Url, form: Form<'_>, limit: Duration) -> Result<Reply, Error> {
        let ends = Instant::now() + limit;
        let auth_method = self.client.facts.auth_method;
        let mut attempt = Attempt { url, form, auth_method, nonce: None, left_out_resource: false };
        loop {
            let left = ends.saturating_duration_since(Instant::now());
            let answer = self.try_for_tokens(&attempt, left).await?;
            if !self.can_mend(&mut attempt, &answer) {
                let Attempt { auth_method, left_out_resource, .. } = attempt;
                return Ok(Reply { answer, auth_method, left_out_resource });
            }
        }
    }

    /// Sends one request. A proof is never sent twice, nor is an assertion.
    async fn try_for_tokens(&self, attempt: &Attempt<'_>, limit: Duration) -> Result<Answer, Error> {
        let url = attempt.url;
        let applicant: Applicant<'_> = *self;
        let mut request = applicant.post_by(attempt.auth_method, url, attempt.form.clone())?;
        if let Some(key) = self.dpop_key {
            request.proof = Some(dpop::proof(key, "POST", url, self.now, attempt.nonce.as_deref(), None)?);
        }
        Ok(self.http.send(request.patience(limit)).await?)
    }

    /// Whether another attempt is worth its while, and what it does otherwise.
    fn can_mend(&self, attempt: &mut Attempt<'_>, answer: &Answer) -> bool {
        if !matches!(answer.status, 400 | 401) {
            return false;
        }
        let is_refresh = attempt.form.get("grant_type") == Some("refresh_token");
        match ErrorResponse::from_answer(answer).code.as_str() {
            "use_dpop_nonce" if self.dpop_key.is_some() && attempt.nonce.is_none() => {
                attempt.nonce = dpop::nonce_in(&answer.headers);
                attempt.nonce.is_some()
            }
            "invalid_client" if attempt.auth_method == self.client.facts.auth_method => {
                let other = other_method(self.client);
                attempt.auth_method = other.unwrap_or(attempt.auth_method);
                other.is_some()
            }
            // RFC 8707: what the first request named still holds. Some issuers take it there and nowhere else.
            "invalid_target" | "invalid_request" if is_refresh && attempt.form.get("resource").is_some() => {
                attempt.form = attempt.form.clone().without("resource");
                attempt.left_out_resource = true;
                true
            }
            _ => false,
        }
    }
}

/// The other way to show a secret that the user brought: he cannot know which one was settled when he got it, and what
/// the issuer lists is not always what it takes.
fn other_method(client: &ClientRegistration) -> Option<ClientAuthMethod> {
    if client.facts.source != RegistrationSource::Preregistered {
        return None;
    }
    match client.facts.auth_method {
        ClientAuthMethod::ClientSecretBasic => Some(ClientAuthMethod::ClientSecretPost),
        ClientAuthMethod::ClientSecretPost => Some(ClientAuthMethod::ClientSecretBasic),
        ClientAuthMethod::None | ClientAuthMethod::PrivateKeyJwt => None,
    }
}

/// What is asked for where no person is.
pub struct Asking<'a> {
    /// Who asks whom.
    pub applicant: Applicant<'a>,
    /// For which resource.
    pub resource: Option<&'a str>,
    /// For which scope.
    pub scope: &'a ScopeSet,
}

/// Asks with a form that names the grant; `sent` are the secrets in it, which no error may repeat.
pub(super) async fn ask(asking: &Asking<'_>, form: Form<'_>, sent: &[&str]) -> Result<Granted, Error> {
    let scope = (!asking.scope.is_empty()).then(|| asking.scope.to_string());
    let form = form.with_optional("resource", asking.resource).with_optional("scope", scope.as_deref());
    let reply = asking.applicant.ask_for_tokens(form, PATIENCE).await?;
    granted(&asking.applicant, reply, &Expected { scope: asking.scope, member: None }, sent)
}

/// Asks for something that is no token of ours; gives the answer if it is a success.
pub(super) async fn ask_for_assertion(
    applicant: &Applicant<'_>,
    form: Form<'_>,
    sent: &[&str],
) -> Result<Answer, Error> {
    let reply = applicant.ask_for_tokens(form, PATIENCE).await?;
    only_success(applicant, reply, sent).map(|reply| reply.answer)
}

/// A reply that is no refusal, to a request that held the secrets `sent`.
pub(super) fn only_success(applicant: &Applicant<'_>, reply: Reply, sent: &[&str]) -> Result<Reply, Error> {
    if reply.answer.is_success() && interception(&reply.answer).is_none() {
        return Ok(reply);
    }
    Err(discreet(failure(&reply.answer), applicant.client, sent))
}

/// Redeems a code (RFC 6749 section 4.1.3, RFC 7636 section 4.5, RFC 8707 section 2.2). A code that an issuer may have
/// taken is never sent again.
pub async fn exchange(
    applicant: &Applicant<'_>,
    pending: &PendingAuthorization,
    code: &AuthorizationCode,
) -> Result<Granted, Error> {
    let form = Form::new("grant_type", "authorization_code")
        .with("code", code.expose())
        .with("redirect_uri", &pending.redirect_uri)
        .with("code_verifier", pending.verifier.expose())
        .with_optional("resource", pending.resource.as_deref());
    let reply = applicant.ask_for_tokens(form, PATIENCE).await?;
    let expected = Expected { scope: &pending.scope, member: pending.answer_member.as_deref() };
    granted(applicant, reply, &expected, &[code.expose(), pending.verifier.expose()])
}

/// Reads the reply to a request that held the secrets `sent`.
pub(super) fn granted(
    applicant: &Applicant<'_>,
    reply: Reply,
    expected: &Expected<'_>,
    sent: &[&str],
) -> Result<Granted, Error> {
    let Reply { answer, auth_method, .. } = reply;
    let tokens = read_tokens(&answer, expected, applicant.dpop_key.is_some(), applicant.now)
        .map_err(|error| discreet(error, applicant.client, sent))?;
    Ok(Granted { tokens, auth_method })
}

/// Spends the refresh token of a login (RFC 6749 section 6), for the same resource and without a scope: asking for less
/// would shrink the login, asking for more is an error. An issuer that insists on one gets the whole. The answer is given
/// as it came, so that it can be kept before anything is done with it; where the user has settled nothing else, it is
/// waited for until `limit`.
pub async fn ask_to_refresh(
    http: &Http,
    login: &Login,
    refresh_token: &RefreshToken,
    limit: Duration,
    now: UnixTime,
) -> Result<Reply, Error> {
    let scope = repeated_scope(login);
    let form = Form::new("grant_type", "refresh_token")
        .with("refresh_token", refresh_token.expose())
        .with_optional("scope", scope.as_deref())
        .with_optional("resource", login.facts.resource.as_deref());
    Applicant::of(http, login, now).ask_for_tokens(form, limit).await
}

/// The scope that a refresh names where the issuer insists on it: what was granted. An issuer that tells only what the
/// access token is good for has granted `offline_access` by giving the refresh token.
fn repeated_scope(login: &Login) -> Option<String> {
    let mut scope = login.tokens.facts.scope.clone();
    if login.facts.requested_scope.contains("offline_access") {
        scope.insert("offline_access");
    }
    (login.facts.refresh_scope && !scope.is_empty()).then(|| scope.to_string())
}

/// Reads the answer to [`ask_to_refresh`] that arrived at `now`. What it leaves out stays as it was.
pub fn read_refresh(
    answer: &Answer,
    login: &Login,
    refresh_token: &RefreshToken,
    now: UnixTime,
) -> Result<TokenSet, Error> {
    let expected =
        Expected { scope: &login.tokens.facts.scope, member: login.facts.answer_member.as_deref() };
    let mut tokens = read_tokens(answer, &expected, login.dpop_key.is_some(), now)
        .map_err(|error| discreet(error, &login.client, &[refresh_token.expose()]))?;
    if tokens.refresh_token.is_none() {
        tokens.refresh_token = Some(refresh_token.duplicate());
        tokens.facts.refreshable = true;
    }
    tokens.extra.keep(&login.tokens.extra);
    Ok(tokens)
}

/// Which of its two tokens a login gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// `refresh_token`.
    Refresh,
    /// `access_token`.
    Access,
}

/// Ends a token at its issuer (RFC 7009 section 2.1). An issuer that does not know the token answers like one that
/// just ended it. `Ok(false)` if it cannot revoke tokens of this kind.
pub async fn revoke(http: &Http, login: &Login, kind: TokenKind, now: UnixTime) -> Result<bool, Error> {
    let Some(endpoint) = &login.facts.endpoints.revocation else { return Ok(false) };
    let (token, hint) = match kind {
        TokenKind::Access => (login.tokens.access_token.expose(), "access_token"),
        TokenKind::Refresh => match &login.tokens.refresh_token {
            Some(token) => (token.expose(), "refresh_token"),
            None => return Ok(false),
        },
    };
    let applicant = Applicant::of(http, login, now);
    let form = Form::new("token", token).with("token_type_hint", hint);
    let mut answer = http.send(applicant.post(endpoint, form.clone())?).await?;
    if wants_a_secret(&answer, &login.client) {
        answer = http.send(applicant.post(endpoint, form.with("client_secret", ""))?).await?;
    }
    if let Some(error) = interception(&answer) {
        return Err(error);
    }
    if answer.is_success() {
        return Ok(true);
    }
    match failure(&answer) {
        Error::Refused { reason, .. } if reason.code == "unsupported_token_type" => Ok(false),
        error => Err(discreet(error, &login.client, &[token])),
    }
}

/// Whether a public client was perhaps refused for want of a secret. The MCP Python SDK's revocation route, and every
/// server built on it, insists on the parameter, also for clients that have none and may leave it out (RFC 6749 section
/// 2.3.1); it takes the empty one that it means.
fn wants_a_secret(answer: &Answer, client: &ClientRegistration) -> bool {
    client.facts.auth_method == ClientAuthMethod::None
        && answer.status == 400
        && ErrorResponse::from_answer(answer).code == "invalid_request"
}

/// An error that does not repeat the secrets of the request, should the issuer have repeated them.
fn discreet(error: Error, client: &ClientRegistration, sent: &[&str]) -> Error {
    match error {
        Error::Refused { host, reason } => {
            let own = client.secret.as_ref().map(ClientSecret::expose);
            let secrets: Vec<&str> = sent.iter().copied().chain(own).collect();
            Error::Refused { host, reason: reason.without(&secrets) }
        }
        error => error,
    }
}
