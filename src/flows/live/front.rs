//! A proxy in front of the servers of a command, which then needs no token at all.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Prepared, Scene, Source, add};
use crate::error::Error;
use crate::flows::exec::{self, Planned};
use crate::flows::proxy::{self, ProxyRequest};
use crate::flows::session;
use crate::model::ServerArg;

/// Refuses what would give the command a token after all.
pub(super) fn check(fixed: &[Planned]) -> Result<(), Error> {
    let secret = fixed.iter().find(|planned| planned.field.is_some_and(|field| !session::is_public(field)));
    secret.map_or(Ok(()), |planned| {
        Err(Error::Usage {
            message: format!("with --proxy the command gets no token, so {} cannot be set", planned.variable),
            hint: "leave the field out, as in -e VAR=SERVER; then VAR_URL leads to the server".into(),
        })
    })
}

/// Opens the proxy and tells the command where each of its servers is found there. The secret is part of the URL, because
/// many programs take a URL and nothing else; it is worth nothing once the command has ended.
pub(super) async fn open(scene: &Scene, prepared: &mut Prepared) -> Result<(), Error> {
    let plan = exec::plan(&scene.app, &scene.request)?;
    let flowing = || plan.iter().filter(|planned| planned.field.is_none());
    let mut servers: Vec<_> = flowing().map(|planned| planned.key.server.clone()).collect();
    servers.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    servers.dedup();
    let servers = servers.into_iter().map(ServerArg::Name).collect();
    let request =
        ProxyRequest { secret_in_path: true, ..ProxyRequest::new(servers, scene.request.account.clone()) };
    let proxy = proxy::start(Arc::clone(&scene.app), request).await?;
    for planned in flowing() {
        let secret = proxy.secret().map_or("", |secret| secret.expose());
        if let Some(mask) = &scene.request.mask {
            mask.learn(secret);
        }
        let url = format!("{}/{secret}/{}", proxy.origin(), planned.key.server);
        add(&mut prepared.variables, format!("{}_URL", planned.variable), Zeroizing::new(url))?;
    }
    prepared.sources.push(Source::Proxy(proxy));
    Ok(())
}
