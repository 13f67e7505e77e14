//! The new host's folder: refused where it does not fit, made durably where it does.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::route::{Kind, Problem};
use newleaf_domain::shell;
use newleaf_launcher::Layout;

/// Every folder of a host, parents first. Only the owner may look into them.
const FOLDERS: [&str; 14] = [
    "run",
    "trust",
    "trust/pins",
    "slots",
    "slots/core",
    "slots/apps",
    "data",
    "data/core",
    "data/apps",
    "snapshots",
    "staging",
    "downloads",
    "cache",
    "plans",
];

/// Refuses a place whose sockets nobody could open, before anything is made.
pub(super) fn refuse_too_deep(dir: &Path) -> Result<(), Problem> {
    let Some((longest, allowed)) = Layout::new(dir).socket_too_long() else { return Ok(()) };
    let shown = dir.display();
    let room = dir.as_os_str().len().saturating_sub(longest - allowed);
    Err(Problem::new(
        Kind::Blocked,
        format!(
            "make a host in {shown}: the paths of its sockets would have up to {longest} bytes, and \
             the system allows {allowed} (unix(7))"
        ),
    )
    .state(format!("no host was made in {shown}"))
    .todo(format!("choose a place whose path has at most {room} bytes, such as /srv/newleaf")))
}

/// Refuses a folder that is a host already, holds foreign files, or lies on a network filesystem.
pub(super) fn refuse_unfit(dir: &Path) -> Result<(), Problem> {
    let (shown, typed) = (dir.display(), shell::word(dir));
    if dir.join("state").exists() || dir.join("state.prev").exists() {
        return Err(Problem::new(
            Kind::Blocked,
            format!("make a host in {shown}: there is one already"),
        )
        .state(format!("the host in {shown} is as it was"))
        .todo(format!("start it: newleaf serve --dir {typed}; or choose another folder")));
    }
    let is_fit = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == ErrorKind::NotFound => true,
        Err(error) if error.kind() == ErrorKind::NotADirectory => false,
        Err(error) => return Err(refused("look into", dir, &error)),
    };
    if !is_fit {
        return Err(Problem::new(
            Kind::Blocked,
            format!("make a host in {shown}: it is not an empty folder"),
        )
        .state(format!("{shown} is as it was"))
        .todo(if dir.join("trust/root.json").is_file() {
            format!(
                "where it is a host that lost its state: newleaf init --adopt --dir {typed}; else \
                 choose an empty folder"
            )
        } else {
            "choose an empty folder, or one that does not exist yet".to_owned()
        }));
    }
    let existing = dir.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/"));
    match crate::adapter::filesystem_of(existing) {
        Ok((kind, newleaf_update::port::Locality::Network)) => Err(Problem::new(
            Kind::Blocked,
            format!("make a host in {shown}: it lies on {kind}, a network filesystem"),
        )
        .todo(
            "choose a folder on a local disk: locks and renames cannot be relied on over a network",
        )),
        Ok((_, newleaf_update::port::Locality::Local)) => Ok(()),
        Err(error) => {
            Err(super::failed(&format!("look at the filesystem of {}", existing.display()), &error))
        }
    }
}

/// Makes the folder itself, and sees that something can be made in it.
///
/// # Errors
/// It cannot; nothing was made in it.
pub(super) fn begin(dir: &Path) -> Result<(), Problem> {
    let mut builder = DirBuilder::new();
    let made = builder.mode(0o700).recursive(true).create(dir);
    made.map_err(|error| refused("make", dir, &error))?;
    builder.create(dir.join(FOLDERS[0])).map_err(|error| refused("make a host in", dir, &error))
}

/// The folder is not this user's to make or to look into.
fn refused(doing: &str, dir: &Path, error: &std::io::Error) -> Problem {
    let (shown, us) = (dir.display(), crate::cli::owner::us());
    let problem = Problem::new(Kind::Blocked, format!("{doing} the folder {shown}: {error}"))
        .state(format!("no host was made in {shown}"));
    problem.todo(if error.kind() == ErrorKind::PermissionDenied {
        format!(
            "make it this user's own, then run the same line again: \
             sudo install -d -m 700 -o {us} {}",
            shell::word(dir)
        )
    } else if error.kind() == ErrorKind::ReadOnlyFilesystem {
        "choose a folder on a disk that is writable".to_owned()
    } else if [ErrorKind::StorageFull, ErrorKind::QuotaExceeded].contains(&error.kind()) {
        "make room on the disk, then run the same line again".to_owned()
    } else {
        "choose another folder, or mend this one".to_owned()
    })
}

/// Makes the folder and all below it.
pub(super) fn make(dir: &Path) -> Result<(), Problem> {
    let made =
        |path: &Path| {
            let mut builder = DirBuilder::new();
            builder.mode(0o700).recursive(true).create(path).map_err(|error| {
                super::failed(&format!("make the folder {}", path.display()), &error)
            })
        };
    made(dir)?;
    FOLDERS.iter().try_for_each(|folder| made(&dir.join(folder)))
}

/// Writes a new file of the owner's, durably.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|error| super::failed(&format!("write {}", path.display()), &error))
}

/// Makes the entries of every folder durable.
pub(super) fn sync_all(dir: &Path) -> Result<(), Problem> {
    let sync = |path: &Path| {
        File::open(path)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| super::failed(&format!("sync {}", path.display()), &error))
    };
    FOLDERS.iter().try_for_each(|folder| sync(&dir.join(folder)))?;
    sync(dir)?;
    dir.parent().map_or(Ok(()), sync)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_foreign_files_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("letter.txt"), "dear").unwrap();
        let problem = refuse_unfit(dir.path()).unwrap_err();
        assert!(
            problem.is(Kind::Blocked) && problem.detail.contains("not an empty folder"),
            "{problem}"
        );
    }

    #[test]
    fn a_folder_of_another_user_is_refused_with_the_line_that_makes_it_ones_own() {
        let denied = std::io::Error::from(ErrorKind::PermissionDenied);
        let problem = refused("make", Path::new("/srv/newleaf"), &denied);
        assert!(problem.is(Kind::Blocked));
        assert_eq!(problem.state, "no host was made in /srv/newleaf");
        assert_eq!(problem.done, "nothing was changed");
        assert!(problem.todo.contains("sudo install -d -m 700 -o "), "{}", problem.todo);
    }

    #[test]
    fn a_folder_below_a_file_is_refused_before_anything_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let problem = refuse_unfit(&file.join("host")).and_then(|()| begin(&file.join("host")));
        let problem = problem.unwrap_err();
        assert!(
            problem.state.ends_with("as it was") || problem.state.starts_with("no host was made")
        );
    }

    #[test]
    fn a_place_whose_sockets_nobody_could_open_is_refused_with_the_room_there_is() {
        let deep = |bytes: usize| Path::new("/srv").join("d".repeat(bytes - 5));
        refuse_too_deep(&deep(85)).unwrap();
        let problem = refuse_too_deep(&deep(86)).unwrap_err();
        assert!(
            problem.is(Kind::Blocked) && problem.detail.contains("up to 108 bytes"),
            "{problem}"
        );
        assert!(problem.todo.contains("at most 85 bytes"), "{}", problem.todo);
    }

    #[test]
    fn a_host_is_not_made_twice() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("state"), "").unwrap();
        assert!(refuse_unfit(dir.path()).unwrap_err().detail.contains("one already"));
    }

    #[test]
    fn a_missing_or_empty_folder_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        refuse_unfit(dir.path()).unwrap();
        refuse_unfit(&dir.path().join("a/b")).unwrap();
    }
}
