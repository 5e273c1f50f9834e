//! SHA-256 for what every start has to hash: the name of a record, its checksum, the last line of the log.

use sha2::{Digest as _, Sha256};

/// The hash of these parts, one after the other.
///
/// Not ring's, which first asks the processor what it can do: in a virtual machine that costs every start more than
/// hashing these few bytes in the plain way.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().fold(Sha256::new(), Sha256::chain_update).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hash_that_everybody_else_computes() {
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(crate::files::hex(&sha256(&[b"a", b"", b"bc"])), expected);
    }
}
