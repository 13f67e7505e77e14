//! All of the host's folder is on one local filesystem, where a rename is one step and a lock is
//! a lock, and programs may be run from it.

use newleaf_domain::shell;

use crate::Updater;
use crate::explain::chain;
use crate::port::Locality;
use crate::preflight::{block, pass, warn};
use crate::view::{Prerequisite, PrerequisiteId};

/// Judges the filesystem's kind, that nothing below is mounted from elsewhere, and that versions can
/// be started.
pub(super) async fn measure(updater: &Updater) -> Prerequisite {
    let id = PrerequisiteId::Filesystem;
    let found = match updater.ports().ground.filesystem().await {
        Err(error) => {
            return warn(id, chain(&error), "Check by hand that the folder is on a local disk.");
        }
        Ok(found) => found,
    };
    let path = found.path.display();
    if let Some(folder) = &found.noexec {
        let shown = folder.display();
        let measured =
            format!("{shown} is on a filesystem that is mounted noexec: no version in it can run");
        let target = format!("\"$(findmnt -no TARGET -T {})\"", shell::word(folder));
        let command = Some(format!("sudo mount -o remount,exec {target}"));
        return Prerequisite { command, ..block(id, measured, "Mount it with exec.") };
    }
    match (&found.elsewhere, found.locality) {
        (Some(other), _) => block(
            id,
            format!("{} is on another filesystem than {path}", other.display()),
            format!("Keep all of {path} on one filesystem."),
        ),
        (None, Locality::Network) => block(
            id,
            format!("{path} is on {}, a network filesystem", found.kind),
            "Move the folder to a local disk: locks and renames cannot be relied on over a network.",
        ),
        (None, Locality::Local) => pass(id, format!("{path} is on {}", found.kind)),
    }
}
