//! Removes what nothing names any more: slots, snapshots, downloads, leftovers of staging.

use std::collections::BTreeMap;
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
    unused.extend(unused_slots(slots, keep)?.into_iter().map(|(_, path)| path));
    let snapshots = [cores_snapshots(slots, keep)?, keep.snapshots.clone()].concat();
    let stays = |path: &PathBuf| names(path, &snapshots) || is_aside(path);
    unused.extend(below(&slots.snapshots())?.into_iter().filter(|path| !stays(path)));
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

/// Whether it is a database that a crash left beside its place: whoever opens it next looks after it.
fn is_aside(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(snapshot::is_aside)
}

/// Slots that go: neither named, nor among the newest that fill up to the number of versions that
/// stay of a target that has any.
pub(super) fn unused_slots(
    slots: &DiskSlots,
    keep: &Keep,
) -> Result<Vec<(SlotRef, PathBuf)>, FileError> {
    let mut others = slot_folders(slots)?;
    others.retain(|(slot, _)| !keep.slots.contains(slot));
    let unpacked = |path: &Path| std::fs::metadata(path).and_then(|found| found.modified()).ok();
    others.sort_by_key(|(_, path)| std::cmp::Reverse(unpacked(path)));
    let mut room = BTreeMap::<&Target, usize>::new();
    for slot in &keep.slots {
        let left = room.entry(&slot.target).or_insert(keep.versions);
        *left = left.saturating_sub(1);
    }
    let failed = |slot: &SlotRef| {
        keep.bad.iter().any(|bad| slot.folder.starts_with(&format!("{}-", bad.short())))
    };
    others.retain(|(slot, _)| match room.get_mut(&slot.target) {
        Some(left) if *left > 0 && !failed(slot) => {
            *left -= 1;
            false
        }
        Some(_) | None => true,
    });
    Ok(others)
}

/// The newest snapshots of core, which nothing names: they are for disasters. The last one stays
/// however old it is.
fn cores_snapshots(slots: &DiskSlots, keep: &Keep) -> Result<Vec<String>, FileError> {
    let mut names = files::names(&slots.snapshots())?;
    names.retain(|name| snapshot::is_cores(name));
    // They begin with their time.
    names.sort_by(|one, two| two.cmp(one));
    names.truncate(keep.core_snapshots.max(1));
    let since = keep.core_snapshots_since;
    let mut place = 0;
    names.retain(|name| {
        place += 1;
        place == 1 || snapshot::taken_at(name).is_none_or(|at| since.is_none_or(|it| at >= it))
    });
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
    // Beside namespaces may lie what a killed preflight left of its probe.
    for namespace in files::names(&apps)?.into_iter().filter(|name| apps.join(name).is_dir()) {
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
            "snapshots/aside-core-20261124T023000Z-1.2.0",
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
        std::fs::write(dir.path().join("slots/apps/.newleaf-probe-1"), "").unwrap();
        let slots = DiskSlots::new(Layout::new(dir.path()));
        let kept = SlotRef { target: Target::Core, folder: "b-1.1.0".to_owned() };
        let keep = Keep {
            slots: vec![kept.clone()],
            snapshots: vec!["s2".to_owned()],
            core_snapshots: 3,
            ..Keep::default()
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
                "aside-core-20261124T023000Z-1.2.0",
                "core-20261122T023000Z-1.1.0",
                "core-20261123T023000Z-1.0.0",
                "core-20261124T023000Z-1.2.0",
                "s2"
            ]
        );
    }

    /// A host with core's slots a, b, c, d, unpacked in this order.
    fn with_four_cores() -> (tempfile::TempDir, DiskSlots) {
        let dir = tempfile::tempdir().unwrap();
        for (age, name) in ["a-1.0.0", "b-1.1.0", "c-1.2.0", "d-1.3.0"].into_iter().enumerate() {
            let path = dir.path().join("slots/core").join(name);
            std::fs::create_dir_all(&path).unwrap();
            let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(age as u64 + 1);
            std::fs::File::open(&path).unwrap().set_modified(at).unwrap();
        }
        let slots = DiskSlots::new(Layout::new(dir.path()));
        (dir, slots)
    }

    fn core(folder: &str) -> SlotRef {
        SlotRef { target: Target::Core, folder: folder.to_owned() }
    }

    #[test]
    fn so_many_versions_stay_and_what_is_named_always_does() {
        let (_dir, slots) = with_four_cores();
        let named = vec![core("a-1.0.0"), core("d-1.3.0")];
        for (versions, gone) in
            [(1, vec!["c-1.2.0", "b-1.1.0"]), (3, vec!["b-1.1.0"]), (4, Vec::new())]
        {
            let keep = Keep { slots: named.clone(), versions, ..Keep::default() };
            let unused = unused_slots(&slots, &keep).unwrap();
            let unused = unused.into_iter().map(|(slot, _)| slot.folder).collect::<Vec<_>>();
            assert_eq!(unused, gone, "{versions}");
        }
    }

    #[test]
    fn the_last_snapshot_stays_however_old_and_others_go_by_age() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["core-20261121T023000Z-1.0.0", "core-20261122T023000Z-1.1.0"] {
            std::fs::create_dir_all(dir.path().join("snapshots").join(name)).unwrap();
        }
        let slots = DiskSlots::new(Layout::new(dir.path()));
        let since = newleaf_domain::Timestamp::parse("2026-12-24T00:00:00Z").unwrap();
        let keep = Keep { core_snapshots: 0, core_snapshots_since: Some(since), ..Keep::default() };
        assert_eq!(cores_snapshots(&slots, &keep).unwrap(), ["core-20261122T023000Z-1.1.0"]);
        let keep = Keep { core_snapshots: 3, ..keep };
        assert_eq!(cores_snapshots(&slots, &keep).unwrap(), ["core-20261122T023000Z-1.1.0"]);
    }
}
