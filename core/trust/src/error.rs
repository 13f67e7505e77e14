//! Why trust was refused. Each kind is named after the attack or fault it stops, so that the host
//! can tell them apart; advice is a [`TrustError::hint`], never part of the message.

use newleaf_domain::{ByteSize, Digest, Namespace, Timestamp};

use crate::pin::TrustLevel;
use crate::role::{MetadataVersion, Threshold};

/// Why a file, a role or a whole refresh is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The bytes do not have the form of what they claim to be.
    #[error("{file} is malformed: {reason}")]
    Malformed {
        /// The file or target.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No signature is by a key that may sign this role (arbitrary software attack).
    #[error(
        "{file} has valid signatures by 0 of {threshold} needed keys: it names {found}, \
         but must be signed by {allowed}"
    )]
    WrongKey {
        /// The file.
        file: String,
        /// Short ids of the keys named on the file, or `no key`.
        found: String,
        /// Short ids of the keys that may sign.
        allowed: String,
        /// Distinct keys needed.
        threshold: Threshold,
    },
    /// Fewer distinct keys signed than the role needs (key compromise below the threshold), or a
    /// signature by the right key does not hold (an altered file).
    #[error(
        "{file} has valid signatures by {valid} of {threshold} needed keys{}",
        does_not_hold(broken)
    )]
    ThresholdNotMet {
        /// The file.
        file: String,
        /// Distinct keys whose signature is valid.
        valid: usize,
        /// Distinct keys needed.
        threshold: Threshold,
        /// Short ids of the keys that may sign and are named, but whose signature does not hold.
        broken: Vec<String>,
    },
    /// An older version than one already trusted (rollback attack, replay).
    #[error("{file} is version {offered}, older than version {trusted} seen before")]
    Replayed {
        /// The file, or the entry in it.
        file: String,
        /// The version that is offered.
        offered: MetadataVersion,
        /// The version seen before.
        trusted: MetadataVersion,
    },
    /// A role that was listed before is listed no more (rollback by removal).
    #[error("{file} no longer lists {role}, which it listed before")]
    RoleRemoved {
        /// The snapshot file.
        file: String,
        /// The role that is gone.
        role: String,
    },
    /// Another version than the one its pin names (mix-and-match attack, skipped root).
    #[error("{file} says it is version {found}, but version {expected} is expected")]
    WrongVersion {
        /// The file.
        file: String,
        /// The version inside.
        found: MetadataVersion,
        /// The version its pin names.
        expected: MetadataVersion,
    },
    /// Past its expiry (freeze attack, or a registry that stopped signing).
    #[error("{file} expired at {expired}; it is {now}")]
    Expired {
        /// The file.
        file: String,
        /// Its expiry.
        expired: Timestamp,
        /// The time it was judged by.
        now: Timestamp,
    },
    /// Not as long as signed.
    #[error("{file} is {found}, but its signed length is {signed}")]
    LengthMismatch {
        /// The file or target.
        file: String,
        /// What came.
        found: ByteSize,
        /// What was signed.
        signed: ByteSize,
    },
    /// Not the bytes that were signed.
    #[error("{file} has SHA-256 {found}, but {signed} was signed")]
    DigestMismatch {
        /// The file or target.
        file: String,
        /// What came.
        found: Digest,
        /// What was signed.
        signed: Digest,
    },
    /// A role that the search must ask is not there; the search ends rather than ask the next.
    #[error("role {role} is missing: {why}")]
    MissingRole {
        /// The role.
        role: String,
        /// Where it is missing.
        why: Missing,
    },
    /// The namespace's signer is not the one pinned when its first app was installed.
    #[error("{namespace} was pinned to {pinned}, but the repository offers {offered}")]
    SignerChanged {
        /// The namespace.
        namespace: Namespace,
        /// The pinned signer: short key ids, threshold, level.
        pinned: String,
        /// The offered signer in the same form.
        offered: String,
        /// Who vouches for the offered signer. An admin may accept one that was claimed by
        /// offline keys; one vouched for by an online key is refused for good.
        voucher: TrustLevel,
    },
    /// A namespace once vouched for by offline keys is now vouched for by an online key.
    #[error("{namespace} was claimed by offline keys before, but is now offered by role {role}")]
    LevelLowered {
        /// The namespace.
        namespace: Namespace,
        /// The role that offers it.
        role: String,
    },
    /// A role names a path that is not its own.
    #[error("role {role} lists {path}, which only the namespace's own role may list")]
    OutOfScope {
        /// The role.
        role: String,
        /// The path.
        path: String,
    },
    /// More than [`crate::Limits`] allows (endless data, bombs of roles, keys or signatures).
    #[error("{file} has {found} {what}, more than the {allowed} allowed")]
    LimitExceeded {
        /// The file or the search.
        file: String,
        /// What was counted.
        what: &'static str,
        /// How many there are; `more` where counting was stopped.
        found: String,
        /// How many there may be.
        allowed: String,
    },
    /// The caller could not fetch the file for another reason than its absence.
    #[error("{file} could not be fetched: {reason}")]
    Unavailable {
        /// The file.
        file: String,
        /// The caller's reason.
        reason: String,
    },
    /// The repository keeps no root that continues the trusted one, or the store has none.
    #[error("the trust store holds no {file}")]
    NoAnchor {
        /// The file that is needed.
        file: String,
    },
    /// A file of the trust folder does not hold any more what was written to it, or is lost. What it
    /// guarded against cannot be told apart from what it allowed, so nothing is believed.
    #[error("{file} of the trust folder is damaged: {reason}")]
    StoreDamaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The caller supplied a file that nobody asked for.
    #[error("a file was supplied, but none was asked for")]
    NotAsked,
}

/// The way to a root where there is none any more: a file that a person puts there.
const PUT_ROOT: &str = "copy the repository's root.json, got from someone you trust, to trust/root.json in \
                        the host's folder, then check again";

fn does_not_hold(broken: &[String]) -> String {
    match broken {
        [] => String::new(),
        [one] => format!(": the signature named {one} does not hold"),
        more => format!(": the signatures named {} do not hold", more.join(", ")),
    }
}

/// Where a role is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// No role delegates to it.
    #[error("no role delegates to it")]
    NotDelegated,
    /// Delegated, but the signed snapshot omits it.
    #[error("it is delegated, but the snapshot does not list it")]
    NotInSnapshot,
    /// Listed in the snapshot, but the repository does not have the file.
    #[error("the repository does not have the file")]
    NotServed,
}

impl TrustError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Malformed { .. } | Self::OutOfScope { .. } => {
                "the publisher has to sign a corrected file; nothing was changed here"
            }
            Self::WrongKey { .. } | Self::ThresholdNotMet { .. } => {
                "do not go on: ask the publisher which keys sign, over a way you trust"
            }
            Self::Replayed { .. } | Self::RoleRemoved { .. } | Self::WrongVersion { .. } => {
                "the mirror may be stale or hostile; try the origin, or wait for it to catch up"
            }
            Self::Expired { .. } => {
                "check this machine's clock; if it is right, the registry has stopped signing"
            }
            Self::LengthMismatch { .. } | Self::DigestMismatch { .. } => {
                "the mirror may be stale or broken; try again or choose another"
            }
            Self::MissingRole { .. } => "the registry hides or lost a role; ask its operator",
            Self::SignerChanged { voucher: TrustLevel::Fresh, .. } => {
                "only the registry's online key vouches for the new signer; ask the author to get claimed"
            }
            Self::SignerChanged { voucher: TrustLevel::Claimed, .. } => {
                "compare the key ids with the author, then `newleaf trust accept NS`"
            }
            Self::LevelLowered { .. } => {
                "the registry's online key cannot replace keys vouched for offline; ask its operator"
            }
            Self::LimitExceeded { .. } => {
                "the file is larger than any honest one; try another mirror"
            }
            Self::Unavailable { .. } => "check the network and the repository's address",
            Self::NoAnchor { .. } => PUT_ROOT,
            Self::StoreDamaged { file, .. } if file == crate::store::ROOT => PUT_ROOT,
            Self::StoreDamaged { .. } => {
                "put the host's folder trust/ back from a backup; where there is none, remove all in it \
                 but root.json and pins/, and check again: what was seen before is then learnt anew"
            }
            Self::NotAsked => "this is a fault of the program; report it",
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "call sites read better without `&`")]
    pub(crate) fn damaged(file: &str, reason: impl ToString) -> Self {
        Self::StoreDamaged { file: file.to_owned(), reason: reason.to_string() }
    }

    #[expect(clippy::needless_pass_by_value, reason = "call sites read better without `&`")]
    pub(crate) fn malformed(file: &str, reason: impl ToString) -> Self {
        Self::Malformed { file: file.to_owned(), reason: reason.to_string() }
    }

    #[expect(clippy::needless_pass_by_value, reason = "call sites read better without `&`")]
    pub(crate) fn over_limit(
        file: &str,
        what: &'static str,
        found: impl ToString,
        allowed: impl ToString,
    ) -> Self {
        let (found, allowed) = (found.to_string(), allowed.to_string());
        Self::LimitExceeded { file: file.to_owned(), what, found, allowed }
    }
}
