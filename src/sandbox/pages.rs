//! The pages that a person sees: the front, the consent, and the end of a road that leads nowhere.
//!
//! One static sheet of style, no script, nothing from outside; whatever a request said is escaped.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use url::{Host, Url};

use super::books::{AuthorizationRequest, Client, display_name};
use super::ledger::Ledger;
use super::wire::Answer;
use crate::model::ScopeSet;

const STYLE: &str = include_str!("page.css");
const BANNER: &str = "Sandbox issuer &mdash; for development only";

/// A whole page. `form_target` is where its form may lead, in the words of a content security policy.
pub(super) fn page(status: u16, title: &str, class: &str, inside: &str, form_target: &str) -> Answer {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n\
         <main class=\"{class}\">\n<p class=\"banner\">{BANNER}</p>\n<div class=\"inside\">\n{inside}</div>\n</main>\n"
    );
    let style = BASE64_STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action {form_target}; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    Answer::body(status, "text/html; charset=utf-8", html)
        .with("content-security-policy", policy)
        .with("x-frame-options", "DENY")
        .with("cross-origin-opener-policy", "same-origin")
        // Not `no-referrer`: that would make the browser send `Origin: null` with the consent.
        .with("referrer-policy", "same-origin")
}

/// `GET /`
pub(super) fn front(ledger: &Ledger) -> Answer {
    let mcp_url = escaped(&ledger.mcp_url());
    let origin = escaped(&ledger.issuer_url());
    let inside = format!(
        "<h1>mcpauth sandbox</h1>\n\
         <p class=\"lead\">An authorization server and a protected MCP server, to try a client against. Its \
         accounts are made up, its memory ends with the process. Never put it on a network.</p>\n\
         <dl>\n<div><dt>MCP server</dt><dd><code>{mcp_url}</code>\
         <span class=\"quiet\">tools: echo, whoami, admin and others</span></dd></div>\n\
         <div><dt>Issuer</dt><dd><code>{origin}</code></dd></div>\n\
         <div><dt>Try it</dt><dd><code>mcpauth login {mcp_url}</code></dd></div>\n</dl>\n"
    );
    page(200, "mcpauth sandbox", "front", &inside, "'none'")
}

/// The page that asks whether a client may go ahead. `ticket` is its one-time proof.
pub(super) fn consent(
    ledger: &Ledger,
    client: &Client,
    request: &AuthorizationRequest,
    ticket: &str,
) -> Answer {
    let (name, client_id) = (escaped(&client.name), escaped(&client.id));
    let person = escaped(display_name(&ledger.options.sub));
    let (resource, redirect) = (escaped(&request.resource), escaped(&request.redirect_uri));
    let scopes = scope_list(&request.scope);
    let inside = format!(
        "<h1>Let <bdi>{name}</bdi> use your sandbox?</h1>\n\
         <p class=\"lead\">You are signed in as {person}, a made-up person.</p>\n\
         <dl>\n<div><dt>Client</dt><dd><bdi>{name}</bdi><code class=\"quiet\">{client_id}</code></dd></div>\n\
         <div><dt>MCP server</dt><dd><code>{resource}</code></dd></div>\n\
         <div><dt>May</dt><dd>{scopes}</dd></div>\n\
         <div><dt>Then opens</dt><dd><code>{redirect}</code></dd></div>\n</dl>\n\
         <form method=\"post\" action=\"/consent\">\n<input type=\"hidden\" name=\"ticket\" value=\"{ticket}\">\n\
         <div class=\"buttons\">\n\
         <button id=\"decline\" name=\"decision\" value=\"decline\">Decline</button>\n\
         <button id=\"allow\" name=\"decision\" value=\"allow\">Allow</button>\n</div>\n</form>\n\
         <p class=\"foot\">Decline if you did not start this yourself.</p>\n"
    );
    page(200, "Sandbox: let a client in?", "consent", &inside, &form_target(&request.redirect_uri))
}

/// The scopes in words.
pub(super) fn scope_list(scope: &ScopeSet) -> String {
    let mut items = String::new();
    for scope in scope.iter() {
        let meaning = match scope {
            "mcp:basic" => "Use the tools echo and whoami",
            "mcp:admin" => "Use the tool admin",
            "openid" => "Learn who you are",
            "profile" => "See your name",
            "email" => "See your email address",
            "offline_access" => "Stay signed in while you are away",
            _ => "Something only this scope knows",
        };
        // Writing to a string cannot fail.
        let _ = write!(items, "<li>{meaning}<code class=\"quiet\">{}</code></li>", escaped(scope));
    }
    if items.is_empty() { "Nothing in particular".into() } else { format!("<ul>{items}</ul>") }
}

/// Where the consent form leads: here, and on to the client. Browsers hold the redirect after a form to the
/// policy of the form's page, too.
fn form_target(redirect_uri: &str) -> String {
    let client = match Url::parse(redirect_uri) {
        // A policy cannot name an IPv6 address, only its scheme.
        Ok(url) if matches!(url.scheme(), "http" | "https") && !matches!(url.host(), Some(Host::Ipv6(_))) => {
            url.origin().ascii_serialization()
        }
        Ok(url) => format!("{}:", url.scheme()),
        Err(_) => return "'self'".into(),
    };
    format!("'self' {client}")
}

/// The page for a request that must not be answered by redirect, with the reason.
pub(super) fn not_redirected(status: u16, why: &str) -> Answer {
    let inside = format!(
        "<h1>This request goes nowhere</h1>\n\
         <p class=\"lead\">The sandbox does not send you on, because it cannot tell who would receive you.</p>\n\
         <p class=\"why\">{}</p>\n<p class=\"foot\">You can close this page.</p>\n",
        escaped(why)
    );
    page(status, "Sandbox: request refused", "wrong", &inside, "'none'")
}

/// What a hotel network answers in place of whatever was asked.
pub(super) fn captive_portal() -> Answer {
    let html =
        "<!doctype html>\n<title>Welcome to our network</title>\n<p>Please sign in to go online.</p>\n";
    Answer::body(200, "text/html; charset=utf-8", html)
}

/// Text as it may stand in a page, inside or outside of quotes: at most 300 characters, and none that is
/// invisible or turns the line around.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars().take(300) {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
                safe.push('\u{fffd}');
            }
            _ if c.is_control() => safe.push('\u{fffd}'),
            _ => safe.push(c),
        }
    }
    if text.chars().nth(300).is_some() {
        safe.push('…');
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_request_said_becomes_markup() {
        assert_eq!(escaped("<b a=\"x\" b='y'>&"), "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;");
        assert_eq!(escaped("a\u{202e}b\u{7}c\nd"), "a\u{fffd}b\u{fffd}c\u{fffd}d");
        assert_eq!(escaped(&"x".repeat(400)).chars().count(), 301);
    }

    #[test]
    fn the_form_may_lead_on_to_the_client_and_nowhere_else() {
        for (redirect_uri, target) in [
            ("http://127.0.0.1:4000/cb?x=1", "'self' http://127.0.0.1:4000"),
            ("https://example.com/cb", "'self' https://example.com"),
            ("http://[::1]:4000/cb", "'self' http:"),
            ("com.example.app:/cb", "'self' com.example.app:"),
        ] {
            assert_eq!(form_target(redirect_uri), target);
        }
    }
}
