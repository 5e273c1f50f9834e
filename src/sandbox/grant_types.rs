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

/// RFC 7523 section 2.1.
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// RFC 8693 section 2.1.
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The grants that the issuer offers now, as its metadata lists them.
pub(super) fn offered(ledger: &Ledger) -> Vec<&'static str> {
    let options = &ledger.options;
    let unattended = ledger.clients.values().any(|client| client.may(CLIENT_CREDENTIALS));
    let on_request = [
        (DEVICE_CODE, options.device),
        (CLIENT_CREDENTIALS, unattended),
        (JWT_BEARER, !options.trusted_issuers.is_empty()),
        (TOKEN_EXCHANGE, !options.exchanges.is_empty()),
    ];
    let on_request = on_request.into_iter().filter(|(_, on)| *on).map(|(grant_type, _)| grant_type);
    [AUTHORIZATION_CODE, REFRESH_TOKEN].into_iter().chain(on_request).collect()
}
