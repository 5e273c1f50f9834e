//! The pages of the device grant: type the code, see what it is for, done (RFC 8628 section 3.3).

use super::books::{Client, Device, display_name};
use super::ledger::Ledger;
use super::pages::{escaped, page, scope_list};
use super::wire::Answer;

/// Asks for the code; `wrong` says what was the matter with the last one.
pub(super) fn type_code(typed: &str, wrong: Option<&str>) -> Answer {
    let typed = escaped(typed);
    let wrong = wrong.map(|why| format!("<p class=\"why\">{}</p>\n", escaped(why))).unwrap_or_default();
    let inside = format!(
        "<h1>Which code does your device show?</h1>\n{wrong}\
         <form method=\"post\" action=\"/device\">\n\
         <p><label>Code <input name=\"user_code\" value=\"{typed}\" autocomplete=\"off\" autofocus></label></p>\n\
         <div class=\"buttons\">\n<button id=\"next\">Next</button>\n</div>\n</form>\n\
         <p class=\"foot\">Go on only if you started this on a device of your own.</p>\n"
    );
    page(if wrong.is_empty() { 200 } else { 400 }, "Sandbox: a code", "consent", &inside, "'self'")
}

/// Asks whether the device may go ahead. `ticket` is the page's one-time proof.
pub(super) fn consent(ledger: &Ledger, client: &Client, device: &Device, ticket: &str) -> Answer {
    let (name, client_id) = (escaped(&client.name), escaped(&client.id));
    let person = escaped(display_name(&ledger.options.sub));
    let (code, resource, scopes) =
        (escaped(&device.user_code), escaped(&device.resource), scope_list(&device.scope));
    let inside = format!(
        "<h1>Let <bdi>{name}</bdi> on another device use your sandbox?</h1>\n\
         <p class=\"lead\">You are signed in as {person}, a made-up person.</p>\n\
         <dl>\n<div><dt>Code</dt><dd><code>{code}</code></dd></div>\n\
         <div><dt>Client</dt><dd><bdi>{name}</bdi><code class=\"quiet\">{client_id}</code></dd></div>\n\
         <div><dt>MCP server</dt><dd><code>{resource}</code></dd></div>\n\
         <div><dt>May</dt><dd>{scopes}</dd></div>\n</dl>\n\
         <form method=\"post\" action=\"/device\">\n<input type=\"hidden\" name=\"ticket\" value=\"{ticket}\">\n\
         <div class=\"buttons\">\n\
         <button id=\"decline\" name=\"decision\" value=\"decline\">Decline</button>\n\
         <button id=\"allow\" name=\"decision\" value=\"allow\">Allow</button>\n</div>\n</form>\n\
         <p class=\"foot\">Decline if somebody sent you this code.</p>\n"
    );
    page(200, "Sandbox: let a device in?", "consent", &inside, "'self'")
}

/// Says how it ended.
pub(super) fn done(status: u16, what: &str) -> Answer {
    let inside = format!("<h1>{}</h1>\n<p class=\"foot\">You can close this page.</p>\n", escaped(what));
    page(status, "Sandbox: a device", "wrong", &inside, "'none'")
}
