//! Tokens that are of use only together with a key (RFC 9449): the key, and the proof that goes with each request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use url::Url;
use zeroize::Zeroizing;

use super::Error;
use super::jwt::{self, Header, SigningKey};
use crate::clock::UnixTime;
use crate::hash::sha256;
use crate::http::HeaderMap;
use crate::secret::{AccessToken, Assertion, DpopKey};

/// The longest nonce that is repeated to the peer that gave it, in bytes.
const LONGEST_NONCE: usize = 1024;

/// A new key, on the curve that every issuer with proofs knows.
pub fn generate() -> Result<DpopKey, Error> {
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    let der = made.map_err(|_| Error::BadKey("the system could not make one"))?;
    Ok(DpopKey::new(BASE64.encode(der)))
}

/// The proof for one request (RFC 9449 section 4.2), never to be used for another. `nonce` is what the peer demanded,
/// `access_token` the token that goes with it, if one does.
pub fn proof(
    key: &DpopKey,
    method: &str,
    url: &Url,
    now: UnixTime,
    nonce: Option<&str>,
    access_token: Option<&AccessToken>,
) -> Result<Assertion, Error> {
    let key = read(key)?;
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    let mut claims = json!({ "jti": jwt::fresh_id()?, "htm": method, "htu": bare.as_str(), "iat": now.0 });
    if let Some(token) = access_token {
        claims["ath"] = BASE64URL.encode(sha256(&[token.expose().as_bytes()])).into();
    }
    if let Some(nonce) = nonce {
        claims["nonce"] = nonce.into();
    }
    key.sign(&Header { typ: "dpop+jwt", kid: None, jwk: Some(public(&key)) }, &claims)
}

/// The name of a key that whoever has its public half can work out (RFC 7638).
pub fn thumbprint(key: &DpopKey) -> Result<String, Error> {
    Ok(thumbprint_of(&public(&read(key)?)))
}

/// The nonce that a peer wants in the proofs from now on (RFC 9449 section 8.1).
pub fn nonce_in(headers: &HeaderMap) -> Option<String> {
    let nonce = headers.get("dpop-nonce")?.to_str().ok()?;
    let legal = !nonce.is_empty() && nonce.len() <= LONGEST_NONCE;
    (legal && nonce.bytes().all(|byte| byte.is_ascii_graphic())).then(|| nonce.to_owned())
}

fn read(key: &DpopKey) -> Result<SigningKey, Error> {
    let der = BASE64.decode(key.expose()).map_err(|_| Error::BadKey("it is damaged"))?;
    SigningKey::from_pkcs8(&Zeroizing::new(der))
}

/// The public half as the standards write it (RFC 7518 section 6.2.1), its members in the order of RFC 7638.
fn public(key: &SigningKey) -> Value {
    // Uncompressed: one byte that says so, then both coordinates.
    let point = key.public().get(1..).unwrap_or_default();
    let (x, y) = point.split_at(point.len() / 2);
    json!({ "crv": "P-256", "kty": "EC", "x": BASE64URL.encode(x), "y": BASE64URL.encode(y) })
}

fn thumbprint_of(jwk: &Value) -> String {
    BASE64URL.encode(sha256(&[jwk.to_string().as_bytes()]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    const NOW: UnixTime = UnixTime(1_562_262_616);

    fn parts(proof: &Assertion) -> (Value, Value) {
        let mut parts = proof.expose().split('.');
        let mut said = || serde_json::from_slice(&BASE64URL.decode(parts.next().unwrap()).unwrap()).unwrap();
        (said(), said())
    }

    fn prove(key: &DpopKey, url: &str, nonce: Option<&str>, token: Option<&str>) -> Assertion {
        let token = token.map(AccessToken::new);
        proof(key, "POST", &url.parse().unwrap(), NOW, nonce, token.as_ref()).ok().unwrap()
    }

    /// MCP 48.
    #[test]
    fn a_proof_can_be_checked_with_nothing_but_itself() {
        let key = generate().ok().unwrap();
        let proof = prove(&key, "https://server.example.com/token", None, None);
        let (header, claims) = parts(&proof);
        assert_eq!((&header["typ"], &header["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
        assert!(header["jwk"].get("d").is_none() && header.get("kid").is_none());
        let coordinate = |name: &str| BASE64URL.decode(header["jwk"][name].as_str().unwrap()).unwrap();
        let point = [vec![4], coordinate("x"), coordinate("y")].concat();
        let (message, signature) = proof.expose().rsplit_once('.').unwrap();
        let signature = BASE64URL.decode(signature).unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        assert!(public.verify(message.as_bytes(), &signature).is_ok());
        assert_eq!((&claims["htm"], &claims["iat"]), (&json!("POST"), &json!(NOW.0)));
        assert_eq!(thumbprint(&key).ok().unwrap(), thumbprint_of(&header["jwk"]));
    }

    /// MCP 48.
    #[test]
    fn a_proof_is_for_one_request_only() {
        let key = generate().ok().unwrap();
        let url = "https://server.example.com:8443/a%20b/?code=1#top";
        let mut names = BTreeSet::new();
        for nonce in [None, None, Some("n1")] {
            let (_, claims) = parts(&prove(&key, url, nonce, None));
            assert_eq!(claims["htu"], "https://server.example.com:8443/a%20b/");
            assert_eq!(claims.get("nonce").and_then(Value::as_str), nonce);
            assert!(claims.get("ath").is_none());
            names.insert(claims["jti"].as_str().unwrap().to_owned());
        }
        assert_eq!(names.len(), 3);
        // Nor for another key.
        assert_ne!(thumbprint(&key).ok().unwrap(), thumbprint(&generate().ok().unwrap()).ok().unwrap());
    }

    /// MCP 48.
    #[test]
    fn a_proof_names_its_token_as_rfc_9449_does() {
        let key = generate().ok().unwrap();
        let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
        let (_, claims) = parts(&prove(&key, "https://resource.example.org/protected", None, Some(token)));
        assert_eq!(claims["ath"], "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
    }

    #[test]
    fn keys_have_the_thumbprints_of_the_standards() {
        let own = json!({ "crv": "P-256", "kty": "EC", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA" });
        assert_eq!(thumbprint_of(&own), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
        let first: Vec<String> = public(&read(&generate().ok().unwrap()).ok().unwrap())
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        assert_eq!(first, ["crv", "kty", "x", "y"]);
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        for text in ["", "!", "AAAA"] {
            let key = DpopKey::new(text);
            let url = "https://i.example/token".parse().unwrap();
            assert!(matches!(proof(&key, "POST", &url, NOW, None, None), Err(Error::BadKey(_))), "{text}");
        }
    }
}
