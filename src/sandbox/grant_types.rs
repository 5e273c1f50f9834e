//! The grants by their names in the standards.

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
