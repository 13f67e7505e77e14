//! Room for new files, where the filesystem counts them.

use crate::Updater;
use crate::preflight::{block, pass};
use crate::view::{Prerequisite, PrerequisiteId};

/// A package may have 4096 members; a slot and its staging folder exist at once.
const NEEDED: u64 = 10_000;

/// Nothing where files are not counted, or where that cannot be learnt; `space` says so then.
pub(super) async fn measure(updater: &Updater) -> Option<Prerequisite> {
    let id = PrerequisiteId::Inodes;
    let space = updater.ports().ground.space().await.ok()?;
    let free = space.inodes?;
    let measured = format!("{free} free in {}, {NEEDED} needed", space.path.display());
    Some(if free >= NEEDED {
        pass(id, measured)
    } else {
        let row = block(id, measured, "Remove files that nobody needs.");
        Prerequisite { command: Some(format!("df -i {}", space.path.display())), ..row }
    })
}
