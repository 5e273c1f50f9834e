//! JSON Web Tokens (RFC 7515, RFC 7517, RFC 7519), as far as the sandbox reads and writes them: ES256 and RS256.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::clock::{Clock as _, SystemClock};

/// By how many seconds the clock of a client may be ahead.
const SKEW: i64 = 60;

/// A key by which the sandbox knows somebody again.
#[derive(Clone, Debug)]
pub enum PublicKey {
    /// A JSON Web Key: EC on P-256, or RSA.
    Jwk(Value),
    /// `BEGIN PUBLIC KEY`: the same two kinds.
    Pem(String),
}

impl PublicKey {
    /// Whether this key's other half signed a message. A key that cannot be read has signed nothing.
    fn signed(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Jwk(jwk) => jwk_signed(jwk, algorithm, message, signature),
            Self::Pem(pem) => {
                let info = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).ok();
                let verified = |key: &[u8]| raw_key_signed(key, algorithm, message, signature);
                info.as_deref().and_then(bits_of).is_some_and(verified)
            }
        }
    }
}

fn jwk_signed(jwk: &Value, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
    let member = |name: &str| jwk[name].as_str().and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
    match (algorithm, jwk["kty"].as_str(), jwk["crv"].as_str()) {
        ("ES256", Some("EC"), Some("P-256")) => {
            let (Some(x), Some(y)) = (member("x"), member("y")) else { return false };
            raw_key_signed(&[&[4], &*x, &*y].concat(), algorithm, message, signature)
        }
        ("RS256", Some("RSA"), _) => {
            let (Some(n), Some(e)) = (member("n"), member("e")) else { return false };
            let key = RsaPublicKeyComponents { n, e };
            key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
        }
        _ => false,
    }
}

/// For an uncompressed point, or an RSA key in the form of PKCS#1.
fn raw_key_signed(key: &[u8], algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
    let is_point = key.len() == 65 && key.first() == Some(&4);
    match (algorithm, is_point) {
        ("ES256", true) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, signature),
        ("RS256", false) => {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(message, signature)
        }
        _ => return false,
    }
    .is_ok()
}

/// The key itself in a `SubjectPublicKeyInfo` (RFC 5280 section 4.1): a sequence of the algorithm and a bit string.
fn bits_of(info: &[u8]) -> Option<&[u8]> {
    let (inside, _) = element(info, 0x30)?;
    let (_, after_algorithm) = element(inside, 0x30)?;
    let (bits, _) = element(after_algorithm, 0x03)?;
    bits.strip_prefix(&[0])
}

/// The content of a DER element of this kind, and what comes after it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let rest = der.strip_prefix(&[tag])?;
    let (&first, rest) = rest.split_first()?;
    if first < 128 {
        return rest.split_at_checked(usize::from(first));
    }
    // From here on the length has digits of its own, and this is how many.
    let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
    let add = |sum: usize, digit: &u8| sum.checked_mul(256)?.checked_add(usize::from(*digit));
    let length = digits.iter().try_fold(0, add)?;
    rest.split_at_checked(length)
}

/// The thumbprint of a key (RFC 7638): that of its required members in the order of their names.
pub(super) fn thumbprint(jwk: &Value) -> Option<String> {
    let member = |name: &str| jwk[name].as_str();
    let (crv, kty, x, y) = (member("crv")?, member("kty")?, member("x")?, member("y")?);
    let text = format!(r#"{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}"#);
    Some(digest(&text))
}

/// The SHA-256 digest of a text in base64url.
pub(super) fn digest(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()))
}

/// A token in compact form, taken apart and not believed yet.
pub(super) struct Jwt {
    pub(super) header: Value,
    pub(super) claims: Value,
    signed: String,
    signature: Vec<u8>,
}

impl Jwt {
    /// Takes a token apart. The error is the reason why that cannot be done.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let malformed = || "this is not a signed JSON Web Token".to_owned();
        let (signed, signature) = text.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        let decoded = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed());
        let json = |part: &str| serde_json::from_slice(&decoded(part)?).map_err(|_| malformed());
        let (header, claims) = (json(header)?, json(claims)?);
        Ok(Self { header, claims, signed: signed.into(), signature: decoded(signature)? })
    }

    /// Whether it was signed by the other half of a key, with the algorithm that it names.
    pub(super) fn is_signed_by(&self, key: &PublicKey) -> bool {
        let algorithm = self.header["alg"].as_str().unwrap_or_default();
        key.signed(algorithm, self.signed.as_bytes(), &self.signature)
    }

    /// A claim that is a string; empty if it is none.
    pub(super) fn text(&self, claim: &str) -> &str {
        self.claims[claim].as_str().unwrap_or_default()
    }

    /// Judges `exp`, `nbf` and `iat`: good now, and for no longer than `longest` seconds from now.
    pub(super) fn judge_times(&self, longest: i64) -> Result<(), String> {
        let time = |claim: &str| self.claims[claim].as_i64();
        let expires = time("exp").ok_or("there is no exp")?;
        let now = SystemClock.now().0;
        if expires <= now {
            return Err("it has expired".into());
        }
        if expires > now + longest {
            return Err(format!("exp is more than {longest} s away"));
        }
        match ["iat", "nbf"].into_iter().find(|claim| time(claim).is_some_and(|at| at > now + SKEW)) {
            Some(claim) => Err(format!("{claim} lies in the future")),
            None => Ok(()),
        }
    }

    /// Judges `aud`: one of those that are `meant`, and nobody beside it.
    pub(super) fn judge_audience(&self, meant: &[String]) -> Result<(), String> {
        let audience = match &self.claims["aud"] {
            Value::Array(list) if list.len() == 1 => list.first().and_then(Value::as_str),
            other => other.as_str(),
        };
        let is_meant = |audience: &str| meant.iter().any(|one| one == audience);
        if audience.is_some_and(is_meant) {
            return Ok(());
        }
        Err(format!("aud is {}, and must be {} alone", self.claims["aud"], meant.join(" or ")))
    }
}

/// A key of the sandbox's own, made when it starts.
pub(super) struct SigningKey(EcdsaKeyPair);

impl SigningKey {
    /// A new key on P-256.
    #[expect(clippy::expect_used, reason = "an issuer without randomness must not give out anything")]
    pub(super) fn generate() -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document =
            EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("the system gives random bytes");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random);
        Self(pair.expect("a key that was just made can be read"))
    }

    /// The public half, as `/jwks` shows it.
    pub(super) fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let part = |range| BASE64_URL_SAFE_NO_PAD.encode(point.get(range).unwrap_or_default());
        let mut jwk = json!({ "kty": "EC", "crv": "P-256", "x": part(1..33), "y": part(33..65) });
        jwk["kid"] = thumbprint(&jwk).into();
        jwk["alg"] = "ES256".into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// A signed token of some type with these claims.
    #[expect(clippy::expect_used, reason = "an issuer without randomness must not give out anything")]
    pub(super) fn sign(&self, typ: &str, claims: &Value) -> String {
        let header = json!({ "typ": typ, "alg": "ES256", "kid": self.jwk()["kid"] });
        let encoded = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encoded(&header), encoded(claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.expect("the system gives random bytes");
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7515_appendix_a_3_is_signed_by_its_key_and_no_other() {
        let text = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl\
                    LmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA\
                    pmWQxfKTUJqPP3-Kg6NU1Q";
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        });
        let jwt = Jwt::read(text).unwrap();
        assert_eq!(jwt.text("iss"), "joe");
        assert!(jwt.is_signed_by(&PublicKey::Jwk(jwk)));
        assert!(!jwt.is_signed_by(&PublicKey::Jwk(SigningKey::generate().jwk())));
        assert_eq!(jwt.judge_times(300), Err("it has expired".into()));
        assert!(Jwt::read("a.b").is_err() && Jwt::read("e30.e30").is_err());
    }

    #[test]
    fn what_is_signed_here_can_be_read_here() {
        let key = SigningKey::generate();
        let claims = json!({ "aud": ["me"], "exp": SystemClock.now().0 + 100, "iat": SystemClock.now().0 });
        let jwt = Jwt::read(&key.sign("JWT", &claims)).unwrap();
        assert!(jwt.is_signed_by(&PublicKey::Jwk(key.jwk())));
        assert_eq!((jwt.judge_times(300), jwt.judge_audience(&["me".into()])), (Ok(()), Ok(())));
        assert!(jwt.judge_times(50).is_err() && jwt.judge_audience(&["you".into()]).is_err());
        assert_eq!(jwt.header["kid"], thumbprint(&key.jwk()).unwrap());
    }
}
