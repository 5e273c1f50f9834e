//! The grants by their names in the standards, and which of them the issuer offers.

use super::ledger::Ledger;

/// RFC 6749 section 4.1.
pub(super) const AUTHORIZATION_CODE: &str = "authorization_code";
/// RFC 6749 section 6.
pub(super) const REFRESH_TOKEN: &str = "refresh_token";
/// RFC 8628 section 3.4.
pub(super) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// RFC 6749 section 4.4.
pub(super) const CLIENT_CREDENTIALS: &str = "client_credentials";

/// The grants that the issuer offers now, as its metadata lists them.
pub(super) fn offered(ledger: &Ledger) -> Vec<&'static str> {
    let device = ledger.options.device.then_some(DEVICE_CODE);
    let unattended = ledger.clients.values().any(|client| client.may(CLIENT_CREDENTIALS));
    let unattended = unattended.then_some(CLIENT_CREDENTIALS);
    [AUTHORIZATION_CODE, REFRESH_TOKEN].into_iter().chain(device).chain(unattended).collect()
}
