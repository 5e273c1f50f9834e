//! What helps a person whose browser is on another machine: it cannot come back to the listener here by itself.

use url::Url;

use super::Signing;
use crate::browser::{Elsewhere, SshWay};
use crate::model::is_loopback;
use crate::wording::quoted;

/// Says what helps, if the browser is elsewhere and anything does.
pub(super) fn advise(signing: &Signing<'_>, redirect_uri: &str) {
    let Some(elsewhere) = signing.app.ports.browser.elsewhere() else { return };
    // Whoever settled another address has found a way of his own.
    let Some(listener) = Url::parse(redirect_uri).ok().filter(is_loopback) else { return };
    let ways: Vec<String> = [forwarding(&elsewhere, &listener), pasting(signing), device(signing)]
        .into_iter()
        .flatten()
        .collect();
    if ways.is_empty() {
        return;
    }
    let console = &signing.app.console;
    console
        .say("\nyour browser is probably on another machine and cannot come back to this one; what helps:");
    for way in &ways {
        console.say(&format!("  - {way}"));
    }
    console.say("");
}

/// The tunnel through which the browser reaches the listener, to be opened before the page is.
fn forwarding(elsewhere: &Elsewhere, listener: &Url) -> Option<String> {
    let Elsewhere::Ssh(Some(SshWay { address, port, user })) = elsewhere else { return None };
    let (host, own) = (listener.host_str()?, listener.port()?);
    let tunnel = quoted(&format!("{own}:{host}:{own}"));
    let port = if *port == 22 { String::new() } else { format!(" -p {port}") };
    let user = user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
    Some(format!("first run there `ssh -L {tunnel}{port} {user}{address}`"))
}

/// The box that a terminal has anyway.
fn pasting(signing: &Signing<'_>) -> Option<String> {
    let is_there = signing.app.ports.terminal.is_interactive();
    is_there.then(|| "paste here the address of the page that then fails to load".to_owned())
}

/// The sign-in that needs no way back.
fn device(signing: &Signing<'_>) -> Option<String> {
    signing.found.issuer.device_authorization_endpoint.as_ref()?;
    Some(format!("start again by a code: `{} --device`", signing.command))
}
