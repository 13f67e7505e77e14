//! Every directory an update writes must take a new file, a sync, a rename and a removal.

use std::path::Path;

use crate::Updater;
use crate::port::{Area, Probe, ProbeFault, ProbeResult};
use crate::preflight::{block, pass};
use crate::view::{Prerequisite, PrerequisiteId};

/// One row where all can be written, else one row for each that cannot.
pub(super) async fn measure(updater: &Updater) -> Vec<Prerequisite> {
    let mut refused = Vec::new();
    for area in Area::ALL {
        let probe = updater.ports().ground.probe(area).await;
        if let ProbeResult::Failed { doing, fault, detail } = &probe.result {
            refused.push(row(&probe, doing, *fault, detail));
        }
    }
    if refused.is_empty() {
        let count = Area::ALL.len();
        refused.push(pass(PrerequisiteId::Write, format!("{count} directories were written")));
    }
    refused
}

fn row(probe: &Probe, doing: &str, fault: ProbeFault, detail: &str) -> Prerequisite {
    let Probe { path, owner, mode, user, .. } = probe;
    let shown = path.display();
    let measured = format!(
        "cannot {doing} in {shown}: {detail} (owner {owner}, mode {mode:04o}, running as {user})"
    );
    let (remedy, command) = remedy(probe, fault);
    Prerequisite { command, ..block(PrerequisiteId::Write, measured, remedy) }
}

/// The bits with which a directory's owner may add to it.
const OWNER_WRITES: u32 = 0o300;

/// The sentence and the command that mend it.
fn remedy(probe: &Probe, fault: ProbeFault) -> (String, Option<String>) {
    let path = quoted(&probe.path);
    match fault {
        ProbeFault::Permission if probe.owner != probe.user => {
            let own = format!("sudo chown -R {} {path}", probe.user);
            let command = match probe.mode & OWNER_WRITES {
                OWNER_WRITES => own,
                _ => format!("{own} && sudo chmod u+rwx {path}"),
            };
            (format!("Give {path} to {}.", probe.user), Some(command))
        }
        ProbeFault::Permission => {
            ("Allow its owner to write.".to_owned(), Some(format!("sudo chmod u+rwx {path}")))
        }
        ProbeFault::ReadOnly => (
            "Mount its filesystem for writing.".to_owned(),
            Some(format!("sudo mount -o remount,rw \"$(findmnt -no TARGET -T {path})\"")),
        ),
        ProbeFault::Full => {
            ("Free some space or raise the quota.".to_owned(), Some(format!("df -h {path}")))
        }
        ProbeFault::Missing => ("Make the directory.".to_owned(), Some(format!("mkdir -p {path}"))),
        ProbeFault::Other => ("Look at the disk and the system's log.".to_owned(), None),
    }
}

/// The path as a shell takes it.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Standing;

    fn probe(owner: &str, fault: ProbeFault) -> Probe {
        Probe {
            path: "/srv/new leaf/slots".into(),
            owner: owner.to_owned(),
            mode: 0o555,
            user: "leaf".to_owned(),
            result: ProbeResult::Failed {
                doing: "create a file",
                fault,
                detail: "Permission denied".to_owned(),
            },
        }
    }

    #[test]
    fn the_command_fits_the_owner() {
        let command = |owner| {
            remedy(&probe(owner, ProbeFault::Permission), ProbeFault::Permission).1.unwrap()
        };
        assert_eq!(
            command("root"),
            "sudo chown -R leaf '/srv/new leaf/slots' && sudo chmod u+rwx '/srv/new leaf/slots'"
        );
        assert_eq!(command("leaf"), "sudo chmod u+rwx '/srv/new leaf/slots'");
    }

    #[test]
    fn the_row_names_path_owner_and_mode() {
        let row = row(
            &probe("root", ProbeFault::Permission),
            "create a file",
            ProbeFault::Permission,
            "denied",
        );
        assert_eq!(row.standing, Standing::Block);
        assert_eq!(
            row.measured,
            "cannot create a file in /srv/new leaf/slots: denied (owner root, mode 0555, running as leaf)"
        );
    }
}
