//! The author's next role: the current one with a release more, and old ones dropped where there
//! are too many. Pure: bytes and a time in, a role out.

use std::collections::{BTreeMap, BTreeSet};

use newleaf_domain::{Channel, Namespace, PackageName, Release, Timestamp, Version};
use newleaf_registry_api::{FileKind, ReleaseFile};
use newleaf_trust::layout::{Lifetime, author_role};
use newleaf_trust::role::{MetadataVersion, TargetRecord, TargetsRole, Threshold};
use newleaf_trust::{Authority, Limits, PublicKey, TrustError, verify_role};
use serde::Deserialize as _;

/// Most releases that a role lists: what keeps it far below the megabyte a host reads.
pub(crate) const MAX_RELEASES: usize = 200;
/// Seconds for which a release is never dropped: 90 days.
const KEPT: i64 = 90 * 86_400;

/// The role to sign.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NextRole {
    pub(crate) role: TargetsRole,
    pub(crate) version: MetadataVersion,
    /// Releases that are listed no more.
    pub(crate) dropped: Vec<(PackageName, Version)>,
}

/// What is to be done for a release.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Nothing: the current role lists exactly it.
    AlreadyListed,
    /// Sign this.
    Sign(Box<NextRole>),
}

/// Why there is no next role. Completes "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RoleError {
    /// The current role is not this author's.
    #[error("the registry's current role is not yours")]
    NotOurs(#[source] TrustError),
    /// The registry says another version than the role itself.
    #[error("the registry calls its role version {said}, but it is version {found}")]
    OtherVersion {
        /// The registry's word.
        said: u64,
        /// The signed one.
        found: MetadataVersion,
    },
    /// The same path with another content.
    #[error("{path} was published with other bytes, and a release never changes")]
    Released {
        /// The target path.
        path: String,
    },
    /// The release cannot be described.
    #[error("the release cannot be described: {0}")]
    Description(String),
    /// No version can follow.
    #[error("version {0} of the role is the last there can be")]
    LastVersion(MetadataVersion),
}

/// Believes the current role of `namespace` if `key` signed it, and it is the version the registry
/// says. Signing what comes after a role means vouching for all that it lists.
pub(crate) fn believe(
    namespace: &Namespace,
    said: u64,
    bytes: &[u8],
    key: PublicKey,
) -> Result<TargetsRole, RoleError> {
    let file = format!("{}.json", author_role(namespace));
    let authority = Authority::new([key], Threshold::ONE);
    let role = verify_role::<TargetsRole>(&file, bytes, &authority, &Limits::default())
        .map_err(RoleError::NotOurs)?;
    let found = role.header.version;
    if found.get() != said {
        return Err(RoleError::OtherVersion { said, found });
    }
    Ok(role.into_inner())
}

/// The step from `current` to a role that lists `records` too.
pub(crate) fn next(
    current: Option<TargetsRole>,
    records: Vec<(ReleaseFile, TargetRecord)>,
    now: Timestamp,
) -> Result<Step, RoleError> {
    let expires = now.plus_seconds(Lifetime::OFFLINE);
    let version = match &current {
        None => MetadataVersion::FIRST,
        Some(role) => {
            let last = role.header.version;
            last.next().ok_or(RoleError::LastVersion(last))?
        }
    };
    let mut role = current.unwrap_or_else(|| TargetsRole::new(version, expires));
    if lists_all(&role, &records)? {
        return Ok(Step::AlreadyListed);
    }
    role.header.version = version;
    role.header.expires = expires;
    let ours = records.first().map(|(file, _)| key_of(file));
    for (file, record) in records {
        role.targets.insert(file.to_string(), record);
    }
    let dropped = prune(&mut role, ours.as_ref(), now);
    Ok(Step::Sign(Box::new(NextRole { role, version, dropped })))
}

/// Whether each of `records` is listed already, with the same bytes.
fn lists_all(
    role: &TargetsRole,
    records: &[(ReleaseFile, TargetRecord)],
) -> Result<bool, RoleError> {
    let mut all = true;
    for (file, record) in records {
        let path = file.to_string();
        match role.targets.get(&path) {
            Some(listed) if listed.hashes.get("sha256") == record.hashes.get("sha256") => {}
            Some(_) => return Err(RoleError::Released { path }),
            None => all = false,
        }
    }
    Ok(all)
}

type Key = (PackageName, Version);

fn key_of(file: &ReleaseFile) -> Key {
    (file.app.clone(), file.version.clone())
}

/// Drops the oldest releases that may go, until [`MAX_RELEASES`] are left or none may go: never the
/// newest of an app's channel, a stepping stone, one younger than 90 days, or `ours`.
fn prune(role: &mut TargetsRole, ours: Option<&Key>, now: Timestamp) -> Vec<Key> {
    let releases = releases(role);
    let mut newest = BTreeMap::<(&PackageName, Channel), &Version>::new();
    for ((app, version), listed) in &releases {
        let slot = newest.entry((app, listed.release.channel)).or_insert(version);
        *slot = (*slot).max(version);
    }
    let newest = newest.into_iter().map(|((app, _), version)| (app.clone(), version.clone()));
    let mut kept = newest.collect::<BTreeSet<Key>>();
    kept.extend(ours.cloned());
    let mut may_go = releases
        .iter()
        .filter(|(key, listed)| {
            let age = now.seconds_since(listed.release.published);
            !kept.contains(*key) && !listed.is_stone && age > KEPT
        })
        .map(|(key, listed)| (listed.release.published, key.clone()))
        .collect::<Vec<_>>();
    may_go.sort();
    let too_many = releases.len().saturating_sub(MAX_RELEASES);
    let dropped = may_go.into_iter().take(too_many).map(|(_, key)| key).collect::<Vec<_>>();
    role.targets.retain(|path, _| {
        ReleaseFile::parse(path).map_or(true, |file| !dropped.contains(&key_of(&file)))
    });
    dropped
}

struct Listed {
    release: Release,
    is_stone: bool,
}

/// The releases of a role by app and version. One whose description is not understood is not among
/// them, and so is never dropped.
fn releases(role: &TargetsRole) -> BTreeMap<Key, Listed> {
    let listed = |(path, record): (&String, &TargetRecord)| {
        let file = ReleaseFile::parse(path).ok().filter(|file| file.kind == FileKind::Package)?;
        let release = Release::deserialize(&record.custom["release"]).ok()?;
        let is_stone = record.custom["manifest"]["stepping_stone"] == true;
        Some((key_of(&file), Listed { release, is_stone }))
    };
    role.targets.iter().filter_map(listed).collect()
}

#[cfg(test)]
mod tests {
    use newleaf_trust::{KeyPair, sign_role};
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn record(text: &str, published: Timestamp, stone: bool) -> TargetRecord {
        TargetRecord::of(text.as_bytes()).with_custom(json!({
            "manifest": {"stepping_stone": stone},
            "release": {"channel": "stable", "rollout": 100, "published": published},
        }))
    }

    fn release(version: &str, days_ago: i64, stone: bool) -> Vec<(ReleaseFile, TargetRecord)> {
        let package = format!("apps/acme/notes/{version}/notes.zip");
        let readme = format!("apps/acme/notes/{version}/README.md");
        let published = NOW.plus_seconds(-days_ago * 86_400);
        vec![
            (ReleaseFile::parse(&package).unwrap(), record(version, published, stone)),
            (ReleaseFile::parse(&readme).unwrap(), TargetRecord::of(b"read me")),
        ]
    }

    fn signed(step: Step) -> NextRole {
        match step {
            Step::Sign(next) => *next,
            Step::AlreadyListed => panic!("there is nothing to sign"),
        }
    }

    #[test]
    fn the_first_role_is_version_one_and_each_adds_to_the_one_before() {
        let first = signed(next(None, release("1.0.0", 0, false), NOW).unwrap());
        assert_eq!((first.version.get(), first.role.targets.len()), (1, 2));
        assert_eq!(first.role.header.expires, NOW.plus_seconds(180 * 86_400));
        let second = signed(next(Some(first.role), release("1.1.0", 0, false), NOW).unwrap());
        assert_eq!((second.version.get(), second.role.targets.len()), (2, 4));
        assert_eq!(second.role.header.version, second.version);
    }

    #[test]
    fn a_release_that_is_listed_already_needs_no_role() {
        let first = signed(next(None, release("1.0.0", 0, false), NOW).unwrap());
        let again = next(Some(first.role), release("1.0.0", 0, false), NOW).unwrap();
        assert_eq!(again, Step::AlreadyListed);
    }

    #[test]
    fn a_release_never_changes() {
        let first = signed(next(None, release("1.0.0", 0, false), NOW).unwrap());
        let mut other = release("1.0.0", 0, false);
        other[0].1 = record("other bytes", NOW, false);
        let refused = next(Some(first.role), other, NOW).unwrap_err();
        assert!(matches!(refused, RoleError::Released { .. }), "{refused}");
    }

    #[test]
    fn a_role_that_another_key_signed_is_not_built_on() {
        let (ours, theirs) = (KeyPair::generate([1; 32]), KeyPair::generate([2; 32]));
        let first = signed(next(None, release("1.0.0", 0, false), NOW).unwrap());
        let acme = Namespace::parse("acme").unwrap();
        let by = |key: &KeyPair| sign_role(&first.role, &[key]).unwrap();
        assert!(believe(&acme, 1, &by(&ours), ours.public()).is_ok());
        let refused = believe(&acme, 1, &by(&theirs), ours.public()).unwrap_err();
        assert!(matches!(refused, RoleError::NotOurs(_)), "{refused}");
        let refused = believe(&acme, 2, &by(&ours), ours.public()).unwrap_err();
        assert!(matches!(refused, RoleError::OtherVersion { .. }), "{refused}");
    }

    #[test]
    fn the_oldest_releases_are_dropped_and_stones_and_young_ones_kept() {
        let mut role = TargetsRole::new(MetadataVersion::FIRST, NOW);
        let add = |role: &mut TargetsRole, release: Vec<(ReleaseFile, TargetRecord)>| {
            let listed = release.into_iter().map(|(file, record)| (file.to_string(), record));
            role.targets.extend(listed);
        };
        add(&mut role, release("0.1.0", 999, true));
        for minor in 0..MAX_RELEASES {
            let age = 900 - i64::try_from(minor).unwrap();
            add(&mut role, release(&format!("1.{minor}.0"), age, false));
        }
        let next = signed(next(Some(role), release("2.0.0", 0, false), NOW).unwrap());
        let dropped = next.dropped.iter().map(|(_, version)| version.as_str()).collect::<Vec<_>>();
        assert_eq!(dropped, ["1.0.0", "1.1.0"]);
        assert_eq!(next.role.targets.len(), MAX_RELEASES * 2);
        assert!(!next.role.targets.contains_key("apps/acme/notes/1.0.0/README.md"));
        assert!(next.role.targets.contains_key("apps/acme/notes/0.1.0/notes.zip"));
    }
}
