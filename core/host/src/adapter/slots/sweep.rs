//! Removes what nothing names any more: slots, snapshots, downloads, leftovers of staging.

use std::path::{Path, PathBuf};

use newleaf_domain::{PackageName, Target};
use newleaf_update::port::{Keep, SlotRef, Swept};

use super::super::files::{self, FileError};
use super::{DiskSlots, partial};

/// Removes all that `keep` does not name; goes on where one thing cannot be removed, and tells the
/// first such failure.
pub(super) fn sweep(slots: &DiskSlots, keep: &Keep) -> Result<Swept, FileError> {
    let mut unused = below(&slots.staging())?;
    unused.extend(
        slot_folders(slots)?
            .into_iter()
            .filter(|(slot, _)| !keep.slots.contains(slot))
            .map(|(_, path)| path),
    );
    unused.extend(
        below(&slots.snapshots())?.into_iter().filter(|path| !names(path, &keep.snapshots)),
    );
    let downloads = keep.downloads.iter().map(|digest| format!("{digest}.zip")).collect::<Vec<_>>();
    let stays = |path: &PathBuf| names(path, &downloads) || partial::is_worth_keeping(path);
    unused.extend(below(&slots.downloads())?.into_iter().filter(|path| !stays(path)));
    let mut failed = None;
    let mut removed = 0;
    for path in unused {
        match files::remove(&path) {
            Ok(()) => removed += 1,
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(Swept { removed }), Err)
}

fn below(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    Ok(files::names(folder)?.into_iter().map(|name| folder.join(name)).collect())
}

fn names(path: &Path, kept: &[String]) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| kept.iter().any(|kept| kept == name))
}

/// Every slot on disk with its path. Folders of other names are nobody's to remove.
fn slot_folders(slots: &DiskSlots) -> Result<Vec<(SlotRef, PathBuf)>, FileError> {
    let mut found = Vec::new();
    let core = slots.layout.core_slots();
    for folder in files::names(&core)? {
        let path = core.join(&folder);
        found.push((SlotRef { target: Target::Core, folder }, path));
    }
    let apps = slots.layout.dir().join("slots/apps");
    for namespace in files::names(&apps)? {
        for app in files::names(&apps.join(&namespace))? {
            let Ok(name) = PackageName::parse(&format!("{namespace}/{app}")) else { continue };
            let parent = slots.layout.app_slots(&name);
            for folder in files::names(&parent)? {
                let path = parent.join(&folder);
                found.push((SlotRef { target: Target::App(name.clone()), folder }, path));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use newleaf_launcher::Layout;

    use super::*;

    #[test]
    fn only_what_is_named_stays() {
        let dir = tempfile::tempdir().unwrap();
        for folder in [
            "slots/core/a-1.0.0",
            "slots/core/b-1.1.0",
            "slots/apps/acme/notes/c-1.0.0",
            "snapshots/s1",
            "snapshots/s2",
            "staging/x",
            "downloads",
        ] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        for download in ["done.zip", "begun.zip.partial", "begun.zip.etag", "x.zip.making"] {
            std::fs::write(dir.path().join("downloads").join(download), "x").unwrap();
        }
        let slots = DiskSlots::new(Layout::new(dir.path()));
        let kept = SlotRef { target: Target::Core, folder: "b-1.1.0".to_owned() };
        let keep = Keep {
            slots: vec![kept.clone()],
            snapshots: vec!["s2".to_owned()],
            downloads: Vec::new(),
        };
        assert_eq!(sweep(&slots, &keep).unwrap().removed, 6);
        let left = files::names(&dir.path().join("downloads")).unwrap();
        assert_eq!(left, ["begun.zip.etag", "begun.zip.partial"]);
        assert_eq!(
            slot_folders(&slots).unwrap().into_iter().map(|(slot, _)| slot).collect::<Vec<_>>(),
            [kept]
        );
        assert!(dir.path().join("snapshots/s2").is_dir());
    }
}
