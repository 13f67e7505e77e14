//! The timestamp role (TUF §4.6): the one file that is polled; it pins the snapshot.

use std::collections::BTreeMap;

use newleaf_domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::TrustError;
use crate::limits::Limits;
use crate::role::{Header, MetaFile, MetadataVersion, RoleBody};

/// The body of `timestamp.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimestampRole {
    /// Version and expiry.
    #[serde(flatten)]
    pub header: Header,
    /// When it was signed, by the registry's clock; a lower bound of the time now.
    #[serde(rename = "x-signed-at", default, skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<Timestamp>,
    /// `snapshot.json` and nothing else.
    pub meta: BTreeMap<String, MetaFile>,
    /// Members of newer writers.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl TimestampRole {
    /// A timestamp signed at `signed_at` that pins `snapshot`.
    pub fn new(
        version: MetadataVersion,
        expires: Timestamp,
        signed_at: Timestamp,
        snapshot: MetaFile,
    ) -> Self {
        Self {
            header: Header::new::<Self>(version, expires),
            signed_at: Some(signed_at),
            meta: BTreeMap::from([(SNAPSHOT.to_owned(), snapshot)]),
            extra: Map::new(),
        }
    }

    /// The pin of the snapshot.
    ///
    /// # Errors
    /// The file does not list it; [`RoleBody::check`] has refused such a file before.
    pub fn snapshot(&self) -> Result<&MetaFile, TrustError> {
        let absent = || TrustError::malformed("timestamp.json", "it does not list snapshot.json");
        self.meta.get(SNAPSHOT).ok_or_else(absent)
    }
}

const SNAPSHOT: &str = "snapshot.json";

impl RoleBody for TimestampRole {
    const TYPE: &'static str = "timestamp";

    fn header(&self) -> &Header {
        &self.header
    }

    fn check(&self, file: &str, _limits: &Limits) -> Result<(), TrustError> {
        if self.meta.len() == 1 && self.meta.contains_key(SNAPSHOT) {
            Ok(())
        } else {
            Err(TrustError::malformed(file, "meta must list snapshot.json and nothing else"))
        }
    }
}
