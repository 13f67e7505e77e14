//! What nobody may guess: random words, and how a secret is kept without keeping it.

use sha2::{Digest as _, Sha256};

/// 22 letters and digits with 128 bits of chance in them, from the host's source.
pub(crate) fn random() -> String {
    in_letters(&wasip2::random::random::get_random_bytes(16))
}

/// What is kept of a secret: its SHA-256 in hexadecimal.
pub(crate) fn digest(secret: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(secret.as_bytes()) {
        hex.push(char::from(HEX[usize::from(byte >> 4)]));
        hex.push(char::from(HEX[usize::from(byte & 15)]));
    }
    hex
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    let differing = one.bytes().zip(other.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && differing == 0
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Letters that can stand in an address, a cookie and a line of mail.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Six bits a letter.
fn in_letters(bytes: &[u8]) -> String {
    let (mut held, mut bits) = (0_u32, 0);
    let mut letters = String::new();
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 6 {
            bits -= 6;
            letters.push(letter(held >> bits));
        }
    }
    if bits > 0 {
        letters.push(letter(held << (6 - bits)));
    }
    letters
}

fn letter(bits: u32) -> char {
    let at = usize::try_from(bits & 63).unwrap_or_default();
    char::from(LETTERS[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bytes_are_22_letters_and_no_two_the_same() {
        assert_eq!(in_letters(&[0; 16]), "A".repeat(22));
        assert_eq!(in_letters(&[0xff; 3]), "____");
        let one = in_letters(&[7; 16]);
        let mut bytes = [7; 16];
        bytes[15] = 6;
        assert!(one.len() == 22 && one != in_letters(&bytes));
    }

    #[test]
    fn a_digest_is_that_of_the_standard() {
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest("abc"), of_abc);
    }

    #[test]
    fn only_the_same_is_the_same() {
        assert!(same("abc", "abc") && same("", ""));
        assert!(!same("abc", "abd") && !same("abc", "ab") && !same("", "a"));
    }
}
