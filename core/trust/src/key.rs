//! Ed25519 keys: their TUF form, their ids, their file form. The only module that calls the
//! signature crate. Makes no randomness: a new key's seed is a parameter.

use std::collections::BTreeMap;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use newleaf_domain::Digest;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

/// The name of a key: on writing the SHA-256 of the key's canonical form; on reading any text, which
/// says nothing about the key (TUF §4.2.1: clients must not assume how it was made).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// A key id as some file has it.
    pub fn opaque(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 characters, for people.
    pub fn short(&self) -> String {
        self.0.chars().take(12).collect()
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not the JSON of a key.
    #[error("key does not have the form of a key: {0}")]
    Form(#[source] serde_json::Error),
    /// Another algorithm than Ed25519.
    #[error("key has type {keytype:?} and scheme {scheme:?}, but only ed25519 is supported")]
    Unsupported {
        /// TUF's `keytype`.
        keytype: String,
        /// TUF's `scheme`.
        scheme: String,
    },
    /// Not 64 hex digits, or not a usable point of the curve.
    #[error("key material is not a usable Ed25519 key")]
    Material,
    /// The file's two halves do not belong together.
    #[error("the public half does not belong to the private half")]
    Mismatch,
}

/// A TUF key object (§4.2.1): `{keytype, scheme, keyval: {public}}`.
#[derive(Serialize, Deserialize)]
struct KeyForm {
    keytype: String,
    scheme: String,
    keyval: BTreeMap<String, serde_json::Value>,
}

const ED25519: &str = "ed25519";

/// A public Ed25519 key that is neither weak nor written in a second, non-canonical way; so two
/// values are equal exactly when they are the same key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// The key with these 32 bytes (RFC 8032 §5.1.2).
    ///
    /// # Errors
    /// Not a point, a point of small order, or not its canonical encoding.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Material)?;
        if key.is_weak() || !is_canonical(bytes) {
            return Err(KeyError::Material);
        }
        Ok(Self(key))
    }

    /// Parses 64 hex digits.
    ///
    /// # Errors
    /// As [`PublicKey::from_bytes`].
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| KeyError::Material)?;
        Self::from_bytes(&bytes)
    }

    /// 64 lowercase hex digits.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0.as_bytes())
    }

    /// The SHA-256 of the key's canonical form.
    pub fn id(&self) -> KeyId {
        let public = self.to_hex();
        let canonical = format!(
            r#"{{"keytype":"ed25519","keyval":{{"public":"{public}"}},"scheme":"ed25519"}}"#
        );
        KeyId(Digest::of(canonical.as_bytes()).to_string())
    }

    /// Whether `signature` (128 hex digits) is this key's on `message`; RFC 8032 with the strict
    /// checks, so that no second signature of the same message is valid.
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let mut bytes = [0; 64];
        hex::decode_to_slice(signature, &mut bytes).is_ok()
            && self.0.verify_strict(message, &Signature::from_bytes(&bytes)).is_ok()
    }
}

/// Whether the y coordinate is below the field's prime 2^255 − 19 (RFC 8032 §5.1.3 step 1).
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    *low < 0xed || high & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.as_bytes().cmp(other.0.as_bytes())
    }
}
impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({})", self.id().short())
    }
}
impl Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keyval = BTreeMap::from([("public".to_owned(), self.to_hex().into())]);
        KeyForm { keytype: ED25519.to_owned(), scheme: ED25519.to_owned(), keyval }
            .serialize(serializer)
    }
}
impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let KeyForm { keytype, scheme, keyval } = KeyForm::deserialize(deserializer)?;
        if (keytype.as_str(), scheme.as_str()) != (ED25519, ED25519) {
            return Err(serde::de::Error::custom(KeyError::Unsupported { keytype, scheme }));
        }
        let public = keyval.get("public").and_then(serde_json::Value::as_str).unwrap_or_default();
        Self::from_hex(public).map_err(serde::de::Error::custom)
    }
}

/// A key as some role lists it: kept as it was written, whatever its type, so that a role can name
/// keys of a later kind. Only those that are [`PublicKey`]s can count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ListedKey(serde_json::Value);

impl ListedKey {
    /// The usable key, where it is one.
    pub fn public(&self) -> Option<PublicKey> {
        PublicKey::deserialize(&self.0).ok()
    }
}

impl From<&PublicKey> for ListedKey {
    fn from(key: &PublicKey) -> Self {
        Self(serde_json::json!({
            "keytype": ED25519, "scheme": ED25519, "keyval": {"public": key.to_hex()},
        }))
    }
}

/// A private key with its public half. Wiped from memory when dropped; never printed.
#[derive(Clone)]
pub struct KeyPair(SigningKey);

/// The file form of a [`KeyPair`]: one JSON object, both halves in hex.
#[derive(Serialize, Deserialize)]
struct KeyFile {
    keytype: String,
    scheme: String,
    private: String,
    public: String,
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        self.private.zeroize();
    }
}

impl KeyPair {
    /// The key made of `seed`, which the caller takes from the system's random source.
    pub fn generate(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        Self(SigningKey::from_bytes(&seed))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The signature of `message`, 128 lowercase hex digits.
    pub fn sign(&self, message: &[u8]) -> String {
        hex::encode(self.0.sign(message).to_bytes())
    }

    /// The file form: JSON `{keytype, scheme, private, public}`, to be stored with mode 0600.
    ///
    /// # Errors
    /// Only where JSON cannot be written at all.
    pub fn to_file_form(&self) -> Result<Zeroizing<String>, KeyError> {
        let secret = Zeroizing::new(self.0.to_bytes());
        let form = KeyFile {
            keytype: ED25519.to_owned(),
            scheme: ED25519.to_owned(),
            private: hex::encode(secret.as_slice()),
            public: self.public().to_hex(),
        };
        let mut text = serde_json::to_string_pretty(&form).map_err(KeyError::Form)?;
        text.push('\n');
        Ok(Zeroizing::new(text))
    }

    /// Parses the file form.
    ///
    /// # Errors
    /// Not that form, another algorithm, or halves that do not belong together.
    pub fn from_file_form(text: &str) -> Result<Self, KeyError> {
        let form: KeyFile = serde_json::from_str(text).map_err(KeyError::Form)?;
        if (form.keytype.as_str(), form.scheme.as_str()) != (ED25519, ED25519) {
            let (keytype, scheme) = (form.keytype.clone(), form.scheme.clone());
            return Err(KeyError::Unsupported { keytype, scheme });
        }
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(&form.private, seed.as_mut_slice()).map_err(|_| KeyError::Material)?;
        let pair = Self::generate(*seed);
        if pair.public().to_hex() == form.public { Ok(pair) } else { Err(KeyError::Mismatch) }
    }
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyPair({})", self.public().id().short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::to_canonical;

    #[test]
    fn a_key_id_is_the_digest_of_the_canonical_key() {
        let key = KeyPair::generate([7; 32]).public();
        let canonical = to_canonical(&ListedKey::from(&key).0).unwrap();
        assert_eq!(key.id().as_str(), Digest::of(&canonical).to_string());
    }

    #[test]
    fn a_key_survives_its_file_form_and_stays_out_of_debug_output() {
        let pair = KeyPair::generate([9; 32]);
        let text = pair.to_file_form().unwrap();
        let back = KeyPair::from_file_form(&text).unwrap();
        assert_eq!(back.public(), pair.public());
        assert!(!format!("{pair:?}").contains(&hex::encode([9; 32])));
    }

    #[test]
    fn a_key_file_with_a_foreign_public_half_is_refused() {
        let text = KeyPair::generate([1; 32]).to_file_form().unwrap();
        let own = KeyPair::generate([1; 32]).public().to_hex();
        let other = KeyPair::generate([2; 32]).public().to_hex();
        let forged = text.replace(&own, &other);
        assert!(matches!(KeyPair::from_file_form(&forged), Err(KeyError::Mismatch)));
    }

    #[test]
    fn small_order_and_non_canonical_keys_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut beyond_the_prime = [0xff; 32];
        beyond_the_prime[0] = 0xf0;
        beyond_the_prime[31] = 0x7f;
        for bytes in [[0; 32], identity, beyond_the_prime] {
            assert!(PublicKey::from_bytes(&bytes).is_err(), "{bytes:02x?} was accepted");
        }
    }

    #[test]
    fn a_signature_with_a_raised_s_is_refused() {
        // S + L verifies where S is not checked to be below the group's order L (RFC 8032 §5.1.7).
        const L: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
            0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let pair = KeyPair::generate([3; 32]);
        let good = pair.sign(b"message");
        assert!(pair.public().verifies(b"message", &good));
        let mut bytes = hex::decode(good).unwrap();
        let mut carry = 0;
        for (byte, order) in bytes[32..].iter_mut().zip(L) {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            *byte = u8::try_from(sum & 0xff).unwrap();
            carry = sum >> 8;
        }
        assert!(!pair.public().verifies(b"message", &hex::encode(bytes)));
    }

    #[test]
    fn keys_of_another_kind_are_kept_but_never_count() {
        let later: ListedKey = serde_json::from_str(
            r#"{"keytype":"ml-dsa","scheme":"ml-dsa-65","keyval":{"public":"00"},"x":1}"#,
        )
        .unwrap();
        assert!(later.public().is_none());
        assert!(serde_json::to_string(&later).unwrap().contains("ml-dsa-65"));
    }
}
