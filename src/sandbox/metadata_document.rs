//! Client ids that are URLs: the issuer fetches the document behind them
//! (draft-ietf-oauth-client-id-metadata-document).

use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::Value;
use url::Url;

use super::books::Client;
use super::clients::judge_redirect;
use super::form::Form;
use super::grant_types::AUTHORIZATION_CODE;
use super::ledger::Site;
use super::wire::Request;
use crate::model::is_loopback;

/// The largest document, in bytes.
const LIMIT: usize = 5 * 1024;

/// Fetches the document behind the client id of a request, if that is a URL, and makes the client known.
/// `/authorize` always looks again; elsewhere a known client is left alone. The error is the reason.
pub(super) async fn learn(site: &Site, request: &Request) -> Result<(), String> {
    let form = match request.path.as_str() {
        "/authorize" => Form::parse(request.query.as_bytes()),
        "/token" | "/revoke" | "/introspect" | "/device_authorization" => Form::parse(&request.body),
        _ => return Ok(()),
    };
    let Some(client_id) = form.get("client_id").filter(|id| id.contains("://")) else { return Ok(()) };
    {
        let ledger = site.ledger();
        let known = ledger.clients.contains_key(client_id);
        if !ledger.options.metadata_documents || (known && request.path != "/authorize") {
            return Ok(());
        }
    }
    let url = judge_client_id(client_id)?;
    let document = fetch(url).await?;
    let client = judge_document(client_id, &document)?;
    site.ledger().clients.insert(client.id.clone(), client);
    Ok(())
}

fn judge_client_id(client_id: &str) -> Result<Url, String> {
    let url = Url::parse(client_id).map_err(|error| format!("client id {client_id}: {error}"))?;
    let fetchable = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    let plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    // A URL that parsing changes has dot segments, capitals or a default port: such an id has two spellings.
    if !fetchable || !plain || url.path() == "/" || url.as_str() != client_id {
        return Err(format!("client id {client_id}: must be a plain https URL with a path"));
    }
    Ok(url)
}

async fn fetch(url: Url) -> Result<Value, String> {
    let told = |error: reqwest::Error| format!("cannot read the client's document: {error}");
    // The provider may have been installed by the rest of the program; either way there is one.
    rustls::crypto::ring::default_provider().install_default().ok();
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(5));
    let builder = if is_loopback(&url) { builder.no_proxy() } else { builder };
    let request = builder.build().map_err(told)?.get(url).header("accept", "application/json");
    let response = request.send().await.map_err(told)?;
    let is_json = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim() == "application/json" || kind.trim().ends_with("+json"));
    if response.status() != 200 || !is_json {
        return Err(format!("the client's document came with status {} or is not JSON", response.status()));
    }
    let body = http_body_util::Limited::new(reqwest::Body::from(response), LIMIT);
    let body = body.collect().await.map_err(|_| "the client's document is larger than 5 KiB".to_owned())?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| format!("the client's document: {error}"))
}

fn judge_document(client_id: &str, document: &Value) -> Result<Client, String> {
    let wrong = |why: &str| format!("the client's document: {why}");
    if document["client_id"] != client_id {
        return Err(wrong("client_id is not its own URL"));
    }
    let name = document["client_name"].as_str().ok_or_else(|| wrong("no client_name"))?;
    if document.get("client_secret").is_some() || document.get("client_secret_expires_at").is_some() {
        return Err(wrong("a public document must not hold a secret"));
    }
    if !matches!(document["token_endpoint_auth_method"].as_str(), None | Some("none")) {
        return Err(wrong("token_endpoint_auth_method must be none here"));
    }
    let listed = document["redirect_uris"].as_array().ok_or_else(|| wrong("no redirect_uris"))?;
    let redirect_uris: Option<Vec<String>> =
        listed.iter().map(|uri| uri.as_str().map(str::to_owned)).collect();
    let redirect_uris = redirect_uris.ok_or_else(|| wrong("redirect_uris must be strings"))?;
    let application_type = document["application_type"].as_str().unwrap_or("native");
    redirect_uris.iter().try_for_each(|uri| judge_redirect(uri, application_type))?;
    let grant_types = document["grant_types"]
        .as_array()
        .map(|types| types.iter().filter_map(|grant| grant.as_str().map(str::to_owned)).collect::<Vec<_>>());
    Ok(Client {
        id: client_id.into(),
        name: name.into(),
        secret: None,
        key: None,
        redirect_uris,
        auth_method: Some("none".into()),
        grant_types: grant_types.unwrap_or_else(|| vec![AUTHORIZATION_CODE.into()]),
        management_token: None,
        metadata: document.clone(),
    })
}
