//! Imitations of providers that have ways of their own: two rooms that every request goes through, one before
//! the endpoints and one behind them. The endpoints themselves stay strict and know nothing of it.

use serde_json::{Map, Value, json};
use url::{Host, Url};

use super::form::Form;
use super::ledger::{Ledger, random_text};
use super::options::SandboxOptions;
use super::pages;
use super::ways::{Imitation, imitations};
use super::wire::{Answer, Refusal, Request};

impl SandboxOptions {
    /// The knobs of an imitation, with everything else as it was; `None` if there is no such imitation.
    pub fn imitate(self, name: &str) -> Option<Self> {
        let imitation = imitations().iter().find(|imitation| imitation.name == name)?;
        Some(Self {
            advertise_pkce: self.advertise_pkce && imitation.mentions_pkce,
            // Whoever names himself in every way but one would not name himself in the redirect.
            advertise_iss: self.advertise_iss && imitation.issuer_spelling.is_none(),
            require_resource: self.require_resource && imitation.refuses_resource.is_none(),
            offline_access: self.offline_access || imitation.offline_scope,
            registration: self.registration && imitation.registers,
            metadata_documents: self.metadata_documents && imitation.registers,
            any_loopback_port: self.any_loopback_port || !imitation.registers,
            imitation: Some(imitation.clone()),
            ..self
        })
    }
}

/// Takes the issuer's path out of a path below `/.well-known` or before it: behind this room the issuer has none.
pub(super) fn strip_issuer_path(ledger: &Ledger, path: &str) -> Option<String> {
    let own = ledger.options.imitation.as_ref()?.issuer_path.as_deref()?;
    let own = own.trim_end_matches('/');
    if own.is_empty() {
        return None;
    }
    let inserted = path.strip_suffix(own).filter(|rest| rest.starts_with("/.well-known/o"));
    inserted.or_else(|| path.strip_prefix(own)).map(str::to_owned)
}

/// What the provider refuses before anything else is looked at.
pub(super) fn refuse(ledger: &Ledger, request: &Request) -> Option<Result<Answer, Refusal>> {
    let imitation = ledger.options.imitation.as_ref()?;
    match request.path.as_str() {
        "/authorize" => {
            let form = Form::parse(request.query.as_bytes());
            let stranger = imitation.only_localhost && !form.get("redirect_uri").is_some_and(is_localhost);
            stranger.then(|| Ok(pages::not_redirected(400, "redirect_uri must match configuration")))
        }
        "/register" if imitation.only_localhost => {
            let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let uris = asked["redirect_uris"].as_array().into_iter().flatten();
            let stranger = uris.filter_map(Value::as_str).any(|uri| !is_localhost(uri));
            stranger.then(|| Err(Refusal::bad("invalid_redirect_uri", "Invalid redirect URI")))
        }
        "/token" => refuse_token_request(imitation, &Form::parse(&request.body)).map(Err),
        _ => None,
    }
}

fn is_localhost(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| matches!(url.host(), Some(Host::Domain("localhost"))))
}

fn refuse_token_request(imitation: &Imitation, form: &Form) -> Option<Refusal> {
    let refreshes = form.get("grant_type") == Some("refresh_token");
    match (&imitation.refuses_resource, &imitation.refresh_needs_scope) {
        (Some(why), _) if form.get("resource").is_some() => Some(Refusal::bad("invalid_target", why)),
        (_, Some(why)) if refreshes && form.get("scope").is_none() => {
            Some(Refusal::bad("invalid_request", why))
        }
        _ => None,
    }
}

/// An answer as the provider would give it.
pub(super) fn dress(ledger: &mut Ledger, request: &Request, answer: Answer) -> Answer {
    let Some(imitation) = ledger.options.imitation.clone() else { return answer };
    match request.path.as_str() {
        "/authorize" => dress_redirect(ledger, &imitation, request, answer),
        "/token" => dress_token_answer(ledger, &imitation, answer),
        path if path.starts_with("/.well-known/") => {
            answer.edited(|document| dress_metadata(&ledger.origin, &imitation, document))
        }
        _ => answer,
    }
}

/// A request that brought the resource parameter goes back with an error, if it may go back at all.
fn dress_redirect(ledger: &mut Ledger, imitation: &Imitation, request: &Request, answer: Answer) -> Answer {
    let form = Form::parse(request.query.as_bytes());
    let (Some(why), Some(_)) = (&imitation.refuses_resource, form.get("resource")) else { return answer };
    let redirect = form.get("redirect_uri").and_then(|uri| Url::parse(uri).ok());
    let Some(mut redirect) = redirect.filter(|_| answer.status() < 400) else { return answer };
    ledger.refused(format!("invalid_target: {why}"));
    let state = form.get("state").map(|state| ("state", state));
    let error = [("error", "invalid_target"), ("error_description", why)];
    redirect.query_pairs_mut().extend_pairs(error).extend_pairs(state);
    Answer::empty(302).with("location", String::from(redirect))
}

fn dress_metadata(origin: &str, imitation: &Imitation, document: &mut Map<String, Value>) {
    if let (Some(path), true) = (&imitation.issuer_path, document.contains_key("authorization_servers")) {
        document.insert("authorization_servers".into(), json!([format!("{origin}{path}")]));
    }
    if let (Some(spelling), true) = (&imitation.issuer_spelling, document.contains_key("issuer")) {
        document.insert("issuer".into(), spelling.replace("{origin}", origin).into());
    }
    if let (true, Some(Value::Array(scopes))) =
        (imitation.offline_scope, document.get_mut("scopes_supported"))
    {
        scopes.retain(|scope| scope != "offline_access");
    }
}

/// Which parameters the sign-in page was last called with decides what its tokens are worth: one person at a time.
fn dress_token_answer(ledger: &Ledger, imitation: &Imitation, answer: Answer) -> Answer {
    let asked = ledger.books.last_authorize.clone().unwrap_or_default();
    let ok = answer.status() == 200;
    let offline = |(name, value): &(String, String)| asked.get(name) == Some(value);
    let answer = if imitation.errors_with_200 { answer.with_status(200) } else { answer };
    answer.edited(|document| {
        if imitation.offline_parameter.as_ref().is_some_and(|parameter| !offline(parameter)) {
            document.shift_remove("refresh_token");
        }
        let audience = imitation.audience_parameter.as_ref();
        if ok && audience.is_some_and(|name| asked.get(name) != Some(&ledger.mcp_url())) {
            document.insert("access_token".into(), random_text("sandbox_opaque_").into());
        }
        if let (Some(separator), Some(Value::String(scope))) =
            (&imitation.scope_separator, document.get_mut("scope"))
        {
            *scope = scope.replace(' ', separator);
        }
        if let (Some(member), true) = (&imitation.token_member, ok) {
            nest(document, member);
        }
    })
}

/// Moves what a person got into a member of its own; the answer keeps only the name of the scope, and that is empty.
fn nest(document: &mut Map<String, Value>, member: &str) {
    let inner: Map<String, Value> = std::mem::take(document);
    *document = Map::from_iter([("ok".to_owned(), true.into()), ("scope".to_owned(), "".into())]);
    document.insert(member.to_owned(), inner.into());
}
