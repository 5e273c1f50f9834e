//! Makes the body of a record unreadable without the key, or at least unchangeable by accident.

use std::io;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use zeroize::Zeroizing;

use crate::files;
use crate::hash::sha256;
use crate::secret::SealingKey;

/// Length of a SHA-256 checksum in hexadecimal digits, with the line end before it.
const CHECKSUM_LENGTH: usize = 65;

/// The body does not belong to its file and header, or not to this key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// How bodies are closed. Both ways tie the body to the name of the file and to the header, so that no body
/// can stand in for another.
pub(super) enum Sealing<'key> {
    /// JSON, a line end and a checksum: finds accidents, keeps nothing secret.
    Plain,
    /// ChaCha20-Poly1305 (RFC 8439) with a random nonce in front.
    Sealed(&'key SealingKey),
}

impl Sealing<'_> {
    /// Tells keys apart without telling anything about them; `None` if there is no key.
    pub(super) fn key_id(&self) -> Option<String> {
        match self {
            Self::Plain => None,
            Self::Sealed(key) => Some(key_id(key)),
        }
    }

    /// Closes the secrets of the file `name` whose header is `line`.
    pub(super) fn seal(&self, name: &str, line: &str, secrets: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
        match self {
            Self::Plain => {
                let mut body = Zeroizing::new(Vec::with_capacity(secrets.len() + CHECKSUM_LENGTH));
                body.extend_from_slice(secrets);
                body.push(b'\n');
                body.extend_from_slice(checksum(name, line, secrets).as_bytes());
                Ok(body)
            }
            Self::Sealed(key) => {
                let nonce = files::random::<NONCE_LEN>()?;
                let mut body = Vec::with_capacity(NONCE_LEN + secrets.len() + CHACHA20_POLY1305.tag_len());
                body.extend_from_slice(&nonce);
                body.extend_from_slice(secrets);
                let tag = cipher(key)
                    .and_then(|cipher| {
                        cipher.seal_in_place_separate_tag(
                            Nonce::assume_unique_for_key(nonce),
                            Aad::from(context(name, line)),
                            &mut body[NONCE_LEN..],
                        )
                    })
                    .map_err(|_| io::Error::other("the cipher failed"))?;
                body.extend_from_slice(tag.as_ref());
                Ok(Zeroizing::new(body))
            }
        }
    }

    /// Gives the secrets back, if nothing was changed.
    pub(super) fn open(&self, name: &str, line: &str, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, Broken> {
        match self {
            Self::Plain => {
                let length = body.len().checked_sub(CHECKSUM_LENGTH).ok_or(Broken)?;
                let (secrets, end) = body.split_at(length);
                if end[0] != b'\n' || end[1..] != *checksum(name, line, secrets).as_bytes() {
                    return Err(Broken);
                }
                Ok(Zeroizing::new(secrets.to_vec()))
            }
            Self::Sealed(key) => {
                let (nonce, sealed) = body.split_at_checked(NONCE_LEN).ok_or(Broken)?;
                let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Broken)?;
                let mut secrets = Zeroizing::new(sealed.to_vec());
                let length = cipher(key)
                    .and_then(|cipher| {
                        cipher.open_in_place(nonce, Aad::from(context(name, line)), &mut secrets)
                    })
                    .map_err(|_| Broken)?
                    .len();
                secrets.truncate(length);
                Ok(secrets)
            }
        }
    }
}

/// The first 8 hexadecimal digits of a keyed hash of a constant.
pub(super) fn key_id(key: &SealingKey) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()), b"mcpauth key id");
    files::hex(&tag.as_ref()[..4])
}

fn cipher(key: &SealingKey) -> Result<LessSafeKey, ring::error::Unspecified> {
    UnboundKey::new(&CHACHA20_POLY1305, key.expose()).map(LessSafeKey::new)
}

/// What the body belongs to. A name has no line end, so no two pairs look alike.
fn context(name: &str, line: &str) -> Vec<u8> {
    [name, "\n", line].concat().into_bytes()
}

fn checksum(name: &str, line: &str, secrets: &[u8]) -> String {
    files::hex(&sha256(&[&context(name, line), secrets]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "file";
    const LINE: &str = "header\n";

    fn key(byte: u8) -> SealingKey {
        SealingKey::new([byte; 32])
    }

    #[test]
    fn only_the_same_name_header_and_key_open() {
        let (own, other) = (key(1), key(2));
        for sealing in [Sealing::Plain, Sealing::Sealed(&own)] {
            let body = sealing.seal(NAME, LINE, b"secret").unwrap();
            assert_eq!(sealing.open(NAME, LINE, &body).unwrap().as_slice(), b"secret");
            assert_eq!(sealing.open("other", LINE, &body), Err(Broken));
            assert_eq!(sealing.open(NAME, "other\n", &body), Err(Broken));
            assert_eq!(Sealing::Sealed(&other).open(NAME, LINE, &body), Err(Broken));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let own = key(1);
        for sealing in [Sealing::Plain, Sealing::Sealed(&own)] {
            let body = sealing.seal(NAME, LINE, b"secret").unwrap();
            for length in 0..body.len() {
                assert_eq!(sealing.open(NAME, LINE, &body[..length]), Err(Broken), "cut to {length}");
            }
            for bit in 0..body.len() * 8 {
                let mut flipped = body.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(sealing.open(NAME, LINE, &flipped), Err(Broken), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_sealed_body_differs_each_time_and_hides_the_secret() {
        let own = key(1);
        let seal = || Sealing::Sealed(&own).seal(NAME, LINE, b"canary").unwrap();
        let (first, second) = (seal(), seal());
        assert_ne!(first, second);
        assert!(!first.windows(6).any(|window| window == b"canary"));
    }

    #[test]
    fn a_key_id_is_short_and_tells_keys_apart() {
        assert_eq!(key_id(&key(1)).len(), 8);
        assert_ne!(key_id(&key(1)), key_id(&key(2)));
    }
}
