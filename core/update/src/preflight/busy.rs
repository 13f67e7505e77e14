//! No other update runs.

use newleaf_domain::UpdateId;

use crate::Updater;
use crate::explain::chain;
use crate::port::Reach;
use crate::preflight::{block, pass, warn};
use crate::view::{Prerequisite, PrerequisiteId};

/// Looks for an open update that is not `own`.
pub(super) async fn measure(updater: &Updater, own: Option<&UpdateId>) -> Prerequisite {
    let id = PrerequisiteId::Busy;
    let stopped = updater.ports().launcher.reach() == Reach::Folder;
    match updater.running().await {
        Err(error) => warn(id, chain(&error), "Look at the log of the host."),
        Ok(Some(open)) if Some(&open) != own && stopped => {
            let remedy = "It is cleared up before the next change, or when the host starts.";
            warn(id, format!("update {open} was interrupted"), remedy)
        }
        Ok(Some(running)) if Some(&running) != own => match updater.interruption(&running) {
            None => block(id, format!("update {running} runs"), "Wait until it is over."),
            Some(why) => {
                let remedy = "Make room on the disk, or mend it: the update then ends by itself.";
                block(id, format!("update {running} was interrupted: {why}"), remedy)
            }
        },
        Ok(_) => pass(id, "none runs"),
    }
}
