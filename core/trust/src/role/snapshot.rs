//! The snapshot role (TUF §4.4): the version of every targets file, so that a mirror cannot mix
//! files of two days.

use std::collections::BTreeMap;

use newleaf_domain::{ByteSize, Digest, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::TrustError;
use crate::limits::Limits;
use crate::role::{Header, MetadataVersion, RoleBody};

/// What one role file says of another (TUF §4.4 `METAFILES`): its version, and where the writer
/// gives them its length and digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetaFile {
    /// The version the file must have.
    pub version: MetadataVersion,
    /// Its length in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<ByteSize>,
    /// Its digests; ours is `sha256`, others are kept and not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashes: Option<BTreeMap<String, String>>,
    /// Members of newer writers.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl MetaFile {
    /// The pin of a file by version alone, which is enough where the file's own signers are
    /// trusted not to sign one version twice.
    pub fn version_only(version: MetadataVersion) -> Self {
        Self { version, length: None, hashes: None, extra: Map::new() }
    }

    /// The pin of exactly these bytes.
    pub fn of(version: MetadataVersion, bytes: &[u8]) -> Self {
        let sha256 = ("sha256".to_owned(), Digest::of(bytes).to_string());
        Self {
            version,
            length: Some(ByteSize::bytes(bytes.len() as u64)),
            hashes: Some(BTreeMap::from([sha256])),
            extra: Map::new(),
        }
    }

    /// Whether `bytes` are the pinned ones, as far as length and digest are given.
    ///
    /// # Errors
    /// Another length or digest, or a list of digests without SHA-256; `file` names the file.
    pub fn check(&self, file: &str, bytes: &[u8]) -> Result<(), TrustError> {
        let found = ByteSize::bytes(bytes.len() as u64);
        if let Some(signed) = self.length.filter(|signed| *signed != found) {
            return Err(TrustError::LengthMismatch { file: file.to_owned(), found, signed });
        }
        let Some(hashes) = &self.hashes else { return Ok(()) };
        let text = hashes
            .get("sha256")
            .ok_or_else(|| TrustError::malformed(file, "its pin has no sha256"))?;
        let signed = Digest::parse(text).map_err(|error| TrustError::malformed(file, error))?;
        let found = Digest::of(bytes);
        if found == signed {
            Ok(())
        } else {
            Err(TrustError::DigestMismatch { file: file.to_owned(), found, signed })
        }
    }
}

/// The body of `snapshot.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotRole {
    /// Version and expiry.
    #[serde(flatten)]
    pub header: Header,
    /// When it was signed, by the registry's clock; a lower bound of the time now.
    #[serde(rename = "x-signed-at", default, skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<Timestamp>,
    /// `targets.json` and every delegated role's `<name>.json`.
    pub meta: BTreeMap<String, MetaFile>,
    /// Members of newer writers.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl SnapshotRole {
    /// A snapshot signed at `signed_at` that lists nothing yet.
    pub fn new(version: MetadataVersion, expires: Timestamp, signed_at: Timestamp) -> Self {
        Self {
            header: Header::new::<Self>(version, expires),
            signed_at: Some(signed_at),
            meta: BTreeMap::new(),
            extra: Map::new(),
        }
    }

    /// Lists one role, in place of what was listed of it.
    #[must_use]
    pub fn with_role(mut self, role: &str, file: MetaFile) -> Self {
        self.meta.insert(format!("{role}.json"), file);
        self
    }

    /// The pin of a role's file, where the snapshot lists it.
    pub fn role(&self, role: &str) -> Option<&MetaFile> {
        self.meta.get(&format!("{role}.json"))
    }
}

impl RoleBody for SnapshotRole {
    const TYPE: &'static str = "snapshot";

    fn header(&self) -> &Header {
        &self.header
    }

    fn check(&self, file: &str, _limits: &Limits) -> Result<(), TrustError> {
        if self.meta.contains_key("targets.json") {
            Ok(())
        } else {
            Err(TrustError::malformed(file, "meta does not list targets.json"))
        }
    }
}
