//! What says which file it was: digests of its bytes.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Digits of a [`fingerprint`].
const DIGITS: usize = 16;

/// The SHA-256 of `bytes`, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The first 16 digits of the [`sha256`] of a picture's file: enough to find it again among millions,
/// and short enough to keep thousands of them beside weights.
pub fn fingerprint(file: &[u8]) -> String {
    let mut digits = sha256(file);
    digits.truncate(DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        // FIPS 180-4, example "abc".
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), expected);
        assert_eq!(fingerprint(b"abc"), expected[..16]);
    }
}
