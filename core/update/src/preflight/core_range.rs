//! An app fits the core that runs.

use crate::Updater;
use crate::preflight::{block, pass};
use crate::view::{Prerequisite, PrerequisiteId};
use newleaf_plan::Change;

/// Nothing for core, and for an app that fits every core.
pub(super) fn measure(updater: &Updater, change: &Change) -> Option<Prerequisite> {
    let id = PrerequisiteId::CoreRange;
    change.target.app()?;
    let view = updater.known()?;
    let wanted = view.targets.file(&change.path)?.manifest().ok()?.core?;
    let have = &updater.ports().launcher.state().core.good.version;
    let measured = format!("needs core {wanted}, this is {have}");
    Some(if wanted.matches(have) {
        pass(id, measured)
    } else {
        let row = block(id, measured, "Update core first, or wait for a release that fits.");
        Prerequisite { command: Some("newleaf update core".to_owned()), ..row }
    })
}
