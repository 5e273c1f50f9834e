//! Enterprise-managed authorization: the company's identity provider vouches for the person, so that nobody has to
//! consent at each server (MCP Enterprise-Managed Authorization; RFC 8693, then RFC 7523).

use super::{App, remote, token_source};
use crate::error::Error;
use crate::http::Http;
use crate::model::grant::{EnterpriseGrant, SubjectSource};
use crate::model::{
    ClientRegistration, Endpoints, Issuer, Login, LoginKey, Name, RegistrationSource, ServerUrl,
};
use crate::oauth::client_auth::Applicant;
use crate::oauth::exchange::{self, Subject, Target};
use crate::oauth::token::Asking;
use crate::secret::Assertion;

/// How a login at an identity provider is had as fresh as need be. It is given along, because this room lies below the one
/// where logins are renewed, which asks here.
pub(super) type FreshLogin = fn(&App, &LoginKey) -> Result<Login, Error>;

/// An assertion of the identity provider for one server, asked for anew each time: it is short-lived, works once, and
/// is kept nowhere.
pub(super) async fn assertion(
    app: &App,
    server: &Name,
    grant: &EnterpriseGrant,
    asking: &Asking<'_>,
    fresh_login: FreshLogin,
) -> Result<Assertion, Error> {
    let Vouching { client, subject, endpoints, url } = vouching(app, server, grant, fresh_login)?;
    let target = Target {
        audience: &asking.applicant.client.facts.issuer,
        resource: asking.resource,
        scope: asking.scope,
        client_id: &asking.applicant.client.facts.client_id,
    };
    let http = app.http(&url);
    let now = asking.applicant.now;
    let applicant = Applicant { http: &http, endpoints: &endpoints, client: &client, dpop_key: None, now };
    let exchanged = exchange::exchange(&applicant, &subject, &target).await;
    exchanged.map_err(|error| match &grant.subject {
        SubjectSource::Login(login) if exchange::is_spent(&error) => {
            Error::login_needed(format!("{} no longer vouches for you: {error}", login.server), login.key())
        }
        _ => remote(server)(error),
    })
}

/// Who we are at the identity provider, what says there who the person is, and where it is taken.
struct Vouching {
    client: ClientRegistration,
    subject: Subject,
    endpoints: Endpoints,
    url: ServerUrl,
}

fn vouching(
    app: &App,
    server: &Name,
    grant: &EnterpriseGrant,
    fresh_login: FreshLogin,
) -> Result<Vouching, Error> {
    let login = match &grant.subject {
        SubjectSource::Token(source) => {
            return Ok(Vouching {
                client: ClientRegistration::public(
                    RegistrationSource::Preregistered,
                    &grant.identity_provider,
                    &grant.client_id,
                ),
                subject: Subject::IdToken(token_source::read(source)?),
                endpoints: Endpoints::only_token(grant.token_endpoint.clone()),
                url: grant.identity_provider.as_str().parse()?,
            });
        }
        SubjectSource::Login(login) => apart(app, &login.key(), fresh_login)?,
    };
    // What belongs to one identity provider is shown to no other, should another have got its name meanwhile.
    if login.client.facts.issuer != grant.identity_provider {
        let (name, issuer) = (&login.facts.server, &login.client.facts.issuer);
        let why =
            format!("{name} is {issuer} now, and {} vouched for you at {server}", grant.identity_provider);
        return Err(Error::login_needed(why, server));
    }
    let subject = subject(app, &login)?;
    Ok(Vouching { client: login.client, subject, endpoints: login.facts.endpoints, url: login.facts.url })
}

/// What says who the person is, of a login at the identity provider.
fn subject(app: &App, login: &Login) -> Result<Subject, Error> {
    let id_token = login.tokens.extra.get("id_token").and_then(|token| token.as_str());
    let lives = |token: &&str| exchange::end_of(token).is_none_or(|end| app.now() < end);
    match (id_token.filter(lives), &login.tokens.refresh_token) {
        (Some(token), _) => Ok(Subject::IdToken(Assertion::new(token))),
        (None, Some(token)) => Ok(Subject::RefreshToken(Assertion::new(token.expose()))),
        (None, None) => {
            let key = login.key();
            Err(Error::login_needed(format!("the ID token of {} has ended", key.server), key))
        }
    }
}

/// On a thread of its own: what a refresh does there runs to its end before this one goes on.
fn apart(app: &App, key: &LoginKey, fresh_login: FreshLogin) -> Result<Login, Error> {
    std::thread::scope(|scope| scope.spawn(|| fresh_login(app, key)).join())
        .unwrap_or_else(|_| Err(Error::Unforeseen("a refresh broke off".into())))
}

/// The way to an identity provider: the user named it, so it may be as local as it likes.
pub(super) fn http_to(app: &App, issuer: &Issuer) -> Result<Http, Error> {
    let url: ServerUrl = issuer.as_str().parse()?;
    Ok(app.http(&url))
}
