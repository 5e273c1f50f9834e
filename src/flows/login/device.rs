//! The device grant: nothing is opened and nobody listens here. A person types a code in a browser elsewhere.

use std::time::{Duration, Instant};

use super::{Obtained, Signing, Trouble, client, count};
use crate::error::Error;
use crate::flows::remote;
use crate::model::{ClientRegistration, Endpoints, Grant};
use crate::oauth;
use crate::oauth::device::{self, Decision, DeviceAuthorization, Pace};
use crate::oauth::registration::Wanted;
use crate::oauth::token::{Asking, Granted};
use crate::peer_text::PeerText;

/// Asks for a code, shows it, and waits until somebody has typed it.
pub(super) async fn obtain(signing: &Signing<'_>) -> Result<Obtained, Trouble> {
    let endpoints = signing.found.issuer.endpoints();
    let endpoint = endpoints.device_authorization.as_ref().ok_or_else(|| {
        let error = oauth::Error::NoDevices(signing.found.issuer.issuer.clone());
        remote(&signing.request.profile.url)(error)
    })?;
    let mut client = become_client(signing).await?;
    let authorization = device::authorize(&asking(signing, &endpoints, &client), endpoint).await;
    let authorization = authorization.map_err(|error| signing.failed(&client.facts, error))?;
    client.facts.auth_method = authorization.auth_method;
    count(signing.app, signing.store, &signing.request.key());
    announce(signing, &authorization);
    let granted = await_decision(signing, &endpoints, &client, &authorization).await?;
    Ok(Obtained::new(client, granted, Grant::Device, signing.dealings.resource.clone()))
}

async fn become_client(signing: &Signing<'_>) -> Result<ClientRegistration, Error> {
    let at_hand = client::at_hand(signing)?;
    let grants = [device::GRANT_TYPE, "refresh_token"];
    let wanted = Wanted { redirect_uri: None, grants: &grants, scope: signing.scope };
    Ok(client::become_one(signing, at_hand, &wanted).await?.registration)
}

/// What is asked, at this moment: a proof says when it was made.
fn asking<'a>(
    signing: &'a Signing<'_>,
    endpoints: &'a Endpoints,
    client: &'a ClientRegistration,
) -> Asking<'a> {
    let applicant = signing.applicant(endpoints, client);
    Asking { applicant, resource: signing.dealings.resource.as_deref(), scope: signing.scope }
}

/// Says what to do on the other device. The warning comes first: whoever was talked into this by somebody else is about
/// to hand over what is theirs (RFC 8628 section 5.4, RFC 10027).
fn announce(signing: &Signing<'_>, authorization: &DeviceAuthorization) {
    let console = &signing.app.console;
    signing.introduce(authorization.page.host_str());
    let code = console.strong(&PeerText::from(authorization.user_code.as_str()).to_string());
    console.show(&format!(
        "\nenter this code only if you have just started this sign-in yourself, and read it to nobody\n\
         \non any device, open\n\n    {}\n\nand enter the code\n\n    {code}\n",
        authorization.page
    ));
    if let Some(page) = &authorization.page_with_code {
        console.show(&format!("or open this address, which brings the code along\n\n    {page}\n"));
    }
    if signing.request.qr {
        console.show_qr(authorization.page_with_code.as_ref().unwrap_or(&authorization.page).as_str());
    }
}

/// Asks at the pace of the issuer until the person has decided, the code ends, or patience does.
async fn await_decision(
    signing: &Signing<'_>,
    endpoints: &Endpoints,
    client: &ClientRegistration,
    authorization: &DeviceAuthorization,
) -> Result<Granted, Trouble> {
    let Signing { app, request, .. } = signing;
    let lifetime = authorization.lifetime.unwrap_or(Duration::MAX);
    let until = Instant::now() + lifetime.min(request.timeout);
    let _waiting = app.console.waiting("waiting until you have entered the code", None, until);
    let mut pace = Pace::new(authorization.interval);
    let mut pause = pace.pause();
    loop {
        tokio::time::sleep_until((Instant::now() + pause).min(until).into()).await;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ended(signing, lifetime).into());
        }
        match device::ask(&asking(signing, endpoints, client), authorization, left).await {
            Ok(Decision::Granted(granted)) => return Ok(*granted),
            Ok(Decision::Pending) => pace.go_on(),
            Ok(Decision::TooEarly) => pace.slow_down(),
            Err(error) if error.is_passing() => {
                pace.fail();
                pause = Duration::from_secs(error.retry_after().unwrap_or(0)).max(pace.pause());
                app.console.detail(&format!("{error}; asking again in {} s", pause.as_secs()));
                continue;
            }
            Err(error) => return Err(signing.failed(&client.facts, error)),
        }
        pause = pace.pause();
    }
}

/// Whose time has run out: the code's or the person's.
fn ended(signing: &Signing<'_>, lifetime: Duration) -> Error {
    let Signing { request, command, .. } = signing;
    if lifetime <= request.timeout {
        return remote(&request.profile.url)(oauth::Error::CodeEnded);
    }
    Error::TimedOut { seconds: request.timeout.as_secs(), command: (*command).to_owned() }
}
