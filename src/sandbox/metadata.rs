//! The documents by which the issuer and the server are found: RFC 8414, OIDC Discovery, RFC 9728.

use serde_json::{Value, json};

use super::exchange::ID_JAG_TYPE;
use super::ledger::Ledger;
use super::options::{Dpop, Fault};
use super::wire::Answer;

/// The document at a well-known path, or 404.
pub(super) fn answer(ledger: &Ledger, path: &str) -> Answer {
    let document = match path.strip_prefix("/.well-known/oauth-protected-resource") {
        Some(door) if matches!(door, "" | "/mcp" | "/sse" | "/ws") => {
            ledger.options.resource_metadata.then(|| resource(ledger, door))
        }
        _ => of_issuer(ledger, path),
    };
    match document {
        Some(document) => Answer::json(200, &document),
        None => Answer::json(404, &json!({ "error": "not_found" })),
    }
}

/// The issuer's metadata at the places where it has them: with the path of the issuer put in (RFC 8414 section 3.1),
/// and with it in front (OIDC Discovery section 4).
fn of_issuer(ledger: &Ledger, path: &str) -> Option<Value> {
    let options = &ledger.options;
    let own = options.issuer_path.as_deref().unwrap_or_default();
    let oauth = format!("/.well-known/oauth-authorization-server{own}");
    let inserted = format!("/.well-known/openid-configuration{own}");
    let appended = format!("{own}/.well-known/openid-configuration");
    let only_appended = options.path_appended && !own.is_empty();
    if !options.issuer_metadata {
        None
    } else if path == oauth {
        (!options.openid_only && !only_appended).then(|| issuer(ledger))
    } else {
        (path == appended || (path == inserted && !only_appended)).then(|| openid(ledger))
    }
}

/// Protected resource metadata (RFC 9728 section 2) of the MCP server, by one of the ways in.
fn resource(ledger: &Ledger, door: &str) -> Value {
    let own = if door.is_empty() { ledger.mcp_url() } else { format!("{}{door}", ledger.origin) };
    let elsewhere = ledger.suffers(|fault| matches!(fault, Fault::WrongResource));
    let resource = if elsewhere { "https://elsewhere.example/mcp".into() } else { own };
    let named = ledger.options.authorization_servers.clone();
    let mut document = json!({
        "resource": resource,
        "resource_name": "Sandbox",
        "authorization_servers": named.unwrap_or_else(|| vec![ledger.issuer_url()]),
        "scopes_supported": ledger.options.scopes_supported,
        "bearer_methods_supported": ["header"],
    });
    if ledger.options.dpop != Dpop::Off {
        document["dpop_signing_alg_values_supported"] = json!(["ES256"]);
        document["dpop_bound_access_tokens_required"] = (ledger.options.dpop == Dpop::Required).into();
    }
    document
}

/// Authorization server metadata (RFC 8414 section 2).
fn issuer(ledger: &Ledger) -> Value {
    let (origin, options) = (&ledger.origin, &ledger.options);
    let elsewhere = ledger.suffers(|fault| matches!(fault, Fault::WrongIssuer));
    let mut document = json!({
        "issuer": if elsewhere { "https://elsewhere.example".into() } else { ledger.issuer() },
        "authorization_endpoint": format!("{origin}/authorize"),
        "token_endpoint": format!("{origin}/token"),
        "revocation_endpoint": format!("{origin}/revoke"),
        "introspection_endpoint": format!("{origin}/introspect"),
        "userinfo_endpoint": format!("{origin}/userinfo"),
        "jwks_uri": format!("{origin}/jwks"),
        "scopes_supported": ledger.scopes(),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ledger.grants_offered(),
        "token_endpoint_auth_methods_supported": ledger.auth_methods(),
        "revocation_endpoint_auth_methods_supported": ledger.auth_methods(),
        "client_id_metadata_document_supported": options.metadata_documents,
    });
    if ledger.auth_methods().contains(&"private_key_jwt") {
        document["token_endpoint_auth_signing_alg_values_supported"] = json!(["ES256", "RS256"]);
    }
    if options.dpop != Dpop::Off {
        document["dpop_signing_alg_values_supported"] = json!(["ES256"]);
    }
    if !options.trusted_issuers.is_empty() {
        let profile = "urn:ietf:params:oauth:grant-profile:id-jag";
        document["authorization_grant_profiles_supported"] = json!([profile]);
    }
    if !options.exchanges.is_empty() {
        document["identity_chaining_requested_token_types_supported"] = json!([ID_JAG_TYPE]);
    }
    if options.registration {
        document["registration_endpoint"] = format!("{origin}/register").into();
    }
    if options.device {
        document["device_authorization_endpoint"] = format!("{origin}/device_authorization").into();
    }
    if options.advertise_pkce {
        document["code_challenge_methods_supported"] = json!(["S256"]);
    }
    if options.advertise_iss {
        document["authorization_response_iss_parameter_supported"] = true.into();
    }
    document
}

/// The same with what OIDC Discovery section 3 requires beyond it.
fn openid(ledger: &Ledger) -> Value {
    let mut document = issuer(ledger);
    document["subject_types_supported"] = json!(["public"]);
    document["id_token_signing_alg_values_supported"] = json!(["ES256"]);
    document
}
