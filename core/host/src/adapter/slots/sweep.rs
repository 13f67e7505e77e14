//! Removes what nothing names any more: slots, snapshots, downloads, leftovers of staging.

use std::path::{Path, PathBuf};

use newleaf_domain::{PackageName, Target};
use newleaf_update::port::{Keep, SlotRef, Swept};

use super::super::files::{self, FileError};
use super::{DiskSlots, partial};
use crate::db::snapshot;

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
    let snapshots = [cores_snapshots(slots)?, keep.snapshots.clone()].concat();
    unused.extend(below(&slots.snapshots())?.into_iter().filter(|path| !names(path, &snapshots)));
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

/// The newest snapshots of core, which nothing names: they are for disasters.
fn cores_snapshots(slots: &DiskSlots) -> Result<Vec<String>, FileError> {
    let mut names = files::names(&slots.snapshots())?;
    names.retain(|name| snapshot::is_cores(name));
    // They begin with their time.
    names.sort_by(|one, two| two.cmp(one));
    names.truncate(snapshot::KEPT);
    Ok(names)
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
            "snapshots/core-20261121T023000Z-1.0.0",
            "snapshots/core-20261122T023000Z-1.1.0",
            "snapshots/core-20261123T023000Z-1.0.0",
            "snapshots/core-20261124T023000Z-1.2.0",
            "snapshots/unfinished-core",
            "staging/x",
            "downloads",
        ] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        for download in ["done.zip", "begun.zip.partial", "begun.zip.etag", "x.zip.making"] {
            std::fs::write(dir.path().join("downloads").join(download), "x").unwrap();
        }
        std::fs::write(dir.path().join("downloads/empty.zip.partial"), "").unwrap();
        let slots = DiskSlots::new(Layout::new(dir.path()));
        let kept = SlotRef { target: Target::Core, folder: "b-1.1.0".to_owned() };
        let keep = Keep {
            slots: vec![kept.clone()],
            snapshots: vec!["s2".to_owned()],
            downloads: Vec::new(),
        };
        assert_eq!(sweep(&slots, &keep).unwrap().removed, 9);
        let left = files::names(&dir.path().join("downloads")).unwrap();
        assert_eq!(left, ["begun.zip.etag", "begun.zip.partial"]);
        assert_eq!(
            slot_folders(&slots).unwrap().into_iter().map(|(slot, _)| slot).collect::<Vec<_>>(),
            [kept]
        );
        let mut snapshots = files::names(&dir.path().join("snapshots")).unwrap();
        snapshots.sort();
        assert_eq!(
            snapshots,
            [
                "core-20261122T023000Z-1.1.0",
                "core-20261123T023000Z-1.0.0",
                "core-20261124T023000Z-1.2.0",
                "s2"
            ]
        );
    }
}
