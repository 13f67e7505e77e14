//! No other update runs.

use newleaf_domain::UpdateId;

use crate::Updater;
use crate::explain::chain;
use crate::preflight::{block, pass, warn};
use crate::view::{Prerequisite, PrerequisiteId};

/// Looks for an open update that is not `own`.
pub(super) async fn measure(updater: &Updater, own: Option<&UpdateId>) -> Prerequisite {
    let id = PrerequisiteId::Busy;
    match updater.running().await {
        Err(error) => warn(id, chain(&error), "Look at the log of the host."),
        Ok(Some(running)) if Some(&running) != own => {
            block(id, format!("update {running} runs"), "Wait until it is over.")
        }
        Ok(_) => pass(id, "none runs"),
    }
}
