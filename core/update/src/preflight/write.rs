//! Every directory an update writes must take a new file, a sync, a rename and a removal, and what
//! is written where it lies must be the host's to write.

use newleaf_domain::shell;

use crate::Updater;
use crate::port::{Area, Probe, ProbeFault, ProbeResult, Probed};
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
    let place = match probe.kind {
        Probed::Folder => " in",
        Probed::File => "",
    };
    let measured = format!(
        "cannot {doing}{place} {shown}: {detail} (owner {owner}, mode {mode:04o}, running as {user})"
    );
    let (remedy, command) = remedy(probe, fault);
    Prerequisite { command, ..block(PrerequisiteId::Write, measured, remedy) }
}

/// The bits with which an owner may add to a directory, or write a file, and how they are given.
const fn owner_writes(kind: Probed) -> (u32, &'static str) {
    match kind {
        Probed::Folder => (0o300, "u+rwx"),
        Probed::File => (0o600, "u+rw"),
    }
}

/// The sentence and the command that mend it.
fn remedy(probe: &Probe, fault: ProbeFault) -> (String, Option<String>) {
    let path = shell::word(&probe.path);
    let (bits, given) = owner_writes(probe.kind);
    match fault {
        ProbeFault::Permission if probe.owner != probe.user => {
            let own = format!("sudo chown -R {} {path}", probe.user);
            let command = if probe.mode & bits == bits {
                own
            } else {
                format!("{own} && sudo chmod {given} {path}")
            };
            (format!("Give {path} to {}.", probe.user), Some(command))
        }
        ProbeFault::Permission => {
            ("Allow its owner to write.".to_owned(), Some(format!("sudo chmod {given} {path}")))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Standing;

    fn probe(owner: &str, fault: ProbeFault) -> Probe {
        Probe {
            path: "/srv/new leaf/slots".into(),
            kind: Probed::Folder,
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
        let file = |owner, mode| {
            let (path, kind) = ("/srv/leaf/journal.jsonl".into(), Probed::File);
            let probe = Probe { path, kind, mode, ..probe(owner, ProbeFault::Permission) };
            remedy(&probe, ProbeFault::Permission).1.unwrap()
        };
        assert_eq!(file("root", 0o600), "sudo chown -R leaf /srv/leaf/journal.jsonl");
        assert_eq!(file("leaf", 0o400), "sudo chmod u+rw /srv/leaf/journal.jsonl");
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
