//! Clients: where they may be redirected to, and how they prove themselves.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use url::{Host, Url};

use super::assertions;
use super::books::Client;
use super::form::Form;
use super::ledger::Ledger;
use super::wire::{Refusal, Request};
use crate::model::is_loopback;

/// Whether a redirect URI is one of the client's. As strings; with `any_loopback_port`, a loopback address
/// may come with any port (RFC 8252 section 7.3), and `localhost` with any if it was registered without one.
pub(super) fn redirect_is_registered(client: &Client, uri: &str, any_loopback_port: bool) -> bool {
    client.redirect_uris.iter().any(|own| own == uri || (any_loopback_port && equal_but_for_port(own, uri)))
}

fn equal_but_for_port(registered: &str, requested: &str) -> bool {
    let (Ok(mut own), Ok(mut asked)) = (Url::parse(registered), Url::parse(requested)) else { return false };
    let portless = own.port().is_none();
    let is_address = matches!(own.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)));
    if own.scheme() != "http" || !is_loopback(&own) || !(is_address || portless) {
        return false;
    }
    own.set_port(None).is_ok() && asked.set_port(None).is_ok() && own == asked
}

/// Judges a redirect URI at registration: https, http on this machine for a native application, or a
/// private-use scheme with a dot (RFC 8252 section 7.1). The error is the reason.
pub(super) fn judge_redirect(uri: &str, application_type: &str) -> Result<(), String> {
    let url = Url::parse(uri).map_err(|error| format!("redirect URI {uri}: {error}"))?;
    let refuse = |why: &str| Err(format!("redirect URI {uri}: {why}"));
    if url.fragment().is_some() {
        return refuse("has a fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("has a user name or password");
    }
    let web = application_type == "web";
    match url.scheme() {
        "https" if web && is_loopback(&url) => refuse("a web application is not on loopback"),
        "http" if !is_loopback(&url) => refuse("plain http is for loopback only"),
        "http" if web => refuse("a web application must use https"),
        scheme if !matches!(scheme, "https" | "http") && (web || !is_private_use(&url)) => {
            refuse("this scheme is not allowed")
        }
        _ => Ok(()),
    }
}

/// Whether a URL has the scheme of some application, and not one that browsers act upon themselves.
fn is_private_use(url: &Url) -> bool {
    let taken = ["javascript", "data", "vbscript", "file", "about", "blob", "ftp", "ws", "wss"];
    !taken.contains(&url.scheme()) && (url.scheme().contains('.') || url.has_host())
}

/// What a request says about who sends it (RFC 6749 section 2.3).
struct Claim {
    id: String,
    secret: Option<String>,
    assertion: Option<String>,
    method: &'static str,
}

/// Finds the client behind a request and checks that it proves itself by its own method and no other.
pub(super) fn authenticate(ledger: &mut Ledger, request: &Request, form: &Form) -> Result<Client, Refusal> {
    let claim = read_claim(request, form)?;
    let by_header = claim.method == "client_secret_basic";
    ledger.books.last_auth_method = Some(claim.method.into());
    let refuse = |why: String| Refusal::unknown_client(why, by_header);
    let client =
        ledger.clients.get(&claim.id).ok_or_else(|| refuse(format!("unknown client {}", claim.id)))?;
    let expected = match &client.auth_method {
        Some(method) => method.as_str(),
        None if client.is_public() => "none",
        None => claim.method,
    };
    if claim.method != expected {
        return Err(refuse(format!("the client uses {}, not its own method {expected}", claim.method)));
    }
    // Who has no secret is public, whatever is listed: so it is at the large issuers, which list only secrets.
    if !client.is_public() && !ledger.auth_methods().contains(&expected) {
        return Err(refuse(format!("{expected} is not accepted here")));
    }
    let client = client.clone();
    match &claim.assertion {
        Some(assertion) => assertions::check(ledger, &client, assertion)?,
        None if claim.secret != client.secret => return Err(refuse("wrong client secret".into())),
        None => {}
    }
    Ok(client)
}

fn read_claim(request: &Request, form: &Form) -> Result<Claim, Refusal> {
    // An empty secret is none (RFC 6749 section 2.3.1).
    let secret_in_body = form.get("client_secret").filter(|secret| !secret.is_empty());
    let in_body = form.get("client_id");
    let Some(encoded) = request.credentials("Basic") else {
        if let Some(assertion) = form.get("client_assertion") {
            let (id, assertion) = (assertions::claimed_client(form, assertion)?, Some(assertion.to_owned()));
            return Ok(Claim { id, secret: None, assertion, method: "private_key_jwt" });
        }
        let id = in_body.ok_or_else(|| Refusal::unknown_client("no client id", false))?;
        let method = if secret_in_body.is_some() { "client_secret_post" } else { "none" };
        return Ok(Claim {
            id: id.into(),
            secret: secret_in_body.map(str::to_owned),
            assertion: None,
            method,
        });
    };
    let (id, secret) =
        read_basic(encoded).ok_or_else(|| Refusal::unknown_client("malformed Basic header", true))?;
    if secret_in_body.is_some() || form.get("client_assertion").is_some() {
        return Err(Refusal::bad("invalid_request", "two ways of client authentication in one request"));
    }
    if in_body.is_some_and(|other| other != id) {
        return Err(Refusal::bad("invalid_request", "two different client ids in one request"));
    }
    Ok(Claim { id, secret: Some(secret), assertion: None, method: "client_secret_basic" })
}

/// Id and secret of a Basic header: each is form-encoded before the two are joined (RFC 6749 section 2.3.1).
fn read_basic(encoded: &str) -> Option<(String, String)> {
    let bytes = BASE64_STANDARD.decode(encoded).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

/// Undoes form encoding; `None` if a character stands there that should have been encoded.
fn form_decoded(text: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '*' | '-' | '.' | '_' | '+' | '%' | '~');
    if !text.chars().all(plain) {
        return None;
    }
    url::form_urlencoded::parse(text.as_bytes())
        .next()
        .map_or(Some(String::new()), |(name, _)| Some(name.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn client(redirect: &str) -> Client {
        Client {
            id: "c".into(),
            name: "c".into(),
            secret: None,
            key: None,
            redirect_uris: vec![redirect.into()],
            auth_method: None,
            grant_types: Vec::new(),
            management_token: None,
            metadata: Value::Null,
        }
    }

    #[test]
    fn a_redirect_is_compared_as_a_string_unless_any_port_will_do() {
        for (registered, requested, exact, any_port) in [
            ("http://127.0.0.1:1/cb", "http://127.0.0.1:1/cb", true, true),
            ("http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb", false, true),
            ("http://127.0.0.1/cb", "http://127.0.0.1:2/cb", false, true),
            ("http://[::1]/cb", "http://[::1]:2/cb", false, true),
            ("http://localhost/cb", "http://localhost:2/cb", false, true),
            ("http://localhost:1/cb", "http://localhost:2/cb", false, false),
            ("http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb/", false, false),
            ("http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb?a=b", false, false),
            ("http://127.0.0.1:1/cb", "http://localhost:1/cb", false, false),
            ("https://example.com/cb", "https://example.com:2/cb", false, false),
        ] {
            let client = client(registered);
            assert_eq!(redirect_is_registered(&client, requested, false), exact, "{registered} {requested}");
            assert_eq!(
                redirect_is_registered(&client, requested, true),
                any_port,
                "{registered} {requested}"
            );
        }
    }

    #[test]
    fn a_redirect_that_could_leak_a_code_is_not_registered() {
        for (uri, application_type, allowed) in [
            ("http://127.0.0.1:1/cb", "native", true),
            ("http://localhost:1/cb", "native", true),
            ("com.example.app:/cb", "native", true),
            ("cursor://anysphere.cursor/cb", "native", true),
            ("https://example.com/cb", "web", true),
            ("http://127.0.0.1:1/cb", "web", false),
            ("http://example.com/cb", "native", false),
            ("http://127.0.0.1.example.com/cb", "native", false),
            ("https://example.com/cb#part", "web", false),
            ("https://user@example.com/cb", "web", false),
            ("javascript:alert(1)", "native", false),
            ("javascript://example.com/%0aalert(1)", "native", false),
            ("/cb", "native", false),
        ] {
            assert_eq!(judge_redirect(uri, application_type).is_ok(), allowed, "{uri} {application_type}");
        }
    }

    #[test]
    fn a_basic_header_is_form_decoded_on_both_sides_of_the_colon() {
        let read = |text: &str| read_basic(&BASE64_STANDARD.encode(text));
        assert_eq!(read("id%3A1:se%26cret+1"), Some(("id:1".into(), "se&cret 1".into())));
        assert_eq!(read("id:"), Some(("id".into(), String::new())));
        assert_eq!(read("id:a=b"), None);
        assert_eq!(read("no colon"), None);
    }
}
