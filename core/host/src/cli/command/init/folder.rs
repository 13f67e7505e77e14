//! The new host's folder: refused where it does not fit, made durably where it does.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::route::{Kind, Problem};

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

/// Refuses a folder that is a host already, holds foreign files, or lies on a network filesystem.
pub(super) fn refuse_unfit(dir: &Path) -> Result<(), Problem> {
    let shown = dir.display();
    if dir.join("state").exists() || dir.join("state.prev").exists() {
        return Err(Problem::new(
            Kind::Blocked,
            format!("make a host in {shown}: there is one already"),
        )
        .state(format!("the host in {shown} is as it was"))
        .todo(format!("start it: newleaf serve --dir {shown}, or choose another folder")));
    }
    let empty = fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none());
    if !empty || (dir.exists() && !dir.is_dir()) {
        return Err(Problem::new(
            Kind::Blocked,
            format!("make a host in {shown}: it is not an empty folder"),
        )
        .state(format!("{shown} is as it was"))
        .todo("choose an empty folder, or one that does not exist yet"));
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
