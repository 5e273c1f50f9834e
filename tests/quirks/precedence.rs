//! Who decides: the user, then what is known of the issuer, then the standards.

use mcpauth::config::{ResourceChoice, ServerProfile};
use mcpauth::flows::dealings::{self, Dealings};
use mcpauth::model::Issuer;
use mcpauth::oauth::discovery::{Discovery, News, Trace};
use mcpauth::oauth::metadata::{IssuerMetadata, ResourceMetadata};
use serde_json::{Value, json};

const SERVER: &str = "https://mcp.example/mcp";

fn profile(quirks: Option<&[&str]>) -> ServerProfile {
    let quirks = quirks.map(|names| names.iter().map(ToString::to_string).collect());
    ServerProfile { quirks, ..ServerProfile::new("box".parse().unwrap(), SERVER.parse().unwrap()) }
}

/// What discovery finds at an issuer that publishes this beside what it must.
fn found_at(issuer: &str, more: &Value) -> Discovery {
    let mut document = json!({ "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token") });
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let issuer: IssuerMetadata = serde_json::from_value(document).unwrap();
    let resource: ResourceMetadata =
        serde_json::from_value(json!({ "resource": SERVER, "scopes_supported": ["read"] })).unwrap();
    Discovery {
        challenge: None,
        resource_metadata: Some(resource),
        issuer,
        resource: Some(SERVER.into()),
        legacy: false,
        news: News::default(),
    }
}

fn found(issuer: &str) -> Discovery {
    found_at(issuer, &json!({}))
}

fn settled(profile: &ServerProfile, found: &Discovery) -> (Dealings, Vec<String>) {
    let mut trace = Trace::default();
    let dealings = dealings::settle(profile, found, &mut trace);
    (dealings, trace.0.iter().map(ToString::to_string).collect())
}

const ENTRA: &str = "https://login.microsoftonline.com/t/v2.0";

#[test]
fn an_issuer_of_which_nothing_is_known_is_dealt_with_by_the_standards() {
    let (dealings, steps) = settled(&profile(None), &found("https://issuer.example"));
    assert_eq!(dealings.resource.as_deref(), Some(SERVER));
    assert_eq!(dealings.scope.to_string(), "read");
    assert!(dealings.registration && !dealings.assume_pkce && !dealings.refresh_scope);
    assert!(dealings.auth_params.is_empty() && dealings.callback_host.is_none());
    assert!(steps.is_empty(), "{steps:?}");
}

#[test]
fn a_known_issuer_is_met_by_its_host_and_every_decision_is_told_with_its_flag() {
    let (dealings, steps) = settled(&profile(None), &found(ENTRA));
    assert_eq!(dealings.resource, None);
    assert!(dealings.assume_pkce && dealings.refresh_scope && !dealings.registration);
    let told = steps.join("\n");
    for words in [
        "resource parameter\n    → not sent",
        "--resource",
        "--refresh-scope",
        "--client-id",
        "--assume-pkce",
        "--quirks",
        "mcp-remote#217",
    ] {
        assert!(told.contains(words), "no `{words}` in {told}");
    }
}

#[test]
fn the_page_where_people_sign_in_is_as_good_as_the_issuer() {
    let page = "https://pool.auth.eu-west-1.amazoncognito.com/oauth2/authorize";
    let issuer = "https://cognito-idp.eu-west-1.amazonaws.com/pool";
    let (dealings, _) =
        settled(&profile(None), &found_at(issuer, &json!({ "authorization_endpoint": page })));
    assert!(dealings.assume_pkce);
}

#[test]
fn none_goes_before_the_host_and_a_name_stands_for_it_elsewhere() {
    let (dealings, steps) = settled(&profile(Some(&[])), &found(ENTRA));
    assert_eq!(dealings.resource.as_deref(), Some(SERVER));
    assert!(!dealings.assume_pkce && steps.is_empty());
    let (dealings, _) = settled(&profile(Some(&["entra"])), &found("https://sso.example"));
    assert_eq!(dealings.resource, None);
    let (dealings, _) = settled(&profile(Some(&["google"])), &found(ENTRA));
    assert_eq!(dealings.resource.as_deref(), Some(SERVER), "one name takes the place of all others");
    assert_eq!(dealings.auth_params["access_type"], "offline");
}

#[test]
fn what_the_user_settled_goes_before_what_is_known() {
    let mut own = profile(None);
    own.resource = ResourceChoice::Fixed("api://mine".into());
    own.refresh_scope = Some(false);
    let (dealings, steps) = settled(&own, &found(ENTRA));
    assert_eq!(dealings.resource.as_deref(), Some("api://mine"));
    assert!(!dealings.refresh_scope);
    assert!(!steps.join("\n").contains("not sent"), "what did not happen is not told");

    let mut own = profile(None);
    own.auth_params.insert("prompt".into(), "select_account".into());
    let (dealings, _) = settled(&own, &found("https://accounts.google.com"));
    assert_eq!(dealings.auth_params["prompt"], "select_account");
    assert_eq!(dealings.auth_params["access_type"], "offline");

    let mut own = profile(None);
    own.callback.host = Some("127.0.0.1".into());
    let salesforce = found("https://login.salesforce.com");
    assert_eq!(settled(&own, &salesforce).0.callback_host.as_deref(), Some("127.0.0.1"));
    assert_eq!(settled(&profile(None), &salesforce).0.callback_host.as_deref(), Some("localhost"));

    let mut own = profile(None);
    own.scope = Some("write".into());
    let atlassian = found("https://auth.atlassian.com");
    assert_eq!(settled(&own, &atlassian).0.scope.to_string(), "write");
    assert_eq!(settled(&profile(None), &atlassian).0.scope.to_string(), "read offline_access");
}

#[test]
fn the_audience_is_the_resource_that_is_sent_and_goes_with_it() {
    let auth0 = found("https://tenant.eu.auth0.com");
    assert_eq!(settled(&profile(None), &auth0).0.auth_params["audience"], SERVER);
    let mut own = profile(None);
    own.resource = ResourceChoice::Fixed("urn:mine".into());
    assert_eq!(settled(&own, &auth0).0.auth_params["audience"], "urn:mine");
    own.resource = ResourceChoice::Omitted;
    assert!(settled(&own, &auth0).0.auth_params.is_empty());
    own.auth_params.insert("audience".into(), "urn:other".into());
    own.resource = ResourceChoice::Discovered;
    assert_eq!(settled(&own, &auth0).0.auth_params["audience"], "urn:other");
}

#[test]
fn metadata_that_names_other_methods_of_pkce_is_believed() {
    let plain = found_at(ENTRA, &json!({ "code_challenge_methods_supported": ["plain"] }));
    assert!(!settled(&profile(None), &plain).0.assume_pkce);
    let mut own = profile(None);
    own.assume_pkce = true;
    assert!(settled(&own, &plain).0.assume_pkce, "unless the user knows better");
}

#[test]
fn nothing_is_added_to_a_scope_that_the_issuer_chooses() {
    let mut silent = found("https://auth.atlassian.com");
    silent.resource_metadata = None;
    assert!(settled(&profile(None), &silent).0.scope.is_empty());
}

#[test]
fn spellings_of_an_issuer_are_those_of_the_issuer_that_was_asked() {
    let known = |profile: &ServerProfile, asked: &str| -> Vec<String> {
        let spellings = dealings::spellings(profile, &Issuer::new(asked));
        spellings.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        known(&profile(None), "https://login.microsoftonline.com/organizations/v2.0"),
        ["https://login.microsoftonline.com/{tenantid}/v2.0"]
    );
    assert_eq!(known(&profile(None), "https://issuer.example"), [""; 0]);
    assert_eq!(known(&profile(Some(&[])), ENTRA), [""; 0]);
    assert_eq!(
        known(&profile(Some(&["entra"])), "https://sso.example/organizations/v2.0"),
        ["https://sso.example/{tenantid}/v2.0"]
    );
}
