//! Room for the download, the unpacked slot and a copy of the data, all at once.

use newleaf_domain::{ByteSize, Target};
use newleaf_plan::Change;

use crate::Updater;
use crate::explain::chain;
use crate::preflight::{block, pass, warn};
use crate::view::{Prerequisite, PrerequisiteId};

/// What must stay free for the journal, `state` and the database while an update runs.
const RESERVE: ByteSize = ByteSize::mib(16);

/// Compares what is free with what `change` needs.
pub(super) async fn measure(updater: &Updater, change: Option<&Change>) -> Prerequisite {
    let id = PrerequisiteId::Space;
    let needs = ByteSize::bytes(needed(updater, change).await.as_u64() + RESERVE.as_u64());
    match updater.ports().ground.space().await {
        Err(error) => warn(id, chain(&error), "Check by hand that there is room."),
        Ok(space) => {
            let measured =
                format!("{} free in {}, {needs} needed", space.free, space.path.display());
            if space.free >= needs {
                return pass(id, measured);
            }
            let missing = ByteSize::bytes(needs.as_u64() - space.free.as_u64());
            let row = block(id, measured, format!("Free at least {missing} more."));
            Prerequisite { command: Some(format!("df -h {}", space.path.display())), ..row }
        }
    }
}

/// Space a change needs for its time. Members are stored, so unpacked is as large as packed; the
/// compiled code of an app is about as large again.
pub(super) async fn needed(updater: &Updater, change: Option<&Change>) -> ByteSize {
    let Some(change) = change else { return ByteSize::bytes(0) };
    let package = change.length.as_u64();
    ByteSize::bytes(match &change.target {
        Target::Core => package * 2,
        Target::App(app) => {
            // Unknown counts as nothing: the snapshot itself fails cleanly where it does not fit.
            let data = updater.ports().plugins.data_size(app).await.unwrap_or_default();
            package * 3 + data.as_u64() * 2
        }
    })
}
