//! Grants that a machine asks for by itself: client credentials (RFC 6749 section 4.4) and assertions (RFC 7523 section
//! 2.1). Each function sends one request; what the answer lacks is what was asked for.

use super::Error;
use super::client_auth::Form;
use super::token::{self, Asking, Granted};
use crate::secret::Assertion;

/// The client asks for itself.
pub async fn client_credentials(asking: &Asking<'_>) -> Result<Granted, Error> {
    let form = Form::new("grant_type", "client_credentials");
    token::ask(asking, form, &[]).await
}

/// Somebody that the issuer believes vouches for whoever asks.
pub async fn jwt_bearer(asking: &Asking<'_>, assertion: &Assertion) -> Result<Granted, Error> {
    let form = Form::new("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
        .with("assertion", assertion.expose());
    token::ask(asking, form, &[assertion.expose()]).await
}
