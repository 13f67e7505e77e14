//! Roles that name other signers: the top `targets` and the offline `claimed` ones. They list no
//! files.

use newleaf_domain::Timestamp;
use newleaf_registry_api::Problem;
use newleaf_trust::Authority;
use newleaf_trust::layout::{self, ADVISORIES, CATALOGUE, FRESH, Lifetime};
use newleaf_trust::role::root::TopRole;
use newleaf_trust::role::{Delegation, Delegations, TargetsRole};

use super::every_role::{current, refused, untrusted, verified};
use super::{CheckError, Checked, Claim};
use crate::db::SubmissionRow;
use crate::publish::BatchError;
use crate::registry::Registry;

/// The keys that the current `targets` role names for the role called `name`.
pub(super) async fn authority_of(registry: &Registry, name: &str) -> Result<Authority, CheckError> {
    let targets = current::<TargetsRole>(registry, "targets").await?;
    let targets = targets.ok_or(CheckError::Fault(BatchError::Incomplete { role: "targets" }))?;
    let delegations = targets.delegations.unwrap_or_default();
    let named = delegations.role(name).map(|delegation| delegations.authority(delegation));
    Ok(named.ok_or_else(|| refused("role", format!("targets.json does not delegate to {name}")))?)
}

/// Checks a new `targets` role: it still names this registry's online keys, without which nothing
/// could be published any more.
pub(super) async fn check_top(
    registry: &Registry,
    submission: &SubmissionRow,
    now: Timestamp,
) -> Result<Checked, CheckError> {
    let root = registry.current_root().await?;
    let authority = root.authority(TopRole::Targets).map_err(|error| untrusted(&error))?;
    let role = verified::<TargetsRole>(submission, &authority, Lifetime::OFFLINE, now)?;
    let delegations = only_delegations(&role)?;
    for name in [ADVISORIES, CATALOGUE, FRESH] {
        let own = registry.keys.of_delegation(name);
        let named = delegations.role(name).map(|found| delegations.authority(found));
        let can_sign = named.is_some_and(|named| {
            named.threshold().is_met_by(1) && own.is_some_and(|own| named.material().contains(&own))
        });
        if !can_sign {
            let detail = format!("role {name} is not delegated to this registry's online key");
            return Err(refused("delegations", detail).into());
        }
    }
    Ok(Checked::default())
}

/// Checks a `claimed` role: it names authors and nothing else, each for her own paths.
pub(super) async fn check_claimed(
    registry: &Registry,
    submission: &SubmissionRow,
    now: Timestamp,
) -> Result<Checked, CheckError> {
    let authority = authority_of(registry, &submission.role).await?;
    let role = verified::<TargetsRole>(submission, &authority, Lifetime::OFFLINE, now)?;
    let delegations = only_delegations(&role)?;
    let claims = delegations.roles.iter().map(|delegation| claim(&delegations, delegation));
    Ok(Checked { claims: claims.collect::<Result<_, _>>()?, ..Checked::default() })
}

fn only_delegations(role: &TargetsRole) -> Result<Delegations, Problem> {
    match role.targets.keys().next() {
        Some(path) => {
            Err(refused("targets", format!("{path} is listed, but this role lists no files")))
        }
        None => Ok(role.delegations.clone().unwrap_or_default()),
    }
}

fn claim(delegations: &Delegations, delegation: &Delegation) -> Result<Claim, Problem> {
    let name = &delegation.name;
    let field = format!("delegations.roles[\"{name}\"]");
    let namespace = layout::namespace_of_role(name)
        .ok_or_else(|| refused(&*field, format!("{name} is not the role of a namespace")))?;
    let paths = layout::author_paths(&namespace);
    if delegation.paths.iter().any(|path| path.as_str() != paths) || delegation.paths.len() != 1 {
        return Err(refused(field, format!("{name} may sign for {paths} and for nothing else")));
    }
    if !delegation.terminating {
        return Err(refused(field, format!("{name} must be terminating")));
    }
    let authority = delegations.authority(delegation);
    let keys = authority.material().into_iter().collect::<Vec<_>>();
    let threshold = authority.threshold();
    if !threshold.is_met_by(keys.len()) {
        let detail = format!("{name} needs {threshold} keys, but {} are usable", keys.len());
        return Err(refused(field, detail));
    }
    Ok(Claim { namespace, keys, threshold })
}
