//! An app asks for no more storage than this host gives.

use newleaf_domain::Grant;
use newleaf_plan::Change;

use super::{block, pass};
use crate::Updater;
use crate::view::{Prerequisite, PrerequisiteId};

/// Nothing where `change` asks for no more storage than the app has today: what was granted stays.
pub(super) fn measure(updater: &Updater, change: &Change) -> Option<Prerequisite> {
    let app = change.target.app()?;
    let wanted = change.grant_changes.iter().find_map(|change| match change.to {
        Some(Grant::Storage { quota }) if change.widens => Some(quota),
        Some(_) | None => None,
    })?;
    let (id, most) = (PrerequisiteId::Storage, updater.settings().most_storage);
    let measured = format!("{app} asks to store {wanted}, an app of this host may store {most}");
    if wanted <= most {
        return Some(pass(id, measured));
    }
    let remedy = format!(
        "If it is to have so much, set most_storage = {} under [apps] in newleaf.toml and start the \
         host again; else ask its author for a smaller claim.",
        wanted.as_u64()
    );
    Some(block(id, measured, remedy))
}
