//! Secrets as types with one exit.
//!
//! A [`Secret`] has no `Debug`, no `Display`, no `Serialize` and no `Clone`. Its bytes are wiped when it is
//! dropped. The only way to read one is [`Secret::expose`], so every place where a secret leaves its type can
//! be found by searching for that word.

use std::marker::PhantomData;

use zeroize::Zeroizing;

/// What an access token is sent as: `Authorization: Bearer …` (RFC 6750).
pub type AccessToken = Secret<kind::AccessToken>;
/// Buys new access tokens, once each where the issuer rotates (RFC 6749 section 6).
pub type RefreshToken = Secret<kind::RefreshToken>;
/// The password of a confidential client (RFC 6749 section 2.3.1).
pub type ClientSecret = Secret<kind::ClientSecret>;
/// The private key with which a client signs its assertions (RFC 7523 section 2.2); PEM.
pub type ClientKey = Secret<kind::ClientKey>;
/// The private key that tokens are bound to (RFC 9449); PKCS #8, in base64.
pub type DpopKey = Secret<kind::DpopKey>;
/// A statement about somebody that its bearer can act on: a client's, a platform's, an identity provider's (RFC 7521).
pub type Assertion = Secret<kind::Assertion>;
/// What a device shows the issuer while a person consents elsewhere (RFC 8628 section 3.2).
pub type DeviceCode = Secret<kind::DeviceCode>;
/// Manages one dynamic registration (RFC 7592 section 2).
pub type RegistrationToken = Secret<kind::RegistrationToken>;
/// Proves that the code is redeemed by the one who asked for it (RFC 7636 section 4.1).
pub type CodeVerifier = Secret<kind::CodeVerifier>;
/// What the browser brings back (RFC 6749 section 4.1.2).
pub type AuthorizationCode = Secret<kind::AuthorizationCode>;
/// Ties the redirect to the attempt that started it (RFC 6749 section 10.12).
pub type State = Secret<kind::State>;
/// Opens the local proxy to a client on this machine, for one start of it.
pub type ProxySecret = Secret<kind::ProxySecret>;
/// What a person types to unseal the store.
pub type Passphrase = Secret<kind::Passphrase>;

/// Names for the kinds of [`Secret`]; never constructed.
pub mod kind {
    macro_rules! kinds {
        ($($name:ident)*) => { $(
            #[doc = concat!("Marks a secret as ", stringify!($name), ".")]
            pub enum $name {}
        )* };
    }
    kinds! {
        AccessToken RefreshToken ClientSecret ClientKey DpopKey Assertion DeviceCode RegistrationToken CodeVerifier
        AuthorizationCode State ProxySecret Passphrase
    }
}

/// A text that only one party may see.
pub struct Secret<Kind> {
    text: Zeroizing<String>,
    kind: PhantomData<fn() -> Kind>,
}

impl<Kind> Secret<Kind> {
    /// Takes the text in; from here on it is wiped on drop.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: Zeroizing::new(text.into()), kind: PhantomData }
    }

    /// The one exit. Whoever calls this answers for where the text goes.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// A second copy, for the few places where one secret has two owners: the registration of a client and
    /// the login that it made.
    pub fn duplicate(&self) -> Self {
        Self::new(self.text.as_str())
    }

    /// Compares in constant time, so that a guess learns nothing from how long the answer took.
    pub fn matches(&self, other: &str) -> bool {
        // Comparing digests makes the time independent of where, and how long, the two texts differ.
        let digest = |text: &str| ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        digest(&self.text)
            .as_ref()
            .iter()
            .zip(digest(other).as_ref())
            .fold(0, |difference, (left, right)| difference | (left ^ right))
            == 0
    }
}

/// A 32-byte key that seals the records of the store.
pub struct SealingKey(Zeroizing<[u8; 32]>);

impl SealingKey {
    /// Takes the bytes in; they are wiped on drop.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The one exit, for the cipher and for the key's resting place.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use static_assertions::assert_not_impl_any;

    use super::*;

    assert_not_impl_any!(AccessToken: std::fmt::Debug, std::fmt::Display, serde::Serialize, Clone);
    assert_not_impl_any!(SealingKey: std::fmt::Debug, std::fmt::Display, serde::Serialize, Clone);

    #[test]
    fn only_the_same_text_matches() {
        let state = State::new("abc");
        assert!(state.matches("abc"));
        assert!(!state.matches("abd"));
        assert!(!state.matches("abcd"));
        assert!(!state.matches(""));
    }
}
