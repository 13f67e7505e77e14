//! Prerequisites of an update, one file each: measured, judged, and with the command that mends
//! what does not hold. Changes nothing.

mod busy;
mod core_range;
mod filesystem;
mod inodes;
mod ports;
mod repository;
mod signatures;
mod space;
mod storage;
mod write;

use newleaf_domain::{ByteSize, UpdateId};
use newleaf_plan::Change;

use crate::Updater;
use crate::view::{Prerequisite, PrerequisiteId, Standing};

/// Space `change` needs for its time.
pub(crate) async fn needed(updater: &Updater, change: &Change) -> ByteSize {
    space::needed(updater, Some(change)).await
}

/// Whether the next start would get its ports, where it would not for sure.
pub(crate) async fn lost_ports(updater: &Updater) -> Option<Prerequisite> {
    Some(ports::measure(updater).await).filter(|row| row.standing != Standing::Pass)
}

/// How much is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope<'a> {
    /// The machine alone: for going back to a version that is still here.
    Machine,
    /// The machine and the repository.
    Any,
    /// All of it, for this change.
    Change(&'a Change),
}

impl<'a> Scope<'a> {
    const fn change(self) -> Option<&'a Change> {
        match self {
            Self::Change(change) => Some(change),
            Self::Machine | Self::Any => None,
        }
    }
}

/// Measures everything in `scope`. `own` is the update that asks, which is no other update.
pub(crate) async fn measure(
    updater: &Updater,
    scope: Scope<'_>,
    own: Option<&UpdateId>,
) -> Vec<Prerequisite> {
    let mut rows = write::measure(updater).await;
    rows.push(filesystem::measure(updater).await);
    rows.push(space::measure(updater, scope.change()).await);
    rows.extend(inodes::measure(updater).await);
    if !matches!(scope, Scope::Machine) {
        rows.push(repository::measure(updater).await);
        rows.push(signatures::measure(updater).await);
    }
    rows.extend(scope.change().and_then(|change| core_range::measure(updater, change)));
    rows.extend(scope.change().and_then(|change| storage::measure(updater, change)));
    rows.push(ports::measure(updater).await);
    rows.push(busy::measure(updater, own).await);
    rows.sort_by_key(|row| std::cmp::Reverse(row.standing));
    rows
}

fn pass(id: PrerequisiteId, measured: impl Into<String>) -> Prerequisite {
    Prerequisite {
        id,
        standing: Standing::Pass,
        measured: measured.into(),
        remedy: None,
        command: None,
    }
}

fn warn(
    id: PrerequisiteId,
    measured: impl Into<String>,
    remedy: impl Into<String>,
) -> Prerequisite {
    Prerequisite { standing: Standing::Warn, remedy: Some(remedy.into()), ..pass(id, measured) }
}

fn block(
    id: PrerequisiteId,
    measured: impl Into<String>,
    remedy: impl Into<String>,
) -> Prerequisite {
    Prerequisite { standing: Standing::Block, ..warn(id, measured, remedy) }
}
