//! The documents by which the issuer and the server are found: RFC 8414, OIDC Discovery, RFC 9728.

use serde_json::{Value, json};

use super::grant_types::offered;
use super::ledger::Ledger;
use super::options::{Dpop, Fault};
use super::wire::Answer;

/// The document at a well-known path, or 404.
pub(super) fn answer(ledger: &Ledger, path: &str) -> Answer {
    let options = &ledger.options;
    let document = match path {
        "/.well-known/oauth-protected-resource/mcp" | "/.well-known/oauth-protected-resource" => {
            options.resource_metadata.then(|| resource(ledger))
        }
        "/.well-known/oauth-authorization-server" => {
            (options.issuer_metadata && !options.openid_only).then(|| issuer(ledger))
        }
        "/.well-known/openid-configuration" => options.issuer_metadata.then(|| openid(ledger)),
        _ => None,
    };
    match document {
        Some(document) => Answer::json(200, &document),
        None => Answer::json(404, &json!({ "error": "not_found" })),
    }
}

/// Protected resource metadata (RFC 9728 section 2).
fn resource(ledger: &Ledger) -> Value {
    let elsewhere = ledger.suffers(|fault| matches!(fault, Fault::WrongResource));
    let resource = if elsewhere { "https://elsewhere.example/mcp".into() } else { ledger.mcp_url() };
    let mut document = json!({
        "resource": resource,
        "resource_name": "Sandbox",
        "authorization_servers": [ledger.origin],
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
        "issuer": if elsewhere { "https://elsewhere.example" } else { origin },
        "authorization_endpoint": format!("{origin}/authorize"),
        "token_endpoint": format!("{origin}/token"),
        "revocation_endpoint": format!("{origin}/revoke"),
        "introspection_endpoint": format!("{origin}/introspect"),
        "userinfo_endpoint": format!("{origin}/userinfo"),
        "jwks_uri": format!("{origin}/jwks"),
        "scopes_supported": ledger.scopes(),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": offered(ledger),
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
