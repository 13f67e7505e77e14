//! The signatures that everything hangs on are in force.

use crate::Updater;
use crate::explain::chain;
use crate::preflight::{block, pass, warn};
use crate::view::{Prerequisite, PrerequisiteId};

/// Judges the newest view of the repository by the time now: the one that is kept on disk, where
/// nobody has looked since this process began.
pub(super) async fn measure(updater: &Updater) -> Prerequisite {
    let id = PrerequisiteId::Signatures;
    let now = updater.ports().clock.now();
    let recalled = updater.recall().await;
    let Some(view) = updater.known() else {
        let row = match recalled {
            Err(error) if updater.was_ever_read().await => block(
                id,
                format!("what is kept of the repository cannot be used: {}", chain(&error)),
                "Look at the repository again.",
            ),
            Ok(()) | Err(_) => {
                block(id, "nothing is known of the repository yet", "Look at it once.")
            }
        };
        return Prerequisite { command: Some("newleaf check".to_owned()), ..row };
    };
    let expires = view.expires();
    if expires <= now {
        let row = block(
            id,
            format!("expired at {expires}, it is {now}"),
            "Check this machine's clock; else the registry has stopped signing.",
        );
        return Prerequisite { command: Some("newleaf check".to_owned()), ..row };
    }
    match view.freshness.clock {
        Some(behind) => warn(
            id,
            format!(
                "this machine's clock says {}, a signature was made at {}",
                behind.clock, behind.signed_at
            ),
            "Set this machine's clock.",
        ),
        None => pass(id, format!("in force until {expires}")),
    }
}
