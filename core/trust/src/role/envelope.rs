//! The envelope `{signatures, signed}` of every role file (TUF §4.2). Parses; believes nothing.

use std::collections::BTreeSet;

use newleaf_domain::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::TrustError;
use crate::canonical::{parse_strict, to_canonical};
use crate::key::KeyId;
use crate::limits::Limits;
use crate::role::MetadataVersion;

/// The members that every role has (TUF §4.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// `root`, `timestamp`, `snapshot` or `targets`.
    #[serde(rename = "_type")]
    pub kind: String,
    /// The TUF version the file was written for; `1.` and anything.
    pub spec_version: String,
    /// The file's version.
    pub version: MetadataVersion,
    /// The point from which on the file is no longer trusted.
    pub expires: Timestamp,
}

/// The TUF version that is written.
const SPEC_VERSION: &str = "1.0.34";

impl Header {
    /// The header of a new file of role type `T`.
    pub fn new<T: RoleBody>(version: MetadataVersion, expires: Timestamp) -> Self {
        let (kind, spec_version) = (T::TYPE.to_owned(), SPEC_VERSION.to_owned());
        Self { kind, spec_version, version, expires }
    }
}

/// A role's own part of the file: what stands under `signed`.
pub trait RoleBody: Serialize + DeserializeOwned {
    /// The value of `_type`.
    const TYPE: &'static str;

    /// The common members.
    fn header(&self) -> &Header;

    /// What the form alone does not say: counts within `limits`, names and paths well formed.
    ///
    /// # Errors
    /// The first fault; `file` names the file in it.
    fn check(&self, file: &str, limits: &Limits) -> Result<(), TrustError>;
}

/// One signature on a role file. An empty `sig` is the place of a signer who has not signed yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureEntry {
    /// Which of the role's keys is said to have signed.
    pub keyid: KeyId,
    /// The signature in hex.
    pub sig: String,
}

/// A role file as parsed, not yet believed.
#[derive(Debug, Clone)]
pub struct Signed<T> {
    /// The signatures, as listed.
    pub signatures: Vec<SignatureEntry>,
    /// The typed body.
    pub body: T,
    canonical: Vec<u8>,
}

#[derive(Deserialize)]
struct Envelope {
    signatures: Vec<SignatureEntry>,
    signed: Value,
}

impl<T: RoleBody> Signed<T> {
    /// Parses `bytes` as a file of this role type; `file` names it in errors.
    ///
    /// # Errors
    /// [`TrustError::Malformed`] or [`TrustError::LimitExceeded`].
    pub fn parse(file: &str, bytes: &[u8], limits: &Limits) -> Result<Self, TrustError> {
        let malformed = |reason: &dyn std::fmt::Display| TrustError::malformed(file, reason);
        let value = parse_strict(bytes).map_err(|error| malformed(&error))?;
        let Envelope { signatures, signed } =
            serde_json::from_value(value).map_err(|error| malformed(&error))?;
        if signatures.len() > limits.signatures {
            let (found, allowed) = (signatures.len(), limits.signatures);
            return Err(TrustError::over_limit(file, "signatures", found, allowed));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = signatures.iter().find(|entry| !seen.insert(&entry.keyid)) {
            return Err(malformed(&format_args!("key {} signs twice", twice.keyid.short())));
        }
        let canonical = to_canonical(&signed).map_err(|error| malformed(&error))?;
        let body: T = serde_json::from_value(signed).map_err(|error| malformed(&error))?;
        check_header(file, &body)?;
        body.check(file, limits)?;
        Ok(Self { signatures, body, canonical })
    }

    /// The bytes that the signatures are made of.
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }
}

fn check_header<T: RoleBody>(file: &str, body: &T) -> Result<(), TrustError> {
    let Header { kind, spec_version, .. } = body.header();
    if kind != T::TYPE {
        let reason = format_args!("_type is {kind:?}, not {:?}", T::TYPE);
        return Err(TrustError::malformed(file, reason));
    }
    if !spec_version.starts_with("1.") {
        let reason = format_args!("spec_version is {spec_version:?}, not 1.x");
        return Err(TrustError::malformed(file, reason));
    }
    Ok(())
}
