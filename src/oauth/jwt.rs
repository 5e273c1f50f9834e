//! Signed statements (RFC 7515, RFC 7518, RFC 7519): keys as people have them, and the compact form that is sent.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::error::KeyRejected;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Serialize;
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

use super::Error;
use crate::files;
use crate::model::grant::SigningAlgorithm;
use crate::secret::{Assertion, ClientKey};

/// Bytes of a `jti`: as many as make it unique for all time.
const JTI_BYTES: usize = 16;
/// The object identifier of RSA keys, as it is encoded (RFC 8017 appendix A.1).
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// The same of the curve P-256 (RFC 5480 section 2.1.1.1).
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// How the public half begins in a private key of that curve: a bit string in an element of its own (RFC 5915 section 3).
const P256_POINT: &[u8] = &[0xa1, 0x44, 0x03, 0x42, 0x00];
/// How PKCS #8 begins for a key of that curve: version 0, the algorithm, the curve (RFC 5958 section 2).
const P256_PKCS8: &[u8] = &[
    0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
];
/// Where in PKCS #8 the algorithm is named, at the latest.
const PKCS8_HEAD: usize = 48;

/// A key that signs.
pub(super) enum SigningKey {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

/// What the header of a statement says beside the algorithm (RFC 7515 section 4.1).
#[derive(Default)]
pub(super) struct Header<'a> {
    /// What kind of statement it is.
    pub(super) typ: &'a str,
    /// The name of the key at whoever reads it.
    pub(super) kid: Option<&'a str>,
    /// The public half of the key itself, for whoever has never seen it.
    pub(super) jwk: Option<Value>,
}

#[derive(Serialize)]
struct WrittenHeader<'a> {
    alg: &'a str,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwk: Option<&'a Value>,
}

impl SigningKey {
    /// Reads a private key: RSA as PKCS #8 or PKCS #1, P-256 as PKCS #8 or SEC 1.
    pub(super) fn from_pem(key: &ClientKey) -> Result<Self, Error> {
        let text = key.expose();
        if let Some(why) = what_it_is_instead(text) {
            return Err(Error::BadKey(why));
        }
        let mut key =
            PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| Error::BadKey("it is damaged"))?;
        let read = match &key {
            PrivateKeyDer::Pkcs1(der) => rsa(RsaKeyPair::from_der(der.secret_pkcs1_der())),
            PrivateKeyDer::Sec1(der) => from_sec1(der.secret_sec1_der()),
            PrivateKeyDer::Pkcs8(der) => Self::from_pkcs8(der.secret_pkcs8_der()),
            _ => Err(Error::BadKey("it is of an unknown form")),
        };
        key.zeroize();
        read
    }

    /// Reads a private key in PKCS #8.
    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        let head = &der[..der.len().min(PKCS8_HEAD)];
        if holds(head, RSA) {
            rsa(RsaKeyPair::from_pkcs8(der))
        } else if holds(head, P256) {
            let read = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new());
            // The library says of a key without its public half only that it cannot read it.
            let missing = !holds(der, P256_POINT);
            let why = |error| if missing { "its public half is missing" } else { flaw(error) };
            read.map(Self::Ec).map_err(|error| Error::BadKey(why(error)))
        } else {
            Err(Error::BadKey("it is neither RSA nor of the curve P-256"))
        }
    }

    /// How it signs.
    pub(super) fn algorithm(&self) -> SigningAlgorithm {
        match self {
            Self::Rsa(_) => SigningAlgorithm::Rs256,
            Self::Ec(_) => SigningAlgorithm::Es256,
        }
    }

    /// The public half: for P-256 the point, uncompressed.
    pub(super) fn public(&self) -> &[u8] {
        match self {
            Self::Rsa(key) => key.public_key().as_ref(),
            Self::Ec(key) => key.public_key().as_ref(),
        }
    }

    /// The statement in its compact form (RFC 7515 section 7.1).
    pub(super) fn sign(&self, header: &Header<'_>, claims: &Value) -> Result<Assertion, Error> {
        let Header { typ, kid, jwk } = header;
        let header = WrittenHeader { alg: self.algorithm().name(), typ, kid: *kid, jwk: jwk.as_ref() };
        let header = serde_json::to_vec(&header).map_err(|_| unsigned())?;
        let mut text =
            format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims.to_string().as_bytes()));
        let signature = self.signature(text.as_bytes())?;
        text.push('.');
        BASE64URL.encode_string(signature, &mut text);
        Ok(Assertion::new(text))
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(|_| unsigned())?;
                Ok(signature)
            }
            Self::Ec(key) => key
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| unsigned()),
        }
    }
}

/// An identifier that no other statement has (RFC 7519 section 4.1.7).
pub(super) fn fresh_id() -> Result<String, Error> {
    files::random::<JTI_BYTES>().map(|bytes| BASE64URL.encode(bytes)).map_err(|_| unsigned())
}

fn unsigned() -> Error {
    Error::BadKey("the system could not sign with it")
}

/// What somebody may give who was asked for a private key in PEM.
fn what_it_is_instead(text: &str) -> Option<&'static str> {
    let begins = |name: &str| text.contains(&format!("-----BEGIN {name}-----"));
    Some(match text.trim_start() {
        _ if text.contains("ENCRYPTED") => "it is encrypted",
        _ if begins("OPENSSH PRIVATE KEY") => "it is in a form of OpenSSH's own",
        _ if begins("PRIVATE KEY") || begins("RSA PRIVATE KEY") || begins("EC PRIVATE KEY") => return None,
        _ if begins("PUBLIC KEY") || begins("RSA PUBLIC KEY") => "it is a public key",
        _ if begins("CERTIFICATE") => "it is a certificate",
        trimmed if trimmed.starts_with('{') => "it is JSON, not PEM",
        _ => "it is not a private key in PEM",
    })
}

fn rsa(read: Result<RsaKeyPair, KeyRejected>) -> Result<SigningKey, Error> {
    read.map(SigningKey::Rsa).map_err(|error| Error::BadKey(flaw(error)))
}

/// SEC 1 is what PKCS #8 wraps; the library reads only the wrapped form (RFC 5915 section 3, RFC 5958 section 2).
fn from_sec1(der: &[u8]) -> Result<SigningKey, Error> {
    if !holds(der, P256) {
        return Err(Error::BadKey("it is of another curve than P-256"));
    }
    let inner = element(0x04, &[der]);
    SigningKey::from_pkcs8(&element(0x30, &[P256_PKCS8, &inner]))
}

/// One element in DER.
fn element(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut der = Zeroizing::new(Vec::with_capacity(length + 4));
    let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    // DER wants the shortest form.
    match (high, low) {
        (0, ..0x80) => der.extend([tag, low]),
        (0, _) => der.extend([tag, 0x81, low]),
        _ => der.extend([tag, 0x82, high, low]),
    }
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

fn holds(der: &[u8], part: &[u8]) -> bool {
    der.windows(part.len()).any(|window| window == part)
}

/// What is wrong with a key, by the library's own words for it.
fn flaw(error: KeyRejected) -> &'static str {
    match error.to_string().as_str() {
        "TooSmall" => "it is RSA of less than 2048 bits",
        "TooLarge" => "it is RSA of more than 4096 bits",
        _ => "it is damaged",
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{
        ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
    };
    use serde_json::json;

    use super::*;

    const P256_IN_PKCS8: &str = include_str!("../../tests/fixtures/keys/ec.pem");
    const P256_IN_SEC1: &str = include_str!("../../tests/fixtures/keys/ec-sec1.pem");
    const RSA_IN_PKCS8: &str = include_str!("../../tests/fixtures/keys/rsa.pem");
    const RSA_IN_PKCS1: &str = include_str!("../../tests/fixtures/keys/rsa-pkcs1.pem");

    fn read(pem: &str) -> Result<SigningKey, Error> {
        SigningKey::from_pem(&ClientKey::new(pem))
    }

    fn why_not(pem: &str) -> &'static str {
        match read(pem) {
            Err(Error::BadKey(why)) => why,
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("it was read"),
        }
    }

    /// MCP 38.
    #[test]
    fn whoever_has_the_public_half_can_check_what_was_signed() {
        let es256: &dyn VerificationAlgorithm = &ECDSA_P256_SHA256_FIXED;
        let rs256: &dyn VerificationAlgorithm = &RSA_PKCS1_2048_8192_SHA256;
        for (pem, name, algorithm) in [
            (P256_IN_PKCS8, "ES256", es256),
            (P256_IN_SEC1, "ES256", es256),
            (RSA_IN_PKCS8, "RS256", rs256),
            (RSA_IN_PKCS1, "RS256", rs256),
        ] {
            let key = read(pem).ok().unwrap();
            let header = Header { typ: "test+jwt", kid: Some("k1"), jwk: None };
            let signed = key.sign(&header, &json!({ "sub": "ana" })).ok().unwrap();
            let (message, signature) = signed.expose().rsplit_once('.').unwrap();
            let signature = BASE64URL.decode(signature).unwrap();
            let public = UnparsedPublicKey::new(algorithm, key.public());
            assert!(public.verify(message.as_bytes(), &signature).is_ok(), "{name}");
            let (header, claims) = message.split_once('.').unwrap();
            let said = |part| serde_json::from_slice::<Value>(&BASE64URL.decode(part).unwrap()).unwrap();
            assert_eq!(said(header), json!({ "alg": name, "typ": "test+jwt", "kid": "k1" }));
            assert_eq!(said(claims), json!({ "sub": "ana" }));
        }
    }

    #[test]
    fn one_key_is_the_same_however_it_is_written() {
        let same =
            |one: &str, other: &str| read(one).ok().unwrap().public() == read(other).ok().unwrap().public();
        assert!(same(RSA_IN_PKCS8, RSA_IN_PKCS1) && !same(P256_IN_PKCS8, P256_IN_SEC1));
        // As editors and terminals leave them: with lines of Windows, and with words around.
        assert!(same(P256_IN_PKCS8, &P256_IN_PKCS8.replace('\n', "\r\n")));
        assert!(same(P256_IN_PKCS8, &format!("my key\n\n{P256_IN_PKCS8}\n")));
    }

    #[test]
    fn a_key_that_is_none_is_refused_in_words_that_repeat_none_of_it() {
        assert_eq!(why_not(""), "it is not a private key in PEM");
        assert_eq!(why_not("ssh-ed25519 AAAA ana@box"), "it is not a private key in PEM");
        assert_eq!(why_not(&P256_IN_PKCS8.replace("PRIVATE KEY", "CERTIFICATE")), "it is a certificate");
        assert_eq!(
            why_not(&P256_IN_PKCS8.replace("PRIVATE", "OPENSSH PRIVATE")),
            "it is in a form of OpenSSH's own"
        );
        let encrypted = RSA_IN_PKCS1.replacen('\n', "\nProc-Type: 4,ENCRYPTED\n", 1);
        assert_eq!(why_not(&encrypted), "it is encrypted");
        assert_eq!(why_not(&RSA_IN_PKCS8.replacen("MII", "MIJ", 1)), "it is damaged");
        let begun = &P256_IN_PKCS8[..P256_IN_PKCS8.len() / 2];
        assert_eq!(why_not(begun), "it is damaged");
    }

    /// MCP 38.
    #[test]
    fn no_two_statements_have_the_same_name() {
        let (one, other) = (fresh_id().ok().unwrap(), fresh_id().ok().unwrap());
        assert!(one != other && BASE64URL.decode(one).unwrap().len() == JTI_BYTES);
    }
}
