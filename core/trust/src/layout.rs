//! The names, paths and lifetimes of a repository's roles. Says how a repository is laid out, never
//! what to trust: that is decided by the delegations a root leads to.
//!
//! The top targets role lists no files and delegates in this order: `core`, `advisories`,
//! `catalogue`, `claimed` (or several `claimed-*`), `fresh`.

use newleaf_domain::{Digest, Namespace};

use crate::pin::TrustLevel;
use crate::role::MetadataVersion;
use crate::role::targets::Ending;

/// Host binaries; offline keys.
pub const CORE: &str = "core";
/// Yanks and revoked digests; online key, can only deny.
pub const ADVISORIES: &str = "advisories";
/// What there is to browse; online key, display only.
pub const CATALOGUE: &str = "catalogue";
/// Authors vouched for by the admins' offline keys; `claimed-<part>` where it was split.
pub const CLAIMED: &str = "claimed";
/// Authors that nobody has vouched for yet; online key.
pub const FRESH: &str = "fresh";

/// The target path of the list of advisories.
pub const ADVISORIES_PATH: &str = "meta/advisories.json";

/// Seconds in a day.
const DAY: i64 = 86_400;

/// How long a signed file is trusted, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime;

impl Lifetime {
    /// Root: a year; renewed at 60 days.
    pub const ROOT: i64 = 365 * DAY;
    /// Timestamp: a day; signed anew each hour.
    pub const TIMESTAMP: i64 = DAY;
    /// Snapshot: a week.
    pub const SNAPSHOT: i64 = 7 * DAY;
    /// Top targets, `core`, `claimed` and authors' roles: 180 days.
    pub const OFFLINE: i64 = 180 * DAY;
    /// `advisories` and `catalogue`: a week.
    pub const ONLINE: i64 = 7 * DAY;
    /// `fresh`: 30 days.
    pub const FRESH: i64 = 30 * DAY;
}

/// The patterns and ending of one of the top targets role's delegations; nothing for other names.
pub fn delegation(role: &str) -> Option<(&'static [&'static str], Ending)> {
    match role {
        CORE => Some((&["core/*/*/*"], Ending::Terminating)),
        ADVISORIES => Some((&["meta/advisories*"], Ending::Terminating)),
        CATALOGUE => Some((&["meta/catalogue/*"], Ending::Terminating)),
        CLAIMED => Some((&["apps/*/*/*/*"], Ending::FallsThrough)),
        FRESH => Some((&["apps/*/*/*/*"], Ending::Terminating)),
        _ => None,
    }
}

/// The name of a namespace's own role, `pub.<namespace>`.
pub fn author_role(namespace: &Namespace) -> String {
    format!("pub.{namespace}")
}

/// The paths that a namespace's own role may list.
pub fn author_paths(namespace: &Namespace) -> String {
    format!("apps/{namespace}/*/*/*")
}

/// The namespace of an author's role, where the name is one.
pub fn namespace_of_role(role: &str) -> Option<Namespace> {
    Namespace::parse(role.strip_prefix("pub.")?).ok()
}

/// How a role that names authors' keys is signed: `claimed` and `claimed-*` by offline keys, every
/// other one by an online key.
pub fn level_of_introducer(role: &str) -> TrustLevel {
    let is_claimed =
        role.strip_prefix(CLAIMED).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    if is_claimed { TrustLevel::Claimed } else { TrustLevel::Fresh }
}

/// `<version>.<role>.json`, the name a role's file is served under.
pub fn versioned_file(version: MetadataVersion, role: &str) -> String {
    format!("{version}.{role}.json")
}

/// `<folder>/<sha256>.<file>`, the name a target is served under.
pub fn stored_path(path: &str, sha256: Digest) -> String {
    match path.rsplit_once('/') {
        Some((folder, file)) => format!("{folder}/{sha256}.{file}"),
        None => format!("{sha256}.{path}"),
    }
}
