//! A new root: signed by the thresholds of the old and of the new one (TUF §5.3.4), and still
//! naming this registry's online keys.

use newleaf_domain::Timestamp;
use newleaf_registry_api::Problem;
use newleaf_trust::key::PublicKey;
use newleaf_trust::layout::Lifetime;
use newleaf_trust::role::root::TopRole;
use newleaf_trust::role::{RoleBody as _, RootRole};
use newleaf_trust::{Limits, verify_role};

use super::every_role::{refused, untrusted, verified};
use super::{CheckError, Checked};
use crate::db::SubmissionRow;
use crate::registry::Registry;

/// Checks the root that follows the current one.
pub(super) async fn check(
    registry: &Registry,
    submission: &SubmissionRow,
    now: Timestamp,
) -> Result<Checked, CheckError> {
    let old = registry.current_root().await?;
    let by_old = old.authority(TopRole::Root).map_err(|error| untrusted(&error))?;
    let root = verified::<RootRole>(submission, &by_old, Lifetime::ROOT, now)?;
    let by_itself = root.authority(TopRole::Root).map_err(|error| untrusted(&error))?;
    verify_role::<RootRole>("root.json", &submission.file, &by_itself, &Limits::default())
        .map_err(|error| untrusted(&error))?;
    let keys = &registry.keys;
    check_online(&root, TopRole::Timestamp, &keys.timestamp.public())?;
    check_online(&root, TopRole::Snapshot, &keys.snapshot.public())?;
    Ok(Checked::default())
}

fn check_online(root: &RootRole, role: TopRole, own: &PublicKey) -> Result<(), Problem> {
    let named = root.authority(role).map_err(|error| untrusted(&error))?;
    if named.threshold().is_met_by(1) && named.material().contains(own) {
        return Ok(());
    }
    let version = root.header().version;
    let detail =
        format!("root {version} does not let this registry's online key sign {}", role.as_str());
    Err(refused(format!("roles.{}", role.as_str()), detail))
}
