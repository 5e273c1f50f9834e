//! Signed tokens that are right, or wrong in one place.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use mcpauth::sandbox::PublicKey;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair, RsaPublicKeyComponents, UnparsedPublicKey,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

/// Made for these tests by `openssl genpkey`; they open nothing.
const RSA: &str = include_str!("../fixtures/keys/rsa.pem");
const RSA_PUBLIC: &str = include_str!("../fixtures/keys/rsa.pub.pem");
const EC: &str = include_str!("../fixtures/keys/ec.pem");
const EC_PUBLIC: &str = include_str!("../fixtures/keys/ec.pub.pem");

pub(crate) enum Signer {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

impl Signer {
    pub(crate) fn es256() -> Self {
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        Self::ec(document.as_ref())
    }

    /// The two keys of the fixtures with the public halves as PEM.
    pub(crate) fn of_fixtures() -> [(Self, PublicKey); 2] {
        let der = |pem: &str| PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        let rsa = RsaKeyPair::from_pkcs8(der(RSA).secret_pkcs8_der()).unwrap();
        [
            (Self::Rs256(rsa), PublicKey::Pem(RSA_PUBLIC.into())),
            (Self::ec(der(EC).secret_pkcs8_der()), PublicKey::Pem(EC_PUBLIC.into())),
        ]
    }

    fn ec(pkcs8: &[u8]) -> Self {
        let random = SystemRandom::new();
        Self::Es256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random).unwrap())
    }

    pub(crate) fn jwk(&self) -> Value {
        match self {
            Self::Es256(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": encoded(&point[1..33]), "y": encoded(&point[33..]) })
            }
            Self::Rs256(pair) => {
                let key = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "n": encoded(&key.n), "e": encoded(&key.e) })
            }
        }
    }

    pub(crate) fn public(&self) -> PublicKey {
        PublicKey::Jwk(self.jwk())
    }

    /// A token with the right `alg` unless the header names another.
    pub(crate) fn sign(&self, mut header: Value, claims: &Value) -> String {
        let random = SystemRandom::new();
        let alg = if matches!(self, Self::Es256(_)) { "ES256" } else { "RS256" };
        header.as_object_mut().unwrap().entry("alg").or_insert(alg.into());
        let signed =
            format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
        let signature = match self {
            Self::Es256(pair) => pair.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{signed}.{}", encoded(&signature))
    }
}

pub(crate) fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn now() -> i64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(elapsed.as_secs()).unwrap()
}

/// An id that came never before.
pub(crate) fn fresh_id() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static LAST: AtomicU64 = AtomicU64::new(0);
    format!("id-{}", LAST.fetch_add(1, Ordering::Relaxed))
}

/// The same claims with some others; `null` takes one out.
pub(crate) fn changed(mut claims: Value, changes: &Value) -> Value {
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(members.remove(name)),
            value => drop(members.insert(name.clone(), value.clone())),
        }
    }
    claims
}

/// The claims of a token that the key signed with ES256.
pub(crate) fn read(jwt: &str, jwk: &Value) -> Value {
    let decoded = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    let member = |name: &str| decoded(jwk[name].as_str().unwrap());
    let point = [vec![4], member("x"), member("y")].concat();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    key.verify(signed.as_bytes(), &decoded(signature)).unwrap();
    serde_json::from_slice(&decoded(signed.split_once('.').unwrap().1)).unwrap()
}
