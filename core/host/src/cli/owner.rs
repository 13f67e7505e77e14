//! Who owns a host's folder: only that user works in it, so that no file becomes another's.

use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use newleaf_domain::shell;

use crate::route::{Kind, Problem};

/// What stands between this process and the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// This user owns it.
    Owner,
    /// This user is root and the owner is another: it can become that user.
    RootOver {
        /// The owner.
        uid: u32,
        /// The owner's group.
        gid: u32,
    },
    /// Another user owns it.
    Stranger,
}

/// What stands between this process and `dir`.
///
/// # Errors
/// The folder cannot be looked at.
pub(crate) fn standing(dir: &Path) -> Result<Standing, Problem> {
    let metadata = std::fs::metadata(dir).map_err(|error| {
        Problem::new(Kind::Blocked, format!("look at the folder {}: {error}", dir.display()))
            .state("no host runs there")
            .todo("name the host's folder by --dir, or make one: newleaf init --help")
    })?;
    Ok(match (rustix::process::geteuid().as_raw(), metadata.uid()) {
        (us, owner) if us == owner => Standing::Owner,
        (0, owner) => Standing::RootOver { uid: owner, gid: metadata.gid() },
        _ => Standing::Stranger,
    })
}

/// Makes sure that this process is the owner of `dir`: as root it starts itself again as that user
/// and does not come back.
///
/// # Errors
/// Another user owns it, or this program cannot be started as the owner.
pub(crate) fn become_owner(dir: &Path) -> Result<(), Problem> {
    match standing(dir)? {
        Standing::Owner => Ok(()),
        Standing::Stranger => Err(not_yours(dir)),
        Standing::RootOver { uid, gid } => {
            let program = std::env::current_exe().map_err(|error| {
                Problem::new(Kind::Failed, format!("find this program's file: {error}"))
            })?;
            // The standard library drops the supplementary groups where root gives up its uid.
            let error =
                Command::new(program).args(std::env::args_os().skip(1)).uid(uid).gid(gid).exec();
            tracing::debug!("cannot start again as uid {uid}: {error}");
            Err(not_yours(dir))
        }
    }
}

/// The folder is another user's: the line that does it right.
pub(crate) fn not_yours(dir: &Path) -> Problem {
    let owner = std::fs::metadata(dir)
        .map_or_else(|_| "<owner>".to_owned(), |metadata| name_of(metadata.uid()));
    let us = us();
    let line = std::env::args_os().map(shell::word).collect::<Vec<_>>().join(" ");
    Problem::new(
        Kind::Blocked,
        format!("work in {}: it is owned by {owner}, this is {us}", dir.display()),
    )
    .todo(format!("sudo -u {owner} {line}"))
}

/// The account name of this user.
pub(crate) fn us() -> String {
    name_of(rustix::process::geteuid().as_raw())
}

/// The account name of a user, or `#<uid>` (as `sudo -u` takes it) where there is none.
pub(crate) fn name_of(uid: u32) -> String {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    account(&accounts, uid).unwrap_or_else(|| format!("#{uid}"))
}

fn account(accounts: &str, uid: u32) -> Option<String> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid.to_string()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_becomes_its_account_name() {
        let accounts =
            "root:x:0:0:root:/root:/bin/sh\nnewleaf:x:998:997::/srv/newleaf:/usr/sbin/nologin\n";
        assert_eq!(account(accounts, 998).as_deref(), Some("newleaf"));
        assert_eq!(account(accounts, 997), None);
    }

    #[test]
    fn a_folder_of_ones_own_needs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(standing(folder.path()).unwrap(), Standing::Owner);
    }
}
